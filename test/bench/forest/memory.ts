/**
 * memory.ts BUILT MODEL ROWS, by node --expose-gc and a young generation so large that nothing is collected while garbage
 * is counted: prints as JSON what the forest keeps after it was loaded and used, and what a prediction leaves behind.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Entry from '../../../src/forest.ts';
import { FEATURES, ROWS } from './models.ts';

/** Four int32 or float32, a byte, and two float32 of statistics; see src/core/forest/trees.ts. */
const NODE_BYTES = 4 * 4 + 1 + 2 * 4;
const PREDICTIONS = 10_000;

const [built = '', model = '', rowFile = ''] = process.argv.slice(2);
const { readForest } = (await import(pathToFileURL(join(built, 'forest.js')).href)) as typeof Entry;
const rows = new Float32Array(Uint8Array.from(readFileSync(rowFile)).buffer);
const oneRow = Array.from({ length: ROWS }, (_, i) => rows.subarray(i * FEATURES, (i + 1) * FEATURES));

const before = kept();
const forest = load();
const loaded = kept() - before;
for (const row of oneRow.slice(0, 20)) forest.predict(row, 1);
const afterOneRow = kept() - before;
forest.predict(rows, ROWS);
const afterAllRows = kept() - before;
const arrays = forest.nodeCount * NODE_BYTES;
console.log(JSON.stringify({ arrays, loaded, afterOneRow, afterAllRows, garbage: garbage() }));

/** In a function of its own, so that nothing holds the file's bytes. */
function load(): Entry.Forest {
  return readForest(readFileSync(model));
}

/** What is still held after a collection; external holds the array buffers as well. */
function kept(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  return held();
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes of a one-row prediction beyond the answer, which its caller wanted. */
function garbage(): number {
  const { outputCount } = forest;
  const predict = (row: Float32Array): Float32Array => forest.predict(row, 1);
  const answerOnly = (row: Float32Array): Float32Array => new Float32Array(outputCount).fill(row[0] as number);
  // Twice: compiling leaves garbage, too.
  const measured = [0, 1].map(() => [growth(answerOnly), growth(predict)] as const).at(-1) as readonly [number, number];
  return (measured[1] - measured[0]) / PREDICTIONS;
}

function growth(act: (row: Float32Array) => Float32Array): number {
  for (let i = 0; i < PREDICTIONS; i++) act(oneRow[i % ROWS] as Float32Array);
  globalThis.gc?.();
  const start = held();
  for (let i = 0; i < PREDICTIONS; i++) act(oneRow[i % ROWS] as Float32Array);
  return held() - start;
}
