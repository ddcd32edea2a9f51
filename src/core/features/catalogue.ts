import type { ContainerSnapshot, PodSnapshot } from '../pods/snapshot.ts';
import { cpuShare, memoryShare, runningContainers, sumOfKnown, throttledPercent } from '../pods/usage.ts';
import { WINDOW_SECONDS, type SignalName } from '../signals/catalogue.ts';
import {
  failsNow,
  IMAGE_REASONS,
  isBeingMade,
  isKnownToHaveFailed,
  waitsAfterCrash,
  waitsFor,
} from './container-states.ts';
import {
  aboveEarlierPercent,
  isGrowing,
  lastingSlope,
  LONG_SETTLED_SECONDS,
  minutesToLimit,
  newGroundSlope,
  percentOfLimit,
  percentPerMinute,
  settledContainers,
} from './memory-growth.ts';
import { cycleSeconds, isRecent, isWellAgain, nextWaitSeconds, usualLifeSeconds, waitedSeconds } from './rhythm.ts';

/**
 * Every feature: one closed table, in the order of the model's columns. A value that is not known is NaN, which the
 * trees send their default way; it is never 0. A model fits one table only: names, units and order make the hash that
 * it carries (schema.ts); where the meaning of a name changes, the revision there is raised.
 */
export interface Feature {
  readonly name: string;
  /** What it is about: features of one topic speak for one fact. */
  readonly topic: Topic;
  readonly unit: FeatureUnit;
  /** What it says, for people. */
  readonly about: string;
  /** The signals that it is computed from: what to name when it is missing. */
  readonly from: readonly SignalName[];
  readonly value: (pod: PodSnapshot) => number;
}

export type Topic = 'cpu' | 'memory' | 'network' | 'readiness' | 'start' | 'state' | 'restarts' | 'node';

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
/** What tells how long lives lasted. */
const LIFE_SIGNALS: readonly SignalName[] = [
  'running-share-30m',
  'earliest-start-30m',
  'earliest-end-30m',
  'container-started',
  'restarts',
  'restarts-30m-ago',
  'last-terminated-at',
  'owner-running-30m',
  'owner-restarts-30m',
  'pod-created',
];

