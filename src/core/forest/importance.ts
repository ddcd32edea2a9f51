/**
 * Feature importance, with the numbers of XGBoost's Booster.get_score: for each feature that any tree splits on, the
 * number of its splits (weight), or the sum (total_gain, total_cover) or mean (gain, cover) over them of what the split
 * gained, or of the cover: the training rows that came by, weighted by their hessian.
 *
 * XGBoost adds up in float32, and a sum in another order is another sum: trees in the file's order, within a tree the
 * split, then all of its right side, then all of its left side. Dart's weights of trees do not count.
 */
import { ModelError } from './model-error.ts';
import type { Trees } from './trees.ts';

export const IMPORTANCE_KINDS = ['gain', 'weight', 'cover', 'total_gain', 'total_cover'] as const;
export type ImportanceKind = (typeof IMPORTANCE_KINDS)[number];

/** The importance of each feature used, by column, ascending. */
export function importance(
  { trees, featureCount }: { readonly trees: Trees; readonly featureCount: number },
  kind: ImportanceKind,
): Map<number, number> {
  const counts = new Int32Array(featureCount);
  const totals = new Float32Array(featureCount);
  const amounts = amountsOf(trees, kind);
  for (const start of trees.starts.subarray(0, -1)) {
    for (const node of splitsBelow(trees, start)) {
      const feature = trees.feature[node] as number;
      counts[feature] = (counts[feature] as number) + 1;
      if (amounts !== undefined) totals[feature] = (totals[feature] as number) + (amounts[node] as number);
    }
  }
  const isMean = kind === 'gain' || kind === 'cover';
  const scores = new Map<number, number>();
  for (const [feature, count] of counts.entries()) {
    if (count === 0) continue;
    const total = amounts === undefined ? count : (totals[feature] as number);
    scores.set(feature, isMean ? Math.fround(total / count) : total);
  }
  return scores;
}

/**
 * What get_score('weight') gives for a gblinear model: each feature's coefficient, or its list of coefficients by output
 * where there are several. `weights[feature * outputCount + output]`, then the biases, which do not count.
 */
export function linearImportance(
  weights: Float32Array,
  featureCount: number,
  outputCount: number,
): Map<number, number | readonly number[]> {
  const scores = new Map<number, number | readonly number[]>();
  for (let feature = 0; feature < featureCount; feature++) {
    const own = [...weights.subarray(feature * outputCount, (feature + 1) * outputCount)];
    scores.set(feature, outputCount === 1 ? (own[0] as number) : own);
  }
  return scores;
}

/** What is summed up, by node; undefined where splits are just counted. */
function amountsOf({ statistics }: Trees, kind: ImportanceKind): Float32Array | undefined {
  if (kind === 'weight') return undefined;
  if (statistics === undefined)
    throw new ModelError(`it has no statistics at its nodes, which the importance by ${kind} needs`);
  return kind === 'gain' || kind === 'total_gain' ? statistics.gain : statistics.cover;
}

/** The splits of a tree in XGBoost's order. */
function* splitsBelow({ left, right }: Trees, root: number): Generator<number> {
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if ((left[node] as number) < 0) continue;
    yield node;
    pending.push(left[node] as number, right[node] as number);
  }
}
