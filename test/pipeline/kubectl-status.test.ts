import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { after } from '../support/cleanup.ts';
import { blocksOf, scraped, times, type MadeSeries } from '../support/openmetrics.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { kpfd } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

/** What a real kubectl printed, and what a real kube-state-metrics said at the same time; written by make.py there. */
const FOLDER = 'fixtures/status';

interface Truth {
  readonly kubernetes: string;
  readonly kubeStateMetrics: string;
  /** Unix seconds. */
  readonly at: number;
  readonly metrics: readonly string[];
  /** READY, STATUS, RESTARTS, and how long ago the last one was. */
  readonly kubectl: Readonly<Record<string, readonly [string, string, number, string | null]>>;
  readonly pods: Readonly<Record<string, readonly [unknown, KubernetesStatus]>>;
}

/** As far as the tests look into it. */
interface KubernetesStatus {
  readonly phase: string;
  readonly containerStatuses?: readonly unknown[];
  readonly initContainerStatuses?: readonly { readonly state: { readonly waiting?: unknown } }[];
}

interface Listed {
  readonly namespace: string;
  readonly name: string;
  readonly ready: number | null;
  readonly total: number | null;
  readonly restarts: number | null;
  readonly restartedAt: string | null;
  readonly now: { readonly kubectl: string };
}

/** A line of an exposition, as it was scraped. */
function seriesOf(line: string, at: readonly number[]): MadeSeries {
  const [, metric = '', labels = '', value = ''] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
  const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', text = '']) => [name, text] as const);
  const target = { job: 'kube-state-metrics', instance: '10.0.0.1:8080' };
  return scraped(at, metric, { ...Object.fromEntries(pairs), ...target }, value);
}

/** Values of status.reason that kube-state-metrics does not keep: of these pods it tells the phase only. */
const UNKEPT_REASONS = /^(OutOf\w+|Preempting|DeadlineExceeded|Terminated|TopologyAffinityError)$/;

/** What kubectl prints, as far as metrics can tell: they have neither signals nor every reason. */
function tellable(status: string, truth: Truth): string {
  if (status === 'SchedulingGated' && truth.kubeStateMetrics === '2.13.0') return 'Pending';
  return status.replace(UNKEPT_REASONS, 'Failed').replace(/Signal:\d+$/, 'Error');
}

function secondsOf(ago: string): number {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
  return [...ago.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? 0),
    0,
  );
}

/**
 * Whether metrics can tell READY and RESTARTS. Before containers have a status only requests tell how many there are, and no
 * metric says which init containers are sidecars. Where one of these is down, kubectl counts only those before it in the spec.
 */
function countsContainers({ phase, containerStatuses, initContainerStatuses = [] }: KubernetesStatus): boolean {
  return (
    containerStatuses !== undefined &&
    !(phase === 'Running' && initContainerStatuses.some(({ state }) => state.waiting !== undefined))
  );
}

/** All of kpfd's answer that differs from kubectl's, as `pod: kubectl's, kpfd's`. */
function differences(truth: Truth, pods: readonly Listed[]): string[] {
  const listed = new Map(pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
  return Object.entries(truth.kubectl).flatMap(([name, [ready, status, restarts, ago]]) => {
    const pod = listed.get(name);
    if (pod === undefined) return [`${name}: not listed`];
    const isCounted = countsContainers((truth.pods[name] as Truth['pods'][string])[1]);
    const restartedAgo = pod.restartedAt === null ? undefined : truth.at - Date.parse(pod.restartedAt) / 1000;
    // Before 2.20 kube-state-metrics has no times of init containers and sidecars. kubectl cuts "19h20m" down to "19h".
    const isAsLongAgo =
      restartedAgo === undefined || ago === null
        ? ago === null || truth.kubeStateMetrics === '2.13.0'
        : Math.abs(restartedAgo - secondsOf(ago)) <= Math.max(5, 0.1 * restartedAgo);
    const counts = isCounted ? [`${pod.ready}/${pod.total}`, pod.restarts, isAsLongAgo] : [ready, restarts, true];
    const own = [pod.now.kubectl, ...counts].join(' ');
    const wanted = [tellable(status, truth), ready, restarts, true].join(' ');
    return own === wanted ? [] : [`${name}: ${wanted}, ${own}`];
  });
}

const FILES = readdirSync(FOLDER).filter((file) => file.endsWith('.json.gz'));

test('there are pods to compare', () => expect(FILES).toHaveLength(3));

describeWith(['prometheus', 'promtool'], 'pods of every kind, as kubectl printed them', () => {
  test.each(FILES)('%s', async (file) => {
    const truth = JSON.parse(gunzipSync(readFileSync(join(FOLDER, file))).toString('utf8')) as Truth;
    const at = Math.floor(truth.at);
    const scrapes = times(at - 62, at - 2, 15);
    const folder = blocksOf(truth.metrics.map((line) => seriesOf(line, scrapes)));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const prometheus = await startPrometheus({ blocks: join(folder, 'tsdb') });
    after(() => prometheus.stop());
    const asked = [
      'scan',
      '-A',
      '--completed',
      '-o',
      'json',
      '--at',
      String(truth.at),
      '--prometheus-url',
      prometheus.url,
    ];
    const ran = await kpfd(asked);
    if (ran.stdout === '') throw new Error(ran.stderr);
    const { pods } = JSON.parse(ran.stdout) as { pods: Listed[] };
    expect(Object.keys(truth.kubectl).length).toBeGreaterThan(300);
    expect(differences(truth, pods)).toEqual([]);
  });
});
