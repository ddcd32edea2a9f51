import { expect, test } from 'vitest';
import { ForestBuilder } from '../../../src/core/forest/forest-builder.ts';
import { plainWalk } from '../../../src/core/forest/plain-walk.ts';
import { builtTrees } from '../../support/built-trees.ts';

/** x0 < 1 goes left to -1, else right to 1; a missing value goes right. */
function add(builder: ForestBuilder, left: readonly number[], right: readonly number[]): void {
  for (const [i, child] of left.entries()) {
    builder.left.push(child);
    builder.right.push(right[i] as number);
    builder.feature.push(0);
    builder.value.push([1, -1, 1][i] as number);
    builder.defaultLeft.push(0);
  }
  builder.finishTree();
}

test('a row goes left below the condition, right from it on, and where missing values go', () => {
  const builder = new ForestBuilder();
  add(builder, [1, -1, -1], [2, -1, -1]);
  const trees = builtTrees(builder, Int32Array.of(0), { featureCount: 1, outputCount: 1 });
  const margins = new Float32Array(4);
  plainWalk({ trees, featureCount: 1, outputCount: 1 }).addLeaves(
    Float32Array.of(0.5, 1, 2, Number.NaN),
    4,
    margins,
    0,
    1,
  );
  expect([...margins]).toEqual([-1, 1, 1, 1]);
});

test.each<[string, number[], number[], RegExp]>([
  ['a cycle', [0, -1, -1], [2, -1, -1], /twice/],
  ['a child out of range', [7, -1, -1], [2, -1, -1], /out of range/],
  ['a negative child', [-7, -1, -1], [2, -1, -1], /out of range/],
])('%s is refused', (_, left, right, reason) => {
  expect(() => add(new ForestBuilder(), left, right)).toThrow(reason);
});

test('a category in the set goes right, what is outside of it or no category left, missing where it must', () => {
  const builder = new ForestBuilder();
  for (const [i, left] of [1, -1, -1].entries()) {
    builder.left.push(left);
    builder.right.push([2, -1, -1][i] as number);
    builder.feature.push(0);
    builder.value.push([Number.NaN, -1, 1][i] as number);
    builder.defaultLeft.push(1);
  }
  builder.finishTree({ nodes: [0], segments: [0], sizes: [2], values: [0, 33] });
  const trees = builtTrees(builder, Int32Array.of(0), { featureCount: 1, outputCount: 1 });
  // As XGBoost 1.7.4 and 3.4.1 were seen to decide: fractions are cut off, but what is negative is no category.
  const rights = [0, -0, 0.5, 33, 33.9];
  const lefts = [-0.5, -33, 1, 32, 34, 64, 1e9, 16_777_216, Infinity, -Infinity, NaN];
  const rows = Float32Array.from([...rights, ...lefts]);
  const margins = new Float32Array(rows.length);
  plainWalk({ trees, featureCount: 1, outputCount: 1 }).addLeaves(rows, rows.length, margins, 0, 1);
  expect([...margins]).toEqual([...rights.map(() => 1), ...lefts.map(() => -1)]);
});
