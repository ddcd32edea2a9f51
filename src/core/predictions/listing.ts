import { isFailing, STATUSES, type Status } from '../pods/status.ts';
import type { SortKey } from './sort-keys.ts';
import { compareText } from '../compare-text.ts';
import { byName, byRisk, type PodPrediction } from './prediction.ts';

type Order = (a: PodPrediction, b: PodPrediction) => number;

const ORDERS: Readonly<Record<SortKey, Order>> = {
  risk: () => 0,
  confidence: (a, b) => (b.prediction?.confidence ?? -1) - (a.prediction?.confidence ?? -1),
  name: (a, b) => compareText(a.pod.name, b.pod.name),
  namespace: byName,
  now: (a, b) => compareText(a.now.now, b.now.now),
  predicted: (a, b) => severity(a.prediction?.status) - severity(b.prediction?.status),
  restarts: (a, b) => (b.now.restarts ?? -1) - (a.now.restarts ?? -1),
  // The youngest first, as the newest trouble; kubectl sorts by creation the other way round.
  age: (a, b) => (b.pod.createdAtUnixSeconds ?? 0) - (a.pod.createdAtUnixSeconds ?? 0),
  node: (a, b) => compareText(a.pod.node?.name ?? '', b.pod.node?.name ?? ''),
};

function severity(status: Status | undefined): number {
  return status === undefined ? STATUSES.length : STATUSES.indexOf(status);
}

export interface ListingOptions {
  /** Only pods at risk, and those that were not evaluated and fail now, or whose node is lost. */
  readonly atRisk: boolean;
  /** The same with another threshold than the usual one (the model's, or that of --fail-on). */
  readonly minRisk: number | undefined;
  /** Whether finished pods are listed. */
  readonly completed: boolean;
  readonly sortBy: SortKey;
}

/** What is listed, and what the listing leaves out. */
export interface Listing {
  /** In order. */
  readonly pods: readonly PodPrediction[];
  /** The risk from which a pod counts as at risk here. */
  readonly threshold: number;
  /** Of all pods in scope that are not finished (or are listed all the same). */
  readonly total: number;
  readonly atRisk: number;
  /** Of them, pods that are gone. */
  readonly gone: number;
  readonly notEvaluated: number;
  readonly finishedHidden: number;
}

export function listPods(
  predictions: readonly PodPrediction[],
  usualThreshold: number,
  { atRisk, minRisk, completed, sortBy }: ListingOptions,
): Listing {
  const threshold = minRisk ?? usualThreshold;
  const inView = completed ? [...predictions] : predictions.filter((p) => !isFinished(p));
  const risky = inView.filter((p) => isAtRisk(p, threshold));
  const pods = atRisk || minRisk !== undefined ? inView.filter((p) => isAtRisk(p, threshold) || isUnwell(p)) : inView;
  return {
    pods: pods.toSorted((a, b) => ORDERS[sortBy](a, b) || byRisk(a, b)),
    threshold,
    total: inView.length,
    atRisk: risky.length,
    gone: inView.filter(({ pod }) => pod.presence === 'gone').length,
    notEvaluated: inView.filter(({ notEvaluated }) => notEvaluated !== undefined).length,
    finishedHidden: predictions.length - inView.length,
  };
}

export function isAtRisk({ prediction }: PodPrediction, threshold: number): boolean {
  return prediction !== undefined && prediction.risk >= threshold;
}

/** No RISK tells of it, but it is not healthy: it fails now, or nobody hears from its node. */
function isUnwell({ notEvaluated, now }: PodPrediction): boolean {
  return notEvaluated !== undefined && (isFailing(now.status) || notEvaluated === 'node-lost');
}

function isFinished({ notEvaluated, pod }: PodPrediction): boolean {
  return notEvaluated === 'finished' || pod.finished;
}
