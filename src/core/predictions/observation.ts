import { isFailing, STATUSES, type Status } from '../pods/status.ts';

/** How one pod was seen at one instant: by kpfd in metrics, or printed by kubectl. */
export interface Observation {
  readonly unixSeconds: number;
  /** undefined where the observer does not tell (kubectl prints names only). */
  readonly uid: string | undefined;
  /** What kubectl prints, or would. */
  readonly now: string;
  /** undefined for a pod that is finished or on its way out, and where metrics cannot tell. */
  readonly status: Status | undefined;
  /** It was deleted and is on its way out, as far as the observer tells. */
  readonly leaving: boolean;
  readonly restarts: number | undefined;
}

/** All pods as they were seen at one instant, by podKey. */
export interface Poll {
  readonly unixSeconds: number;
  /** Of when it tells: metrics are older than the instant at which they are read. */
  readonly seenAtUnixSeconds: number;
  readonly pods: ReadonlyMap<string, Observation>;
}

/**
 * The failure that the pod shows at `next`, having been seen at `last` before; undefined where it shows none. A
 * container that restarted between the two has failed as well, though nobody saw it down.
 */
export function failureAt(last: Observation | undefined, next: Observation): Status | undefined {
  if (isFailing(next.status)) return next.status;
  const restarted = last?.restarts !== undefined && next.restarts !== undefined && next.restarts > last.restarts;
  return restarted ? 'Error' : undefined;
}

/** Whether `next` is no longer the pod that `last` was: deleted, or about to be, or made anew under its name. */
export function isGone(last: Observation, next: Observation): boolean {
  if (next.leaving) return true;
  if (last.uid !== undefined && next.uid !== undefined) return last.uid !== next.uid;
  return last.restarts !== undefined && next.restarts !== undefined && next.restarts < last.restarts;
}

/** The worse of two statuses, by the order of STATUSES. */
export function worse(a: Status | undefined, b: Status): Status {
  return a === undefined || STATUSES.indexOf(b) < STATUSES.indexOf(a) ? b : a;
}
