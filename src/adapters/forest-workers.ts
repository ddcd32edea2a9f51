/**
 * kpfd/forest/workers: predictions of very many rows by several threads of Node, with the same bits. Each thread has a
 * forest of its own; rows and answers lie in shared memory, so that only their places are sent.
 *
 *     import { openForestWorkers } from 'kpfd/forest/workers';
 *     const workers = openForestWorkers(await readFile('model.json'));
 *     const probabilities = await workers.predict(rows, rowCount);
 *     await workers.close();
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { isTyped } from '../core/forest/arguments.ts';
import type { Forest, PredictOptions } from '../core/forest/forest.ts';
import { ModelError } from '../core/forest/model-error.ts';
import { readForest, type ReadForestOptions } from '../core/forest/read-forest.ts';
import type { ForestAnswer, ForestTask } from './forest-worker.ts';

/** Below so many rows one thread is done before others have begun. */
const ROWS_WORTH_THREADS = 50_000;
/** Blocks for each thread: a slow one leaves some of its own to the others. */
const BLOCKS_EACH = 4;
/** Blocks are multiples of what the widest kernel takes at once. */
const ROWS_TOGETHER = 128;

export interface ForestWorkersOptions extends ReadForestOptions {
  /** As many as the machine has processors where it is left out. */
  readonly threads?: number;
}

/** Reads the model here and in each thread. Throws what readForest throws. */
export function openForestWorkers(bytes: Uint8Array, options: ForestWorkersOptions = {}): ForestWorkers {
  const { threads = availableParallelism(), ...reading } = options;
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`${threads} is no number of threads`);
  const forest = readForest(bytes, reading);
  // Threads start later, and by then the caller may have filled the buffer with something else.
  const own = bytes.slice();
  return new ForestWorkers(forest, () => startWorker(own, reading), threads);
}

function startWorker(bytes: Uint8Array, options: ReadForestOptions): Worker {
  const worker = new Worker(new URL('forest-worker.js', import.meta.url), {
    workerData: { bytes, options },
    // Flags of the program, such as --input-type, are not for the thread.
    execArgv: [],
  });
  // A thread that waits for work does not keep the program from ending.
  worker.unref();
  return worker;
}

export class ForestWorkers {
  readonly forest: Forest;
  readonly #start: () => Worker;
  readonly #threads: number;
  #workers: Worker[] = [];
  #isClosed = false;
  /** Calls take turns: each has all threads. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(forest: Forest, start: () => Worker, threads: number) {
    this.forest = forest;
    this.#start = start;
    this.#threads = threads;
  }

  /** As Forest.predictMargin; few rows are not worth the threads. */
  async predictMargin(
    rows: Float32Array,
    rowCount: number,
    options: Omit<PredictOptions, 'out'> = {},
  ): Promise<Float32Array> {
    return this.#share('predictMargin', rows, rowCount, options, this.forest.outputCount);
  }

  /** As Forest.predict; few rows are not worth the threads. */
  async predict(
    rows: Float32Array,
    rowCount: number,
    options: Omit<PredictOptions, 'out'> = {},
  ): Promise<Float32Array> {
    return this.#share('predict', rows, rowCount, options, this.forest.predictionCount);
  }

  /** Ends the threads; what is still being computed, or asked later, is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#endThreads();
  }

  async #endThreads(): Promise<void> {
    const workers = this.#workers;
    this.#workers = [];
    await Promise.all(workers.map(async (worker) => worker.terminate()));
  }

  async #share(
    call: ForestTask['call'],
    rows: Float32Array,
    rowCount: number,
    options: Omit<PredictOptions, 'out'>,
    width: number,
  ): Promise<Float32Array> {
    this.#demandOpen();
    if ('out' in options) throw new TypeError('threads answer in an array of their own: leave out `out`');
    // Here, too, where the forest says best what is wrong with the rows.
    const isWrong = !isTyped(rows, 'Float32Array') || rows.length !== rowCount * this.forest.featureCount;
    if (rowCount < ROWS_WORTH_THREADS || isWrong) return this.forest[call](rows, rowCount, options);
    const shared = sharedCopy(rows);
    const answers = new Float32Array(new SharedArrayBuffer(4 * rowCount * width));
    const tasks = this.#tasksOf(call, rowCount, options).map((task) => ({ ...task, rows: shared, answers }));
    const work = this.#turn.then(async () => this.#work(tasks));
    this.#turn = work.catch(() => undefined);
    await work;
    return answers;
  }

  #tasksOf(
    call: ForestTask['call'],
    rowCount: number,
    { baseMargin, ...options }: PredictOptions,
  ): Omit<ForestTask, 'rows' | 'answers'>[] {
    const { outputCount } = this.forest;
    if (baseMargin !== undefined && baseMargin.length !== rowCount * outputCount) {
      throw new RangeError(
        `${rowCount} rows need ${rowCount * outputCount} base margins: ${baseMargin.length} are there`,
      );
    }
    const size = Math.ceil(rowCount / (this.#threads * BLOCKS_EACH) / ROWS_TOGETHER) * ROWS_TOGETHER;
    return Array.from({ length: Math.ceil(rowCount / size) }, (_, i) => {
      const first = i * size;
      const count = Math.min(size, rowCount - first);
      const own = baseMargin?.slice(first * outputCount, (first + count) * outputCount);
      return { call, first, count, options: own === undefined ? options : { ...options, baseMargin: own } };
    });
  }

  #demandOpen(): void {
    if (this.#isClosed) throw new Error('the threads that predict were closed');
  }

  async #work(tasks: ForestTask[]): Promise<void> {
    this.#demandOpen();
    while (this.#workers.length < this.#threads) this.#workers.push(this.#start());
    const left = [...tasks];
    const workers = this.#workers;
    // Idle threads do not keep a process alive; those that work do, and those that are being ended, else it would be over
    // before anybody heard what went wrong.
    for (const worker of workers) worker.ref();
    try {
      await Promise.all(
        workers.map(async (worker) => {
          for (let task = left.shift(); task !== undefined; task = left.shift()) await answerOf(worker, task);
        }),
      );
    } catch (error) {
      // Whoever still works would write into an answer that nobody wants.
      await this.#endThreads();
      throw error;
    }
    for (const worker of workers) worker.unref();
  }
}

async function answerOf(worker: Worker, task: ForestTask): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    };
    const onMessage = (answer: ForestAnswer): void => {
      settle();
      if (answer.problem === undefined) return resolve();
      reject(answer.isModelError ? new ModelError(answer.problem) : new RangeError(answer.problem));
    };
    const onError = (error: Error): void => {
      settle();
      reject(error);
    };
    const onExit = (): void => {
      settle();
      reject(new Error('the thread that predicted was closed'));
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(task);
  });
}

function sharedCopy(values: Float32Array): Float32Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const shared = new Float32Array(new SharedArrayBuffer(4 * values.length));
  shared.set(values);
  return shared;
}
