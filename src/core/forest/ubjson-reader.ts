/**
 * Reads XGBoost's UBJSON: the same document as the JSON, in binary, big-endian. Objects are `{` … `}`, keys are a length
 * and bytes; an array is `[`, then maybe `$` and a type, then maybe `#` and a count; one with a count has no `]`.
 * Numbers of a typed array stand one after the other, so that most of a model is copied, not parsed.
 */
import type { Float32Column, Int32Column, Uint8Column } from './column.ts';
import { DEEPEST_NESTING, type DocumentReader } from './document-reader.ts';
import { ModelError } from './model-error.ts';

const OPEN_LIST = 0x5b; // [
const CLOSE_LIST = 0x5d; // ]
const OPEN_OBJECT = 0x7b; // {
const CLOSE_OBJECT = 0x7d; // }
const COUNT = 0x23; // #
const TYPE = 0x24; // $
const STRING = 0x53; // S
const CHARACTER = 0x43; // C
const NO_OP = 0x4e; // N
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

const SIZES: ReadonlyMap<number, number> = new Map([
  [INT8, 1],
  [UINT8, 1],
  [INT16, 2],
  [INT32, 4],
  [INT64, 8],
  [FLOAT32, 4],
  [FLOAT64, 8],
]);

/** The head of an array: its type where all items share one, its count where it is told. */
interface ArrayHead {
  readonly type: number | undefined;
  readonly count: number | undefined;
}

export class UbjsonReader implements DocumentReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  object(onMember: (key: string) => void): void {
    this.#enter(OPEN_OBJECT);
    while (this.#peek() !== CLOSE_OBJECT) onMember(this.#text());
    this.#at++;
    this.#depth--;
  }

  array(onItem: () => void): void {
    const head = this.#arrayHead();
    if (head.type !== undefined) return this.#fail('numbers where a list of other things belongs');
    if (head.count === undefined) {
      while (this.#peek() !== CLOSE_LIST) onItem();
      this.#at++;
    } else {
      for (let i = 0; i < head.count; i++) onItem();
    }
    this.#depth--;
  }

  int32s(column: Int32Column): void {
    this.#numbers(column, (value) => {
      if (!Number.isInteger(value) || Math.abs(value) > 0x7fffffff) {
        this.#fail('something else where a 32-bit integer belongs');
      }
    });
  }

  float32s(column: Float32Column): void {
    this.#numbers(column, () => undefined);
  }

  flags(column: Uint8Column): void {
    const head = this.#arrayHead();
    if (head.type !== undefined) {
      const count = head.count as number;
      const values = column.reserve(count);
      for (let i = 0; i < count; i++) values[column.length++] = this.#flag(this.#number(head.type));
    } else if (head.count !== undefined) {
      for (let i = 0; i < head.count; i++) column.push(this.#flag(this.value()));
    } else {
      while (this.#peek() !== CLOSE_LIST) column.push(this.#flag(this.value()));
      this.#at++;
    }
    this.#depth--;
  }

  value(): unknown {
    const marker = this.#peek();
    switch (marker) {
      case OPEN_OBJECT: {
        const members: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
        this.object((key) => (members[key] = this.value()));
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
    const start = this.#at;
    const head = this.#arrayHead();
    this.#depth--;
    if (head.type === undefined) {
      this.#at = start;
      this.array(() => this.skip());
    } else {
      this.#advance((head.count as number) * (SIZES.get(head.type) as number));
    }
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
    const start = this.#at;
    const head = this.#arrayHead();
    const items: unknown[] = [];
    if (head.type === undefined) {
      this.#at = start;
      this.#depth--;
      this.array(() => items.push(this.value()));
      return items;
    }
    for (let i = 0; i < (head.count as number); i++) items.push(this.#number(head.type));
    this.#depth--;
    return items;
  }

  /** Reads `[` and what follows it, and goes one level down. A count never exceeds what the file can still hold. */
  #arrayHead(): ArrayHead {
    this.#enter(OPEN_LIST);
    let type: number | undefined;
    if (this.#bytes[this.#at] === TYPE) {
      type = this.#bytes[this.#at + 1];
      this.#at += 2;
      if (type === undefined || !SIZES.has(type)) this.#fail('a list of an unknown type');
    }
    if (this.#bytes[this.#at] !== COUNT) {
      if (type !== undefined) this.#fail('a typed list without a count');
      return { type, count: undefined };
    }
    this.#at++;
    const count = this.#length();
    const left = this.#bytes.length - this.#at;
    if (count * (type === undefined ? 1 : (SIZES.get(type) as number)) > left) this.#cutOff();
    return { type, count };
  }

  #numbers(
    column: { reserve(count: number): Int32Array | Float32Array; length: number },
    check: (value: number) => void,
  ): void {
    const head = this.#arrayHead();
    const { type, count } = head;
    if (type === undefined) {
      const append = (): void => {
        const value = this.value();
        if (typeof value !== 'number') return this.#fail('something else where a number belongs');
        check(value);
        column.reserve(1)[column.length++] = value;
      };
      if (count === undefined) {
        while (this.#peek() !== CLOSE_LIST) append();
        this.#at++;
      } else {
        for (let i = 0; i < count; i++) append();
      }
    } else {
      this.#copy(column, type, count as number, check);
    }
    this.#depth--;
  }

  #copy(
    column: { reserve(count: number): Int32Array | Float32Array; length: number },
    type: number,
    count: number,
    check: (value: number) => void,
  ): void {
    const values = column.reserve(count);
    const view = this.#view;
    let at = this.#at;
    let place = column.length;
    if (type === INT32 && values instanceof Int32Array) {
      for (const end = at + 4 * count; at < end; at += 4) values[place++] = view.getInt32(at);
    } else if (type === FLOAT32 && values instanceof Float32Array) {
      for (const end = at + 4 * count; at < end; at += 4) values[place++] = view.getFloat32(at);
    } else {
      for (let i = 0; i < count; i++) {
        const value = this.#number(type);
        check(value);
        values[place++] = value;
      }
      at = this.#at;
    }
    this.#at = at;
    column.length = place;
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
    if (!SIZES.has(type) || type === FLOAT32 || type === FLOAT64) this.#fail('no length where one belongs');
    const length = this.#number(type);
    if (length < 0) this.#fail('a negative length');
    return length;
  }

  #text(): string {
    const length = this.#length();
    const start = this.#at;
    this.#advance(length);
    return this.#decoder.decode(this.#bytes.subarray(start, this.#at));
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
