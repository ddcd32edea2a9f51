import type { Failure } from '../failure.ts';
import { SIGNALS, type SignalName } from './catalogue.ts';
import type { ExporterCopy, FormerCopy } from './copies.ts';
import {
  ageOfPods,
  isStale,
  namesOf,
  oldestUsageSeconds,
  replicaCount,
  staleShards,
  toldTimes,
  type Layout,
} from './layout.ts';
import type { ConnectionStep, Series } from './metric-source.ts';
import { CADVISOR_PROBE, containerMatchers, exporterSeries, type Naming } from './naming.ts';
import { by, tagged } from './promql.ts';
import { FAST_WINDOW_SECONDS, gapsOfLayout } from './readings.ts';
import type { Exporter } from './signal.ts';

/** One check, from the wire up to the samples. */
export type Check = { readonly outcome: 'ok' | 'warning' | 'failed' | 'skipped' } & (
  | { name: 'name' | 'tcp' | 'tls'; detail: string }
  | { name: 'http' | 'login' | 'api'; failure: Failure | undefined }
  | { name: 'version'; version: string | undefined }
  | { name: 'clock'; aheadSeconds: number | undefined }
  | { name: 'pods'; failure: Failure | undefined; pods: number }
  /** `isPartial`: Prometheus warned that it did not answer everything. */
  | { name: 'cadvisor'; jobs: readonly { job: string; series: number }[]; told: ToldByCadvisor; isPartial: boolean }
  /** `failure`: why nothing was counted. */
  | { name: 'metrics'; absent: readonly MetricCount[]; failure: Failure | undefined; isPartial: boolean }
  /** `stale`: copies that fell silent while others did not. */
  | { name: 'freshness'; ageSeconds: number; stale: readonly FormerCopy[] }
  /** Windows, in seconds, that look back on no samples; 0: there is nothing of a few minutes ago; undefined: not told. */
  | { name: 'history'; tooLong: readonly number[] | undefined }
  /** `toldTimes`: how many series of one copy tell of each pod; more than 1 are of replicas of Prometheus. */
  | { name: 'copies'; copies: readonly ExporterCopy[]; replicas: number; toldTimes: number }
  /** `namesakes`: how many names are of two pods that both live; undefined: not counted. */
  | {
      name: 'labels';
      renamed: Readonly<Record<Exporter, readonly string[]>>;
      cluster: Layout['cluster'];
      namesakes: number | undefined;
    }
  /** `failures`: questions about the layout that were not answered. */
  | { name: 'warnings'; texts: readonly string[]; failures: readonly Failure[] }
  | { name: 'interval'; exporter: Exporter; seconds: number | undefined; signals: readonly string[] }
);

export interface MetricCount {
  readonly metric: string;
  readonly exporter: Exporter;
  readonly series: number;
  /** False where no series is normal: the metric has rows only while something is the matter. */
  readonly expected: boolean;
  /** What is read off it, and the features that are computed from it. */
  readonly feeds: readonly string[];
  readonly features: readonly FedFeature[];
}

export interface FedFeature {
  readonly name: string;
  readonly topic: string;
}

export interface Diagnosis {
  readonly unixSeconds: number;
  readonly checks: readonly Check[];
  readonly metrics: readonly MetricCount[];
}

/** What is asked of cAdvisor itself. */
export interface ToldByCadvisor {
  /** Instances that told something minutes ago, and nothing since, as the label `instance`. */
  readonly silent: readonly string[];
  /** Whether its series name containers; undefined where nobody told. */
  readonly namesContainers: boolean | undefined;
}

export const NOTHING_TOLD: ToldByCadvisor = { silent: [], namesContainers: undefined };

/** Without these there is no NOW at all. */
const VITAL_METRICS: ReadonlySet<string> = new Set(['kube_pod_info', 'kube_pod_status_phase']);

export function connectionCheck(step: ConnectionStep): Check {
  return { name: step.layer, outcome: step.outcome, detail: step.detail };
}

