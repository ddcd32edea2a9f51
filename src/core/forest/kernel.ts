import type { Trees } from './trees.ts';

/**
 * A way to walk the trees. All kernels give the same bits: each margin is a float32 to which the leaves of its trees are
 * added one by one, in the file's order, rounded to float32 after each (a sum in another order is another sum).
 */
export interface Kernel {
  /**
   * Adds the leaves of the trees [firstTree, lastTree) to `margins`, row-major `[row][output]`. `rows` is row-major
   * with featureCount columns; NaN is missing.
   */
  addLeaves(rows: Float32Array, rowCount: number, margins: Float32Array, firstTree: number, lastTree: number): void;
}

/** What a kernel is built from. */
export interface KernelShape {
  readonly trees: Trees;
  readonly featureCount: number;
  readonly outputCount: number;
}
