/**
 * expm1f and log1pf as glibc before 2.41 computes them, to the last bit: reg:expectileerror goes through them. (Since
 * 2.41 both are rounded correctly, which is another last bit in a few values.)
 *
 * The method is fdlibm's: reduce the argument by multiples of ln 2, evaluate a short polynomial, all in float32. Numbers
 * are fdlibm's; test/core/forest/float32.test.ts holds them against the C library's results.
 */
const view = new DataView(new ArrayBuffer(4));

function bitsOf(x: number): number {
  view.setFloat32(0, x);
  return view.getInt32(0);
}

function floatOf(bits: number): number {
  view.setInt32(0, bits);
  return view.getFloat32(0);
}

const f = Math.fround;
const LN2_HIGH = floatOf(0x3f317180);
const LN2_LOW = floatOf(0x3717f7d1);
const INVERSE_LN2 = floatOf(0x3fb8aa3b);
const Q = [0xbd088889, 0x3ad00d01, 0xb8a670cd, 0x36867e54, 0xb457edbb].map((bits) => floatOf(bits | 0)).toReversed();
const L = [0x3f2aaaab, 0x3ecccccd, 0x3e924925, 0x3e638e29, 0x3e3a3325, 0x3e1cd04f, 0x3e178897]
  .map(floatOf)
  .toReversed();
/** Two thirds. */
const TWO_THIRDS = floatOf(0x3f2aaaab);

/** Coefficients from the highest power down. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (const coefficient of coefficients) sum = f(coefficient + f(x * sum));
  return sum;
}

/** e^x - 1 for a float32 x, as a float32. */
export function expm1f(x: number): number {
  if (Number.isNaN(x)) return x;
  const size = Math.abs(x);
  // 27 ln 2, from where nothing of e^x is left below 0; and what overflows.
  if (size >= floatOf(0x4195b844)) {
    if (x < 0) return -1;
    if (x >= floatOf(0x42b17218)) return Number.POSITIVE_INFINITY;
  }
  if (size < floatOf(0x33000000)) return x;
  let k = 0;
  let reduced = x;
  let lost = 0;
  if (size > floatOf(0x3eb17218)) {
    const sign = x < 0 ? -1 : 1;
    k = size < floatOf(0x3f851592) ? sign : Math.trunc(f(f(INVERSE_LN2 * x) + sign * 0.5));
    const high = f(x - f(k * LN2_HIGH));
    const low = f(k * LN2_LOW);
    reduced = f(high - low);
    lost = f(f(high - reduced) - low);
  }
  return expm1Scaled(reduced, lost, k);
}

/** 2^k e^(x + lost) - 1 for a small x. */
function expm1Scaled(x: number, lost: number, k: number): number {
  const half = f(0.5 * x);
  const square = f(x * half);
  const r = f(1 + f(square * polynomial(Q, square)));
  const t = f(3 - f(r * half));
  let e = f(square * f(f(r - t) / f(6 - f(x * t))));
  if (k === 0) return f(x - f(f(x * e) - square));
  e = f(f(f(x * f(e - lost)) - lost) - square);
  if (k === -1) return f(f(0.5 * f(x - e)) - 0.5);
  if (k === 1) return x < -0.25 ? f(-2 * f(e - f(x + 0.5))) : f(1 + f(2 * f(x - e)));
  if (k <= -2 || k > 56) return f(scaled(f(1 - f(e - x)), k) - 1);
  if (k < 23) return scaled(f(f(1 - 2 ** -k) - f(e - x)), k);
  return scaled(f(f(x - f(e + 2 ** -k)) + 1), k);
}

function scaled(x: number, k: number): number {
  return floatOf((bitsOf(x) + (k << 23)) | 0);
}

/** The natural logarithm of 1 + x for a float32 x, as a float32. */
export function log1pf(x: number): number {
  if (Number.isNaN(x) || x < -1) return Number.NaN;
  if (x === -1) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  const size = Math.abs(x);
  if (size < floatOf(0x24800000)) return x;
  if (size < floatOf(0x31000000)) return f(x - f(f(x * x) * 0.5));
  // Between -0.2929 and 0.41422 the argument is small as it is.
  if (x < floatOf(0x3ed413d7) && x > floatOf(0xbe95f61f | 0)) return log1pReduced(x, 0, 0, false);
  const isHuge = x >= floatOf(0x5a000000);
  const sum = isHuge ? x : f(1 + x);
  const bits = bitsOf(sum);
  const mantissa = bits & 0x007fffff;
  let k = (bits >> 23) - 127;
  const lost = isHuge ? 0 : f((k > 0 ? f(1 - f(sum - x)) : f(x - f(sum - 1))) / sum);
  // Scaled to [sqrt(1/2), sqrt(2)).
  const isLower = mantissa < 0x3504f7;
  if (!isLower) k++;
  const rest = f(floatOf(mantissa | (isLower ? 0x3f800000 : 0x3f000000)) - 1);
  const isTiny = isLower ? mantissa === 0 : (0x00800000 - mantissa) >> 2 === 0;
  return log1pReduced(rest, lost, k, isTiny);
}

/** log(1 + x) + k ln 2 + lost for a small x. */
function log1pReduced(x: number, lost: number, k: number, isTiny: boolean): number {
  const half = f(f(0.5 * x) * x);
  const high = f(k * LN2_HIGH);
  const low = f(f(k * LN2_LOW) + lost);
  if (isTiny) {
    if (x === 0) return k === 0 ? 0 : f(high + low);
    const r = f(half * f(1 - f(TWO_THIRDS * x)));
    return k === 0 ? f(x - r) : f(high - f(f(r - low) - x));
  }
  const s = f(x / f(2 + x));
  const z = f(s * s);
  const r = f(z * polynomial(L, z));
  const product = f(s * f(half + r));
  return k === 0 ? f(x - f(half - product)) : f(high - f(f(half - f(product + low)) - x));
}
