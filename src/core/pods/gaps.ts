import { WHOLE_WINDOWS, WINDOW_SECONDS, type Signal, type SomeContainer } from '../signals/catalogue.ts';
import { rowsOf, type Readings } from '../signals/readings.ts';
import type { GapReason } from '../signals/signal.ts';
import { CONTAINER_ROWS, INIT_STATES, isOlder, type PodSignals } from './pod-signals.ts';
import { ASSUMED_INTERVAL_SECONDS } from './presence.ts';
import type { ContainerSnapshot, Gap, PodSnapshot } from './snapshot.ts';
import { isStateLost, lacksInitContainers } from './status.ts';

/** A snapshot before it is said what it lacks. */
export type Known = Omit<PodSnapshot, 'gaps' | 'silence'>;

/** What the pod lacks of the `expected` signals, and of its past. */
export function gapsOf(pod: Known, rows: PodSignals, expected: readonly Signal[], readings: Readings): Gap[] {
  const gaps: Gap[] = [];
  for (const signal of expected) {
    const reason = gapOf(signal, pod, rows, readings);
    if (reason !== undefined) gaps.push({ signal: signal.name, reason });
  }
  return [
    ...withLostStates(pod, gaps),
    ...historyGaps(rows),
    ...(lacksInitContainers(pod) && !rows.isMissing('init-info') ? [INIT_DROPPED] : []),
  ];
}

const INIT_DROPPED: Gap = {
  signal: 'init-info',
  reason: { kind: 'metric-absent', metric: 'kube_pod_init_container_info' },
};

/** What nobody can tell of a pod that is older than the samples are. */
function historyGaps(rows: PodSignals): Gap[] {
  return WHOLE_WINDOWS.filter((signal) => !rows.isMissing(signal) && !rows.reachesBack(signal)).map((signal) => ({
    signal,
    reason: { kind: 'history-too-short', windowSeconds: WINDOW_SECONDS[signal] },
  }));
}

/** Where the state of a container is lost, all that would have told it is missing. */
function withLostStates(pod: Known, gaps: Gap[]): Gap[] {
  const untold = pod.containers.filter((c) => c.state === undefined);
  // Nearly always there is none.
  if (untold.length === 0) return gaps;
  const known: PodSnapshot = { ...pod, gaps, silence: undefined };
  const lost = untold.filter((c) => isStateLost(c, known));
  if (lost.length === 0) return gaps;
  const missing = new Set(gaps.map(({ signal }) => signal));
  const states = [
    ...(lost.some((c) => c.role === 'container') ? CONTAINER_ROWS : []),
    ...(lost.some((c) => c.role !== 'container') ? Object.values(INIT_STATES).flat() : []),
  ];
  const reason = { kind: 'pod-not-sampled', exporter: 'kube-state-metrics' } as const;
  return [...gaps, ...states.filter((signal) => !missing.has(signal)).map((signal) => ({ signal, reason }))];
}

/** A container that is not running has no usage: that is no gap. */
function gapOf(signal: Signal, pod: Known, rows: PodSignals, readings: Readings): GapReason | undefined {
  const whole = readings.gaps.get(signal.name);
  if (whole !== undefined) return whole;
  switch (signal.expect) {
    case 'nothing':
    case 'some pod':
      return undefined;
    case 'some container':
      return readings.layout.absentMetrics.has(signal.metric) &&
        pod.containers.some((c) => CONCERNED[signal.name as SomeContainer](c))
        ? { kind: 'metric-absent', metric: signal.metric }
        : undefined;
    case 'pod':
      return rows.isVoid(signal.name) ? absence(signal, readings) : undefined;
    case 'node':
      return pod.node === undefined || pod.node.conditions.size > 0 ? undefined : absence(signal, readings);
    case 'running pod': {
      const started = pod.containers.some((c) => c.state !== undefined);
      return pod.phase !== 'Running' || started ? undefined : absence(signal, readings);
    }
    case 'running container': {
      if (signal.subject === 'pod') {
        const running = pod.containers.some((c) => c.state === 'running');
        return running && rows.isVoid(signal.name) ? absence(signal, readings) : undefined;
      }
      const lacking = pod.containers.filter((c) => c.role === 'container' && isSettled(c, signal, readings));
      const missing = lacking.filter((c) => rows.isVoid(signal.name, c.name));
      if (missing.length > 0) return absence(signal, readings);
      const ghost = lacking.some(
        (c) =>
          signal.exporter === 'cadvisor' && isOlder(rows.value('memory-sampled-at', c.name), c.startedAtUnixSeconds),
      );
      return ghost ? { kind: 'older-than-container' } : undefined;
    }
  }
}

/** Containers of which the signal would tell if there was any telling. */
const CONCERNED: Readonly<Record<SomeContainer, (c: ContainerSnapshot) => boolean>> = {
  'container-waiting-reason': (c) => c.role === 'container' && isUnexplained(c, 'waiting'),
  'container-terminated-reason': (c) => c.role === 'container' && isUnexplained(c, 'terminated'),
  'init-waiting-reason': (c) => c.role !== 'container' && isUnexplained(c, 'waiting'),
  // An init container that is ready has ended well.
  'init-terminated-reason': (c) => c.role !== 'container' && c.ready !== true && isUnexplained(c, 'terminated'),
  'init-ready': (c) => c.role !== 'container' && c.state !== undefined,
  'last-terminated-reason': hasRestarted,
  'last-exit-code': hasRestarted,
  'last-terminated-at': hasRestarted,
};

function hasRestarted(c: ContainerSnapshot): boolean {
  return c.role === 'container' && (c.restarts ?? 0) > 0;
}

function isUnexplained(c: ContainerSnapshot, state: ContainerSnapshot['state']): boolean {
  return c.state === state && c.reason === undefined;
}

/** Running for so long that the signal must have appeared: two scrapes, four for a window. */
function isSettled(container: ContainerSnapshot, signal: Signal, readings: Readings): boolean {
  if (container.state !== 'running') return false;
  const interval = readings.layout.scrapeIntervalSeconds[signal.exporter] ?? ASSUMED_INTERVAL_SECONDS;
  const since = container.startedAtUnixSeconds ?? Number.NEGATIVE_INFINITY;
  return readings.unixSeconds - since > interval * (signal.windowSeconds === undefined ? 2 : 4);
}

function absence(signal: Signal, readings: Readings): GapReason {
  return rowsOf(readings, signal.name).length === 0
    ? { kind: 'metric-absent', metric: signal.metric }
    : { kind: 'pod-not-sampled', exporter: signal.exporter };
}
