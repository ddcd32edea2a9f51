/**
 * deep-kernel.ts in WebAssembly: read that file first. Ranks stand column by column here, so that eight neighbouring rows
 * read neighbouring ranks at a node that all of them visit, and 256 rows go down a tree before the next tree's nodes push
 * it out of the cache. Most of what makes it faster is that no load has its bounds checked, and that eight walks fit
 * into the registers.
 */
import { CODE, codeOf, deepTables, IS_CODE, LEAF, type DeepTables } from './deep-tables.ts';
import type { Kernel, KernelShape } from './kernel.ts';
import { fillValues } from './predicates.ts';
import { addFunction } from './wasm-add.ts';
import {
  get,
  i32,
  link,
  newMemory,
  range,
  repeat,
  set,
  tee,
  v128,
  type Code,
  type Func,
  type Memory,
  type WasmFunction,
} from './wasm-assembler.ts';
import { search, SEARCHED } from './wasm-search.ts';

const LANES = 8;
const BLOCK = 256;
/** From one column's ranks to the next one's. */
const COLUMN_BYTES = 4 * BLOCK;
/** Fewer rows go one by one down eight trees at once. */
const FEW = 3;
/** Vectors of more weights than this would make long functions. */
const LONGEST_VECTOR = 64;
/** What BLOCK rows may take while they are under way. */
const MOST_BLOCK_BYTES = 2 ** 26;

/** Where things are in memory, and what the functions must know of the forest. */
interface Module {
  readonly memory: Memory;
  readonly tables: DeepTables;
  readonly outputCount: number;
  /** Registers of four float32s that a leaf's vector fills; 0 where a leaf is one number. */
  readonly vectorRegisters: number;
  /** A node: k and column of 16 bits each, its child's address; with categories, also its set's, and four bytes of nothing. */
  readonly nodeShift: 3 | 4;
  readonly addresses: Addresses;
}

type Addresses = ReturnType<typeof layOut>['addresses'];

/** Undefined where there is no WebAssembly with SIMD, too many features or outputs, or too long sets of categories. */
export function deepWasmKernel(shape: KernelShape): Kernel | undefined {
  const { featureCount, outputCount } = shape;
  const module = build(shape);
  if (module === undefined) return undefined;
  const functions = link(
    [
      rankFunction(module),
      rowsFunction(module),
      treesFunction(module),
      addFunction({ ...module, ...module.addresses }),
    ],
    module.memory,
  );
  if (functions === undefined) return undefined;
  const block = new Block(functions, module, shape);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      if (firstTree >= lastTree) return;
      const step = rowCount <= FEW ? 1 : BLOCK;
      for (let first = 0; first < rowCount; first += step) {
        const count = Math.min(step, rowCount - first);
        block.read(rows, first * featureCount, count);
        block.takeMargins(margins, first * outputCount, count);
        if (count === 1) block.addTrees(firstTree, lastTree);
        else block.addRows(firstTree, lastTree, count);
        block.giveMargins(margins, first * outputCount, count);
      }
    },
  };
}

function build(shape: KernelShape): Module | undefined {
  const { trees, outputCount } = shape;
  if (trees.vectors !== undefined && outputCount > LONGEST_VECTOR) return undefined;
  const tables = deepTables(trees);
  if (tables === undefined) return undefined;
  if ((2 * tables.columnCount + outputCount) * COLUMN_BYTES > MOST_BLOCK_BYTES) return undefined;
  const vectorRegisters = trees.vectors === undefined ? 0 : Math.ceil(outputCount / 4);
  const nodeShift = tables.setStarts.length > 0 ? 4 : 3;
  const { addresses, end } = layOut(tables, shape, vectorRegisters, nodeShift);
  const memory = newMemory(end);
  if (memory === undefined) return undefined;
  const module = { memory, tables, outputCount, vectorRegisters, nodeShift, addresses } as const;
  copyTables(module, shape);
  return module;
}

