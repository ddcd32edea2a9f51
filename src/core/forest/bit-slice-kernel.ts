/**
 * The kernel for many rows where there is no WebAssembly: 32 rows at once, one in each bit of an int32.
 *
 * 1. For every predicate of the forest a *mask* says which of the rows go right.
 * 2. A tree of depth d (padded-trees.ts) becomes d *planes*: bit r of plane l says where row r turns on level l. The
 *    plane of a level is the mask of one of its nodes, selected for each row by the planes above: a pyramid of
 *    multiplexers `(s & a) | (~s & b)`, 57 for depth 6, and no branch.
 * 3. The planes read across are the rows' leaf numbers: a transposition of 8 × 8 bits in each byte.
 * 4. The leaves are added row by row, tree after tree, each sum rounded to float32: so the bits are those of any walk.
 */
import type { Kernel, KernelShape } from './kernel.ts';
import { BUNDLE, DEEPEST, padTrees, type PaddedTrees } from './padded-trees.ts';
import type { Columns } from './predicates.ts';
import { Ranks } from './ranks.ts';

/** So many rows are one slice. */
export const SLICE = 32;

/** Undefined where the trees are deeper than 8, split on categories, or would need much padding. */
export function bitSliceKernel({ trees, featureCount, outputCount }: KernelShape): Kernel | undefined {
  const padded = padTrees(trees);
  if (padded === undefined) return undefined;
  const { groups, vectors } = trees;
  const ranking = new Ranks(padded.columns);
  const ranks = new Int32Array(SLICE);
  const masks = new Int32Array(padded.predicateCount);
  const sums = new Float32Array(outputCount * SLICE);
  const leafNumbers = new Int32Array(8);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let first = 0; first < rowCount; first += SLICE) {
        const count = Math.min(SLICE, rowCount - first);
        fillMasks(masks, ranks, ranking, padded.columns, rows, first * featureCount, featureCount, count);
        if (vectors !== undefined) {
          for (let tree = firstTree; tree < lastTree; tree++) {
            findLeaves(padded, masks, tree, leafNumbers);
            addVectors(padded, vectors.weights, tree, leafNumbers, margins, first * outputCount, outputCount, count);
          }
          continue;
        }
        for (let row = 0, i = first * outputCount; row < count; row++) {
          for (let k = 0; k < outputCount; k++) sums[k * SLICE + row] = margins[i++] as number;
        }
        for (let tree = firstTree; tree < lastTree; tree++) {
          findLeaves(padded, masks, tree, leafNumbers);
          addLeaves(padded, tree, leafNumbers, sums, (groups[tree] as number) * SLICE);
        }
        for (let row = 0, i = first * outputCount; row < count; row++) {
          for (let k = 0; k < outputCount; k++) margins[i++] = sums[k * SLICE + row] as number;
        }
      }
    },
  };
}

/** Bit r of masks[p]: row r goes right at predicate p. */
function fillMasks(
  masks: Int32Array,
  ranks: Int32Array,
  ranking: Ranks,
  columns: Columns,
  rows: Float32Array,
  offset: number,
  featureCount: number,
  count: number,
): void {
  const { features, starts, sizes } = columns;
  masks.fill(0);
  for (let column = 0; column < columns.count; column++) {
    const start = starts[column] as number;
    const place = offset + (features[column] as number);
    // First each row at its rank only; a row goes right at all predicates below its rank.
    ranking.fill(ranks, 0, 0, column, rows, place, featureCount, count);
    for (let row = 0; row < count; row++) masks[start + (ranks[row] as number)]! |= 1 << row;
    let above = 0;
    for (let i = start + (sizes[column] as number); i >= start; i--) {
      const here = masks[i] as number;
      masks[i] = above;
      above |= here;
    }
  }
}

