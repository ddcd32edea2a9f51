/** Who predicts what, how many rows at once, and how fast that has to be. */
import { join } from 'node:path';
import { median } from '../figures.ts';
import { FEATURES, HERE, pythonWith, ROWS, type Models } from './models.ts';
import { Player, type Opening, type Time } from './player.ts';

const ROUNDS = 11;
/** A turn takes about so long, or one call where that is longer. */
const TURN_NS = 6e7;
/** Compiled code settles within that. */
const WARM_UP_NS = 6e8;
const REFERENCE = 'reference.json';

export interface Entrant {
  readonly name: string;
  readonly start: () => Player;
  /** A file of rows in place of the contest's, for who cannot have those. */
  readonly rows?: string;
}

const NATIVES: readonly Entrant[] = ['1.7.4', '3.4.1'].flatMap((version) => {
  const python = pythonWith(version);
  const name = `libxgboost ${version}`;
  return python === undefined ? [] : [{ name, start: () => new Player(name, python, [join(HERE, 'native.py')]) }];
});

export interface Contest {
  readonly title: string;
  readonly model: string;
  readonly rows: string;
  /** Rows of a call. */
  readonly count: number;
  readonly rounds: number;
  readonly kernels: readonly string[];
  /** For whom of kpfd there is a goal, as a ratio to libxgboost 1.7.4. */
  readonly goals: Readonly<Record<string, number>>;
  /** The XGBoosts that can have the model. */
  readonly natives: readonly Entrant[];
  /** Who takes part beside kpfd and libxgboost. */
  readonly peers: readonly string[];
}

export const PEERS = ['onnxruntime-node', 'ml-xgboost', 'm2cgen', 'xgboost-scorer'];
/** Rows without a missing value. */
export const WHOLE_ROWS = 'whole-rows.bin';

export const THREADS = 'threads';

const FEW = ['plain', 'predicates', 'predicates, WebAssembly', 'deep'];
const MANY = ['plain', 'predicates', 'bit slices', 'bit slices, WebAssembly', 'deep', 'deep, WebAssembly'];

function contest(title: string, model: string, count: number, more: Partial<Contest>): Contest {
  const none = { rows: 'rows.bin', rounds: ROUNDS, kernels: [], goals: {}, peers: [], natives: NATIVES };
  return { title, model, count, ...none, ...more };
}

/** "typescript" is what kpfd does where there is no WebAssembly. */
export const CONTESTS: readonly Contest[] = [
  contest('reference, 1 row', REFERENCE, 1, { kernels: FEW, goals: { typescript: 12 }, peers: PEERS }),
  contest('reference, 100 rows', REFERENCE, 100, {
    kernels: MANY,
    goals: { typescript: 3, default: 10 },
    peers: PEERS,
  }),
  contest('reference, 10,000 rows', REFERENCE, 10_000, {
    kernels: MANY,
    goals: { typescript: 4, default: 10 },
    // The others take a row after the other, and seconds for so many.
    peers: PEERS.slice(0, 2),
  }),
  contest('reference, 50,000 rows', REFERENCE, 50_000, { rounds: 5, kernels: [THREADS] }),
  ...['deep', 'lossguide', 'one-hot', 'partition'].flatMap((name) => {
    const rows = name === 'one-hot' || name === 'partition' ? 'categorical-rows.bin' : 'rows.bin';
    const model = `${name}.json`;
    return [
      contest(`${name}, 1 row`, model, 1, { rows }),
      contest(`${name}, 10,000 rows`, model, 10_000, { rows, kernels: ['plain'], goals: { typescript: 2.5 } }),
    ];
  }),
  ...[1, 10_000].map((count) => {
    // XGBoost 1.7 has no vector leaves.
    const natives = NATIVES.filter(({ name }) => name !== 'libxgboost 1.7.4');
    return contest(`vector-leaf, ${count === 1 ? '1 row' : '10,000 rows'}`, 'vector-leaf.json', count, { natives });
  }),
];

/** What became of one player in one contest. */
export interface Result {
  readonly player: string;
  /** Microseconds a row; undefined where it did not take part. */
  readonly perRow: number | undefined;
  /** By how much the clock was faster: 1 where nobody else wanted the processor. */
  readonly delay?: number;
  /** Nanoseconds of a call that does nothing, where calls go from Python to C. */
  readonly overhead?: number;
  /** Why not. */
  readonly problem?: string;
}

export function kpfdEntrant(built: string, kernel: string): Entrant {
  const script = join(HERE, 'kpfd-player.ts');
  return {
    name: kernel,
    start: () => new Player(kernel, process.execPath, ['--import', 'tsx', script, built, kernel]),
  };
}

export function peerEntrant(packages: string, peer: string): Entrant {
  const argv = ['--import', 'tsx', join(HERE, 'peer-player.ts'), packages, peer];
  const start = (): Player => new Player(peer, process.execPath, argv);
  // A missing value ends the whole module.
  return peer === 'ml-xgboost' ? { name: peer, start, rows: WHOLE_ROWS } : { name: peer, start };
}

/**
 * All of them take turns; the result of each is the median of its turns. On a quiet machine the time of the processor is
 * that of the clock; on a busy one only it means anything. Threads are the exception: their point is the clock.
 */
export async function hold(contested: Contest, entrants: readonly Entrant[], models: Models): Promise<Result[]> {
  const { count } = contested;
  const problems: Result[] = [];
  const playing: { player: Player; calls: number; turns: Time[]; overhead: number | undefined }[] = [];
  for (const entrant of entrants) {
    const player = entrant.start();
    try {
      const { overhead } = await player.open(openingOf(contested, models, entrant.rows));
      const calls = await warmUp(player, count);
      playing.push({ player, calls, turns: [], overhead: typeof overhead === 'number' ? overhead : undefined });
    } catch (error) {
      await player.close();
      problems.push({ player: entrant.name, perRow: undefined, problem: (error as Error).message });
    }
  }
  for (let round = 0; round < contested.rounds; round++) {
    for (const { player, calls, turns } of playing) turns.push(await player.time(count, calls));
  }
  await Promise.all(playing.map(async ({ player }) => player.close()));
  const results = playing.map(({ player, turns, overhead }) => {
    const cpu = median(turns.map((turn) => turn.cpu));
    const wall = median(turns.map((turn) => turn.wall));
    const usesThreads = player.name === THREADS;
    const perRow = (usesThreads ? wall : cpu) / count / 1000;
    const result = { player: player.name, perRow, delay: wall / cpu };
    return overhead === undefined ? result : { ...result, overhead };
  });
  return [...results, ...problems];
}

export function openingOf({ model, rows, count }: Contest, { folder }: Models, ownRows = rows): Opening {
  return {
    model: join(folder, model),
    rows: join(folder, ownRows),
    featureCount: FEATURES,
    rowCount: Math.max(count, ROWS),
  };
}

/** How many calls make a turn. */
async function warmUp(player: Player, count: number): Promise<number> {
  let calls = 1;
  let taken = 0;
  let last = (await player.time(count, 1)).wall;
  while (taken < WARM_UP_NS) {
    last = (await player.time(count, calls)).wall;
    taken += last * calls;
    calls = Math.max(1, Math.round(TURN_NS / last));
  }
  return calls;
}
