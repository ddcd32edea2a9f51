/** Where a row stands in its file: a line of CSV, or the number of a row of JSON; both count from 1. */
export interface RowPlace {
  readonly unit: 'line' | 'row';
  readonly number: number;
}

/** A column that the model wants and the rows lack, and the column of theirs that may be meant. */
interface MissingColumn {
  readonly name: string;
  readonly near?: string;
}

/** What is wrong with rows that somebody wants predictions for. Plain JSON, as every failure. */
export type RowsProblem =
  | { kind: 'no-header' }
  | ColumnsProblem
  | { kind: 'ragged'; place: RowPlace; found: number; wanted: number; wantedBy: 'header' | 'model' }
  | { kind: 'not-a-number'; place: RowPlace; column: string; text: string }
  | { kind: 'not-a-row'; place: RowPlace }
  | { kind: 'quote-misplaced'; place: RowPlace }
  | { kind: 'quote-open'; place: RowPlace }
  | { kind: 'row-too-long'; place: RowPlace; limitBytes: number }
  | { kind: 'not-json'; place: RowPlace }
  | { kind: 'gzip-damaged' };

export interface ColumnsProblem {
  kind: 'columns';
  /** undefined: the header's. */
  place: RowPlace | undefined;
  missing: MissingColumn[];
  /** Columns that the model does not know, where they are not to be ignored. */
  extra: string[];
  twice: string[];
  /** What the model takes. */
  wanted: string[];
  /** True where the model has no names of its own, and `wanted` is f0, f1, …. */
  nameless: boolean;
  /** True where each name of the header is a number: it may be a row. */
  numeric: boolean;
}

/** Raised where rows are read; the pipeline makes it a failure, with the file's name and how many rows went well. */
export class RowsError extends Error {
  override readonly name = 'RowsError';
  readonly problem: RowsProblem;

  constructor(problem: RowsProblem, cause?: unknown) {
    super(problem.kind, cause === undefined ? undefined : { cause });
    this.problem = problem;
  }
}
