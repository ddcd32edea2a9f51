import { parse, type Parser } from 'csv-parse';
import type { RowBlock } from '../../core/rows/row-source.ts';
import { RowsError } from '../../core/rows/rows-problem.ts';
import { codeOf } from '../error-code.ts';

/** A quote that is never closed would make one row of the rest of the file. */
const LONGEST_ROW = 16 * 1024 ** 2;

/**
 * Rows of CSV (RFC 4180; lines end in any way; empty lines are none): what a chunk of bytes completes is a block, and the last
 * may be empty.
 */
export async function* csvRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<RowBlock> {
  let rows: string[][] = [];
  let lines: number[] = [];
  let line = 1;
  let [counted, skipped] = [0, 0];
  // The rows do not go through the parser's own stream of objects, which takes longer. It looks a few bytes ahead: the
  // last row comes with the next one, or the end.
  const parser = parse({
    bom: true,
    relax_column_count: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: LONGEST_ROW,
    // A missing value of a single column is written as "", which is no empty line.
    skip_empty_lines: true,
    on_record: (row: string[], context) => {
      const empty = context.empty_lines - skipped;
      skipped = context.empty_lines;
      line += empty;
      rows.push(row);
      lines.push(line);
      // The parser counts \r\n within quotes as two lines.
      line += 1 + (context.lines - counted - empty > 1 ? lineEndsWithin(row) : 0);
      counted = context.lines;
      return null;
    },
  });
  const taken = (): RowBlock => {
    const block: RowBlock = { kind: 'texts', rows, lines };
    [rows, lines] = [[], []];
    return block;
  };
  const feed = feeder(parser);
  for await (const chunk of chunks) {
    const error = await feed(chunk);
    if (rows.length > 0) yield taken();
    if (error !== undefined) throw misread(error, line);
  }
  const error = await feed(undefined);
  yield taken();
  if (error !== undefined) throw misread(error, line);
}

/** Writes a chunk, or the end, and waits until its rows are there; gives the error, should one come. */
function feeder(parser: Parser): (chunk: Buffer | undefined) => Promise<Error | undefined> {
  let failure: Error | undefined;
  parser.on('error', (error) => (failure ??= error));
  parser.resume();
  return (chunk) =>
    new Promise((resolve) => {
      if (chunk !== undefined) return void parser.write(chunk, (error) => resolve(error ?? undefined));
      parser.once('close', () => resolve(failure));
      parser.end();
    });
}

function lineEndsWithin(row: readonly string[]): number {
  return row.reduce((count, text) => count + (text.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
}

function misread(error: Error, line: number): Error {
  const place = { unit: 'line', number: line } as const;
  switch (codeOf(error)) {
    case 'INVALID_OPENING_QUOTE':
    case 'CSV_INVALID_CLOSING_QUOTE':
      return new RowsError({ kind: 'quote-misplaced', place }, error);
    case 'CSV_QUOTE_NOT_CLOSED':
      return new RowsError({ kind: 'quote-open', place }, error);
    case 'CSV_MAX_RECORD_SIZE':
      return new RowsError({ kind: 'row-too-long', place, limitBytes: LONGEST_ROW }, error);
    default:
      return error;
  }
}