function layOut(tables: DeepTables, { trees, outputCount }: KernelShape, vectorRegisters: number, nodeShift: number) {
  let end = 16;
  const place = (bytes: number) => {
    const start = end;
    end = (end + bytes + 15) & -16;
    return start;
  };
  const { columns, columnCount, words, sets, starts } = tables;
  const addresses = {
    /** For each column BLOCK values, and behind all of them BLOCK ranks or codes for each. */
    values: place(columns.count * COLUMN_BYTES),
    ranks: place(columnCount * COLUMN_BYTES),
    thresholds: place(columns.thresholds.byteLength),
    /** For each column where its thresholds begin, and how many there are. */
    columnStarts: place(columns.count * 4),
    columnSizes: place(columns.count * 4),
    /** The margins of BLOCK rows. */
    sums: place(BLOCK * 4 * Math.max(outputCount, 4 * vectorRegisters)),
    /** For each tree its root's place, that of its output's sums, and the leaf where one row ends. LANES trees too many. */
    roots: place((starts.length + LANES) * 4),
    groups: place((starts.length + LANES) * 4),
    found: place((starts.length + LANES) * 4),
    nodes: place(words.length << nodeShift),
    leaves: place(words.length * 4),
    sets: place(sets.length * 4),
    /** The last vector may be read beyond its end. */
    vectors: place(trees.vectors === undefined ? 0 : trees.vectors.weights.length * 4 + 16),
  };
  return { addresses, end };
}

function copyTables({ memory: { buffer }, tables, addresses, nodeShift }: Module, { trees }: KernelShape): void {
  const { columns, words, children, setStarts, sets, leaves, starts } = tables;
  new Float32Array(buffer, addresses.thresholds, columns.thresholds.length).set(columns.thresholds);
  const columnStarts = new Int32Array(buffer, addresses.columnStarts, columns.count);
  for (let i = 0; i < columns.count; i++) columnStarts[i] = addresses.thresholds + 4 * (columns.starts[i] as number);
  new Int32Array(buffer, addresses.columnSizes, columns.count).set(columns.sizes);
  const roots = new Int32Array(buffer, addresses.roots, starts.length - 1);
  const groups = new Int32Array(buffer, addresses.groups, starts.length - 1);
  for (let tree = 0; tree < roots.length; tree++) {
    roots[tree] = (starts[tree] as number) << nodeShift;
    groups[tree] = COLUMN_BYTES * (trees.groups[tree] as number);
  }
  const nodes = new Int32Array(buffer, addresses.nodes, (words.length << nodeShift) >> 2);
  for (let i = 0, to = 0; i < words.length; i++) {
    nodes[to++] = words[i] as number;
    nodes[to++] = (children[i] as number) << nodeShift;
    if (nodeShift === 4) {
      nodes[to] = addresses.sets + 4 * (setStarts[i] as number);
      to += 2;
    }
  }
  new Int32Array(buffer, addresses.sets, sets.length).set(sets);
  if (trees.vectors === undefined) {
    new Float32Array(buffer, addresses.leaves, leaves.length).set(leaves);
    return;
  }
  const vectors = new Int32Array(buffer, addresses.leaves, leaves.length);
  for (let i = 0; i < leaves.length; i++) vectors[i] = addresses.vectors + 4 * (leaves[i] as number);
  new Float32Array(buffer, addresses.vectors, trees.vectors.weights.length).set(trees.vectors.weights);
}

/** The rows under way, in the functions' memory. */
class Block {
  readonly #rank: WasmFunction;
  readonly #rows: WasmFunction;
  readonly #trees: WasmFunction;
  readonly #add: WasmFunction;
  readonly #tables: DeepTables;
  readonly #featureCount: number;
  readonly #outputCount: number;
  readonly #values: Float32Array;
  readonly #ranks: Int32Array;
  readonly #sums: Float32Array;
  /** From a row's sum to that of its next output, and of the next row. */
  readonly #outputStep: number;
  readonly #rowStep: number;

  constructor(functions: Readonly<Record<string, WasmFunction>>, module: Module, shape: KernelShape) {
    const { memory, tables, addresses, vectorRegisters } = module;
    const { featureCount, outputCount } = shape;
    this.#rank = functions['rank'] as WasmFunction;
    this.#rows = functions['rows'] as WasmFunction;
    this.#trees = functions['trees'] as WasmFunction;
    this.#add = functions['add'] as WasmFunction;
    this.#tables = tables;
    this.#featureCount = featureCount;
    this.#outputCount = outputCount;
    this.#values = new Float32Array(memory.buffer, addresses.values, tables.columns.count * BLOCK);
    this.#ranks = new Int32Array(memory.buffer, addresses.ranks, tables.columnCount * BLOCK);
    this.#sums = new Float32Array(memory.buffer, addresses.sums, BLOCK * Math.max(outputCount, 4 * vectorRegisters));
    this.#outputStep = vectorRegisters > 0 ? 1 : BLOCK;
    this.#rowStep = vectorRegisters > 0 ? 4 * vectorRegisters : 1;
  }

