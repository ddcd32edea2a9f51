import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { HttpTransport, type HttpOptions } from '../../../src/adapters/prometheus/http-transport.ts';
import { FailureError, type Failure } from '../../../src/core/failure.ts';
import { file } from '../../support/files.ts';
import { sendJson, serve, vectorBody } from '../../support/http.ts';

const QUESTION = { path: '/api/v1/query', parameters: { query: 'up', time: '1' } };

function transport(url: string, known: Partial<HttpOptions> = {}): HttpTransport {
  return new HttpTransport({
    url: new URL(url),
    headers: {},
    bearerToken: undefined,
    username: undefined,
    password: undefined,
    caFile: undefined,
    requestTimeoutMs: 5000,
    runTimeoutMs: 0,
    interrupted: new AbortController().signal,
    userAgent: 'kpfd/test',
    random: () => 0,
    ...known,
  });
}

async function failureOf(asking: Promise<unknown>): Promise<Failure | undefined> {
  try {
    await asking;
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  return undefined;
}

describe('a question that nobody waits for any more', () => {
  test('is not asked, and is no crash', async () => {
    const server = await serve(() => undefined);
    const controller = new AbortController();
    const own = transport(server.url, { interrupted: controller.signal });
    const asking = Array.from({ length: 9 }, async () => failureOf(own.ask(QUESTION)));
    controller.abort();
    expect(await Promise.all(asking)).toEqual(asking.map(() => ({ kind: 'interrupted' })));
    expect(await failureOf(own.ask(QUESTION))).toEqual({ kind: 'interrupted' });
  });
});

describe('a server that repeats what it was sent', () => {
  test.each<[string, Partial<HttpOptions>]>([
    ['a bearer token', { bearerToken: { value: 'hunter2-token' } }],
    ['a password', { username: 'ann', password: { value: 'hunter2-word' } }],
    ['a header', { headers: { 'X-Api-Key': 'hunter2-key' } }],
  ])('%s is masked', async (_, login) => {
    const server = await serve((asked, response) => {
      const authorization = String(asked.headers['authorization'] ?? '');
      const key = String(asked.headers['x-api-key'] ?? '');
      const plain = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
      sendJson(response, `you sent ${authorization} ${key}, which is ${plain}`, 401);
    });
    const { body, status } = await transport(server.url, login).ask(QUESTION);
    expect(status).toBe(401);
    expect(body).toContain('***');
    expect(body).not.toMatch(/hunter2|aHVudGVyMg|YW5uOmh1bnRlcjI/);
  });

  test('is masked in the warnings of an answer as well, in whatever form; the answer stays', async () => {
    const key = 'hunter2 "key"&/=';
    const server = await serve((_, response) => {
      const result = [{ metric: { namespace: key }, value: [1, '2'] }];
      const [warnings, error] = [[`got ${key}`, `got ${encodeURIComponent(key)}`], `no: ${key}`];
      const data = { resultType: 'vector', result };
      // As Go writes it.
      sendJson(response, JSON.stringify({ status: 'success', data, warnings, error }).replaceAll('&', '\\u0026'));
    });
    const { body } = await transport(server.url, { headers: { 'X-Api-Key': key } }).ask(QUESTION);
    expect(JSON.parse(body)).toMatchObject({
      data: { result: [{ metric: { namespace: key } }] },
      warnings: ['got ***', 'got ***'],
      error: 'no: ***',
    });
  });
});

test.each([
  ['a line end', 'abc\ndef\n'],
  ['nothing', '\n'],
])('a token file with %s in it is named, and not shown', async (_, text) => {
  const path = file('token', text);
  const failure = await failureOf(
    transport('http://127.0.0.1:1', { bearerToken: { file: path, role: 'token' } }).ask(QUESTION),
  );
  expect(failure?.kind).toBe('usage');
  expect(JSON.stringify(failure)).toContain(path);
  expect(JSON.stringify(failure)).not.toContain('abc');
});

test('of two spellings of a header one is sent, and a login wins', async () => {
  const server = await serve((_, response) => sendJson(response, vectorBody()));
  await transport(server.url, { headers: { Authorization: 'Basic x' }, bearerToken: { value: 'token' } }).ask(QUESTION);
  expect(server.asked[0]?.headers['authorization']).toBe('Bearer token');
});

test('a query that took Prometheus too long is not asked again', async () => {
  const body = { status: 'error', errorType: 'timeout', error: 'query timed out in expression evaluation' };
  const server = await serve((_, response) => sendJson(response, JSON.stringify(body), 503));
  expect((await transport(server.url).ask(QUESTION)).status).toBe(503);
  expect(server.asked).toHaveLength(1);
});

test('the body of a redirect is not read', { timeout: 20_000 }, async () => {
  const server = await serve((_, response) => {
    response.writeHead(302, { location: 'https://elsewhere.example/' });
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  expect(await failureOf(transport(server.url).ask(QUESTION))).toMatchObject({ kind: 'redirected' });
});

describe('how a question is asked', () => {
  test('as a POST form, below the prefix of the address, with gzip allowed', async () => {
    const server = await serve((_, response) => sendJson(response, vectorBody()));
    await transport(`${server.url}/select/0/prometheus/`).ask(QUESTION);
    expect(server.asked[0]).toMatchObject({
      method: 'POST',
      url: '/select/0/prometheus/api/v1/query',
      body: 'query=up&time=1',
    });
    expect(server.asked[0]?.headers).toMatchObject({ 'accept-encoding': 'gzip', 'user-agent': 'kpfd/test' });
  });

  test.each([403, 405, 501])('as a GET where a POST gets %d, and from then on', async (status) => {
    const server = await serve((asked, response) =>
      asked.method === 'GET' ? sendJson(response, vectorBody()) : sendJson(response, '', status),
    );
    const own = transport(server.url);
    expect((await own.ask(QUESTION)).status).toBe(200);
    await own.ask(QUESTION);
    expect(server.asked.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET']);
    expect(server.asked[1]?.url).toBe('/api/v1/query?query=up&time=1');
  });

  test('a 403 of both is told as it is', async () => {
    const server = await serve((_, response) => sendJson(response, 'no', 403));
    expect(await transport(server.url).ask(QUESTION)).toMatchObject({ status: 403, body: 'no' });
  });

  test('an answer may be gzipped', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(vectorBody()));
    });
    expect((await transport(server.url).ask(QUESTION)).body).toBe(vectorBody());
  });

  test('no more than four at a time', async () => {
    let now = 0;
    let most = 0;
    const server = await serve(async (_, response) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 20));
      now--;
      sendJson(response, vectorBody());
    });
    const own = transport(server.url);
    await Promise.all(Array.from({ length: 20 }, () => own.ask(QUESTION)));
    expect(most).toBe(4);
  });
});