export const FEATURES: readonly Feature[] = [
  // Usage
  {
    name: 'cpu_usage_percent',
    topic: 'cpu',
    unit: 'percent',
    about: 'CPU over 5 minutes, of the limit, else of the request, else of the node',
    from: ['cpu-usage', 'limits', 'requests'],
    value: (pod) => cpuShare(pod)?.percent ?? Number.NaN,
  },
  {
    name: 'cpu_usage_rolling_mean_percent',
    topic: 'cpu',
    unit: 'percent',
    about: 'CPU over 15 minutes, of the same whole',
    from: ['cpu-usage-15m', 'limits', 'requests'],
    value: (pod) => cpuShare(pod, (c) => c.usage.cpuCoresOver15m)?.percent ?? Number.NaN,
  },
  {
    name: 'cpu_trend_points',
    topic: 'cpu',
    unit: 'percentage points',
    about: 'CPU over 5 minutes less CPU over 15 minutes',
    from: ['cpu-usage', 'cpu-usage-15m', 'limits', 'requests'],
    value: (pod) =>
      (cpuShare(pod)?.percent ?? Number.NaN) - (cpuShare(pod, (c) => c.usage.cpuCoresOver15m)?.percent ?? Number.NaN),
  },
  {
    name: 'cpu_high',
    topic: 'cpu',
    unit: '0 or 1',
    about: 'CPU above 90 percent',
    from: ['cpu-usage', 'limits', 'requests'],
    value: (pod) => flag(cpuShare(pod)?.percent, (percent) => percent > HIGH_PERCENT),
  },
  {
    name: 'cpu_throttled_percent',
    topic: 'cpu',
    unit: 'percent',
    about: 'periods in which the CPU limit held the pod back, over 5 minutes',
    from: ['cpu-periods', 'cpu-throttled-periods'],
    value: (pod) => throttledPercent(pod) ?? Number.NaN,
  },
  {
    name: 'memory_usage_percent',
    topic: 'memory',
    unit: 'percent',
    about: 'working set of the container nearest to its limit; without limits, of the node',
    from: ['memory-working-set', 'limits'],
    value: (pod) => memoryShare(pod)?.percent ?? Number.NaN,
  },
  {
    name: 'memory_usage_rolling_mean_percent',
    topic: 'memory',
    unit: 'percent',
    about: 'the same, averaged over 5 minutes',
    from: ['memory-mean-5m', 'limits'],
    value: (pod) => memoryShare(pod, (c) => c.usage.memoryMeanBytes)?.percent ?? Number.NaN,
  },
  {
    name: 'memory_growing_percent',
    topic: 'memory',
    unit: 'percent',
    about:
      'working set of its limit, of a container whose memory grows (by half a percent in a minute, or more slowly for 15 minutes and full within an hour); 0 where none does',
    // Without the window of 15 minutes it is known as well.
    from: ['memory-working-set', 'limits', 'memory-slope-1m', 'memory-slope-2m', 'memory-slope-5m'],
    value: memoryGrowing,
  },
  {
    name: 'memory_trend_2m',
    topic: 'memory',
    unit: 'percent per minute',
    about: 'how fast the working set moves towards the limit, over 2 minutes',
    from: ['memory-slope-2m', 'limits'],
    value: (pod) => memoryTrend(pod, (c) => c.usage.memorySlope2m),
  },
  {
    name: 'memory_trend_5m',
    topic: 'memory',
    unit: 'percent per minute',
    about: 'the same over 5 minutes',
    from: ['memory-slope-5m', 'limits'],
    value: (pod) => memoryTrend(pod, (c) => c.usage.memorySlope5m),
  },
  {
    name: 'memory_minutes_to_limit',
    topic: 'memory',
    unit: 'minutes',
    about:
      'when the limit is reached if memory grows on as over the last 1, 2 or 5 minutes, the slowest of them; at most 60',
    from: ['memory-working-set', 'memory-slope-1m', 'memory-slope-2m', 'memory-slope-5m', 'limits'],
    value: (pod) => memoryMinutesToLimit(settledContainers(pod), lastingSlope),
  },
  {
    name: 'memory_minutes_to_limit_15m',
    topic: 'memory',
    unit: 'minutes',
    about:
      'the same, growing on as over the last 15 minutes; of a container whose start lies before these, and that is fuller than it was from 30 to 5 minutes ago (by 1 percent of the limit, or by half of what it gains in 5 minutes)',
    from: ['memory-working-set', 'memory-slope-15m', 'memory-earlier-peak', 'limits'],
    value: (pod) => memoryMinutesToLimit(settledContainers(pod, LONG_SETTLED_SECONDS), (c) => newGroundSlope(c, pod)),
  },
  {
    name: 'memory_of_peak_percent',
    topic: 'memory',
    unit: 'percent',
    about:
      'working set of the most within 30 minutes, by earlier lives of the container or this one; only after a restart',
    from: ['memory-working-set', 'memory-peak-5m', 'memory-earlier-peak', 'restarts-30m-ago'],
    value: memoryOfPeak,
  },
  {
    name: 'memory_above_earlier_percent',
    topic: 'memory',
    unit: 'percent',
    about:
      'working set less the most that the container used from 30 to 5 minutes ago, of its limit; of one that has lived for 10 minutes',
    from: ['memory-working-set', 'memory-earlier-peak', 'limits', 'restarts-30m-ago'],
    value: memoryAboveEarlier,
  },
  {
    name: 'memory_high',
    topic: 'memory',
    unit: '0 or 1',
    about: 'working set above 90 percent',
    from: ['memory-working-set', 'limits'],
    value: (pod) => flag(memoryShare(pod)?.percent, (percent) => percent > HIGH_PERCENT),
  },
  {
    name: 'network_receive_drops_per_second',
    topic: 'network',
    unit: 'packets per second',
    about: 'received packets dropped, over 5 minutes',
    from: ['network-receive-drops'],
    value: (pod) => pod.networkDrops.receivePerSecond ?? Number.NaN,
  },
  {
    name: 'network_transmit_drops_per_second',
    topic: 'network',
    unit: 'packets per second',
    about: 'sent packets dropped, over 5 minutes',
    from: ['network-transmit-drops'],
    value: (pod) => pod.networkDrops.transmitPerSecond ?? Number.NaN,
  },
  {
    name: 'network_drop_high',
    topic: 'network',
    unit: '0 or 1',
    about: 'any packet dropped',
    from: ['network-receive-drops', 'network-transmit-drops'],
    value: (pod) =>
      flag(sumOfKnown([pod.networkDrops.receivePerSecond, pod.networkDrops.transmitPerSecond]), (drops) => drops > 0),
  },
  // Containers
  {
    name: 'ready_containers',
    topic: 'readiness',
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
    topic: 'start',
    unit: 'count',
    about: 'containers in the pod',
    from: ['container-running', 'requests'],
    value: (pod) => pod.totalContainers ?? Number.NaN,
  },
  {
    name: 'pod_ready',
    topic: 'readiness',
    unit: '0 or 1',
    about: 'the condition Ready',
    from: ['ready-condition'],
    value: (pod) => flag(pod.readyCondition, (ready) => ready === 'true'),
  },
  {
    name: 'phase_pending',
    topic: 'start',
    unit: '0 or 1',
    about: 'the phase is Pending',
    from: ['phase'],
    value: (pod) => flag(pod.phase, (phase) => phase === 'Pending'),
  },
  {
    name: 'starting_seconds',
    topic: 'start',
    unit: 'seconds',
    about:
      'how long the phase has been Pending, since the pod got its node, or else since it was made; 0 in other phases, and where a container has restarted within 30 minutes; at most 900',
    from: ['phase', 'pod-created', 'pod-scheduled', 'restarts', 'restarts-30m-ago'],
    value: (pod) => {
      if (pod.phase === undefined) return Number.NaN;
      if (recentRestarts(pod, (c) => c.restartsIn30m) > 0) return 0;
      return pod.phase === 'Pending' ? age(pod, [pod.scheduledAtUnixSeconds ?? pod.createdAtUnixSeconds]) : 0;
    },
  },
  {
    name: 'phase_failed',
    topic: 'state',
    unit: '0 or 1',
    about: 'the phase is Failed',
    from: ['phase'],
    value: (pod) => flag(pod.phase, (phase) => phase === 'Failed'),
  },
  {
    name: 'unschedulable',
    topic: 'start',
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
    name: 'failing_now',
    topic: 'state',
    unit: '0 or 1',
    about: 'a container waits or has ended for a reason that is a failure, or the phase is Failed or Unknown',
    from: [
      'container-waiting-reason',
      'init-waiting-reason',
      'container-terminated',
      'container-terminated-reason',
      'init-terminated',
      'init-terminated-reason',
      'phase',
    ],
    value: (pod) => (pod.phase === 'Failed' || pod.phase === 'Unknown' ? 1 : state(pod, (c) => failsNow(c, pod))),
  },
  {
    name: 'waiting_crash_loop',
    topic: 'state',
    unit: '0 or 1',
    about: 'a container waits to be started again after it failed',
    from: ['container-waiting-reason', 'init-waiting-reason'],
    value: (pod) => state(pod, waitsAfterCrash),
  },
  {
    name: 'waiting_image',
    topic: 'start',
    unit: '0 or 1',
    about: 'a container has no image',
    from: ['container-waiting-reason', 'init-waiting-reason'],
    value: (pod) => state(pod, (c) => waitsFor(c, IMAGE_REASONS)),
  },
  {
    name: 'waiting_creating',
    topic: 'start',
    unit: '0 or 1',
    about: 'a container is being made, or waits for init containers',
    from: ['container-waiting-reason', 'init-waiting-reason'],
    value: (pod) => state(pod, isBeingMade),
  },
  {
    name: 'terminated_error',
    topic: 'state',
    unit: '0 or 1',
    about: 'a container has ended, and not well',
    from: ['container-terminated', 'container-terminated-reason', 'init-terminated', 'init-terminated-reason'],
    value: (pod) => state(pod, (c) => isKnownToHaveFailed(c, pod)),
  },
  {
    name: 'terminated_completed',
    topic: 'state',
    unit: '0 or 1',
    about: 'a container other than an init container has ended well',
    from: ['container-terminated', 'container-terminated-reason'],
    value: (pod) => state(pod, (c) => c.role !== 'init' && c.state === 'terminated' && c.reason === 'Completed'),
  },
  {
    name: 'init_running',
    topic: 'start',
    unit: '0 or 1',
    about: 'an init container runs',
    from: ['init-running'],
    value: (pod) => state(pod, (c) => c.role === 'init' && c.state === 'running'),
  },
  // Restarts and ends
  {
    name: 'restarts_total',
    topic: 'restarts',
    unit: 'count',
    about: 'restarts of all containers since the pod was made',
    from: ['restarts'],
    value: (pod) => sum(pod, (c) => c.restarts),
  },
  {
    name: 'restarts_5m',
    topic: 'restarts',
    unit: 'count',
    about: 'restarts within 5 minutes, of containers that have not outlived their rhythm (see usual_life_seconds)',
    from: ['restarts', 'restarts-5m-ago'],
    value: (pod) => recentRestarts(pod, (c) => c.restartsIn5m),
  },
  {
    name: 'restarts_15m',
    topic: 'restarts',
    unit: 'count',
    about: 'restarts within 15 minutes, of these',
    from: ['restarts', 'restarts-15m-ago'],
    value: (pod) => recentRestarts(pod, (c) => c.restartsIn15m),
  },
  {
    name: 'restarts_30m',
    topic: 'restarts',
    unit: 'count',
    about: 'restarts within 30 minutes, of these',
    from: ['restarts', 'restarts-30m-ago'],
    value: (pod) => recentRestarts(pod, (c) => c.restartsIn30m),
  },
  {
    name: 'sibling_restarts_30m',
    topic: 'restarts',
    unit: 'count',
    about: 'restarts within 30 minutes in other pods of the same owner, gone ones too',
    from: ['owner-restarts-30m', 'restarts-30m-ago'],
    value: siblingRestarts,
  },
  {
    name: 'usual_life_seconds',
    topic: 'restarts',
    unit: 'seconds',
    about:
      'how long earlier lives of the container lasted on average, the whole of them; at most 3600; not of one that runs three times as long',
    from: LIFE_SIGNALS,
    value: shortestLife,
  },
  {
    name: 'usual_life_elapsed_percent',
    topic: 'restarts',
    unit: 'percent',
    about: 'how long it runs now, of that',
    from: LIFE_SIGNALS,
    value: lifeElapsed,
  },
  {
    name: 'seconds_to_usual_life_end',
    topic: 'restarts',
    unit: 'seconds',
    about: 'until it has run as long as that',
    from: LIFE_SIGNALS,
    value: secondsToLifeEnd,
  },
  {
    name: 'mean_cycle_seconds',
    topic: 'restarts',
    unit: 'seconds',
    about:
      'mean time between ends within 30 minutes, else since the pod was made; at most 3600; not of one that runs three times as long as before',
    from: LIFE_SIGNALS,
    value: meanCycle,
  },
  {
    name: 'backoff_seconds',
    topic: 'restarts',
    unit: 'seconds',
    about: 'how long the container was kept waiting before it was last started, within 30 minutes; at most 300',
    from: ['last-terminated-at', 'container-started'],
    value: backoffSeconds,
  },
  {
    name: 'next_backoff_seconds',
    topic: 'restarts',
    unit: 'seconds',
    about:
      'how long the kubelet will keep the container waiting if it ends when it usually does; 0 where it will start it at once',
    from: LIFE_SIGNALS,
    value: nextBackoffSeconds,
  },
  {
    name: 'ready_percent_5m',
    topic: 'readiness',
    unit: 'percent',
    about: 'part of the last 5 minutes in which the pod was ready; not of a younger pod',
    from: ['ready-share-5m'],
    value: (pod) => readyPercent(pod, pod.readyShareOver5m, WINDOW_SECONDS['ready-share-5m']),
  },
  {
    name: 'ready_percent_15m',
    topic: 'readiness',
    unit: 'percent',
    about: 'part of the last 15 minutes in which the pod was ready; not of a younger pod',
    from: ['ready-share-15m'],
    value: (pod) => readyPercent(pod, pod.readyShareOver15m, WINDOW_SECONDS['ready-share-15m']),
  },
  {
    name: 'ready_changes_15m',
    topic: 'readiness',
    unit: 'count',
    about: 'how often the pod became ready or ceased to be within 15 minutes',
    from: ['ready-changes-15m'],
    value: (pod) => pod.readyChangesIn15m ?? Number.NaN,
  },
  {
    name: 'seconds_since_last_start',
    topic: 'restarts',
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
    topic: 'restarts',
    unit: 'seconds',
    about: 'since a container ended and was started again, within 30 minutes; at most 900',
    from: ['last-terminated-at'],
    value: (pod) => age(pod, [lastEnded(pod)?.lastTermination?.atUnixSeconds]),
  },
  {
    name: 'last_exit_code',
    topic: 'restarts',
    unit: 'exit code',
    about: 'of the container that ended last and was started again, within 30 minutes',
    from: ['last-exit-code'],
    value: (pod) => lastEnded(pod)?.lastTermination?.exitCode ?? Number.NaN,
  },
  {
    name: 'last_terminated_oom',
    topic: 'restarts',
    unit: '0 or 1',
    about: 'that end was an OOM kill',
    from: ['last-terminated-reason'],
    value: (pod) => flag(lastEnded(pod)?.lastTermination?.reason, (reason) => reason === 'OOMKilled'),
  },
  {
    name: 'pod_age_seconds',
    topic: 'start',
    unit: 'seconds',
    about: 'since the pod was made; at most 900',
    from: ['pod-created'],
    value: (pod) => age(pod, [pod.createdAtUnixSeconds]),
  },
  // The node
  {
    name: 'node_ready',
    topic: 'node',
    unit: '0 or 1',
    about: "the node's condition Ready",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'Ready'),
  },
  {
    name: 'node_memory_pressure',
    topic: 'node',
    unit: '0 or 1',
    about: "the node's condition MemoryPressure",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'MemoryPressure'),
  },
  {
    name: 'node_disk_pressure',
    topic: 'node',
    unit: '0 or 1',
    about: "the node's condition DiskPressure",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'DiskPressure'),
  },
  {
    name: 'node_pid_pressure',
    topic: 'node',
    unit: '0 or 1',
    about: "the node's condition PIDPressure",
    from: ['node-condition'],
    value: (pod) => condition(pod, 'PIDPressure'),
  },
  {
    name: 'node_cordoned',
    topic: 'node',
    unit: '0 or 1',
    about: 'the node takes no new pods',
    from: ['node-cordoned', 'node-condition'],
    value: (pod) => flag(pod.node?.cordoned, (cordoned) => cordoned),
  },
];

