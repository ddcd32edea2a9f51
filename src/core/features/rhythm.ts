/**
 * The rhythm of a container: how long its lives last, how long it waits between them, and what the kubelet will do when it ends
 * again. Times are in seconds; undefined is not known, or no rhythm.
 */
import type { ContainerSnapshot, PodSnapshot } from '../pods/snapshot.ts';
import { endedInFailure } from './container-states.ts';

/** The window of the rhythm of restarts. */
export const RHYTHM_SECONDS = 1800;
/** Lives longer than this are all long: no recording of the lab shows a longer one. */
export const LONGEST_LIFE_SECONDS = 3600;

/**
 * Seconds that earlier lives of the container lasted on average, at most an hour: those that ended within 30 minutes; where
 * none did, all of them if they are a rhythm, else those of the same container in pods of the same owner. undefined where
 * nobody restarted, and of a container that has outlived that rhythm.
 */
export function usualLifeSeconds(c: ContainerSnapshot, pod: PodSnapshot): number | undefined {
  return usualLife(c, pod)?.seconds;
}

/** What earlier lives are known by: themselves, the times between ends (waits among them), or those of siblings. */
export interface EndedLife {
  readonly seconds: number;
  readonly of: 'lives' | 'cycles' | 'siblings';
}

/** usualLifeSeconds, and what it is known by. */
export function usualLife(c: ContainerSnapshot, pod: PodSnapshot): EndedLife | undefined {
  const ended = endedLife(c, pod);
  return ended === undefined || hasOutlived(ended.seconds, c, pod)
    ? undefined
    : { ...ended, seconds: Math.min(ended.seconds, LONGEST_LIFE_SECONDS) };
}

/** The same, also of a container that has outlived it. */
export function endedLife(c: ContainerSnapshot, pod: PodSnapshot): EndedLife | undefined {
  const recent = recentLives(c, pod);
  if (recent !== undefined) return { seconds: meanLifeSeconds(recent, c, pod), of: 'lives' };
  const whole = (c.restarts ?? 0) >= RHYTHM_RESTARTS ? wholeCycleSeconds(c, pod) : undefined;
  // A restart every few days is no rhythm.
  if (whole !== undefined && whole <= LONGEST_LIFE_SECONDS) return { seconds: whole, of: 'cycles' };
  if (c.siblings?.runningSeconds === undefined || c.siblings.restartsIn30m <= 0) return undefined;
  return { seconds: c.siblings.runningSeconds / c.siblings.restartsIn30m, of: 'siblings' };
}

/** So many ends are a rhythm, however long ago the last one is. */
const RHYTHM_RESTARTS = 3;

/** What runs for so many times as long as its rhythm, which is taken for no shorter than a minute, has left it. */
const OUTLIVED_TIMES = 3;
const SHORTEST_RHYTHM_SECONDS = 60;

/** An application that crashed until its database was there, and has been running since, is not bound to crash again. */
function hasOutlived(rhythmSeconds: number, c: ContainerSnapshot, pod: PodSnapshot): boolean {
  return (lifeSeconds(c, pod) ?? 0) > OUTLIVED_TIMES * Math.max(rhythmSeconds, SHORTEST_RHYTHM_SECONDS);
}

/** The lives that ended within the window, the whole of each, and what lay between them. */
interface RecentLives {
  /** When the first of them began, in Unix seconds. */
  readonly first: number;
  readonly count: number;
  /** Of all of them together. */
  readonly seconds: number;
  /** How long it waited after an end, on average; undefined where it has not been started again yet. */
  readonly meanWaitSeconds: number | undefined;
}

/** undefined where there were none, or not all of it is known. */
function recentLives(c: ContainerSnapshot, pod: PodSnapshot): RecentLives | undefined {
  const { createdAtUnixSeconds: created, readAtUnixSeconds: now } = pod;
  const ends = c.restartsIn30m ?? 0;
  const isFirstEver = c.restarts === ends;
  const first = c.earliestStartOver30m ?? (isFirstEver ? created : undefined);
  const lastStart = c.state === 'running' ? c.startedAtUnixSeconds : now;
  const isUnknown = c.state === undefined || c.runningShareOver30m === undefined;
  if (ends <= 0 || isUnknown || first === undefined || lastStart === undefined || created === undefined)
    return undefined;
  const windowStart = now - RHYTHM_SECONDS;
  // Where the window began with a wait, the first start in it was a restart, of a life that is not in it.
  const isAfterWait = first > windowStart && !isFirstEver;
  // What is not running has ended once more than it was started again.
  const count = ends - Number(isAfterWait) + Number(c.state !== 'running');
  if (count <= 0) return undefined;
  const seenFrom = Math.max(windowStart, created);
  // A wait that began before the window, an image that was pulled: down, but not between lives.
  const down = (1 - c.runningShareOver30m) * (now - seenFrom) - Math.max(first - seenFrom, 0);
  const endedAt = c.lastTermination?.atUnixSeconds;
  const waitsNow = c.state === 'running' ? 0 : endedAt === undefined ? undefined : now - endedAt;
  const waits = c.state === 'running' ? count : count - 1;
  return {
    first,
    count,
    seconds: Math.max(lastStart - first - Math.max(down, 0), 0),
    meanWaitSeconds: waits === 0 || waitsNow === undefined ? undefined : Math.max(down - waitsNow, 0) / waits,
  };
}

/**
 * The mean of the lives that ended within the window. The first of them may have begun before it, and may be of days, which
 * says nothing of those after it: where it is much longer than the others, the others count.
 */
