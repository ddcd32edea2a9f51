/**
 * Reads XGBoost's UBJSON: the same document as the JSON, in binary, big-endian. Objects are `{` … `}`, keys are a length
 * and bytes; an array is `[`, then maybe `$` and a type, then maybe `#` and a count; one with a count has no `]`.
 * Numbers of a typed array stand one after the other, so that most of a model is copied, not parsed.
 */
import type { Float32Column, Int32Column, Uint8Column } from './column.ts';
import { DEEPEST_NESTING, MOST_VALUES, VALUES_OF_MEMBER, type DocumentReader } from './document-reader.ts';
import type { MemberNames } from './member-names.ts';
import { ModelError } from './model-error.ts';
import { textOf } from './text.ts';

const OPEN_LIST = 0x5b; // [
const CLOSE_LIST = 0x5d; // ]
const OPEN_OBJECT = 0x7b; // {
const CLOSE_OBJECT = 0x7d; // }
const COUNT = 0x23; // #
const TYPE = 0x24; // $
const STRING = 0x53; // S
const CHARACTER = 0x43; // C
const NO_OP = 0x4e; // N
const ZERO = 0x30; // 0
const NULL = 0x5a; // Z
const TRUE = 0x54; // T
const FALSE = 0x46; // F

const INT8 = 0x69; // i
const UINT8 = 0x55; // U
const INT16 = 0x49; // I
const INT32 = 0x6c; // l
const INT64 = 0x4c; // L
const FLOAT32 = 0x64; // d
const FLOAT64 = 0x44; // D

/** L and the upper half of a length. */
const UPPER_LENGTH = 5;
/** [$?#, with the type for the ?, and all that a list of numbers begins with: these four, L and a count. */
const TYPED = 0x5b240023;
const TYPED_START = 13;
/** All that a text begins with: S, L and a length. */
const TEXT_START = 10;

const SIZES: ReadonlyMap<number, number> = new Map([
  [INT8, 1],
  [UINT8, 1],
  [INT16, 2],
  [INT32, 4],
  [INT64, 8],
  [FLOAT32, 4],
  [FLOAT64, 8],
]);

