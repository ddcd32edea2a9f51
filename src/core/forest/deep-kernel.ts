/**
 * The kernel for every forest: deep and lopsided trees, splits on categories, vector leaves. It walks node by node, as
 * plain-walk.ts does, and is fast because nothing in a step has to be guessed:
 *
 * - Rows become *ranks* first, many rows at a time (ranks.ts), so that x < threshold is k >= rank, missing or not.
 * - Nodes are renumbered so that siblings are neighbours: the next node is `children[node] + goesRight`, where goesRight
 *   is the sign bit of k - rank. A leaf is its own child, with a k that no rank exceeds, so a walk may go on there.
 * - A node is one word, its column above its k. Ranks stand with their column's number above them as well (a tag), so that
 *   the difference of the words is k - rank, and nothing has to be masked.
 * - Eight walks are under way at once, of eight rows down one tree or of one row down eight trees: while one of them
 *   waits for memory the others go on. They stop when all stand on leaves, at the tree's depth at the latest; every
 *   other step looks whether they do.
 * - A category goes right if the node's set of codes has it; see deep-tables.ts.
 */
import { codeOf, deepTables, IS_CODE, LEAF, type DeepTables } from './deep-tables.ts';
import type { Kernel, KernelShape } from './kernel.ts';
import { plainWalk } from './plain-walk.ts';
import { Ranks } from './ranks.ts';

const LANES = 8;
/**
 * Ranks stand column by column, 128 in each: with 80 columns they about fill a first-level cache. So a lane's rank is at
 * a constant distance, and no register has to hold where its row begins.
 */
const STRIDE_BITS = 7;
const STRIDE = 1 << STRIDE_BITS;
/** Rows whose ranks are kept at once. The lanes behind them are for a row that walks alone. */
const BLOCK = STRIDE - LANES;

/** Handles whatever Trees can hold; what its tables cannot (millions of features or huge sets) it leaves to plainWalk. */
export function deepKernel(shape: KernelShape): Kernel {
  const tables = deepTables(shape.trees);
  if (tables === undefined) return plainWalk(shape);
  const { featureCount, outputCount } = shape;
  const walks = new Walks({ ...tables, setPlaces: setPlacesOf(tables) }, shape);
  const ranking = new Ranks(tables.columns);
  const ranks = new Int32Array(tables.columnCount * STRIDE);
  // One view for each eight rows; and for a row that walks alone, that of its lanes as often.
  const views = Array.from({ length: BLOCK / LANES }, (_, i) => ranks.subarray(LANES * i));
  const viewsOfOne = views.map(() => ranks.subarray(BLOCK));
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let first = 0; first < rowCount; first += BLOCK) {
        const count = Math.min(BLOCK, rowCount - first);
        fillRanks(ranks, ranking, tables, rows, first * featureCount, featureCount, count);
        const full = count & -LANES;
        if (full > 0) {
          for (let tree = firstTree; tree < lastTree; tree++) {
            walks.downOneTree(tree, views, full, margins, first * outputCount);
          }
        }
        for (let row = full; row < count; row++) {
          repeatRow(ranks, row, tables.columnCount);
          walks.ofOneRow(viewsOfOne, firstTree, lastTree, margins, (first + row) * outputCount);
        }
      }
    },
  };
}

interface WalkTables extends DeepTables {
  /** For each node what `rank >> 5` lacks to the place of the set's word that has the rank's bit. */
  readonly setPlaces: Int32Array;
}

/** A rank has its column's number above it, a code too, and IS_CODE besides: all multiples of 32. */
function setPlacesOf({ words, setStarts }: DeepTables): Int32Array {
  return setStarts.map((start, node) => {
    const tag = tagOf((words[node] as number) >>> 16);
    return start - ((start === 0 ? tag : tag + IS_CODE) >> 5);
  });
}

function tagOf(column: number): number {
  return column << 16;
}

/** Walks, eight at once, and what becomes of the leaves where they end. */
class Walks {
  readonly #tables: WalkTables;
  readonly #groups: Int32Array;
  readonly #weights: Float32Array | undefined;
  readonly #outputCount: number;
  readonly #walk: typeof walkNumerical;
  /** Where the walks begin and, afterwards, end. */
  readonly #nodes = new Int32Array(BLOCK);

  constructor(tables: WalkTables, { trees, outputCount }: KernelShape) {
    this.#tables = tables;
    this.#groups = trees.groups;
    this.#weights = trees.vectors?.weights;
    this.#outputCount = outputCount;
    this.#walk = tables.setStarts.length > 0 ? walkMixed : walkNumerical;
  }

