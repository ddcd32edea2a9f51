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
import { FEATURE_NAMES, LOOKBACK_SECONDS, SCHEMA_HASH } from '../../src/core/features/schema.ts';
import { featureMatrix } from '../../src/core/features/matrix.ts';
import type { PodSnapshot } from '../../src/core/pods/snapshot.ts';
import { podStatus, STATUSES, type Status } from '../../src/core/pods/status.ts';
import { FailureError } from '../../src/core/failure.ts';
import { REQUESTS, SIGNALS, type Signal } from '../../src/core/signals/catalogue.ts';
import type { MetricSource } from '../../src/core/signals/metric-source.ts';
import { podsAt } from '../../src/pipeline/pods-at.ts';
import { clientOf, startPrometheus, type RunningPrometheus } from '../../test/support/prometheus.ts';

const HORIZON_SECONDS = 600;
const STEP_SECONDS = 15;
/** Every second step becomes a row; all of them are looked at for labels. */
const ROW_STEPS = 2;
/** A gap in the samples longer than this hides what happened in it. */
const LONGEST_GAP_SECONDS = 60;

/** One pod at one step. */
interface Moment {
  readonly t: number;
  readonly now: string;
  readonly status: Status | undefined;
  readonly restarts: number | undefined;
  readonly application: string;
  readonly features: Float32Array;
}

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
  hash: SCHEMA_HASH,
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
  const source = clientOf(url);
  const [from, to] = extent(folder);
  const pods = new Map<string, Moment[]>();
  for (let t = from; t <= to; t += STEP_SECONDS) {
    for (const { key, moment } of await momentsAt(source, t)) {
      const moments = pods.get(key) ?? [];
      moments.push(moment);
      pods.set(key, moments);
    }
  }
  const rows: string[] = [];
  for (const [key, moments] of [...pods].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const moment of moments) {
      if ((moment.t - from) % (STEP_SECONDS * ROW_STEPS) !== 0 || moment.status === undefined) continue;
      if (moment.t + HORIZON_SECONDS > to) continue;
      const label = labelOf(moment, moments);
      if (label === undefined) continue;
      const [namespace = '', pod = '', uid = ''] = key.split('/');
      const cells = [run, moment.t, namespace, pod, uid, moment.application, moment.now, moment.status, label];
      rows.push([...cells, ...[...moment.features].map(number)].join(','));
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

async function momentsAt(source: MetricSource, t: number): Promise<{ key: string; moment: Moment }[]> {
  const { pods, rules } = await podsAt(source, t, REQUESTS).catch((error: unknown) => {
    // Before the first pod there is nothing to look at.
    if (error instanceof FailureError && error.failure.kind === 'pods-silent')
      return { pods: [], rules: { kubernetesMinor: 0 } };
    throw error;
  });
  const present = pods.filter((pod) => pod.presence === 'present');
  const matrix = featureMatrix(present);
  return present.map((pod, i) => {
    const { now, status, restarts } = podStatus(pod, rules);
    const features = matrix.values.subarray(i * matrix.columnCount, (i + 1) * matrix.columnCount);
    const key = `${pod.namespace}/${pod.name}/${pod.uid ?? ''}`;
    return { key, moment: { t, now, status, restarts, application: applicationOf(pod), features } };
  });
}

function applicationOf(pod: PodSnapshot): string {
  return `${pod.namespace}/${(pod.rootOwner ?? pod.owner)?.name ?? pod.name}`;
}

/** The worst status within the horizon; undefined where the future is not known. */
function labelOf(moment: Moment, moments: readonly Moment[]): Status | undefined {
  let worst: Status | undefined;
  let last = moment;
  for (const next of moments) {
    if (next.t <= moment.t || next.t > moment.t + HORIZON_SECONDS) continue;
    if (next.t - last.t > LONGEST_GAP_SECONDS) return failedOrUnknown(worst);
    const restarted = (next.restarts ?? 0) > (last.restarts ?? 0);
    if (restarted) worst = worse(worst, 'Error');
    if (next.status !== undefined) worst = worse(worst, next.status);
    // Deleted: whether it would have failed is not known. Finished: it has not.
    if (next.now === 'Terminating') return failedOrUnknown(worst);
    last = next;
  }
  const seenToTheEnd = moment.t + HORIZON_SECONDS - last.t <= LONGEST_GAP_SECONDS;
  return seenToTheEnd ? worst : failedOrUnknown(worst);
}

function failedOrUnknown(worst: Status | undefined): Status | undefined {
  return worst === 'CrashLoopBackOff' || worst === 'Error' || worst === 'Unknown' ? worst : undefined;
}

function worse(a: Status | undefined, b: Status): Status {
  return a === undefined || STATUSES.indexOf(b) < STATUSES.indexOf(a) ? b : a;
}

function number(value: number): string {
  return Number.isNaN(value) ? '' : String(value);
}
