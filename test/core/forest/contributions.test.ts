import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ContributionKind, contributions, linearContributions } from '../../../src/core/forest/contributions.ts';
import { ForestBuilder } from '../../../src/core/forest/forest-builder.ts';
import { plainWalk } from '../../../src/core/forest/plain-walk.ts';
import type { Trees } from '../../../src/core/forest/trees.ts';
import { builtTrees } from '../../support/built-trees.ts';

const FEATURES = 4;
const WIDTH = FEATURES + 1;

/** A tree as one would draw it. A leaf has a weight for each output that it adds to. */
type Node = Leaf | Split;
interface Leaf {
  readonly weights: readonly number[];
  readonly cover: number;
}
interface Split {
  readonly feature: number;
  /** What goes left: values below a number, or those outside a set of categories. */
  readonly condition: number | readonly number[];
  readonly missingLeft: boolean;
  readonly left: Node;
  readonly right: Node;
}
interface DrawnForest {
  readonly trees: readonly Node[];
  readonly hasVectors: boolean;
}

const OUTPUTS = 2;

function nodeOf(depth: number, leafSize: number): fc.Arbitrary<Node> {
  const leaf = fc.record({
    weights: fc.array(fc.integer({ min: -8, max: 8 }), { minLength: leafSize, maxLength: leafSize }),
    cover: fc.integer({ min: 1, max: 50 }),
  });
  if (depth === 0) return leaf;
  const child = nodeOf(depth - 1, leafSize);
  const split = fc.record({
    feature: fc.nat(FEATURES - 1),
    condition: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 3 })),
    missingLeft: fc.boolean(),
    left: child,
    right: child,
  });
  return fc.oneof({ arbitrary: leaf, weight: 1 }, { arbitrary: split, weight: 7 });
}

const forest: fc.Arbitrary<DrawnForest> = fc.boolean().chain((hasVectors) =>
  fc.record({
    trees: fc.array(nodeOf(5, hasVectors ? OUTPUTS : 1), { minLength: 1, maxLength: 4 }),
    hasVectors: fc.constant(hasVectors),
  }),
);
const value = fc.oneof({ arbitrary: fc.nat(5), weight: 5 }, { arbitrary: fc.constant(Number.NaN), weight: 1 });
const rowsOf = fc.array(fc.array(value, { minLength: FEATURES, maxLength: FEATURES }), { minLength: 1, maxLength: 3 });

function coverOf(node: Node): number {
  return 'weights' in node ? node.cover : coverOf(node.left) + coverOf(node.right);
}

function goesLeft({ feature, condition, missingLeft }: Split, row: readonly number[]): boolean {
  const x = row[feature] as number;
  if (Number.isNaN(x)) return missingLeft;
  return typeof condition === 'number' ? x < condition : !condition.includes(x);
}

