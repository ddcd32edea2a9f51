/** The models of train.py, and where everything that the bench makes is kept. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const FEATURES = 40;
export const CLASSES = 7;
/** Rows in rows.bin. */
export const ROWS = 10_000;

export const HERE = dirname(fileURLToPath(import.meta.url));

/** An XGBoost of one age: the Python that has it. */
export interface Python {
  readonly wanted: string;
  readonly command: string;
  /** The version that answered; undefined where none did. */
  readonly version: string | undefined;
}

export const PYTHONS: readonly Python[] = [
  { wanted: '1.7.4', command: process.env['KPFD_PYTHON_174'] ?? 'python3' },
  { wanted: '3.4.1', command: process.env['KPFD_PYTHON_341'] ?? '.venv-3.12/bin/python' },
].map((python) => ({ ...python, version: versionOf(python.command) }));

export function pythonWith(wanted: string): string | undefined {
  return PYTHONS.find((python) => python.wanted === wanted && python.version === wanted)?.command;
}

function versionOf(command: string): string | undefined {
  const asked = spawnSync(command, ['-c', 'import numpy, xgboost; print(xgboost.__version__)'], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : undefined;
}

/** Outside of the repository, and kept: training takes minutes. */
const SCRATCH = join(tmpdir(), 'kpfd-bench-forest');

export interface Models {
  readonly folder: string;
  /** What each of the XGBoosts trained; what is missing was not trained because that XGBoost is missing. */
  readonly has: (file: string) => boolean;
}

/** Trains what is not there yet; each change of the script makes new models. */
export function models(): Models {
  const script = join(HERE, 'train.py');
  const digest = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 12);
  const folder = join(SCRATCH, `models-${digest}`);
  mkdirSync(folder, { recursive: true });
  for (const { wanted, command, version } of PYTHONS) {
    const done = join(folder, `${wanted}.trained`);
    if (version !== wanted || existsSync(done)) continue;
    console.log(`training the models of XGBoost ${wanted} …`);
    const trained = spawnSync(command, [script, folder], { encoding: 'utf8' });
    if (trained.status !== 0) throw new Error(`train.py of ${wanted} failed: ${trained.stderr}`);
    writeFileSync(done, '');
  }
  return { folder, has: (file) => existsSync(join(folder, file)) };
}

/** The program as it is published, compiled apart from dist, which others may be building. */
export function build(): string {
  const folder = join(SCRATCH, `built-${process.pid}`);
  const typescript = join('node_modules', '.bin', 'tsc');
  const options = ['-p', 'tsconfig.build.json', '--outDir', folder, '--declaration', 'false'];
  const built = spawnSync(typescript, options, { encoding: 'utf8' });
  if (!existsSync(join(folder, 'forest.js'))) throw new Error(`it cannot be built: ${built.stdout}${built.stderr}`);
  if (built.status !== 0) console.log(`built in spite of errors:\n${built.stdout}`);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n');
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** npm packages and Python packages that peers need, each pinned. None is a dependency of the project. */
const NPM = ['onnxruntime-node@1.30.0', 'ml-xgboost@1.1.2', 'xgboost-scorer@0.0.4'];
const PIP = [
  'onnxmltools==1.16.0',
  'onnx==1.19.1',
  'skl2onnx==1.20.0',
  'packaging==25.0',
  'm2cgen==0.10.0',
  'xgboost==1.7.6',
  'numpy==1.26.4',
  'scikit-learn==1.5.2',
];

export interface Peers {
  /** Where npm put them. */
  readonly packages: string;
  /** What could not be had, and why. */
  readonly problems: readonly string[];
}

/** Undefined where they are not there and are not to be installed. */
export function peers(folder: string, install: boolean): Peers | undefined {
  const packages = join(SCRATCH, 'peers');
  const done = join(packages, 'installed.json');
  if (!install && !existsSync(done)) return undefined;
  if (!existsSync(done)) {
    const problems = [...installNpm(packages), ...installPip(packages)];
    writeFileSync(done, JSON.stringify(problems));
  }
  const problems = JSON.parse(readFileSync(done, 'utf8')) as string[];
  return { packages, problems: [...problems, ...convert(packages, folder)] };
}

function installNpm(packages: string): string[] {
  mkdirSync(packages, { recursive: true });
  writeFileSync(join(packages, 'package.json'), '{"private":true}\n');
  // One by one: what one lacks is not the others' fault. Their scripts would fetch from elsewhere.
  return NPM.flatMap((name) => {
    const options = ['install', '--ignore-scripts', '--no-audit', '--no-fund', name];
    return problemOf(name, spawnSync('npm', options, { cwd: packages, encoding: 'utf8' }));
  });
}

function installPip(packages: string): string[] {
  const python = pythonWith('3.4.1') ?? 'python3';
  const venv = join(packages, 'venv');
  const made = problemOf('a venv for the converters', spawnSync(python, ['-m', 'venv', venv], { encoding: 'utf8' }));
  if (made.length > 0) return made;
  const pip = spawnSync(join(venv, 'bin', 'pip'), ['install', '-q', ...PIP], { encoding: 'utf8' });
  return problemOf(PIP.join(' '), pip);
}

/** The reference model in the peers' formats, once. */
function convert(packages: string, folder: string): string[] {
  const digest = createHash('sha256')
    .update(readFileSync(join(HERE, 'peers.py')))
    .digest('hex')
    .slice(0, 12);
  const done = join(folder, `peers-${digest}.converted`);
  if (!existsSync(done)) {
    console.log('converting the reference model for the peers …');
    const python = join(packages, 'venv', 'bin', 'python');
    const converted = spawnSync(python, ['-W', 'ignore', join(HERE, 'peers.py'), folder], { encoding: 'utf8' });
    writeFileSync(done, converted.stderr ?? String(converted.error));
  }
  return readFileSync(done, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

function problemOf(what: string, { status, stderr, error }: ReturnType<typeof spawnSync>): string[] {
  if (status === 0) return [];
  const why = error?.message ?? String(stderr).trim().split('\n').slice(-2).join(' / ');
  return [`${what} could not be installed: ${why}`];
}
