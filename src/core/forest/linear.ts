/** What a linear model has beside its weights. */
interface LinearSize {
  readonly featureCount: number;
  readonly outputCount: number;
}

/**
 * The booster gblinear: adds bias and products to `margins`, row-major `[row][output]`, in float32, in the order of the
 * features, as XGBoost does; a missing value adds nothing. weights[feature * outputCount + output], then a bias for each
 * output.
 */
export function addLinear(
  weights: Float32Array,
  rows: Float32Array,
  rowCount: number,
  margins: Float32Array,
  { featureCount, outputCount }: LinearSize,
): void {
  for (let row = 0; row < rowCount; row++) {
    for (let output = 0; output < outputCount; output++) {
      const place = row * outputCount + output;
      let sum = Math.fround((weights[featureCount * outputCount + output] as number) + (margins[place] as number));
      for (let feature = 0; feature < featureCount; feature++) {
        const x = rows[row * featureCount + feature] as number;
        if (Number.isNaN(x)) continue;
        sum = Math.fround(sum + Math.fround(x * (weights[feature * outputCount + output] as number)));
      }
      margins[place] = sum;
    }
  }
}
