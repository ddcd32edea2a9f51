import type { PodSnapshot } from '../pods/snapshot.ts';
import { FEATURES } from './catalogue.ts';

/** Rows of features, row-major: row i is pod i, columns in the order of the schema, NaN where a value is missing. */
export interface FeatureMatrix {
  readonly values: Float32Array;
  readonly rowCount: number;
  readonly columnCount: number;
}

export function featureMatrix(pods: readonly PodSnapshot[]): FeatureMatrix {
  const values = new Float32Array(pods.length * FEATURES.length);
  for (const [i, pod] of pods.entries()) {
    for (const [j, feature] of FEATURES.entries()) values[i * FEATURES.length + j] = feature.value(pod);
  }
  return { values, rowCount: pods.length, columnCount: FEATURES.length };
}
