import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openPolls } from '../../src/adapters/status-polls.ts';
import type { Poll } from '../../src/core/predictions/observation.ts';
import { folder } from '../support/files.ts';

const LINES = [
  '{"t": 100.5, "pods": {}}',
  '{"t": 105.5, "pods": {"shop/cart-0": ["1/1", "Running", 2, "node1"]}}',
  '',
  '{"t": 110.5, "pods": {"shop/cart-0": ["0/1", "CrashLoopBackOff", 3], "shop/new": ["0/1", "Terminating", 0]}}',
].join('\n');

function file(content: string | Uint8Array, name = 'status.jsonl'): string {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string): Promise<Poll[]> {
  const polls: Poll[] = [];
  for await (const poll of openPolls(path)) polls.push(poll);
  return polls;
}

describe('what kubectl printed', () => {
  test.each<[string, Uint8Array | string]>([
    ['plain', LINES],
    ['packed, whatever its name', gzipSync(LINES)],
    ['with the line ends of Windows', LINES.replaceAll('\n', '\r\n')],
  ])('is read line by line: %s', async (_, content) => {
    const polls = await read(file(content));
    expect(polls.map(({ unixSeconds }) => unixSeconds)).toEqual([100.5, 105.5, 110.5]);
    const last = polls[2]?.pods;
    expect(last?.get('shop/cart-0')).toMatchObject({
      now: 'CrashLoopBackOff',
      status: 'CrashLoopBackOff',
      restarts: 3,
    });
    expect(last?.get('shop/new')).toMatchObject({ now: 'Terminating', status: undefined });
  });

  test('takes RESTARTS as kubectl prints them', async () => {
    const printed = (restarts: unknown): string =>
      JSON.stringify({ t: 1, pods: { 'a/b': ['1/1', 'Running', restarts] } });
    const told = await read(file([4, '4', '4 (5m ago)', null].map(printed).join('\n')));
    expect(told.map(({ pods }) => pods.get('a/b')?.restarts)).toEqual([4, 4, 4, undefined]);
  });

  test('of a whole recording is as long as its file', async () => {
    expect((await read('fixtures/recordings/run-a/status.jsonl.gz')).length).toBe(791);
  });

  test.each<[string, Uint8Array | string, number, RegExp]>([
    ['no JSON', `${LINES}\nhello`, 5, /no JSON/],
    ['another document', '{"time": 1}', 1, /"t" or "pods"/],
    [
      'a count of restarts that is none',
      '{"t": 1, "pods": {"a/b": ["1/1", "Running", "few"]}}',
      1,
      /"a\/b" has RESTARTS/,
    ],
    ['a pod without STATUS', '{"t": 1, "pods": {"a/b": ["1/1"]}}', 1, /"a\/b" has no STATUS/],
    ['times that go back', '{"t": 5, "pods": {}}\n{"t": 4, "pods": {}}', 2, /earlier than the line before/],
    ['a packed file that was cut', gzipSync(LINES.repeat(500)).subarray(0, 90), 0, /cut off or damaged/],
  ])('is refused with the number of the line: %s', async (_, content, line, problem) => {
    const failure = { kind: 'labels-unusable', problem: expect.stringMatching(problem) };
    await expect(read(file(content))).rejects.toMatchObject({ failure: line === 0 ? failure : { ...failure, line } });
  });

  test('in a file that is not there is a failure that names it', async () => {
    await expect(read('/nowhere/status.jsonl')).rejects.toMatchObject({
      failure: { kind: 'file-unreadable', role: 'labels file', code: 'ENOENT' },
    });
  });

  test('a reader that has enough closes the file', async () => {
    for await (const poll of openPolls(file(LINES))) {
      expect(poll.unixSeconds).toBe(100.5);
      break;
    }
  });
});