/** How the first small query went tells three layers apart. */
export function apiChecks(failure: Failure | undefined): Check[] {
  const ok = (name: 'http' | 'login' | 'api'): Check => ({ name, outcome: 'ok', failure: undefined });
  const bad = (name: 'http' | 'login' | 'api'): Check => ({ name, outcome: 'failed', failure });
  if (failure === undefined) return [ok('http'), ok('login'), ok('api')];
  switch (layerOf(failure)) {
    case 'http':
      return [bad('http')];
    case 'login':
      return [ok('http'), bad('login')];
    case 'api':
      // A page in place of JSON may be one to log in on.
      return failure.kind === 'not-json' ? [ok('http'), bad('api')] : [ok('http'), ok('login'), bad('api')];
  }
}

function layerOf(failure: Failure): 'http' | 'login' | 'api' {
  switch (failure.kind) {
    case 'redirected':
      return 'login';
    case 'http-status':
    case 'query-refused':
      if (failure.status === 401 || failure.status === 403) return 'login';
      return failure.kind === 'http-status' && failure.status !== 404 ? 'http' : 'api';
    case 'not-json':
    case 'answer-malformed':
    case 'answer-cut':
      return 'api';
    default:
      return 'http';
  }
}

/**
 * Every metric of the signal table, with how many series of it there are and what it feeds. `counts` has no entry where
 * there are none.
 */
export function metricCounts(
  counts: ReadonlyMap<string, number>,
  featuresFrom: (signal: SignalName) => readonly FedFeature[],
): MetricCount[] {
  const metrics = [...new Map(SIGNALS.map((signal) => [signal.metric, signal])).values()];
  return metrics.map(({ metric, exporter }) => {
    const own = SIGNALS.filter((signal) => signal.metric === metric);
    return {
      metric,
      exporter,
      series: counts.get(metric) ?? 0,
      expected: own.some(({ expect }) => expect !== 'nothing' && expect !== 'some container'),
      feeds: [...new Set(own.flatMap(({ feeds }) => feeds ?? []))],
      features: [...new Set(own.flatMap(({ name }) => featuresFrom(name)))],
    };
  });
}

/**
 * How many names are of two pods, of which the younger one was made so many seconds ago at least: in one cluster no two pods
 * have a name for long.
 */
export function namesakesExpression(naming: Naming, seconds: number): string {
  const { namespace, pod, uid } = naming.labels['kube-state-metrics'];
  const settled = `${exporterSeries(naming, 'kube-state-metrics', 'kube_pod_created')} < time() - ${seconds}`;
  return `count(${by('count', [namespace, pod], by('count', [namespace, pod, uid], settled))} > 1)`;
}

/** Which instances of cAdvisor have fallen silent, and whether it names containers; undefined where there is no cAdvisor. */
export function cadvisorQuery(layout: Layout): string | undefined {
  if (layout.cadvisorJobs.length === 0) return undefined;
  const series = exporterSeries(layout, 'cadvisor', CADVISOR_PROBE);
  const matchers = containerMatchers(layout.labels.cadvisor.container);
  const ofContainers = exporterSeries(layout, 'cadvisor', CADVISOR_PROBE, matchers);
  const now = by('count', ['instance'], `count_over_time(${series}[${Math.round(oldestUsageSeconds(layout))}s])`);
  const silent = `${by('count', ['instance'], `last_over_time(${series}[15m])`)} unless ${now}`;
  return tagged([
    { fact: 'silent', expression: silent },
    { fact: 'containers', expression: `count(${ofContainers})` },
  ]);
}

/** Reads the answer to `cadvisorQuery`. */
export function readCadvisor(series: readonly Series[]): ToldByCadvisor {
  const silent = series.filter(({ labels }) => labels['fact'] === 'silent');
  return {
    silent: silent.map(({ labels }) => labels['instance'] ?? '').sort(),
    namesContainers: series.some(({ labels }) => labels['fact'] === 'containers'),
  };
}

