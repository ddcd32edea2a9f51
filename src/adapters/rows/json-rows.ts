import { JSONParser } from '@streamparser/json';
import type { RowBlock } from '../../core/rows/row-source.ts';
import { RowsError } from '../../core/rows/rows-problem.ts';
import { peek } from '../byte-chunks.ts';

/** One value could fill the memory. */
const LONGEST_ROW = 16 * 1024 ** 2;

/**
 * Rows of JSON: the members of one list, or values one after the other (JSON lines). A list of which the first member is
 * a list or an object is the former, another list is itself a row.
 */
export async function* jsonRows(source: AsyncGenerator<Buffer>): AsyncGenerator<RowBlock> {
  const { found: isList, chunks } = await peek(source, beginsList);
  let rows: unknown[] = [];
  let first = 1;
  let failure: Error | undefined;
  const parser = new JSONParser(
    isList === true ? { paths: ['$.*'], keepStack: false } : { paths: ['$'], keepStack: false, separator: '' },
  );
  parser.onValue = ({ value }) => {
    rows.push(value);
  };
  parser.onError = (error) => {
    failure ??= error;
  };
  const taken = (): RowBlock => {
    const block: RowBlock = { kind: 'values', rows, first };
    first += rows.length;
    rows = [];
    return block;
  };
  const assertWell = (): void => {
    const place = { unit: 'row', number: first } as const;
    if (failure !== undefined) throw new RowsError({ kind: 'not-json', place }, failure);
    if (pending > LONGEST_ROW) throw new RowsError({ kind: 'row-too-long', place, limitBytes: LONGEST_ROW });
  };
  let pending = 0;
  let isEmpty = true;
  for await (const chunk of chunks) {
    isEmpty = false;
    parser.write(withoutMark(chunk, first === 1 && pending === 0));
    pending = rows.length > 0 ? 0 : pending + chunk.length;
    if (rows.length > 0) yield taken();
    assertWell();
  }
  if (!isEmpty && !parser.isEnded) parser.end();
  if (rows.length > 0) yield taken();
  assertWell();
}

/** Whether the list of rows begins here; undefined while one cannot tell. */
function beginsList(start: Buffer): boolean | undefined {
  const [first, second] = start.toString('latin1').replace(/[\s\xef\xbb\xbf]/g, '');
  if (first === undefined) return undefined;
  if (first !== '[') return false;
  return second === undefined ? undefined : second === '[' || second === '{' || second === ']';
}

function withoutMark(chunk: Buffer, isFirst: boolean): Buffer {
  return isFirst && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? chunk.subarray(3) : chunk;
}
