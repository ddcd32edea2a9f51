import { array, assert, constantFrom, oneof, property, string, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { grid, type GridColumn } from '../../src/render/grid.ts';

const COLUMNS: readonly GridColumn[] = [
  { heading: 'NAME', align: 'left' },
  { heading: 'RISK', align: 'right' },
  { heading: 'NOW', align: 'left' },
];
/** Letters of any width, colours, and nothing. */
const cell = oneof(
  string({ unit: constantFrom('a', 'Z', '0', '-', 'ß', '日', ' ', '.'), maxLength: 12 }).map((text) => text.trim()),
  constantFrom('\u001b[31mError\u001b[39m', '\u001b[32mRunning\u001b[39m', ''),
);

test('a long table looks as cli-table3 draws a short one', () => {
  assert(
    property(array(tuple(cell, cell, cell), { minLength: 1, maxLength: 20 }), (rows) => {
      // The same rows again and again: the widths stay, and the first of the lines must be those of the short table.
      const many = Array.from({ length: Math.ceil(150 / rows.length) }, () => rows).flat();
      const long = grid(COLUMNS, many, true).split('\n');
      const short = grid(COLUMNS, rows, true).split('\n');
      expect(many.length).toBeGreaterThan(100);
      expect(long.slice(0, rows.length + 1)).toEqual(short.slice(0, -1));
    }),
    { seed: 20261123, numRuns: 200 },
  );
});

test('no rows are no lines', () => {
  expect(grid(COLUMNS, [], false)).toBe('');
  expect(grid(COLUMNS, [], true)).toBe('NAME  RISK  NOW\n');
});
