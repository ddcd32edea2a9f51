import { FailureError } from '../core/failure.ts';
import type { Forest } from '../core/forest/forest.ts';
import { ModelError } from '../core/forest/model-error.ts';
import type { ForestFile } from '../core/predictions/forest-file.ts';
import { predictedColumns, type PredictedKind } from '../core/predictions/predicted-columns.ts';
import { RowReader } from '../core/rows/row-reader.ts';
import type { RowSource } from '../core/rows/row-source.ts';
import { RowsError, type RowsProblem } from '../core/rows/rows-problem.ts';
import { nearest } from './nearest.ts';

interface RowsQuestion {
  readonly kind: PredictedKind;
  /** [begin, end) of the iterations; undefined: all. */
  readonly iterationRange: readonly [number, number] | undefined;
  /** A number that is missing as well. */
  readonly missing: number | undefined;
  readonly ignoreExtraColumns: boolean;
  readonly headerRow: boolean;
}

/** Where predictions go, a batch at a time. */
interface PredictionSink {
  /** Called once, before the first batch; where there are no rows, before the end. */
  begin(columns: readonly string[]): void;
  /** False: nobody wants more. */
  take(batch: { readonly rowCount: number; readonly values: Float32Array | Int32Array }): Promise<boolean>;
  /** Called after the last row, where none was wrong. */
  end(): void;
}

/** Rows of a batch, and values in or out of it: what bounds the memory, however many rows there are. */
const BATCH_ROWS = 4096;
const BATCH_VALUES = 2 ** 20;

/**
 * Predicts rows as they are read, in their order, and gives the number of them. A row that is wrong ends it with a
 * failure, after the rows before it went to the sink.
 */
export async function predictRows(
  file: ForestFile,
  source: RowSource,
  question: RowsQuestion,
  sink: PredictionSink,
): Promise<number> {
  const { forest } = file;
  const columns = columnsOf(file, question);
  const reader = new RowReader(forest, question);
  const size = Math.floor(BATCH_VALUES / Math.max(forest.featureCount, columns.length, 1));
  const batch = new RowBatch(forest, question, Math.min(Math.max(size, 1), BATCH_ROWS));
  let hasBegun = false;
  let predicted = 0;
  const begin = (): void => {
    if (!hasBegun) sink.begin(columns);
    hasBegun = true;
  };
  const flush = async (): Promise<boolean> => {
    if (batch.rowCount === 0) return true;
    begin();
    predicted += batch.rowCount;
    return sink.take(batch.predict());
  };
  try {
    for await (const block of source.blocks) {
      reader.begin(block);
      for (let i = 0; i < block.rows.length; i++) {
        if (reader.read(block, i, batch.rows, batch.end)) batch.rowCount++;
        if (batch.isFull && !(await flush())) return predicted;
      }
      // Whoever writes rows slowly need not wait for a batch to fill.
      if (!(await flush())) return predicted;
    }
    reader.end();
    begin();
    sink.end();
  } catch (error) {
    if (!(error instanceof RowsError)) throw error;
    await flush();
    throw await rowsFailure(error, source.name, predicted);
  }
  return predicted;
}

/** Rows of a batch, and what is asked of them. */
class RowBatch {
  readonly rows: Float32Array;
  rowCount = 0;
  readonly #forest: Forest;
  readonly #question: RowsQuestion;

  constructor(forest: Forest, question: RowsQuestion, size: number) {
    this.rows = new Float32Array(size * forest.featureCount);
    this.#forest = forest;
    this.#question = question;
  }

  /** Where the next row begins. */
  get end(): number {
    return this.rowCount * this.#forest.featureCount;
  }

  get isFull(): boolean {
    return this.end === this.rows.length;
  }

  /** Empties the batch. */
  predict(): { rowCount: number; values: Float32Array | Int32Array } {
    const { rowCount } = this;
    const rows = this.rows.subarray(0, this.end);
    this.rowCount = 0;
    return { rowCount, values: this.#values(rows, rowCount) };
  }

  #values(rows: Float32Array, rowCount: number): Float32Array | Int32Array {
    const { kind, iterationRange, missing } = this.#question;
    const options = {
      ...(iterationRange === undefined ? {} : { iterationRange }),
      ...(missing === undefined ? {} : { missing }),
    };
    switch (kind) {
      case 'prediction':
        return this.#forest.predict(rows, rowCount, options);
      case 'margin':
        return this.#forest.predictMargin(rows, rowCount, options);
      case 'contributions':
        return this.#forest.contributions(rows, rowCount, { ...options, kind: 'shap' });
      case 'leaves':
        return this.#forest.leaves(rows, rowCount, options);
    }
  }
}

/** The names of what is predicted. What the model cannot give is found here, before a row is read. */
function columnsOf({ forest, path, model }: ForestFile, { kind, iterationRange }: RowsQuestion): string[] {
  if (iterationRange !== undefined) assertWithin(forest, iterationRange);
  try {
    return predictedColumns(forest, model?.classes, kind, iterationRange);
  } catch (error) {
    if (error instanceof ModelError)
      throw new FailureError({ kind: 'forest-unusable', path, problem: error.message }, error);
    throw error;
  }
}

function assertWithin({ iterationCount }: Forest, [begin, end]: readonly [number, number]): void {
  if (begin <= (end === 0 ? iterationCount : end) && Math.max(begin, end) <= iterationCount) return;
  throw new FailureError({
    kind: 'usage',
    problem: `--iteration-range ${begin}:${end} is not within the model's iterations 0:${iterationCount}`,
  });
}

async function rowsFailure(error: RowsError, name: string, predicted: number): Promise<FailureError> {
  const problem = await withNearest(error.problem);
  return new FailureError({ kind: 'rows-unusable', name, problem, predicted }, error.cause);
}

/** A message names one; among thousands of columns to look for more takes long. */
const SOUGHT = 3;

/** Names the columns that the first of the missing ones may be. */
async function withNearest(problem: RowsProblem): Promise<RowsProblem> {
  if (problem.kind !== 'columns') return problem;
  const sought = await Promise.all(
    problem.missing.slice(0, SOUGHT).map(async ({ name }) => {
      // Two short names are always like one another.
      const [near] = name.length < 3 ? [] : await nearest(name, problem.extra, 1);
      return near === undefined ? { name } : { name, near };
    }),
  );
  return { ...problem, missing: [...sought, ...problem.missing.slice(SOUGHT)] };
}
