import { settledContainers } from '../features/memory-growth.ts';
import { FEATURE_NAMES } from '../features/schema.ts';
import type { ContainerSnapshot, PodSnapshot } from '../pods/snapshot.ts';
import { isFailing, type Status } from '../pods/status.ts';
import { exporterSeries, type Naming } from '../signals/naming.ts';
import { by, tagged } from '../signals/promql.ts';

/** What people have today: rules and alerts that a model must beat to be worth anything. */
export interface Rival {
  readonly name: RivalName;
  /** What it is, for people. */
  readonly about: string;
  /** How long the condition must hold before it fires: an alert's `for`. */
  readonly forSeconds: number;
  readonly holds: (pod: RivalView) => boolean;
}

export type RivalName =
  | 'persistence'
  | 'KubePodCrashLooping'
  | 'KubePodNotReady'
  | 'memory-full-within-horizon'
  | 'memory-above-90-percent'
  | 'restarted-within-the-hour';

/** What a rival sees of a pod. */
export interface RivalView {
  readonly pod: PodSnapshot;
  readonly status: Status;
  readonly features: Float32Array;
  readonly horizonSeconds: number;
  /** Which of the conditions of `rivalsQuery` hold. */
  readonly conditions: ReadonlySet<string>;
}

/** Conditions over windows that no signal of kpfd has. */
type Condition = 'crash-looping-5m' | 'restarted-1h';

export const RIVALS: readonly Rival[] = [
  {
    name: 'persistence',
    about: 'what fails goes on failing, what is well stays well',
    forSeconds: 0,
    holds: ({ status }) => isFailing(status),
  },
  {
    name: 'KubePodCrashLooping',
    about: "kubernetes-mixin's alert: CrashLoopBackOff within 5 minutes, for 15 minutes",
    forSeconds: 900,
    holds: ({ conditions }) => conditions.has('crash-looping-5m' satisfies Condition),
  },
  {
    name: 'KubePodNotReady',
    about: "kubernetes-mixin's alert: phase Pending or Unknown, or running and not ready, of no Job, for 15 minutes",
    forSeconds: 900,
    holds: ({ pod }) => pod.owner?.kind !== 'Job' && !pod.statusReasons.includes('SchedulingGated') && isNotReady(pod),
  },
  {
    name: 'memory-full-within-horizon',
    about: 'predict_linear over 15 minutes: the working set reaches the limit within the horizon',
    forSeconds: 0,
    holds: ({ pod, horizonSeconds }) => settledContainers(pod).some((c) => isFullWithin(c, horizonSeconds)),
  },
  {
    name: 'memory-above-90-percent',
    about: 'the working set is above 90 % of the limit',
    forSeconds: 0,
    holds: ({ features }) => valueOf(features, 'memory_usage_percent') > 90,
  },
  {
    name: 'restarted-within-the-hour',
    about: 'a container restarted within the last hour',
    forSeconds: 0,
    holds: ({ conditions }) => conditions.has('restarted-1h' satisfies Condition),
  },
];

/** The alert counts pods that run and are not ready since kubernetes-mixin #1239 and #1242 (2026), gated ones no more since #1256. */
function isNotReady({ phase, readyCondition }: PodSnapshot): boolean {
  if (phase === 'Running') return readyCondition !== undefined && readyCondition !== 'true';
  return phase === 'Pending' || phase === 'Unknown';
}

/** By the samples themselves: no feature of kpfd, which may leave out what such a rule takes for growth. */
function isFullWithin({ limits, usage }: ContainerSnapshot, seconds: number): boolean {
  const { memoryBytes: used, memorySlope15m: slope } = usage;
  const limit = limits?.memoryBytes;
  return (
    limit !== undefined && used !== undefined && slope !== undefined && slope > 0 && used + slope * seconds >= limit
  );
}

/** The conditions that hold, as `fact`, for pods by namespace and pod. One request. */
export function rivalsQuery(naming: Naming): string {
  const names = naming.labels['kube-state-metrics'];
  const pod = [names.namespace, names.pod];
  const series = (metric: string, reason?: string): string =>
    exporterSeries(
      naming,
      'kube-state-metrics',
      metric,
      reason === undefined ? [] : [{ label: 'reason', op: '=', value: reason }],
    );
  const restarts = series('kube_pod_container_status_restarts_total');
  const facts: Record<Condition, string> = {
    'crash-looping-5m': `max_over_time(${series('kube_pod_container_status_waiting_reason', 'CrashLoopBackOff')}[5m]) >= 1`,
    'restarted-1h': `max_over_time(${restarts}[1h]) - min_over_time(${restarts}[1h]) > 0`,
  };
  return tagged(Object.entries(facts).map(([fact, expression]) => ({ fact, expression: by('max', pod, expression) })));
}

/** Since when each rival's condition holds for one pod. */
export class RivalWatch {
  readonly #since = new Map<RivalName, number>();

  /** Whether each of RIVALS fires. */
  take(unixSeconds: number, view: RivalView): boolean[] {
    return RIVALS.map(({ name, forSeconds, holds }) => {
      if (!holds(view)) {
        this.#since.delete(name);
        return false;
      }
      const since = this.#since.get(name) ?? unixSeconds;
      this.#since.set(name, since);
      return unixSeconds - since >= forSeconds;
    });
  }
}

/** NaN where it is missing: no comparison holds then. */
function valueOf(features: Float32Array, name: string): number {
  return features[FEATURE_NAMES.indexOf(name)] ?? Number.NaN;
}
