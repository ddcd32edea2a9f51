import { Float32Column, Int32Column, Uint8Column } from './column.ts';
import { ModelError } from './model-error.ts';
import type { Trees } from './trees.ts';

/** Where a reader found the categories of a tree's splits: as in the file. */
export interface RawCategories {
  readonly nodes: readonly number[];
  readonly segments: readonly number[];
  readonly sizes: readonly number[];
  readonly values: readonly number[];
}

/** Nobody has so many categories; a hostile file could ask for as many bits. XGBoost allows up to 2^24. */
const MOST_CATEGORIES = 1 << 24;
const MOST_CATEGORY_WORDS = 1 << 26;

/**
 * Puts trees one after the other into the columns of a forest, and lets only sound ones in. A reader appends to the
 * columns of one tree, children numbered from 0 and -1 in `left` at a leaf, and then calls finishTree.
 */
export class ForestBuilder {
  readonly left = new Int32Column();
  readonly right = new Int32Column();
  readonly feature = new Int32Column();
  readonly value = new Float32Column();
  readonly defaultLeft = new Uint8Column();
  readonly gain = new Float32Column();
  readonly cover = new Float32Column();
  /** Ids of nodes, from dumps only. */
  readonly nodeIds = new Int32Column();
  readonly #featureCount: number;
  /** Numbers at a leaf: 1, or one for each output. */
  readonly #leafSize: number;
  readonly #starts = new Int32Column();
  readonly #groups = new Int32Column();
  readonly #categoryStarts = new Int32Column();
  readonly #categorySizes = new Int32Column();
  readonly #categoryBits = new Int32Column();
  readonly #vectorStarts = new Int32Column();
  readonly #vectorWeights = new Float32Column();
  #hasCategories = false;
  #hasStatistics = true;
  #reached = new Uint8Array(64);
  #pending = new Int32Array(64);

  constructor(featureCount: number, leafSize: number) {
    this.#featureCount = featureCount;
    this.#leafSize = leafSize;
    this.#starts.push(0);
  }

  /** The number that the next tree gets. */
  get treeCount(): number {
    return this.#groups.length;
  }

  /**
   * Ends the tree whose columns were appended since the last call. `vectorOf` gives the first of a leaf's weights in
   * `weights`, where leaves are vectors.
   */
  finishTree(
    group: number,
    categories?: RawCategories,
    vectors?: { readonly weights: Float32Array; readonly startOf: (leaf: number) => number },
  ): void {
    const start = this.#starts.values[this.#starts.length - 1] as number;
    const count = this.left.length - start;
    if (count === 0) this.#fail('has no nodes');
    this.#pad(start + count);
    this.#addCategories(start, count, categories);
    this.#settle(start, count);
    if (vectors !== undefined) this.#addVectors(start, count, vectors);
    this.#groups.push(group);
    this.#starts.push(start + count);
  }