/** The features that a signal is needed for. */
export function featuresFrom(signal: SignalName): Feature[] {
  return FEATURES.filter(({ from }) => from.includes(signal));
}

function flag<T>(value: T | undefined, test: (value: T) => boolean): number {
  return value === undefined ? Number.NaN : Number(test(value));
}

function hasStatus(pod: PodSnapshot): boolean {
  return pod.containers.some((c) => c.state !== undefined);
}

/** Without these nobody knows whether a container has a status. */
const STATE_SIGNALS: ReadonlySet<SignalName> = new Set(['container-waiting', 'init-waiting', 'init-running']);

/** A pod that waits for a node, or whose node has not taken it up yet: nothing in it has started, or can have failed. */
export function isUnstarted(pod: PodSnapshot): boolean {
  return pod.phase === 'Pending' && !hasStatus(pod) && !pod.gaps.some(({ signal }) => STATE_SIGNALS.has(signal));
}

/** Whether any container is in the state; not known of a pod whose containers should have a status and have none. */
function state(pod: PodSnapshot, test: (container: ContainerSnapshot) => boolean): number {
  return hasStatus(pod) || isUnstarted(pod) ? Number(pod.containers.some(test)) : Number.NaN;
}

function sum(pod: PodSnapshot, of: (container: ContainerSnapshot) => number | undefined): number {
  return sumOfKnown(pod.containers.map(of)) ?? Number.NaN;
}

