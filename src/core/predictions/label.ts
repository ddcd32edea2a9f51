import { UNTOLD, type Status } from '../pods/status.ts';
import { failureAt, isFailing, isGone, worse, type Observation } from './observation.ts';

/**
 * What became of a pod: the worst of the statuses that it shows in (t, t + horizon], by the order of STATUSES.
 * undefined where nobody can say: the observations end or pause for longer than `longestGapSeconds`, or the pod was
 * deleted, before the horizon was over and before it failed. A failure that was seen first counts whatever came after it.
 * Where metrics could not tell the status nobody observed the pod.
 *
 * `later`: the observations of this pod, in order of time; those that are not after `row` are passed over.
 */
export function labelOf(
  row: Observation,
  later: readonly Observation[],
  horizonSeconds: number,
  longestGapSeconds: number,
): Status | undefined {
  let worst: Status | undefined;
  let last = row;
  for (const next of later) {
    if (next.unixSeconds <= row.unixSeconds) continue;
    if (next.unixSeconds > row.unixSeconds + horizonSeconds) break;
    if (next.now === UNTOLD && next.status === undefined) continue;
    if (next.unixSeconds - last.unixSeconds > longestGapSeconds || isGone(last, next)) return ifFailing(worst);
    const failure = failureAt(last, next);
    if (failure !== undefined) worst = worse(worst, failure);
    if (next.status !== undefined) worst = worse(worst, next.status);
    last = next;
  }
  const watchedToTheEnd = row.unixSeconds + horizonSeconds - last.unixSeconds <= longestGapSeconds;
  return watchedToTheEnd ? worst : ifFailing(worst);
}

function ifFailing(status: Status | undefined): Status | undefined {
  return isFailing(status) ? status : undefined;
}