  /** Every column that a tree must have is as long as `left`; the statistics may be absent. */
  #pad(end: number): void {
    for (const [name, column] of [
      ['right_children', this.right],
      ['split_indices', this.feature],
      ['split_conditions', this.value],
      ['default_left', this.defaultLeft],
    ] as const) {
      if (column.length !== end) this.#fail(`has a list ${name} of another length than left_children`);
    }
    if (this.gain.length !== end || this.cover.length !== end) {
      this.#hasStatistics = false;
      for (const column of [this.gain, this.cover]) {
        column.reserve(Math.max(0, end - column.length));
        column.length = end;
      }
    }
    if (this.nodeIds.length !== 0 && this.nodeIds.length !== end) this.#fail('has nodes without an id');
  }

  #addCategories(start: number, count: number, categories: RawCategories | undefined): void {
    if (categories === undefined && !this.#hasCategories) return;
    const end = start + count;
    for (const [column, absent] of [
      [this.#categoryStarts, -1],
      [this.#categorySizes, 0],
    ] as const) {
      const values = column.reserve(end - column.length);
      values.fill(absent, column.length, end);
      column.length = end;
    }
    this.#hasCategories = true;
    if (categories === undefined) return;
    const { nodes, segments, sizes, values } = categories;
    if (segments.length !== nodes.length || sizes.length !== nodes.length) {
      this.#fail('has lists of categories of different lengths');
    }
    for (const [i, node] of nodes.entries()) {
      if (!(node >= 0 && node < count)) this.#fail(`has categories at node ${node}, which it does not have`);
      const [first, size] = [segments[i] as number, sizes[i] as number];
      if (!(first >= 0 && size >= 0 && first + size <= values.length)) {
        this.#fail(`has categories out of range at node ${node}`);
      }
      this.#addSet(start + node, values.slice(first, first + size));
    }
  }

  #addSet(node: number, set: readonly number[]): void {
    let largest = -1;
    for (const category of set) {
      if (!(Number.isInteger(category) && category >= 0 && category < MOST_CATEGORIES)) {
        this.#fail(`has the category ${category}`);
      }
      largest = Math.max(largest, category);
    }
    const words = (largest >> 5) + 1;
    const start = this.#categoryBits.length;
    if (start + words > MOST_CATEGORY_WORDS) this.#fail('has more categories than kpfd holds');
    const bits = this.#categoryBits.reserve(words);
    bits.fill(0, start, start + words);
    for (const category of set) {
      const word = start + (category >> 5);
      bits[word] = (bits[word] as number) | (1 << (category & 31));
    }
    this.#categoryBits.length = start + words;
    this.#categoryStarts.values[node] = start;
    this.#categorySizes.values[node] = words;
  }

  /**
   * A walk from the root must end: every node is reached from one parent at most. Children become indices of the
   * forest; what no walk reaches is emptied, so that nothing in it can mislead anybody.
   */
  #settle(start: number, count: number): void {
    if (this.#reached.length < count) {
      this.#reached = new Uint8Array(2 * count);
      this.#pending = new Int32Array(2 * count);
    }
    const [left, right, reached, pending] = [this.left.values, this.right.values, this.#reached, this.#pending];
    reached.fill(0, 0, count);
    reached[0] = 1;
    let waiting = 0;
    pending[waiting++] = 0;
    while (waiting > 0) {
      const node = pending[--waiting] as number;
      const place = start + node;
      const [l, r] = [left[place] as number, right[place] as number];
      if (l === -1) {
        this.#settleLeaf(place, node);
        continue;
      }
      if (l < 0 || l >= count || r < 0 || r >= count) this.#fail(`has a child out of range at node ${node}`);
      if (l === r || reached[l] === 1 || reached[r] === 1) {
        this.#fail(`reaches node ${reached[l] === 1 ? l : r} twice`);
      }
      reached[l] = 1;
      reached[r] = 1;
      pending[waiting++] = r;
      pending[waiting++] = l;
      left[place] = start + l;
      right[place] = start + r;
      this.#checkSplit(place, node);
    }
    for (let node = 0; node < count; node++) if (reached[node] === 0) this.#empty(start + node);
  }

  #settleLeaf(place: number, node: number): void {
    if (this.#leafSize === 1) {
      this.right.values[place] = -1;
      if (Number.isNaN(this.value.values[place])) this.#fail(`has no number at leaf ${node}`);
    }
    this.feature.values[place] = 0;
  }

  #checkSplit(place: number, node: number): void {
    const feature = this.feature.values[place] as number;
    if (feature < 0 || feature >= this.#featureCount) {
      this.#fail(`splits node ${node} on feature ${feature} of ${this.#featureCount}`);
    }
    // At a categorical split NaN stands there in files before 3.0.
    const isCategorical = this.#hasCategories && (this.#categoryStarts.values[place] as number) >= 0;
    if (!isCategorical && Number.isNaN(this.value.values[place])) this.#fail(`has no split condition at node ${node}`);
  }

  #empty(place: number): void {
    this.left.values[place] = -1;
    this.right.values[place] = -1;
    this.feature.values[place] = 0;
    this.value.values[place] = 0;
    this.gain.values[place] = 0;
    this.cover.values[place] = 0;
    if (this.#hasCategories) this.#categoryStarts.values[place] = -1;
  }

  #addVectors(
    start: number,
    count: number,
    { weights, startOf }: { readonly weights: Float32Array; readonly startOf: (leaf: number) => number },
  ): void {
    const size = this.#leafSize;
    const starts = this.#vectorStarts.reserve(count);
    for (let node = 0; node < count; node++) {
      const place = start + node;
      const isLeaf = this.left.values[place] === -1 && this.#reached[node] === 1;
      starts[this.#vectorStarts.length++] = isLeaf ? this.#vectorWeights.length : -1;
      if (!isLeaf) continue;
      const first = startOf(node);
      if (!(first >= 0 && first + size <= weights.length)) this.#fail(`has no weights for leaf ${node}`);
      const values = this.#vectorWeights.reserve(size);
      for (let k = 0; k < size; k++) {
        const weight = weights[first + k] as number;
        if (Number.isNaN(weight)) this.#fail(`has no number at leaf ${node}`);
        values[this.#vectorWeights.length++] = weight;
      }
      this.right.values[place] = -1;
      this.value.values[place] = 0;
    }
  }

  /**
   * `treeWeights` are dart's, one for each tree: XGBoost multiplies a leaf by it in float32 before it adds, which may
   * as well be done here. `iterations` are the trees' first numbers, with treeCount at the end.
   */
  build(treeWeights: Float32Array | undefined, iterations: Int32Array): Trees {
    const nodeCount = this.left.length;
    const starts = this.#starts.trimmed();
    const value = this.value.trimmed();
    const weights = this.#vectorWeights.trimmed();
    const trees: Trees = {
      starts,
      groups: this.#groups.trimmed(),
      iterations,
      left: this.left.trimmed(),
      right: this.right.trimmed(),
      feature: this.feature.trimmed(),
      value,
      defaultLeft: this.defaultLeft.trimmed(),
      categories: this.#hasCategories
        ? {
            starts: this.#categoryStarts.trimmed(),
            sizes: this.#categorySizes.trimmed(),
            bits: this.#categoryBits.trimmed(),
          }
        : undefined,
      vectors: this.#leafSize === 1 ? undefined : { starts: this.#vectorStarts.trimmed(), weights },
      statistics:
        this.#hasStatistics && this.gain.length === nodeCount
          ? { gain: this.gain.trimmed(), cover: this.cover.trimmed() }
          : undefined,
      nodeIds: this.nodeIds.length === 0 ? undefined : this.nodeIds.trimmed(),
    };
    if (treeWeights !== undefined) weigh(trees, treeWeights);
    return trees;
  }

  #fail(problem: string): never {
    throw new ModelError(`its tree ${this.treeCount} ${problem}`);
  }
}

function weigh({ starts, left, value, vectors }: Trees, treeWeights: Float32Array): void {
  for (let tree = 0; tree + 1 < starts.length; tree++) {
    const weight = treeWeights[tree] as number;
    for (let node = starts[tree] as number; node < (starts[tree + 1] as number); node++) {
      if (left[node] !== -1) continue;
      value[node] = (value[node] as number) * weight;
      const first = vectors?.starts[node] ?? -1;
      if (vectors === undefined || first < 0) continue;
      const size = vectors.weights.length === 0 ? 0 : leafSizeOf(vectors.starts, vectors.weights.length);
      for (let k = first; k < first + size; k++) vectors.weights[k] = (vectors.weights[k] as number) * weight;
    }
  }
}

/** Leaves are equally long. */
function leafSizeOf(starts: Int32Array, total: number): number {
  let leaves = 0;
  for (const start of starts) if (start >= 0) leaves++;
  return total / leaves;
}
