import { compareText } from '../compare-text.ts';
import { featureMatrix } from '../features/matrix.ts';
import type { PodSnapshot, Silence } from '../pods/snapshot.ts';
import {
  FAILING,
  isFailing,
  podStatus,
  STATUSES,
  UNTOLD,
  type PodStatus,
  type Status,
  type StatusRules,
} from '../pods/status.ts';
import { predictStatuses, type Model } from './model.ts';
import { reasonsOf, type Reason } from './reasons.ts';

/** What is expected of a pod within the horizon. */
export interface Prediction {
  /** The likeliest status; of equally likely ones the worst. */
  readonly status: Status;
  /** Its probability. */
  readonly confidence: number;
  /** P(CrashLoopBackOff) + P(Error) + P(Unknown). */
  readonly risk: number;
  readonly probabilities: Readonly<Record<Status, number>>;
}

export type NotEvaluated = 'terminating' | 'finished' | 'untold' | 'no-phase' | Silence;

export interface PodPrediction {
  readonly pod: PodSnapshot;
  readonly now: PodStatus;
  /** undefined: see notEvaluated. */
  readonly prediction: Prediction | undefined;
  readonly notEvaluated: NotEvaluated | undefined;
  /** Every feature, in the order of the catalogue; undefined where the model was not asked. */
  readonly features: Float32Array | undefined;
  /** undefined where nobody asked why, or there is no prediction of the model. */
  readonly reasons: readonly Reason[] | undefined;
}

/**
 * Predicts every pod that can be evaluated; a pod that is gone is NotFound by evidence, without the model. Reasons need a
 * model that was read with statistics.
 */
export function predictPods(
  pods: readonly PodSnapshot[],
  model: Model,
  rules: StatusRules,
  withReasons = false,
): PodPrediction[] {
  const statuses = pods.map((pod) => podStatus(pod, rules));
  const notEvaluated = pods.map((pod, i) => whyNotEvaluated(pod, statuses[i] as PodStatus));
  const evaluated = pods.filter((pod, i) => notEvaluated[i] === undefined && pod.presence === 'present');
  const matrix = featureMatrix(evaluated);
  const now = new Map(pods.map((pod, i) => [pod, statuses[i]?.status]));
  const probabilities = predictStatuses(
    model,
    matrix,
    evaluated.map((pod) => now.get(pod)),
  );
  const conclusions = probabilities.map(conclude);
  const whys = withReasons ? reasonsOf(model, matrix) : [];
  const rowOf = new Map(evaluated.map((pod, row) => [pod, row]));
  return pods.map((pod, i): PodPrediction => {
    const row = rowOf.get(pod);
    return {
      pod,
      now: statuses[i] as PodStatus,
      prediction: row === undefined ? byEvidence(pod) : conclusions[row],
      notEvaluated: notEvaluated[i],
      features:
        row === undefined
          ? undefined
          : matrix.values.subarray(row * matrix.columnCount, (row + 1) * matrix.columnCount),
      reasons: row === undefined ? undefined : whys[row],
    };
  });
}

/** Why the model is not asked of a pod; undefined where it is, and where the pod is gone. */
export function whyNotEvaluated(pod: PodSnapshot, status: PodStatus): NotEvaluated | undefined {
  if (pod.presence === 'gone') return undefined;
  if (pod.presence === 'untold') return 'untold';
  if (status.now === UNTOLD && pod.phase === undefined) return 'no-phase';
  // A reason that is not kept does not keep the model from judging by the rest.
  if (status.now === UNTOLD || status.status !== undefined) return pod.silence;
  const isTerminating = status.now === 'Terminating' || (status.leaving && pod.phase !== 'Succeeded');
  return isTerminating ? 'terminating' : 'finished';
}

function byEvidence(pod: PodSnapshot): Prediction | undefined {
  if (pod.presence !== 'gone') return undefined;
  const probabilities = Object.fromEntries(STATUSES.map((status) => [status, Number(status === 'NotFound')]));
  return conclude(probabilities as Record<Status, number>);
}

/** STATUSES stand in order of severity, so the first of equal probabilities is the worst. */
export function conclude(probabilities: Readonly<Record<Status, number>>): Prediction {
  const status = STATUSES.reduce((best, next) => (probabilities[next] > probabilities[best] ? next : best));
  const risk = FAILING.reduce((sum, failing) => sum + probabilities[failing], 0);
  // Three float32 probabilities may sum to a hair above 1.
  return { status, confidence: probabilities[status], risk: Math.min(risk, 1), probabilities };
}

/**
 * Worst first: by risk, then by confidence, then by name. What was not evaluated comes last, unless it fails now: then it is
 * as bad as can be.
 */
export function byRisk(a: PodPrediction, b: PodPrediction): number {
  return (
    descending(riskToSort(a), riskToSort(b)) ||
    descending(a.prediction?.confidence ?? -1, b.prediction?.confidence ?? -1) ||
    byName(a, b)
  );
}

function riskToSort({ prediction, now }: PodPrediction): number {
  return prediction?.risk ?? (isFailing(now.status) ? 1 : -1);
}

export function byName(a: PodPrediction, b: PodPrediction): number {
  return compareText(a.pod.namespace, b.pod.namespace) || compareText(a.pod.name, b.pod.name);
}

function descending(a: number, b: number): number {
  return b - a;
}
