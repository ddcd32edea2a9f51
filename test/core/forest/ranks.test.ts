import { array, assert, constantFrom, double, integer, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Columns } from '../../../src/core/forest/predicates.ts';
import { Ranks } from '../../../src/core/forest/ranks.ts';

/** Columns as predicates.ts lays them out: each in ascending order, NaN behind it, missing left in every other one. */
function columnsOf(all: readonly (readonly number[])[]): Columns {
  const sorted = all.map((own) =>
    [...new Set(own.map(Math.fround))].sort((a, b) => a - b || (Object.is(a, -0) ? -1 : 1)),
  );
  const starts: number[] = [];
  const thresholds: number[] = [];
  for (const own of sorted) {
    starts.push(thresholds.length);
    thresholds.push(...own, Number.NaN);
    while (thresholds.length % 16 !== 0) thresholds.push(Number.NaN);
  }
  return {
    count: all.length,
    features: Int32Array.from(all, (_, i) => i),
    missingLeft: Uint8Array.from(all, (_, i) => i % 2),
    starts: Int32Array.from(starts),
    sizes: Int32Array.from(sorted, (own) => own.length),
    thresholds: Float32Array.from(thresholds),
  };
}

/** As a rank is defined: the thresholds that are <= x, counted one by one. */
function counted({ starts, sizes, thresholds, missingLeft }: Columns, column: number, x: number): number {
  const start = starts[column] as number;
  const size = sizes[column] as number;
  if (Number.isNaN(x)) return missingLeft[column] === 1 ? 0 : size;
  return thresholds.subarray(start, start + size).filter((threshold) => threshold <= x).length;
}

const ODD = [0, -0, 1e-45, -1e-45, 1, -1, 3.4028234663852886e38, -3.4028234663852886e38, Infinity, -Infinity];
const evenly = tuple(double({ min: -1e6, max: 1e6, noNaN: true }), integer({ min: 1, max: 300 })).map(([from, count]) =>
  Array.from({ length: count }, (_, i) => from + i * 0.37),
);
const unevenly = integer({ min: 1, max: 120 }).map((count) => Array.from({ length: count }, (_, i) => 1.8 ** (i - 40)));
const anyhow = array(constantFrom(...ODD), { minLength: 1, maxLength: 10 });
const mixed = tuple(anyhow, evenly).map(([some, more]) => [...some, ...more]);
const columns = array(constantFrom(evenly, unevenly, anyhow, mixed), { minLength: 1, maxLength: 4 }).chain((kinds) =>
  tuple(...kinds),
);

describe('ranks', () => {
  test('are the counts of thresholds that are <= x, by the row and by the column', () => {
    let values = 0;
    assert(
      property(columns, (all) => {
        const layout = columnsOf(all);
        const ranks = new Ranks(layout);
        // On thresholds, beside them, between them, and far out.
        const near = [...layout.thresholds].flatMap((t) => [t, t * 1.0000001, t / 1.0000001, t + 0.1]);
        const rows = Float32Array.from([...ODD, Number.NaN, ...near]);
        const filled = new Int32Array(1 + rows.length).fill(-1);
        for (let column = 0; column < layout.count; column++) {
          const expected = Array.from(rows, (x) => counted(layout, column, x));
          const byTheRow = Array.from(rows, (x) => {
            const row = new Float32Array(1 + layout.count).fill(x);
            const tagged = new Int32Array(3 * layout.count);
            ranks.ofRow(tagged, 3, 1 << 16, row, 1);
            return (tagged[3 * column] as number) - (column << 16);
          });
          expect(byTheRow).toEqual(expected);
          ranks.fill(filled, 1, 1000, column, rows, 0, 1, rows.length);
          expect(Array.from(rows, (_, i) => (filled[i + 1] as number) - 1000)).toEqual(expected);
          values += rows.length;
        }
      }),
      { numRuns: 100 },
    );
    expect(values).toBeGreaterThan(10_000);
  });
});
