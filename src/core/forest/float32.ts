/**
 * expf and logf as glibc (2.28 and newer, x86-64) computes them, to the last bit: XGBoost's probabilities go through
 * them. `Math.fround(Math.exp(x))` differs in about one value of 2,500.
 *
 * Both follow the published method behind glibc's: reduce the argument with a small table, evaluate a short polynomial
 * in double precision, round once. Tables and coefficients are those of the method (ARM optimized routines); they are
 * numbers, and test/core/forest/float32.test.ts holds them against the C library's results.
 */

const EXP_STEPS = 32;
/** bits of 2^(i/32), less i << 47, so that the exponent can be added as an integer. High and low words in turn. */
const EXP_TABLE: readonly bigint[] = [
  0x3ff0000000000000n,
  0x3fefd9b0d3158574n,
  0x3fefb5586cf9890fn,
  0x3fef9301d0125b51n,
  0x3fef72b83c7d517bn,
  0x3fef54873168b9aan,
  0x3fef387a6e756238n,
  0x3fef1e9df51fdee1n,
  0x3fef06fe0a31b715n,
  0x3feef1a7373aa9cbn,
  0x3feedea64c123422n,
  0x3feece086061892dn,
  0x3feebfdad5362a27n,
  0x3feeb42b569d4f82n,
  0x3feeab07dd485429n,
  0x3feea47eb03a5585n,
  0x3feea09e667f3bcdn,
  0x3fee9f75e8ec5f74n,
  0x3feea11473eb0187n,
  0x3feea589994cce13n,
  0x3feeace5422aa0dbn,
  0x3feeb737b0cdc5e5n,
  0x3feec49182a3f090n,
  0x3feed503b23e255dn,
  0x3feee89f995ad3adn,
  0x3feeff76f2fb5e47n,
  0x3fef199bdd85529cn,
  0x3fef3720dcef9069n,
  0x3fef5818dcfba487n,
  0x3fef7c97337b9b5fn,
  0x3fefa4afa2a490dan,
  0x3fefd0765b6e4540n,
];

const view = new DataView(new ArrayBuffer(8));

