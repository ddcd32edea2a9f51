/**
 * All trees of a forest in columns: node i of the whole forest is index i of each array. The nodes of a tree stand
 * together, in the file's order, its root first; nodes that the root does not reach (XGBoost's deleted ones) stay where
 * they are, so that a node's id within its tree is `node - starts[tree]`.
 *
 * Built by ForestBuilder only, which lets in nothing unsound: a walk from a root stays in its tree and ends.
 */
export interface Trees {
  /** treeCount + 1 entries: tree t has the nodes starts[t] … starts[t + 1] - 1. */
  readonly starts: Int32Array;
  /** The output that each tree adds to; 0 where leaves are vectors, which add to all. */
  readonly groups: Int32Array;
  /** Iteration k has the trees iterations[k] … iterations[k + 1] - 1. */
  readonly iterations: Int32Array;
  /** Children as indices of this forest; -1 at a leaf. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** The split feature's column. */
  readonly feature: Int32Array;
  /** The split condition (float32, x < condition goes left); at a leaf its weight, already times the tree's dart weight. */
  readonly value: Float32Array;
  /** 1 where a missing value goes left. */
  readonly defaultLeft: Uint8Array;
  /** undefined where no split is categorical. */
  readonly categories: CategoricalSplits | undefined;
  /** undefined where every leaf is one number. */
  readonly vectors: LeafVectors | undefined;
  /** undefined where the file (a dump without statistics) or the reader's caller left them out. */
  readonly statistics: TreeStatistics | undefined;
  /** The ids that a dump gives its nodes; undefined where they are node - starts[tree]. */
  readonly nodeIds: Int32Array | undefined;
}

/** Splits on sets of categories: a category in the set goes right, as XGBoost has it. */
interface CategoricalSplits {
  /** For each node its first word in `bits`; -1 at a numerical split and at a leaf. */
  readonly starts: Int32Array;
  /** For each node how many words it has there. */
  readonly sizes: Int32Array;
  /** Category c is bit c & 31 of word c >> 5. */
  readonly bits: Int32Array;
  /**
   * Where a value goes that has no bit in the node's words (negative, or larger than every category of the set): XGBoost 1.6
   * sends it the default way, all others left.
   */
  readonly strangersByDefault: boolean;
}

interface LeafVectors {
  /** For each leaf where its outputCount weights begin in `weights`; -1 at a split. */
  readonly starts: Int32Array;
  readonly weights: Float32Array;
}

interface TreeStatistics {
  /** loss_changes: what a split gained; 0 at a leaf. */
  readonly gain: Float32Array;
  /** sum_hessian. */
  readonly cover: Float32Array;
}

/** Where x goes at a split; NaN is missing. At a categorical split a category in the set goes right. */
export function goesLeft(trees: Trees, node: number, x: number): boolean {
  if (Number.isNaN(x)) return trees.defaultLeft[node] === 1;
  const { categories } = trees;
  if (categories === undefined || (categories.starts[node] as number) < 0) return x < (trees.value[node] as number);
  const { starts, sizes, bits, strangersByDefault } = categories;
  if (x < 0 || x >= 32 * (sizes[node] as number)) return !strangersByDefault || trees.defaultLeft[node] === 1;
  // Fractions are cut off.
  const category = Math.trunc(x);
  return (((bits[(starts[node] as number) + (category >>> 5)] as number) >>> (category & 31)) & 1) === 0;
}

/** The leaf where a row ends. The row begins at `offset` of `rows`. */
export function leafOf(trees: Trees, tree: number, rows: Float32Array, offset: number): number {
  const { left, right, feature, value } = trees;
  const isNumerical = trees.categories === undefined;
  let node = trees.starts[tree] as number;
  for (let next = left[node] as number; next >= 0; next = left[node] as number) {
    const x = rows[offset + (feature[node] as number)] as number;
    // Where there is nothing else to it, goesLeft without the call: the first rows of a process come by here.
    // eslint-disable-next-line no-self-compare -- only NaN differs from itself
    const isLeft = isNumerical && x === x ? x < (value[node] as number) : goesLeft(trees, node, x);
    node = isLeft ? next : (right[node] as number);
  }
  return node;
}
