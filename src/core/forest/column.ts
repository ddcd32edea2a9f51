/**
 * Typed arrays that grow. A reader appends the arrays of thousands of trees to a few of them, which is why no tree costs
 * an object; their size is bound by what the file really holds, never by what it claims. `expected` saves growing where
 * one can tell how many values will come.
 */
class Column<T extends Int32Array | Float32Array | Uint8Array> {
  length = 0;
  /** The array behind it, until it grows. */
  values: T;
  readonly #make: (length: number) => T;

  constructor(make: (length: number) => T, expected: number) {
    this.#make = make;
    this.values = make(Math.max(64, expected));
  }

  /** Room for `count` more; returns the array to write to, from index `length` on. */
  reserve(count: number): T {
    return this.length + count > this.values.length ? this.#grow(this.length + count) : this.values;
  }

  /** A larger array with all that the full one had, whatever `length` says. */
  grown(): T {
    return this.#grow(0);
  }

  #grow(least: number): T {
    const grown = this.#make(Math.max(least, this.values.length * 2));
    grown.set(this.values);
    return (this.values = grown);
  }

  push(value: number): void {
    if (this.length === this.values.length) this.grown();
    this.values[this.length++] = value;
  }

  /** What it holds, in an array of that very length: the array behind it where little of that is unused. */
  trimmed(): T {
    const { length } = this;
    return (2 * length >= this.values.length ? this.values.subarray(0, length) : this.values.slice(0, length)) as T;
  }
}

export class Int32Column extends Column<Int32Array> {
  readonly kind = 'int32s';
  constructor(expected = 0) {
    super((length) => new Int32Array(length), expected);
  }
}

export class Float32Column extends Column<Float32Array> {
  readonly kind = 'float32s';
  #words: Int32Array = new Int32Array(0);

  /** The bits of its values, until it grows. */
  get words(): Int32Array {
    const { buffer } = this.values;
    if (this.#words.buffer !== buffer) this.#words = new Int32Array(buffer);
    return this.#words;
  }

  constructor(expected = 0) {
    super((length) => new Float32Array(length), expected);
  }
}

export class Uint8Column extends Column<Uint8Array> {
  readonly kind = 'flags';
  constructor(expected = 0) {
    super((length) => new Uint8Array(length), expected);
  }
}
