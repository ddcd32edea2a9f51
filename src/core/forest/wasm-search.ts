/**
 * Ranks (predicates.ts) in WebAssembly: a binary search without branches on the data, of eight rows at a time, because
 * each search waits for its own loads.
 */
import { f32, get, i32, range, repeat, set, tee, type Code } from './wasm-assembler.ts';

/** Rows that are searched together. */
export const SEARCHED = 8;

/** Numbers of locals: those of `values` are float32s, the others int32s. */
export interface SearchLocals {
  /** Where the rows' values of a column begin (see fillValues). */
  readonly row: number;
  /** Where the column's thresholds begin, and how many there are. */
  readonly start: number;
  readonly size: number;
  /** The first of SEARCHED: it becomes the address of the first threshold above the row's value, or behind the last. */
  readonly places: number;
  readonly values: number;
  readonly count: number;
  readonly half: number;
}

export function search({ row, start, size, places, values, count, half }: SearchLocals): Code {
  const lanes = range(SEARCHED);
  const halve = [
    lanes.map((lane) => [
      // All ones where the threshold is <= the value: then the search goes on above it.
      [i32.const(0), get(places + lane), get(half), i32.add, f32.load(), get(values + lane), f32.lessOrEqual, i32.sub],
      [get(half), i32.and, get(places + lane), i32.add, set(places + lane)],
    ]),
  ];
  return [
    lanes.map((lane) => [get(row), f32.load(4 * lane), set(values + lane), get(start), set(places + lane)]),
    [get(size), set(count)],
    repeat(
      [
        [get(count), i32.const(1), i32.shr, i32.const(2), i32.shl, set(half)],
        halve,
        [get(count), get(count), i32.const(1), i32.shr, i32.sub, tee(count)],
      ],
      [i32.const(1), i32.greater],
    ),
    lanes.map((lane) => [
      [get(places + lane), f32.load(), get(values + lane), f32.lessOrEqual, i32.const(2), i32.shl],
      [get(places + lane), i32.add, set(places + lane)],
    ]),
  ];
}