export class UbjsonReader implements DocumentReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #depth = 0;
  /** The last name that nextKey() met, with its length. */
  #keyStart = 0;
  /** Values that the last call of value() has made. */
  #values = 0;
  /** Of the list that was entered last: the type where all items share one, the count where it is told. */
  #type: number | undefined;
  #count: number | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  enterObject(names: MemberNames): void {
    names.last = names.start;
    this.#enter(OPEN_OBJECT);
  }

  /** As XGBoost writes it, a member is the length of its name, L and eight bytes of which four are 0, and the name. */
  member(names: MemberNames): number {
    const bytes = this.#bytes;
    const view = this.#view;
    for (;;) {
      const at = this.#at;
      const start = at + UPPER_LENGTH;
      const name = names.last.follower;
      if (name !== undefined && bytes[at] === INT64 && start + name.size <= bytes.length) {
        const { size, words, number } = name;
        let i = 0;
        while (i < words.length && view.getInt32(start + 4 * i) === words[i]) i++;
        if (i === words.length && view.getInt32(start + size - 4) === name.lastWord && view.getInt32(at + 1) === 0) {
          this.#at = start + size;
          names.last = name;
          if (number >= 0) return number;
          this.skip();
          continue;
        }
      }
      const key = this.#nextKey();
      if (key === undefined) return -1;
      // A length of another type is read, but not looked for.
      const spelling = bytes[this.#keyStart] === INT64 ? this.#keyStart + UPPER_LENGTH : this.#at;
      const number = names.meet(key, view, spelling, this.#at);
      if (number >= 0) return number;
      this.skip();
    }
  }

  object(onMember: (key: string) => void): void {
    this.#enter(OPEN_OBJECT);
    for (let key = this.#nextKey(); key !== undefined; key = this.#nextKey()) onMember(key);
  }

  array(onItem: () => void): void {
    this.#enterList();
    if (this.#type !== undefined) return this.#fail('numbers where a list of other things belongs');
    this.#items(onItem);
  }

  int32s(column: Int32Column): void {
    const count = this.#typedCount(INT32, 4);
    if (count < 0) return this.#eachNumber((value) => column.push(this.#int32(value)));
    copyWords(this.#view, this.#at, column.reserve(count), column.length, count);
    column.length += count;
    this.#at += 4 * count;
  }

  float32s(column: Float32Column): void {
    const count = this.#typedCount(FLOAT32, 4);
    if (count < 0) return this.#eachNumber((value) => column.push(this.#float32(value)));
    column.reserve(count);
    copyWords(this.#view, this.#at, column.words, column.length, count);
    column.length += count;
    this.#at += 4 * count;
  }

  flags(column: Uint8Column): void {
    const count = this.#typedCount(UINT8, 1);
    if (count < 0) return this.#eachNumber((value) => column.push(this.#flag(value)));
    const bytes = this.#bytes;
    const values = column.reserve(count);
    let place = column.length;
    let at = this.#at;
    for (const end = at + count; at < end; at++) {
      const flag = bytes[at] as number;
      if (flag > 1) this.#fail('a flag that is neither 0 nor 1');
      values[place++] = flag;
    }
    column.length = place;
    this.#at = at;
  }

  wholeNumber(isText: boolean): number | undefined {
    const bytes = this.#bytes;
    const at = this.#at;
    const marker = bytes[at];
    if (!isText) {
      if (marker !== INT8 && marker !== INT16 && marker !== INT32) return undefined;
      this.#at++;
      return this.#number(marker);
    }
    const start = at + TEXT_START;
    if (marker !== STRING || start > bytes.length || bytes[at + 1] !== INT64) return undefined;
    const size = this.#view.getInt32(start - 4);
    const end = start + size;
    if (this.#view.getInt32(start - 8) !== 0 || size < 1 || size > 9 || end > bytes.length) return undefined;
    let value = 0;
    for (let i = start; i < end; i++) {
      const digit = (bytes[i] as number) - ZERO;
      if (digit < 0 || digit > 9) return undefined;
      value = value * 10 + digit;
    }
    this.#at = end;
    return value;
  }

  value(): unknown {
    this.#values = 0;
    return this.#value();
  }

  #value(): unknown {
    if (++this.#values > MOST_VALUES) this.#fail('more than a model has');
    const marker = this.#peek();
    switch (marker) {
      case OPEN_OBJECT: {
        const members: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
        this.object((key) => {
          if (key in members) throw new ModelError(`it has ${key} twice in one place`);
          this.#values += VALUES_OF_MEMBER;
          members[key] = this.#value();
        });
        return members;
      }
      case OPEN_LIST:
        return this.#list();
      case STRING:
        this.#at++;
        return this.#text();
      case CHARACTER:
        this.#at++;
        return String.fromCharCode(this.#number(UINT8));
      case NULL:
      case TRUE:
      case FALSE:
        this.#at++;
        return marker === NULL ? null : marker === TRUE;
      default:
        this.#at++;
        if (!SIZES.has(marker)) this.#fail('an unknown type');
        return this.#number(marker);
    }
  }

  skip(): void {
    const marker = this.#peek();
    if (marker === OPEN_OBJECT) return this.object(() => this.skip());
    if (marker === STRING) {
      this.#at++;
      this.#advance(this.#length());
      return;
    }
    if (marker !== OPEN_LIST) return void this.value();
    let words = this.#typedCount(FLOAT32, 4);
    if (words < 0) words = this.#typedCount(INT32, 4);
    if (words >= 0) {
      this.#at += 4 * words;
      return;
    }
    this.#enterList();
    const type = this.#type;
    if (type === undefined) return this.#items(() => this.skip());
    this.#advance((this.#count as number) * (SIZES.get(type) as number));
    this.#depth--;
  }

  mark(): number {
    return this.#at;
  }

  seek(mark: number): void {
    this.#at = mark;
  }

  /** True when nothing is left. */
  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    this.#enterList();
    if (this.#type === undefined) {
      this.#items(() => items.push(this.#value()));
      return items;
    }
    this.#values += this.#count as number;
    if (this.#values > MOST_VALUES) this.#fail('more than a model has');
    this.#numbers((value) => items.push(value));
    return items;
  }

  /** Reads `[` and what follows it, and goes one level down. A count never exceeds what the file can still hold. */
  #enterList(): void {
    this.#enter(OPEN_LIST);
    let type: number | undefined;
    if (this.#bytes[this.#at] === TYPE) {
      type = this.#bytes[this.#at + 1];
      this.#at += 2;
      if (type === undefined || !SIZES.has(type)) this.#fail('a list of an unknown type');
    }
    this.#type = type;
    this.#count = undefined;
    if (this.#bytes[this.#at] !== COUNT) {
      if (type !== undefined) this.#fail('a typed list without a count');
      return;
    }
    this.#at++;
    this.#count = this.#length();
    const left = this.#bytes.length - this.#at;
    if (this.#count * (type === undefined ? 1 : (SIZES.get(type) as number)) > left) this.#cutOff();
  }

  /**
   * Steps into a list of numbers of this type, if one is there that is written as XGBoost writes it; how many there
   * are. Else -1, and nothing was taken.
   */
  #typedCount(type: number, size: number): number {
    const view = this.#view;
    const at = this.#at;
    const left = this.#bytes.length - at - TYPED_START;
    if (left >= 0 && this.#bytes[at + 4] === INT64 && view.getInt32(at + 5) === 0) {
      const list = view.getInt32(at);
      const count = view.getInt32(at + 9);
      // Some lists of categories have other integers, but most have none.
      const isTyped = list === (TYPED | (type << 8)) || (count === 0 && list === (TYPED | (INT64 << 8)));
      if (isTyped && count >= 0 && count * size <= left) {
        this.#at = at + TYPED_START;
        return count;
      }
    }
    return -1;
  }

  /** Takes the items of the list that was entered, and goes one level up. */
  #items(onItem: () => void): void {
    // An item may be a list with a count of its own.
    const count = this.#count;
    if (count === undefined) {
      while (this.#peek() !== CLOSE_LIST) onItem();
      this.#at++;
    } else {
      for (let i = 0; i < count; i++) onItem();
    }
    this.#depth--;
  }

  /** Takes the items of a list one by one, with whatever type. */
  #eachNumber(take: (value: unknown) => void): void {
    this.#enterList();
    this.#numbers(take);
  }

  /** The same of the list that was entered. */
  #numbers(take: (value: unknown) => void): void {
    const type = this.#type;
    if (type === undefined) return this.#items(() => take(this.value()));
    for (let left = this.#count as number; left > 0; left--) take(this.#number(type));
    this.#depth--;
  }

  #int32(value: unknown): number {
    if (!Number.isInteger(value) || Math.abs(value as number) > 0x7fffffff) {
      this.#fail('something else where a 32-bit integer belongs');
    }
    return value as number;
  }

  #float32(value: unknown): number {
    if (typeof value !== 'number') this.#fail('something else where a number belongs');
    return value;
  }

  #flag(value: unknown): number {
    if (value === true || value === 1) return 1;
    if (value === false || value === 0) return 0;
    return this.#fail('a flag that is neither 0 nor 1');
  }

  /** The length of a string or the count of a list; XGBoost writes both as L. */
  #length(): number {
    const type = this.#peek();
    this.#at++;
    if (type === INT64 && this.#at + 8 <= this.#bytes.length) {
      // The usual one, without a bigint: what needs the upper half is beyond every file.
      const upper = this.#view.getInt32(this.#at);
      this.#at += 8;
      if (upper < 0) this.#fail('a negative length');
      const lower = this.#view.getUint32(this.#at - 4);
      // By a multiplication it would be a double, and so every place in the file from here on.
      return upper === 0 ? lower : upper * 2 ** 32 + lower;
    }
    if (!SIZES.has(type) || type === FLOAT32 || type === FLOAT64) this.#fail('no length where one belongs');
    const length = this.#number(type);
    if (length < 0) this.#fail('a negative length');
    return length;
  }

  #text(): string {
    const length = this.#length();
    const start = this.#at;
    this.#advance(length);
    return textOf(this.#bytes, start, this.#at);
  }

  /** Steps over the name of a member; undefined behind the end of the object. */
  #nextKey(): string | undefined {
    if (this.#peek() !== CLOSE_OBJECT) {
      this.#keyStart = this.#at;
      return this.#text();
    }
    this.#at++;
    this.#depth--;
    return undefined;
  }

  #number(type: number): number {
    const at = this.#at;
    this.#advance(SIZES.get(type) as number);
    const view = this.#view;
    switch (type) {
      case INT8:
        return view.getInt8(at);
      case UINT8:
        return view.getUint8(at);
      case INT16:
        return view.getInt16(at);
      case INT32:
        return view.getInt32(at);
      case FLOAT32:
        return view.getFloat32(at);
      case FLOAT64:
        return view.getFloat64(at);
      default:
        return Number(view.getBigInt64(at));
    }
  }

  #advance(count: number): void {
    if (count > this.#bytes.length - this.#at) this.#cutOff();
    this.#at += count;
  }

  #peek(): number {
    while (this.#bytes[this.#at] === NO_OP) this.#at++;
    const byte = this.#bytes[this.#at];
    if (byte === undefined) this.#cutOff();
    return byte;
  }

  #enter(bracket: number): void {
    if (this.#peek() !== bracket) {
      this.#fail(
        bracket === OPEN_LIST ? 'something else where a list belongs' : 'something else where an object belongs',
      );
    }
    if (++this.#depth > DEEPEST_NESTING) this.#fail(`more than ${DEEPEST_NESTING} levels`);
    this.#at++;
  }

  #cutOff(): never {
    throw new ModelError('it is cut off or is no UBJSON');
  }

  #fail(found: string): never {
    throw new ModelError(`it has ${found}, at byte ${this.#at}`);
  }
}

/** By their bits: as numbers, an interpreter would make an object of each. */
function copyWords(view: DataView, start: number, values: Int32Array, length: number, count: number): void {
  for (let i = 0; i < count; i++) values[length + i] = view.getInt32(start + 4 * i);
}
