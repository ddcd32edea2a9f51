import { execFile, execFileSync } from 'node:child_process';
import { lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { assertWritable, RecordingTransport, ReplayTransport } from '../../../src/adapters/prometheus/recorded.ts';
import type { Question, Reply, Transport } from '../../../src/adapters/prometheus/transport.ts';
import { FailureError } from '../../../src/core/failure.ts';
import { file, folder } from '../../support/files.ts';

const RUN = { kpfd: '1.0.0', command: 'kpfd scan', now: 1000, at: undefined };
const QUESTION: Question = { path: '/api/v1/query', parameters: { query: 'up', time: '1' } };

class Scripted implements Transport {
  readonly address = 'http://prometheus';
  readonly #answer: (question: Question) => Reply;
  constructor(answer: (question: Question) => Reply) {
    this.#answer = answer;
  }
  async ask(question: Question): Promise<Reply> {
    return this.#answer(question);
  }
  async connect(): Promise<[]> {
    return [];
  }
}

function reply(body: string): Reply {
  return { status: 200, statusText: 'OK', contentType: 'application/json', unixSeconds: 999, body, retries: 1 };
}

async function recorded(inner: Transport, path: string, question = QUESTION): Promise<ReplayTransport> {
  const recording = new RecordingTransport(inner);
  await recording.ask(question).catch(() => undefined);
  await recording.save(path, RUN);
  return ReplayTransport.open(path);
}

describe('what was recorded is replayed', () => {
  test.each([
    ['JSON', '{"a":[1,"2"]}'],
    ['JSON with spaces, byte for byte', '{ "a": 1 }\n'],
    ['no JSON', '<html>log in</html>'],
    ['half an answer', '{"status":"succ'],
  ])('%s', async (_, body) => {
    const replay = await recorded(new Scripted(() => reply(body)), join(folder(), 'r.json'));
    expect(await replay.ask(QUESTION)).toEqual(reply(body));
    expect(replay).toMatchObject({ address: 'http://prometheus', now: 1000, at: undefined });
  });

  test('in a compressed file as well', async () => {
    const path = join(folder(), 'r.json.gz');
    const replay = await recorded(new Scripted(() => reply('{}')), path);
    expect(readFileSync(path).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    expect((await replay.ask(QUESTION)).body).toBe('{}');
  });

  test('a failure of the transport', async () => {
    const refused = new Scripted(() => {
      throw new FailureError({ kind: 'connection-refused', address: 'http://prometheus' });
    });
    const replay = await recorded(refused, join(folder(), 'r.json'));
    await expect(replay.ask(QUESTION)).rejects.toMatchObject({ failure: { kind: 'connection-refused' } });
  });

  test('parameters in another order are the same question', async () => {
    const replay = await recorded(new Scripted(() => reply('{}')), join(folder(), 'r.json'));
    const turned = { path: '/api/v1/query', parameters: { time: '1', query: 'up' } };
    expect((await replay.ask(turned)).body).toBe('{}');
  });

  test('a question that it lacks is a failure', async () => {
    const replay = await recorded(new Scripted(() => reply('{}')), join(folder(), 'r.json'));
    const other = { path: '/api/v1/query', parameters: { query: 'up', time: '2' } };
    await expect(replay.ask(other)).rejects.toMatchObject({
      failure: { kind: 'recording-lacks', command: 'kpfd scan' },
    });
    await expect(replay.connect()).rejects.toMatchObject({ failure: { kind: 'recording-lacks' } });
  });
});

describe('a file that is no recording', () => {
  const whole = JSON.stringify({
    format: 'kpfd-recording/1',
    kpfd: '1',
    command: 'kpfd scan',
    address: 'a',
    now: 1,
    exchanges: [],
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ['cut', whole.slice(0, 40), /cut/],
    ['a cut gzip', gzipSync(whole).subarray(0, 30), /cut/],
    ['something else', '{"hello":1}', /no recording/],
    ['of a later kpfd', whole.replace('recording/1', 'recording/9'), /recording\/9/],
    ['without its instant', whole.replace('"now":1', '"now":"x"'), /instant/],
    ['with a damaged exchange', whole.replace('[]', '[{"question":1}]'), /exchange/],
  ])('%s', async (_, content, problem) => {
    await expect(ReplayTransport.open(file('r.json', content))).rejects.toMatchObject({
      failure: { kind: 'recording-invalid', problem: expect.stringMatching(problem) },
    });
  });

  test('one that does not exist', async () => {
    await expect(ReplayTransport.open('/nowhere/r.json')).rejects.toMatchObject({
      failure: { kind: 'file-unreadable', code: 'ENOENT' },
    });
  });
});

describe('writing', () => {
  test('only its owner may read it', async () => {
    const path = join(folder(), 'r.json');
    await recorded(new Scripted(() => reply('{}')), path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('a link stays one, and the file it leads to is replaced', async () => {
    const target = file('target.json', 'old');
    const link = join(folder(), 'link.json');
    symlinkSync(target, link);
    await assertWritable(link);
    await recorded(new Scripted(() => reply('{}')), link);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, 'utf8')).toContain('kpfd-recording/1');
  });

  test('a pipe is written to, not replaced by a file', async () => {
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const read = promisify(execFile)('cat', [pipe]);
    await assertWritable(pipe);
    const recording = new RecordingTransport(new Scripted(() => reply('{}')));
    await recording.save(pipe, RUN);
    expect((await read).stdout).toContain('kpfd-recording/1');
    expect(statSync(pipe).isFIFO()).toBe(true);
  });

  test.each([
    ['a failure without its fields', { failure: { kind: 'request-timeout' } }],
    ['a failure that no transport has', { failure: { kind: 'namespace-never-seen' } }],
    ['a reply without a text', { reply: { status: 200, statusText: null, contentType: '', retries: 0, text: '' } }],
  ])('damaged by hand is told: %s', async (_, exchange) => {
    const whole = {
      format: 'kpfd-recording/1',
      ...RUN,
      address: 'http://p',
      exchanges: [{ question: QUESTION, ...exchange }],
    };
    await expect(ReplayTransport.open(file('r.json', JSON.stringify(whole)))).rejects.toMatchObject({
      failure: { kind: 'recording-invalid', problem: 'an exchange in it is damaged' },
    });
  });

  test('what cannot be written is told before anything is asked', async () => {
    await expect(assertWritable('/nowhere/r.json')).rejects.toMatchObject({
      failure: { kind: 'file-unwritable', code: 'ENOENT' },
    });
    await expect(assertWritable('')).rejects.toMatchObject({ failure: { kind: 'file-unwritable', code: 'ENOENT' } });
    await expect(assertWritable(folder())).rejects.toMatchObject({
      failure: { kind: 'file-unwritable', code: 'EISDIR' },
    });
  });

  test('an older recording stays until the new one is whole', async () => {
    const path = join(folder(), 'r.json');
    writeFileSync(path, 'older');
    await assertWritable(path);
    expect(readFileSync(path, 'utf8')).toBe('older');
  });
});
