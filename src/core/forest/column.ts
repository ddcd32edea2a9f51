/**
 * Typed arrays that grow. A reader appends the arrays of thousands of trees to a few of them, which is why no tree costs
 * an object; their size is bound by what the file really holds, never by what it claims.
 */
class Column<T extends Int32Array | Float32Array | Uint8Array> {
  length = 0;
  #values: T;
  readonly #make: (length: number) => T;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.#values = make(1024);
  }

  /** The array behind it: valid until the next reserve(). */
  get values(): T {
    return this.#values;
  }

  /** Room for `count` more; returns the array to write to, from index `length` on. */
  reserve(count: number): T {
    if (this.length + count > this.#values.length) {
      const grown = this.#make(Math.max(this.length + count, this.#values.length * 2));
      grown.set(this.#values.subarray(0, this.length));
      this.#values = grown;
    }
    return this.#values;
  }

  push(value: number): void {
    this.reserve(1)[this.length++] = value;
  }

  /** What it holds, in an array of that very length. */
  trimmed(): T {
    return this.#values.slice(0, this.length) as T;
  }
}

export class Int32Column extends Column<Int32Array> {
  constructor() {
    super((length) => new Int32Array(length));
  }
}

export class Float32Column extends Column<Float32Array> {
  constructor() {
    super((length) => new Float32Array(length));
  }
}

export class Uint8Column extends Column<Uint8Array> {
  constructor() {
    super((length) => new Uint8Array(length));
  }
}