  /** Of as many rows as the views have ranks of, a multiple of eight; their margins begin at `output`. */
  downOneTree(tree: number, views: readonly Int32Array[], count: number, margins: Float32Array, output: number): void {
    const nodes = this.#nodes;
    const { starts, depths, leaves } = this.#tables;
    const outputCount = this.#outputCount;
    nodes.fill(starts[tree] as number, 0, count);
    this.#walk(this.#tables, views, nodes, count, depths[tree] as number);
    if (this.#weights !== undefined) {
      for (let row = 0, place = output; row < count; row++, place += outputCount) {
        addVector(this.#weights, leaves[nodes[row] as number] as number, margins, place, outputCount);
      }
      return;
    }
    for (let row = 0, place = output + (this.#groups[tree] as number); row < count; row++, place += outputCount) {
      margins[place]! += leaves[nodes[row] as number] as number;
    }
  }

  /** Each view has the row's ranks in all eight lanes. */
  ofOneRow(
    views: readonly Int32Array[],
    firstTree: number,
    lastTree: number,
    margins: Float32Array,
    output: number,
  ): void {
    const nodes = this.#nodes;
    const { starts, depths, leaves } = this.#tables;
    for (let first = firstTree; first < lastTree; first += BLOCK) {
      const count = Math.min(BLOCK, lastTree - first);
      // Lanes without a tree of their own walk the last one, for nothing.
      nodes.fill(starts[first + count - 1] as number, count);
      let depth = 0;
      for (let i = 0; i < count; i++) {
        nodes[i] = starts[first + i] as number;
        depth = Math.max(depth, depths[first + i] as number);
      }
      this.#walk(this.#tables, views, nodes, count, depth);
      for (let i = 0; i < count; i++) {
        const leaf = leaves[nodes[i] as number] as number;
        if (this.#weights !== undefined) addVector(this.#weights, leaf, margins, output, this.#outputCount);
        else margins[output + (this.#groups[first + i] as number)]! += leaf;
      }
    }
  }
}

function addVector(weights: Float32Array, start: number, margins: Float32Array, output: number, count: number): void {
  for (let k = 0; k < count; k++) margins[output + k]! += weights[start + k] as number;
}

/** Moves `count` walks to their leaves: eight at once, by the ranks in their view. Here all splits are numerical. */
function walkNumerical(
  { words, children }: WalkTables,
  views: readonly Int32Array[],
  nodes: Int32Array,
  count: number,
  depth: number,
): void {
  // An import is looked up anew in each turn.
  const leaf = LEAF;
  for (let first = 0; first < count; first += LANES) {
    const ranks = views[first >> 3] as Int32Array;
    let a = nodes[first] as number;
    let b = nodes[first + 1] as number;
    let c = nodes[first + 2] as number;
    let d = nodes[first + 3] as number;
    let e = nodes[first + 4] as number;
    let f = nodes[first + 5] as number;
    let g = nodes[first + 6] as number;
    let h = nodes[first + 7] as number;
    // Two steps a turn: with one, walks took 6 to 11 % longer. A step too many stays on its leaf.
    for (let step = 0; step < depth; step += 2) {
      let word = words[a] as number;
      a = (children[a] as number) + ((word - (ranks[(word >>> 16) << STRIDE_BITS] as number)) >>> 31);
      word = words[b] as number;
      b = (children[b] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 1] as number)) >>> 31);
      word = words[c] as number;
      c = (children[c] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 2] as number)) >>> 31);
      word = words[d] as number;
      d = (children[d] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 3] as number)) >>> 31);
      word = words[e] as number;
      e = (children[e] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 4] as number)) >>> 31);
      word = words[f] as number;
      f = (children[f] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 5] as number)) >>> 31);
      word = words[g] as number;
      g = (children[g] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 6] as number)) >>> 31);
      word = words[h] as number;
      h = (children[h] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 7] as number)) >>> 31);
      word = words[a] as number;
      let all = word;
      a = (children[a] as number) + ((word - (ranks[(word >>> 16) << STRIDE_BITS] as number)) >>> 31);
      word = words[b] as number;
      all &= word;
      b = (children[b] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 1] as number)) >>> 31);
      word = words[c] as number;
      all &= word;
      c = (children[c] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 2] as number)) >>> 31);
      word = words[d] as number;
      all &= word;
      d = (children[d] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 3] as number)) >>> 31);
      word = words[e] as number;
      all &= word;
      e = (children[e] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 4] as number)) >>> 31);
      word = words[f] as number;
      all &= word;
      f = (children[f] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 5] as number)) >>> 31);
      word = words[g] as number;
      all &= word;
      g = (children[g] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 6] as number)) >>> 31);
      word = words[h] as number;
      all &= word;
      h = (children[h] as number) + ((word - (ranks[((word >>> 16) << STRIDE_BITS) + 7] as number)) >>> 31);
      // All bits of k are set at leaves only.
      if ((all & leaf) === leaf) break;
    }
    nodes[first] = a;
    nodes[first + 1] = b;
    nodes[first + 2] = c;
    nodes[first + 3] = d;
    nodes[first + 4] = e;
    nodes[first + 5] = f;
    nodes[first + 6] = g;
    nodes[first + 7] = h;
  }
}

