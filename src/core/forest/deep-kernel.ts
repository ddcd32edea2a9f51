/**
 * The kernel for every forest: deep and lopsided trees, splits on categories, vector leaves. It walks node by node, as
 * plain-walk.ts does, and is fast because nothing in a step has to be guessed:
 *
 * - Rows become *ranks* first, 64 rows at a time (predicates.ts), so that x < threshold is k >= rank, missing or not.
 * - Nodes are renumbered so that siblings are neighbours: the next node is `children[node] + goesRight`, where goesRight
 *   is the sign bit of k - rank. A leaf is its own child, with a k that no rank exceeds, so a walk may go on there.
 * - Eight walks are under way at once, of eight rows down one tree or of one row down eight trees: while one of them
 *   waits for memory the others go on. They stop when all stand on leaves, at the tree's depth at the latest.
 * - A category is stored as ~code, below every k, and looked up in the node's set of codes; see `codeOf`.
 */
import type { Kernel, KernelShape } from './kernel.ts';
import { plainWalk } from './plain-walk.ts';
import { findPredicates, rankIn, survey, type Columns, type Predicates, type Survey } from './predicates.ts';
import type { Trees } from './trees.ts';

/** Rows whose ranks are kept at once: with 80 columns they fill half of a first-level cache. */
const BLOCK = 64;
const LANES = 8;
/** The k of a leaf: ranks are lower (see predicates.ts). */
const LEAF = 0xffff;

interface Tables {
  /** Where each tree's nodes begin. */
  readonly starts: Int32Array;
  readonly depths: Int32Array;
  /** For each node its column in the upper 16 bits and k in the lower ones; 0 and LEAF at a leaf. */
  readonly words: Int32Array;
  readonly children: Int32Array;
  /** For each node where its set begins in `sets`; 0 at a numerical split, where the set is empty. No entries without sets. */
  readonly setStarts: Int32Array;
  readonly sets: Int32Array;
  /** For each leaf its weight, or where its vector begins. */
  readonly leaves: Float32Array | Int32Array;
  readonly columnCount: number;
  readonly columns: Columns;
  readonly categorical: CategoricalColumns;
}

/** The columns of ranks behind those of `Columns`: one for each feature with splits on categories. */
interface CategoricalColumns {
  /** The first of these columns; never 0, as every leaf reads column 0 and must find a rank there. */
  readonly first: number;
  readonly features: Int32Array;
  /** The categories 0 … limits[c] - 1 can be in a set of column c. */
  readonly limits: Int32Array;
}

