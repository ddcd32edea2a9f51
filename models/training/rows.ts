/**
 * tsx models/training/rows.ts OUT.csv RECORDING…: the training rows (and OUT.csv.schema.json), computed by kpfd itself through a real Prometheus
 * over each recording, so that a model is trained on what it will be served.
 *
 * A row is a pod at an instant (each 30 s). Its label is the worst status that the pod shows within the horizon after
 * it; a restart between two scrapes counts as Error. A row is left out
 * - while the pod is finished or terminating: kpfd does not evaluate it then,
 * - when the recording ends, or scraping pauses, within the horizon: the future is not known,
 * - when the pod is deleted within the horizon without a failure first: it has neither failed nor stayed healthy.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { FEATURES } from '../../src/core/features/catalogue.ts';
import { FEATURE_NAMES, LOOKBACK_SECONDS, schemaHash } from '../../src/core/features/schema.ts';
import type { PodSnapshot } from '../../src/core/pods/snapshot.ts';
import { STATUSES } from '../../src/core/pods/status.ts';
import { SIGNALS, type Signal } from '../../src/core/signals/catalogue.ts';
import { podRows } from '../../src/pipeline/pod-rows.ts';
import { clientOf, startPrometheus, type RunningPrometheus } from '../../test/support/prometheus.ts';

const HORIZON_SECONDS = 600;
const STEP_SECONDS = 30;
const [out, ...recordings] = process.argv.slice(2);
if (out === undefined || recordings.length === 0) {
  console.error('usage: rows.ts OUT.csv RECORDING…');
  process.exit(2);
}
const lines = [
  ['run', 't', 'namespace', 'pod', 'uid', 'application', 'now', 'status', 'label', ...FEATURE_NAMES].join(','),
];
for (const recording of recordings) {
  const prometheus = await startPrometheus({ archive: resolve(recording, 'tsdb.tar.gz') });
  try {
    lines.push(...(await rowsOf(basename(resolve(recording)), prometheus)));
  } finally {
    await prometheus.stop();
  }
}
writeFileSync(out, `${lines.join('\n')}\n`);
// What train.py must know to stamp a model with the schema that its rows have.
const schema = {
  hash: schemaHash(FEATURES.map((_, i) => i)),
  features: FEATURE_NAMES,
  lookbackSeconds: LOOKBACK_SECONDS,
  horizonSeconds: HORIZON_SECONDS,
  classes: STATUSES.filter((status) => status !== 'NotFound'),
  // What goes missing together: a request that fails, an exporter that is not there.
  groups: Object.fromEntries([
    // In the order of the signals, so that a new order of asking does not make another model.
    ...SIGNALS.map(({ request }) => [request, featuresOf((signal) => signal.request === request)]),
    ['cadvisor', featuresOf((signal) => signal.exporter === 'cadvisor')],
  ]),
};
writeFileSync(`${out}.schema.json`, `${JSON.stringify(schema, undefined, 2)}\n`);
console.log(`${lines.length - 1} rows of ${FEATURE_NAMES.length} features in ${out}`);

function featuresOf(isMeant: (signal: Signal) => boolean): string[] {
  const signals = new Set(SIGNALS.filter(isMeant).map(({ name }) => name));
  return FEATURES.filter(({ from }) => from.some((signal) => signals.has(signal))).map(({ name }) => name);
}

async function rowsOf(run: string, { url, folder }: RunningPrometheus): Promise<string[]> {
  const [start, end] = extent(folder);
  const rows: string[] = [];
  const request = {
    span: { start, end, step: STEP_SECONDS },
    horizonSeconds: HORIZON_SECONDS,
    scope: { namespace: undefined, pods: undefined },
    naming: { cluster: undefined, ksmSelector: '', cadvisorSelector: '' },
    kubernetesVersion: undefined,
    maxSamples: 200_000,
    withRivals: false,
  };
  for await (const batch of podRows(clientOf(url), request)) {
    for (const { unixSeconds, pod, now, status, label, features } of batch.rows) {
      const cells = [run, unixSeconds, pod.namespace, pod.name, pod.uid, applicationOf(pod), now, status, label];
      rows.push([...cells, ...[...features].map(number)].join(','));
    }
  }
  return rows;
}

/** The first and the last second of the recording's blocks, on whole steps. */
function extent(folder: string): [number, number] {
  const blocks = readdirSync(join(folder, 'tsdb'))
    .map((name) => join(folder, 'tsdb', name, 'meta.json'))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as { minTime: number; maxTime: number });
  const from = Math.min(...blocks.map(({ minTime }) => minTime)) / 1000;
  const to = Math.max(...blocks.map(({ maxTime }) => maxTime)) / 1000;
  return [Math.ceil(from / STEP_SECONDS) * STEP_SECONDS, Math.floor(to / STEP_SECONDS) * STEP_SECONDS];
}

function applicationOf(pod: PodSnapshot): string {
  return `${pod.namespace}/${(pod.rootOwner ?? pod.owner)?.name ?? pod.name}`;
}

function number(value: number): string {
  return Number.isNaN(value) ? '' : String(value);
}
