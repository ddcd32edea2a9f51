import type { Kernel, KernelShape } from './kernel.ts';
import { leafOf } from './trees.ts';

/**
 * The reference: each row walks each tree from the root, as one would on paper. Every other kernel is tested against
 * it. Storing a sum in a Float32Array rounds it to float32, which makes it XGBoost's sum.
 */
export function plainWalk({ trees, featureCount, outputCount }: KernelShape): Kernel {
  const { groups, value, vectors } = trees;
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let row = 0; row < rowCount; row++) {
        const output = row * outputCount;
        for (let tree = firstTree; tree < lastTree; tree++) {
          const leaf = leafOf(trees, tree, rows, row * featureCount);
          if (vectors === undefined) {
            const place = output + (groups[tree] as number);
            margins[place] = (margins[place] as number) + (value[leaf] as number);
            continue;
          }
          const start = vectors.starts[leaf] as number;
          for (let k = 0; k < outputCount; k++) {
            margins[output + k] = (margins[output + k] as number) + (vectors.weights[start + k] as number);
          }
        }
      }
    },
  };
}
