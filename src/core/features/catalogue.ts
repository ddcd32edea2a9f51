import type { ContainerSnapshot, PodSnapshot } from '../pods/snapshot.ts';
import { cpuShare, memoryShare, runningContainers, sumOfKnown, throttledPercent } from '../pods/usage.ts';
import type { SignalName } from '../signals/catalogue.ts';

/**
 * Every feature: one closed table, in the order of the model's columns. A value that is not known is NaN, which the
 * trees send their default way; it is never 0. A model fits one table only: names, units and order make the hash that
 * it carries (schema.ts), so an entry whose meaning changes gets a new name.
 */
export interface Feature {
  readonly name: string;
  readonly unit: FeatureUnit;
  /** What it says, for people. */
  readonly about: string;
  /** The signals that it is computed from: what to name when it is missing. */
  readonly from: readonly SignalName[];
  readonly value: (pod: PodSnapshot) => number;
}

type FeatureUnit =
  | 'percent'
  | 'percentage points'
  | 'percent per minute'
  | 'minutes'
  | 'seconds'
  | 'count'
  | 'packets per second'
  | 'exit code'
  | '0 or 1';

/** Ages and times are cut here: beyond it they tell how long the cluster was watched, not how the pod fares. */
const OLDEST_SECONDS = 900;
/** The share of a limit beyond which the seed's project called usage high. */
const HIGH_PERCENT = 90;
/** Minutes to the limit beyond this are as good as never. */
const FARTHEST_MINUTES = 60;

