import { assert, boolean, constant, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bitSliceKernel } from '../../../src/core/forest/bit-slice-kernel.ts';
import { bitSliceWasmKernel } from '../../../src/core/forest/bit-slice-wasm.ts';
import { deepKernel } from '../../../src/core/forest/deep-kernel.ts';
import { deepTables } from '../../../src/core/forest/deep-tables.ts';
import { deepWasmKernel } from '../../../src/core/forest/deep-wasm.ts';
import type { Kernel, KernelShape } from '../../../src/core/forest/kernel.ts';
import { plainWalk } from '../../../src/core/forest/plain-walk.ts';
import { predicateKernel } from '../../../src/core/forest/predicate-kernel.ts';
import { predicateWasmKernel } from '../../../src/core/forest/predicate-wasm.ts';
import type { Trees } from '../../../src/core/forest/trees.ts';
import { newMemory } from '../../../src/core/forest/wasm-assembler.ts';

const KERNELS: readonly (readonly [string, (shape: KernelShape) => Kernel | undefined])[] = [
  ['predicateKernel', predicateKernel],
  ['predicateWasmKernel', predicateWasmKernel],
  ['bitSliceKernel', bitSliceKernel],
  ['bitSliceWasmKernel', bitSliceWasmKernel],
  ['deepKernel', deepKernel],
  ['deepWasmKernel', deepWasmKernel],
];
const ROW_COUNTS = [0, 1, 2, 5, 31, 33, 129, 260];

/** Thresholds that are easy to get wrong; rows are drawn from them and their neighbours. */
const THRESHOLDS = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  3,
  -3,
  Math.fround(0.1),
  1e-45,
  -1e-45,
  Math.fround(1.1754943508222875e-38),
  Math.fround(3.4028234663852886e38),
  -Math.fround(3.4028234663852886e38),
  Infinity,
  -Infinity,
];

interface Options {
  readonly features: number;
  readonly outputs: number;
  readonly depth: number;
  readonly treeCount: number;
  /** How likely a node above the full depth is a leaf. */
  readonly stops: number;
  readonly categorical: boolean;
  readonly vectors: boolean;
  /** Thresholds beyond the special ones. */
  readonly more: number;
}

/** Numbers in [0, 1) from a seed: a forest has too many to draw each from fast-check. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** A forest of random trees, with nodes that no root reaches (and which hold garbage) in between. */
class RandomForest {
  readonly thresholds: readonly number[];
  readonly shape: KernelShape;
  readonly #random: () => number;
  readonly #options: Options;
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #feature: number[] = [];
  readonly #value: number[] = [];
  readonly #defaultLeft: number[] = [];
  readonly #setStarts: number[] = [];
  readonly #setSizes: number[] = [];
  readonly #setBits: number[] = [];
  readonly #vectorStarts: number[] = [];
  readonly #weights: number[] = [];

