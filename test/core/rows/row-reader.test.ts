import { describe, expect, test } from 'vitest';
import { RowReader } from '../../../src/core/rows/row-reader.ts';
import type { RowBlock } from '../../../src/core/rows/row-source.ts';
import { RowsError, type RowsProblem } from '../../../src/core/rows/rows-problem.ts';

const named = { featureCount: 3, featureNames: ['cpu', 'memory', 'restarts'] };
const nameless = { featureCount: 2, featureNames: [] };
const strict = { ignoreExtraColumns: false, headerRow: true };

function texts(...rows: string[][]): RowBlock {
  return { kind: 'texts', rows, lines: rows.map((_, i) => i + 1) };
}

function values(...rows: unknown[]): RowBlock {
  return { kind: 'values', rows, first: 1 };
}

/** The rows of a block in the model's columns. */
function readAll(block: RowBlock, columns = named, options = strict): number[][] {
  const reader = new RowReader(columns, options);
  reader.begin(block);
  const read: number[][] = [];
  for (let i = 0; i < block.rows.length; i++) {
    const row = new Float32Array(columns.featureCount);
    if (reader.read(block, i, row, 0)) read.push([...row]);
  }
  reader.end();
  return read;
}

function problemOf(block: RowBlock, columns = named, options = strict): RowsProblem | undefined {
  try {
    readAll(block, columns, options);
    return undefined;
  } catch (error) {
    if (error instanceof RowsError) return error.problem;
    throw error;
  }
}

describe('rows of CSV', () => {
  test("the header's names decide, in any order", () => {
    expect(readAll(texts(['restarts', 'cpu', 'memory'], ['3', '1', '2']))).toEqual([[1, 2, 3]]);
  });

  test('an empty field is missing', () => {
    expect(readAll(texts(['cpu', 'memory', 'restarts'], ['1', '', '3'], ['4', 'NaN', 'NA']))).toEqual([
      [1, Number.NaN, 3],
      [4, Number.NaN, Number.NaN],
    ]);
  });

  test('also of a single column', () => {
    const one = { featureCount: 1, featureNames: ['cpu'] };
    expect(readAll(texts(['cpu'], [''], ['2']), one)).toEqual([[Number.NaN], [2]]);
  });

  test('extra columns are passed over where that is wanted, whatever they hold', () => {
    const block = texts(['pod', 'restarts', 'cpu', 'memory', 'pod'], ['web-1', '3', '1', '2', 'x']);
    expect(readAll(block, named, { ...strict, ignoreExtraColumns: true })).toEqual([[1, 2, 3]]);
  });

  test('a model without names takes f0, f1, …, or the position without a header', () => {
    expect(readAll(texts(['f1', 'f0'], ['2', '1']), nameless)).toEqual([[1, 2]]);
    expect(readAll(texts(['1', '2']), nameless, { ...strict, headerRow: false })).toEqual([[1, 2]]);
  });

  test('numbers are rounded to float32', () => {
    const [[x] = []] = readAll(texts(['f0', 'f1'], ['0.1', '16777217']), nameless);
    expect(x).toBe(Math.fround(0.1));
  });
});

describe('rows of JSON', () => {
  test('objects go by name, lists by position, null is missing', () => {
    expect(
      readAll(values({ memory: 2, cpu: 1, restarts: null }, [4, 5, 6], { cpu: 7, memory: 8, restarts: 9 })),
    ).toEqual([
      [1, 2, Number.NaN],
      [4, 5, 6],
      [7, 8, 9],
    ]);
  });

  test("names of JavaScript's own are names like others", () => {
    const columns = { featureCount: 2, featureNames: ['constructor', 'toString'] };
    expect(readAll(values({ toString: 2, constructor: 1 }), columns)).toEqual([[1, 2]]);
    expect(problemOf(values({ toString: 2 }), columns)).toMatchObject({ missing: [{ name: 'constructor' }] });
  });
});

describe('what is wrong', () => {
  const header = ['cpu', 'memory', 'restarts'];
  const line = (number: number) => ({ unit: 'line', number });
  const row = (number: number) => ({ unit: 'row', number });
  test.each<[string, RowBlock, object]>([
    ['no line at all', texts(), { kind: 'no-header' }],
    ['a missing column', texts(['cpu', 'memory']), { missing: [{ name: 'restarts' }], extra: [], twice: [] }],
    ['an extra column', texts([...header, 'pod']), { missing: [], extra: ['pod'] }],
    ['a column twice', texts([...header, 'cpu']), { missing: [], extra: [], twice: ['cpu'] }],
    ['a row in place of the header', texts(['1', '2', '3']), { numeric: true }],
    ['too few fields', texts(header, ['1', '2']), { kind: 'ragged', place: line(2), found: 2, wanted: 3 }],
    ['too many fields', texts(header, ['1', '2', '3', '4']), { kind: 'ragged', place: line(2), found: 4, wanted: 3 }],
    [
      'no number',
      texts(header, ['1', 'x', '3']),
      { kind: 'not-a-number', place: line(2), column: 'memory', text: 'x' },
    ],
    ['an object that lacks a name', values({ cpu: 1, memory: 2 }), { place: row(1), missing: [{ name: 'restarts' }] }],
    ['an object with one more', values({ cpu: 1, memory: 2, restarts: 3, pod: 4 }), { place: row(1), extra: ['pod'] }],
    ['a short list', values([1, 2, 3], [1]), { kind: 'ragged', place: row(2), found: 1, wanted: 3 }],
    ['a text that is a number', values([1, '2', 3]), { kind: 'not-a-number', place: row(1), text: '"2"' }],
    ['a truth value', values([1, true, 3]), { kind: 'not-a-number', place: row(1), text: 'true' }],
    ['a number in place of a row', values(5), { kind: 'not-a-row', place: row(1) }],
    ['nothing in place of a row', values([1, 2, 3], null), { kind: 'not-a-row', place: row(2) }],
  ])('%s', (_, block, problem) => {
    expect(problemOf(block)).toMatchObject(problem);
  });

  test('a long text is cut', () => {
    const problem = problemOf(texts(header, ['1', 'x'.repeat(1000), '3']));
    expect(problem).toMatchObject({ text: `${'x'.repeat(60)}…` });
  });

  test('without a header a row must have as many fields as the model has features', () => {
    const problem = problemOf(texts(['1', '2', '3']), nameless, { ...strict, headerRow: false });
    expect(problem).toMatchObject({ kind: 'ragged', place: line(1), found: 3, wanted: 2, wantedBy: 'model' });
  });
});
