import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ForestBuilder } from '../../../src/core/forest/forest-builder.ts';
import { importance, linearImportance } from '../../../src/core/forest/importance.ts';
import type { Trees } from '../../../src/core/forest/trees.ts';
import { builtTrees } from '../../support/built-trees.ts';

/** Each tree is a chain: split i has a leaf at its left and split i + 1 at its right. */
interface DrawnSplit {
  readonly feature: number;
  readonly gain: number;
  readonly cover: number;
}

function build(chains: readonly (readonly DrawnSplit[])[]): Trees {
  const builder = new ForestBuilder();
  for (const splits of chains) {
    for (const [i, { feature, gain, cover }] of splits.entries()) {
      pushNode(builder, 2 * i + 1, 2 * i + 2, feature, gain, cover);
      // A leaf's numbers must not count.
      pushNode(builder, -1, -1, 4, 1000, 1000);
    }
    pushNode(builder, -1, -1, 4, 1000, 1000);
    builder.finishTree();
  }
  return builtTrees(builder, new Int32Array(chains.length), { featureCount: 5, outputCount: 1 });
}

function pushNode(
  builder: ForestBuilder,
  left: number,
  right: number,
  feature: number,
  gain: number,
  cover: number,
): void {
  builder.left.push(left);
  builder.right.push(right);
  builder.feature.push(feature);
  builder.value.push(0);
  builder.defaultLeft.push(0);
  builder.gain.push(gain);
  builder.cover.push(cover);
}

const splitOf = fc.record({
  feature: fc.nat(3),
  gain: fc.float({ min: 0, max: 1000, noNaN: true }),
  cover: fc.integer({ min: 1, max: 1000 }),
});

test('weight counts splits, totals add up, means divide by the count; unused features are absent', () => {
  fc.assert(
    fc.property(fc.array(fc.array(splitOf, { maxLength: 6 }), { minLength: 1, maxLength: 5 }), (chains) => {
      const shape = { trees: build(chains), featureCount: 5 };
      const used = [...new Set(chains.flat().map(({ feature }) => feature))].sort((a, b) => a - b);
      const scores = (kind: 'gain' | 'cover'): number[][] =>
        used.map((feature) => {
          const own = chains.flat().filter((split) => split.feature === feature);
          // Chains to the right are met from the top down, which is XGBoost's order.
          const sum = own.reduce((before, split) => Math.fround(before + split[kind]), 0);
          return [feature, sum, Math.fround(sum / own.length), own.length];
        });
      for (const kind of ['gain', 'cover'] as const) {
        const want = scores(kind);
        expect([...importance(shape, `total_${kind}`)]).toEqual(want.map(([feature, sum]) => [feature, sum]));
        expect([...importance(shape, kind)]).toEqual(want.map(([feature, , mean]) => [feature, mean]));
        expect([...importance(shape, 'weight')]).toEqual(want.map(([feature, , , count]) => [feature, count]));
      }
    }),
  );
});

test("sums are float32, in XGBoost's order: a split, its right side, its left side", () => {
  const builder = new ForestBuilder();
  // 2^24 + 1 is no float32: what comes before 2^24 counts, a single 1 after it does not.
  pushNode(builder, 1, 2, 0, 1, 1);
  pushNode(builder, 3, 4, 0, 2 ** 24, 1);
  pushNode(builder, 5, 6, 0, 1, 1);
  for (let leaf = 0; leaf < 4; leaf++) pushNode(builder, -1, -1, 0, 0, 1);
  builder.finishTree();
  const trees = builtTrees(builder, Int32Array.of(0), { featureCount: 5, outputCount: 1 });
  expect(importance({ trees, featureCount: 5 }, 'total_gain').get(0)).toBe(2 ** 24 + 2);
});

test('without statistics only the weight is known', () => {
  const trees = { ...build([[{ feature: 2, gain: 1, cover: 1 }]]), statistics: undefined };
  expect([...importance({ trees, featureCount: 5 }, 'weight')]).toEqual([[2, 1]]);
  expect(() => importance({ trees, featureCount: 5 }, 'gain')).toThrow('no statistics');
});

test("a linear model's features have their coefficients, by output", () => {
  const weights = Float32Array.of(1, 2, 3, 4, 0.5, 0.25);
  expect([...linearImportance(weights, 2, 2)]).toEqual([
    [0, [1, 2]],
    [1, [3, 4]],
  ]);
});
