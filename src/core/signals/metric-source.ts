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

export interface ServerFacts {
  /** From /api/v1/status/buildinfo; undefined where the server has none (Thanos, VictoriaMetrics, proxies). */
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
