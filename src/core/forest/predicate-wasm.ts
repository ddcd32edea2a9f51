/**
 * predicate-kernel.ts in WebAssembly, for one or a few rows: read that file first. Three functions for each row:
 *
 * 1. `answer` compares the row with every threshold of the forest, four in an instruction, instead of searching: that
 *    is quicker, for a search waits for each of its loads.
 * 2. `walkN` walks the trees of depth N, eight at once, and notes their leaves.
 * 3. `add` adds the leaves to the margins, each sum rounded to float32, in the file's order.
 *
 * A bounds check costs nothing here, which is most of what makes it faster than the same in TypeScript.
 */
import type { Kernel, KernelShape } from './kernel.ts';
import { paddedMemory, type PaddedMemory } from './padded-memory.ts';
import { BUNDLE, DEEPEST } from './padded-trees.ts';
import { fillValues } from './predicates.ts';
import { addFunction } from './wasm-add.ts';
import { f32, get, i32, link, range, repeat, set, tee, v128, type Func, type WasmFunction } from './wasm-assembler.ts';

/** Undefined where padded-trees.ts is, and where there is no WebAssembly with SIMD. */
export function predicateWasmKernel(shape: KernelShape): Kernel | undefined {
  const tables = paddedMemory(shape);
  if (tables === undefined) return undefined;
  const { addresses, vectorRegisters } = tables;
  const { featureCount, outputCount } = shape;
  const depths = [...new Set(tables.padded.depths)];
  const functions = link(
    [
      answerFunction(tables),
      ...depths.map((depth) => walkFunction(depth, tables)),
      addFunction({ ...addresses, outputCount, vectorRegisters }),
    ],
    tables.memory,
  );
  if (functions === undefined) return undefined;
  const row = new Row(functions, tables, shape);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let i = 0; i < rowCount; i++) {
        row.answer(rows, i * featureCount);
        row.walk(firstTree, lastTree);
        row.add(margins, i * outputCount, firstTree, lastTree);
      }
    },
  };
}

/** The row under way, in the functions' memory. */
class Row {
  readonly #answer: WasmFunction;
  readonly #walkOfDepth: readonly WasmFunction[];
  readonly #add: WasmFunction;
  readonly #tables: PaddedMemory;
  readonly #values: Float32Array;
  readonly #sums: Float32Array;
  readonly #outputCount: number;

  constructor(functions: Readonly<Record<string, WasmFunction>>, tables: PaddedMemory, { outputCount }: KernelShape) {
    const { memory, addresses, padded } = tables;
    this.#answer = functions['answer'] as WasmFunction;
    this.#walkOfDepth = range(DEEPEST + 1).map((depth) => functions[`walk${depth}`] as WasmFunction);
    this.#add = functions['add'] as WasmFunction;
    this.#tables = tables;
    this.#values = new Float32Array(memory.buffer, addresses.values, padded.columns.count);
    this.#sums = new Float32Array(memory.buffer, addresses.sums, outputCount);
    this.#outputCount = outputCount;
  }

  answer(rows: Float32Array, offset: number): void {
    fillValues(this.#values, 1, this.#tables.padded.columns, rows, offset, 0, 1);
    this.#answer();
  }

  /** One call for each run of bundles of the same depth. */
  walk(firstTree: number, lastTree: number): void {
    const { padded, addresses } = this.#tables;
    const { depths, numbers } = padded;
    const end = (lastTree + BUNDLE - 1) >> 3;
    for (let bundle = firstTree >> 3, next = bundle; bundle < end; bundle = next) {
      const depth = depths[bundle] as number;
      while (next < end && depths[next] === depth) next++;
      const number = numbers[bundle] as number;
      const found = addresses.found + bundle * BUNDLE * 4;
      (this.#walkOfDepth[depth] as WasmFunction)(number, number + (next - bundle) * BUNDLE, found);
    }
  }

  add(margins: Float32Array, output: number, firstTree: number, lastTree: number): void {
    const sums = this.#sums;
    for (let k = 0; k < this.#outputCount; k++) sums[k] = margins[output + k] as number;
    if (firstTree < lastTree) this.#add(4 * firstTree, 4 * lastTree);
    for (let k = 0; k < this.#outputCount; k++) margins[output + k] = sums[k] as number;
  }
}

/** answer(): an answer is 0, or 2 where the row goes right. Sixteen thresholds a turn. */
function answerFunction({ addresses, padded }: PaddedMemory): Func {
  const { answers, thresholds, columnEnds, values } = addresses;
  // Locals: an answer's place, four times a column's number, where its answers end, its value four times.
  const [place, column, end, value] = [0, 1, 2, 3];
  const four = (i: number) => [
    [get(value), get(place), i32.const(answers), i32.sub, i32.const(2), i32.shl],
    [v128.load(thresholds + 16 * i), v128.floatsGreaterOrEqual],
  ];
  const sixteen = [
    [get(place), four(0), four(1), v128.narrow32, four(2), four(3), v128.narrow32, v128.narrow16],
    [v128.splat(2), v128.and, v128.store()],
    [get(place), i32.const(16), i32.add, set(place)],
  ];
  // A column of n thresholds ends in the block of place n, which is why <= and not <.
  const turn = [
    [get(column), i32.load(columnEnds), set(end)],
    [get(column), f32.load(values), v128.splatFloat, set(value)],
    repeat(sixteen, [get(place), get(end), i32.lessOrEqual]),
    [get(column), i32.const(4), i32.add, set(column)],
  ];
  const code = [
    [i32.const(answers), set(place)],
    padded.columns.count === 0 ? [] : repeat(turn, [get(column), i32.const(4 * padded.columns.count), i32.notEqual]),
  ];
  return { name: 'answer', parameters: 0, i32Locals: 3, v128Locals: 1, code };
}

/** walkN(number, end, found): the trees number … end - 1 of depth N, their leaves to `found` and behind it. */
function walkFunction(depth: number, { addresses, padded }: PaddedMemory): Func {
  const [number, end, found, lanes] = [0, 1, 2, 3];
  // A lane holds 2 * j: nodes have two bytes, and an answer is 0 or 2.
  const step = (level: number, lane: number) => [
    [get(lane), i32.const(1), i32.shl],
    [get(lane), i32.load16(addresses.nodes + 2 * (padded.levelStarts[DEEPEST * depth + level] as number))],
    [i32.load8(addresses.answers), i32.add, set(lane)],
  ];
  const leaves = addresses.leaves + 4 * (padded.classStarts[depth] as number);
  const bundle = [
    range(BUNDLE).map((k) => [get(number), i32.const(k), i32.add, i32.const(1), i32.shl, set(lanes + k)]),
    range(depth).map((level) => range(BUNDLE).map((k) => step(level, lanes + k))),
    range(BUNDLE).map((k) => [[get(found), get(lanes + k), i32.const(1), i32.shl, i32.load(leaves), i32.store(4 * k)]]),
    [get(found), i32.const(4 * BUNDLE), i32.add, set(found)],
    [get(number), i32.const(BUNDLE), i32.add, tee(number)],
  ];
  const code = repeat(bundle, [get(end), i32.notEqual]);
  return { name: `walk${depth}`, parameters: 3, i32Locals: BUNDLE, code };
}