/** What was asked of the samples beside the layout. */
export interface Counted {
  readonly metrics: readonly MetricCount[];
  readonly namesakes: number | undefined;
  /** Why nothing was counted. */
  readonly failure: Failure | undefined;
  readonly told: ToldByCadvisor;
  /** Copies of kube-state-metrics that have no series any more, though nobody took their pods over. */
  readonly silentShards: readonly FormerCopy[];
  /** Prometheus warned that it did not answer everything. */
  readonly isPartial: boolean;
}

/** What the layout and the counts say of the samples themselves. */
export function sampleChecks(
  layout: Layout,
  { metrics, namesakes, failure, told, silentShards, isPartial }: Counted,
  unixSeconds: number,
): Check[] {
  const cadvisorAbsent = layout.cadvisorJobs.length === 0;
  // While all pods wait for a node there is nothing of containers, and nothing is dropped.
  const isNoneStarted = layout.isAnyStarted === false;
  const namesNone = !isNoneStarted && told.namesContainers === false;
  const absent = metrics.filter(
    ({ metric, series, expected, exporter }) =>
      series === 0 &&
      expected &&
      !(exporter === 'cadvisor' && (cadvisorAbsent || isNoneStarted)) &&
      !(metric.startsWith('kube_pod_container_status_') && isNoneStarted) &&
      namesOf(metric)
        .slice(1)
        .every((older) => layout.absentMetrics.has(older)),
  );
  const vital = absent.some(({ metric }) => VITAL_METRICS.has(metric));
  const replicas = replicaCount(layout);
  const times = toldTimes(layout);
  const renamed = layout.renamed['kube-state-metrics'].length + layout.renamed.cadvisor.length > 0;
  const gaps = gapsOfLayout(layout);
  const stale = isStale(layout, unixSeconds) ? [] : [...staleShards(layout, unixSeconds), ...silentShards];
  const windows = layout.hasHistory === false ? [0] : [...layout.windowsBeforeHistory];
  const tooLong = layout.hasHistory === undefined ? undefined : windows;
  const interval = (exporter: Exporter): Check => {
    const signals = SIGNALS.filter((s) => {
      const gap = gaps.get(s.name);
      return s.exporter === exporter && gap?.kind === 'window-too-short' && gap.windowSeconds > FAST_WINDOW_SECONDS;
    });
    const seconds = layout.scrapeIntervalSeconds[exporter];
    const outcome = signals.length > 0 || seconds === undefined ? 'warning' : 'ok';
    return { name: 'interval', outcome, exporter, seconds, signals: signals.map(({ name }) => name) };
  };
  return [
    {
      name: 'cadvisor',
      outcome: cadvisorAbsent || told.silent.length > 0 || namesNone ? 'warning' : 'ok',
      jobs: layout.cadvisorJobs,
      told: isNoneStarted ? { ...told, namesContainers: undefined } : told,
      isPartial,
    },
    {
      name: 'metrics',
      isPartial,
      outcome: vital ? 'failed' : absent.length > 0 || failure !== undefined ? 'warning' : 'ok',
      absent,
      failure,
    },
    {
      name: 'freshness',
      outcome: isStale(layout, unixSeconds) || stale.length > 0 ? 'warning' : 'ok',
      ageSeconds: ageOfPods(layout, unixSeconds),
      stale,
    },
    { name: 'history', outcome: tooLong?.length === 0 ? 'ok' : 'warning', tooLong },
    {
      name: 'copies',
      outcome: replicas > 0 || times > 1 ? 'warning' : 'ok',
      copies: layout.copies,
      replicas,
      toldTimes: times,
    },
    {
      name: 'labels',
      outcome: renamed || (namesakes ?? 0) > 0 ? 'warning' : 'ok',
      renamed: layout.renamed,
      cluster: layout.cluster,
      namesakes,
    },
    interval('kube-state-metrics'),
    ...(cadvisorAbsent ? [] : [interval('cadvisor')]),
  ];
}
