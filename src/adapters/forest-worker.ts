/** A thread of forest-workers.ts: reads the model that it was started with, and answers one task after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import type { PredictOptions } from '../core/forest/forest.ts';
import { ModelError } from '../core/forest/model-error.ts';
import { readForest, type ReadForestOptions } from '../core/forest/read-forest.ts';

/** Rows [first, first + count), whose answers have a place in `answers`. Both arrays lie in shared memory. */
export interface ForestTask {
  readonly call: 'predict' | 'predictMargin';
  readonly rows: Float32Array;
  readonly answers: Float32Array;
  readonly first: number;
  readonly count: number;
  readonly options: PredictOptions;
}

export interface ForestAnswer {
  readonly problem?: string;
  readonly isModelError?: boolean;
}

const { bytes, options } = workerData as { readonly bytes: Uint8Array; readonly options: ReadForestOptions };
const forest = readForest(bytes, options);

function answer(task: ForestTask): ForestAnswer {
  const { call, rows, answers, first, count } = task;
  const width = call === 'predict' ? forest.predictionCount : forest.outputCount;
  const own = rows.subarray(first * forest.featureCount, (first + count) * forest.featureCount);
  try {
    answers.set(forest[call](own, count, task.options), first * width);
    return {};
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof ModelError)) throw error;
    return { problem: error.message, isModelError: error instanceof ModelError };
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.on('message', (task: ForestTask) => parentPort?.postMessage(answer(task)));
