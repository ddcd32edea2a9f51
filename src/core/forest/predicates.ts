/**
 * What the fast kernels share: the splits of a forest as numbered predicates.
 *
 * The 100,000 numerical splits of a typical forest hold only some thousand distinct (feature, missing side, threshold).
 * A *column* is one (feature, missing side); its thresholds stand in ascending order, and a predicate's number is its
 * threshold's place in the row of all columns. With rank(x) = how many thresholds of the column are <= x,
 *
 *     x < threshold k of the column   is   rank(x) <= k   (so it goes right if rank(x) > k),
 *
 * which is exact, and integers from there on. Missing costs nothing more: it ranks highest in a column whose missing
 * values go right, lowest in one whose missing values go left.
 */
import type { Trees } from './trees.ts';

/** The nodes that the roots reach, level by level in each tree, so that siblings are neighbours. */
export interface Survey {
  readonly order: Int32Array;
  /** treeCount + 1 entries: tree t has order[starts[t]] … order[starts[t + 1] - 1]. */
  readonly starts: Int32Array;
  /** Steps from the root to the lowest leaf of each tree. */
  readonly depths: Int32Array;
  readonly deepest: number;
}

export interface Predicates {
  /** For each node its predicate's number; meaningless unless it is a numerical split that its root reaches. */
  readonly ofNode: Int32Array;
  readonly columns: Columns;
}

export interface Columns {
  readonly count: number;
  readonly features: Int32Array;
  readonly missingLeft: Uint8Array;
  /**
   * Column c has the thresholds starts[c] … starts[c] + sizes[c] - 1. Every column starts at a multiple of eight and
   * leaves one place free behind it at least, so that each of its ranks has a place.
   */
  readonly starts: Int32Array;
  readonly sizes: Int32Array;
  /** A multiple of eight long; meaningless between two columns. */
  readonly thresholds: Float32Array;
}

/** Walks every tree once, breadth first. */
export function survey({ starts: roots, left, right }: Trees): Survey {
  const treeCount = roots.length - 1;
  const order = new Int32Array(left.length);
  const starts = new Int32Array(treeCount + 1);
  const depths = new Int32Array(treeCount);
  let deepest = 0;
  let end = 0;
  for (let tree = 0; tree < treeCount; tree++) {
    let next = end;
    order[end++] = roots[tree] as number;
    let depth = -1;
    while (next < end) {
      depth++;
      for (const levelEnd = end; next < levelEnd; next++) {
        const node = order[next] as number;
        if ((left[node] as number) < 0) continue;
        order[end] = left[node] as number;
        order[end + 1] = right[node] as number;
        end += 2;
      }
    }
    depths[tree] = depth;
    deepest = Math.max(deepest, depth);
    starts[tree + 1] = end;
  }
  return { order: order.subarray(0, end), starts, depths, deepest };
}

/** Finds the distinct predicates: a hash table of typed arrays numbers them as they come, a sort puts them in order. */
export function findPredicates(trees: Trees, { order }: Survey): Predicates {
  const { left, feature, value, defaultLeft, categories } = trees;
  const bits = new Int32Array(value.buffer, value.byteOffset, value.length);
  const ofNode = new Int32Array(left.length);
  const table = new PredicateTable((order.length >>> 1) + 1);
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as number;
    if ((left[node] as number) < 0) continue;
    if (categories !== undefined && (categories.starts[node] as number) >= 0) continue;
    const column = (feature[node] as number) * 2 + (defaultLeft[node] as number);
    ofNode[node] = table.numberOf(column, bits[node] as number);
  }
  const { places, columns } = table.sorted();
  // Nodes without a predicate hold 0 still, and get the place of number 0 (if there is one), which nobody reads.
  if (places.length > 0) for (let i = 0; i < ofNode.length; i++) ofNode[i] = places[ofNode[i] as number] as number;
  return { ofNode, columns };
}

/** More thresholds than this make another column of the same feature and side, so that every rank is 16 bits at most. */
const LONGEST_COLUMN = 0x7fff;

/**
 * An open-addressing hash table from (column, bits of the threshold) to consecutive numbers. -0 and 0 become two
 * predicates with the same answers: neighbours in the order, and equal to every comparison.
 */
