/**
 * npm run bench -- forest [--peers]: the forest against libxgboost on one thread, and against what else a Node user could
 * pick. First the outputs have to be equal, bit for bit: if they are not, the exit code is 1. Then all take turns, and
 * medians are printed with their ratios; a missed goal is named. The last line is JSON.
 *
 * KPFD_PYTHON_174 and KPFD_PYTHON_341 are the Pythons with XGBoost 1.7.4 and 3.4.1. Models are trained once and kept in
 * the system's folder for temporary files; --peers installs the peers there, and once they are there they take part.
 */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { median, printTable } from '../figures.ts';
import { coldStarts } from './cold-start.ts';
import { CONTESTS, hold, kpfdEntrant, peerEntrant, PEERS, THREADS, type Contest, type Result } from './contests.ts';
import { build, HERE, models, peers, PYTHONS, type Models, type Peers } from './models.ts';
import { check, checkPeer, writeWholeRows } from './outputs.ts';

/** What users get, and what they get where there is no WebAssembly. */
const OWN = ['default', 'typescript'];
const OWN_NAMES: Readonly<Record<string, string>> = {
  default: 'kpfd',
  typescript: 'kpfd, pure TypeScript',
  [THREADS]: 'kpfd, worker threads',
};
const MEMORY_GOAL = 3;
/** A number that the engine needed to box, or a view of the answer, is within that; another array is not. */
const GARBAGE_GOAL_BYTES = 16;

interface Line {
  readonly what: string;
  readonly own: string;
  readonly against: string;
  readonly ratio: string;
  readonly newer: string;
  readonly newerRatio: string;
  readonly goal: string;
  readonly met: boolean | undefined;
}

/** Everything that is printed at the end. */
class Report {
  readonly lines: Line[] = [];
  readonly differences: string[] = [];
  readonly notes: string[] = [];
  readonly figures: Record<string, unknown> = {};
  compared = 0;
  /** Of all turns: how much longer they took than the processor worked. */
  readonly delays: number[] = [];
  /** Nanoseconds of calls from Python that do nothing. */
  readonly overheads: number[] = [];

  add(line: Partial<Line> & Pick<Line, 'what' | 'own'>): void {
    const none = { against: '-', ratio: '-', newer: '-', newerRatio: '-', goal: '-', met: undefined };
    this.lines.push({ ...none, ...line });
  }
}

export async function forestBench(argv: readonly string[]): Promise<void> {
  const report = new Report();
  describeMachine(report);
  const built = build();
  const trained = models();
  if (!trained.has('reference.json')) {
    console.log('nothing is measured: the reference model is trained by XGBoost 1.7.4');
    return;
  }
  const others = peers(trained.folder, argv.includes('--peers'));
  if (others === undefined) report.notes.push('peers are left out: they are not installed, and --peers installs them');
  report.notes.push(...(others?.problems ?? []));
  await checkOutputs(report, built, trained);
  if (report.differences.length === 0) await measure(report, built, trained, others);
  print(report);
}

function describeMachine(report: Report): void {
  const processors = cpus();
  const machine = `${processors[0]?.model ?? 'unknown'}, ${processors.length} cores, Node ${process.versions.node}`;
  report.figures['machine'] = machine;
  console.log(`${machine}; load ${loadavg()[0]?.toFixed(2)} before it began`);
  for (const { wanted, command, version } of PYTHONS) {
    if (version === wanted) console.log(`XGBoost ${version} by ${command}`);
    else {
      const found = version === undefined ? 'no XGBoost' : `XGBoost ${version}`;
      report.notes.push(`XGBoost ${wanted} is missing: ${command} has ${found}; nothing is compared with ${wanted}`);
    }
  }
}

/** Of each model once, however many contests it has. */
async function checkOutputs(report: Report, built: string, trained: Models): Promise<void> {
  for (const model of new Set(CONTESTS.map((contest) => contest.model))) {
    const contests = CONTESTS.filter((contest) => contest.model === model && contest.count <= 10_000);
    const kernels = [...OWN, ...new Set(contests.flatMap((contest) => contest.kernels))];
    if (!trained.has(model)) continue;
    progress(`checking ${model}`);
    const checked = await check(contests[0] as Contest, built, kernels, trained);
    report.compared += checked.values;
    report.differences.push(...checked.differences);
    report.notes.push(...checked.notes);
  }
}