  constructor(options: Options, seed: number) {
    this.#options = options;
    this.#random = generator(seed);
    const more = Array.from({ length: options.more }, () => Math.fround((this.#random() - 0.5) * 8));
    this.thresholds = [...THRESHOLDS, ...more];
    const starts = [0];
    for (let tree = 0; tree < options.treeCount; tree++) {
      this.#addTree();
      starts.push(this.#left.length);
    }
    const { features, outputs, vectors, categorical } = options;
    const trees: Trees = {
      starts: Int32Array.from(starts),
      groups: Int32Array.from({ length: options.treeCount }, () => (vectors ? 0 : this.#below(outputs))),
      iterations: Int32Array.of(0, options.treeCount),
      left: Int32Array.from(this.#left),
      right: Int32Array.from(this.#right),
      feature: Int32Array.from(this.#feature),
      value: Float32Array.from(this.#value),
      defaultLeft: Uint8Array.from(this.#defaultLeft),
      categories: categorical
        ? {
            starts: Int32Array.from(this.#setStarts),
            sizes: Int32Array.from(this.#setSizes),
            bits: Int32Array.from(this.#setBits),
            strangersByDefault: seed % 2 === 1,
          }
        : undefined,
      vectors: vectors
        ? { starts: Int32Array.from(this.#vectorStarts), weights: Float32Array.from(this.#weights) }
        : undefined,
      statistics: undefined,
      nodeIds: undefined,
    };
    this.shape = { trees, featureCount: features, outputCount: outputs };
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #newNode(): number {
    this.#left.push(-1);
    this.#right.push(-1);
    this.#feature.push(0);
    this.#value.push(0);
    this.#defaultLeft.push(this.#below(2));
    this.#setStarts.push(-1);
    this.#setSizes.push(0);
    this.#vectorStarts.push(-1);
    return this.#left.length - 1;
  }

  #addTree(): void {
    const root = this.#newNode();
    const pending: [node: number, depth: number][] = [[root, 0]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [node, depth] = next;
      if (depth === this.#options.depth || this.#random() < this.#options.stops) {
        this.#makeLeaf(node);
        continue;
      }
      if (this.#random() < 0.05) this.#addGarbage();
      // Right before left now and then: siblings need not stand in order.
      const swapped = this.#random() < 0.3;
      const [one, other] = [this.#newNode(), this.#newNode()];
      this.#left[node] = swapped ? other : one;
      this.#right[node] = swapped ? one : other;
      this.#makeSplit(node);
      pending.push([one, depth + 1], [other, depth + 1]);
    }
  }

  #addGarbage(): void {
    const node = this.#newNode();
    this.#left[node] = 0x7fff_ffff;
    this.#right[node] = -5;
    this.#feature[node] = 0x7fff_fff0;
    this.#value[node] = Number.NaN;
  }

  #makeSplit(node: number): void {
    const feature = this.#below(this.#options.features);
    this.#feature[node] = feature;
    this.#value[node] = this.thresholds[this.#below(this.thresholds.length)] as number;
    // Every third feature is categorical, and sets of one feature differ in size.
    if (!this.#options.categorical || feature % 3 !== 0) return;
    const size = 1 + this.#below(3);
    this.#setStarts[node] = this.#setBits.length;
    this.#setSizes[node] = size;
    for (let i = 0; i < size; i++) this.#setBits.push((this.#random() * 2 ** 32) | 0);
  }

  #makeLeaf(node: number): void {
    const weight = () => (this.#random() < 0.05 ? -0 : Math.fround((this.#random() - 0.5) * 10 ** this.#below(6)));
    this.#value[node] = weight();
    if (!this.#options.vectors) return;
    this.#vectorStarts[node] = this.#weights.length;
    for (let k = 0; k < this.#options.outputs; k++) this.#weights.push(weight());
  }

  rows(count: number): Float32Array {
    return Float32Array.from({ length: count * this.shape.featureCount }, () => this.#cell());
  }

  #cell(): number {
    const kind = this.#random();
    if (kind < 0.15) return Number.NaN;
    if (kind < 0.2) return Infinity;
    if (kind < 0.25) return -Infinity;
    if (kind < 0.3) return -0;
    if (kind < 0.45) return this.#below(120) + (this.#random() < 0.5 ? 0 : 0.5);
    if (kind < 0.47) return this.#random() < 0.5 ? 16_777_215 : 16_777_216;
    const threshold = this.thresholds[this.#below(this.thresholds.length)] as number;
    return kind < 0.7 ? threshold : neighbour(threshold, kind < 0.85);
  }

  margins(rowCount: number): Float32Array {
    return Float32Array.from({ length: rowCount * this.shape.outputCount }, () =>
      this.#random() < 0.2 ? -0 : this.#random() * 4,
    );
  }
}

/** The next float32 towards or away from zero. */
function neighbour(x: number, away: boolean): number {
  const float = Float32Array.of(x);
  const bits = new Int32Array(float.buffer);
  if (Number.isFinite(x)) bits[0]! += x === 0 || away ? 1 : -1;
  return float[0] as number;
}

function bitsOf(margins: Float32Array): Int32Array {
  return new Int32Array(margins.buffer);
}

/** Fails where a kernel gives another bit than plainWalk; returns whether it takes the forest at all. */
function expectSameBits(make: (shape: KernelShape) => Kernel | undefined, forest: RandomForest): boolean {
  const kernel = make(forest.shape);
  if (kernel === undefined) return false;
  const reference = plainWalk(forest.shape);
  const treeCount = forest.shape.trees.groups.length;
  const ranges: [number, number][] = [
    [0, treeCount],
    [0, 0],
    [Math.trunc(treeCount / 3), treeCount],
    [Math.trunc(treeCount / 4), Math.trunc((treeCount * 3) / 4)],
  ];
  for (const rowCount of ROW_COUNTS) {
    const rows = forest.rows(rowCount);
    for (const [firstTree, lastTree] of ranges) {
      const expected = forest.margins(rowCount);
      const margins = expected.slice();
      reference.addLeaves(rows, rowCount, expected, firstTree, lastTree);
      kernel.addLeaves(rows, rowCount, margins, firstTree, lastTree);
      expect(bitsOf(margins)).toEqual(bitsOf(expected));
    }
  }
  return true;
}

const shallow = record({
  features: integer({ min: 1, max: 12 }),
  outputs: integer({ min: 1, max: 9 }),
  depth: integer({ min: 0, max: 8 }),
  treeCount: integer({ min: 1, max: 30 }),
  stops: constantFrom(0, 0.1, 0.4),
  categorical: constant(false),
  vectors: boolean(),
  more: constantFrom(0, 3, 200),
});
const any = record({
  features: integer({ min: 1, max: 12 }),
  outputs: integer({ min: 1, max: 5 }),
  depth: integer({ min: 0, max: 30 }),
  treeCount: integer({ min: 1, max: 20 }),
  stops: constantFrom(0.3, 0.4),
  categorical: boolean(),
  vectors: boolean(),
  more: constantFrom(0, 3, 200),
});
const seed = integer();

describe.each(KERNELS)('%s', (_name, make) => {
  test('equals the plain walk bit for bit on shallow forests', () => {
    let taken = 0;
    const drawn = make === predicateKernel ? shallow.filter(({ vectors }) => !vectors) : shallow;
    assert(
      property(drawn, seed, (options, number) => {
        taken += Number(expectSameBits(make, new RandomForest(options, number)));
      }),
      {
        numRuns: 60,
        examples: [
          [
            { features: 4, outputs: 3, depth: 0, treeCount: 9, stops: 0, categorical: false, vectors: false, more: 0 },
            1,
          ],
        ],
      },
    );
    // Much padding makes some kernels refuse a forest, but that is rare.
    expect(taken).toBeGreaterThan(30);
  });

  test('equals the plain walk bit for bit, or refuses, on all forests', () => {
    assert(
      property(any, seed, (options, number) => {
        expectSameBits(make, new RandomForest(options, number));
      }),
      { numRuns: 40 },
    );
  });

  test('has full trees of every depth up to 8', () => {
    for (let depth = 0; depth <= 8; depth++) {
      const options = {
        features: 9,
        outputs: 2,
        depth,
        treeCount: 10,
        stops: 0,
        categorical: false,
        vectors: false,
        more: 50,
      };
      expect(expectSameBits(make, new RandomForest(options, depth))).toBe(true);
    }
  });
});

test('the deep kernel takes every forest', () => {
  assert(
    property(any, seed, (options, number) => expectSameBits(deepKernel, new RandomForest(options, number))),
    { numRuns: 40 },
  );
});

test('kernels of padded trees refuse deep trees and splits on categories, that of predicates vectors', () => {
  const options = {
    features: 9,
    outputs: 2,
    depth: 4,
    treeCount: 10,
    stops: 0,
    categorical: false,
    vectors: false,
    more: 50,
  };
  for (const change of [{ depth: 9 }, { categorical: true }]) {
    const { shape } = new RandomForest({ ...options, ...change }, 1);
    for (const make of [predicateKernel, predicateWasmKernel, bitSliceKernel, bitSliceWasmKernel]) {
      expect(make(shape)).toBeUndefined();
    }
  }
  expect(predicateKernel(new RandomForest({ ...options, vectors: true }, 1).shape)).toBeUndefined();
});

test.each(KERNELS)('%s takes a forest without trees, and rows of a forest that only has leaves', (_name, make) => {
  for (const [treeCount, depth] of [
    [0, 0],
    [9, 0],
  ] as const) {
    const options = {
      features: 2,
      outputs: 3,
      depth,
      treeCount,
      stops: 0,
      categorical: false,
      vectors: false,
      more: 0,
    };
    expect(expectSameBits(make, new RandomForest(options, 1))).toBe(true);
  }
});

test('more outputs than a memory should hold are left to the kernels in TypeScript', () => {
  const options = { features: 2, outputs: 70_000, depth: 2, treeCount: 3, stops: 0, categorical: false, more: 0 };
  for (const vectors of [false, true]) {
    const { shape } = new RandomForest({ ...options, outputs: vectors ? 65 : 70_000, vectors }, 1);
    for (const make of [predicateWasmKernel, bitSliceWasmKernel, deepWasmKernel]) expect(make(shape)).toBeUndefined();
  }
});

test('there is no memory of more bytes than an int32 counts', () => {
  expect(newMemory(65_536)?.buffer.byteLength).toBe(65_536);
  expect(newMemory(2 ** 31)).toBeUndefined();
});

test('a feature may have more thresholds than a rank can count', () => {
  // One column of 200,000 thresholds: it becomes several, and ranks in each are exact.
  const options = {
    features: 1,
    outputs: 1,
    depth: 17,
    treeCount: 1,
    stops: 0,
    categorical: false,
    vectors: false,
    more: 200_000,
  };
  for (const make of [deepKernel, deepWasmKernel]) {
    expect(expectSameBits(make, new RandomForest(options, 3))).toBe(true);
  }
});

test.each([
  ['numerical', false],
  ['categorical', true],
])('numbers of columns beyond 15 bits are no negative ranks: %s', (_, categorical) => {
  const options = { features: 40_000, outputs: 1, depth: 7, treeCount: 600, stops: 0, vectors: false, more: 0 };
  const forest = new RandomForest({ ...options, categorical }, 7);
  const tables = deepTables(forest.shape.trees);
  // With codes beside them such numbers have no room: then the plain walk answers.
  expect(tables === undefined ? 'none' : tables.columnCount > 32_768).toBe(categorical ? 'none' : true);
  for (const rowCount of [1, 9]) {
    const rows = forest.rows(rowCount);
    const [expected, margins] = [new Float32Array(rowCount), new Float32Array(rowCount)];
    plainWalk(forest.shape).addLeaves(rows, rowCount, expected, 0, 600);
    deepKernel(forest.shape).addLeaves(rows, rowCount, margins, 0, 600);
    expect(bitsOf(margins)).toEqual(bitsOf(expected));
  }
});

test('sets too long for the tables of the deep kernel are walked all the same', () => {
  const { shape } = new RandomForest(
    { features: 3, outputs: 2, depth: 7, treeCount: 40, stops: 0, categorical: true, vectors: false, more: 0 },
    5,
  );
  const categories = shape.trees.categories as NonNullable<Trees['categories']>;
  const bits = Int32Array.from({ length: categories.bits.length + 50_000 }, (_, i) => categories.bits[i] ?? -1);
  const longest = shape.trees.left.findIndex((left, node) => left >= 0 && (categories.starts[node] as number) >= 0);
  const starts = categories.starts.with(longest, categories.bits.length);
  const sizes = categories.sizes.with(longest, 50_000);
  const trees = { ...shape.trees, categories: { ...categories, starts, sizes, bits } };
  const rows = Float32Array.from({ length: 300 }, (_, i) => (i * 7919) % 1_700_000);
  const [expected, margins] = [new Float32Array(200), new Float32Array(200)];
  plainWalk({ ...shape, trees }).addLeaves(rows, 100, expected, 0, 40);
  deepKernel({ ...shape, trees }).addLeaves(rows, 100, margins, 0, 40);
  expect(bitsOf(margins)).toEqual(bitsOf(expected));
});
