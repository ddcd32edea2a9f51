import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openRows } from '../../../src/adapters/rows/open-rows.ts';
import { RowsError } from '../../../src/core/rows/rows-problem.ts';
import { file } from '../../support/files.ts';

type Format = 'csv' | 'json' | undefined;

/** What was read, and what ended it. */
async function readAll(
  chunks: Iterable<string | Uint8Array>,
  format?: Format,
  path = '-',
): Promise<{ rows: unknown[]; lines: number[]; problem: unknown }> {
  const rows: unknown[] = [];
  const lines: number[] = [];
  const interrupted = new AbortController().signal;
  try {
    for await (const block of openRows({ path, format, stdin: () => Readable.from(chunks), interrupted }).blocks) {
      rows.push(...block.rows);
      lines.push(...(block.kind === 'texts' ? block.lines : block.rows.map((_, i) => block.first + i)));
    }
    return { rows, lines, problem: undefined };
  } catch (error) {
    return { rows, lines, problem: error instanceof RowsError ? error.problem : error };
  }
}

/** A byte a chunk: whatever may be cut in the middle is. */
function bytewise(text: string): Buffer[] {
  return [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
}

describe('CSV', () => {
  test.each<[string, string, string[][], number[]]>([
    [
      'lines that end in \\n',
      'a,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      [1, 2],
    ],
    [
      'lines that end in \\r\\n',
      'a,b\r\n1,2\r\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      [1, 2],
    ],
    [
      'lines that end in \\r',
      'a,b\r1,2\r',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      [1, 2],
    ],
    [
      'lines that end in both ways',
      'a,b\n1,2\r\n3,4\n',
      [
        ['a', 'b'],
        ['1', '2'],
        ['3', '4'],
      ],
      [1, 2, 3],
    ],
    [
      'no end of the last line',
      'a,b\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      [1, 2],
    ],
    [
      'a byte order mark',
      '\ufeffa,b\n1,2\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      [1, 2],
    ],
    [
      'quotes',
      '"a","b ""x"", y"\n"1",2\n',
      [
        ['a', 'b "x", y'],
        ['1', '2'],
      ],
      [1, 2],
    ],
    [
      'a quoted line end',
      'a,"b\nc"\n1,2\n3,4\n',
      [
        ['a', 'b\nc'],
        ['1', '2'],
        ['3', '4'],
      ],
      [1, 3, 4],
    ],
    [
      'a quoted \\r\\n',
      'a,"b\r\nc"\r\n1,2\r\n3,4\r\n',
      [
        ['a', 'b\r\nc'],
        ['1', '2'],
        ['3', '4'],
      ],
      [1, 3, 4],
    ],
    [
      'empty fields',
      'a,b\n,\n',
      [
        ['a', 'b'],
        ['', ''],
      ],
      [1, 2],
    ],
    [
      'empty lines',
      '\na,b\n\n\r\n1,2\n3,"4\n5"\n\n6,7\n\n',
      [
        ['a', 'b'],
        ['1', '2'],
        ['3', '4\n5'],
        ['6', '7'],
      ],
      [2, 5, 6, 9],
    ],
    [
      'an empty line of one column, beside a value that is missing',
      'a\n1\n\n""\n-1\n\n',
      [['a'], ['1'], [''], ['-1']],
      [1, 2, 4, 5],
    ],
    [
      'letters of several bytes',
      'größe,温度\n1,2\n',
      [
        ['größe', '温度'],
        ['1', '2'],
      ],
      [1, 2],
    ],
    ['ragged rows', 'a,b\n1\n1,2,3\n', [['a', 'b'], ['1'], ['1', '2', '3']], [1, 2, 3]],
  ])('%s', async (_, text, rows, lines) => {
    expect(await readAll([text])).toEqual({ rows, lines, problem: undefined });
    expect(await readAll(bytewise(text))).toEqual({ rows, lines, problem: undefined });
  });

  test.each<[string, string, string[][], object]>([
    [
      'a quote in a field',
      'a,b\n1,2"\n',
      [['a', 'b']],
      { kind: 'quote-misplaced', place: { unit: 'line', number: 2 } },
    ],
    [
      'text behind a quote',
      'a,b\n1,"2"3\n',
      [['a', 'b']],
      { kind: 'quote-misplaced', place: { unit: 'line', number: 2 } },
    ],
    [
      'a quote that stays open',
      'a,b\n1,2\n3,"4\n5,6\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
      { kind: 'quote-open', place: { unit: 'line', number: 3 } },
    ],
  ])('%s: the rows before it are there', async (_, text, rows, problem) => {
    expect(await readAll([text])).toMatchObject({ rows, problem });
    expect(await readAll(bytewise(text))).toMatchObject({ rows, problem });
  });

  test('a row without end is given up, not gathered', async () => {
    function* endless(): Generator<string> {
      yield 'a,b\n1,"';
      for (;;) yield '2\n'.repeat(100_000);
    }
    expect(await readAll(endless())).toMatchObject({ problem: { kind: 'row-too-long', place: { number: 2 } } });
  });
});

describe('JSON', () => {
  test.each<[string, string, unknown[]]>([
    ['a list of objects', '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    [
      'a list of lists',
      ' [ [1,2],\n[3,null] ]\n',
      [
        [1, 2],
        [3, null],
      ],
    ],
    ['an object a line', '{"a":1}\n{"a":2}\n', [{ a: 1 }, { a: 2 }]],
    [
      'a list a line',
      '[1,2]\r\n\r\n[3,4]',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['one object over lines', '{\n "a": 1\n}\n', [{ a: 1 }]],
    ['a byte order mark', '\ufeff[{"a":1}]', [{ a: 1 }]],
    ['an empty list', '[]', []],
  ])('%s', async (_, text, rows) => {
    const lines = rows.map((__, i) => i + 1);
    expect(await readAll([text])).toEqual({ rows, lines, problem: undefined });
    expect(await readAll(bytewise(text))).toEqual({ rows, lines, problem: undefined });
  });

  test.each<[string, string, unknown[], number]>([
    ['a word that is none of JSON', '[{"a":1},{"a":NaN}]', [{ a: 1 }], 2],
    ['a list that is cut off', '[[1],[2],[3', [[1], [2]], 3],
    ['an object that is cut off', '{"a":1}\n{"a":', [{ a: 1 }], 2],
    ['something behind the list', '[[1]] x', [[1]], 2],
  ])('%s: the rows before it are there', async (_, text, rows, number) => {
    const wanted = { rows, problem: { kind: 'not-json', place: { unit: 'row', number } } };
    expect(await readAll([text])).toMatchObject(wanted);
    expect(await readAll(bytewise(text))).toMatchObject(wanted);
  });

  test('a row without end is given up, not gathered', async () => {
    function* endless(): Generator<string> {
      yield '[[1],[';
      for (;;) yield '2,\n'.repeat(100_000);
    }
    expect(await readAll(endless())).toMatchObject({ rows: [[1]], problem: { kind: 'row-too-long' } });
  });
});

describe('which format', () => {
  test.each<[string, string, Format, unknown[]]>([
    ['rows.csv', '[x\n1\n', undefined, [['[x'], ['1']]],
    ['rows.ndjson', ' \n[1]\n', undefined, [[1]]],
    ['rows.txt', '{"a":1}', undefined, [{ a: 1 }]],
    ['rows', 'a\n1\n', undefined, [['a'], ['1']]],
    ['rows.json', 'a\n1\n', 'csv', [['a'], ['1']]],
  ])('%s with %j, and %j asked for', async (name, text, format, rows) => {
    expect(await readAll([], format, file(name, text))).toMatchObject({ rows, problem: undefined });
    expect(await readAll([], format, file(`${name}.gz`, gzipSync(text)))).toMatchObject({ rows, problem: undefined });
  });

  test('an empty file is CSV without a header', async () => {
    expect(await readAll([])).toEqual({ rows: [], lines: [], problem: undefined });
  });
});

describe('a file that cannot be read', () => {
  test('gzip that is cut off is told after the rows that it still gave', async () => {
    const packed = gzipSync(`a\n${'1\n'.repeat(200_000)}`, { level: 0 });
    const { rows, problem } = await readAll([packed.subarray(0, packed.length - 1000)]);
    expect(problem).toEqual({ kind: 'gzip-damaged' });
    expect(rows.length).toBeGreaterThan(100_000);
  });

  test('a file that is not there', async () => {
    const { problem } = await readAll([], undefined, '/nowhere/rows.csv');
    expect(problem).toMatchObject({ failure: { kind: 'file-unreadable', role: 'rows', code: 'ENOENT' } });
  });
});

test('whoever ends early ends the source', async () => {
  let isOpen = true;
  function* endless(): Generator<string> {
    try {
      for (;;) yield 'a\n1\n2\n3\n';
    } finally {
      isOpen = false;
    }
  }
  const interrupted = new AbortController().signal;
  const { blocks } = openRows({ path: '-', format: undefined, stdin: () => Readable.from(endless()), interrupted });
  for await (const block of blocks) if (block.rows.length > 0) break;
  expect(isOpen).toBe(false);
});
