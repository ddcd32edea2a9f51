import { bitSliceKernel, SLICE } from './bit-slice-kernel.ts';
import { bitSliceWasmKernel } from './bit-slice-wasm.ts';
import { deepKernel } from './deep-kernel.ts';
import { deepWasmKernel } from './deep-wasm.ts';
import type { Kernel, KernelShape } from './kernel.ts';
import { plainWalk } from './plain-walk.ts';
import { predicateKernel } from './predicate-kernel.ts';
import { predicateWasmKernel } from './predicate-wasm.ts';

/** Tables cost about as much as so many plain walks for each node that they are made of, and so many whatever their size. */
const WALKS_OF_A_NODE = 1.5;
const WALKS_OF_TABLES = 400_000;
/** From so many rows at once bit slices win: with WebAssembly, with it and vectors for leaves, and without it. */
const MANY_ROWS_WASM = 24;
const MANY_ROWS_WASM_VECTORS = 45;
const MANY_ROWS = 28;

/**
 * The one place where a kernel is chosen, by how many rows are asked for at once and by the shape of the trees. All of
 * them give the same bits; test/bench/forest measures them.
 *
 * | rows at once | trees up to depth 8, numerical | all others |
 * |---|---|---|
 * | the first of all, before tables pay | plain walk | plain walk |
 * | few | predicates (without WebAssembly no vectors at leaves: then deep) | deep |
 * | many | bit slices | deep |
 *
 * Each of these kernels in WebAssembly, where there is WebAssembly with SIMD and the tables have room in its memory.
 */
export function chooseKernel(shape: KernelShape): Kernel {
  const { trees } = shape;
  const plain = plainWalk(shape);
  const deep = lazily(() => deepWasmKernel(shape) ?? deepKernel(shape));
  const few = lazily(() => predicateWasmKernel(shape) ?? predicateKernel(shape));
  const manyWasm = lazily(() => bitSliceWasmKernel(shape));
  const many = lazily(() => slicesAndRest(shape, bitSliceKernel(shape), few()));
  const manyRowsWasm = trees.vectors === undefined ? MANY_ROWS_WASM : MANY_ROWS_WASM_VECTORS;
  const walksWorthTables = WALKS_OF_A_NODE * trees.left.length + WALKS_OF_TABLES;
  const rowsWorthTables = walksWorthTables / Math.max(1, trees.groups.length);
  let rowsSoFar = 0;

  const fastest = (rowCount: number): Kernel => {
    const slices = rowCount >= manyRowsWasm ? manyWasm() : undefined;
    if (slices !== undefined) return slices;
    if (rowCount >= MANY_ROWS && manyWasm() === undefined) return many() ?? deep();
    return few() ?? deep();
  };
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      rowsSoFar += rowCount;
      const kernel = rowsSoFar < rowsWorthTables ? plain : fastest(rowCount);
      kernel.addLeaves(rows, rowCount, margins, firstTree, lastTree);
    },
  };
}

/** Rows beyond the last whole slice, where they are few, would cost as much as a slice. */
function slicesAndRest(
  { featureCount, outputCount }: KernelShape,
  slices: Kernel | undefined,
  few: Kernel | undefined,
): Kernel | undefined {
  if (slices === undefined || few === undefined) return slices;
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      const rest = rowCount % SLICE;
      const sliced = rest < MANY_ROWS ? rowCount - rest : rowCount;
      slices.addLeaves(rows, sliced, margins, firstTree, lastTree);
      if (sliced === rowCount) return;
      const [restRows, restMargins] = [rows.subarray(sliced * featureCount), margins.subarray(sliced * outputCount)];
      few.addLeaves(restRows, rest, restMargins, firstTree, lastTree);
    },
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
