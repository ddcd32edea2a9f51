import type { Forest } from '../forest/forest.ts';

/** What can be asked of a model for a row. */
export type PredictedKind = 'prediction' | 'margin' | 'contributions' | 'leaves';

/**
 * The names of what a model gives for a row, in order. An output is named by its class, where the model has names for
 * them, or its number. Throws ModelError for what the model does not give.
 */
export function predictedColumns(
  forest: Forest,
  classes: readonly string[] | undefined,
  kind: PredictedKind,
  iterationRange: readonly [number, number] | undefined,
): string[] {
  const outputs = outputNames(forest, classes);
  switch (kind) {
    case 'prediction':
      return forest.predictionCount === 1 ? [kind] : outputs.map((output) => `${kind}_${output}`);
    case 'margin':
      return outputs.length === 1 ? [kind] : outputs.map((output) => `${kind}_${output}`);
    case 'contributions': {
      const names = contributionNames(forest);
      return outputs.length === 1 ? names : outputs.flatMap((output) => names.map((name) => `${output}:${name}`));
    }
    case 'leaves':
      return treeNames(forest, iterationRange);
  }
}

function outputNames({ outputCount }: Forest, classes: readonly string[] | undefined): readonly string[] {
  return classes?.length === outputCount ? classes : Array.from({ length: outputCount }, (_, i) => String(i));
}

/** A contribution for each feature, and the bias, as XGBoost calls the base value. */
function contributionNames({ featureNames, featureCount }: Forest): string[] {
  const names = featureNames.length > 0 ? [...featureNames] : Array.from({ length: featureCount }, (_, i) => `f${i}`);
  let bias = 'bias';
  while (names.includes(bias)) bias += '_';
  return [...names, bias];
}

/** Trees by their number in the whole model; those of a range begin where the iterations before it end. */
function treeNames(forest: Forest, iterationRange: readonly [number, number] | undefined): string[] {
  const row = new Float32Array(forest.featureCount).fill(Number.NaN);
  const [begin, end] = iterationRange ?? [0, 0];
  const before = begin === 0 ? 0 : forest.leaves(row, 1, { iterationRange: [0, begin] }).length;
  const { length } = forest.leaves(row, 1, { iterationRange: [begin, end] });
  return Array.from({ length }, (_, i) => `tree_${before + i}`);
}
