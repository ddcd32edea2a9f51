/**
 * Documents as the fuzzer holds them, and the plainest way to read and write them. It shares nothing with the readers
 * under test: members keep their order and may be there twice, so that mutants can be written that no object can hold.
 */
export type Value = null | boolean | number | string | Value[] | NumberList | Members | Garbage;

export class Members {
  readonly entries: [string, Value][];

  constructor(entries: [string, Value][] = []) {
    this.entries = entries;
  }

  /** The value of a member that is there once; undefined where there is none. */
  get(key: string): Value | undefined {
    let found: Value | undefined;
    for (const [name, value] of this.entries) {
      if (name !== key) continue;
      if (found !== undefined) throw new NotUnderstood(`${key} is there twice`);
      found = value;
    }
    return found;
  }

  set(key: string, value: Value): void {
    const entry = this.entries.find(([name]) => name === key);
    if (entry === undefined) this.entries.push([key, value]);
    else entry[1] = value;
  }
}

/** A list of UBJSON whose numbers share a type. */
export class NumberList {
  readonly type: string;
  readonly values: number[];

  constructor(type: string, values: number[]) {
    this.type = type;
    this.values = values;
  }
}

/**
 * A list in JSON without texts and lists in it, and damaged. The reader passes over such lists where nobody needs them,
 * without a look at what is in them; where somebody does, the document is not understood.
 */
class Garbage {
  readonly isGarbage = true;
}