/** Byte q of numbers[k] becomes the leaf number of row 8 * q + k. */
function findLeaves(padded: PaddedTrees, masks: Int32Array, tree: number, numbers: Int32Array): void {
  const { predicates: nodes, levelStarts: starts } = padded;
  const bundle = tree >> 3;
  const n = (padded.numbers[bundle] as number) + (tree & (BUNDLE - 1));
  const depth = padded.depths[bundle] as number;
  const level = DEEPEST * depth;
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  // The turn on the lowest level is bit 0 of a leaf's number: each level moves those above it up.
  if (depth > 0) a = masks[nodes[(starts[level] as number) + n] as number] as number;
  if (depth > 1) [b, a] = [a, select2(nodes, masks, (starts[level + 1] as number) + 2 * n, a)];
  if (depth > 2) [c, b, a] = [b, a, select4(nodes, masks, (starts[level + 2] as number) + 4 * n, b, a)];
  if (depth > 3) [d, c, b, a] = [c, b, a, select8(nodes, masks, (starts[level + 3] as number) + 8 * n, c, b, a)];
  if (depth > 4) {
    [e, d, c, b, a] = [d, c, b, a, select16(nodes, masks, (starts[level + 4] as number) + 16 * n, d, c, b, a)];
  }
  if (depth > 5) {
    [f, e, d, c, b, a] = [e, d, c, b, a, select32(nodes, masks, (starts[level + 5] as number) + 32 * n, e, d, c, b, a)];
  }
  if (depth > 6) {
    const plane = select64(nodes, masks, (starts[level + 6] as number) + 64 * n, f, e, d, c, b, a);
    [g, f, e, d, c, b, a] = [f, e, d, c, b, a, plane];
  }
  if (depth > 7) {
    const from = (starts[level + 7] as number) + 128 * n;
    const plane = select(
      g,
      select64(nodes, masks, from, f, e, d, c, b, a),
      select64(nodes, masks, from + 64, f, e, d, c, b, a),
    );
    [h, g, f, e, d, c, b, a] = [g, f, e, d, c, b, a, plane];
  }
  transpose(a, b, c, d, e, f, g, h, numbers);
}

/** The bits of `right` where `plane` has ones, those of `left` elsewhere. */
function select(plane: number, left: number, right: number): number {
  return left ^ ((left ^ right) & plane);
}

// selectN: of N nodes of one level, from `start` on, each row's mask bit; the topmost plane comes first. Each is written
// out, as V8 puts so many small functions into their callers in one process and not in another, which was half as fast.

function select2(nodes: Uint16Array, masks: Int32Array, start: number, a: number): number {
  return select(a, masks[nodes[start] as number] as number, masks[nodes[start + 1] as number] as number);
}

function select4(nodes: Uint16Array, masks: Int32Array, start: number, b: number, a: number): number {
  return select(
    b,
    select(a, masks[nodes[start] as number] as number, masks[nodes[start + 1] as number] as number),
    select(a, masks[nodes[start + 2] as number] as number, masks[nodes[start + 3] as number] as number),
  );
}

function select8(nodes: Uint16Array, masks: Int32Array, start: number, c: number, b: number, a: number): number {
  return select(
    c,
    select(
      b,
      select(a, masks[nodes[start] as number] as number, masks[nodes[start + 1] as number] as number),
      select(a, masks[nodes[start + 2] as number] as number, masks[nodes[start + 3] as number] as number),
    ),
    select(
      b,
      select(a, masks[nodes[start + 4] as number] as number, masks[nodes[start + 5] as number] as number),
      select(a, masks[nodes[start + 6] as number] as number, masks[nodes[start + 7] as number] as number),
    ),
  );
}

function select16(
  nodes: Uint16Array,
  masks: Int32Array,
  start: number,
  d: number,
  c: number,
  b: number,
  a: number,
): number {
  return select(
    d,
    select(
      c,
      select(
        b,
        select(a, masks[nodes[start] as number] as number, masks[nodes[start + 1] as number] as number),
        select(a, masks[nodes[start + 2] as number] as number, masks[nodes[start + 3] as number] as number),
      ),
      select(
        b,
        select(a, masks[nodes[start + 4] as number] as number, masks[nodes[start + 5] as number] as number),
        select(a, masks[nodes[start + 6] as number] as number, masks[nodes[start + 7] as number] as number),
      ),
    ),
    select(
      c,
      select(
        b,
        select(a, masks[nodes[start + 8] as number] as number, masks[nodes[start + 9] as number] as number),
        select(a, masks[nodes[start + 10] as number] as number, masks[nodes[start + 11] as number] as number),
      ),
      select(
        b,
        select(a, masks[nodes[start + 12] as number] as number, masks[nodes[start + 13] as number] as number),
        select(a, masks[nodes[start + 14] as number] as number, masks[nodes[start + 15] as number] as number),
      ),
    ),
  );
}