describe('logins', () => {
  test('a bearer token is read from its file for each request', async () => {
    const server = await serve((_, response) => sendJson(response, vectorBody()));
    const path = file('token', 'first\n');
    const own = transport(server.url, { bearerToken: { file: path, role: 'bearer token file' } });
    await own.ask(QUESTION);
    writeFileSync(path, 'second');
    await own.ask(QUESTION);
    expect(server.asked.map(({ headers }) => headers['authorization'])).toEqual(['Bearer first', 'Bearer second']);
  });

  test('a user and a password, from options or from the address', async () => {
    const server = await serve((_, response) => sendJson(response, vectorBody()));
    await transport(server.url, { username: 'ann', password: { value: 'p:w' } }).ask(QUESTION);
    await transport(server.url.replace('//', '//ann:p%3Aw@')).ask(QUESTION);
    const basic = `Basic ${Buffer.from('ann:p:w').toString('base64')}`;
    expect(server.asked.map(({ headers }) => headers['authorization'])).toEqual([basic, basic]);
  });

  test('the address is shown without them', () => {
    expect(transport('http://ann:secret@prometheus:9090/prom/').address).toBe('http://prometheus:9090/prom');
  });

  test('a token file that cannot be read', async () => {
    const own = transport('http://127.0.0.1:1', { bearerToken: { file: '/nowhere/token', role: 'bearer token file' } });
    expect(await failureOf(own.ask(QUESTION))).toEqual({
      kind: 'file-unreadable',
      role: 'bearer token file',
      path: '/nowhere/token',
      code: 'ENOENT',
    });
  });
});

describe('redirects', () => {
  test('within the origin are followed, 307 as a POST and 302 as a GET', async () => {
    const server = await serve((asked, response) => {
      if (asked.url.startsWith('/a/')) response.writeHead(307, { location: asked.url.replace('/a/', '/b/') }).end();
      else if (asked.url.startsWith('/b/'))
        response.writeHead(302, { location: asked.url.replace('/b/', '/c/') }).end();
      else sendJson(response, vectorBody());
    });
    await transport(`${server.url}/a`).ask(QUESTION);
    expect(server.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /a/api/v1/query',
      'POST /b/api/v1/query',
      'GET /c/api/v1/query?query=up&time=1',
    ]);
  });

  test('to another origin are not followed: no secret gets there, and none of its query is shown', async () => {
    const other = await serve((_, response) => sendJson(response, vectorBody()));
    const server = await serve((_, response) => {
      response.writeHead(302, { location: `${other.url}/login?state=abc` }).end();
    });
    const own = transport(server.url, { headers: { 'X-Api-Key': 's3cret' }, bearerToken: { value: 'token' } });
    expect(await failureOf(own.ask(QUESTION))).toEqual({
      kind: 'redirected',
      address: server.url,
      location: `${other.url}/login`,
    });
    expect(other.asked).toEqual([]);
  });

  test('in a circle end', async () => {
    const server = await serve((_, response) => {
      response.writeHead(307, { location: '/again' }).end();
    });
    expect(await failureOf(transport(server.url).ask(QUESTION))).toMatchObject({ kind: 'redirected' });
    expect(server.asked.length).toBeLessThan(6);
  });
});

