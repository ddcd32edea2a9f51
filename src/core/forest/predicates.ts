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
  readonly lastFeature: number;
}

export interface Predicates {
  /** For each node the place of its predicate in `places`; 0 unless it is a numerical split that its root reaches. */
  readonly ofNode: Int32Array;
  /** The numbers of the predicates, in the order in which the trees first ask them. */
  readonly places: Int32Array;
  readonly columns: Columns;
}

export interface Columns {
  readonly count: number;
  readonly features: Int32Array;
  readonly missingLeft: Uint8Array;
  /**
   * Column c has the thresholds starts[c] … starts[c] + sizes[c] - 1. Every column starts at a multiple of sixteen
   * and leaves one place free behind it at least, so that each of its ranks has a place.
   */
  readonly starts: Int32Array;
  readonly sizes: Int32Array;
  /** A multiple of sixteen long; NaN between two columns. */
  readonly thresholds: Float32Array;
}

/** Walks every tree once, breadth first. */
export function survey({ starts: roots, left, right, feature }: Trees): Survey {
  const treeCount = roots.length - 1;
  const order = new Int32Array(left.length);
  const starts = new Int32Array(treeCount + 1);
  const depths = new Int32Array(treeCount);
  let deepest = 0;
  let lastFeature = 0;
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
        lastFeature = Math.max(lastFeature, feature[node] as number);
        order[end] = left[node] as number;
        order[end + 1] = right[node] as number;
        end += 2;
      }
    }
    depths[tree] = depth;
    deepest = Math.max(deepest, depth);
    starts[tree + 1] = end;
  }
  return { order: order.subarray(0, end), starts, depths, deepest, lastFeature };
}

/** A column holds so many thresholds at most, so that every rank is 16 bits at most; then another one begins. */
const LONGEST_COLUMN = 0x7fff;
const INDEX_BITS = 15;

export function findPredicates(trees: Trees, surveyed: Survey): Predicates {
  const { ofNode, distinct } = collect(trees, surveyed.order);
  return { ofNode, ...arrange(distinct, surveyed.lastFeature) };
}

/** Predicates in the order of their arrival. A side is feature * 2 + missingLeft. */
interface Distinct {
  readonly sides: Int32Array;
  /** The bits of the thresholds. */
  readonly bits: Int32Array;
}

/**
 * An open-addressing hash table from (side, bits) to the order of arrival. -0 and 0 become two predicates with the same
 * answers: neighbours later on, and equal to every comparison. One long function, because it runs once, cold: V8
 * compiles a loop that it is in the midst of, but it takes its time over many calls.
 */
function collect(trees: Trees, order: Int32Array): { ofNode: Int32Array; distinct: Distinct } {
  const { left, feature, value, defaultLeft } = trees;
  const setStarts = trees.categories?.starts;
  const valueBits = new Int32Array(value.buffer, value.byteOffset, value.length);
  const ofNode = new Int32Array(left.length);
  const sides = new Int32Array((order.length >>> 1) + 1);
  const bits = new Int32Array(sides.length);
  let count = 0;
  // Places and 1, as 0 is a free slot. Most forests have few predicates, and a small table stays in the cache.
  let slots = new Int32Array(2 ** Math.ceil(Math.log2(order.length / 8 + 1024)));
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as number;
    if ((left[node] as number) < 0) continue;
    if (setStarts !== undefined && (setStarts[node] as number) >= 0) continue;
    const side = (feature[node] as number) * 2 + (defaultLeft[node] as number);
    const threshold = valueBits[node] as number;
    const mask = slots.length - 1;
    let slot = hash(side, threshold) & mask;
    let place = (slots[slot] as number) - 1;
    while (place >= 0 && (bits[place] !== threshold || sides[place] !== side)) {
      slot = (slot + 1) & mask;
      place = (slots[slot] as number) - 1;
    }
    if (place < 0) {
      place = count++;
      slots[slot] = count;
      sides[place] = side;
      bits[place] = threshold;
      if (2 * count > slots.length) slots = rehashed({ sides, bits }, count, 4 * slots.length);
    }
    ofNode[node] = place;
  }
  return { ofNode, distinct: { sides: sides.subarray(0, count), bits: bits.subarray(0, count) } };
}

