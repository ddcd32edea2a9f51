import type { Float32Column, Int32Column, Uint8Column } from './column.ts';
import type { MemberNames } from './member-names.ts';

/**
 * What JSON and UBJSON have in common: XGBoost writes the same document in both. A reader stands before a value and is
 * asked for it in one of these ways; every other way to find it throws a ModelError. Arrays of numbers go straight into
 * columns, and what nobody wants is skipped.
 *
 * A model is mostly read by a process that has just begun, in which the engine interprets all code until it has seen it
 * run for a while. So the ways that thousands of trees take (member, int32s, float32s, flags) are few, long and without
 * calls: each of them is soon worth compiling, and there are not many of them to compile.
 */
export interface DocumentReader {
  /** Steps into an object, whose members then come one by one. */
  enterObject(names: MemberNames): void;
  /**
   * The number of the next member that has one of these names; skips the others. The reader stands before its value,
   * which has to be taken. -1 at the end of the object, behind which the reader stands then.
   */
  member(names: MemberNames): number;
  /** Calls `onMember` before each member's value, which it must take. */
  object(onMember: (key: string) => void): void;
  /** Calls `onItem` before each item, which it must take. */
  array(onItem: () => void): void;
  /** Appends an array of integers. */
  int32s(column: Int32Column): void;
  /** Appends an array of numbers, each the float32 that XGBoost wrote. */
  float32s(column: Float32Column): void;
  /** Appends an array of true and false, or of 1 and 0, as 1 and 0. */
  flags(column: Uint8Column): void;
  /** A whole number of up to nine digits, bare or as a text; undefined, and still there, where it is another value. */
  wholeNumber(isText: boolean): number | undefined;
  /** Any value as JavaScript has it; for small ones. NaN and Infinity may be bare. */
  value(): unknown;
  skip(): void;
  /** Where the reader stands, for seek. */
  mark(): number;
  seek(mark: number): void;
}

/** Objects and arrays may be nested so deep; XGBoost's own stay under 10, dumps of deep trees take two levels a split. */
export const DEEPEST_NESTING = 4000;

/** What value() may hold in all: names of features are the most. A hostile list could ask for any memory. */
export const MOST_VALUES = 1 << 24;
/** For how many values a member of an object counts there: it takes as much memory, and no model has so many. */
export const VALUES_OF_MEMBER = 64;

/** The one float32 whose shortest decimal form, read as a double, rounds to its neighbour. */
const TWICE_ROUNDED_DECIMAL = 7.038531e-26;
const TWICE_ROUNDED_FLOAT = 0x15c87fa * 2 ** -108;

/** The float32 that XGBoost wrote as this decimal. */
export function float32OfDecimal(value: number): number {
  if (Math.abs(value) === TWICE_ROUNDED_DECIMAL) return Math.sign(value) * TWICE_ROUNDED_FLOAT;
  return Math.fround(value);
}
