/**
 * The tables of padded-trees.ts in a memory of WebAssembly, which predicate-wasm.ts and bit-slice-wasm.ts share. The
 * functions of both are assembled for one forest, so that all of these addresses are constants in them.
 */
import type { KernelShape } from './kernel.ts';
import { BUNDLE, padTrees, type PaddedTrees } from './padded-trees.ts';
import { newMemory, type Memory } from './wasm-assembler.ts';

/** Rows that bit-slice-wasm.ts has under way: one for each bit of a register. */
export const ROWS = 128;
export const MASK_BYTES = ROWS / 8;
/** Vectors of more weights than this would make long functions. */
const LONGEST_VECTOR = 64;
/** The margins of ROWS rows may take two megabytes. */
const MOST_OUTPUTS = 4096;

export interface PaddedMemory {
  readonly padded: PaddedTrees;
  readonly memory: Memory;
  readonly addresses: Addresses;
  /** Registers of four float32s that a leaf's vector fills; 0 where a leaf is one number. */
  readonly vectorRegisters: number;
}

type Addresses = ReturnType<typeof layOut>['addresses'];

const known = new WeakMap<KernelShape, PaddedMemory | 'unsuitable'>();

/** Built once for both kernels of a shape; undefined where the forest does not suit, or there is no such memory. */
export function paddedMemory(shape: KernelShape): PaddedMemory | undefined {
  let tables = known.get(shape);
  if (tables === undefined) known.set(shape, (tables = build(shape) ?? 'unsuitable'));
  return tables === 'unsuitable' ? undefined : tables;
}

function build(shape: KernelShape): PaddedMemory | undefined {
  const { trees, outputCount } = shape;
  if (outputCount > (trees.vectors === undefined ? MOST_OUTPUTS : LONGEST_VECTOR)) return undefined;
  const padded = padTrees(trees);
  if (padded === undefined) return undefined;
  const vectorRegisters = trees.vectors === undefined ? 0 : Math.ceil(outputCount / 4);
  const { addresses, end } = layOut(padded, shape, vectorRegisters);
  const memory = newMemory(end);
  if (memory === undefined) return undefined;
  copyTables(memory.buffer, addresses, padded, shape);
  return { padded, memory, addresses, vectorRegisters };
}

function layOut(padded: PaddedTrees, { trees, outputCount }: KernelShape, vectorRegisters: number) {
  // A loop that counts down to the first mask must not reach below 0.
  let end = MASK_BYTES;
  const place = (bytes: number) => {
    const start = end;
    end = (end + bytes + 15) & -16;
    return start;
  };
  const { columns, predicateCount, depths, leaves, predicates } = padded;
  const addresses = {
    /** For each predicate a bit for each of the ROWS rows. */
    masks: place(predicateCount * MASK_BYTES),
    /** For each predicate a byte: the answer of one row. */
    answers: place(predicateCount),
    thresholds: place(predicateCount * 4),
    /** For each column where its thresholds begin, how many there are, and where its answers end. */
    columnStarts: place(columns.count * 4),
    columnSizes: place(columns.count * 4),
    columnEnds: place(columns.count * 4),
    /** For each column the values of ROWS rows, or of one row. */
    values: place(columns.count * ROWS * 4),
    leafNumbers: place(ROWS),
    /** The margins of ROWS rows. */
    sums: place(ROWS * 4 * Math.max(outputCount, 4 * vectorRegisters)),
    /** For each tree the leaf where one row ends. */
    found: place(depths.length * BUNDLE * 4),
    /** For each tree four times its output. */
    groups: place(trees.groups.length * 4),
    leaves: place(leaves.length * 4),
    nodes: place(predicates.length * 2),
    /** The last vector may be read beyond its end. */
    vectors: place(trees.vectors === undefined ? 0 : trees.vectors.weights.length * 4 + 16),
  };
  return { addresses, end };
}

function copyTables(
  memory: ArrayBuffer,
  addresses: Addresses,
  { columns, leaves, predicates }: PaddedTrees,
  { trees }: KernelShape,
): void {
  const { answers, vectors } = addresses;
  const thresholds = new Float32Array(memory, addresses.thresholds, columns.thresholds.length);
  thresholds.set(columns.thresholds);
  const columnStarts = new Int32Array(memory, addresses.columnStarts, columns.count);
  const columnEnds = new Int32Array(memory, addresses.columnEnds, columns.count);
  for (let column = 0; column < columns.count; column++) {
    const start = columns.starts[column] as number;
    columnStarts[column] = addresses.thresholds + 4 * start;
    columnEnds[column] = answers + start + (columns.sizes[column] as number);
  }
  new Int32Array(memory, addresses.columnSizes, columns.count).set(columns.sizes);
  const groups = new Int32Array(memory, addresses.groups, trees.groups.length);
  for (let tree = 0; tree < groups.length; tree++) groups[tree] = 4 * (trees.groups[tree] as number);
  new Uint16Array(memory, addresses.nodes, predicates.length).set(predicates);
  if (trees.vectors === undefined) {
    new Float32Array(memory, addresses.leaves, leaves.length).set(leaves);
    return;
  }
  const addressesOfLeaves = new Int32Array(memory, addresses.leaves, leaves.length);
  for (let i = 0; i < leaves.length; i++) addressesOfLeaves[i] = vectors + 4 * (leaves[i] as number);
  new Float32Array(memory, vectors, trees.vectors.weights.length).set(trees.vectors.weights);
}