function age(pod: PodSnapshot, unixSeconds: readonly (number | undefined)[]): number {
  const known = unixSeconds.filter((time) => time !== undefined);
  if (known.length === 0) return Number.NaN;
  return Math.min(Math.max(pod.readAtUnixSeconds - Math.max(...known), 0), OLDEST_SECONDS);
}

/** The container that ended last, of those whose end still says something: nearly every pod has restarted once. */
function lastEnded(pod: PodSnapshot): ContainerSnapshot | undefined {
  return endedLast(pod.containers.filter((c) => isRecent(c, pod)));
}

/** The container that ended last and was started again; undefined where none was. */
export function endedLast(containers: readonly ContainerSnapshot[]): ContainerSnapshot | undefined {
  const at = (c: ContainerSnapshot): number => c.lastTermination?.atUnixSeconds ?? Number.NEGATIVE_INFINITY;
  return containers
    .filter((c) => c.lastTermination !== undefined)
    .reduce<ContainerSnapshot | undefined>(
      (best, next) => (best === undefined || at(next) > at(best) ? next : best),
      undefined,
    );
}

/** Percent of the limit per minute, of the container that moves fastest towards its limit. */
function memoryTrend(pod: PodSnapshot, slope: (container: ContainerSnapshot) => number | undefined): number {
  return most(settledContainers(pod).map((c) => percentPerMinute(c, slope(c))));
}