async function measure(report: Report, built: string, trained: Models, others: Peers | undefined): Promise<void> {
  const peerTimes = new Map<string, Map<string, number>>();
  for (const contest of CONTESTS) {
    if (!trained.has(contest.model)) {
      report.notes.push(`${contest.title} is left out: ${contest.model} was not trained`);
      continue;
    }
    progress(contest.title);
    if (others !== undefined && contest.peers.length > 0) writeWholeRows(trained);
    const entrants = [
      ...[...OWN, ...contest.kernels].map((kernel) => kpfdEntrant(built, kernel)),
      ...contest.natives,
      ...(others === undefined ? [] : contest.peers.map((peer) => peerEntrant(others.packages, peer))),
    ];
    const results = await hold(contest, entrants, trained);
    addContest(report, contest, results);
    for (const { player, perRow } of results) {
      if (!contest.peers.includes(player) || perRow === undefined) continue;
      peerTimes.set(player, (peerTimes.get(player) ?? new Map<string, number>()).set(contest.title, perRow));
    }
  }
  progress('cold start');
  await addColdStarts(report, built, trained);
  progress('memory');
  addMemory(report, built, trained);
  if (others !== undefined) await addPeers(report, trained, others, peerTimes);
}

function addContest(report: Report, contest: Contest, results: readonly Result[]): void {
  const timeOf = (player: string): number | undefined => results.find((result) => result.player === player)?.perRow;
  const [older, newer] = [timeOf('libxgboost 1.7.4'), timeOf('libxgboost 3.4.1')];
  report.figures[contest.title] = Object.fromEntries(results.map(({ player, perRow }) => [player, perRow]));
  for (const { player, problem, delay, overhead } of results) {
    if (overhead !== undefined && contest.count === 1) report.overheads.push(overhead);
    if (delay !== undefined && player !== THREADS) report.delays.push(delay);
    if (problem !== undefined) report.notes.push(`${contest.title}: ${player} is left out: ${problem}`);
  }
  for (const kernel of [...OWN, ...contest.kernels]) {
    const own = timeOf(kernel);
    if (own === undefined) continue;
    const goal = contest.goals[kernel];
    const hasGoal = goal !== undefined && older !== undefined;
    report.add({
      what: `${contest.title}: ${OWN_NAMES[kernel] ?? `only ${kernel}`}`,
      own: us(own),
      against: us(older),
      ratio: times(older, own),
      newer: us(newer),
      newerRatio: times(newer, own),
      goal: goal === undefined ? '-' : `>= ${goal}x`,
      met: hasGoal ? older / own >= goal : undefined,
    });
  }
}

async function addColdStarts(report: Report, built: string, trained: Models): Promise<void> {
  for (const { title, goal, node, own, least, parts } of await coldStarts(built, trained)) {
    const extra = own - node;
    report.figures[title] = { node, own, extra, least, parts };
    report.add({
      what: title,
      own: `${own.toFixed(1)} ms`,
      against: `node -e 0: ${node.toFixed(1)} ms`,
      ratio: `+${extra.toFixed(1)} ms`,
      goal: goal === undefined ? '-' : `<= +${goal} ms`,
      met: goal === undefined ? undefined : extra <= goal,
    });
    const spent = Object.entries(parts).map(([name, value]) => `${name} ${value.toFixed(1)}`);
    report.notes.push(
      `${title}, milliseconds of the processor: ${spent.join(', ')}; the quickest process +${least.toFixed(1)}`,
    );
  }
}

interface Memory {
  readonly arrays: number;
  readonly loaded: number;
  readonly afterOneRow: number;
  readonly afterAllRows: number;
  readonly garbage: number;
}

function addMemory(report: Report, built: string, { folder }: Models): void {
  const flags = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=256'];
  const script = [join(HERE, 'memory.ts'), built, join(folder, 'reference.json'), join(folder, 'rows.bin')];
  const asked = spawnSync(process.execPath, ['--import', 'tsx', ...flags, ...script], { encoding: 'utf8' });
  if (asked.status !== 0) {
    report.notes.push(`memory is left out: ${asked.stderr.trim().split('\n').at(-1)}`);
    return;
  }
  const memory = JSON.parse(asked.stdout) as Memory;
  report.figures['memory'] = memory;
  const add = (what: string, bytes: number, goal: number | undefined): void =>
    report.add({
      what: `memory ${what}`,
      own: mb(bytes),
      against: `arrays: ${mb(memory.arrays)}`,
      ratio: `${(bytes / memory.arrays).toFixed(2)}x`,
      goal: goal === undefined ? '-' : `<= ${goal}x`,
      met: goal === undefined ? undefined : bytes <= goal * memory.arrays,
    });
  add('after loading', memory.loaded, MEMORY_GOAL);
  add('after predictions of one row', memory.afterOneRow, undefined);
  add('after predictions of many rows', memory.afterAllRows, undefined);
  report.add({
    what: 'garbage of a one-row prediction, beyond its answer',
    own: `${memory.garbage.toFixed(0)} bytes`,
    goal: 'none',
    met: memory.garbage < GARBAGE_GOAL_BYTES,
  });
}

