import { UNTOLD, type Status } from '../pods/status.ts';
import { failureAt, isFailing, isGone, worse, type Observation } from './observation.ts';

/**
 * What became of a pod: the worst of the statuses that it shows in (t, t + horizon], by the order of STATUSES.
 * undefined where nobody can say: the cluster was not watched to the end of the horizon, or a pause was longer than
 * `longestGapSeconds`, also where the pod had failed by then (else only those that fail would be kept of what is cut off); or
 * the pod was deleted before it failed. Where metrics could not tell the status nobody observed the pod.
 *
 * `later`: the observations of this pod, in order of time; those that are not after `row` are passed over. `watchedAt`: when
 * anybody looked at the cluster, in order of time.
 */
export function labelOf(
  row: Observation,
  later: readonly Observation[],
  watchedAt: readonly number[],
  horizonSeconds: number,
  longestGapSeconds: number,
): Status | undefined {
  const end = row.unixSeconds + horizonSeconds;
  const within = watchedAt.filter((t) => t > row.unixSeconds && t <= end);
  const isCutOff = [...within, end].some((t, i) => t - (within[i - 1] ?? row.unixSeconds) > longestGapSeconds);
  if (isCutOff) return undefined;
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
  return end - last.unixSeconds <= longestGapSeconds ? worst : ifFailing(worst);
}

function ifFailing(status: Status | undefined): Status | undefined {
  return isFailing(status) ? status : undefined;
}