describe('trouble on the way', () => {
  test.each([429, 502, 503, 504])('%d is tried again, a bounded number of times', async (status) => {
    const server = await serve((_, response) => sendJson(response, 'busy', status));
    expect(await transport(server.url).ask(QUESTION)).toMatchObject({ status, retries: 3 });
    expect(server.asked).toHaveLength(4);
  });

  test('an answer after a retry tells that there was one', async () => {
    let first = true;
    const server = await serve((_, response) => {
      sendJson(response, first ? 'busy' : vectorBody(), first ? 503 : 200);
      first = false;
    });
    expect(await transport(server.url).ask(QUESTION)).toMatchObject({ status: 200, retries: 1 });
  });

  test('other refusals are not tried again', async () => {
    const server = await serve((_, response) => sendJson(response, 'no', 500));
    await transport(server.url).ask(QUESTION);
    expect(server.asked).toHaveLength(1);
  });

  test('Retry-After is waited for', async () => {
    const at: number[] = [];
    const server = await serve((_, response) => {
      at.push(performance.now());
      if (at.length === 1) response.writeHead(429, { 'retry-after': '1' }).end();
      else sendJson(response, vectorBody());
    });
    await transport(server.url).ask(QUESTION);
    expect((at[1] as number) - (at[0] as number)).toBeGreaterThan(950);
  });

  test('a Retry-After beyond the time limit is an answer, not a timeout', async () => {
    const server = await serve((_, response) => {
      response.writeHead(429, { 'retry-after': '600' }).end();
    });
    expect(await transport(server.url).ask(QUESTION)).toMatchObject({ status: 429, retries: 0 });
  });

  test('a connection that breaks is tried again', async () => {
    let first = true;
    const server = await serve((_, response) => {
      if (!first) return sendJson(response, vectorBody());
      first = false;
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"status":');
      return setTimeout(() => response.destroy(), 20) as never;
    });
    expect(await transport(server.url).ask(QUESTION)).toMatchObject({ status: 200, retries: 1 });
  });

  test('a connection that breaks each time is lost', async () => {
    const server = await serve((_, response) => {
      response.destroy();
    });
    expect(await failureOf(transport(server.url).ask(QUESTION))).toMatchObject({
      kind: 'connection-lost',
      code: 'ECONNRESET',
    });
    expect(server.asked).toHaveLength(4);
  });

  test('nothing listens', async () => {
    expect(await failureOf(transport('http://127.0.0.1:1').ask(QUESTION))).toEqual({
      kind: 'connection-refused',
      address: 'http://127.0.0.1:1',
    });
  });

  test('a name that does not exist', async () => {
    const failure = await failureOf(transport('http://no-such-host.invalid:9090').ask(QUESTION));
    expect(failure).toMatchObject({ kind: 'host-unknown', host: 'no-such-host.invalid' });
  });

  test('plain HTTP where TLS was expected', async () => {
    const server = await serve((_, response) => sendJson(response, vectorBody()));
    const failure = await failureOf(transport(server.url.replace('http:', 'https:')).ask(QUESTION));
    expect(failure?.kind).toBe('tls');
  });

  test.each([
    ['before the headers', () => undefined],
    [
      'in the middle of the body',
      (response: { writeHead(s: number): unknown; write(t: string): unknown }) => [
        response.writeHead(200),
        response.write('{'),
      ],
    ],
  ])('a server that stalls %s is given up', async (_, begin) => {
    const server = await serve((__, response) => {
      begin(response);
    });
    const failure = await failureOf(transport(server.url, { requestTimeoutMs: 200 }).ask(QUESTION));
    expect(failure).toEqual({ kind: 'request-timeout', address: server.url, limitMs: 200 });
  });

  test('the limit of the whole run counts over requests', async () => {
    const server = await serve(() => undefined);
    const failure = await failureOf(transport(server.url, { runTimeoutMs: 200 }).ask(QUESTION));
    expect(failure).toMatchObject({ kind: 'run-timeout', limitMs: 200 });
  });

  test('an answer of 100 MB is not swallowed', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      for (let i = 0; i < 100; i++) response.write(chunk);
      response.end();
    });
    expect(await failureOf(transport(server.url).ask(QUESTION))).toMatchObject({
      kind: 'answer-too-large',
      limitBytes: 64 * 1024 * 1024,
    });
  });

  test('nor is a small gzip that unfolds to 100 MB', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(bomb);
    });
    expect(await failureOf(transport(server.url).ask(QUESTION))).toMatchObject({ kind: 'answer-too-large' });
  });

  test('Ctrl-C ends what is under way', async () => {
    const server = await serve(() => undefined);
    const controller = new AbortController();
    const asking = failureOf(transport(server.url, { interrupted: controller.signal }).ask(QUESTION));
    setTimeout(() => controller.abort(), 50);
    expect(await asking).toEqual({ kind: 'interrupted' });
  });
});
