/**
 * The training rows of recordings, computed by kpfd itself through a real Prometheus over each, so that a model is
 * trained on what it will be served (pipeline/pod-rows.ts tells what a row and its label are).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { FEATURES } from '../../src/core/features/catalogue.ts';
import { FEATURE_NAMES } from '../../src/core/features/schema.ts';
import type { PodSnapshot } from '../../src/core/pods/snapshot.ts';
import { FAILING, STATUSES } from '../../src/core/pods/status.ts';
import { SIGNALS, type Signal } from '../../src/core/signals/catalogue.ts';
import type { PodRow } from '../../src/core/predictions/pod-row.ts';
import { Journal } from '../../src/pipeline/journal.ts';
import { podRows } from '../../src/pipeline/pod-rows.ts';
import { openPolls } from '../../src/adapters/status-polls.ts';
import { DATASET_FORMATS } from '../../src/render/dataset-rows.ts';
import { readPacked } from '../../test/support/archive.ts';
import { clientOf, startPrometheus } from '../../test/support/prometheus.ts';
import { startRewritten } from '../../test/support/rewritten-recording.ts';

export const HORIZON_SECONDS = 600;
export const STEP_SECONDS = 30;
/** Statuses that are read each so many seconds; the span is cut to whole ones. */
const WHOLE_SECONDS = 15;

/** A pod at a step of a recording. */
export interface TrainingRow extends PodRow {
  /** The recording's name; with `@60s` behind it where only every fourth scrape was left. */
  readonly run: string;
  /** `recording:namespace/name` of the root owner: what no two folds may share. */
  readonly application: string;
  /** The fault that the application was given; `system` for what came with the cluster. For analysis only. */
  readonly kind: string;
  /** Whether a rollout that went well, or a scaling, made the pod. For analysis only. */
  readonly rolledOut: boolean;
}

/** A recording is scraped each 15 s; other clusters more rarely, and the model must know how they look. */
const SCRAPES = [1, 2, 4] as const;
const SCRAPE_SECONDS = 15;

/**
 * Every row of a recording (a folder with tsdb.tar.gz or .xz, and faults.json), labelled by metrics or by what kubectl printed. With
 * `everyScrape` only every so many scrapes are left, as if the cluster had been scraped more rarely.
 */
export async function recordingRows(
  recording: string,
  labels: 'metrics' | 'kubectl',
  everyScrape: (typeof SCRAPES)[number] = 1,
): Promise<TrainingRow[]> {
  const name = basename(resolve(recording));
  const [start, end] = extent(recording);
  const kinds = JSON.parse(readFileSync(join(recording, 'faults.json'), 'utf8')) as Record<string, { fault: string }>;
  const rollouts = rolloutsOf(join(recording, 'actions.jsonl'));
  const polls = labels === 'metrics' ? undefined : openPolls(join(recording, 'status.jsonl.gz'));
  const prometheus =
    everyScrape === 1 ? await startPrometheus({ recording }) : await startRewritten(recording, { everyScrape });
  try {
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
    const journal = new Journal();
    const run = everyScrape === 1 ? name : `${name}@${everyScrape * SCRAPE_SECONDS}s`;
    for await (const batch of podRows(clientOf(prometheus.url), request, journal, polls)) {
      for (const row of batch.rows) {
        const owner = ownerOf(row.pod);
        const createdAt = row.pod.createdAtUnixSeconds ?? Number.NaN;
        const rolledOut = rollouts.some(
          (one) =>
            one.owner === owner && createdAt >= one.unixSeconds - 5 && createdAt < one.unixSeconds + ROLLOUT_SECONDS,
        );
        rows.push({ ...row, run, application: `${name}:${owner}`, kind: kinds[owner]?.fault ?? 'system', rolledOut });
      }
    }
    const lacking = journal.warnings().find(({ incomplete }) => incomplete);
    if (lacking !== undefined) throw new Error(`rows of ${run} lack something: ${JSON.stringify(lacking)}`);
    return rows;
  } finally {
    await prometheus.stop();
  }
}

/** How long a rollout of the recordings may take to make its last pod. */
const ROLLOUT_SECONDS = 120;

/** When which owner (`namespace/name`) was rolled out soundly, or scaled, as far as the recording says what was done. */
function rolloutsOf(actionsPath: string): { readonly owner: string; readonly unixSeconds: number }[] {
  const lines = existsSync(actionsPath) ? readFileSync(actionsPath, 'utf8').trimEnd().split('\n') : [];
  return lines
    .map((line) => JSON.parse(line) as { t: number; what: string; ok?: boolean })
    .filter(({ ok }) => ok === true)
    .flatMap(({ t, what }) => {
      const owner = (/^(\S+) is rolled out anew, soundly$/.exec(what) ?? /^scale (\S+) to \d+$/.exec(what))?.[1];
      return owner === undefined ? [] : [{ owner, unixSeconds: t }];
    });
}

/** The rows of a recording that a model is trained on: of thinned scrapes those of every fourth step, for they say much the same. */
export async function trainingRows(recording: string): Promise<TrainingRow[]> {
  const all = await Promise.all(SCRAPES.map(async (everyScrape) => recordingRows(recording, 'metrics', everyScrape)));
  return all.flatMap((rows, i) => {
    const first = rows[0]?.unixSeconds ?? 0;
    return i === 0 ? rows : rows.filter(({ unixSeconds }) => (unixSeconds - first) % (4 * STEP_SECONDS) === 0);
  });
}

/** Rows as `kpfd export-dataset` writes them. */
export function writeRows(path: string, rows: readonly TrainingRow[]): void {
  const { csv } = DATASET_FORMATS;
  writeFileSync(path, csv.heading + rows.map((row) => csv.rows(row.run, [row])).join(''));
}

/**
 * What Python must know of the columns and the rows. `isRunACluster`: the same name in two runs is another application, as in
 * recordings; not so in two days of one cluster.
 */
export function writeSchema(path: string, isRunACluster: boolean): void {
  const schema = {
    features: FEATURE_NAMES,
    classes: STATUSES,
    failing: FAILING,
    isRunACluster,
    // What goes missing together: a request that fails, an exporter that is not there.
    groups: Object.fromEntries([
      // In the order of the signals, so that a new order of asking does not make another model.
      ...SIGNALS.map(({ request }) => [request, featuresOf((signal) => signal.request === request)]),
      ['cadvisor', featuresOf((signal) => signal.exporter === 'cadvisor')],
    ]),
  };
  writeFileSync(path, `${JSON.stringify(schema, undefined, 2)}\n`);
}

function featuresOf(isMeant: (signal: Signal) => boolean): string[] {
  const signals = new Set(SIGNALS.filter(isMeant).map(({ name }) => name));
  return FEATURES.filter(({ from }) => from.some((signal) => signals.has(signal))).map(({ name }) => name);
}

/** The first and the last second of the recording's blocks, on whole steps. */
function extent(recording: string): [number, number] {
  const metas = readPacked(recording, '*/meta.json');
  const times = (name: string): number[] =>
    [...metas.matchAll(new RegExp(`"${name}": *(\\d+)`, 'g'))].map(([, ms]) => Number(ms) / 1000);
  const whole = (seconds: number, round: (n: number) => number): number =>
    round(seconds / WHOLE_SECONDS) * WHOLE_SECONDS;
  return [whole(Math.min(...times('minTime')), Math.ceil), whole(Math.max(...times('maxTime')), Math.floor)];
}

function ownerOf(pod: PodSnapshot): string {
  return `${pod.namespace}/${(pod.rootOwner ?? pod.owner)?.name ?? pod.name}`;
}
