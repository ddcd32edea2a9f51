import type {
  Answer,
  ConnectionStep,
  HistorySource,
  RangeAnswer,
  ServerFacts,
  Steps,
} from '../../core/signals/metric-source.ts';
import { decodeAnswer, decodeDocument, decodeRange } from './decode.ts';
import type { Reply, Transport } from './transport.ts';

/** Prometheus' HTTP API, as far as kpfd asks it, over any transport. */
export class PrometheusClient implements HistorySource {
  readonly #transport: Transport;
  readonly address: string;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.address = transport.address;
  }

  async query(promql: string, unixSeconds: number): Promise<Answer> {
    const reply = await this.#transport.ask({
      path: '/api/v1/query',
      parameters: { query: promql, time: String(unixSeconds) },
    });
    return decodeAnswer(reply, this.address);
  }

  async queryRange(promql: string, steps: Steps): Promise<RangeAnswer> {
    const { start, step, count } = steps;
    const reply = await this.#transport.ask({
      path: '/api/v1/query_range',
      parameters: { query: promql, start: String(start), end: String(start + step * (count - 1)), step: String(step) },
    });
    return decodeRange(reply, this.address, steps);
  }

  /**
   * Asked anew each time, for its clock. Servers without buildinfo (Cortex, proxies) still tell the time
   * in their reply's Date.
   */
  async server(): Promise<ServerFacts> {
    const reply = await this.#transport.ask({ path: '/api/v1/status/buildinfo', parameters: {} });
    return { version: this.#version(reply), unixSeconds: reply.unixSeconds };
  }

  #version(reply: Reply): string | undefined {
    try {
      const data = decodeDocument(reply, this.address)['data'];
      const version = typeof data === 'object' && data !== null && 'version' in data ? data.version : undefined;
      return typeof version === 'string' && version !== '' ? version : undefined;
    } catch {
      return undefined;
    }
  }

  async connect(): Promise<ConnectionStep[]> {
    return this.#transport.connect();
  }
}
