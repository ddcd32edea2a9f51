/** The last step of the kernels in WebAssembly that walk one row down many trees: adding the leaves that were found. */
import { f32, get, i32, range, repeat, set, tee, v128, type Func } from './wasm-assembler.ts';

/** Where things are in memory. */
interface Addition {
  /** The row's margins. */
  readonly sums: number;
  /** For each tree its leaf's weight, or the address of its vector. */
  readonly found: number;
  /** For each tree where its output's margin is, behind `sums`. */
  readonly groups: number;
  readonly outputCount: number;
  /** Registers of four float32s that a leaf's vector fills; 0 where a leaf is one number. */
  readonly vectorRegisters: number;
}

/** add(tree, end): the leaves that were found, of the trees `tree` … `end` - 1; both are four times a tree's number. */
export function addFunction({ sums, found, groups, outputCount, vectorRegisters }: Addition): Func {
  const [tree, end, place, first] = [0, 1, 2, 3];
  const next = [get(tree), i32.const(4), i32.add, tee(tree)];
  const again = [get(end), i32.notEqual];
  const frame = { name: 'add', parameters: 2, i32Locals: 1 };
  if (vectorRegisters > 0) {
    const registers = range(vectorRegisters);
    const code = [
      registers.map((i) => [i32.const(sums), v128.load(16 * i), set(first + i)]),
      repeat(
        [
          [get(tree), i32.load(found), set(place)],
          registers.map((i) => [get(first + i), get(place), v128.load(16 * i), v128.addFloats, set(first + i)]),
          next,
        ],
        again,
      ),
      registers.map((i) => [i32.const(sums), get(first + i), v128.store(16 * i)]),
    ];
    return { ...frame, v128Locals: vectorRegisters, code };
  }
  if (outputCount === 1) {
    // The sum stays in a register.
    const turn = [get(first), get(tree), f32.load(found), f32.add, set(first), next];
    const [load, store] = [
      [i32.const(sums), f32.load(), set(first)],
      [i32.const(sums), get(first), f32.store()],
    ];
    return { ...frame, f32Locals: 1, code: [load, repeat(turn, again), store] };
  }
  const turn = [
    [get(tree), i32.load(groups), tee(place)],
    [get(place), f32.load(sums), get(tree), f32.load(found), f32.add, f32.store(sums)],
    next,
  ];
  return { ...frame, code: repeat(turn, again) };
}
