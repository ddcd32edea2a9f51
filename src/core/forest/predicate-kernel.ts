/**
 * The kernel for few rows. Per row it first asks every distinct question of the forest once ("is x of feature 3 below
 * 0.5?") and keeps the answers as bytes: 1 goes right. A visit of a node is then `j = 2 * j + answers[predicates[j]]`:
 * two loads, one addition, and no branch that the processor could guess wrong. A walk down one tree still waits for
 * each load, so eight trees (a bundle of padded-trees.ts) are walked at once.
 *
 * The answers of a column are ones up to the rank of x, then zeros.
 */
import type { Kernel, KernelShape } from './kernel.ts';
import { BUNDLE, DEEPEST, padTrees, type PaddedTrees } from './padded-trees.ts';
import type { Columns } from './predicates.ts';
import { Ranks } from './ranks.ts';

/** Words behind the last, for a copy that writes four words at a time. */
const SPARE = 3;

/** Undefined where the trees are deeper than 8, split on categories, or would need much padding. */
export function predicateKernel(shape: KernelShape): Kernel | undefined {
  const padded = padTrees(shape.trees);
  if (padded === undefined) return undefined;
  const { featureCount, outputCount } = shape;
  const answers = new Answers(padded.columns);
  const found = new Int32Array(padded.depths.length * BUNDLE);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let row = 0; row < rowCount; row++) {
        answers.read(rows, row * featureCount);
        walk(padded, answers.bytes, found, firstTree, lastTree);
        addFound(padded, shape, found, margins, row * outputCount, firstTree, lastTree);
      }
    },
  };
}

/**
 * One byte for each predicate. They are written eight at a time, as float64 (the widest number that a typed array stores
 * fast), and without branches on the data: a column's words are copied out of a row of ones and zeros, from where as
 * many ones are left as the rank demands.
 */
class Answers {
  readonly bytes: Uint8Array;
  readonly #words: Float64Array;
  /** For n = 0 … 7: `#most` words of ones, a word of n ones, and `#most` words of zeros. */
  readonly #patterns: Float64Array;
  /** Words of the longest column. */
  readonly #most: number;
  readonly #columns: Columns;
  readonly #ranking: Ranks;

  constructor(columns: Columns) {
    this.#ranking = new Ranks(columns);
    this.#words = new Float64Array((columns.thresholds.length >> 3) + SPARE);
    this.bytes = new Uint8Array(this.#words.buffer);
    this.#columns = columns;
    this.#most = (columns.sizes.reduce((most, size) => Math.max(most, size), 0) >> 3) + 1;
    const length = 2 * this.#most + 1;
    this.#patterns = new Float64Array(8 * length + SPARE);
    const bytes = new Uint8Array(this.#patterns.buffer);
    for (let n = 0; n < 8; n++) bytes.fill(1, 8 * n * length, 8 * (n * length + this.#most) + n);
  }

  read(rows: Float32Array, offset: number): void {
    const words = this.#words;
    const patterns = this.#patterns;
    const ranking = this.#ranking;
    const { features, starts, sizes, count } = this.#columns;
    const most = this.#most;
    for (let column = 0; column < count; column++) {
      const rank = ranking.of(column, rows[offset + (features[column] as number)] as number);
      const word = (starts[column] as number) >> 3;
      const from = (rank & 7) * (2 * most + 1) + most - (rank >> 3);
      const last = (sizes[column] as number) >> 3;
      // Up to three words too many: the columns behind it, which come later, overwrite them.
      for (let i = 0; i <= last; i += 4) {
        words[word + i] = patterns[from + i] as number;
        words[word + i + 1] = patterns[from + i + 1] as number;
        words[word + i + 2] = patterns[from + i + 2] as number;
        words[word + i + 3] = patterns[from + i + 3] as number;
      }
    }
  }
}

/**
 * Walks one row through all bundles that hold trees of the range. Where the leaf of tree t stands in `leaves` goes to
 * found[t].
 */
function walk(
  { predicates, depths, numbers, levelStarts, leafStarts }: PaddedTrees,
  answers: Uint8Array,
  found: Int32Array,
  firstTree: number,
  lastTree: number,
): void {
  for (let first = firstTree & -BUNDLE; first < lastTree; first += BUNDLE) {
    const bundle = first >> 3;
    const number = numbers[bundle] as number;
    let [a, b, c, d] = [number, number + 1, number + 2, number + 3];
    let [e, f, g, h] = [number + 4, number + 5, number + 6, number + 7];
    const depth = depths[bundle] as number;
    for (let level = DEEPEST * depth; level < DEEPEST * depth + depth; level++) {
      const start = levelStarts[level] as number;
      a = (a << 1) + (answers[predicates[start + a] as number] as number);
      b = (b << 1) + (answers[predicates[start + b] as number] as number);
      c = (c << 1) + (answers[predicates[start + c] as number] as number);
      d = (d << 1) + (answers[predicates[start + d] as number] as number);
      e = (e << 1) + (answers[predicates[start + e] as number] as number);
      f = (f << 1) + (answers[predicates[start + f] as number] as number);
      g = (g << 1) + (answers[predicates[start + g] as number] as number);
      h = (h << 1) + (answers[predicates[start + h] as number] as number);
    }
    const leaf = leafStarts[depth] as number;
    found[first] = leaf + a;
    found[first + 1] = leaf + b;
    found[first + 2] = leaf + c;
    found[first + 3] = leaf + d;
    found[first + 4] = leaf + e;
    found[first + 5] = leaf + f;
    found[first + 6] = leaf + g;
    found[first + 7] = leaf + h;
  }
}

/** Adds the leaves in the file's order; a store into a Float32Array rounds each sum to float32. */
function addFound(
  { leaves }: PaddedTrees,
  { trees, outputCount }: KernelShape,
  found: Int32Array,
  margins: Float32Array,
  output: number,
  firstTree: number,
  lastTree: number,
): void {
  const { groups, vectors } = trees;
  if (vectors !== undefined) {
    const { weights } = vectors;
    for (let tree = firstTree; tree < lastTree; tree++) {
      const start = leaves[found[tree] as number] as number;
      for (let k = 0; k < outputCount; k++) margins[output + k]! += weights[start + k] as number;
    }
  } else if (outputCount === 1) {
    let sum = margins[output] as number;
    for (let tree = firstTree; tree < lastTree; tree++) {
      sum = Math.fround(sum + (leaves[found[tree] as number] as number));
    }
    margins[output] = sum;
  } else {
    for (let tree = firstTree; tree < lastTree; tree++) {
      margins[output + (groups[tree] as number)]! += leaves[found[tree] as number] as number;
    }
  }
}
