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
import { ModelError } from './model-error.ts';
import { TextReader } from './text.ts';

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
  readonly #texts: TextReader;
  readonly #quotes: ByteSearch;
  readonly #openings: ByteSearch;
  readonly #closings: ByteSearch;
  #at = 0;
  #depth = 0;
  /** Values that the last call of value() has made. */
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#texts = new TextReader(bytes);
    this.#quotes = new ByteSearch(bytes, QUOTE);
    this.#openings = new ByteSearch(bytes, OPEN_LIST);
    this.#closings = new ByteSearch(bytes, CLOSE_LIST);
  }

  object(onMember: (key: string) => void): void {
    this.#enter(OPEN_OBJECT);
    if (this.#token() === CLOSE_OBJECT) return this.#leave();
    for (;;) {
      const key = this.#key();
      if (this.#token() !== COLON) this.#fail();
      this.#at++;
      this.#token();
      onMember(key);
      if (!this.#hasMore(CLOSE_OBJECT)) return;
    }
  }

  array(onItem: () => void): void {
    this.#enter(OPEN_LIST);
    if (this.#token() === CLOSE_LIST) return this.#leave();
    for (;;) {
      this.#token();
      onItem();
      if (!this.#hasMore(CLOSE_LIST)) return;
    }
  }

  /* The next two are where the time goes: each is one loop over local variables, which the engine compiles early. */

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
      if (byte === COMMA) {
        at++;
        continue;
      }
      column.length = length;
      this.#at = at;
      if (!this.#hasMore(CLOSE_LIST)) return;
      at = this.#at;
    }
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
      const first = at;
      let digits = 0;
      for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) digits = digits * 10 + (byte - ZERO);
      let end = at;
      let scale = 0;
      if (byte === DOT) {
        byte = bytes[++at] as number;
        for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) digits = digits * 10 + (byte - ZERO);
        scale = end + 1 - at;
        end = at;
      }
      if (byte === UPPER_E || byte === LOWER_E) {
        byte = bytes[++at] as number;
        const isNegative = byte === MINUS;
        if (isNegative || byte === PLUS) byte = bytes[++at] as number;
        let exponent = 0;
        for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] as number) exponent = exponent * 10 + (byte - ZERO);
        scale += isNegative ? -exponent : exponent;
      }
      // Whatever is long, far out, or no plain decimal goes the careful way: 1. and 1.e5, .5 and E5, 1e, 00.
      if (length === values.length) values = column.grown();
      const isPlain = end - first <= 15 && scale <= 22 && scale >= -22 && isDigit(bytes[at - 1]);
      const hasDigits = isDigit(bytes[first]) && isDigit(bytes[end - 1]);
      if (isPlain && hasDigits && (bytes[first] !== ZERO || bytes[first + 1] === DOT || end - first === 1)) {
        const value =
          scale < 0 ? digits / (POWERS_OF_TEN[-scale] as number) : digits * (POWERS_OF_TEN[scale] as number);
        values[length++] = first > start ? -value : value;
      } else {
        this.#at = start;
        const value = this.#scalar();
        if (typeof value !== 'number') this.#fail('something else where a number belongs');
        values[length++] = float32OfDecimal(value);
        at = this.#at;
        byte = bytes[at] as number;
      }
      if (byte === COMMA) {
        at++;
        continue;
      }
      column.length = length;
      this.#at = at;
      if (!this.#hasMore(CLOSE_LIST)) return;
      at = this.#at;
    }
  }

  flags(column: Uint8Column): void {
    this.array(() => {
      const byte = this.#bytes[this.#at] as number;
      // 0 or 1 with nothing behind it, mostly: true and false are of XGBoost before 1.6.
      if ((byte === ZERO || byte === ONE) && !isOfWord(this.#bytes[this.#at + 1] as number)) {
        this.#at++;
        return column.push(byte - ZERO);
      }
      const value = this.value();
      if (value !== true && value !== false) this.#fail('a flag that is neither 0 nor 1');
      column.push(Number(value));
    });
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

  #enter(bracket: number): void {
    if (this.#token() !== bracket) {
      this.#fail(
        bracket === OPEN_LIST ? 'something else where a list belongs' : 'something else where an object belongs',
      );
    }
    if (++this.#depth > DEEPEST_NESTING) this.#fail(`more than ${DEEPEST_NESTING} levels`);
    this.#at++;
  }

  #leave(): void {
    this.#depth--;
    this.#at++;
  }

  /** After an item: true at a comma, false at the end. */
  #hasMore(close: number): boolean {
    const byte = this.#token();
    if (byte === close) {
      this.#leave();
      return false;
    }
    if (byte !== COMMA) this.#fail();
    this.#at++;
    return true;
  }

  /** Steps into a list; false where it is empty. */
  #startsNumbers(): boolean {
    this.#enter(OPEN_LIST);
    if (this.#token() !== CLOSE_LIST) return true;
    this.#leave();
    return false;
  }

  #pastSpace(at: number): number {
    this.#at = at;
    this.#token();
    return this.#at;
  }

  /** A number, or one of the words. */
  #scalar(): unknown {
    const bytes = this.#bytes;
    let end = this.#at;
    while (end < bytes.length && isOfWord(bytes[end] as number)) end++;
    // No number that a program writes is so long.
    if (end === this.#at || end - this.#at > 400) this.#fail();
    const text = this.#texts.text(this.#at, end);
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
    if (!escaped) return this.#texts.text(start, end);
    try {
      return JSON.parse(this.#texts.text(start - 1, end + 1)) as string;
    } catch {
      return this.#fail();
    }
  }

  #key(): string {
    if (this.#token() !== QUOTE) this.#fail();
    const start = this.#at + 1;
    const guess = this.#texts.guess(start);
    if (guess !== undefined && this.#bytes[start + guess.length] === QUOTE) {
      this.#texts.accept();
      this.#at = start + guess.length + 1;
      return guess;
    }
    const hasEscapes = this.#endOfString();
    if (!hasEscapes) return this.#texts.name(start, this.#at - 1);
    this.#at = start - 1;
    return this.#string();
  }

  #fail(found?: string): never {
    throw new ModelError(
      found === undefined || this.#at >= this.#bytes.length ? CUT_OFF : `it has ${found}, at byte ${this.#at}`,
    );
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
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