/** How full the fullest container whose memory grows is, in percent of its limit; 0 where none grows. */
function memoryGrowing(pod: PodSnapshot): number {
  const shares = settledContainers(pod).map((c) => {
    const grows = isGrowing(c, pod);
    if (grows === undefined) return Number.NaN;
    return grows ? percentOfLimit(c, c.usage.memoryBytes) : 0;
  });
  return most(shares);
}

function memoryMinutesToLimit(
  containers: readonly ContainerSnapshot[],
  slope: (container: ContainerSnapshot) => number | undefined,
): number {
  return least(containers.map((c) => minutesToLimit(c, slope(c))));
}

/** The containers that run again after a restart within the window: only those have an earlier life to compare with. */
function restartedContainers(pod: PodSnapshot): ContainerSnapshot[] {
  return runningContainers(pod).filter((c) => (c.restartsIn30m ?? 0) > 0);
}

function memoryOfPeak(pod: PodSnapshot): number {
  const shares = restartedContainers(pod).map(({ usage }) =>
    usage.memoryBytes === undefined || usage.memoryPeakBytes === undefined
      ? Number.NaN
      : (100 * usage.memoryBytes) / usage.memoryPeakBytes,
  );
  return most(shares);
}

function memoryAboveEarlier(pod: PodSnapshot): number {
  return most(runningContainers(pod).map((c) => aboveEarlierPercent(c, pod)));
}

