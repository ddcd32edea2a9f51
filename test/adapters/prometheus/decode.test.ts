import { describe, expect, test } from 'vitest';
import { decodeAnswer } from '../../../src/adapters/prometheus/decode.ts';
import type { Reply } from '../../../src/adapters/prometheus/transport.ts';
import { FailureError } from '../../../src/core/failure.ts';

function reply(body: string, known: Partial<Reply> = {}): Reply {
  return {
    status: 200,
    statusText: 'OK',
    contentType: 'application/json',
    unixSeconds: undefined,
    body,
    retries: 0,
    ...known,
  };
}

function failureOf(own: Reply): unknown {
  try {
    decodeAnswer(own, 'http://p');
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  return undefined;
}

const vector = (result: unknown, more = {}): string =>
  JSON.stringify({ status: 'success', data: { resultType: 'vector', result }, ...more });

test('values as Prometheus writes them', () => {
  const values = ['1', '1.5e-7', 'NaN', '+Inf', '-Inf'].map((text) => ({ metric: {}, value: [1, text] }));
  expect(decodeAnswer(reply(vector(values)), '').series.map(({ value }) => value)).toEqual([
    1,
    1.5e-7,
    Number.NaN,
    Infinity,
    -Infinity,
  ]);
});

test('warnings are kept, and a partial response of VictoriaMetrics is one', () => {
  expect(decodeAnswer(reply(vector([], { warnings: ['one store is down'] })), '').warnings).toEqual([
    'one store is down',
  ]);
  expect(decodeAnswer(reply(vector([], { isPartial: true })), '').warnings).toHaveLength(1);
});

describe('what is no answer becomes the failure that names it', () => {
  test.each<[string, Reply, Record<string, unknown>]>([
    [
      'a login page',
      reply('<html><title>Log in</title></html>', { contentType: 'text/html' }),
      { kind: 'not-json', excerpt: 'Log in' },
    ],
    ['plain text with 200', reply('hello'), { kind: 'not-json' }],
    ['a body cut in the middle', reply(vector([]).slice(0, 30)), { kind: 'answer-cut', bytes: 30 }],
    ['an empty body', reply(''), { kind: 'not-json' }],
    ['401', reply('Unauthorized', { status: 401, statusText: 'Unauthorized' }), { kind: 'http-status', status: 401 }],
    [
      '404 of another server',
      reply('404 page not found', { status: 404 }),
      { kind: 'http-status', status: 404, excerpt: '404 page not found' },
    ],
    [
      '502 of a proxy',
      reply('<html><h1>Bad Gateway</h1></html>', { status: 502 }),
      { kind: 'http-status', excerpt: 'Bad Gateway' },
    ],
    [
      'a refused query',
      reply(JSON.stringify({ status: 'error', errorType: 'execution', error: 'too many samples' }), { status: 422 }),
      { kind: 'query-refused', status: 422, error: 'too many samples' },
    ],
    ['JSON of something else', reply('{"message":"hi"}'), { kind: 'answer-malformed' }],
    [
      'JSON of something else with 403',
      reply('{"message":"no"}', { status: 403 }),
      { kind: 'http-status', status: 403 },
    ],
    ['a list', reply('[]'), { kind: 'answer-malformed' }],
    [
      'a matrix',
      reply(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [] } })),
      { kind: 'answer-malformed' },
    ],
    ['no data', reply('{"status":"success"}'), { kind: 'answer-malformed' }],
    ['a sample without a value', reply(vector([{ metric: {} }])), { kind: 'answer-malformed' }],
    ['a value that is no number', reply(vector([{ metric: {}, value: [1, 'x'] }])), { kind: 'answer-malformed' }],
    ['a value that is no text', reply(vector([{ metric: {}, value: [1, 2] }])), { kind: 'answer-malformed' }],
    ['a label that is no text', reply(vector([{ metric: { a: 1 }, value: [1, '1'] }])), { kind: 'answer-malformed' }],
  ])('%s', (_, own, failure) => {
    expect(failureOf(own)).toMatchObject(failure);
  });
});