  read(rows: Float32Array, offset: number, count: number): void {
    const { columns, categorical } = this.#tables;
    const featureCount = this.#featureCount;
    fillValues(this.#values, BLOCK, columns, rows, offset, featureCount, count);
    this.#rank(count);
    const { features, limits, first } = categorical;
    for (let i = 0; i < features.length; i++) {
      const limit = limits[i] as number;
      let from = offset + (features[i] as number);
      const to = (first + i) * BLOCK;
      for (let row = 0; row < count; row++, from += featureCount) {
        this.#ranks[to + row] = IS_CODE + codeOf(rows[from] as number, limit);
      }
    }
  }

  takeMargins(margins: Float32Array, offset: number, count: number): void {
    for (let row = 0, i = offset; row < count; row++) {
      let place = row * this.#rowStep;
      for (let k = 0; k < this.#outputCount; k++, place += this.#outputStep) this.#sums[place] = margins[i++] as number;
    }
  }

  giveMargins(margins: Float32Array, offset: number, count: number): void {
    for (let row = 0, i = offset; row < count; row++) {
      let place = row * this.#rowStep;
      for (let k = 0; k < this.#outputCount; k++, place += this.#outputStep) margins[i++] = this.#sums[place] as number;
    }
  }

  /** Many rows down one tree after the other. */
  addRows(firstTree: number, lastTree: number, count: number): void {
    this.#rows(4 * firstTree, 4 * lastTree, 4 * count);
  }

  /** One row. */
  addTrees(firstTree: number, lastTree: number): void {
    this.#trees(4 * firstTree, 4 * lastTree);
    this.#add(4 * firstTree, 4 * lastTree);
  }
}

/** rank(rowCount): the ranks of all columns. */
function rankFunction({ addresses, tables: { columns } }: Module): Func {
  const { ranks, values, columnStarts, columnSizes } = addresses;
  const [rowCount, column, row, value, start, size, count, half, places, numbers] = [
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
  ] as const;
  const rows = [
    search({ row: value, start, size, places, values: numbers, count, half }),
    range(SEARCHED).map((lane) => [
      [
        get(value),
        get(places + lane),
        get(start),
        i32.sub,
        i32.const(2),
        i32.shr,
        i32.store(4 * lane + ranks - values),
      ],
    ]),
    [get(value), i32.const(4 * SEARCHED), i32.add, set(value)],
    [get(row), i32.const(SEARCHED), i32.add, tee(row)],
  ];
  const turn = [
    [get(column), i32.load(columnStarts), set(start), get(column), i32.load(columnSizes), set(size)],
    [get(column), i32.const(Math.log2(BLOCK)), i32.shl, i32.const(values), i32.add, set(value)],
    [i32.const(0), set(row), repeat(rows, [get(rowCount), i32.less])],
    [get(column), i32.const(4), i32.add, tee(column)],
  ];
  const code = columns.count === 0 ? [] : repeat(turn, [i32.const(4 * columns.count), i32.notEqual]);
  return { name: 'rank', parameters: 1, i32Locals: 7 + SEARCHED, f32Locals: SEARCHED, code };
}

/** Moves LANES walks, each an address, to their leaves. Lane l reads the ranks at `row` + l * rowStep. */
function walks({ addresses, nodeShift }: Module, lanes: number, row: number, rowStep: number, scratch: number): Code {
  const { nodes, ranks } = addresses;
  const [all, rank, k] = [scratch, scratch + 1, scratch + 2];
  const step = (lane: number) => {
    const node = get(lanes + lane);
    // One node's bytes where the row goes right: from the sign of k - rank, or from its bit in the set.
    const beyond = [get(k), get(rank), i32.sub, i32.const(31 - nodeShift), i32.shr];
    const inSet = [
      [node, i32.load(nodes + 8), get(rank), i32.const(CODE), i32.and, tee(rank), i32.const(3), i32.shr, i32.add],
      [i32.load8(), get(rank), i32.const(7), i32.and, i32.shr, i32.const(nodeShift), i32.shl, i32.or],
    ];
    return [
      [node, i32.load16(nodes + 2), i32.const(Math.log2(COLUMN_BYTES)), i32.shl, get(row), i32.add],
      [i32.load(ranks + lane * rowStep), set(rank)],
      [node, i32.load16(nodes), tee(k), get(all), i32.and, set(all)],
      [node, i32.load(nodes + 4), beyond, nodeShift === 4 ? inSet : [], i32.const(1 << nodeShift), i32.and],
      [i32.add, set(lanes + lane)],
    ];
  };
  return repeat([i32.const(LEAF), set(all), range(LANES).map(step), get(all)], [i32.const(LEAF), i32.notEqual]);
}

/** rows(tree, end, rowEnd): the block's rows down the trees `tree` … `end` - 1. All three are times four. */
function rowsFunction(module: Module): Func {
  const { addresses, nodeShift, vectorRegisters } = module;
  const { roots, groups, sums, leaves } = addresses;
  const [tree, end, rowEnd, row, sum, lanes, scratch, four] = [0, 1, 2, 3, 4, 5, 5 + LANES, 8 + LANES] as const;
  const leafOf = (lane: number) => [get(lanes + lane), i32.const(nodeShift - 2), i32.shr];
  const addition = [0, 4].map((lane) => [
    [leafOf(lane), v128.load32Zero(leaves), set(four)],
    range(3).map((i) => [leafOf(lane + i + 1), get(four), v128.load32Lane(leaves, i + 1), set(four)]),
    [get(sum), get(sum), v128.load(sums + 4 * lane), get(four), v128.addFloats, v128.store(sums + 4 * lane)],
  ]);
  const vectorAddition = range(LANES).map((lane) => [
    [leafOf(lane), i32.load(leaves), set(scratch)],
    range(vectorRegisters).map((i) => {
      const at = sums + 16 * (vectorRegisters * lane + i);
      return [get(sum), get(sum), v128.load(at), get(scratch), v128.load(16 * i), v128.addFloats, v128.store(at)];
    }),
  ]);
  const sumBytes = vectorRegisters > 0 ? 16 * vectorRegisters : 4;
  const rows = [
    [get(tree), i32.load(roots), tee(lanes), range(LANES - 1).map((i) => tee(lanes + 1 + i)), set(lanes)],
    walks(module, lanes, row, 4, scratch),
    vectorRegisters > 0 ? vectorAddition : addition,
    [get(sum), i32.const(LANES * sumBytes), i32.add, set(sum)],
    [get(row), i32.const(4 * LANES), i32.add, tee(row)],
  ];
  const turn = [
    [i32.const(0), set(row)],
    vectorRegisters > 0 ? i32.const(0) : [get(tree), i32.load(groups)],
    [set(sum), repeat(rows, [get(rowEnd), i32.less])],
    [get(tree), i32.const(4), i32.add, tee(tree)],
  ];
  return {
    name: 'rows',
    parameters: 3,
    i32Locals: 5 + LANES,
    v128Locals: 1,
    code: repeat(turn, [get(end), i32.notEqual]),
  };
}

/** trees(tree, end): the block's first row down the trees `tree` … `end` - 1, their leaves to `found`; times four. */
function treesFunction(module: Module): Func {
  const { addresses, nodeShift } = module;
  const { roots, found, leaves } = addresses;
  const [tree, end, row, lanes, scratch] = [0, 1, 2, 3, 3 + LANES] as const;
  const turn = [
    range(LANES).map((lane) => [get(tree), i32.load(roots + 4 * lane), set(lanes + lane)]),
    walks(module, lanes, row, 0, scratch),
    range(LANES).map((lane) => [
      [get(tree), get(lanes + lane), i32.const(nodeShift - 2), i32.shr, i32.load(leaves), i32.store(found + 4 * lane)],
    ]),
    [get(tree), i32.const(4 * LANES), i32.add, tee(tree)],
  ];
  return { name: 'trees', parameters: 2, i32Locals: 4 + LANES, code: repeat(turn, [get(end), i32.less]) };
}