export const FEATURES: readonly Feature[] = [
  // Usage
  {
    name: 'cpu_usage_percent',
    unit: 'percent',
    about: 'CPU over 5 minutes, of the limit, else of the request, else of the node',
    from: ['cpu-usage', 'limits'],
    value: (pod) => cpuShare(pod)?.percent ?? Number.NaN,
  },
  {
    name: 'cpu_usage_rolling_mean_percent',
    unit: 'percent',
    about: 'CPU over 15 minutes, of the same whole',
    from: ['cpu-usage-15m', 'limits'],
    value: (pod) => cpuShare(pod, (c) => c.usage.cpuCoresOver15m)?.percent ?? Number.NaN,
  },
  {
    name: 'cpu_trend_points',
    unit: 'percentage points',
    about: 'CPU over 5 minutes less CPU over 15 minutes',
    from: ['cpu-usage', 'cpu-usage-15m'],
    value: (pod) =>
      (cpuShare(pod)?.percent ?? Number.NaN) - (cpuShare(pod, (c) => c.usage.cpuCoresOver15m)?.percent ?? Number.NaN),
  },
  {
    name: 'cpu_high',
    unit: '0 or 1',
    about: 'CPU above 90 percent',
    from: ['cpu-usage', 'limits'],
    value: (pod) => flag(cpuShare(pod)?.percent, (percent) => percent > HIGH_PERCENT),
  },
  {
    name: 'cpu_throttled_percent',
    unit: 'percent',
    about: 'periods in which the CPU limit held the pod back, over 5 minutes',
    from: ['cpu-periods', 'cpu-throttled-periods'],
    value: (pod) => throttledPercent(pod) ?? Number.NaN,
  },
  {
    name: 'memory_usage_percent',
    unit: 'percent',
    about: 'working set of the container nearest to its limit; without limits, of the node',
    from: ['memory-working-set', 'limits'],
    value: (pod) => memoryShare(pod)?.percent ?? Number.NaN,
  },
  {
    name: 'memory_usage_rolling_mean_percent',
    unit: 'percent',
    about: 'the same, averaged over 5 minutes',
    from: ['memory-mean-5m', 'limits'],
    value: (pod) => memoryShare(pod, (c) => c.usage.memoryMeanBytes)?.percent ?? Number.NaN,
  },
  {
    name: 'memory_trend_5m',
    unit: 'percent per minute',
    about: 'how fast the working set moves towards the limit, over 5 minutes',
    from: ['memory-slope-5m', 'limits'],
    value: (pod) => memoryTrend(pod, (c) => c.usage.memorySlope5m),
  },
  {
    name: 'memory_trend_15m',
    unit: 'percent per minute',
    about: 'the same over 15 minutes',
    from: ['memory-slope-15m', 'limits'],
    value: (pod) => memoryTrend(pod, (c) => c.usage.memorySlope15m),
  },
  {
    name: 'memory_minutes_to_limit',
    unit: 'minutes',
    about: 'when the limit is reached if memory grows on as over the last 5 minutes; at most 60',
    from: ['memory-working-set', 'memory-slope-5m', 'limits'],
    value: memoryMinutesToLimit,
  },
  {
    name: 'memory_high',
    unit: '0 or 1',
    about: 'working set above 90 percent',
    from: ['memory-working-set', 'limits'],
    value: (pod) => flag(memoryShare(pod)?.percent, (percent) => percent > HIGH_PERCENT),
  },
  {
    name: 'network_receive_drops_per_second',
    unit: 'packets per second',
    about: 'received packets dropped, over 5 minutes',
    from: ['network-receive-drops'],
    value: (pod) => pod.networkDrops.receivePerSecond ?? Number.NaN,
  },
  {
    name: 'network_transmit_drops_per_second',
    unit: 'packets per second',
    about: 'sent packets dropped, over 5 minutes',
    from: ['network-transmit-drops'],
    value: (pod) => pod.networkDrops.transmitPerSecond ?? Number.NaN,
  },
  {
    name: 'network_drop_high',
    unit: '0 or 1',
    about: 'any packet dropped',
    from: ['network-receive-drops', 'network-transmit-drops'],
    value: (pod) =>
      flag(sumOfKnown([pod.networkDrops.receivePerSecond, pod.networkDrops.transmitPerSecond]), (drops) => drops > 0),
  },
  // Containers
  {
    name: 'ready_containers',
    unit: 'count',
    about: 'containers that are ready',
    from: ['container-ready'],
    value: (pod) => {
      const counted = pod.containers.filter((c) => c.role !== 'init');
      if (!hasStatus(pod) || counted.some((c) => c.ready === undefined)) return Number.NaN;
      return counted.filter((c) => c.ready).length;
    },
  },
  {
    name: 'total_containers',
    unit: 'count',
    about: 'containers in the pod',
    from: ['container-running', 'requests'],
    value: (pod) => pod.totalContainers ?? Number.NaN,
  },
  {
    name: 'pod_ready',
    unit: '0 or 1',
    about: 'the condition Ready',
    from: ['ready-condition'],
    value: (pod) => flag(pod.readyCondition, (ready) => ready === 'true'),
  },
  {
    name: 'phase_pending',
    unit: '0 or 1',
    about: 'the phase is Pending',
    from: ['phase'],
    value: (pod) => flag(pod.phase, (phase) => phase === 'Pending'),
  },
  {
    name: 'phase_failed',
    unit: '0 or 1',
    about: 'the phase is Failed',
    from: ['phase'],
    value: (pod) => flag(pod.phase, (phase) => phase === 'Failed'),
  },
  {
    name: 'unschedulable',
    unit: '0 or 1',
    about: 'the scheduler found no node',
    from: ['unschedulable', 'status-reason', 'phase'],
    // A pod that is held back (scheduling gates) carries the mark as well.
    value: (pod) =>
      pod.phase === undefined
        ? Number.NaN
        : flag(pod.unschedulable, (marked) => marked && !pod.statusReasons.includes('SchedulingGated')),
  },
  // Reasons
  {
    name: 'waiting_crash_loop',
    unit: '0 or 1',
    about: 'a container waits to be started again after it failed',
    from: ['container-waiting-reason', 'init-waiting-reason'],
    value: (pod) => state(pod, (c) => c.state === 'waiting' && c.reason === 'CrashLoopBackOff'),
  },
  {
    name: 'waiting_image',
    unit: '0 or 1',
    about: 'a container has no image',
    from: ['container-waiting-reason', 'init-waiting-reason'],
    value: (pod) => state(pod, (c) => c.state === 'waiting' && IMAGE_REASONS.has(c.reason ?? '')),
  },
  {
    name: 'waiting_config',
    unit: '0 or 1',
    about: 'a container cannot be made or started',
    from: ['container-waiting-reason', 'init-waiting-reason'],
    value: (pod) => state(pod, (c) => c.state === 'waiting' && START_REASONS.has(c.reason ?? '')),
  },
  {
    name: 'waiting_creating',
    unit: '0 or 1',
    about: 'a container is being made, or waits for init containers',
    from: ['container-waiting-reason', 'init-waiting-reason'],
    value: (pod) =>
      state(pod, (c) => c.state === 'waiting' && (c.reason === 'ContainerCreating' || c.reason === 'PodInitializing')),
  },
  {
    name: 'terminated_error',
    unit: '0 or 1',
    about: 'a container has ended, and not well',
    from: ['container-terminated', 'container-terminated-reason', 'init-terminated', 'init-terminated-reason'],
    value: (pod) => state(pod, (c) => c.state === 'terminated' && c.reason !== 'Completed'),
  },
  {
    name: 'terminated_completed',
    unit: '0 or 1',
    about: 'a container other than an init container has ended well',
    from: ['container-terminated', 'container-terminated-reason'],
    value: (pod) => state(pod, (c) => c.role !== 'init' && c.state === 'terminated' && c.reason === 'Completed'),
  },
  {
    name: 'init_running',
    unit: '0 or 1',
    about: 'an init container runs',
    from: ['init-running'],
    value: (pod) => state(pod, (c) => c.role === 'init' && c.state === 'running'),
  },
  // Restarts and ends
  {
    name: 'restarts_total',
    unit: 'count',
    about: 'restarts of all containers since the pod was made',
    from: ['restarts'],
    value: (pod) => sum(pod, (c) => c.restarts),
  },
  {
    name: 'restarts_5m',
    unit: 'count',
    about: 'restarts within 5 minutes',
    from: ['restarts', 'restarts-5m-ago'],
    value: (pod) => sum(pod, (c) => c.restartsIn5m),
  },
  {
    name: 'restarts_15m',
    unit: 'count',
    about: 'restarts within 15 minutes',
    from: ['restarts', 'restarts-15m-ago'],
    value: (pod) => sum(pod, (c) => c.restartsIn15m),
  },
  {
    name: 'seconds_since_last_start',
    unit: 'seconds',
    about: 'since the container that started last did; at most 900',
    from: ['container-started'],
    value: (pod) =>
      age(
        pod,
        runningContainers(pod).map((c) => c.startedAtUnixSeconds),
      ),
  },
  {
    name: 'seconds_since_last_termination',
    unit: 'seconds',
    about: 'since a container ended and was started again; at most 900',
    from: ['last-terminated-at'],
    value: (pod) =>
      age(
        pod,
        pod.containers.map((c) => c.lastTermination?.atUnixSeconds),
      ),
  },
  {
    name: 'last_exit_code',
    unit: 'exit code',
    about: 'of the container that ended last and was started again',
    from: ['last-exit-code'],
    value: (pod) => lastEnded(pod)?.lastTermination?.exitCode ?? Number.NaN,
  },
  {
    name: 'last_terminated_oom',
    unit: '0 or 1',
    about: 'the last end was an OOM kill',
    from: ['last-terminated-reason'],
    value: (pod) => flag(lastEnded(pod)?.lastTermination?.reason, (reason) => reason === 'OOMKilled'),
  },
  {
    name: 'pod_age_seconds',
    unit: 'seconds',
    about: 'since the pod was made; at most 900',
    from: ['pod-created'],
    value: (pod) => age(pod, [pod.createdAtUnixSeconds]),
  },
  // The node
  {
    name: 'node_ready',
    unit: '0 or 1',
    about: "the node's condition Ready",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'Ready'),
  },
  {
    name: 'node_memory_pressure',
    unit: '0 or 1',
    about: "the node's condition MemoryPressure",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'MemoryPressure'),
  },
  {
    name: 'node_disk_pressure',
    unit: '0 or 1',
    about: "the node's condition DiskPressure",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'DiskPressure'),
  },
  {
    name: 'node_pid_pressure',
    unit: '0 or 1',
    about: "the node's condition PIDPressure",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'PIDPressure'),
  },
  {
    name: 'node_cordoned',
    unit: '0 or 1',
    about: 'the node takes no new pods',
    from: ['node-cordoned', 'node-condition'],
    value: (pod) => flag(pod.node?.conditions.get('Ready'), () => pod.node?.cordoned === true),
  },
];

