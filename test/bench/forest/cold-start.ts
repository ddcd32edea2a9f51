/** From the start of a process to its first prediction, against a process that does nothing. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { median, timeOf } from '../figures.ts';
import { FEATURES, type Models } from './models.ts';

const RUNS = 31;
const PARTS_RUNS = 15;

interface Case {
  readonly title: string;
  readonly model: string;
  readonly options: string;
  /** Milliseconds more than `node -e 0`. */
  readonly goal: number | undefined;
}

const CASES: readonly Case[] = [
  { title: 'cold start, model.json', model: 'reference.json', options: '{}', goal: 60 },
  { title: 'cold start, model.ubj', model: 'reference.ubj', options: '{}', goal: 35 },
  {
    title: 'cold start, model.json, no statistics',
    model: 'reference.json',
    options: '{ statistics: false }',
    goal: undefined,
  },
  {
    title: 'cold start, model.ubj, no statistics',
    model: 'reference.ubj',
    options: '{ statistics: false }',
    goal: undefined,
  },
];

export interface ColdStart {
  readonly title: string;
  readonly goal: number | undefined;
  /** Medians, in milliseconds. */
  readonly node: number;
  readonly own: number;
  /** The quickest of all runs less the quickest `node -e 0`: about what a quiet machine would take. */
  readonly least: number;
  /** Where the processor's milliseconds go; helping threads of Node's are in them. */
  readonly parts: Readonly<Record<string, number>>;
}

export async function coldStarts(built: string, models: Models): Promise<ColdStart[]> {
  const cases = CASES.filter(({ model }) => models.has(model)).map((item, i) => ({
    ...item,
    script: writeScript(item, i, built, models),
    times: [] as number[],
  }));
  const node: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    node.push(await timeOf(['-e', '0']));
    for (const { script, times } of cases) times.push(await timeOf([script]));
  }
  return cases.map(({ title, goal, script, times }) => ({
    title,
    goal,
    node: median(node),
    own: median(times),
    least: Math.min(...times) - Math.min(...node),
    parts: partsOf(script),
  }));
}

/** What a user would write; asked for it, it says how long each part took. */
function writeScript({ model, options }: Case, i: number, built: string, { folder }: Models): string {
  const script = join(built, `cold-start-${i}.mjs`);
  writeFileSync(
    script,
    `const marks = [['node', process.cpuUsage()]];
const { readFileSync } = await import('node:fs');
const { readForest } = await import(${JSON.stringify(pathToFileURL(join(built, 'forest.js')).href)});
marks.push(['import', process.cpuUsage()]);
const bytes = readFileSync(${JSON.stringify(join(folder, model))});
marks.push(['file', process.cpuUsage()]);
const forest = readForest(bytes, ${options});
marks.push(['read', process.cpuUsage()]);
forest.predict(new Float32Array(${FEATURES}), 1);
marks.push(['predict', process.cpuUsage()]);
if (process.argv[2] === 'parts') {
  const used = marks.map(([name, { user, system }]) => [name, (user + system) / 1000]);
  console.log(JSON.stringify(Object.fromEntries(used.map(([name, at], i) => [name, at - (used[i - 1]?.[1] ?? 0)]))));
}
`,
  );
  return script;
}

function partsOf(script: string): Record<string, number> {
  const runs = Array.from({ length: PARTS_RUNS }, () => {
    const { stdout } = spawnSync(process.execPath, [script, 'parts'], { encoding: 'utf8' });
    return JSON.parse(stdout) as Record<string, number>;
  });
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name] as number))]));
}
