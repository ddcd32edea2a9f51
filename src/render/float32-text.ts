/** The smallest float32 that has all of its digits. */
const SMALLEST_NORMAL = 2 ** -126;
/** Six digits never tell two numbers for one, nine never one for two. */
const FEWEST_DIGITS = 6;
const MOST_DIGITS = 9;

/** The shortest decimal that is this float32 and no other: 0.1 in place of the float64's 0.10000000149011612. */
export function float32Text(x: number): string {
  if (Number.isInteger(x) && Math.abs(x) < 2 ** 24) return Object.is(x, -0) ? '-0' : String(x);
  if (!Number.isFinite(x)) return String(x);
  for (let digits = Math.abs(x) < SMALLEST_NORMAL ? 1 : FEWEST_DIGITS; digits < MOST_DIGITS; digits++) {
    // Zeros at the end fall away here, so that six digits give a shorter number as well.
    const decimal = Number(x.toPrecision(digits));
    if (Math.fround(decimal) === x) return String(decimal);
  }
  return String(Number(x.toPrecision(MOST_DIGITS)));
}
