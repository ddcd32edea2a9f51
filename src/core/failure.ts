import type { RowsProblem } from './rows/rows-problem.ts';

/**
 * Everything expected that can go wrong in kpfd, as facts: one closed union. The words for them stand in
 * one place (render/failure-text.ts). Anything that is not a FailureError is a bug and keeps its stack.
 *
 * A failure is plain JSON, so a recording can keep it. It never holds a credential: addresses in it are
 * written without user, password, query and fragment.
 */
export type Failure =
  // How kpfd was called
  | { kind: 'usage'; problem: string; advice?: string }
  | { kind: 'config-invalid'; path: string; problem: string; advice?: string }
  | { kind: 'file-unreadable'; role: string; path: string; code: string }
  | { kind: 'file-unwritable'; role: string; path: string; code: string }
  | { kind: 'address-invalid'; address: string; from: string; reason: AddressProblem }
  // How the transport failed, before Prometheus answered anything
  | { kind: 'connection-refused'; address: string }
  | { kind: 'host-unknown'; address: string; host: string }
  | { kind: 'connection-lost'; address: string; code: string }
  | { kind: 'tls'; address: string; code: string; reason: string }
  | { kind: 'request-timeout'; address: string; limitMs: number }
  | { kind: 'run-timeout'; address: string; limitMs: number }
  | { kind: 'interrupted' }
  // What came back instead of an answer
  | { kind: 'redirected'; address: string; location: string }
  | { kind: 'http-status'; address: string; status: number; statusText: string; excerpt: string }
  | { kind: 'not-json'; address: string; contentType: string; excerpt: string }
  | { kind: 'answer-cut'; address: string; bytes: number }
  | { kind: 'answer-too-large'; address: string; limitBytes: number }
  | { kind: 'answer-malformed'; address: string; problem: string }
  | { kind: 'query-refused'; address: string; status: number; errorType: string; error: string }
  // What the answers did not hold
  | {
      kind: 'pods-silent';
      address: string;
      atUnixSeconds: number;
      /** What the user narrows kube-state-metrics to; '' where to nothing. */
      selector: string;
      /** As the two below undefined where that could not be asked. */
      lastSeenAgeSeconds: number | 'an hour or more' | undefined;
      cadvisorSeries: number | undefined;
      /** Of kube_pod_status_phase: with some it is kube_pod_info alone that is missing. */
      phaseSeries: number | undefined;
    }
  /** Something that it did not have (`lacking`), while it warned that it did not answer everything. */
  | { kind: 'answered-in-part'; address: string; warnings: string[]; lacking: Failure }
  | { kind: 'names-lost'; pods: number; names: number }
  | { kind: 'pod-never-seen'; pod: NeverSeen; lookbackSeconds: number; namespaces: string[] | undefined }
  /** `because`: a copy of kube-state-metrics fell silent, or not every question was answered in full. */
  | { kind: 'pods-untold'; pods: string[]; namespace: string; because: 'copy-silent' | 'unanswered' }
  | { kind: 'namespace-never-seen'; namespace: string; nearest: string[]; namespaces: string[] }
  | { kind: 'cluster-ambiguous'; label: string; values: string[] }
  | { kind: 'cluster-unknown'; cluster: string; label: string | undefined; values: string[] }
  | { kind: 'labels-not-exported'; keys: string[]; exported: string[] }
  // The model, rows for it, and the recording
  | { kind: 'forest-unusable'; path: string; problem: string }
  | { kind: 'rows-unusable'; name: string; problem: RowsProblem; predicted: number }
  | { kind: 'dataset-other'; path: string; problem: string }
  | { kind: 'labels-unusable'; path: string; line: number; problem: string }
  | { kind: 'model-invalid'; path: string; problem: string }
  | { kind: 'model-schema'; path: string; expected: string; found: string; unknown: string[] }
  | { kind: 'model-lookback'; path: string; expectedSeconds: number; foundSeconds: number }
  | { kind: 'model-columns'; path: string }
  | { kind: 'recording-invalid'; path: string; problem: string }
  | { kind: 'recording-lacks'; path: string; question: string; command: string };

export type AddressProblem = 'no-scheme' | 'scheme' | 'unparsable' | 'credentials-on-command-line' | 'query';

/** A pod name that Prometheus has not seen within the lookback, and what is like it. */
export interface NeverSeen {
  namespace: string;
  name: string;
  /** Names of pods in the same namespace, nearest first. As the others undefined where that could not be asked. */
  nearest: string[] | undefined;
  /** Other namespaces that hold a pod of exactly this name. */
  elsewhere: string[] | undefined;
  /** Where neither has any: the nearest names in other namespaces, as namespace/name. */
  nearestElsewhere: string[] | undefined;
}

/** An expected failure. `cause` keeps the error that was underneath, for -v. */
export class FailureError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(failure.kind, cause === undefined ? undefined : { cause });
    this.name = 'FailureError';
    this.failure = failure;
  }
}

/** True where asking for less at a time may help: the server or kpfd itself found the answer too big. */
export function isOverflow(failure: Failure): boolean {
  switch (failure.kind) {
    case 'answer-too-large':
      return true;
    case 'http-status':
      return failure.status === 413;
    case 'query-refused':
      // 422 "query processing would load too many samples", 503 "query timed out", VictoriaMetrics' and Mimir's limits.
      return (
        failure.status === 413 ||
        failure.errorType === 'timeout' ||
        // 429 "too many requests" asks for fewer questions, not for more of them. Some servers quote the query, which holds
        // kube_pod_container_resource_limits.
        (failure.status !== 429 && /too many|too large|timed out|exceed|\blimit\b/i.test(failure.error))
      );
    default:
      return false;
  }
}

/** True where the run must end instead of collecting gaps: a wrong recording, no time left, or the user wants out. */
export function isFatal(failure: Failure): boolean {
  return FATAL.has(failure.kind);
}

const FATAL: ReadonlySet<Failure['kind']> = new Set([
  'recording-lacks',
  'recording-invalid',
  'interrupted',
  'run-timeout',
]);