function rehashed({ sides, bits }: Distinct, count: number, length: number): Int32Array<ArrayBuffer> {
  const slots = new Int32Array(length);
  for (let place = 0; place < count; place++) {
    let slot = hash(sides[place] as number, bits[place] as number) & (length - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (length - 1);
    slots[slot] = place + 1;
  }
  return slots;
}

/** The bits of a float32 to which no comparison is true. */
const NAN = 0x7fc0_0000;

/** Divides predicates into columns and sorts each. */
function arrange({ sides, bits }: Distinct, lastFeature: number): { places: Int32Array; columns: Columns } {
  const columnSides: number[] = [];
  const columnSizes: number[] = [];
  // For each side the column that takes its next threshold, and 1; 0 where there is none yet.
  const open = new Int32Array(2 * lastFeature + 2);
  const columnOf = new Int32Array(sides.length);
  const indices = new Int32Array(sides.length);
  for (let place = 0; place < sides.length; place++) {
    const side = sides[place] as number;
    let column = (open[side] as number) - 1;
    if (column < 0 || columnSizes[column] === LONGEST_COLUMN) {
      column = columnSides.push(side) - 1;
      columnSizes.push(0);
      open[side] = column + 1;
    }
    columnOf[place] = column;
    indices[place] = columnSizes[column]!++;
  }
  const count = columnSides.length;
  const sizes = Int32Array.from(columnSizes);
  const starts = new Int32Array(count);
  let end = 0;
  for (let column = 0; column < count; column++) {
    starts[column] = end;
    end = (end + (sizes[column] as number) + 16) & -16;
  }
  // Sorting numbers without a callback is fast, so a predicate becomes one, below 2 ** 53: its threshold's place among
  // all float32s, then its own among those that came to its column.
  const keys = new Float64Array(end);
  const arrivals = new Int32Array(end);
  for (let place = 0; place < sides.length; place++) {
    const index = indices[place] as number;
    const at = (starts[columnOf[place] as number] as number) + index;
    keys[at] = ascending(bits[place] as number) * 2 ** INDEX_BITS + index;
    arrivals[at] = place;
  }
  const places = new Int32Array(sides.length);
  const thresholdBits = new Int32Array(end).fill(NAN);
  for (let column = 0; column < count; column++) {
    const start = starts[column] as number;
    const columnEnd = start + (sizes[column] as number);
    keys.subarray(start, columnEnd).sort();
    for (let number = start; number < columnEnd; number++) {
      const place = arrivals[start + ((keys[number] as number) % 2 ** INDEX_BITS)] as number;
      places[place] = number;
      thresholdBits[number] = bits[place] as number;
    }
  }
  const features = Int32Array.from(columnSides, (side) => side >> 1);
  const missingLeft = Uint8Array.from(columnSides, (side) => side & 1);
  const thresholds = new Float32Array(thresholdBits.buffer);
  return { places, columns: { count, features, missingLeft, starts, sizes, thresholds } };
}

function hash(side: number, bits: number): number {
  const mixed = Math.imul(bits ^ Math.imul(side, 0x9e37_79b1), 0x85eb_ca6b);
  return mixed ^ (mixed >>> 15);
}

/** The place of a float32 among all float32s in ascending order, by its bits. */
function ascending(bits: number): number {
  return bits < 0 ? ~bits >>> 0 : (bits | 0x8000_0000) >>> 0;
}

/**
 * The values of each column for some rows, `values[column * stride + row]`, such that a column's rank is the number of
 * its thresholds that are <= the value even where it is missing: none is <= NaN, and all are <= Infinity.
 */
export function fillValues(
  values: Float32Array,
  stride: number,
  { features, missingLeft, count }: Columns,
  rows: Float32Array,
  offset: number,
  featureCount: number,
  rowCount: number,
): void {
  for (let column = 0; column < count; column++) {
    const missing = missingLeft[column] === 1 ? Number.NaN : Infinity;
    let place = offset + (features[column] as number);
    for (let row = 0; row < rowCount; row++, place += featureCount) {
      const x = rows[place] as number;
      // eslint-disable-next-line no-self-compare -- cheaper than a call for each value of each row
      values[column * stride + row] = x === x ? x : missing;
    }
  }
}
