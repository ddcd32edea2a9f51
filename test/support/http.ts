import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from './cleanup.ts';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Served {
  readonly url: string;
  readonly asked: Asked[];
}

/** A server on loopback for one test; it ends with the test. */
export async function serve(answer: (asked: Asked, response: ServerResponse) => void | Promise<void>): Promise<Served> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const own = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: await bodyOf(request),
      };
      asked.push(own);
      await answer(own, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** What Prometheus answers to an instant query. */
export function vectorBody(...series: { metric: Record<string, string>; value: string }[]): string {
  const result = series.map(({ metric, value }) => ({ metric, value: [0, value] }));
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
}

export function sendJson(response: ServerResponse, body: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}