/** What a tree gives if only the features in `known`, a set of bits, are known: the path-dependent expectation. */
function expectation(node: Node, row: readonly number[], known: number, k: number): number {
  if ('weights' in node) return node.weights[k] as number;
  if (((known >> node.feature) & 1) === 1)
    return expectation(goesLeft(node, row) ? node.left : node.right, row, known, k);
  const shareLeft = coverOf(node.left) / coverOf(node);
  return shareLeft * expectation(node.left, row, known, k) + (1 - shareLeft) * expectation(node.right, row, known, k);
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
const sizeOf = (set: number): number => set.toString(2).replaceAll('0', '').length;
const ALL = (1 << FEATURES) - 1;

/** Shapley's definition: how much a feature adds to each set of others, averaged over all orders of the features. */
function shapley(game: (known: number) => number, feature: number): number {
  let sum = 0;
  for (let set = 0; set <= ALL; set++) {
    if (((set >> feature) & 1) === 1) continue;
    const size = sizeOf(set);
    const orders = (factorial(size) * factorial(FEATURES - size - 1)) / factorial(FEATURES);
    sum += orders * (game(set | (1 << feature)) - game(set));
  }
  return sum;
}

/** Half of how much knowing one feature changes the Shapley value of another. */
function interaction(game: (known: number) => number, one: number, other: number): number {
  const bits = (1 << one) | (1 << other);
  let sum = 0;
  for (let set = 0; set <= ALL; set++) {
    if ((set & bits) !== 0) continue;
    const size = sizeOf(set);
    const orders = (factorial(size) * factorial(FEATURES - size - 2)) / factorial(FEATURES - 1);
    sum += (orders / 2) * (game(set | bits) - game(set | (1 << one)) - game(set | (1 << other)) + game(set));
  }
  return sum;
}

/** The means of the nodes on the row's path, one after the other. */
function meansOnPath(node: Node, row: readonly number[]): { feature: number; change: number }[] {
  if ('weights' in node) return [];
  const child = goesLeft(node, row) ? node.left : node.right;
  const change = expectation(child, [], 0, 0) - expectation(node, [], 0, 0);
  return [{ feature: node.feature, change }, ...meansOnPath(child, row)];
}

/** Tree t of a forest adds to output t modulo OUTPUTS, or with vectors to all. */
function build({ trees, hasVectors }: DrawnForest): Trees {
  const builder = new ForestBuilder();
  for (const tree of trees) addTree(builder, tree, hasVectors);
  const groups = Int32Array.from(trees, (_, t) => (hasVectors ? 0 : t % OUTPUTS));
  return builtTrees(builder, groups, { featureCount: FEATURES, outputCount: OUTPUTS });
}

function addTree(builder: ForestBuilder, root: Node, hasVectors: boolean): void {
  const first = builder.left.length;
  const categories = { nodes: [], segments: [], sizes: [], values: [] } as Record<
    'nodes' | 'segments' | 'sizes' | 'values',
    number[]
  >;
  const weights: number[] = [];
  const weightStarts = new Map<number, number>();
  const add = (node: Node): number => {
    const index = builder.left.length - first;
    builder.cover.push(coverOf(node));
    builder.gain.push(0);
    builder.left.push(-1);
    builder.right.push(-1);
    const isLeaf = 'weights' in node;
    builder.feature.push(isLeaf ? 0 : node.feature);
    builder.value.push(isLeaf ? (node.weights[0] as number) : typeof node.condition === 'number' ? node.condition : 0);
    builder.defaultLeft.push(Number(!isLeaf && node.missingLeft));
    if (isLeaf) {
      weightStarts.set(index, weights.length);
      weights.push(...node.weights);
      return index;
    }
    if (typeof node.condition !== 'number') {
      categories.nodes.push(index);
      categories.segments.push(categories.values.length);
      categories.sizes.push(node.condition.length);
      categories.values.push(...node.condition);
    }
    // The right side first: children need not stand next to each other.
    const right = add(node.right);
    const left = add(node.left);
    builder.left.values[first + index] = left;
    builder.right.values[first + index] = right;
    return index;
  };
  add(root);
  const vectors = {
    size: OUTPUTS,
    weights: Float32Array.from(weights),
    startOf: (leaf: number) => weightStarts.get(leaf) ?? -1,
  };
  builder.finishTree(categories, hasVectors ? vectors : undefined);
}

const BASE_MARGINS = Float32Array.of(0.5, -0.25);

function contribute(trees: Trees, rows: readonly (readonly number[])[], kind: ContributionKind): Float32Array {
  const shape = { trees, featureCount: FEATURES, outputCount: OUTPUTS };
  return contributions(shape, Float32Array.from(rows.flat()), rows.length, BASE_MARGINS, kind, 0, trees.groups.length);
}

/** The expectation of all trees that add to an output, as a function of what is known. */
function gameOf({ trees, hasVectors }: DrawnForest, row: readonly number[], output: number): (known: number) => number {
  const own = hasVectors ? trees : trees.filter((_, t) => t % OUTPUTS === output);
  const k = hasVectors ? output : 0;
  const answers = Array.from({ length: ALL + 1 }, (_, known) =>
    own.reduce((sum, tree) => sum + expectation(tree, row, known, k), 0),
  );
  return (known) => answers[known] as number;
}

const near = (want: number): number => expect.closeTo(want, 4) as number;

function expectCells(got: Float32Array, want: readonly number[]): void {
  expect([...got]).toEqual(want.map(near));
}

test("SHAP values are Shapley's, computed by definition", () => {
  fc.assert(
    fc.property(forest, rowsOf, (drawn, rows) => {
      const want = rows.flatMap((row) =>
        [0, 1].flatMap((output) => {
          const game = gameOf(drawn, row, output);
          const features = Array.from({ length: FEATURES }, (_, feature) => shapley(game, feature));
          return [...features, game(0) + (BASE_MARGINS[output] as number)];
        }),
      );
      expectCells(contribute(build(drawn), rows, 'shap'), want);
    }),
    { numRuns: 300 },
  );
});

test('interactions are those of the definition, and the diagonal has what remains', () => {
  fc.assert(
    fc.property(forest, rowsOf, (drawn, rows) => {
      const want = rows.flatMap((row) =>
        [0, 1].flatMap((output) => {
          const game = gameOf(drawn, row, output);
          const cells: number[] = [];
          for (let i = 0; i < FEATURES; i++) {
            const line = Array.from({ length: FEATURES }, (_, j) => (i === j ? 0 : interaction(game, i, j)));
            line[i] = shapley(game, i) - line.reduce((sum, cell) => sum + cell, 0);
            cells.push(...line, 0);
          }
          return [...cells, ...Array.from({ length: FEATURES }, () => 0), game(0) + (BASE_MARGINS[output] as number)];
        }),
      );
      expectCells(contribute(build(drawn), rows, 'interactions'), want);
    }),
    { numRuns: 300 },
  );
});

test('approximate contributions are the changes of the mean along the path', () => {
  fc.assert(
    fc.property(
      forest.filter(({ hasVectors }) => !hasVectors),
      rowsOf,
      (drawn, rows) => {
        const want = rows.flatMap((row) =>
          [0, 1].flatMap((output) => {
            const cells = Array.from({ length: FEATURES }, () => 0);
            for (const tree of drawn.trees.filter((_, t) => t % OUTPUTS === output))
              for (const { feature, change } of meansOnPath(tree, row))
                cells[feature] = (cells[feature] as number) + change;
            return [...cells, gameOf(drawn, row, output)(0) + (BASE_MARGINS[output] as number)];
          }),
        );
        expectCells(contribute(build(drawn), rows, 'saabas'), want);
      },
    ),
  );
});

// Seen with reg:pseudohubererror: where the hessian vanishes, leaves grow and their cover does not count.
test.each(['shap', 'interactions'] as const)(
  'a huge leaf counts as little as the share of training rows that it had: %s',
  (kind) => {
    const leaf = (weight: number, cover: number): Node => ({ weights: [weight], cover });
    const split = (feature: number, left: Node, right: Node): Node => {
      return { feature, condition: 1, missingLeft: false, left, right };
    };
    const plain = split(1, leaf(1, 100), split(2, leaf(-1, 60), leaf(2, 40)));
    const rows = [[2, 0, 0, 0]];
    const contributed = (tree: Node): Float32Array =>
      contribute(build({ trees: [tree], hasVectors: false }), rows, kind);
    const small = contributed(plain);
    expectCells(contributed(split(0, leaf(1e36, 2 ** -140), plain)), [...small]);
    expect(small.some((contribution) => Math.abs(contribution) > 0.1)).toBe(true);
  },
);

/** A tree that puts one feature after the other below each split's right child. */
function chain(depth: number, featureCount: number): Node {
  let node: Node = { weights: [depth], cover: 3 };
  for (let level = depth - 1; level >= 0; level--) {
    const left: Node = { weights: [level % 5], cover: 2 + (level % 7) };
    node = { feature: level % featureCount, condition: level % 3, missingLeft: level % 2 === 0, left, right: node };
  }
  return node;
}

test.each([
  [30, 30],
  [60, 40],
  [200, 200],
])('contributions of a tree %i splits deep on %i features add up to the margin', (depth, featureCount) => {
  const builder = new ForestBuilder();
  addTree(builder, chain(depth, featureCount), false);
  const size = { featureCount, outputCount: 1 };
  const shape = { trees: builtTrees(builder, Int32Array.of(0), size), ...size };
  const rows = Float32Array.from({ length: 3 * featureCount }, (_, i) => (i % 11 === 5 ? Number.NaN : (i * i) % 7));
  const margins = new Float32Array(3);
  plainWalk(shape).addLeaves(rows, 3, margins, 0, 1);
  const width = featureCount + 1;
  const shap = contributions(shape, rows, 3, new Float32Array(1), 'shap', 0, 1);
  const sums = [0, 1, 2].map((row) => total(shap.subarray(row * width, (row + 1) * width)));
  expect(sums).toEqual([...margins].map(near));
  const pairs = contributions(shape, rows, 3, new Float32Array(1), 'interactions', 0, 1);
  const lines = Array.from(shap, (_, i) => total(pairs.subarray(i * width, (i + 1) * width)));
  expect(lines).toEqual([...shap].map(near));
});

const total = (values: Float32Array): number => values.reduce((sum, x) => sum + x, 0);

test('rows do not depend on the batch that they are in, and trees may be a range', () => {
  fc.assert(
    fc.property(forest, rowsOf, fc.nat(3), (drawn, rows, cut) => {
      const shape = { trees: build(drawn), featureCount: FEATURES, outputCount: OUTPUTS };
      const many = Array.from({ length: 7000 }, (_, i) => rows[i % rows.length] as number[]);
      const whole = contribute(shape.trees, many, 'shap');
      expect(whole.subarray(-OUTPUTS * WIDTH)).toEqual(contribute(shape.trees, many.slice(-1), 'shap'));
      const flat = Float32Array.from(rows.flat());
      const middle = Math.min(cut, drawn.trees.length);
      const part = (first: number, last: number): Float32Array =>
        contributions(shape, flat, rows.length, new Float32Array(OUTPUTS), 'shap', first, last);
      const [head, tail] = [part(0, middle), part(middle, drawn.trees.length)];
      expectCells(
        part(0, drawn.trees.length),
        Array.from(head, (x, i) => x + (tail[i] as number)),
      );
    }),
    { numRuns: 20 },
  );
});

const SPLIT: Node = {
  feature: 1,
  condition: 2,
  missingLeft: true,
  left: { weights: [-1], cover: 1 },
  right: { weights: [1], cover: 3 },
};

test('base margins may differ from row to row', () => {
  const trees = build({ trees: [SPLIT], hasVectors: false });
  const shape = { trees, featureCount: FEATURES, outputCount: OUTPUTS };
  const got = contributions(shape, new Float32Array(8), 2, Float32Array.of(10, 20, 30, 40), 'shap', 0, 1);
  expect([4, 9, 14, 19].map((i) => got[i])).toEqual([10.5, 20, 30.5, 40]);
});

test('a child without cover counts as if it had next to none', () => {
  const empty: Node = { ...SPLIT, left: { weights: [-1], cover: 0 } };
  const trees = build({ trees: [empty], hasVectors: false });
  expectCells(contribute(trees, [[0, 0, 0, 0]], 'shap'), [0, -2, 0, 0, 1.5, 0, 0, 0, 0, -0.25]);
  const nothing: Node = { ...SPLIT, left: { weights: [-1], cover: 0 }, right: { weights: [1], cover: 0 } };
  const none = build({ trees: [nothing], hasVectors: false });
  expectCells(contribute(none, [[0, 0, 0, 0]], 'saabas'), [0, -1, 0, 0, 0.5, 0, 0, 0, 0, -0.25]);
});

test('what XGBoost refuses is refused', () => {
  const trees = build({ trees: [SPLIT], hasVectors: false });
  expect(() => contribute({ ...trees, statistics: undefined }, [[0, 0, 0, 0]], 'shap')).toThrow('no cover');
  const negative = build({ trees: [{ ...SPLIT, left: { weights: [-1], cover: -1 } }], hasVectors: false });
  expect(() => contribute(negative, [[0, 0, 0, 0]], 'shap')).toThrow('negative cover');
  const vectors = build({ trees: [{ weights: [1, 2], cover: 1 }], hasVectors: true });
  expect(() => contribute(vectors, [[0, 0, 0, 0]], 'saabas')).toThrow('vectors');
});

test('features of a linear model contribute weight times value', () => {
  // Two features, two outputs, and a bias for each.
  const shape = { weights: Float32Array.of(1, 2, 3, 4, 0.5, 0.25), featureCount: 2, outputCount: 2 };
  const rows = Float32Array.of(10, 100, Number.NaN, 1);
  const want = [10, 300, 1.5, 20, 400, 2.25, 0, 3, 1.5, 0, 4, 2.25];
  for (const kind of ['shap', 'saabas'] as const) {
    expect([...linearContributions(shape, rows, 2, Float32Array.of(1, 2), kind)]).toEqual(want);
  }
  expect(() => linearContributions(shape, rows, 2, Float32Array.of(1, 2), 'interactions')).toThrow('linear');
});