const IMAGE_REASONS: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
]);
const START_REASONS: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'StartError',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
]);

function flag<T>(value: T | undefined, test: (value: T) => boolean): number {
  return value === undefined ? Number.NaN : Number(test(value));
}

function hasStatus(pod: PodSnapshot): boolean {
  return pod.containers.some((c) => c.state !== undefined);
}

/** Whether any container is in the state; not known of a pod that has no container status. */
function state(pod: PodSnapshot, test: (container: ContainerSnapshot) => boolean): number {
  return hasStatus(pod) ? Number(pod.containers.some(test)) : Number.NaN;
}

function sum(pod: PodSnapshot, of: (container: ContainerSnapshot) => number | undefined): number {
  return sumOfKnown(pod.containers.map(of)) ?? Number.NaN;
}

function age(pod: PodSnapshot, unixSeconds: readonly (number | undefined)[]): number {
  const known = unixSeconds.filter((time) => time !== undefined);
  if (known.length === 0) return Number.NaN;
  return Math.min(Math.max(pod.readAtUnixSeconds - Math.max(...known), 0), OLDEST_SECONDS);
}

function lastEnded(pod: PodSnapshot): ContainerSnapshot | undefined {
  const at = (c: ContainerSnapshot): number => c.lastTermination?.atUnixSeconds ?? Number.NEGATIVE_INFINITY;
  return pod.containers
    .filter((c) => c.lastTermination !== undefined)
    .reduce<ContainerSnapshot | undefined>(
      (best, next) => (best === undefined || at(next) > at(best) ? next : best),
      undefined,
    );
}

