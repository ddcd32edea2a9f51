/**
 * bit-slice-kernel.ts with 128 rows at once, in the 128-bit registers of WebAssembly SIMD: read that file first. The
 * functions are assembled here, one for each depth that the forest has; there is no binary to trust and no tool to run.
 *
 * Row r stands at place `(r & 7) * 16 + (r >> 3)` of the sums, which is where the transposition leaves its leaf number,
 * so four neighbouring sums take one addition. f32x4.add rounds each sum to float32, as XGBoost does.
 */
import type { Kernel, KernelShape } from './kernel.ts';
import { BUNDLE, padTrees, type PaddedTrees } from './padded-trees.ts';
import { rankIn } from './predicates.ts';
import {
  assemble,
  get,
  i32,
  load,
  repeat,
  set,
  tee,
  v128,
  type Code,
  type Func,
  type Loaded,
} from './wasm-assembler.ts';

const ROWS = 128;
const MASK_BYTES = ROWS / 8;
const SUM_BYTES = ROWS * 4;
/** Masks come first in memory, behind 16 bytes that keep every address before a table above zero. */
const MASKS = 16;

/** Where things are in the module's memory. */
interface Layout {
  readonly leafNumbers: number;
  /** ROWS sums for each output. */
  readonly sums: number;
  /** For each tree the address of its output's sums. */
  readonly groups: number;
  readonly leaves: number;
  readonly nodes: number;
  readonly end: number;
}

/**
 * Undefined where the trees are deeper than 8, split on categories, have vector leaves or would need much padding; and
 * where there is no WebAssembly with SIMD.
 */
export function bitSliceWasmKernel(shape: KernelShape): Kernel | undefined {
  const padded = padTrees(shape.trees);
  if (padded === undefined) return undefined;
  const layout = layOut(padded, shape);
  const depths = [...new Set(padded.depths)];
  const functions = [spreadFunction(), ...depths.map((depth) => sliceFunction(depth, layout.leafNumbers))];
  const loaded = load(assemble(Math.ceil(layout.end / 65_536), functions));
  if (loaded === undefined) return undefined;
  copyTables(loaded.memory, layout, padded, shape);
  const slices = new Slices(loaded, layout, padded, shape);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let first = 0; first < rowCount; first += ROWS) {
        const count = Math.min(ROWS, rowCount - first);
        slices.fillMasks(rows, first, count);
        slices.takeMargins(margins, first, count);
        slices.addTrees(firstTree, lastTree);
        slices.giveMargins(margins, first, count);
      }
    },
  };
}

function layOut({ predicateCount, predicates, leaves }: PaddedTrees, { trees, outputCount }: KernelShape): Layout {
  let end = MASKS + predicateCount * MASK_BYTES;
  const place = (bytes: number) => {
    const start = end;
    end = (end + bytes + 15) & -16;
    return start;
  };
  return {
    leafNumbers: place(ROWS),
    sums: place(outputCount * SUM_BYTES),
    groups: place(trees.groups.byteLength),
    leaves: place(leaves.byteLength),
    nodes: place(predicates.byteLength),
    end,
  };
}

function copyTables(memory: ArrayBuffer, layout: Layout, padded: PaddedTrees, { trees }: KernelShape): void {
  const { groups } = trees;
  new Int32Array(memory, layout.groups, groups.length).set(groups.map((group) => layout.sums + group * SUM_BYTES));
  new Float32Array(memory, layout.leaves, padded.leaves.length).set(padded.leaves);
  new Uint16Array(memory, layout.nodes, padded.predicates.length).set(padded.predicates);
}

/** The rows under way, in the module's memory. */
class Slices {
  readonly #call: Loaded['call'];
  readonly #sliceOfDepth: ((...parameters: number[]) => void)[];
  readonly #layout: Layout;
  readonly #padded: PaddedTrees;
  readonly #featureCount: number;
  readonly #outputCount: number;
  readonly #masks: Uint8Array;
  readonly #sums: Float32Array;

