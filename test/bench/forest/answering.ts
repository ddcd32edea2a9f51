/** The other end of player.ts: a Node process that predicts. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Opening, Question } from './player.ts';

/** Predicts rows, row-major; what it gives may be in a form of its own as long as the clock runs. */
export interface Predictor<T = unknown> {
  predict(rows: Float32Array, rowCount: number): T | Promise<T>;
  valuesOf(predicted: T): Float32Array;
}

interface Opened {
  readonly predictor: Predictor;
  readonly rows: Float32Array;
  readonly opening: Opening;
  readonly blocks: Map<number, Float32Array[]>;
}

/** Answers until standard input ends. */
export async function answer(openModel: (model: string) => Predictor | Promise<Predictor>): Promise<void> {
  let opened: Opened | undefined;
  let turn = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line) as Question;
    if (question.do === 'open') {
      opened = {
        predictor: await openModel(question.model),
        rows: repeatedRows(question),
        opening: question,
        blocks: new Map(),
      };
      say({});
      continue;
    }
    if (opened === undefined) throw new Error('nothing is open');
    const blocks = blocksOf(opened, question.count);
    if (question.do === 'predict') {
      const { predictor } = opened;
      const parts: Buffer[] = [];
      for (const rows of blocks.slice(0, question.blocks)) {
        const values = predictor.valuesOf(await predictor.predict(rows, question.count));
        parts.push(Buffer.from(Uint8Array.from(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))));
      }
      say({ values: Buffer.concat(parts).toString('base64') });
      continue;
    }
    const turns = Array.from({ length: question.calls }, () => blocks[turn++ % blocks.length] as Float32Array);
    say(await timeOf(opened.predictor, turns, question.count));
  }
}

/** Other rows for each call, so that no branch predictor learns them by heart. */
async function timeOf(predictor: Predictor, turns: readonly Float32Array[], count: number): Promise<object> {
  const start = process.hrtime.bigint();
  const startedAt = process.cpuUsage();
  for (const rows of turns) {
    const predicted = predictor.predict(rows, count);
    // Only who needs it pays for a turn of the event loop.
    if (predicted instanceof Promise) await predicted;
  }
  const { user, system } = process.cpuUsage(startedAt);
  return { cpu: 1000 * (user + system), wall: Number(process.hrtime.bigint() - start) };
}

function repeatedRows({ rows: file, featureCount, rowCount }: Opening): Float32Array {
  const given = new Float32Array(Uint8Array.from(readFileSync(file)).buffer);
  const rows = new Float32Array(rowCount * featureCount);
  for (let start = 0; start < rows.length; start += given.length) {
    rows.set(given.subarray(0, rows.length - start), start);
  }
  return rows;
}

function blocksOf({ rows, opening, blocks }: Opened, count: number): Float32Array[] {
  const known = blocks.get(count);
  if (known !== undefined) return known;
  const size = count * opening.featureCount;
  const made = Array.from({ length: Math.floor(rows.length / size) }, (_, i) =>
    rows.subarray(i * size, (i + 1) * size),
  );
  blocks.set(count, made);
  return made;
}

function say(answered: object): void {
  process.stdout.write(`${JSON.stringify(answered)}\n`);
}
