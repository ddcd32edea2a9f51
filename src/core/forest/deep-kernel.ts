/**
 * The kernel for every forest: deep and lopsided trees, splits on categories, vector leaves. It walks node by node, as
 * plain-walk.ts does, and is fast because nothing in a step has to be guessed:
 *
 * - Rows become *ranks* first, 64 rows at a time (ranks.ts), so that x < threshold is k >= rank, missing or not.
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

/** Rows whose ranks are kept at once: with 80 columns they fill half of a first-level cache. */
const BLOCK = 64;
const LANES = 8;

/** Handles whatever Trees can hold; what its tables cannot (millions of features or huge sets) it leaves to plainWalk. */
export function deepKernel(shape: KernelShape): Kernel {
  const tables = deepTables(shape.trees);
  if (tables === undefined) return plainWalk(shape);
  const { featureCount, outputCount } = shape;
  const walks = new Walks({ ...tables, setPlaces: setPlacesOf(tables) }, shape);
  const ranking = new Ranks(tables.columns);
  const ranks = new Int32Array(tables.columnCount * BLOCK);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let first = 0; first < rowCount; first += BLOCK) {
        const count = Math.min(BLOCK, rowCount - first);
        fillRanks(ranks, ranking, tables, rows, first * featureCount, featureCount, count);
        const full = count & -LANES;
        for (let tree = firstTree; tree < lastTree; tree++) {
          for (let row = 0; row < full; row += LANES) {
            walks.downOneTree(ranks, tree, row, margins, (first + row) * outputCount);
          }
        }
        for (let row = full; row < count; row++) {
          walks.ofOneRow(ranks, row, firstTree, lastTree, margins, (first + row) * outputCount);
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

/** Eight walks at once, and what becomes of the leaves where they end. */
class Walks {
  readonly #tables: WalkTables;
  readonly #groups: Int32Array;
  readonly #weights: Float32Array | undefined;
  readonly #outputCount: number;
  readonly #columnCount: number;
  readonly #walk: typeof walkNumerical;
  /** Where the walks begin and, afterwards, end. */
  readonly #nodes = new Int32Array(LANES);
  /** For each walk where its row's ranks begin. */
  readonly #rows = new Int32Array(LANES);

  constructor(tables: WalkTables, { trees, outputCount }: KernelShape) {
    this.#tables = tables;
    this.#groups = trees.groups;
    this.#weights = trees.vectors?.weights;
    this.#outputCount = outputCount;
    this.#columnCount = tables.columnCount;
    this.#walk = tables.setStarts.length > 0 ? walkMixed : walkNumerical;
  }

  downOneTree(ranks: Int32Array, tree: number, row: number, margins: Float32Array, output: number): void {
    const nodes = this.#nodes;
    const root = this.#tables.starts[tree] as number;
    for (let lane = 0; lane < LANES; lane++) {
      nodes[lane] = root;
      this.#rows[lane] = (row + lane) * this.#columnCount;
    }
    this.#walk(this.#tables, ranks, nodes, this.#rows, this.#tables.depths[tree] as number);
    for (let lane = 0; lane < LANES; lane++) {
      this.#add(tree, nodes[lane] as number, margins, output + lane * this.#outputCount);
    }
  }

  ofOneRow(
    ranks: Int32Array,
    row: number,
    firstTree: number,
    lastTree: number,
    margins: Float32Array,
    output: number,
  ): void {
    const nodes = this.#nodes;
    const { starts, depths } = this.#tables;
    this.#rows.fill(row * this.#columnCount);
    for (let first = firstTree; first < lastTree; first += LANES) {
      const count = Math.min(LANES, lastTree - first);
      // Lanes without a tree of their own walk the last one, for nothing.
      let depth = 0;
      for (let lane = 0; lane < LANES; lane++) {
        const tree = first + Math.min(lane, count - 1);
        nodes[lane] = starts[tree] as number;
        depth = Math.max(depth, depths[tree] as number);
      }
      this.#walk(this.#tables, ranks, nodes, this.#rows, depth);
      for (let lane = 0; lane < count; lane++) this.#add(first + lane, nodes[lane] as number, margins, output);
    }
  }

  #add(tree: number, leaf: number, margins: Float32Array, output: number): void {
    const { leaves } = this.#tables;
    const weights = this.#weights;
    if (weights === undefined) {
      margins[output + (this.#groups[tree] as number)]! += leaves[leaf] as number;
      return;
    }
    const start = leaves[leaf] as number;
    for (let k = 0; k < this.#outputCount; k++) margins[output + k]! += weights[start + k] as number;
  }
}

/** Moves eight walks to their leaves, where all splits are numerical. */
function walkNumerical(
  { words, children }: WalkTables,
  ranks: Int32Array,
  nodes: Int32Array,
  rows: Int32Array,
  depth: number,
): void {
  let a = nodes[0] as number;
  let b = nodes[1] as number;
  let c = nodes[2] as number;
  let d = nodes[3] as number;
  let e = nodes[4] as number;
  let f = nodes[5] as number;
  let g = nodes[6] as number;
  let h = nodes[7] as number;
  const rowA = rows[0] as number;
  const rowB = rows[1] as number;
  const rowC = rows[2] as number;
  const rowD = rows[3] as number;
  const rowE = rows[4] as number;
  const rowF = rows[5] as number;
  const rowG = rows[6] as number;
  const rowH = rows[7] as number;
  // Two steps a turn: with one, walks took 6 to 11 % longer. A step too many stays on its leaf.
  for (let step = 0; step < depth; step += 2) {
    let word = words[a] as number;
    a = (children[a] as number) + ((word - (ranks[(word >>> 16) + rowA] as number)) >>> 31);
    word = words[b] as number;
    b = (children[b] as number) + ((word - (ranks[(word >>> 16) + rowB] as number)) >>> 31);
    word = words[c] as number;
    c = (children[c] as number) + ((word - (ranks[(word >>> 16) + rowC] as number)) >>> 31);
    word = words[d] as number;
    d = (children[d] as number) + ((word - (ranks[(word >>> 16) + rowD] as number)) >>> 31);
    word = words[e] as number;
    e = (children[e] as number) + ((word - (ranks[(word >>> 16) + rowE] as number)) >>> 31);
    word = words[f] as number;
    f = (children[f] as number) + ((word - (ranks[(word >>> 16) + rowF] as number)) >>> 31);
    word = words[g] as number;
    g = (children[g] as number) + ((word - (ranks[(word >>> 16) + rowG] as number)) >>> 31);
    word = words[h] as number;
    h = (children[h] as number) + ((word - (ranks[(word >>> 16) + rowH] as number)) >>> 31);
    word = words[a] as number;
    let all = word;
    a = (children[a] as number) + ((word - (ranks[(word >>> 16) + rowA] as number)) >>> 31);
    word = words[b] as number;
    all &= word;
    b = (children[b] as number) + ((word - (ranks[(word >>> 16) + rowB] as number)) >>> 31);
    word = words[c] as number;
    all &= word;
    c = (children[c] as number) + ((word - (ranks[(word >>> 16) + rowC] as number)) >>> 31);
    word = words[d] as number;
    all &= word;
    d = (children[d] as number) + ((word - (ranks[(word >>> 16) + rowD] as number)) >>> 31);
    word = words[e] as number;
    all &= word;
    e = (children[e] as number) + ((word - (ranks[(word >>> 16) + rowE] as number)) >>> 31);
    word = words[f] as number;
    all &= word;
    f = (children[f] as number) + ((word - (ranks[(word >>> 16) + rowF] as number)) >>> 31);
    word = words[g] as number;
    all &= word;
    g = (children[g] as number) + ((word - (ranks[(word >>> 16) + rowG] as number)) >>> 31);
    word = words[h] as number;
    all &= word;
    h = (children[h] as number) + ((word - (ranks[(word >>> 16) + rowH] as number)) >>> 31);
    // All bits of k are set at leaves only.
    if ((all & LEAF) === LEAF) break;
  }
  nodes[0] = a;
  nodes[1] = b;
  nodes[2] = c;
  nodes[3] = d;
  nodes[4] = e;
  nodes[5] = f;
  nodes[6] = g;
  nodes[7] = h;
}

/** The same where splits may be categorical: at each node one of the two terms is 0. */
function walkMixed(
  { words, children, setPlaces, sets }: WalkTables,
  ranks: Int32Array,
  nodes: Int32Array,
  rows: Int32Array,
  depth: number,
): void {
  let a = nodes[0] as number;
  let b = nodes[1] as number;
  let c = nodes[2] as number;
  let d = nodes[3] as number;
  let e = nodes[4] as number;
  let f = nodes[5] as number;
  let g = nodes[6] as number;
  let h = nodes[7] as number;
  const rowA = rows[0] as number;
  const rowB = rows[1] as number;
  const rowC = rows[2] as number;
  const rowD = rows[3] as number;
  const rowE = rows[4] as number;
  const rowF = rows[5] as number;
  const rowG = rows[6] as number;
  const rowH = rows[7] as number;
  // Two steps a turn: with one, walks took 6 to 11 % longer. A step too many stays on its leaf.
  for (let step = 0; step < depth; step += 2) {
    let word = words[a] as number;
    let rank = ranks[(word >>> 16) + rowA] as number;
    a = (children[a] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[a] as number, rank));
    word = words[b] as number;
    rank = ranks[(word >>> 16) + rowB] as number;
    b = (children[b] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[b] as number, rank));
    word = words[c] as number;
    rank = ranks[(word >>> 16) + rowC] as number;
    c = (children[c] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[c] as number, rank));
    word = words[d] as number;
    rank = ranks[(word >>> 16) + rowD] as number;
    d = (children[d] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[d] as number, rank));
    word = words[e] as number;
    rank = ranks[(word >>> 16) + rowE] as number;
    e = (children[e] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[e] as number, rank));
    word = words[f] as number;
    rank = ranks[(word >>> 16) + rowF] as number;
    f = (children[f] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[f] as number, rank));
    word = words[g] as number;
    rank = ranks[(word >>> 16) + rowG] as number;
    g = (children[g] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[g] as number, rank));
    word = words[h] as number;
    rank = ranks[(word >>> 16) + rowH] as number;
    h = (children[h] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[h] as number, rank));
    word = words[a] as number;
    let all = word;
    rank = ranks[(word >>> 16) + rowA] as number;
    a = (children[a] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[a] as number, rank));
    word = words[b] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowB] as number;
    b = (children[b] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[b] as number, rank));
    word = words[c] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowC] as number;
    c = (children[c] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[c] as number, rank));
    word = words[d] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowD] as number;
    d = (children[d] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[d] as number, rank));
    word = words[e] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowE] as number;
    e = (children[e] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[e] as number, rank));
    word = words[f] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowF] as number;
    f = (children[f] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[f] as number, rank));
    word = words[g] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowG] as number;
    g = (children[g] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[g] as number, rank));
    word = words[h] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowH] as number;
    h = (children[h] as number) + (((word - rank) >>> 31) | inSet(sets, setPlaces[h] as number, rank));
    // All bits of k are set at leaves only.
    if ((all & LEAF) === LEAF) break;
  }
  nodes[0] = a;
  nodes[1] = b;
  nodes[2] = c;
  nodes[3] = d;
  nodes[4] = e;
  nodes[5] = f;
  nodes[6] = g;
  nodes[7] = h;
}

/** 1 where the code is in the node's set; a rank counts as a code in the empty set, so 0. */
function inSet(sets: Int32Array, setPlace: number, rank: number): number {
  // A shift counts by the lowest five bits of the rank alone.
  return ((sets[setPlace + (rank >> 5)] as number) >>> rank) & 1;
}

function fillRanks(
  ranks: Int32Array,
  ranking: Ranks,
  { columns, categorical, columnCount }: DeepTables,
  rows: Float32Array,
  offset: number,
  featureCount: number,
  count: number,
): void {
  if (count === 1) ranking.ofRow(ranks, tagOf(1), rows, offset);
  else {
    for (let column = 0; column < columns.count; column++) {
      const from = offset + (columns.features[column] as number);
      ranking.fill(ranks, column, columnCount, tagOf(column), column, rows, from, featureCount, count);
    }
  }
  for (let i = 0; i < categorical.features.length; i++) {
    const column = categorical.first + i;
    const firstCode = tagOf(column) + IS_CODE;
    const limit = categorical.limits[i] as number;
    let from = offset + (categorical.features[i] as number);
    for (let row = 0; row < count; row++, from += featureCount) {
      ranks[row * columnCount + column] = firstCode + codeOf(rows[from] as number, limit);
    }
  }
}
