import { Float32Column, Int32Column, Uint8Column } from './column.ts';
import { ModelError } from './model-error.ts';
import type { Trees } from './trees.ts';
import { isBefore, type XgboostVersion } from './version.ts';

/** The categories of a tree's splits, as in the file: those of nodes[i] are `sizes[i]` of `values`, from segments[i] on. */
export interface RawCategories {
  readonly nodes: readonly number[];
  readonly segments: readonly number[];
  readonly sizes: readonly number[];
  readonly values: readonly number[];
}

/** The weights of a tree whose leaves are vectors: `size` numbers from startOf(leaf) on. */
export interface RawVectors {
  readonly size: number;
  readonly weights: Float32Array;
  readonly startOf: (leaf: number) => number;
}

/** What is known only when all of a model is read. */
interface ForestFacts {
  readonly featureCount: number;
  readonly outputCount: number;
  /** The output that each tree adds to. */
  readonly groups: Int32Array;
  /** The first trees of the iterations, and treeCount at the end. */
  readonly iterations: Int32Array;
  /** Dart's weight of each tree. */
  readonly treeWeights: Float32Array | undefined;
  /** The version whose arithmetic counts. */
  readonly version: XgboostVersion;
}

/** Nobody has so many categories; a hostile file could ask for as many bits. XGBoost allows up to 2^24. */
const MOST_CATEGORIES = 1 << 24;
const MOST_CATEGORY_WORDS = 1 << 26;
/** The numbers at leaves that are spread over all outputs. */
const MOST_SPREAD_WEIGHTS = 1 << 27;

/**
 * Puts trees one after the other into the columns of a forest, and lets only sound ones in. A reader appends to the
 * columns of one tree, children numbered from 0 and -1 in `left` at a leaf, and then calls finishTree.
 */
export class ForestBuilder {
  readonly left: Int32Column;
  readonly right: Int32Column;
  readonly feature: Int32Column;
  readonly value: Float32Column;
  readonly defaultLeft: Uint8Column;
  readonly gain: Float32Column;
  readonly cover: Float32Column;
  /** Ids of nodes, from dumps only. */
  readonly nodeIds = new Int32Column();
  readonly #starts = new Int32Column();
  readonly #categoryStarts = new Int32Column();
  readonly #categorySizes = new Int32Column();
  readonly #categoryBits = new Int32Column();
  readonly #vectorStarts = new Int32Column();
  readonly #vectorWeights = new Float32Column();
  /** The largest feature and output that the trees speak of, and a tree that does. */
  #lastFeature = -1;
  #treeOfLastFeature = 0;
  /** Numbers at a leaf: 1, or one for each output in some tree. */
  #leafSize = 1;
  /** Trees of which each leaf is one number. */
  readonly #scalarTrees: number[] = [];
  #hasCategories = false;
  #hasStatistics = true;
  #reached = new Uint8Array(64);
  #pending = new Int32Array(64);

  /** `expectedNodes` saves growing; a guess. */
  constructor(expectedNodes = 0) {
    this.left = new Int32Column(expectedNodes);
    this.right = new Int32Column(expectedNodes);
    this.feature = new Int32Column(expectedNodes);
    this.value = new Float32Column(expectedNodes);
    this.defaultLeft = new Uint8Column(expectedNodes);
    this.gain = new Float32Column(expectedNodes);
    this.cover = new Float32Column(expectedNodes);
    this.#starts.push(0);
  }

  /** The number that the next tree gets. */
  get treeCount(): number {
    return this.#starts.length - 1;
  }

  /** Nodes of the trees that are finished. */
  get nodeCount(): number {
    return this.#starts.values[this.#starts.length - 1] as number;
  }

  /** Ends the tree whose columns were appended since the last call. */
  finishTree(categories?: RawCategories, vectors?: RawVectors): void {
    const start = this.nodeCount;
    const count = this.left.length - start;
    if (count === 0) this.fail('has no nodes');
    this.#noteLeafSize(vectors?.size ?? 1);
    this.#pad(start + count);
    this.#addCategories(start, count, categories);
    this.#settle(start, count, vectors !== undefined);
    if (vectors !== undefined) this.#addVectors(start, count, vectors);
    this.#starts.push(start + count);
  }