/** Handles whatever Trees can hold; what its tables cannot (millions of features or huge sets) it leaves to plainWalk. */
export function deepKernel(shape: KernelShape): Kernel {
  const tables = buildTables(shape.trees);
  if (tables === undefined) return plainWalk(shape);
  const { featureCount, outputCount } = shape;
  const walks = new Walks(tables, shape);
  const ranks = new Int32Array(tables.columnCount * BLOCK);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let first = 0; first < rowCount; first += BLOCK) {
        const count = Math.min(BLOCK, rowCount - first);
        fillRanks(ranks, tables, rows, first * featureCount, featureCount, count);
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

/** Eight walks at once, and what becomes of the leaves where they end. */
class Walks {
  readonly #tables: Tables;
  readonly #groups: Int32Array;
  readonly #weights: Float32Array | undefined;
  readonly #outputCount: number;
  readonly #columnCount: number;
  readonly #walk: typeof walkNumerical;
  /** Where the walks begin and, afterwards, end. */
  readonly #nodes = new Int32Array(LANES);
  /** For each walk where its row's ranks begin. */
  readonly #rows = new Int32Array(LANES);

  constructor(tables: Tables, { trees, outputCount }: KernelShape) {
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
  { words, children }: Tables,
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
  for (let step = 0; step < depth; step++) {
    let word = words[a] as number;
    let all = word;
    a = (children[a] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowA] as number)) >>> 31);
    word = words[b] as number;
    all &= word;
    b = (children[b] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowB] as number)) >>> 31);
    word = words[c] as number;
    all &= word;
    c = (children[c] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowC] as number)) >>> 31);
    word = words[d] as number;
    all &= word;
    d = (children[d] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowD] as number)) >>> 31);
    word = words[e] as number;
    all &= word;
    e = (children[e] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowE] as number)) >>> 31);
    word = words[f] as number;
    all &= word;
    f = (children[f] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowF] as number)) >>> 31);
    word = words[g] as number;
    all &= word;
    g = (children[g] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowG] as number)) >>> 31);
    word = words[h] as number;
    all &= word;
    h = (children[h] as number) + (((word & LEAF) - (ranks[(word >>> 16) + rowH] as number)) >>> 31);
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
  { words, children, setStarts, sets }: Tables,
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
  for (let step = 0; step < depth; step++) {
    let word = words[a] as number;
    let all = word;
    let rank = ranks[(word >>> 16) + rowA] as number;
    a = (children[a] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[a] as number, rank));
    word = words[b] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowB] as number;
    b = (children[b] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[b] as number, rank));
    word = words[c] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowC] as number;
    c = (children[c] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[c] as number, rank));
    word = words[d] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowD] as number;
    d = (children[d] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[d] as number, rank));
    word = words[e] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowE] as number;
    e = (children[e] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[e] as number, rank));
    word = words[f] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowF] as number;
    f = (children[f] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[f] as number, rank));
    word = words[g] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowG] as number;
    g = (children[g] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[g] as number, rank));
    word = words[h] as number;
    all &= word;
    rank = ranks[(word >>> 16) + rowH] as number;
    h = (children[h] as number) + ((((word & LEAF) - rank) >>> 31) | inSet(sets, setStarts[h] as number, rank));
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

/** 1 where a category's code is in the node's set; a rank (0 or more) counts as code 0 of the empty set, so 0. */
function inSet(sets: Int32Array, start: number, rank: number): number {
  const code = ~rank & (rank >> 31);
  return ((sets[start + (code >>> 5)] as number) >>> (code & 31)) & 1;
}

const MISSING = 0;
const IN_NO_SET = 1;
const FIRST_CATEGORY = 2;

/** Missing is a category of its own, so that a set says where it goes; so is everything that no set can hold. */
function codeOf(x: number, limit: number): number {
  if (Number.isNaN(x)) return MISSING;
  return x >= 0 && x < limit ? Math.trunc(x) + FIRST_CATEGORY : IN_NO_SET;
}

function fillRanks(
  ranks: Int32Array,
  { columns, categorical, columnCount }: Tables,
  rows: Float32Array,
  offset: number,
  featureCount: number,
  count: number,
): void {
  for (let row = 0, to = 0; row < count; row++, to += columnCount) {
    const from = offset + row * featureCount;
    for (let column = 0; column < columns.count; column++) {
      ranks[to + column] = rankIn(columns, column, rows[from + (columns.features[column] as number)] as number);
    }
    for (let i = 0; i < categorical.features.length; i++) {
      const x = rows[from + (categorical.features[i] as number)] as number;
      ranks[to + categorical.first + i] = ~codeOf(x, categorical.limits[i] as number);
    }
  }
}

function buildTables(trees: Trees): Tables | undefined {
  const surveyed = survey(trees);
  const predicates = findPredicates(trees, surveyed);
  const { columns } = predicates;
  const categorical = findCategoricalColumns(trees, surveyed, Math.max(columns.count, 1));
  const columnCount = categorical.first + categorical.features.length;
  // A column's number must fit into 16 bits.
  if (columnCount > 65_536) return undefined;
  const setTables = buildSets(trees, surveyed, categorical);
  if (setTables === undefined) return undefined;
  const { words, children } = buildNodes(trees, surveyed, predicates, categorical);
  const leafValues = trees.vectors?.starts ?? trees.value;
  const leaves = trees.vectors === undefined ? new Float32Array(words.length) : new Int32Array(words.length);
  for (let i = 0; i < leaves.length; i++) leaves[i] = leafValues[surveyed.order[i] as number] as number;
  return {
    starts: surveyed.starts,
    depths: surveyed.depths,
    words,
    children,
    ...setTables,
    leaves,
    columnCount,
    columns,
    categorical,
  };
}