/** The least of the numbers that are known; NaN where none is. */
function least(numbers: readonly number[]): number {
  return numbers.reduce((known, n) => (Number.isNaN(known) || n < known ? n : known), Number.NaN);
}

/** The most of them. */
function most(numbers: readonly number[]): number {
  return numbers.reduce((known, n) => (Number.isNaN(known) || n > known ? n : known), Number.NaN);
}

function siblingRestarts(pod: PodSnapshot): number {
  return sum(pod, (c) =>
    c.siblings === undefined || c.restartsIn30m === undefined
      ? undefined
      : Math.max(c.siblings.restartsIn30m - c.restartsIn30m, 0),
  );
}

function shortestLife(pod: PodSnapshot): number {
  const lives = pod.containers.filter((c) => c.role !== 'init').map((c) => usualLifeSeconds(c, pod) ?? Number.NaN);
  return least(lives);
}

/** How far the container that is farthest into its life has come, in percent of its earlier lives. */
function lifeElapsed(pod: PodSnapshot): number {
  const shares = runningContainers(pod).map((c) => {
    const life = usualLifeSeconds(c, pod);
    if (life === undefined || c.startedAtUnixSeconds === undefined) return Number.NaN;
    return Math.min((100 * (pod.readAtUnixSeconds - c.startedAtUnixSeconds)) / Math.max(life, 1), 1000);
  });
  return most(shares);
}

