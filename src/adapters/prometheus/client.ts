import type { Answer, ConnectionStep, MetricSource, ServerFacts } from '../../core/signals/metric-source.ts';
import { decodeAnswer, decodeDocument } from './decode.ts';
import type { Reply, Transport } from './transport.ts';

/** Prometheus' HTTP API, as far as kpfd asks it, over any transport. */
export class PrometheusClient implements MetricSource {
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

  /**
   * Asked anew each time, for its clock. Servers without buildinfo (Thanos, VictoriaMetrics, proxies) still tell the time
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
