import type { ForestBuilder } from '../../src/core/forest/forest-builder.ts';
import type { Trees } from '../../src/core/forest/trees.ts';

/** The trees that were put into a builder, all of one iteration, without dart's weights. */
export function builtTrees(
  builder: ForestBuilder,
  groups: Int32Array,
  size: { readonly featureCount: number; readonly outputCount: number },
): Trees {
  const iterations = Int32Array.of(0, groups.length);
  return builder.build({ ...size, groups, iterations, treeWeights: undefined, version: [3, 4, 1] });
}
