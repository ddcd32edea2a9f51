/** Which pods a question is about. */
export interface Scope {
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** undefined: all pods of the namespace. */
  readonly pods: readonly string[] | undefined;
}

/** The exporter behind a signal: what goes missing together. */
export type Exporter = 'kube-state-metrics' | 'cadvisor';

/** What one row of a signal is about, and with that the labels that identify it. */
export type Subject = 'pod' | 'container' | 'resource' | 'node' | 'owner';

export type Unit =
  | 'scrape time'
  | 'unix seconds'
  | 'count'
  | 'share'
  | 'exit code'
  | 'cores'
  | 'bytes'
  | 'bytes per second'
  | 'packets per second'
  | 'periods'
  | 'samples'
  | 'cores or bytes';

/** One row of a signal: canonical label names (`namespace`, `pod`, `uid`, `container`, `node`, …) and the value. */
export interface SignalRow {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Why kpfd lacks a signal. */
export type GapReason =
  | { kind: 'request-failed'; failure: import('../failure.ts').Failure }
  | { kind: 'exporter-absent'; exporter: Exporter }
  | { kind: 'metric-absent'; metric: string }
  | { kind: 'window-too-short'; windowSeconds: number; intervalSeconds: number }
  | { kind: 'history-too-short'; windowSeconds: number }
  | { kind: 'pod-not-sampled'; exporter: Exporter }
  | { kind: 'metric-not-sampled'; metric: string }
  | { kind: 'older-than-container' }
  | { kind: 'not-running' }
  | { kind: 'not-scheduled' }
  | { kind: 'host-network' }
  | { kind: 'no-limit' };