class PredicateTable {
  readonly #slots: Int32Array;
  readonly #columns: Int32Array;
  readonly #bits: Int32Array;
  #count = 0;

  constructor(most: number) {
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * most)));
    this.#columns = new Int32Array(most);
    this.#bits = new Int32Array(most);
  }

  numberOf(column: number, bits: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash(column, bits) & mask;
    for (;;) {
      const number = (slots[slot] as number) - 1; // 0 is a free slot.
      if (number < 0) break;
      if (this.#bits[number] === bits && this.#columns[number] === column) return number;
      slot = (slot + 1) & mask;
    }
    this.#columns[this.#count] = column;
    this.#bits[this.#count] = bits;
    slots[slot] = ++this.#count;
    return this.#count - 1;
  }

  /** The columns in order, and for each number its predicate's place in them. */
  sorted(): { places: Int32Array; columns: Columns } {
    const count = this.#count;
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = sortKey(this.#columns[i] as number, this.#bits[i] as number);
    keys.sort();
    const places = new Int32Array(count);
    const columnCount = countColumns(keys);
    const bits = new Int32Array((count + 8 * columnCount + 8) & -8);
    const [features, starts, sizes] = [0, 1, 2].map(() => new Int32Array(columnCount)) as [
      Int32Array,
      Int32Array,
      Int32Array,
    ];
    const missingLeft = new Uint8Array(columnCount);
    let place = 0;
    for (let i = 0, at = -1, last = -1; i < count; i++, place++) {
      const key = keys[i] as number;
      const column = Math.floor(key / 2 ** 32);
      if (column !== last || sizes[at] === LONGEST_COLUMN) {
        last = column;
        if (at >= 0) place = (place + 8) & -8;
        starts[++at] = place;
        features[at] = column >> 1;
        missingLeft[at] = column & 1;
      }
      bits[place] = fromAscending(key - column * 2 ** 32);
      places[this.numberOf(column, bits[place] as number)] = place;
      sizes[at]!++;
    }
    const thresholds = new Float32Array(bits.buffer, 0, (place + 8) & -8);
    const columns = { count: columnCount, features, missingLeft, starts, sizes, thresholds };
    return { places, columns };
  }
}

function hash(column: number, bits: number): number {
  const mixed = Math.imul(bits ^ Math.imul(column, 0x9e37_79b1), 0x85eb_ca6b);
  return mixed ^ (mixed >>> 15);
}

function countColumns(sorted: Float64Array): number {
  let count = 0;
  for (let i = 0, last = -1, size = 0; i < sorted.length; i++, size++) {
    const column = Math.floor((sorted[i] as number) / 2 ** 32);
    if (column === last && size < LONGEST_COLUMN) continue;
    count++;
    size = 0;
    last = column;
  }
  return count;
}

/** Column first, then threshold: below 2 ** 53, so exact in a float64, and Float64Array sorts without a callback. */
function sortKey(column: number, bits: number): number {
  return column * 2 ** 32 + (bits < 0 ? ~bits >>> 0 : (bits | 0x8000_0000) >>> 0);
}

/** The bits of the float32 whose place among all float32s is `key`. */
function fromAscending(key: number): number {
  return key >= 0x8000_0000 ? (key - 0x8000_0000) | 0 : ~key;
}

/**
 * How many thresholds of a column are <= x. A binary search without branches on the data: the processor cannot guess
 * them, and so it searches several columns at once instead of waiting.
 */
function rankOf(thresholds: Float32Array, start: number, size: number, x: number): number {
  let base = start;
  for (let count = size; count > 1;) {
    const half = count >>> 1;
    base += half & -Number((thresholds[base + half] as number) <= x);
    count -= half;
  }
  return base - start + Number((thresholds[base] as number) <= x);
}

/** The rank of x in a column, where NaN ranks by the column's missing side. */
export function rankIn({ starts, sizes, thresholds, missingLeft }: Columns, column: number, x: number): number {
  const size = sizes[column] as number;
  // eslint-disable-next-line no-self-compare -- cheaper than a call for each value of each row
  if (x !== x) return missingLeft[column] === 1 ? 0 : size;
  return rankOf(thresholds, starts[column] as number, size, x);
}