function buildNodes(
  trees: Trees,
  { order, starts }: Survey,
  { ofNode, columns }: Predicates,
  categorical: CategoricalColumns,
): { words: Int32Array; children: Int32Array } {
  const columnAt = new Int32Array(columns.thresholds.length);
  for (let column = 0; column < columns.count; column++) {
    const start = columns.starts[column] as number;
    columnAt.fill(column, start, start + (columns.sizes[column] as number));
  }
  const columnOfFeature = new Map([...categorical.features].map((feature, i) => [feature, categorical.first + i]));
  const words = new Int32Array(order.length).fill(LEAF);
  const children = new Int32Array(order.length);
  for (let tree = 0; tree < starts.length - 1; tree++) {
    // Breadth first, so a tree's splits have their children in the order in which they stand themselves.
    let child = (starts[tree] as number) + 1;
    for (let i = starts[tree] as number; i < (starts[tree + 1] as number); i++) {
      const node = order[i] as number;
      children[i] = i;
      if ((trees.left[node] as number) < 0) continue;
      children[i] = child;
      child += 2;
      if (isCategorical(trees.categories, node)) {
        const column = columnOfFeature.get(trees.feature[node] as number) as number;
        words[i] = column << 16;
        continue;
      }
      const predicate = ofNode[node] as number;
      const column = columnAt[predicate] as number;
      words[i] = (column << 16) | (predicate - (columns.starts[column] as number));
    }
  }
  return { words, children };
}

function isCategorical(categories: Trees['categories'], node: number): boolean {
  return categories !== undefined && (categories.starts[node] as number) >= 0;
}

/** For each feature with reached splits on categories the words of its longest set, as a limit of categories. */
function findCategoricalColumns(
  { left, feature, categories }: Trees,
  { order }: Survey,
  first: number,
): CategoricalColumns {
  const words = new Map<number, number>();
  if (categories !== undefined) {
    for (const node of order) {
      if ((left[node] as number) < 0 || !isCategorical(categories, node)) continue;
      const column = feature[node] as number;
      words.set(column, Math.max(words.get(column) ?? 0, categories.sizes[node] as number));
    }
  }
  return {
    first,
    features: Int32Array.from(words.keys()),
    limits: Int32Array.from(words.values(), (count) => Math.min(count * 32, 16_777_216)),
  };
}

/** Each split's set as bits of codes, as many words for all splits of a feature, behind one empty word. */
function buildSets(
  { left, feature, categories, defaultLeft }: Trees,
  { order }: Survey,
  { features, limits }: CategoricalColumns,
): Pick<Tables, 'setStarts' | 'sets'> | undefined {
  if (categories === undefined) return { setStarts: new Int32Array(0), sets: new Int32Array(0) };
  const wordsOf = new Map([...features].map((column, i) => [column, ((limits[i] as number) >>> 5) + 1]));
  const setStarts = new Int32Array(order.length);
  let length = 1;
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as number;
    if ((left[node] as number) < 0 || !isCategorical(categories, node)) continue;
    setStarts[i] = length;
    length += wordsOf.get(feature[node] as number) as number;
  }
  // Many short sets beside a long one would take more room than the forest itself.
  if (length > 2 * order.length + 2 * categories.bits.length + 1024) return undefined;
  const sets = new Int32Array(length);
  for (let i = 0; i < order.length; i++) {
    const to = setStarts[i] as number;
    if (to === 0) continue;
    const node = order[i] as number;
    const from = categories.starts[node] as number;
    for (let word = 0; word < (categories.sizes[node] as number); word++) {
      const bits = categories.bits[from + word] as number;
      sets[to + word]! |= bits << FIRST_CATEGORY;
      sets[to + word + 1]! |= bits >>> (32 - FIRST_CATEGORY);
    }
    if (defaultLeft[node] !== 1) sets[to]! |= 1 << MISSING;
  }
  return { setStarts, sets };
}
