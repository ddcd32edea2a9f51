/** One element of an instant vector: a label set and the sample that Prometheus gave for it. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** The value as Prometheus wrote it: NaN and ±Infinity are possible. */
  readonly value: number;
}

/** What a source answered to one instant query. */
export interface Answer {
  readonly series: readonly Series[];
  /** Prometheus' own warnings ("partial response" and the like): with one of them the answer is not complete. */
  readonly warnings: readonly string[];
  /** How often the request had to be sent again before it was answered. */
  readonly retries: number;
}

/**
 * Where samples come from: a live Prometheus, or a recording of one. Every method rejects with a FailureError
 * and with nothing else.
 */
export interface MetricSource {
  /** The address for messages: no user, no password, no query. */
  readonly address: string;
  /** Asks an instant query at `unixSeconds`. */
  query(promql: string, unixSeconds: number): Promise<Answer>;
  /** What the server says of itself, and by its clock. */
  server(): Promise<ServerFacts>;
  /** Connects layer by layer, without any query, and tells how far it came. */
  connect(): Promise<ConnectionStep[]>;
}

/** One series of a range query: its value at each step, and at which steps it has one. */
export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** A value for each step, as Prometheus wrote it; meaningless where `present` is 0. */
  readonly values: Float64Array;
  /** 1 where the series has a value at the step, else 0. A value may itself be NaN, so NaN cannot say so. */
  readonly present: Uint8Array;
}

/** The steps of a range query: `count` instants from `start`, `step` apart, all in Unix seconds. */
export interface Steps {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

export interface RangeAnswer {
  readonly series: readonly RangeSeries[];
  readonly warnings: readonly string[];
  readonly retries: number;
}

/** A source that can be asked for many instants at once. */
export interface HistorySource extends MetricSource {
  /** At every step the same as `query` would answer at that instant. Rejects as the others do. */
  queryRange(promql: string, steps: Steps): Promise<RangeAnswer>;
}

export interface ServerFacts {
  /** From /api/v1/status/buildinfo; undefined where the server has none (Cortex, proxies). */
  readonly version: string | undefined;
  /** The server's clock, from the Date header (whole seconds); undefined where it sent none. */
  readonly unixSeconds: number | undefined;
}

export interface ConnectionStep {
  readonly layer: 'name' | 'tcp' | 'tls';
  readonly outcome: 'ok' | 'failed' | 'skipped';
  /** What was found ("TLSv1.3, certificate valid until 2027-01-01"), or the code of what failed ("ENOTFOUND"). */
  readonly detail: string;
}
