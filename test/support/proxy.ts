import { createServer, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from './cleanup.ts';

export interface Passed {
  readonly path: string;
  /** The form of an instant query. */
  readonly query: string;
  readonly time: string | undefined;
}

export interface Proxy {
  readonly url: string;
  readonly passed: Passed[];
  mostAtOnce(): number;
}

/** Stands between kpfd and a Prometheus for one test: counts what passes, and may answer in its place. */
export async function proxy(
  target: string,
  instead?: (asked: Passed, response: ServerResponse) => boolean,
): Promise<Proxy> {
  const passed: Passed[] = [];
  let now = 0;
  let most = 0;
  const server = createServer((request, response) => {
    most = Math.max(most, ++now);
    response.on('close', () => now--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const form = new URLSearchParams(body.toString('utf8'));
      const asked = { path: request.url ?? '', query: form.get('query') ?? '', time: form.get('time') ?? undefined };
      passed.push(asked);
      if (instead?.(asked, response) === true) return;
      const onward = httpRequest(
        target + (request.url ?? ''),
        { method: request.method, headers: request.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on('error', () => response.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, passed, mostAtOnce: () => most };
}