function meanLifeSeconds({ first, count, seconds }: RecentLives, c: ContainerSnapshot, pod: PodSnapshot): number {
  if (count === 1) return seconds;
  const firstEnd = c.earliestEndOver30m;
  if (firstEnd !== undefined && firstEnd > first) {
    const others = Math.max(seconds - (firstEnd - first), 0) / (count - 1);
    return firstEnd - first > 2 * others ? others : seconds / count;
  }
  // Before 2.12 kube-state-metrics does not say when it ended: somewhere in the window.
  const within = seconds - Math.max(pod.readAtUnixSeconds - RHYTHM_SECONDS - first, 0);
  return seconds / count > within / (count - 1) ? within / count : seconds / count;
}

/** How long the container has been running; undefined where it is not. */
export function lifeSeconds(c: ContainerSnapshot, pod: PodSnapshot): number | undefined {
  if (c.state !== 'running' || c.startedAtUnixSeconds === undefined) return undefined;
  return pod.readAtUnixSeconds - c.startedAtUnixSeconds;
}

/**
 * The mean time between the ends of the container: of those within 30 minutes, else over the whole life of the pod. undefined
 * where the container is well again, and where it is more than an hour: that is no rhythm.
 */
export function cycleSeconds(c: ContainerSnapshot, pod: PodSnapshot): number | undefined {
  if (isWellAgain(c, pod)) return undefined;
  const recent = recentLives(c, pod);
  const cycle =
    recent?.meanWaitSeconds === undefined
      ? wholeCycleSeconds(c, pod)
      : meanLifeSeconds(recent, c, pod) + recent.meanWaitSeconds;
  return cycle === undefined || cycle > LONGEST_LIFE_SECONDS ? undefined : cycle;
}

/** The mean time between the ends of the container over the whole life of the pod; undefined where it has not ended yet. */
function wholeCycleSeconds(c: ContainerSnapshot, pod: PodSnapshot): number | undefined {
  const at = c.lastTermination?.atUnixSeconds;
  const created = pod.createdAtUnixSeconds;
  if (at === undefined || created === undefined || at <= created || (c.restarts ?? 0) <= 0) return undefined;
  return (at - created) / (c.restarts ?? 1);
}

/** Whether it has done its part in starting the pod: it does not run again, however often it failed before. */
export function hasInitialized(c: ContainerSnapshot): boolean {
  return c.role === 'init' && c.state === 'terminated' && !endedInFailure(c);
}

/** Whether the container runs on and on after it had failed: its restarts are a thing of the past. */
export function isWellAgain(c: ContainerSnapshot, pod: PodSnapshot): boolean {
  if (hasInitialized(c)) return true;
  const rhythm = endedLife(c, pod)?.seconds ?? wholeCycleSeconds(c, pod);
  return rhythm !== undefined && hasOutlived(rhythm, c, pod);
}

/** Whether the last end of the container says something of the next one. */
export function isRecent(c: ContainerSnapshot, pod: PodSnapshot): boolean {
  // Before 2.12 kube-state-metrics does not say when it ended: no later than it was started again.
  const startedAt = c.state === 'running' ? c.startedAtUnixSeconds : undefined;
  const at = c.lastTermination?.atUnixSeconds ?? startedAt ?? pod.readAtUnixSeconds;
  return pod.readAtUnixSeconds - at <= RHYTHM_SECONDS && !isWellAgain(c, pod);
}

/** How long the container had been down before it was last started. */
export function waitedSeconds(c: ContainerSnapshot): number | undefined {
  const at = c.lastTermination?.atUnixSeconds;
  if (at === undefined || c.startedAtUnixSeconds === undefined) return undefined;
  return Math.min(Math.max(c.startedAtUnixSeconds - at, 0), LONGEST_BACKOFF_SECONDS);
}

/** The kubelet's back-off: twice as long after each end, forgotten after a life of twice the longest. */
const FIRST_BACKOFF_SECONDS = 10;
const LONGEST_BACKOFF_SECONDS = 300;
const FORGOTTEN_AFTER_SECONDS = 2 * LONGEST_BACKOFF_SECONDS;
/** What was started again sooner had not been kept waiting: times are in whole seconds. */
const LEAST_BACKOFF_SECONDS = 8;

/**
 * The wait decides whether a pod that crashes is seen in CrashLoopBackOff or only, for a moment, in Error. A container that
 * ended by itself is started at once the first time, and waits from the second on. One that the kubelet killed (a probe)
 * goes on being started at once until the back-off, counted from the end before, is longer than its lives
 * (kubelet, `doBackOff`: it looks at the status from before the kill).
 */
export function nextWaitSeconds(c: ContainerSnapshot, pod: PodSnapshot): number | undefined {
  if (c.restarts === 0) return 0;
  const lived = lifeSeconds(c, pod);
  if (lived === undefined || c.restarts === undefined || isWellAgain(c, pod)) return undefined;
  if (lived > FORGOTTEN_AFTER_SECONDS) return 0;
  const waited = waitedSeconds(c) ?? recentLives(c, pod)?.meanWaitSeconds;
  if (waited === undefined || c.restartsIn30m === undefined) return undefined;
  if (waited >= LEAST_BACKOFF_SECONDS) return Math.min(2 * waited, LONGEST_BACKOFF_SECONDS);
  // One life of days does not make the next one long.
  const usual = usualLifeSeconds(c, pod) ?? 0;
  if (usual > FORGOTTEN_AFTER_SECONDS && usual < LONGEST_LIFE_SECONDS) return 0;
  const cycle = cycleSeconds(c, pod) ?? Number.POSITIVE_INFINITY;
  if (c.restartsIn30m < 2 || cycle > FORGOTTEN_AFTER_SECONDS) return FIRST_BACKOFF_SECONDS;
  const backoff = Math.min(FIRST_BACKOFF_SECONDS * 2 ** (c.restartsIn30m - 2), LONGEST_BACKOFF_SECONDS);
  return backoff > cycle ? backoff : 0;
}