function doubleOf(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

/** 2^(i/32) / 2^⌊i/32⌋ for i in 0..31: the table above with the subtracted exponent put back. */
const EXP_FRACTION = Float64Array.from(EXP_TABLE, (bits, i) => doubleOf(bits + (BigInt(i) << 47n)));
const INV_LN2_N = 0x171547652b82fe * 2 ** -52 * EXP_STEPS;
const EXP_C0 = (0x1c6af84b912394 * 2 ** -57) / EXP_STEPS ** 3;
const EXP_C1 = (0x1ebfce50fac4f3 * 2 ** -55) / EXP_STEPS ** 2;
const EXP_C2 = (0x162e42ff0c52d6 * 2 ** -53) / EXP_STEPS;
/** Adding and subtracting it rounds to the nearest integer, ties to even, as the C code does. */
const ROUNDING_SHIFT = 6755399441055744;

/**
 * e^x in place of the float32 x at `place`. It takes no number and gives none: a function that does so costs a number on the
 * heap wherever the engine does not inline it.
 */
export function expfAt(values: Float32Array, place: number): void {
  const x = values[place] as number;
  values[place] = Number.POSITIVE_INFINITY;
  // The largest and the smallest argument whose result is neither infinite nor 0.
  if (x > 88.72283172607421875) return;
  values[place] = 0;
  if (x < -103.972076416015625) return;
  // glibc is built with fused multiply-add there; in all of float32 that shows in these two results.
  values[place] = 3.946866735154823e-28;
  if (x === -63.09946060180664) return;
  values[place] = 138880149880832;
  if (x === 32.564632415771484) return;
  const z = INV_LN2_N * x;
  const k = z + ROUNDING_SHIFT - ROUNDING_SHIFT;
  const r = z - k;
  const step = ((k % EXP_STEPS) + EXP_STEPS) % EXP_STEPS;
  const scale = (EXP_FRACTION[step] as number) * 2 ** ((k - step) / EXP_STEPS);
  const high = EXP_C0 * r + EXP_C1;
  const low = EXP_C2 * r + 1;
  values[place] = (high * (r * r) + low) * scale;
}

const one = new Float32Array(1);

/** e^x for a float32 x, as a float32. */
export function expf(x: number): number {
  one[0] = x;
  expfAt(one, 0);
  return one[0];
}

/** 1/c and log(c) for the middle c of each of 16 intervals of the mantissa. */
const LOG_TABLE: readonly (readonly [number, number])[] = [
  [0x1661ec79f8f3be * 2 ** -52, -0x157bf7808caade * 2 ** -54],
  [0x1571ed4aaf883d * 2 ** -52, -0x12bef0a7c06ddb * 2 ** -54],
  [0x149539f0f010b0 * 2 ** -52, -0x101eae7f513a67 * 2 ** -54],
  [0x13c995b0b80385 * 2 ** -52, -0x1b31d8a68224e9 * 2 ** -55],
  [0x130d190c8864a5 * 2 ** -52, -0x16574f0ac07758 * 2 ** -55],
  [0x125e227b0b8ea0 * 2 ** -52, -0x11aa2bc79c8100 * 2 ** -55],
  [0x11bb4a4a1a343f * 2 ** -52, -0x1a4e76ce8c0e5e * 2 ** -56],
  [0x112358f08ae5ba * 2 ** -52, -0x11973c5a611ccc * 2 ** -56],
  [0x10953f419900a7 * 2 ** -52, -0x1252f438e10c1e * 2 ** -57],
  [1, 0],
  [0x1e608cfd9a47ac * 2 ** -53, 0x1aa5aa5df25984 * 2 ** -57],
  [0x1ca4b31f026aa0 * 2 ** -53, 0x1c5e53aa362eb4 * 2 ** -56],
  [0x1b2036576afce6 * 2 ** -53, 0x1526e57720db08 * 2 ** -55],
  [0x19c2d163a1aa2d * 2 ** -53, 0x1bc2860d224770 * 2 ** -55],
  [0x1886e6037841ed * 2 ** -53, 0x11058bc8a07ee1 * 2 ** -54],
  [0x1767dcf5534862 * 2 ** -53, 0x14043057b6ee09 * 2 ** -54],
];
const LOG_LN2 = 0x162e42fefa39ef * 2 ** -53;
const LOG_A0 = -0x100ea348b88334 * 2 ** -54;
const LOG_A1 = 0x15575b0be00b6a * 2 ** -54;
const LOG_A2 = -0x1ffffef20a4123 * 2 ** -54;
/** Bits of the float32 at which the table's first interval begins. */
const LOG_OFFSET = 0x3f330000;

/** The natural logarithm of a float32 x, as a float32. */
export function logf(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY || x === 1) return x === 1 ? 0 : x;
  view.setFloat32(0, x);
  let bits = view.getInt32(0);
  if (bits < 0x00800000) {
    // A subnormal number: scaled into the normal range, and the exponent put right again.
    view.setFloat32(0, x * 2 ** 23);
    bits = view.getInt32(0) - (23 << 23);
  }
  const offset = (bits - LOG_OFFSET) | 0;
  const interval = (offset >> 19) & 15;
  const exponent = offset >> 23;
  view.setInt32(0, bits - (offset & 0xff800000));
  const mantissa = view.getFloat32(0);
  const [inverse, logarithm] = LOG_TABLE[interval] as readonly [number, number];
  const r = mantissa * inverse - 1;
  const y0 = logarithm + exponent * LOG_LN2;
  const r2 = r * r;
  const y = LOG_A0 * r2 + (LOG_A1 * r + LOG_A2);
  return Math.fround(y * r2 + (y0 + r));
}