/** The same where splits may be categorical: at each node one of the two terms is 0. */
function walkMixed(
  { words, children, setPlaces, sets }: WalkTables,
  views: readonly Int32Array[],
  nodes: Int32Array,
  count: number,
  depth: number,
): void {
  // An import is looked up anew in each turn.
  const leaf = LEAF;
  for (let first = 0; first < count; first += LANES) {
    const ranks = views[first >> 3] as Int32Array;
    let a = nodes[first] as number;
    let b = nodes[first + 1] as number;
    let c = nodes[first + 2] as number;
    let d = nodes[first + 3] as number;
    let e = nodes[first + 4] as number;
    let f = nodes[first + 5] as number;
    let g = nodes[first + 6] as number;
    let h = nodes[first + 7] as number;
    // Two steps a turn: with one, walks took 6 to 11 % longer. A step too many stays on its leaf.
    for (let step = 0; step < depth; step += 2) {
      let word = words[a] as number;
      let rank = ranks[(word >>> 16) << STRIDE_BITS] as number;
      a = (children[a] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[a] as number, rank));
      word = words[b] as number;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 1] as number;
      b = (children[b] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[b] as number, rank));
      word = words[c] as number;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 2] as number;
      c = (children[c] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[c] as number, rank));
      word = words[d] as number;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 3] as number;
      d = (children[d] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[d] as number, rank));
      word = words[e] as number;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 4] as number;
      e = (children[e] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[e] as number, rank));
      word = words[f] as number;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 5] as number;
      f = (children[f] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[f] as number, rank));
      word = words[g] as number;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 6] as number;
      g = (children[g] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[g] as number, rank));
      word = words[h] as number;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 7] as number;
      h = (children[h] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[h] as number, rank));
      word = words[a] as number;
      let all = word;
      rank = ranks[(word >>> 16) << STRIDE_BITS] as number;
      a = (children[a] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[a] as number, rank));
      word = words[b] as number;
      all &= word;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 1] as number;
      b = (children[b] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[b] as number, rank));
      word = words[c] as number;
      all &= word;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 2] as number;
      c = (children[c] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[c] as number, rank));
      word = words[d] as number;
      all &= word;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 3] as number;
      d = (children[d] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[d] as number, rank));
      word = words[e] as number;
      all &= word;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 4] as number;
      e = (children[e] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[e] as number, rank));
      word = words[f] as number;
      all &= word;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 5] as number;
      f = (children[f] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[f] as number, rank));
      word = words[g] as number;
      all &= word;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 6] as number;
      g = (children[g] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[g] as number, rank));
      word = words[h] as number;
      all &= word;
      rank = ranks[((word >>> 16) << STRIDE_BITS) + 7] as number;
      h = (children[h] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[h] as number, rank));
      // All bits of k are set at leaves only.
      if ((all & leaf) === leaf) break;
    }
    nodes[first] = a;
    nodes[first + 1] = b;
    nodes[first + 2] = c;
    nodes[first + 3] = d;
    nodes[first + 4] = e;
    nodes[first + 5] = f;
    nodes[first + 6] = g;
    nodes[first + 7] = h;
  }
}

/** 1 where the code is in the node's set; a rank counts as a code in the empty set, so 0. */
function inSet(sets: Int32Array, setPlace: number, rank: number): number {
  // A shift counts by the lowest five bits of the rank alone.
  return ((sets[setPlace + (rank >> 5)] as number) >>> rank) & 1;
}

function fillRanks(
  ranks: Int32Array,
  ranking: Ranks,
  { columns, categorical }: DeepTables,
  rows: Float32Array,
  offset: number,
  featureCount: number,
  count: number,
): void {
  if (count === 1) ranking.ofRow(ranks, STRIDE, tagOf(1), rows, offset);
  else {
    for (let column = 0; column < columns.count; column++) {
      const from = offset + (columns.features[column] as number);
      ranking.fill(ranks, column * STRIDE, tagOf(column), column, rows, from, featureCount, count);
    }
  }
  for (let i = 0; i < categorical.features.length; i++) {
    const column = categorical.first + i;
    const firstCode = tagOf(column) + IS_CODE;
    const limit = categorical.limits[i] as number;
    let from = offset + (categorical.features[i] as number);
    for (let row = 0; row < count; row++, from += featureCount) {
      ranks[column * STRIDE + row] = firstCode + codeOf(rows[from] as number, limit);
    }
  }
}

/** Puts a row's ranks into all lanes behind the block. */
function repeatRow(ranks: Int32Array, row: number, columnCount: number): void {
  for (let column = 0; column < columnCount; column++) {
    const rank = ranks[column * STRIDE + row] as number;
    // A call of fill would take longer.
    for (let lane = column * STRIDE + BLOCK; lane < (column + 1) * STRIDE; lane++) ranks[lane] = rank;
  }
}
