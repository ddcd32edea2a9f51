import { assert, nat, property } from 'fast-check';
import { expect, test } from 'vitest';
import { float32Text } from '../../src/render/float32-text.ts';

const view = new DataView(new ArrayBuffer(4));
const anyFloat32 = nat({ max: 2 ** 32 - 1 }).map((bits) => {
  view.setUint32(0, bits);
  return view.getFloat32(0);
});

test.each([
  ['0.1', 0.1, 'not the float64 beside it'],
  ['16777216', 2 ** 24, 'the first whole number that has neighbours of the same float32'],
  ['1e-45', 2 ** -149, 'the smallest of all'],
  ['1.1754944e-38', 2 ** -126, 'the smallest that is normal'],
  ['1.1754942e-38', 2 ** -126 - 2 ** -149, 'its neighbour, which is not'],
  ['3.4028235e+38', (2 - 2 ** -23) * 2 ** 127, 'the largest'],
  ['0.33333334', 1 / 3, 'eight digits'],
  ['-0', -0, 'the sign of zero'],
  ['NaN', Number.NaN, 'no number'],
  ['-Infinity', Number.NEGATIVE_INFINITY, 'no end'],
])('numpy writes %s for float32(%d): %s', (text, x) => {
  expect(float32Text(Math.fround(x))).toBe(text);
});

test('every float32 is read back as it was', () => {
  assert(
    property(anyFloat32, (x) => {
      expect(Math.fround(Number(float32Text(x)))).toBe(x);
    }),
    { numRuns: 20_000 },
  );
});

test('no decimal of fewer digits would do', () => {
  assert(
    property(anyFloat32.filter(Number.isFinite), (x) => {
      const digits = float32Text(x)
        .replace(/e.*$/, '')
        .replace(/\D/g, '')
        .replace(/^0+|0+$/g, '').length;
      for (let fewer = 1; fewer < digits; fewer++) {
        expect(Math.fround(Number(x.toPrecision(fewer)))).not.toBe(x);
      }
    }),
    { numRuns: 20_000 },
  );
});