function select32(
  nodes: Uint16Array,
  masks: Int32Array,
  start: number,
  e: number,
  d: number,
  c: number,
  b: number,
  a: number,
): number {
  return select(e, select16(nodes, masks, start, d, c, b, a), select16(nodes, masks, start + 16, d, c, b, a));
}

function select64(
  nodes: Uint16Array,
  masks: Int32Array,
  start: number,
  f: number,
  e: number,
  d: number,
  c: number,
  b: number,
  a: number,
): number {
  return select(f, select32(nodes, masks, start, e, d, c, b, a), select32(nodes, masks, start + 32, e, d, c, b, a));
}

/** Eight planes, that of bit 0 first, into leaf numbers: swaps of 1 × 1, 2 × 2 and 4 × 4 bits (Hacker's Delight, 7-3). */
function transpose(
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
  g: number,
  h: number,
  numbers: Int32Array,
): void {
  let t = ((a >>> 1) ^ b) & 0x5555_5555;
  b ^= t;
  a ^= t << 1;
  t = ((c >>> 1) ^ d) & 0x5555_5555;
  d ^= t;
  c ^= t << 1;
  t = ((e >>> 1) ^ f) & 0x5555_5555;
  f ^= t;
  e ^= t << 1;
  t = ((g >>> 1) ^ h) & 0x5555_5555;
  h ^= t;
  g ^= t << 1;
  t = ((a >>> 2) ^ c) & 0x3333_3333;
  c ^= t;
  a ^= t << 2;
  t = ((b >>> 2) ^ d) & 0x3333_3333;
  d ^= t;
  b ^= t << 2;
  t = ((e >>> 2) ^ g) & 0x3333_3333;
  g ^= t;
  e ^= t << 2;
  t = ((f >>> 2) ^ h) & 0x3333_3333;
  h ^= t;
  f ^= t << 2;
  t = ((a >>> 4) ^ e) & 0x0f0f_0f0f;
  numbers[4] = e ^ t;
  numbers[0] = a ^ (t << 4);
  t = ((b >>> 4) ^ f) & 0x0f0f_0f0f;
  numbers[5] = f ^ t;
  numbers[1] = b ^ (t << 4);
  t = ((c >>> 4) ^ g) & 0x0f0f_0f0f;
  numbers[6] = g ^ t;
  numbers[2] = c ^ (t << 4);
  t = ((d >>> 4) ^ h) & 0x0f0f_0f0f;
  numbers[7] = h ^ t;
  numbers[3] = d ^ (t << 4);
}

function addLeaves(padded: PaddedTrees, tree: number, numbers: Int32Array, sums: Float32Array, start: number): void {
  const { leaves } = padded;
  const leaf = firstLeaf(padded, tree);
  for (let k = 0; k < 8; k++) {
    const four = numbers[k] as number;
    sums[start + k]! += leaves[leaf + (four & 255)] as number;
    sums[start + k + 8]! += leaves[leaf + ((four >>> 8) & 255)] as number;
    sums[start + k + 16]! += leaves[leaf + ((four >>> 16) & 255)] as number;
    sums[start + k + 24]! += leaves[leaf + (four >>> 24)] as number;
  }
}

function addVectors(
  padded: PaddedTrees,
  weights: Float32Array,
  tree: number,
  numbers: Int32Array,
  margins: Float32Array,
  output: number,
  outputCount: number,
  count: number,
): void {
  const { leaves } = padded;
  const leaf = firstLeaf(padded, tree);
  for (let row = 0, place = output; row < count; row++) {
    const number = ((numbers[row & 7] as number) >>> (row & -8)) & 255;
    const start = leaves[leaf + number] as number;
    for (let k = start; k < start + outputCount; k++, place++) margins[place]! += weights[k] as number;
  }
}

/** Where the tree's leaf number 0 stands. */
function firstLeaf({ numbers, depths, classStarts }: PaddedTrees, tree: number): number {
  const bundle = tree >> 3;
  const depth = depths[bundle] as number;
  return (classStarts[depth] as number) + (((numbers[bundle] as number) + (tree & (BUNDLE - 1))) << depth);
}
