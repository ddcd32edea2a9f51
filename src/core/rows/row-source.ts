/** Some rows as they were read, in the file's order. */
export type RowBlock =
  /** Rows of CSV, the header among them: each the texts of its fields, with the line where it begins. */
  | { readonly kind: 'texts'; readonly rows: readonly (readonly string[])[]; readonly lines: readonly number[] }
  /** Rows of JSON: each what its value is, with the number of the first. */
  | { readonly kind: 'values'; readonly rows: readonly unknown[]; readonly first: number };

/** Rows from outside, a part at a time. Reading rejects with a RowsError, or a FailureError where the file fails. */
export interface RowSource {
  /** As messages name it: "rows.csv", "stdin". */
  readonly name: string;
  readonly blocks: AsyncIterable<RowBlock>;
}
