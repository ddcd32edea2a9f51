/**
 * npm run bench: how fast kpfd is, each figure against its limit or its peer in the same run. Runs are interleaved and
 * medians are taken, because machines are noisy; both sides are printed. Needs Prometheus and curl for the scan, Python
 * with xgboost for the forest; what is missing is said and left out.
 *
 * npm run bench -- forest: forest/forest-bench.ts, the forest alone and in full.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readForest } from '../../src/forest.ts';
import { startPrometheus, type PrometheusOptions } from '../support/prometheus.ts';
import { python } from '../support/python.ts';
import { median, ms, printTable, runs, timeOf, verdict } from './figures.ts';
import { forestBench } from './forest/forest-bench.ts';
import { largeCluster } from './large-cluster.ts';

const RUNS = 21;
const RECORDING = 'fixtures/recordings/run-a';
const AT = '1795413664';
const SCAN = ['scan', '-A', '--at', AT, '-q'];

interface Line {
  readonly what: string;
  readonly own: string;
  readonly against: string;
  readonly result: string;
  readonly goal: string;
}

const ASK_XGBOOST = `
import sys, time
import numpy as np, xgboost as xgb
forest = xgb.Booster(model_file='models/default/model.json', params={'nthread': 1})
rows = np.random.RandomState(1).rand(10000, forest.num_features()).astype(np.float32)
matrix = lambda: xgb.DMatrix(rows, feature_names=forest.feature_names)
times = []
for _ in range(15):
    asked = matrix()
    start = time.perf_counter()
    forest.predict(asked)
    times.append(time.perf_counter() - start)
print(sorted(times)[7] * 1000)
`;

const lines: Line[] = [];
if (process.argv[2] === 'forest') await forestBench(process.argv.slice(3));
else await productBench();

async function productBench(): Promise<void> {
  await coldStart();
  await scansAgainstCurl();
  forestAgainstXgboost();
  print();
}

/** The whole process against `node -e 0`. */
async function coldStart(): Promise<void> {
  const times = { node: [] as number[], version: [] as number[], request: [] as number[] };
  let arrived: (at: number) => void = () => undefined;
  const server = createServer((_, response) => {
    arrived(performance.now());
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (let i = 0; i < RUNS; i++) {
    times.node.push(await timeOf(['-e', '0']));
    times.version.push(await timeOf(['bin/kpfd.js', '--version']));
    const startedAt = performance.now();
    const first = new Promise<number>((resolve) => (arrived = resolve));
    const child = spawn(process.execPath, ['bin/kpfd.js', 'predict', 'x', '--prometheus-url', url], {
      stdio: 'ignore',
    });
    times.request.push((await first) - startedAt);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
  server.close();
  const node = median(times.node);
  const add = (what: string, own: number, goalMs: number): void => {
    const extra = own - node;
    lines.push({
      what,
      own: ms(own),
      against: `node -e 0: ${ms(node)}`,
      result: `+${ms(extra)}`,
      goal: verdict(extra <= goalMs, `+${goalMs} ms`),
    });
  };
  add('cold start, kpfd --version', median(times.version), 40);
  add('cold start, kpfd predict up to its first request', median(times.request), 60);
}

/** The recorded cluster, and one of sixteen times as many pods. */
async function scansAgainstCurl(): Promise<void> {
  if (!runs('prometheus', ['--version']) || !runs('promtool', ['--version']) || !runs('curl', ['--version'])) {
    lines.push(left('a scan against curl', 'Prometheus or curl'));
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'kpfd-bench-'));
  try {
    await scanAgainstCurl({ recording: RECORDING }, folder, RUNS);
    await scanAgainstCurl({ blocks: await largeCluster(RECORDING, Number(AT), 16, folder) }, folder, 9);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The same questions, asked by curl four at a time over kept connections, as kpfd asks them. Start-up is what `kpfd
 * --version` takes.
 */
async function scanAgainstCurl(data: PrometheusOptions, folder: string, times: number): Promise<void> {
  const prometheus = await startPrometheus(data);
  try {
    const recording = join(folder, 'r.json');
    const scan = ['bin/kpfd.js', ...SCAN, '--prometheus-url', prometheus.url];
    const { stdout } = spawnSync(process.execPath, [...scan, '-o', 'name', '--record', recording], {
      encoding: 'utf8',
    });
    const { exchanges } = JSON.parse(readFileSync(recording, 'utf8')) as {
      exchanges: { question: { path: string; parameters: Record<string, string> } }[];
    };
    const config = join(folder, 'curl.txt');
    writeFileSync(config, exchanges.map(({ question }) => curlOptions(prometheus.url, question)).join('next\n'));
    const taken = { own: [] as number[], curl: [] as number[], start: [] as number[] };
    for (let i = 0; i < times; i++) {
      taken.own.push(await timeOf(scan));
      taken.curl.push(await timeOfCurl(config));
      taken.start.push(await timeOf(['bin/kpfd.js', '--version']));
    }
    const [own, curl, start] = [median(taken.own), median(taken.curl), median(taken.start)];
    const ratio = (own - start) / curl;
    lines.push({
      what: `scan of ${stdout.trim().split('\n').length} pods, ${exchanges.length} questions, less start-up`,
      own: `${ms(own)} - ${ms(start)}`,
      against: `curl: ${ms(curl)}`,
      result: `${ratio.toFixed(2)}x`,
      goal: verdict(ratio <= 1.2, '1.2x'),
    });
  } finally {
    await prometheus.stop();
  }
}

function curlOptions(url: string, { path, parameters }: { path: string; parameters: Record<string, string> }): string {
  const form = new URLSearchParams(parameters).toString();
  return `url = "${url}${path}"\noutput = "/dev/null"\nsilent\ncompressed\n${form === '' ? '' : `data = "${form}"\n`}`;
}

async function timeOfCurl(config: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn('curl', ['--parallel', '--parallel-max', '4', '--config', config], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return performance.now() - startedAt;
}

/** For information: the plain walk, one thread on both sides, 10,000 rows of the model that ships. */
function forestAgainstXgboost(): void {
  const python3 = python();
  if (!runs(python3, ['-c', 'import xgboost'])) {
    lines.push(left('the forest against XGBoost', 'Python with xgboost'));
    return;
  }
  const forest = readForest(readFileSync('models/default/model.json'));
  const count = 10_000;
  const rows = Float32Array.from({ length: count * forest.featureCount }, (_, i) => Math.abs(Math.sin(i)));
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    const startedAt = performance.now();
    forest.predict(rows, count);
    times.push(performance.now() - startedAt);
  }
  const own = median(times);
  const native = Number(spawnSync(python3, ['-c', ASK_XGBOOST], { encoding: 'utf8' }).stdout);
  const perSecond = (total: number): string => `${Math.round(count / total)}k rows/s`;
  lines.push({
    what: 'forest, 10,000 rows, one thread',
    own: perSecond(own),
    against: `XGBoost: ${perSecond(native)}`,
    result: `${(native / own).toFixed(2)}x`,
    goal: 'for information',
  });
}

function left(what: string, missing: string): Line {
  return { what, own: '-', against: '-', result: '-', goal: `left out: this machine has no ${missing}` };
}

function print(): void {
  printTable([
    ['WHAT', 'KPFD', 'AGAINST', 'RESULT', 'GOAL'],
    ...lines.map(({ what, own, against, result, goal }) => [what, own, against, result, goal]),
  ]);
}