/** Seconds until a running container has lived as long as its earlier lives did. */
function secondsToLifeEnd(pod: PodSnapshot): number {
  const left = runningContainers(pod).map((c) => {
    const life = usualLifeSeconds(c, pod);
    if (life === undefined || c.startedAtUnixSeconds === undefined) return Number.NaN;
    return life - (pod.readAtUnixSeconds - c.startedAtUnixSeconds);
  });
  return least(left);
}

function meanCycle(pod: PodSnapshot): number {
  return least(pod.containers.map((c) => cycleSeconds(c, pod) ?? Number.NaN));
}

/** Restarts within a window, of containers whose rhythm they may be. */
function recentRestarts(pod: PodSnapshot, of: (container: ContainerSnapshot) => number | undefined): number {
  if (isUnstarted(pod)) return 0;
  return sum(pod, (c) => {
    const restarts = of(c);
    return restarts !== undefined && restarts > 0 && isWellAgain(c, pod) ? 0 : restarts;
  });
}

/** Of a pod that is younger than the window the share would say how young it is. */
function readyPercent(pod: PodSnapshot, share: number | undefined, windowSeconds: number): number {
  const created = pod.createdAtUnixSeconds;
  if (share === undefined || created === undefined || pod.readAtUnixSeconds - created < windowSeconds)
    return Number.NaN;
  return 100 * share;
}

function backoffSeconds(pod: PodSnapshot): number {
  return most(runningContainers(pod).map((c) => (isRecent(c, pod) ? waitedSeconds(c) : undefined) ?? Number.NaN));
}

function nextBackoffSeconds(pod: PodSnapshot): number {
  // What waits already is no matter of a next end.
  if (pod.containers.some(waitsAfterCrash)) return Number.NaN;
  return most(runningContainers(pod).map((c) => nextWaitSeconds(c, pod) ?? Number.NaN));
}

/** 1 where the condition holds, 0 where it does not; a condition that the node does not know itself holds for neither. */
function condition(pod: PodSnapshot, name: string): number {
  const status = pod.node?.conditions.get(name);
  if (status === 'true') return 1;
  if (status === 'false') return 0;
  // An unreachable node is not ready; of its other conditions nothing is known.
  return status === 'unknown' && name === 'Ready' ? 0 : Number.NaN;
}