  constructor(
    { call, memory }: Loaded,
    layout: Layout,
    padded: PaddedTrees,
    { featureCount, outputCount }: KernelShape,
  ) {
    this.#call = call;
    this.#sliceOfDepth = Array.from({ length: 9 }, (_, depth) => call[`slice${depth}`] ?? (() => {}));
    this.#layout = layout;
    this.#padded = padded;
    this.#featureCount = featureCount;
    this.#outputCount = outputCount;
    this.#masks = new Uint8Array(memory, MASKS, padded.predicateCount * MASK_BYTES);
    this.#sums = new Float32Array(memory, layout.sums, outputCount * ROWS);
  }

  fillMasks(rows: Float32Array, first: number, count: number): void {
    const masks = this.#masks;
    const featureCount = this.#featureCount;
    const { columns } = this.#padded;
    const spread = this.#call['spread'] as (from: number, last: number) => void;
    masks.fill(0);
    for (let column = 0; column < columns.count; column++) {
      const start = columns.starts[column] as number;
      let place = first * featureCount + (columns.features[column] as number);
      // First each row at its rank only; a row goes right at all predicates below its rank.
      for (let row = 0; row < count; row++, place += featureCount) {
        const mask = start + rankIn(columns, column, rows[place] as number);
        masks[mask * MASK_BYTES + (row >> 3)]! |= 1 << (row & 7);
      }
      const from = MASKS + start * MASK_BYTES;
      spread(from, from + (columns.sizes[column] as number) * MASK_BYTES);
    }
  }

  takeMargins(margins: Float32Array, first: number, count: number): void {
    const outputs = this.#outputCount;
    for (let row = 0, i = first * outputs; row < count; row++) {
      const place = (row & 7) * 16 + (row >> 3);
      for (let k = 0; k < outputs; k++) this.#sums[k * ROWS + place] = margins[i++] as number;
    }
  }

  giveMargins(margins: Float32Array, first: number, count: number): void {
    const outputs = this.#outputCount;
    for (let row = 0, i = first * outputs; row < count; row++) {
      const place = (row & 7) * 16 + (row >> 3);
      for (let k = 0; k < outputs; k++) margins[i++] = this.#sums[k * ROWS + place] as number;
    }
  }

  /** One call for each run of bundles of the same depth. */
  addTrees(firstTree: number, lastTree: number): void {
    const { depths, nodeStarts, leafStarts } = this.#padded;
    const { nodes, leaves, groups } = this.#layout;
    for (let tree = firstTree, end = tree; tree < lastTree; tree = end) {
      const bundle = tree >> 3;
      const depth = depths[bundle] as number;
      let next = bundle + 1;
      while (next < depths.length && depths[next] === depth) next++;
      end = Math.min(next * BUNDLE, lastTree);
      const k = tree & (BUNDLE - 1);
      this.#sliceOfDepth[depth]?.(
        nodes + 2 * (nodeStarts[bundle] as number),
        k,
        leaves + 4 * ((leafStarts[bundle] as number) + (k << depth)),
        groups + 4 * tree,
        groups + 4 * end,
      );
    }
  }
}

/** spread(from, last): from the last mask down, each becomes the union of those above it. */
function spreadFunction(): Func {
  const [from, at, above, here] = [0, 1, 2, 3];
  const step = [
    [get(at), v128.load(), set(here)],
    [get(at), get(above), v128.store()],
    [get(above), get(here), v128.or, set(above)],
    [get(at), i32.const(MASK_BYTES), i32.sub, tee(at)],
  ];
  const code = repeat(step, [get(from), i32.greaterOrEqual]);
  return { name: 'spread', parameters: 2, i32Locals: 0, v128Locals: 2, code };
}

// Parameters and locals of sliceN.
const [NODES, K, LEAF, GROUP, END, PLACE, SUM, LEVELS] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const PLANES = LEVELS + 8;
const SWAP = PLANES + 8;
/** The turns on level l of a tree of depth d are bit d - 1 - l of the leaf's number. */
const plane = (depth: number, level: number) => PLANES + depth - 1 - level;