async function addPeers(
  report: Report,
  trained: Models,
  { packages }: Peers,
  peerTimes: ReadonlyMap<string, ReadonlyMap<string, number>>,
): Promise<void> {
  const contests = CONTESTS.filter((contest) => contest.peers.length > 0);
  const rows: string[][] = [['PEER', 'VALUES THAT DIFFER', ...contests.map(({ title }) => title.toUpperCase())]];
  for (const peer of PEERS) {
    progress(`checking ${peer}`);
    const difference = await checkPeer(contests[0] as Contest, peerEntrant(packages, peer), trained);
    const found =
      typeof difference === 'string'
        ? `no answer: ${difference}`
        : `${difference.differing} of ${difference.values}, by ${difference.largest.toPrecision(2)} at most`;
    report.figures[peer] = { difference, perRow: Object.fromEntries(peerTimes.get(peer) ?? []) };
    const cells = contests.map(({ title }) => {
      const own = (report.figures[title] as Record<string, number | undefined>)['default'];
      const perRow = peerTimes.get(peer)?.get(title);
      return perRow === undefined ? '-' : `${us(perRow)}, kpfd ${times(perRow, own)}`;
    });
    rows.push([peer, found, ...cells]);
  }
  report.notes.push(
    'ml-xgboost: an empty answer to a file by 1.7, so peers.py mends the file; it ends at a missing value, so it has rows ' +
      'without; it takes -1 for missing, hence the differences. xgboost-scorer knows one output: its values are no answer',
    'decision-tree and @tensorflow/tfjs-tfdf on npm read no model of XGBoost; xgboost and xgboost_node are bindings ' +
      'that compile XGBoost when they are installed: left out',
  );
  console.log('');
  printTable(rows);
}

function print(report: Report): void {
  const { lines, differences, notes, compared } = report;
  console.log('');
  printTable([
    ['CASE', 'KPFD', 'LIBXGBOOST 1.7.4', 'RATIO', '3.4.1', 'RATIO', 'GOAL', 'MET?'],
    ...lines.map(({ what, own, against, ratio, newer, newerRatio, goal, met }) => {
      const verdict = met === undefined ? '-' : met ? 'met' : 'MISSED';
      return [what, own, against, ratio, newer, newerRatio, goal, verdict];
    }),
  ]);
  const equal = differences.length === 0 ? 'all are equal bit for bit' : 'they are NOT equal, so nothing was measured';
  console.log(`\noutputs: ${compared} values compared; ${equal}`);
  for (const difference of differences) console.error(difference);
  if (report.overheads.length > 0) {
    const overhead = median(report.overheads).toFixed(0);
    console.log(`libxgboost is called from Python: an empty call takes ${overhead} ns, which are in its times`);
  }
  if (report.delays.length > 0) {
    const delay = median(report.delays).toFixed(2);
    console.log(
      `times are the processor's, except for threads and cold starts; by the clock they were ${delay} times as long`,
    );
  }
  for (const note of notes) console.log(note);
  const missed = lines.filter(({ met }) => met === false);
  for (const { what, ratio, own, goal } of missed)
    console.log(`missed: ${what}: ${ratio === '-' ? own : ratio} (goal ${goal})`);
  console.log(
    JSON.stringify({
      equal: differences.length === 0,
      compared,
      missed: missed.map(({ what }) => what),
      ...report.figures,
    }),
  );
  if (differences.length > 0) process.exitCode = 1;
}

function us(value: number | undefined): string {
  return value === undefined ? '-' : `${value.toPrecision(3)} us/row`;
}

function times(against: number | undefined, own: number | undefined): string {
  return against === undefined || own === undefined ? '-' : `${(against / own).toFixed(against / own < 10 ? 2 : 1)}x`;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
