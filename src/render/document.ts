import { FEATURES } from '../core/features/catalogue.ts';
import { STATUSES } from '../core/pods/status.ts';
import type { Warning } from '../core/predictions/completeness.ts';
import type { PodPrediction } from '../core/predictions/prediction.ts';
import type { Answer } from './formats.ts';
import { reasonText } from './reason-text.ts';
import { gapText, warningText } from './gap-text.ts';
import { rfc3339 } from './text.ts';

/**
 * The answer for programs: docs/output.schema.json says what it holds. Text is raw here, JSON escapes what it must;
 * what is not known is null.
 */
export function scanDocument(answer: Answer): Record<string, unknown> {
  const { unixSeconds, model, pods, inScope = pods, warnings, complete, neverSeen } = answer;
  return {
    schemaVersion: 1,
    generatedAt: rfc3339(unixSeconds),
    model: { name: model.name, version: model.version, riskThreshold: model.riskThreshold },
    horizonSeconds: model.horizonSeconds,
    complete,
    warnings: warningDocuments(warnings),
    notEvaluated: [
      ...inScope
        .filter(({ notEvaluated }) => notEvaluated !== undefined)
        .map(({ pod, notEvaluated }) => ({ namespace: pod.namespace, name: pod.name, reason: notEvaluated })),
      ...neverSeen.map(({ namespace, name }) => ({ namespace, name, reason: 'never-seen' })),
    ],
    pods: pods.map((prediction) => podDocument(prediction, unixSeconds)),
  };
}

/** Warnings for programs. */
export function warningDocuments(warnings: readonly Warning[]): Record<string, unknown>[] {
  return warnings.map((warning) => ({
    kind: warning.kind,
    incomplete: warning.incomplete,
    message: warningText(warning),
  }));
}

function podDocument(
  { pod, now, prediction, features, reasons }: PodPrediction,
  unixSeconds: number,
): Record<string, unknown> {
  const time = (seconds: number | undefined): string | null => (seconds === undefined ? null : rfc3339(seconds));
  return {
    cluster: pod.cluster ?? null,
    namespace: pod.namespace,
    name: pod.name,
    uid: pod.uid ?? null,
    node: pod.node?.name ?? null,
    owner: pod.owner ?? null,
    rootOwner: pod.rootOwner ?? null,
    ready: now.readyContainers ?? null,
    total: now.totalContainers ?? null,
    restarts: now.restarts ?? null,
    restartedAt: time(now.restartedAtUnixSeconds),
    createdAt: time(pod.createdAtUnixSeconds),
    ageSeconds: pod.createdAtUnixSeconds === undefined ? null : Math.floor(unixSeconds - pod.createdAtUnixSeconds),
    now: { kubectl: now.now, status: now.status ?? null },
    prediction:
      prediction === undefined
        ? null
        : {
            status: prediction.status,
            confidence: digits(prediction.confidence),
            risk: digits(prediction.risk),
            probabilities: Object.fromEntries(STATUSES.map((s) => [s, digits(prediction.probabilities[s])])),
          },
    features:
      features === undefined
        ? null
        : Object.fromEntries(FEATURES.map(({ name }, i) => [name, numberOrNull(features[i] as number)])),
    why:
      reasons === undefined
        ? null
        : reasons.map((reason) => ({
            topic: reason.topic,
            fact: reasonText(pod, reason),
            logOdds: Number(reason.logOdds.toPrecision(3)),
            features: reason.features
              .filter(({ logOdds }) => Math.abs(logOdds) >= LEAST_LOG_ODDS)
              .map(({ name, unit, value, logOdds }) => ({
                name,
                unit,
                value: numberOrNull(value),
                logOdds: Number(logOdds.toPrecision(3)),
              })),
          })),
    gaps: pod.gaps.map(({ signal, reason }) => ({ signal, kind: reason.kind, message: gapText(reason) })),
  };
}

/** A feature that moved the log odds by less than this moved nothing, and there are many of them. */
const LEAST_LOG_ODDS = 0.05;

/** Nine digits give every float32 back. */
function digits(value: number): number {
  return Number(value.toPrecision(9));
}

/** JSON has neither NaN nor Infinity: both say that there is no number. */
function numberOrNull(value: number): number | null {
  return Number.isFinite(value) ? digits(value) : null;
}
