import { bitSliceKernel } from './bit-slice-kernel.ts';
import { bitSliceWasmKernel } from './bit-slice-wasm.ts';
import { deepKernel } from './deep-kernel.ts';
import type { Kernel, KernelShape } from './kernel.ts';
import { plainWalk } from './plain-walk.ts';
import { predicateKernel } from './predicate-kernel.ts';

/** Rows that walk plainly, in all, before it pays to build the tables of a faster kernel. */
const ROWS_BEFORE_TABLES = 8;
/** From so many rows at once the kernels over many rows win. */
const MANY_ROWS_WASM = 10;
const MANY_ROWS = 16;

/**
 * The one place where a kernel is chosen: by how many rows are asked for at once, and by the shape of the trees. All of
 * them give the same bits.
 *
 * | rows | trees up to depth 8, numerical, a number at each leaf | all others |
 * |---|---|---|
 * | the first few | plain walk | plain walk |
 * | few | predicates | deep |
 * | many | bit slices, in WebAssembly where that has SIMD | deep |
 */
export function chooseKernel(shape: KernelShape): Kernel {
  const plain = plainWalk(shape);
  const few = lazily(() => predicateKernel(shape) ?? deep());
  const deep = lazily(() => deepKernel(shape));
  const wasm = lazily(() => bitSliceWasmKernel(shape) ?? 'none');
  const many = lazily(() => bitSliceKernel(shape) ?? deep());
  let walked = 0;

  const kernelFor = (rowCount: number): Kernel => {
    if (walked < ROWS_BEFORE_TABLES) {
      walked += rowCount;
      if (walked < ROWS_BEFORE_TABLES) return plain;
    }
    if (rowCount < MANY_ROWS_WASM) return few();
    const fastest = wasm();
    if (fastest !== 'none') return fastest;
    return rowCount < MANY_ROWS ? few() : many();
  };
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      kernelFor(rowCount).addLeaves(rows, rowCount, margins, firstTree, lastTree);
    },
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
