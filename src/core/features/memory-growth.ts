/**
 * How the memory of a container moves towards its limit. Amounts are in bytes, slopes in bytes per second, shares in percent of
 * the limit; NaN and undefined are not known.
 */
import type { ContainerSnapshot, PodSnapshot } from '../pods/snapshot.ts';
import { runningContainers } from '../pods/usage.ts';
import { lifeSeconds, RHYTHM_SECONDS } from './rhythm.ts';

/** Minutes to the limit beyond this are as good as never. */
export const FARTHEST_MINUTES = 60;
/** What gains less of its limit in a minute may be noise: it grows only if it has for a quarter of an hour. */
const GROWING_PERCENT_PER_MINUTE = 0.5;
/** What gains fewer bytes in a second (64 KiB in a minute) does not move. */
const LEAST_GROWTH = (64 * 1024) / 60;

/**
 * A container fills its memory as it starts. Until the window of two minutes lies behind that, growth says only that it has
 * just started.
 */
const SETTLED_SECONDS = 150;
/** The same for the window of 15 minutes. */
export const LONG_SETTLED_SECONDS = 900 + SETTLED_SECONDS;

/** The running containers whose memory trend says something. */
export function settledContainers(pod: PodSnapshot, seconds = SETTLED_SECONDS): ContainerSnapshot[] {
  return runningContainers(pod).filter((c) => isSettled(c, pod, seconds));
}

/** Of a running container: whether it began before the window. */
function isSettled(c: ContainerSnapshot, pod: PodSnapshot, seconds = SETTLED_SECONDS): boolean {
  return (lifeSeconds(c, pod) ?? seconds) >= seconds;
}

/** 100 x bytes / limit; NaN without a limit. */
export function percentOfLimit(c: ContainerSnapshot, bytes: number | undefined): number {
  const limit = c.limits?.memoryBytes;
  return limit === undefined || limit <= 0 || bytes === undefined ? Number.NaN : (100 * bytes) / limit;
}

/** Percent of the limit in a minute. */
export function percentPerMinute(c: ContainerSnapshot, slope: number | undefined): number {
  return percentOfLimit(c, slope === undefined ? undefined : 60 * slope);
}

/** Until the limit is reached if memory grows on so; at most FARTHEST_MINUTES; NaN where that cannot be told. */
export function minutesToLimit(c: ContainerSnapshot, slope: number | undefined): number {
  const [limit, bytes] = [c.limits?.memoryBytes, c.usage.memoryBytes];
  if (limit === undefined || limit <= 0 || bytes === undefined || slope === undefined) return Number.NaN;
  if (slope <= 0) return FARTHEST_MINUTES;
  return Math.min(Math.max((limit - bytes) / slope / 60, 0), FARTHEST_MINUTES);
}

/**
 * Growth that goes on now: the least over 1, 2 and 5 minutes, of those that the scrape interval allows. The jump of a start
 * stays in the slope of 5 minutes long after it is over, and growth that has just ended in that of 2 minutes.
 */
export function lastingSlope({ usage }: ContainerSnapshot): number | undefined {
  const { memorySlope1m, memorySlope2m, memorySlope5m } = usage;
  if (memorySlope5m === undefined) return undefined;
  return Math.min(memorySlope1m ?? memorySlope5m, memorySlope2m ?? memorySlope5m, memorySlope5m);
}

/** A container that is younger has no earlier to speak of. */
const EARLIER_LIFE_SECONDS = 600;
/** Whose pods never have a name again; cAdvisor, which knows no uid, may have kept the peak of another pod of one name. */
const OWNERS_OF_NEW_NAMES: ReadonlySet<string> = new Set(['ReplicaSet', 'DaemonSet', 'Job']);

/**
 * By how much of its limit the memory of a container is above the most from 30 to 5 minutes ago; NaN where there is no such
 * time, or it was another life's. A leak goes where it has not been before, a cache or a sawtooth comes back.
 */