/** The fuzzer's own reading finds no single meaning in the document. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
}

const WORDS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true],
  ['false', false],
  ['null', null],
  ...['NaN', '-NaN', 'nan', '-nan'].map((word): [string, Value] => [word, Number.NaN]),
  ...['Infinity', 'inf'].map((word): [string, Value] => [word, Number.POSITIVE_INFINITY]),
  ...['-Infinity', '-inf'].map((word): [string, Value] => [word, Number.NEGATIVE_INFINITY]),
]);

/** The values that stand one after the other in a JSON text: one in most files. */
export function decodeJson(bytes: Uint8Array): Value[] {
  const decoder = new JsonDecoder(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
  return decoder.all();
}

class JsonDecoder {
  /** One character for each byte. */
  readonly #text: string;
  readonly #space = /[ \n\r\t]*/y;
  readonly #scalar = /[-+.\w]+/y;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\xef\xbb\xbf')) this.#at = 3;
  }

  all(): Value[] {
    const values: Value[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) values.push(this.#value());
    return values;
  }

  /** The character behind white space. */
  #next(): string | undefined {
    this.#space.lastIndex = this.#at;
    this.#space.test(this.#text);
    this.#at = this.#space.lastIndex;
    return this.#text[this.#at];
  }

  #take(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#at++;
    return true;
  }

  #value(): Value {
    if (this.#take('{')) return this.#members();
    if (this.#take('[')) return this.#list();
    if (this.#next() === '"') return this.#string();
    this.#scalar.lastIndex = this.#at;
    const word = this.#scalar.exec(this.#text)?.[0];
    if (word === undefined) throw new NotUnderstood(`no value at ${this.#at}`);
    this.#at += word.length;
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word)) return Number(word);
    const value = WORDS.get(word);
    if (value === undefined) throw new NotUnderstood(`${word} is no value`);
    return value;
  }

  #members(): Members {
    const members = new Members();
    if (this.#take('}')) return members;
    do {
      if (this.#next() !== '"') throw new NotUnderstood(`no name at ${this.#at}`);
      const key = this.#string();
      if (!this.#take(':')) throw new NotUnderstood(`no colon at ${this.#at}`);
      members.entries.push([key, this.#value()]);
    } while (this.#take(','));
    if (!this.#take('}')) throw new NotUnderstood(`no end of an object at ${this.#at}`);
    return members;
  }

  #list(): Value[] | Garbage {
    const start = this.#at;
    try {
      return this.#items();
    } catch (error) {
      const end = this.#text.indexOf(']', start);
      if (!(error instanceof NotUnderstood) || end < 0 || /["[]/.test(this.#text.slice(start, end))) throw error;
      this.#at = end + 1;
      return new Garbage();
    }
  }

  #items(): Value[] {
    const items: Value[] = [];
    if (this.#take(']')) return items;
    do items.push(this.#value());
    while (this.#take(','));
    if (!this.#take(']')) throw new NotUnderstood(`no end of a list at ${this.#at}`);
    return items;
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (this.#text[end] !== '"') {
      if (end >= this.#text.length) throw new NotUnderstood('a text without an end');
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#at = end + 1;
    const raw = Buffer.from(this.#text.slice(start + 1, end), 'latin1').toString('utf8');
    if (!raw.includes('\\')) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      // Where somebody reads it, the reader refuses it.
      return raw;
    }
  }
}

export function decodeUbjson(bytes: Uint8Array): Value {
  const decoder = new UbjsonDecoder(bytes);
  try {
    return decoder.all();
  } catch (error) {
    // A DataView tells in its way that the bytes are at their end.
    if (error instanceof RangeError && /bounds/.test(error.message)) throw new NotUnderstood('cut off');
    throw error;
  }
}

/** Bytes of a number of each type. */
export const NUMBER_SIZES: Readonly<Record<string, number>> = { i: 1, U: 1, I: 2, l: 4, L: 8, d: 4, D: 8 };

class UbjsonDecoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  all(): Value {
    const value = this.#value(this.#marker());
    if (this.#at !== this.#bytes.length) throw new NotUnderstood('something behind the end');
    return value;
  }

  #marker(): string {
    let marker;
    do marker = String.fromCharCode(this.#view.getUint8(this.#at++));
    while (marker === 'N');
    return marker;
  }

  #value(marker: string): Value {
    switch (marker) {
      case '{':
        return this.#members();
      case '[':
        return this.#list();
      case 'S':
        return this.#text(this.#marker());
      case 'C':
        return String.fromCharCode(this.#view.getUint8(this.#at++));
      case 'Z':
        return null;
      case 'T':
      case 'F':
        return marker === 'T';
      default:
        return this.#number(marker);
    }
  }

  #members(): Members {
    const members = new Members();
    for (let marker = this.#marker(); marker !== '}'; marker = this.#marker()) {
      members.entries.push([this.#text(marker), this.#value(this.#marker())]);
    }
    return members;
  }

  #list(): Value[] | NumberList {
    const type = this.#takes('$') ? this.#takesAny() : undefined;
    const count = this.#takes('#') ? this.#count(this.#marker()) : undefined;
    if (type !== undefined) {
      if (count === undefined || NUMBER_SIZES[type] === undefined) throw new NotUnderstood('an odd list');
      const values: number[] = [];
      for (let i = 0; i < count; i++) values.push(this.#number(type));
      return new NumberList(type, values);
    }
    const items: Value[] = [];
    if (count !== undefined) for (let i = 0; i < count; i++) items.push(this.#value(this.#marker()));
    else for (let marker = this.#marker(); marker !== ']'; marker = this.#marker()) items.push(this.#value(marker));
    return items;
  }

  #takes(marker: string): boolean {
    if (this.#bytes[this.#at] !== marker.charCodeAt(0)) return false;
    this.#at++;
    return true;
  }

  #takesAny(): string {
    return String.fromCharCode(this.#view.getUint8(this.#at++));
  }

  #count(type: string): number {
    const count = type === 'd' || type === 'D' ? -1 : this.#number(type);
    if (count < 0 || count > this.#bytes.length - this.#at) throw new NotUnderstood(`a length of ${count}`);
    return count;
  }

  #text(lengthType: string): string {
    const length = this.#count(lengthType);
    const start = this.#at;
    this.#at += length;
    return Buffer.from(this.#bytes.subarray(start, this.#at)).toString('utf8');
  }

  #number(type: string): number {
    const at = this.#at;
    const size = NUMBER_SIZES[type];
    if (size === undefined) throw new NotUnderstood(`an unknown type ${type}`);
    this.#at += size;
    const view = this.#view;
    switch (type) {
      case 'i':
        return view.getInt8(at);
      case 'U':
        return view.getUint8(at);
      case 'I':
        return view.getInt16(at);
      case 'l':
        return view.getInt32(at);
      case 'd':
        return view.getFloat32(at);
      case 'D':
        return view.getFloat64(at);
      default:
        return Number(view.getBigInt64(at));
    }
  }
}

/** A value of its own, for changing. */
export function copyOf(value: Value): Value {
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof NumberList) return new NumberList(value.type, [...value.values]);
  if (value instanceof Members) return new Members(value.entries.map(([key, own]) => [key, copyOf(own)]));
  return value;
}

/** The numbers of a list of numbers, for reading and changing; undefined where the value is something else. */
export function numbersOf(value: Value | undefined): number[] | undefined {
  if (value instanceof NumberList) return value.values;
  return Array.isArray(value) && value.every((item) => typeof item === 'number') ? value : undefined;
}

export function encodeJson(value: Value): Uint8Array {
  const parts: string[] = [];
  writeJson(value, parts);
  return Buffer.from(parts.join(''));
}

function writeJson(value: Value, parts: string[]): void {
  if (typeof value === 'number') parts.push(numberText(value));
  else if (value instanceof NumberList) writeJson(value.values, parts);
  else if (value instanceof Members) {
    parts.push('{');
    for (const [i, [key, own]] of value.entries.entries()) {
      parts.push(i === 0 ? '' : ',', JSON.stringify(key), ':');
      writeJson(own, parts);
    }
    parts.push('}');
  } else if (Array.isArray(value)) {
    parts.push('[');
    for (const [i, item] of value.entries()) {
      if (i > 0) parts.push(',');
      writeJson(item, parts);
    }
    parts.push(']');
  } else parts.push(value instanceof Garbage ? '[0,?]' : JSON.stringify(value));
}

/** As XGBoost has it: 1.25E-1; but whole numbers plain, which go for integers as well. */
function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0E0';
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return value.toExponential().replace('e', 'E').replace('E+', 'E');
}

/** Members whose lists XGBoost writes as float32 and as bytes; others are int32. */
const FLOATS = /^(?:split_conditions|base_weights|leaf_weights|loss_changes|sum_hessian|weights|weight_drop)$/;
const FLAGS = /^(?:default_left|split_type)$/;

export function encodeUbjson(value: Value): Uint8Array {
  const writer = new UbjsonWriter();
  writer.value(value, '');
  return writer.bytes();
}

class UbjsonWriter {
  #bytes = Buffer.allocUnsafe(8192);
  #at = 0;

  bytes(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#at));
  }

  value(value: Value, key: string): void {
    if (typeof value === 'number') this.#lone(value);
    else if (typeof value === 'string') {
      this.#byte('S');
      this.#text(value);
    } else if (typeof value === 'boolean' || value === null) this.#byte(value === null ? 'Z' : value ? 'T' : 'F');
    else if (value instanceof Members) this.#members(value);
    else if (value instanceof NumberList) this.#numbers(value.type, value.values);
    else if (Array.isArray(value)) this.#list(value, key);
    else this.#list([0, '?'], key);
  }

  #members({ entries }: Members): void {
    this.#byte('{');
    for (const [key, own] of entries) {
      this.#text(key);
      this.value(own, key);
    }
    this.#byte('}');
  }

  #list(items: Value[], key: string): void {
    const type = FLOATS.test(key) ? 'd' : FLAGS.test(key) ? 'U' : 'l';
    if (items.length > 0 && items.every((item) => typeof item === 'number' && fits(item, type))) {
      return this.#numbers(type, items as number[]);
    }
    this.#byte('[');
    this.#byte('#');
    this.#length(items.length);
    for (const item of items) this.value(item, '');
  }

  #lone(value: number): void {
    const type = fits(value, 'U') ? 'U' : fits(value, 'l') ? 'l' : 'D';
    this.#byte(type);
    this.#number(type, value);
  }

  #numbers(type: string, values: readonly number[]): void {
    this.#byte('[');
    this.#byte('$');
    this.#byte(type);
    this.#byte('#');
    this.#length(values.length);
    for (const value of values) this.#number(type, value);
  }

  #text(text: string): void {
    const bytes = Buffer.from(text);
    this.#length(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #length(length: number): void {
    this.#byte('L');
    this.#number('L', length);
  }

  #byte(character: string): void {
    this.#room(1);
    this.#bytes[this.#at++] = character.charCodeAt(0);
  }

  #number(type: string, value: number): void {
    this.#room(8);
    const at = this.#at;
    this.#at += NUMBER_SIZES[type] as number;
    const bytes = this.#bytes;
    if (type === 'd') bytes.writeFloatBE(value, at);
    else if (type === 'D') bytes.writeDoubleBE(value, at);
    else if (type === 'L') bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(wholeNumber(value))), at);
    // What does not fit loses its upper bits, as in C.
    else bytes.writeIntBE((value << (32 - 8 * (this.#at - at))) >> (32 - 8 * (this.#at - at)), at, this.#at - at);
  }

  #room(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

function fits(value: number, type: string): boolean {
  if (type === 'd') return true;
  if (!Number.isInteger(value) || Object.is(value, -0)) return false;
  return type === 'U' ? value >= 0 && value <= 255 : Math.abs(value) <= 0x7fffffff;
}

function wholeNumber(value: number): number {
  return Number.isFinite(value) ? Math.trunc(value) : 0;
}
