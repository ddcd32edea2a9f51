/**
 * bit-slice-kernel.ts with 128 rows at once, in the 128-bit registers of WebAssembly SIMD: read that file first. The
 * functions are assembled here, one for each depth that the forest has; there is no binary to trust and no tool to run.
 *
 * Row r stands at place `(r & 7) * 16 + (r >> 3)` of the sums, which is where the transposition leaves its leaf number,
 * so four neighbouring sums take one addition. f32x4.add rounds each sum to float32, as XGBoost does.
 */
import type { Kernel, KernelShape } from './kernel.ts';
import { MASK_BYTES, paddedMemory, ROWS, type PaddedMemory } from './padded-memory.ts';
import { BUNDLE, DEEPEST } from './padded-trees.ts';
import { fillValues } from './predicates.ts';
import {
  get,
  i32,
  link,
  range,
  repeat,
  set,
  tee,
  v128,
  type Code,
  type Func,
  type WasmFunction,
} from './wasm-assembler.ts';
import { search, SEARCHED } from './wasm-search.ts';

/** Undefined where padded-trees.ts is, and where there is no WebAssembly with SIMD. */
export function bitSliceWasmKernel(shape: KernelShape): Kernel | undefined {
  const tables = paddedMemory(shape);
  if (tables === undefined) return undefined;
  const depths = [...new Set(tables.padded.depths)];
  const functions = link([markFunction(tables), ...depths.map((depth) => sliceFunction(depth, tables))], tables.memory);
  if (functions === undefined) return undefined;
  const slices = new Slices(functions, tables, shape);
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

/** The rows under way, in the functions' memory. */
class Slices {
  readonly #mark: WasmFunction;
  readonly #sliceOfDepth: readonly WasmFunction[];
  readonly #tables: PaddedMemory;
  readonly #featureCount: number;
  readonly #outputCount: number;
  readonly #values: Float32Array;
  readonly #masks: Uint8Array;
  readonly #sums: Float32Array;
  /** From a sum of a row to the next output's, and to the next place's. */
  readonly #outputStep: number;
  readonly #placeStep: number;

  constructor(
    functions: Readonly<Record<string, WasmFunction>>,
    tables: PaddedMemory,
    { featureCount, outputCount }: KernelShape,
  ) {
    const { memory, addresses, padded, vectorRegisters } = tables;
    this.#mark = functions['mark'] as WasmFunction;
    this.#sliceOfDepth = range(DEEPEST + 1).map((depth) => functions[`slice${depth}`] as WasmFunction);
    this.#tables = tables;
    this.#featureCount = featureCount;
    this.#outputCount = outputCount;
    this.#values = new Float32Array(memory.buffer, addresses.values, ROWS * padded.columns.count);
    this.#masks = new Uint8Array(memory.buffer, addresses.masks, padded.predicateCount * MASK_BYTES);
    this.#sums = new Float32Array(memory.buffer, addresses.sums, ROWS * Math.max(outputCount, 4 * vectorRegisters));
    this.#outputStep = vectorRegisters > 0 ? 1 : ROWS;
    this.#placeStep = vectorRegisters > 0 ? 4 * vectorRegisters : 1;
  }

  fillMasks(rows: Float32Array, first: number, count: number): void {
    const { columns } = this.#tables.padded;
    fillValues(this.#values, ROWS, columns, rows, first * this.#featureCount, this.#featureCount, count);
    this.#masks.fill(0);
    this.#mark(count);
  }

  takeMargins(margins: Float32Array, first: number, count: number): void {
    const outputs = this.#outputCount;
    for (let row = 0, i = first * outputs; row < count; row++) {
      let place = placeOf(row) * this.#placeStep;
      for (let k = 0; k < outputs; k++, place += this.#outputStep) this.#sums[place] = margins[i++] as number;
    }
  }

  giveMargins(margins: Float32Array, first: number, count: number): void {
    const outputs = this.#outputCount;
    for (let row = 0, i = first * outputs; row < count; row++) {
      let place = placeOf(row) * this.#placeStep;
      for (let k = 0; k < outputs; k++, place += this.#outputStep) margins[i++] = this.#sums[place] as number;
    }
  }

  /** One call for each run of bundles of the same depth. */
  addTrees(firstTree: number, lastTree: number): void {
    const { depths, numbers } = this.#tables.padded;
    const { groups } = this.#tables.addresses;
    for (let tree = firstTree, end = tree; tree < lastTree; tree = end) {
      const bundle = tree >> 3;
      const depth = depths[bundle] as number;
      let next = bundle + 1;
      while (next < depths.length && depths[next] === depth) next++;
      end = Math.min(next * BUNDLE, lastTree);
      const number = (numbers[bundle] as number) + (tree & (BUNDLE - 1));
      (this.#sliceOfDepth[depth] as WasmFunction)(number, groups + 4 * tree, groups + 4 * end);
    }
  }
}

/** Where the transposition leaves the leaf number of a row. */
function placeOf(row: number): number {
  return (row & 7) * 16 + (row >> 3);
}

/** mark(rowCount): the masks of all predicates from the values of all columns. */
function markFunction({ addresses, padded }: PaddedMemory): Func {
  const { masks, thresholds, values, columnStarts, columnSizes } = addresses;
  const [rowCount, column, row, value, start, size, count, half, places, above, here, numbers] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    8 + SEARCHED,
    9 + SEARCHED,
    10 + SEARCHED,
  ] as const;
  // Where the mask is whose threshold's address is on the stack.
  const maskOf = [i32.const(thresholds), i32.sub, i32.const(Math.log2(MASK_BYTES / 4)), i32.shl];
  // First each row at its rank only.
  const atRank = range(SEARCHED).map((lane) => [
    [get(places + lane), maskOf, get(row), i32.const(3), i32.shr, i32.add, tee(places + lane)],
    [get(places + lane), i32.load8(masks)],
    [i32.const(1 << lane), get(row), i32.const(7), i32.and, i32.shl, i32.or, i32.store8(masks)],
  ]);
  const rows = [
    search({ row: value, start, size, places, values: numbers, count, half }),
    atRank,
    [get(value), i32.const(4 * SEARCHED), i32.add, set(value)],
    [get(row), i32.const(SEARCHED), i32.add, tee(row)],
  ];
  // A row goes right at all predicates below its rank: from the last mask down, each is the union of those above it.
  const spread = [
    [get(half), v128.load(masks), set(here), get(half), get(above), v128.store(masks)],
    [get(above), get(here), v128.or, set(above)],
    [get(half), i32.const(MASK_BYTES), i32.sub, tee(half)],
  ];
  const turn = [
    [get(column), i32.load(columnStarts), set(start), get(column), i32.load(columnSizes), set(size)],
    [get(column), i32.const(Math.log2(ROWS)), i32.shl, i32.const(values), i32.add, set(value)],
    [i32.const(0), set(row), repeat(rows, [get(rowCount), i32.less])],
    [v128.splat(0), set(above)],
    [get(start), maskOf, tee(count), get(size), i32.const(Math.log2(MASK_BYTES)), i32.shl, i32.add, set(half)],
    repeat(spread, [get(count), i32.greaterOrEqual]),
    [get(column), i32.const(4), i32.add, tee(column)],
  ];
  const code = padded.columns.count === 0 ? [] : repeat(turn, [i32.const(4 * padded.columns.count), i32.notEqual]);
  return { name: 'mark', parameters: 1, i32Locals: 7 + SEARCHED, v128Locals: 2, f32Locals: SEARCHED, code };
}

// Parameters and locals of sliceN.
const [NUMBER, GROUP, END, LEAF, PLACE, SUM, LEVEL] = [0, 1, 2, 3, 4, 5, 6] as const;
const PLANES = LEVEL + 1;
const SWAP = PLANES + 8;
/** The turns on level l of a tree of depth d are bit d - 1 - l of the leaf's number. */
const plane = (depth: number, level: number) => PLANES + depth - 1 - level;

/** sliceN(number, group, end): the trees of depth N from `number` on whose outputs stand from `group` up to `end`. */
function sliceFunction(depth: number, { addresses, padded, vectorRegisters }: PaddedMemory): Func {
  const { leafNumbers, leaves, sums, nodes, masks } = addresses;
  const levelStart = (level: number) => nodes + 2 * (padded.levelStarts[DEEPEST * depth + level] as number);
  const mask = (level: number, i: number) => [
    [get(LEVEL), i32.load16(levelStart(level) + 2 * i), i32.const(Math.log2(MASK_BYTES)), i32.shl, v128.load(masks)],
  ];
  const tree = [
    range(8 - depth).map((i) => [v128.splat(0), set(PLANES + depth + i)]),
    range(depth).map((level) => [
      // The tree's nodes on the level: 2 ** level of two bytes.
      [get(NUMBER), i32.const(level + 1), i32.shl, set(LEVEL)],
      [
        selected(
          range(1 << level).map((i) => mask(level, i)),
          depth,
          level,
        ),
        set(plane(depth, level)),
      ],
    ]),
    transposed(),
    range(8).map((i) => [i32.const(leafNumbers + 16 * i), get(PLANES + i), v128.store()]),
    [get(NUMBER), i32.const(depth + 2), i32.shl, i32.const(leaves + 4 * (padded.classStarts[depth] as number))],
    [i32.add, set(LEAF)],
    vectorRegisters > 0 ? vectorAddition(leafNumbers, sums, vectorRegisters) : addition(leafNumbers, sums),
    [get(NUMBER), i32.const(1), i32.add, set(NUMBER)],
    [get(GROUP), i32.const(4), i32.add, tee(GROUP)],
  ];
  const code = repeat(tree, [get(END), i32.notEqual]);
  return { name: `slice${depth}`, parameters: 3, i32Locals: 4, v128Locals: 9, code };
}

/** Of the masks of all nodes below one of a level, or of all of the level, each row's bit, chosen by the planes above. */
function selected(masks: readonly Code[], depth: number, level: number): Code {
  if (masks.length === 1) return masks[0] as Code;
  const half = masks.length / 2;
  return [
    selected(masks.slice(half), depth, level),
    selected(masks.slice(0, half), depth, level),
    get(plane(depth, level - Math.log2(masks.length))),
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

/** The address of the leaf where the row at a place of this turn ends. */
const leafOf = (leafNumbers: number, place: number): Code => [
  [get(PLACE), i32.load8(leafNumbers + place), i32.const(2), i32.shl, get(LEAF), i32.add],
];

/** Adds the leaves to the sums: sixteen rows a turn, four an addition. */
function addition(leafNumbers: number, sums: number): Code {
  const leaf = (place: number) => leafOf(leafNumbers, place);
  const four = (place: number) => [
    get(SUM),
    [leaf(place), v128.load32Zero(0), set(SWAP)],
    range(3).map((i) => [leaf(place + i + 1), get(SWAP), v128.load32Lane(0, i + 1), set(SWAP)]),
    [get(SUM), v128.load(sums + 4 * place), get(SWAP), v128.addFloats, v128.store(sums + 4 * place)],
  ];
  const sixteen = [
    [0, 4, 8, 12].map(four),
    [get(SUM), i32.const(64), i32.add, set(SUM)],
    [get(PLACE), i32.const(16), i32.add, tee(PLACE)],
  ];
  return [
    // A group is four times its number, and has ROWS sums of four bytes.
    [i32.const(0), set(PLACE), get(GROUP), i32.load(), i32.const(Math.log2(ROWS)), i32.shl, set(SUM)],
    repeat(sixteen, [i32.const(ROWS), i32.notEqual]),
  ];
}

/** Adds the leaves' vectors to the sums: four rows a turn, four outputs an addition. */
function vectorAddition(leafNumbers: number, sums: number, registers: number): Code {
  const row = (place: number) => [
    [leafOf(leafNumbers, place), i32.load(), set(LEVEL)],
    range(registers).map((i) => {
      const sum = sums + 16 * (registers * place + i);
      return [get(SUM), get(SUM), v128.load(sum), get(LEVEL), v128.load(16 * i), v128.addFloats, v128.store(sum)];
    }),
  ];
  const four = [
    range(4).map(row),
    [get(SUM), i32.const(64 * registers), i32.add, set(SUM)],
    [get(PLACE), i32.const(4), i32.add, tee(PLACE)],
  ];
  return [[i32.const(0), set(PLACE), i32.const(0), set(SUM)], repeat(four, [i32.const(ROWS), i32.notEqual])];
}