/**
 * sliceN(nodes, k, leaf, group, end): trees of depth N, from the k-th of the bundle at `nodes` on, whose leaves begin at
 * `leaf` and whose outputs are named from `group` up to `end`.
 */
function sliceFunction(depth: number, leafNumbers: number): Func {
  const tree = [
    range(8).map((i) => [v128.splat(0), set(PLANES + i)]),
    range(depth).map((level) => [
      // Where the tree's part of the level is: k * 2 ** level nodes of two bytes behind the bundle's.
      [get(NODES), get(K), i32.const(level + 1), i32.shl, i32.add, set(LEVELS + level)],
      [selected(depth, level, 0, 1 << level), set(plane(depth, level))],
    ]),
    transposed(),
    range(8).map((i) => [i32.const(leafNumbers + 16 * i), get(PLANES + i), v128.store()]),
    addition(leafNumbers),
    [get(LEAF), i32.const(4 << depth), i32.add, set(LEAF)],
    // After the eighth tree comes the next bundle.
    [get(K), i32.const(1), i32.add, tee(K), i32.const(3), i32.shr],
    [i32.const(2 * BUNDLE * (2 ** depth - 1)), i32.mul, get(NODES), i32.add, set(NODES)],
    [get(K), i32.const(BUNDLE - 1), i32.and, set(K)],
    [get(GROUP), i32.const(4), i32.add, set(GROUP)],
  ];
  const code = repeat(tree, [get(GROUP), get(END), i32.notEqual]);
  return { name: `slice${depth}`, parameters: 5, i32Locals: 10, v128Locals: 9, code };
}

/** Of the nodes start … start + count - 1 of a level each row's mask bit, chosen by the planes above. */
function selected(depth: number, level: number, start: number, count: number): Code {
  if (count === 1) {
    const levelStart = 2 * BUNDLE * (2 ** level - 1);
    const node = [get(LEVELS + level), i32.load16(levelStart + 2 * start)];
    return [node, i32.const(Math.log2(MASK_BYTES)), i32.shl, v128.load(MASKS)];
  }
  const half = count / 2;
  return [
    selected(depth, level, start + half, half),
    selected(depth, level, start, half),
    get(plane(depth, level - Math.log2(count))),
    v128.bitselect,
  ];
}

/** The planes into leaf numbers, as in bit-slice-kernel.ts: byte q of local k becomes that of row 8 * q + k. */
function transposed(): Code {
  return [1, 2, 4].map((size) => {
    const mask = { 1: 0x55, 2: 0x33, 4: 0x0f }[size] as number;
    return range(8).map((i) => ((i & size) === 0 ? swapped(PLANES + i, PLANES + i + size, size, mask) : []));
  });
}

function swapped(a: number, b: number, shift: number, mask: number): Code {
  return [
    [get(a), i32.const(shift), v128.shr64, get(b), v128.xor, v128.splat(mask), v128.and],
    [tee(SWAP), get(b), v128.xor, set(b)],
    [get(SWAP), i32.const(shift), v128.shl64, get(a), v128.xor, set(a)],
  ];
}

/** Adds the leaves to the sums: sixteen rows a turn, four an addition. */
function addition(leafNumbers: number): Code {
  const leafOf = (row: number) => [
    [get(PLACE), i32.load8(leafNumbers + row), i32.const(2), i32.shl, get(LEAF), i32.add],
  ];
  const four = (row: number) => [
    get(SUM),
    [leafOf(row), v128.load32Zero(0), set(SWAP)],
    range(3).map((i) => [leafOf(row + i + 1), get(SWAP), v128.load32Lane(0, i + 1), set(SWAP)]),
    [get(SUM), v128.load(4 * row), get(SWAP), v128.addFloats, v128.store(4 * row)],
  ];
  const sixteen = [
    [0, 4, 8, 12].map(four),
    [get(SUM), i32.const(64), i32.add, set(SUM)],
    [get(PLACE), i32.const(16), i32.add, tee(PLACE)],
  ];
  return [
    [i32.const(0), set(PLACE), get(GROUP), i32.load(), set(SUM)],
    repeat(sixteen, [i32.const(ROWS), i32.notEqual]),
  ];
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
