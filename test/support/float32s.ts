/** Little-endian float32 in base64, as the fixtures' makers write them. */
export function float32sOf(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** The same for float64. */
export function float64sOf(base64: string): Float64Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** The places (ten at most) where two arrays differ in a bit; NaN equals NaN. */
export function differingBits(
  actual: Float32Array,
  wanted: Float32Array,
): { place: number; actual: number; wanted: number }[] {
  if (actual.length !== wanted.length) throw new Error(`${actual.length} values in place of ${wanted.length}`);
  const differences = [];
  for (let i = 0; i < actual.length && differences.length < 10; i++) {
    const [a, w] = [actual[i] as number, wanted[i] as number];
    if (!Object.is(a, w)) differences.push({ place: i, actual: a, wanted: w });
  }
  return differences;
}
