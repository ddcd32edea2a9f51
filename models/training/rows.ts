/**
 * The training rows of recordings, computed by kpfd itself through a real Prometheus over each, so that a model is
 * trained on what it will be served (pipeline/pod-rows.ts tells what a row and its label are).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { FEATURES } from '../../src/core/features/catalogue.ts';
import { FEATURE_NAMES } from '../../src/core/features/schema.ts';
import type { PodSnapshot } from '../../src/core/pods/snapshot.ts';
import { STATUSES } from '../../src/core/pods/status.ts';
import { SIGNALS, type Signal } from '../../src/core/signals/catalogue.ts';
import type { PodRow } from '../../src/core/predictions/pod-row.ts';
import { podRows } from '../../src/pipeline/pod-rows.ts';
import { openPolls } from '../../src/adapters/status-polls.ts';
import { clientOf, startPrometheus } from '../../test/support/prometheus.ts';

export const HORIZON_SECONDS = 600;
export const STEP_SECONDS = 30;
/** Statuses that are read each so many seconds; the span is cut to whole ones. */
const WHOLE_SECONDS = 15;

/** A pod at a step of a recording. */
export interface TrainingRow extends PodRow {
  readonly run: string;
  /** `run:namespace/name` of the root owner: what no two folds may share. */
  readonly application: string;
  /** The fault that the application was given; `system` for what came with the cluster. For analysis only. */
  readonly kind: string;
}

/** Every row of a recording (a folder with tsdb.tar.gz and faults.json), labelled by metrics or by what kubectl printed. */
export async function recordingRows(recording: string, labels: 'metrics' | 'kubectl'): Promise<TrainingRow[]> {
  const run = basename(resolve(recording));
  const prometheus = await startPrometheus({ archive: resolve(recording, 'tsdb.tar.gz') });
  try {
    const [start, end] = extent(prometheus.folder);
    const kinds = JSON.parse(readFileSync(join(recording, 'faults.json'), 'utf8')) as Record<string, { fault: string }>;
    const polls = labels === 'metrics' ? undefined : openPolls(join(recording, 'status.jsonl.gz'));
    const rows: TrainingRow[] = [];
    const request = {
      span: { start, end, step: STEP_SECONDS },
      horizonSeconds: HORIZON_SECONDS,
      scope: { namespace: undefined, pods: undefined },
      naming: { cluster: undefined, ksmSelector: '', cadvisorSelector: '' },
      kubernetesVersion: undefined,
      maxSamples: 200_000,
      withRivals: true,
    };
    for await (const batch of podRows(clientOf(prometheus.url), request, polls)) {
      for (const row of batch.rows) {
        const owner = ownerOf(row.pod);
        rows.push({ ...row, run, application: `${run}:${owner}`, kind: kinds[owner]?.fault ?? 'system' });
      }
    }
    return rows;
  } finally {
    await prometheus.stop();
  }
}

/** Rows as CSV for Python, and beside it (`.schema.json`) what it must know of the columns. */
export function writeRows(path: string, rows: readonly TrainingRow[]): void {
  const lines = [['run', 'time', 'application', 'uid', 'status', 'label', ...FEATURE_NAMES].join(',')];
  for (const { run, unixSeconds, application, pod, status, label, features } of rows) {
    const numbers = [...features].map((value) => (Number.isNaN(value) ? '' : String(value)));
    lines.push([run, unixSeconds, application, pod.uid ?? '', status, label ?? '', ...numbers].join(','));
  }
  writeFileSync(path, `${lines.join('\n')}\n`);
  const schema = {
    features: FEATURE_NAMES,
    classes: STATUSES,
    // What goes missing together: a request that fails, an exporter that is not there.
    groups: Object.fromEntries([
      // In the order of the signals, so that a new order of asking does not make another model.
      ...SIGNALS.map(({ request }) => [request, featuresOf((signal) => signal.request === request)]),
      ['cadvisor', featuresOf((signal) => signal.exporter === 'cadvisor')],
    ]),
  };
  writeFileSync(`${path}.schema.json`, `${JSON.stringify(schema, undefined, 2)}\n`);
}

function featuresOf(isMeant: (signal: Signal) => boolean): string[] {
  const signals = new Set(SIGNALS.filter(isMeant).map(({ name }) => name));
  return FEATURES.filter(({ from }) => from.some((signal) => signals.has(signal))).map(({ name }) => name);
}

/** The first and the last second of the recording's blocks, on whole steps. */
function extent(folder: string): [number, number] {
  const blocks = readdirSync(join(folder, 'tsdb'))
    .map((name) => join(folder, 'tsdb', name, 'meta.json'))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as { minTime: number; maxTime: number });
  const from = Math.min(...blocks.map(({ minTime }) => minTime)) / 1000;
  const to = Math.max(...blocks.map(({ maxTime }) => maxTime)) / 1000;
  return [Math.ceil(from / WHOLE_SECONDS) * WHOLE_SECONDS, Math.floor(to / WHOLE_SECONDS) * WHOLE_SECONDS];
}

function ownerOf(pod: PodSnapshot): string {
  return `${pod.namespace}/${(pod.rootOwner ?? pod.owner)?.name ?? pod.name}`;
}
