/**
 * npm run conformance [-- SEED…]: real XGBoost of two ages trains models of every kind and of random parameters
 * (fixtures/forests/conformance.py --suite sweep); each is read by kpfd and held against what XGBoost says of it, margins
 * and predictions bit for bit. Prints a table; the last line is JSON. Exit code 1 on any difference.
 *
 * KPFD_PYTHON_174 and KPFD_PYTHON_341 are the Pythons with XGBoost 1.7.4 and 3.4.1; one that is missing is said so, and
 * is an error where KPFD_REQUIRE_TOOLS=1.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  aspectsOf,
  compareAspect,
  conformanceCases,
  contradictionsOf,
  type ConformanceCase,
} from '../support/conformance-cases.ts';

const SCRIPT = 'fixtures/forests/conformance.py';
const DEFAULT_SEEDS = [1, 2, 3];
/** Differences that are printed: of one model's aspect, and of all. */
const SHOWN_OF_ONE = 3;
const SHOWN = 200;
const PYTHONS = [
  { wanted: '1.7.4', command: process.env['KPFD_PYTHON_174'] ?? 'python3' },
  { wanted: '3.4.1', command: process.env['KPFD_PYTHON_341'] ?? '.venv-3.12/bin/python' },
];

interface Python {
  readonly wanted: string;
  readonly command: string;
  /** The version that answered; undefined where none did. */
  readonly version: string | undefined;
}

/** What was found over all models of a line of the table. */
interface Line {
  models: number;
  rows: number;
  values: number;
  bitsDiffering: number;
  othersDiffering: number;
  errors: number;
  largestError: number;
}

const started = performance.now();
const seeds = process.argv.length > 2 ? process.argv.slice(2).map(Number) : DEFAULT_SEEDS;
if (seeds.some((seed) => !Number.isInteger(seed) || seed < 0)) {
  console.error('usage: npm run conformance [-- SEED…]   (whole numbers)');
  process.exit(2);
}
const pythons: Python[] = PYTHONS.map((python) => ({ ...python, version: versionOf(python.command) }));
const present = pythons.filter(({ wanted, version }) => version === wanted);
const missing = pythons.filter((python) => !present.includes(python));
const lines = new Map<string, Line>();
const differences: string[] = [];
const refused = new Map<string, number>();
let contradictions = 0;

for (const python of present) console.log(`XGBoost ${python.version} by ${python.command}`);
for (const { wanted, command, version } of missing) {
  const found = version === undefined ? 'no XGBoost' : `XGBoost ${version}`;
  console.log(`MISSING: XGBoost ${wanted}. ${command} has ${found}; nothing is compared with ${wanted}.`);
}
await Promise.all(present.map(sweep));
report();

function versionOf(command: string): string | undefined {
  const asked = spawnSync(command, ['-c', 'import numpy, scipy, xgboost; print(xgboost.__version__)'], {
    encoding: 'utf8',
  });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}

async function sweep(python: Python): Promise<void> {
  for (const seed of seeds) {
    const folder = mkdtempSync(join(tmpdir(), 'kpfd-conformance-'));
    try {
      await promisify(execFile)(python.command, [SCRIPT, folder, '--suite', 'sweep', '--seed', String(seed)]);
      const cases = conformanceCases(folder);
      for (const example of cases) compare(example, python.wanted, seed);
      const sentences = JSON.parse(readFileSync(join(folder, 'refused.json'), 'utf8')) as Record<string, string>;
      refused.set(python.wanted, (refused.get(python.wanted) ?? 0) + Object.keys(sentences).length);
      progress(`XGBoost ${python.wanted}, seed ${seed}: ${cases.length} models`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function compare(example: ConformanceCase, version: string, seed: number): void {
  const line = lineOf(version, example.name.replace(/^random-\d+-/, 'random '));
  line.models++;
  line.rows += example.truth.rowCount;
  contradictions += contradictionsOf(example);
  for (const aspect of aspectsOf(example)) {
    const where = `XGBoost ${version}, seed ${seed}, ${example.name}, ${aspect}`;
    try {
      const found = compareAspect(example, aspect);
      line.values += found.values;
      line.bitsDiffering += found.bitsDiffering;
      line.othersDiffering += found.othersDiffering;
      line.largestError = Math.max(line.largestError, found.largestError);
      differences.push(...found.differences.slice(0, SHOWN_OF_ONE).map((difference) => `${where}: ${difference}`));
    } catch (error) {
      line.errors++;
      differences.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function lineOf(version: string, name: string): Line {
  const key = `${version} ${name}`;
  const line = lines.get(key) ?? empty();
  lines.set(key, line);
  return line;
}

function empty(): Line {
  return { models: 0, rows: 0, values: 0, bitsDiffering: 0, othersDiffering: 0, errors: 0, largestError: 0 };
}

function total(): Line {
  const all = empty();
  for (const line of lines.values()) {
    for (const key of ['models', 'rows', 'values', 'bitsDiffering', 'othersDiffering', 'errors'] as const) {
      all[key] += line[key];
    }
    all.largestError = Math.max(all.largestError, line.largestError);
  }
  return all;
}

function report(): void {
  console.log(`\n${row(['case', 'models', 'rows', 'values', 'bits differ', 'others differ', 'errors', 'SHAP error'])}`);
  for (const [name, line] of [...lines].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { models, rows, values, bitsDiffering, othersDiffering, errors, largestError } = line;
    const numbers = [models, rows, values, bitsDiffering, othersDiffering, errors].map(String);
    console.log(row([name, ...numbers, largestError === 0 ? '0' : largestError.toExponential(1)]));
  }
  for (const [version, count] of refused) console.log(`\nXGBoost ${version} refused to train ${count} models.`);
  console.log(`${contradictions} answers of contributions are left out: they do not add up to XGBoost's own margins.`);
  for (const difference of differences.slice(0, SHOWN)) console.error(difference);
  if (differences.length > SHOWN) console.error(`… and ${differences.length - SHOWN} more differences`);
  for (const { wanted } of missing) console.log(`MISSING: XGBoost ${wanted} did not run.`);
  const { largestError, ...counts } = total();
  console.log(
    JSON.stringify({
      xgboost: present.map(({ version }) => version),
      missing: missing.map(({ wanted }) => wanted),
      seeds,
      ...counts,
      largestContributionError: largestError,
      seconds: Math.round((performance.now() - started) / 100) / 10,
    }),
  );
  const incomplete = present.length === 0 || (missing.length > 0 && process.env['KPFD_REQUIRE_TOOLS'] === '1');
  if (incomplete || counts.bitsDiffering + counts.othersDiffering + counts.errors > 0) process.exitCode = 1;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(34) : cell.padStart(14))).join('');
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
