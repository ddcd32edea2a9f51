import type { PodSnapshot } from '../pods/snapshot.ts';
import { FEATURES, type Feature } from './catalogue.ts';

/** Rows of features, row-major: row i is pod i, columns in the order of the schema, NaN where a value is missing. */
export interface FeatureMatrix {
  readonly values: Float32Array;
  readonly rowCount: number;
  readonly columnCount: number;
}

export function featureMatrix(pods: readonly PodSnapshot[]): FeatureMatrix {
  const values = new Float32Array(pods.length * FEATURES.length);
  for (const [i, pod] of pods.entries()) {
    for (const [j, feature] of FEATURES.entries()) values[i * FEATURES.length + j] = valueOf(feature, pod);
  }
  return { values, rowCount: pods.length, columnCount: FEATURES.length };
}

/**
 * The value, where it can be told. A flag is 0 where nothing says otherwise; while a signal that would is missing, that
 * is no 0.
 */
function valueOf(feature: Feature, pod: PodSnapshot): number {
  const value = feature.value(pod);
  const untold =
    value === 0 && feature.unit === '0 or 1' && pod.gaps.some(({ signal }) => feature.from.includes(signal));
  return untold ? Number.NaN : value;
}
