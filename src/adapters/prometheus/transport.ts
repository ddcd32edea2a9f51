import type { ConnectionStep } from '../../core/signals/metric-source.ts';

/** A question to Prometheus, as HTTP will carry it. */
export interface Question {
  /** Below the address: `/api/v1/query`. */
  readonly path: string;
  /** Form parameters; empty for a plain GET. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What came back, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly contentType: string;
  /** The Date header in Unix seconds. */
  readonly unixSeconds: number | undefined;
  readonly body: string;
  /** How often the request had to be sent again. */
  readonly retries: number;
}

/**
 * Carries questions. One carries them over HTTP (http-transport.ts), one replays what another one got, one keeps what
 * passes through it (recorded.ts). Both methods reject with a FailureError and with nothing else.
 */
export interface Transport {
  readonly address: string;
  ask(question: Question): Promise<Reply>;
  connect(): Promise<ConnectionStep[]>;
}

/** An address for messages and recordings: no user, password, query or fragment, no trailing slash. */
export function shownAddress(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}
