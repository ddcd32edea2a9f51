import { STATUSES, type Status } from '../pods/status.ts';
import { byName, byRisk, compareText, type PodPrediction } from './prediction.ts';

/** By what a listing may be ordered; every order falls back on the worst first. */
export const SORT_KEYS = [
  'risk',
  'confidence',
  'name',
  'namespace',
  'now',
  'predicted',
  'restarts',
  'age',
  'node',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

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
  /** Pods below this risk are left out, and with them those that have none. */
  readonly minRisk: number | undefined;
  /** Whether finished pods are listed. */
  readonly completed: boolean;
  readonly sortBy: SortKey;
}

/** What is listed, in order, and how many finished pods are not. */
export function listPods(
  predictions: readonly PodPrediction[],
  { minRisk, completed, sortBy }: ListingOptions,
): { pods: PodPrediction[]; finishedHidden: number } {
  const unfinished = completed ? predictions : predictions.filter((p) => !isFinished(p));
  const pods = minRisk === undefined ? [...unfinished] : unfinished.filter((p) => isAtRisk(p, minRisk));
  pods.sort((a, b) => ORDERS[sortBy](a, b) || byRisk(a, b));
  return { pods, finishedHidden: predictions.length - unfinished.length };
}

export function isAtRisk({ prediction }: PodPrediction, threshold: number): boolean {
  return prediction !== undefined && prediction.risk >= threshold;
}

function isFinished({ notEvaluated, pod }: PodPrediction): boolean {
  return notEvaluated === 'finished' || pod.finished;
}
