import { isFailing, UNTOLD, type Status } from '../pods/status.ts';
import { failureAt, isGone, worse, type Observation } from './observation.ts';

/**
 * What became of a pod: the worst of the statuses that it shows in (t, t + horizon], by the order of STATUSES.
 * undefined where the pod was deleted before it failed. A row whose horizon nobody watched to its end (isWatched) has no
 * label, also where the pod had failed by then: else only those that fail would be kept of what is cut off. Where metrics could
 * not tell the status nobody observed the pod.
 *
 * `later`: the observations of this pod, in order of time; those that are not after `row` are passed over. A pod that was not
 * seen any more within `endGapSeconds` of the end is gone.
 */
export function labelOf(
  row: Observation,
  later: readonly Observation[],
  horizonSeconds: number,
  longestGapSeconds: number,
  endGapSeconds: number,
): Status | undefined {
  const end = row.unixSeconds + horizonSeconds;
  let worst: Status | undefined;
  let last = row;
  for (const next of later) {
    if (next.unixSeconds <= row.unixSeconds) continue;
    if (next.unixSeconds > end) break;
    if (next.now === UNTOLD && next.status === undefined) continue;
    if (next.unixSeconds - last.unixSeconds > longestGapSeconds || isGone(last, next)) return ifFailing(worst);
    const failure = failureAt(last, next);
    if (failure !== undefined) worst = worse(worst, failure);
    if (next.status !== undefined) worst = worse(worst, next.status);
    last = next;
  }
  return end - last.unixSeconds <= endGapSeconds ? worst : ifFailing(worst);
}

/**
 * Whether somebody looked at the cluster from `start` to `end` without a longer pause, and up to the end but for
 * `endGapSeconds`. `watchedAt`: when, in order of time.
 */
export function isWatched(
  watchedAt: readonly number[],
  start: number,
  end: number,
  longestGapSeconds: number,
  endGapSeconds: number,
): boolean {
  const within = watchedAt.filter((t) => t > start && t <= end);
  return (
    end - (within.at(-1) ?? start) <= endGapSeconds &&
    within.every((t, i) => t - (within[i - 1] ?? start) <= longestGapSeconds)
  );
}

function ifFailing(status: Status | undefined): Status | undefined {
  return isFailing(status) ? status : undefined;
}
