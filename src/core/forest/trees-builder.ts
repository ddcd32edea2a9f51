import type { Trees } from './forest.ts';
import { ModelError } from './model-error.ts';

/** One tree as a reader found it, children numbered from 0; -1 at a leaf. Nodes that the root does not reach are allowed. */
export interface TreeColumns {
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly feature: readonly number[];
  readonly value: readonly number[];
  readonly defaultLeft: readonly boolean[];
}

/** Puts trees one after the other into the columns of a forest, and lets only sound ones in. */
export class TreesBuilder {
  readonly #featureCount: number;
  readonly #roots: number[] = [];
  readonly #groups: number[] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #feature: number[] = [];
  readonly #value: number[] = [];
  readonly #defaultLeft: number[] = [];

  constructor(featureCount: number) {
    this.#featureCount = featureCount;
  }

  add(tree: TreeColumns, group: number): void {
    const number = this.#roots.length;
    this.#check(tree, number);
    const offset = this.#left.length;
    this.#roots.push(offset);
    this.#groups.push(group);
    for (let i = 0; i < tree.left.length; i++) {
      const leaf = tree.left[i] === -1;
      this.#left.push(leaf ? -1 : offset + (tree.left[i] as number));
      this.#right.push(leaf ? -1 : offset + (tree.right[i] as number));
      this.#feature.push(leaf ? 0 : (tree.feature[i] as number));
      this.#value.push(tree.value[i] as number);
      this.#defaultLeft.push(Number(tree.defaultLeft[i]));
    }
  }

  /** A walk from the root must end: every node is reached from one parent at most. */
  #check(tree: TreeColumns, number: number): void {
    const count = tree.left.length;
    const fail = (problem: string): never => {
      throw new ModelError(`its tree ${number} ${problem}`);
    };
    if (count === 0) fail('has no nodes');
    const reached = new Uint8Array(count);
    const pending = [0];
    reached[0] = 1;
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      const [left, right] = [tree.left[node] as number, tree.right[node] as number];
      if (left === -1 && right === -1) {
        if (!Number.isFinite(tree.value[node])) fail(`has no number at leaf ${node}`);
        continue;
      }
      for (const child of [left, right]) {
        if (!Number.isInteger(child) || child < 0 || child >= count) fail(`has a child out of range at node ${node}`);
        if (reached[child] === 1) fail(`reaches node ${child} twice`);
        reached[child] = 1;
        pending.push(child);
      }
      const feature = tree.feature[node] as number;
      if (!Number.isInteger(feature) || feature < 0 || feature >= this.#featureCount) {
        fail(`splits node ${node} on feature ${feature} of ${this.#featureCount}`);
      }
      if (Number.isNaN(tree.value[node])) fail(`has no split condition at node ${node}`);
    }
  }

  build(): Trees {
    return {
      roots: Int32Array.from(this.#roots),
      groups: Int32Array.from(this.#groups),
      left: Int32Array.from(this.#left),
      right: Int32Array.from(this.#right),
      feature: Int32Array.from(this.#feature),
      value: Float32Array.from(this.#value),
      defaultLeft: Uint8Array.from(this.#defaultLeft),
    };
  }
}
