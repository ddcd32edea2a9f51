import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expf, logf } from '../../../src/core/forest/float32.ts';
import { differingBits } from '../../support/float32s.ts';

/** x, expf(x), logf(x) by the C library: fixtures/forests/libm.c. */
const bytes = readFileSync('fixtures/forests/libm.float32');
const triples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));

function column(place: number): Float32Array {
  return triples.filter((_, i) => i % 3 === place);
}

test('there are thousands of numbers to compare with', () => {
  expect(column(0).length).toBeGreaterThan(8000);
});

test('expf equals the C library bit for bit', () => {
  expect(differingBits(column(0).map(expf), column(1))).toEqual([]);
});

test('logf equals the C library bit for bit', () => {
  expect(differingBits(column(0).map(logf), column(2))).toEqual([]);
});
