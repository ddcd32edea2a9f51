import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expm1f, log1pf } from '../../../src/core/forest/expm1-log1p.ts';
import { expf, logf } from '../../../src/core/forest/float32.ts';
import { differingBits } from '../../support/float32s.ts';

/** x, expf(x), logf(x), expm1f(x), log1pf(x) by the C library: fixtures/forests/libm.c. */
const bytes = readFileSync('fixtures/forests/libm.float32');
const fives = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));

function column(place: number): Float32Array {
  return fives.filter((_, i) => i % 5 === place);
}

test('there are thousands of numbers to compare with', () => {
  expect(column(0).length).toBeGreaterThan(8000);
});

test.each([
  ['expf', expf, 1],
  ['logf', logf, 2],
  ['expm1f', expm1f, 3],
  ['log1pf', log1pf, 4],
] as const)('%s equals the C library bit for bit', (_, compute, place) => {
  expect(differingBits(column(0).map(compute), column(place))).toEqual([]);
});
