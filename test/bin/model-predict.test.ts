import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { differingBits } from '../support/float32s.ts';
import { describeWith } from '../support/tools.ts';

/** The built program as a process of its own, with rows on stdin; `npm test` builds it first. */
const KPFD = resolve('bin/kpfd.js');
const MODEL = resolve('fixtures/forests/conformance/xgboost-3.4.1/objective-logistic.json.gz');
const HEADER = 'f0,f1,f2,f3,f4,f5\n';
/** Ten rows with what a predictor might take for something else. */
const ROWS = Array.from({ length: 10 }, (_, i) => `${i / 7},${-i},,${i % 3},0.123456789012345,1e-${i}\n`).join('');

/** At its end the process tells on stderr how much memory it ever had, in KiB. */
const TELL_MEMORY =
  "data:text/javascript,process.on('exit',()=>process.stderr.write('KiB '+process.resourceUsage().maxRSS))";

function* repeated(text: string, times: number): Generator<string> {
  yield HEADER;
  for (let i = 0; i < times; i++) yield text;
}

interface Ran {
  readonly code: unknown;
  readonly lineCount: number;
  readonly last: string;
  readonly stderr: string;
}

/** Gives it rows as fast as it takes them, and counts what comes. */
async function run(rows: Iterable<string>, ...flags: string[]): Promise<Ran> {
  const child = spawn(
    process.execPath,
    ['--import', TELL_MEMORY, KPFD, 'model', 'predict', MODEL, '--rows', '-', ...flags],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let lineCount = 0;
  let last = '';
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 0x0a) lineCount++;
    last = (last + chunk.toString()).slice(-4000);
  });
  const closed = once(child, 'close');
  // It may end before it has read all.
  await pipeline(Readable.from(rows), child.stdin).catch(() => undefined);
  const [code] = (await closed) as [unknown];
  return { code, lineCount, last, stderr };
}

function memoryOf({ stderr }: Ran): number {
  return Number(/KiB (\d+)/.exec(stderr)?.[1]);
}

describe('very many rows', () => {
  const part = ROWS.repeat(100);

  test.each([
    ['CSV', [], (times: number) => repeated(part, times)],
    [
      'JSON lines',
      ['--no-headers', '-o', 'jsonl'],
      function* jsonLines(times: number): Generator<string> {
        for (let i = 0; i < times; i++) yield '{"f0":1,"f1":2,"f2":null,"f3":4,"f4":5,"f5":6}\n'.repeat(1000);
      },
    ],
  ] as const)('%s: four times the rows take no more memory', async (_, flags, rowsOf) => {
    // By 150,000 rows the heap has grown to what it needs.
    const few = await run(rowsOf(150), ...flags);
    const many = await run(rowsOf(600), ...flags);
    expect([few.code, many.code]).toEqual([0, 0]);
    expect(many.lineCount - few.lineCount).toBe(450_000);
    // 450,000 more rows are 20 MB of text, and many times that as lists of texts.
    expect(memoryOf(many) - memoryOf(few)).toBeLessThan(80 * 1024);
    expect(memoryOf(many)).toBeLessThan(256 * 1024);
  });

  test('the rows keep their order across batches', async () => {
    const once10 = await run([HEADER, ROWS], '--no-headers');
    const often = await run(repeated(part, 20), '--no-headers');
    const numbers = (text: string): Float32Array => Float32Array.from(text.trimEnd().split('\n').slice(-10), Number);
    expect(often.lineCount).toBe(20_000);
    expect(differingBits(numbers(often.last), numbers(once10.last))).toEqual([]);
  });
});

test('rows that come slowly are predicted at once', async () => {
  const child = spawn(process.execPath, [KPFD, 'model', 'predict', MODEL, '--rows', '-', '--no-headers'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write('[1,2,3,4,5,6]\n');
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  expect(first.toString()).toMatch(/^0\.\d+\n$/);
  child.stdin.end('[1,2,3,4,5,6]\n');
  expect(await once(child, 'close')).toEqual([0, null]);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends it while it waits for rows, with %d', async (signal, code) => {
  const child = spawn(process.execPath, [KPFD, 'model', 'predict', MODEL, '--rows', '-'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.write('[1,2,3,4,5,6]\n');
  await once(child.stdout, 'data');
  const closed = once(child, 'close');
  child.kill(signal);
  expect(await closed).toEqual([code, null]);
  expect(stderr).toBe('');
});

describeWith(['bash'], 'a closed pipe', () => {
  test('is a quiet end, even where the rows have none', async () => {
    const endless = `(echo ${HEADER.trim()}; yes 1,2,3,4,5,6)`;
    const script = `${endless} | "${process.execPath}" "${KPFD}" model predict "${MODEL}" --rows - | head -n 2; echo "\${PIPESTATUS[1]}"`;
    const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    await once(child, 'close');
    expect(output).toMatch(/^prediction\n0\.\d+\n0\n$/);
    expect(errors).toBe('');
  });
});
