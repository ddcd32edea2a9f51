/**
 * npm run fuzz:forest -- [--seconds N] [--mutants N] [--seed S] [--first N]: damages real models, by bytes and by what
 * they say, and holds what readForest makes of each against a plain walk of the same document (campaign.ts). Ends after
 * so many seconds (60 where nothing is said) or mutants. A mutant follows from its number and the seed, so that
 * --seed S --first N --mutants 1 judges it once more.
 *
 * Prints the counts of each kind; the last line is JSON. Exit code 1 on a finding, whose bytes are kept in a file.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Campaign } from './campaign.ts';
import type { Report, Tally, Task } from './fuzz-worker.ts';

/** No mutant may take so long; beyond 2 s it is a finding that the worker itself makes. */
const HANG_MILLISECONDS = 20_000;
const WORKER_MEGABYTES = 1024;
const MOST_FILES = 25;

const started = performance.now();
const options = readOptions();
const found: { readonly number: number; readonly finding: string }[] = [];
let tallies: ReadonlyMap<string, Tally> = new Map();
let folder: string | undefined;

const current = new Int32Array(new SharedArrayBuffer(4));
current[0] = options.first;
const task: Task = { ...options, end: Math.min(options.first + options.mutants, 0x7fffffff), current };
const program = new URL('./fuzz-worker.ts', import.meta.url).href;
// A thread does not inherit what lets Node read TypeScript.
const start = `import('tsx/esm/api').then(({ register }) => { register(); return import('${program}'); })`;
const worker = new Worker(start, {
  eval: true,
  workerData: task,
  resourceLimits: { maxOldGenerationSizeMb: WORKER_MEGABYTES },
});
worker.on('message', hear);
worker.on('error', (error) => note(current[0] as number, `it stopped the fuzzer: ${error.stack ?? error.message}`));
const watch = setInterval(watchProgress, 1000);
let seen = { number: -1, at: started };
await new Promise((resolve) => worker.once('exit', resolve));
clearInterval(watch);
report();

function readOptions(): { seed: number; seconds: number; mutants: number; first: number } {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      mutants: { type: 'string' },
      seed: { type: 'string' },
      first: { type: 'string' },
    },
  });
  const numbers = {
    seed: Number(values.seed ?? Date.now() % 2 ** 31),
    seconds: Number(values.seconds ?? (values.mutants === undefined ? 60 : 1e6)),
    mutants: Number(values.mutants ?? 2 ** 31),
    first: Number(values.first ?? 0),
  };
  if (!Object.values(numbers).every((number) => Number.isInteger(number) && number >= 0)) {
    console.error('usage: npm run fuzz:forest -- [--seconds N] [--mutants N] [--seed S] [--first N]   (whole numbers)');
    process.exit(2);
  }
  return numbers;
}

function hear(message: Report): void {
  if (message.what === 'finding') return note(message.number, message.finding);
  ({ tallies } = message);
  const { mutants, loaded, findings } = total();
  const rate = Math.round(mutants / ((performance.now() - started) / 1000));
  process.stderr.write(`${mutants} mutants, ${loaded} loaded, ${findings} findings, ${rate} per second\n`);
}

/** Tells of a finding, and keeps the mutant. */
function note(number: number, finding: string): void {
  found.push({ number, finding });
  if (found.length <= MOST_FILES) console.log(`FINDING in mutant ${number}: ${finding}\n  ${kept(number)}`);
}

function kept(number: number): string {
  try {
    const { kind, origin, bytes, dump } = new Campaign(options.seed).mutant(number);
    folder ??= mkdtempSync(join(tmpdir(), 'kpfd-fuzz-'));
    const path = join(folder, `${options.seed}-${number}.bin`);
    writeFileSync(path, bytes);
    const facts = dump === undefined ? '' : `, a dump with the facts ${JSON.stringify(dump)}`;
    return `${kind}, of ${origin.name}, kept in ${path}${facts}`;
  } catch (error) {
    return `it cannot be made, which is a fault of the fuzzer: ${String(error)}`;
  }
}

function watchProgress(): void {
  const now = performance.now();
  const number = Atomics.load(current, 0);
  if (number !== seen.number) seen = { number, at: now };
  else if (now - seen.at > HANG_MILLISECONDS) {
    note(number, `it hangs: no answer after ${HANG_MILLISECONDS / 1000} s`);
    void worker.terminate();
  }
}

function total(): Tally {
  const all = { mutants: 0, loaded: 0, refused: 0, findings: 0 };
  for (const tally of tallies.values()) {
    for (const key of ['mutants', 'loaded', 'refused', 'findings'] as const) all[key] += tally[key];
  }
  return all;
}

function report(): void {
  console.log(line(['kind', 'mutants', 'loaded', 'refused', 'findings']));
  for (const [kind, { mutants, loaded, refused, findings }] of [...tallies].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(line([kind, ...[mutants, loaded, refused, findings].map(String)]));
  }
  const { mutants, loaded, refused } = total();
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  console.log(JSON.stringify({ mutants, loaded, refused, findings: found.length, seconds, seed: options.seed }));
  if (found.length > 0) process.exitCode = 1;
}

function line([kind = '', ...numbers]: readonly string[]): string {
  return kind.padEnd(40) + numbers.map((number) => number.padStart(10)).join('');
}