export function aboveEarlierPercent(c: ContainerSnapshot, pod: PodSnapshot): number {
  const { memoryBytes, memoryEarlierPeakBytes } = c.usage;
  if (memoryBytes === undefined || memoryEarlierPeakBytes === undefined || c.restartsIn30m !== 0) return Number.NaN;
  const isNewName = OWNERS_OF_NEW_NAMES.has(pod.owner?.kind ?? '');
  if ((lifeSeconds(c, pod) ?? 0) < (isNewName ? EARLIER_LIFE_SECONDS : RHYTHM_SECONDS)) return Number.NaN;
  return percentOfLimit(c, memoryBytes - memoryEarlierPeakBytes);
}

/** Above its earlier peak by so much of its limit, memory is where it has not been before … */
const NEW_GROUND_PERCENT = 1;
/** … and so is slower growth with half of what it gains in the time since then. */
const NEW_GROUND_SHARE = 0.5;
const SINCE_EARLIER_SECONDS = 300;

/** Growth over 15 minutes; none where it only leads back to where the container has been. */
export function newGroundSlope(c: ContainerSnapshot, pod: PodSnapshot): number | undefined {
  const { memorySlope15m: slope } = c.usage;
  if (slope === undefined || slope <= 0) return slope;
  const least = Math.min(NEW_GROUND_PERCENT, NEW_GROUND_SHARE * percentOfLimit(c, SINCE_EARLIER_SECONDS * slope));
  return aboveEarlierPercent(c, pod) < least ? 0 : slope;
}

/**
 * Growth that has led to new ground for 15 minutes and goes on now; undefined where that is not known. One minute tells too
 * little of slow growth: it is often less than what memory goes up and down by.
 */
function steadySlope(c: ContainerSnapshot, pod: PodSnapshot): number | undefined {
  const { memorySlope2m, memorySlope5m } = c.usage;
  const slow = newGroundSlope(c, pod);
  if (memorySlope5m === undefined || slow === undefined || !isSettled(c, pod, LONG_SETTLED_SECONDS)) return undefined;
  return Math.min(memorySlope2m ?? memorySlope5m, memorySlope5m, slow);
}

/**
 * Whether memory grows: fast enough to be no noise, or more slowly but steadily and so that the limit is reached within the
 * hour. undefined where growth of now is not known; without the window of 15 minutes none is slow.
 */
export function isGrowing(c: ContainerSnapshot, pod: PodSnapshot): boolean | undefined {
  const trend = percentPerMinute(c, lastingSlope(c));
  if (Number.isNaN(trend)) return undefined;
  return trend >= GROWING_PERCENT_PER_MINUTE || minutesToLimit(c, steadySlope(c, pod)) < FARTHEST_MINUTES;
}

/** How memory moves, for people. */
export interface MemoryGrowth {
  /** Bytes per second; 0 where it is so little that memory stays as it is. */
  readonly slope: number;
  /** The window that tells so, where growth is not that of now. */
  readonly windowMinutes: 15 | undefined;
}

/**
 * Growth as it lasts; where memory is being collected just now, that of a quarter of an hour. One collection within the last
 * minute is no decline: that is told by five minutes. As for the model, growth counts only where the container has settled;
 * undefined where it has not.
 */
export function memoryGrowth(c: ContainerSnapshot, pod: PodSnapshot): MemoryGrowth | undefined {
  const lasting = lastingSlope(c);
  if (lasting === undefined || !isSettled(c, pod)) return undefined;
  if (moving(lasting) > 0) return { slope: lasting, windowMinutes: undefined };
  const slow = isSettled(c, pod, LONG_SETTLED_SECONDS) ? moving(newGroundSlope(c, pod) ?? 0) : 0;
  if (slow > 0) return { slope: slow, windowMinutes: 15 };
  return { slope: moving(Math.min(c.usage.memorySlope5m ?? 0, 0)), windowMinutes: undefined };
}

function moving(slope: number): number {
  return Math.abs(slope) < LEAST_GROWTH ? 0 : slope;
}

/** The container that reaches its limit first if it grows on; undefined where none will within an hour. */
export function soonestFull(pod: PodSnapshot): ContainerSnapshot | undefined {
  const [soonest] = settledContainers(pod)
    .map((container) => ({ container, minutes: minutesToLimit(container, memoryGrowth(container, pod)?.slope) }))
    .filter(({ minutes }) => minutes < FARTHEST_MINUTES)
    .sort((a, b) => a.minutes - b.minutes);
  return soonest?.container;
}