  /** Training may go on with vectors where leaves were single numbers, and the other way about. */
  #noteLeafSize(size: number): void {
    if (size === 1) {
      this.#scalarTrees.push(this.treeCount);
      return;
    }
    if (this.#leafSize !== 1 && size !== this.#leafSize) {
      this.fail(`has ${size} numbers at a leaf, and others have ${this.#leafSize}`);
    }
    this.#leafSize = size;
  }

  /** Every column that a tree must have is as long as `left`; the statistics may be absent. */
  #pad(end: number): void {
    const { right, feature, value, defaultLeft, gain, cover } = this;
    if (right.length !== end || feature.length !== end || value.length !== end || defaultLeft.length !== end) {
      this.#demandLength('right_children', right, end);
      this.#demandLength('split_indices', feature, end);
      this.#demandLength('split_conditions', value, end);
      this.#demandLength('default_left', defaultLeft, end);
    }
    if (gain.length !== end) this.#padStatistics('loss_changes', gain, end);
    if (cover.length !== end) this.#padStatistics('sum_hessian', cover, end);
    if (this.nodeIds.length !== 0 && this.nodeIds.length !== end) this.fail('has nodes without an id');
  }

  #demandLength(name: string, { length }: { readonly length: number }, end: number): void {
    if (length !== end) this.fail(`has a list ${name} of another length than left_children`);
  }

  #padStatistics(name: string, column: Float32Column, end: number): void {
    this.#demandLength(name, column, this.nodeCount);
    this.#hasStatistics = false;
    column.reserve(end - column.length);
    column.length = end;
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
      this.fail('has lists of categories of different lengths');
    }
    let taken = 0;
    for (const [i, node] of nodes.entries()) {
      if (!(node >= 0 && node < count)) this.fail(`has categories at node ${node}, which it does not have`);
      const [first, size] = [segments[i] as number, sizes[i] as number];
      if (!(first >= 0 && size > 0 && first + size <= values.length)) {
        this.fail(`has categories out of range at node ${node}`);
      }
      // A short list that many nodes share could ask for hours.
      taken += size;
      if (taken > values.length) this.fail('has nodes that share their categories');
      if ((this.#categoryStarts.values[start + node] as number) >= 0) this.fail(`has categories twice at node ${node}`);
      this.#addSet(start + node, values.slice(first, first + size));
    }
  }

  #addSet(node: number, set: readonly number[]): void {
    let largest = 0;
    for (const category of set) {
      if (!(Number.isInteger(category) && category >= 0 && category < MOST_CATEGORIES)) {
        this.fail(`has the category ${category}`);
      }
      largest = Math.max(largest, category);
    }
    const words = (largest >> 5) + 1;
    const start = this.#categoryBits.length;
    if (start + words > MOST_CATEGORY_WORDS) this.fail('has more categories than kpfd holds');
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
  #settle(start: number, count: number, hasVectors: boolean): void {
    if (this.#reached.length < count) {
      this.#reached = new Uint8Array(2 * count);
      this.#pending = new Int32Array(2 * count);
    }
    // One loop without calls, as it is run for each node.
    const { values: left } = this.left;
    const { values: right } = this.right;
    const { values: feature } = this.feature;
    const { values: value } = this.value;
    const reached = this.#reached;
    const pending = this.#pending;
    let lastFeature = this.#lastFeature;
    reached.fill(0, 0, count);
    reached[0] = 1;
    let reachedCount = 1;
    let waiting = 0;
    pending[waiting++] = 0;
    while (waiting > 0) {
      const node = pending[--waiting] as number;
      const place = start + node;
      const l = left[place] as number;
      // Nothing is equal to itself but NaN.
      const hasValue = value[place] === value[place];
      if (l === -1) {
        if (!hasVectors) {
          right[place] = -1;
          if (!hasValue) this.fail(noNumberAt(node));
        }
        feature[place] = 0;
        continue;
      }
      const r = right[place] as number;
      if (l < 0 || l >= count || r < 0 || r >= count) this.fail(`has a child out of range at node ${node}`);
      if (l === r || reached[l] === 1 || reached[r] === 1) this.fail(`reaches node ${reached[l] === 1 ? l : r} twice`);
      reached[l] = 1;
      reached[r] = 1;
      reachedCount += 2;
      pending[waiting++] = r;
      pending[waiting++] = l;
      left[place] = start + l;
      right[place] = start + r;
      const splitFeature = feature[place] as number;
      if (splitFeature < 0) this.fail(`splits node ${node} on feature ${splitFeature}`);
      if (splitFeature > lastFeature) lastFeature = splitFeature;
      // At a categorical split NaN stands there in files before 3.0.
      if (!hasValue && !this.#isCategorical(place)) this.fail(`has no split condition at node ${node}`);
    }
    if (lastFeature > this.#lastFeature) {
      this.#lastFeature = lastFeature;
      this.#treeOfLastFeature = this.treeCount;
    }
    if (reachedCount === count) return;
    for (let node = 0; node < count; node++) if (reached[node] === 0) this.#empty(start + node);
  }

  #isCategorical(place: number): boolean {
    return this.#hasCategories && (this.#categoryStarts.values[place] as number) >= 0;
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

  #addVectors(start: number, count: number, { size, weights, startOf }: RawVectors): void {
    this.#padVectorStarts(start);
    const starts = this.#vectorStarts.reserve(count);
    let taken = 0;
    for (let node = 0; node < count; node++) {
      const place = start + node;
      const isLeaf = this.left.values[place] === -1 && this.#reached[node] === 1;
      starts[this.#vectorStarts.length++] = isLeaf ? this.#vectorWeights.length : -1;
      if (!isLeaf) continue;
      const first = startOf(node);
      if (!(first >= 0 && first + size <= weights.length)) this.fail(`has no weights for leaf ${node}`);
      // A few weights that many leaves share could ask for any amount of memory.
      taken += size;
      if (taken > weights.length) this.fail('has leaves that share their weights');
      const values = this.#vectorWeights.reserve(size);
      for (let k = 0; k < size; k++) {
        const weight = weights[first + k] as number;
        if (Number.isNaN(weight)) this.fail(noNumberAt(node));
        values[this.#vectorWeights.length++] = weight;
      }
      this.right.values[place] = -1;
      this.value.values[place] = 0;
    }
  }

  #padVectorStarts(end: number): void {
    const values = this.#vectorStarts.reserve(end - this.#vectorStarts.length);
    values.fill(-1, this.#vectorStarts.length, end);
    this.#vectorStarts.length = end;
  }

  /**
   * Beside trees whose leaves are vectors, a leaf of one number becomes one that adds nothing to the other outputs. It gets
   * its dart weight here: an infinite one would make NaN of that nothing.
   */
  #spreadScalarTrees({ groups, treeWeights, version }: ForestFacts): void {
    const size = this.#leafSize;
    const weigh = weigherOf(version);
    this.#padVectorStarts(this.nodeCount);
    for (const tree of this.#scalarTrees) {
      for (let node = this.#starts.values[tree] as number; node < (this.#starts.values[tree + 1] as number); node++) {
        if (this.left.values[node] !== -1) continue;
        const first = this.#vectorWeights.length;
        if (first + size > MOST_SPREAD_WEIGHTS)
          throw new ModelError('it has more numbers at its leaves than kpfd holds');
        const weights = this.#vectorWeights.reserve(size);
        // To add 0 would make 0 of -0.
        weights.fill(-0, first, first + size);
        const value = this.value.values[node] as number;
        weights[first + (groups[tree] as number)] =
          treeWeights === undefined ? value : weigh(value, treeWeights[tree] as number);
        this.#vectorWeights.length = first + size;
        this.#vectorStarts.values[node] = first;
        this.value.values[node] = 0;
      }
    }
  }

  /** The forest of all trees that were finished, or a ModelError where they do not go with the facts. */
  build(facts: ForestFacts): Trees {
    this.#check(facts);
    const spread = new Set(this.#leafSize > 1 ? this.#scalarTrees : []);
    if (spread.size > 0) this.#spreadScalarTrees(facts);
    const trees: Trees = {
      starts: this.#starts.trimmed(),
      groups: this.#leafSize > 1 ? new Int32Array(this.treeCount) : facts.groups,
      iterations: facts.iterations,
      left: this.left.trimmed(),
      right: this.right.trimmed(),
      feature: this.feature.trimmed(),
      value: this.value.trimmed(),
      defaultLeft: this.defaultLeft.trimmed(),
      categories: this.#hasCategories
        ? {
            starts: this.#categoryStarts.trimmed(),
            sizes: this.#categorySizes.trimmed(),
            bits: this.#categoryBits.trimmed(),
            strangersByDefault: !isBefore(facts.version, [1, 6, 0]) && isBefore(facts.version, [1, 7, 0]),
          }
        : undefined,
      vectors:
        this.#leafSize === 1
          ? undefined
          : { starts: this.#vectorStarts.trimmed(), weights: this.#vectorWeights.trimmed() },
      statistics: this.#hasStatistics ? { gain: this.gain.trimmed(), cover: this.cover.trimmed() } : undefined,
      nodeIds: this.nodeIds.length === 0 ? undefined : this.nodeIds.trimmed(),
    };
    if (facts.treeWeights !== undefined) {
      weighAll(trees, facts.outputCount, facts.treeWeights, weigherOf(facts.version), spread);
    }
    return trees;
  }

  #check({ featureCount, outputCount, groups, iterations, treeWeights }: ForestFacts): void {
    const { treeCount } = this;
    if (this.#lastFeature >= featureCount) {
      throw new ModelError(
        `its tree ${this.#treeOfLastFeature} splits on feature ${this.#lastFeature} of ${featureCount}`,
      );
    }
    const leafSize = this.#leafSize;
    if (leafSize !== 1 && leafSize !== outputCount) {
      throw new ModelError(`its leaves have ${leafSize} numbers for ${outputCount} outputs`);
    }
    if (groups.length !== treeCount) throw new ModelError(`it has ${treeCount} trees and ${groups.length} tree_info`);
    const stray = groups.findIndex((group) => group < 0 || group >= outputCount);
    if (stray >= 0) throw new ModelError(`its tree ${stray} belongs to output ${groups[stray]} of ${outputCount}`);
    const isAscending = iterations.every((first, i) => i === 0 || first >= (iterations[i - 1] as number));
    if (iterations[0] !== 0 || iterations.at(-1) !== treeCount || !isAscending) {
      throw new ModelError(`its ${treeCount} trees do not divide into iterations as it says`);
    }
    // Updating a dart model leaves weights behind that no tree has.
    if (treeWeights !== undefined && treeWeights.length < treeCount) {
      throw new ModelError(`it has weights of ${treeWeights.length} trees for ${treeCount} trees`);
    }
    if (treeWeights?.some(Number.isNaN)) throw new ModelError('it has a tree weight that is no number');
  }

  /** Throws a ModelError about the tree that is being read. */
  fail(problem: string): never {
    throw new ModelError(`its tree ${this.treeCount} ${problem}`);
  }
}

function noNumberAt(leaf: number): string {
  return `has no number at leaf ${leaf}, as where training diverged`;
}

/** A leaf's weight times its tree's, to be rounded to float32. */
type Weigher = (value: number, treeWeight: number) => number;

function weigherOf(version: XgboostVersion): Weigher {
  // What is added to a leaf first decides the sign of 0.
  const weighedFrom = isBefore(version, [3, 4, 0]) ? 0 : -0;
  return (value, treeWeight) => (weighedFrom + value) * treeWeight;
}

/** XGBoost multiplies a leaf by its tree's weight, in float32, each time that it adds it; we do it once. */
function weighAll(
  { starts, left, value, vectors }: Trees,
  outputCount: number,
  treeWeights: Float32Array,
  weigh: Weigher,
  done: ReadonlySet<number>,
): void {
  for (let tree = 0; tree + 1 < starts.length; tree++) {
    if (done.has(tree)) continue;
    const weight = treeWeights[tree] as number;
    for (let node = starts[tree] as number; node < (starts[tree + 1] as number); node++) {
      if (left[node] !== -1) continue;
      value[node] = weigh(value[node] as number, weight);
      const first = vectors?.starts[node] ?? -1;
      if (vectors === undefined || first < 0) continue;
      for (let k = first; k < first + outputCount; k++) {
        vectors.weights[k] = weigh(vectors.weights[k] as number, weight);
      }
    }
  }
}
