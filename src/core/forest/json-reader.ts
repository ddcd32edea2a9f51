/**
 * Reads XGBoost's JSON from its bytes, without a string or an object for what a forest does not need. XGBoost's JSON is
 * not always JSON: numbers may be NaN, Infinity or -Infinity, bare (inf and nan in dumps).
 *
 * The short decimals in model files are exact without a slow conversion: up to 15 digits make an exact integer, powers
 * of ten up to 10^22 are exact doubles, so that one multiplication or division rounds once, as Number(text) does.
 */
import type { Float32Column, Int32Column, Uint8Column } from './column.ts';
import {
  DEEPEST_NESTING,
  float32OfDecimal,
  MOST_VALUES,
  VALUES_OF_MEMBER,
  type DocumentReader,
} from './document-reader.ts';
import type { MemberNames } from './member-names.ts';
import { ModelError } from './model-error.ts';
import { textOf } from './text.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const ONE = 0x31;
const NINE = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const LOWER_E = 0x65;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['-NaN', Number.NaN],
  ['nan', Number.NaN],
  ['-nan', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

const CUT_OFF = 'it is cut off or is no JSON';

/**
 * Where a byte comes next. The search is the engine's own and fast, and what it found is kept: in lists within lists
 * each level would search the same bytes again.
 */
class ByteSearch {
  readonly #bytes: Uint8Array;
  readonly #byte: number;
  #start = 0;
  #found = -1;

  constructor(bytes: Uint8Array, byte: number) {
    this.#bytes = bytes;
    this.#byte = byte;
  }

  /** The first place from `start` on; the number of all bytes where there is none. */
  from(start: number): number {
    if (start < this.#start || start > this.#found) {
      const found = this.#bytes.indexOf(this.#byte, start);
      this.#start = start;
      this.#found = found < 0 ? this.#bytes.length : found;
    }
    return this.#found;
  }
}

export class JsonReader implements DocumentReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #quotes: ByteSearch;
  readonly #openings: ByteSearch;
  readonly #closings: ByteSearch;
  #at = 0;
  #depth = 0;
  /** What stands before the next member of an object: its bracket, or a comma. */
  #separator = OPEN_OBJECT;
  /** The last name that nextKey() met, with its quotes. */
  #keyStart = 0;
  #keyEnd = 0;
  /** Values that the last call of value() has made. */
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#quotes = new ByteSearch(bytes, QUOTE);
    this.#openings = new ByteSearch(bytes, OPEN_LIST);
    this.#closings = new ByteSearch(bytes, CLOSE_LIST);
  }

  enterObject(names: MemberNames): void {
    names.last = names.start;
    this.#beginObject();
  }

  /** As XGBoost writes it, a member is a separator, the name in quotes and a colon, without space. */
  member(names: MemberNames): number {
    const bytes = this.#bytes;
    const view = this.#view;
    for (;;) {
      const start = this.#at + 1;
      const separator = bytes[start - 1];
      const name = names.last.follower;
      if (name !== undefined && separator === this.#separator && bytes[start + name.size] === COLON) {
        const { size, words, number } = name;
        let i = 0;
        while (i < words.length && view.getInt32(start + 4 * i) === words[i]) i++;
        if (i === words.length && view.getInt32(start + size - 4) === name.lastWord) {
          this.#separator = COMMA;
          this.#at = start + size + 1;
          names.last = name;
          if (number >= 0) return number;
          this.skip();
          continue;
        }
      } else if (separator === CLOSE_OBJECT && this.#separator === COMMA) {
        this.#leave();
        return -1;
      }
      const key = this.#nextKey();
      if (key === undefined) return -1;
      const number = names.meet(key, view, this.#keyStart, this.#keyEnd);
      if (number >= 0) return number;
      this.skip();
    }
  }

  object(onMember: (key: string) => void): void {
    this.#beginObject();
    for (let key = this.#nextKey(); key !== undefined; key = this.#nextKey()) onMember(key);
  }

  array(onItem: () => void): void {
    this.#enter(OPEN_LIST);
    this.#at++;
    if (this.#token() === CLOSE_LIST) return this.#leave();
    for (;;) {
      this.#token();
      onItem();
      if (!this.#hasMore()) return;
    }
  }

  int32s(column: Int32Column): void {
    if (!this.#startsNumbers()) return;
    const bytes = this.#bytes;
    let at = this.#at;
    let { values, length } = column;
    for (;;) {
      let byte = bytes[at] as number;
      if (byte <= SPACE) byte = bytes[(at = this.#pastSpace(at))] as number;
      const isNegative = byte === MINUS;
      if (isNegative) byte = bytes[++at] as number;
      const start = at;
      let value = 0;
      for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) value = value * 10 + (byte - ZERO);
      const digits = at - start;
      if (digits === 0 || digits > 10 || value > 0x7fffffff || (digits > 1 && bytes[start] === ZERO)) {
        this.#at = at >= bytes.length ? at : start;
        this.#fail('something else where a 32-bit integer belongs');
      }
      if (length === values.length) values = column.grown();
      values[length++] = isNegative ? -value : value;
      if (byte <= SPACE) byte = bytes[(at = this.#pastSpace(at))] as number;
      at++;
      if (byte !== COMMA) break;
    }
    column.length = length;
    this.#endNumbers(at);
  }

  float32s(column: Float32Column): void {
    if (!this.#startsNumbers()) return;
    const bytes = this.#bytes;
    let at = this.#at;
    let { values, length } = column;
    for (;;) {
      let byte = bytes[at] as number;
      if (byte <= SPACE) byte = bytes[(at = this.#pastSpace(at))] as number;
      const start = at;
      if (byte === MINUS) byte = bytes[++at] as number;
      const whole = at;
      let digits = 0;
      for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) digits = digits * 10 + (byte - ZERO);
      let digitCount = at - whole;
      // Whatever is long, far out, or no plain decimal goes the careful way: 1. and 1.e5, .5 and E5, 1e, 00.
      let isPlain = digitCount === 1 || (digitCount > 1 && bytes[whole] !== ZERO);
      let scale = 0;
      if (byte === DOT) {
        const fraction = at + 1;
        byte = bytes[++at] as number;
        for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) digits = digits * 10 + (byte - ZERO);
        scale = fraction - at;
        if (scale === 0) isPlain = false;
        digitCount -= scale;
      }
      if (byte === UPPER_E || byte === LOWER_E) {
        byte = bytes[++at] as number;
        const isNegative = byte === MINUS;
        if (isNegative || byte === PLUS) byte = bytes[++at] as number;
        const power = at;
        let exponent = 0;
        for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) exponent = exponent * 10 + (byte - ZERO);
        if (at === power) isPlain = false;
        scale += isNegative ? -exponent : exponent;
      }
      if (length === values.length) values = column.grown();
      if (isPlain && digitCount <= 15 && scale <= 22 && scale >= -22) {
        const value =
          scale < 0 ? digits / (POWERS_OF_TEN[-scale] as number) : digits * (POWERS_OF_TEN[scale] as number);
        values[length++] = whole > start ? -value : value;
      } else {
        values[length++] = this.#carefulFloat32(start);
        at = this.#at;
        byte = bytes[at] as number;
      }
      if (byte <= SPACE) byte = bytes[(at = this.#pastSpace(at))] as number;
      at++;
      if (byte !== COMMA) break;
    }
    column.length = length;
    this.#endNumbers(at);
  }

  flags(column: Uint8Column): void {
    if (!this.#startsNumbers()) return;
    const bytes = this.#bytes;
    let at = this.#at;
    let { values, length } = column;
    for (;;) {
      let flag = (bytes[at] as number) - ZERO;
      let byte = bytes[++at] as number;
      // A single 0 or 1, mostly: true and false are of XGBoost before 1.6.
      if ((flag !== 0 && flag !== 1) || (byte !== COMMA && byte !== CLOSE_LIST)) {
        flag = this.#carefulFlag(at - 1);
        byte = bytes[(at = this.#pastSpace(this.#at))] as number;
      }
      if (length === values.length) values = column.grown();
      values[length++] = flag;
      at++;
      if (byte !== COMMA) break;
    }
    column.length = length;
    this.#endNumbers(at);
  }

  wholeNumber(isText: boolean): number | undefined {
    const bytes = this.#bytes;
    const start = isText ? this.#at + 1 : this.#at;
    let at = start;
    let value = 0;
    let byte = bytes[at] as number;
    for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) value = value * 10 + (byte - ZERO);
    if (at === start || at - start > 9) return undefined;
    if (isText) {
      if (byte !== QUOTE || bytes[start - 1] !== QUOTE) return undefined;
      at++;
    } else if ((byte !== COMMA && byte !== CLOSE_OBJECT) || (bytes[start] === ZERO && at - start > 1)) return undefined;
    this.#at = at;
    return value;
  }

  value(): unknown {
    this.#values = 0;
    return this.#value();
  }

  #value(): unknown {
    if (++this.#values > MOST_VALUES) this.#fail('more than a model has');
    switch (this.#token()) {
      case OPEN_OBJECT: {
        const members: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
        this.object((key) => {
          if (key in members) throw new ModelError(`it has ${key} twice in one place`);
          this.#values += VALUES_OF_MEMBER;
          members[key] = this.#value();
        });
        return members;
      }
      case OPEN_LIST: {
        const items: unknown[] = [];
        this.array(() => items.push(this.#value()));
        return items;
      }
      case QUOTE:
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  skip(): void {
    const token = this.#token();
    if (token === OPEN_OBJECT) return this.object(() => this.skip());
    if (token === QUOTE) return void this.#endOfString();
    if (token !== OPEN_LIST) return void this.#scalar();
    // An array of numbers ends at the next bracket; with a text or a list in it that bracket may be another one.
    const start = this.#at + 1;
    const end = this.#closings.from(start);
    if (this.#quotes.from(start) < end || this.#openings.from(start) < end) return this.array(() => this.skip());
    if (end === this.#bytes.length) this.#fail();
    this.#at = end + 1;
  }

  mark(): number {
    return this.#at;
  }

  seek(mark: number): void {
    this.#at = mark;
  }

  /** True before a value that begins with this character. */
  isAt(character: string): boolean {
    return this.#token() === character.charCodeAt(0);
  }

  /** True when nothing but white space is left. */
  atEnd(): boolean {
    return Number.isNaN(this.#token());
  }

  /** Skips white space and returns the byte there, NaN at the end. */
  #token(): number {
    const bytes = this.#bytes;
    while (this.#at < bytes.length) {
      const byte = bytes[this.#at] as number;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.#at++;
    }
    return Number.NaN;
  }

  /** Stands before this bracket, and goes one level down. */
  #enter(bracket: number): void {
    if (this.#token() !== bracket) {
      this.#fail(
        bracket === OPEN_LIST ? 'something else where a list belongs' : 'something else where an object belongs',
      );
    }
    if (++this.#depth > DEEPEST_NESTING) this.#fail(`more than ${DEEPEST_NESTING} levels`);
  }

  #leave(): undefined {
    this.#depth--;
    this.#at++;
    return undefined;
  }

  #beginObject(): void {
    this.#enter(OPEN_OBJECT);
    this.#separator = OPEN_OBJECT;
  }

  /** After an item: true at a comma, false at the end. */
  #hasMore(): boolean {
    const byte = this.#token();
    if (byte === CLOSE_LIST) {
      this.#leave();
      return false;
    }
    if (byte !== COMMA) this.#fail();
    this.#at++;
    return true;
  }

  /** Steps into a list of numbers; false where it is empty. */
  #startsNumbers(): boolean {
    if (this.#token() !== OPEN_LIST) this.#fail('something else where a list belongs');
    this.#at++;
    if (this.#token() !== CLOSE_LIST) return true;
    this.#at++;
    return false;
  }

  /** Ends a list of numbers whose bracket should be the byte before `end`. */
  #endNumbers(end: number): void {
    this.#at = end - 1;
    if (this.#bytes[this.#at] !== CLOSE_LIST) this.#fail();
    this.#at = end;
  }

  #pastSpace(at: number): number {
    this.#at = at;
    this.#token();
    return this.#at;
  }

  #carefulFloat32(start: number): number {
    this.#at = start;
    const value = this.#scalar();
    return typeof value === 'number' ? float32OfDecimal(value) : this.#fail('something else where a number belongs');
  }

  #carefulFlag(start: number): number {
    this.#at = start;
    const byte = this.#token();
    if ((byte === ZERO || byte === ONE) && !isOfWord(this.#bytes[this.#at + 1] as number)) {
      this.#at++;
      return byte - ZERO;
    }
    const value = this.value();
    return value === true || value === false ? Number(value) : this.#fail('a flag that is neither 0 nor 1');
  }

  /** A number, or one of the words. */
  #scalar(): unknown {
    const bytes = this.#bytes;
    let end = this.#at;
    while (end < bytes.length && isOfWord(bytes[end] as number)) end++;
    // No number that a program writes is so long.
    if (end === this.#at || end - this.#at > 400) this.#fail();
    const text = textOf(this.#bytes, this.#at, end);
    this.#at = end;
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
    if (!WORDS.has(text)) this.#fail();
    return WORDS.get(text);
  }

  /** Steps behind a string, and tells whether it has escapes in it. */
  #endOfString(): boolean {
    const bytes = this.#bytes;
    let end = this.#at + 1;
    let escaped = false;
    while (bytes[end] !== QUOTE) {
      if (end >= bytes.length) this.#fail();
      if (bytes[end] === BACKSLASH) {
        escaped = true;
        end++;
      }
      end++;
    }
    this.#at = end + 1;
    return escaped;
  }

  #string(): string {
    const start = this.#at + 1;
    const escaped = this.#endOfString();
    const end = this.#at - 1;
    if (!escaped) return textOf(this.#bytes, start, end);
    try {
      return JSON.parse(textOf(this.#bytes, start - 1, end + 1)) as string;
    } catch {
      return this.#fail();
    }
  }

  /** Steps over the separator, the name and the colon of a member; undefined behind the end of the object. */
  #nextKey(): string | undefined {
    const isFirst = this.#separator === OPEN_OBJECT;
    this.#separator = COMMA;
    if (isFirst) this.#at++;
    const byte = this.#token();
    if (byte === CLOSE_OBJECT) return this.#leave();
    if (!isFirst && byte !== COMMA) this.#fail();
    if (!isFirst) this.#at++;
    if (this.#token() !== QUOTE) this.#fail();
    this.#keyStart = this.#at;
    const key = this.#string();
    this.#keyEnd = this.#at;
    if (this.#token() !== COLON) this.#fail();
    this.#at++;
    this.#token();
    return key;
  }

  #fail(found?: string): never {
    throw new ModelError(
      found === undefined || this.#at >= this.#bytes.length ? CUT_OFF : `it has ${found}, at byte ${this.#at}`,
    );
  }
}

/** Letters, digits, and what numbers have beside them. */
function isOfWord(byte: number): boolean {
  return (
    (byte >= ZERO && byte <= NINE) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === MINUS ||
    byte === DOT ||
    byte === PLUS
  );
}