/** Percent of the limit per minute, of the container that moves fastest towards its limit. */
function memoryTrend(pod: PodSnapshot, slope: (container: ContainerSnapshot) => number | undefined): number {
  const trends = runningContainers(pod).map((c) => {
    const bytesPerSecond = slope(c);
    const limit = c.limits?.memoryBytes;
    return bytesPerSecond === undefined || limit === undefined || limit <= 0
      ? Number.NaN
      : (6000 * bytesPerSecond) / limit;
  });
  return trends.reduce((fastest, trend) => (Number.isNaN(fastest) || trend > fastest ? trend : fastest), Number.NaN);
}

function memoryMinutesToLimit(pod: PodSnapshot): number {
  const minutes = runningContainers(pod).map((c) => {
    const { memoryBytes, memorySlope5m } = c.usage;
    const limit = c.limits?.memoryBytes;
    if (memoryBytes === undefined || memorySlope5m === undefined || limit === undefined) return Number.NaN;
    if (memorySlope5m <= 0) return FARTHEST_MINUTES;
    return Math.min(Math.max((limit - memoryBytes) / memorySlope5m / 60, 0), FARTHEST_MINUTES);
  });
  return minutes.reduce((least, m) => (Number.isNaN(least) || m < least ? m : least), Number.NaN);
}

/** 1 where the condition holds, 0 where it does not; a condition that the node does not know itself holds for neither. */
function condition(pod: PodSnapshot, name: string): number {
  const status = pod.node?.conditions.get(name);
  if (status === 'true') return 1;
  if (status === 'false') return 0;
  // An unreachable node is not ready; of its other conditions nothing is known.
  return status === 'unknown' && name === 'Ready' ? 0 : Number.NaN;
}
