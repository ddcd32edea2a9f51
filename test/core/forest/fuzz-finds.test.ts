/** What npm run fuzz:forest found, or thinking about it: each of these models was read, and must be refused. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ModelError, readForest, type DumpFacts } from '../../../src/forest.ts';

const FOLDER = 'fixtures/forests/conformance/xgboost-3.4.1';
const MODEL = readFileSync(`${FOLDER}/one-tree.json`, 'utf8');
const UBJSON = readFileSync(`${FOLDER}/one-tree.ubj`);
const CATEGORIES = gunzipSync(readFileSync(`${FOLDER}/categories-onehot.json.gz`)).toString('utf8');
const VECTORS = gunzipSync(readFileSync(`${FOLDER}/vector-leaves.json.gz`)).toString('utf8');

/** The text with one part replaced, which must be in it. */
function replaced(text: string, part: string | RegExp, by: string): string {
  const changed = text.replace(part, () => by);
  if (changed === text) throw new Error(`nothing was replaced by ${by}`);
  return changed;
}

function read(text: string): ReturnType<typeof readForest> {
  return readForest(new TextEncoder().encode(text));
}

describe('refused is a JSON model with', () => {
  test.each<[string, string, RegExp]>([
    // It was read as 0.
    ['a number without a digit before its exponent', replaced(MODEL, '[-4E-1,', '[E0,'), /no JSON|number belongs/],
    ['the same, negative', replaced(MODEL, '[-4E-1,', '[-E-1,'), /no JSON|number belongs/],
    ['a number without a digit behind its point', replaced(MODEL, '[-4E-1,', '[1.e5,'), /no JSON|number belongs/],
    // The last one won.
    ['a parameter twice', replaced(MODEL, '"num_class":', '"num_class":"3","num_class":'), /num_class twice/],
    ['the number of trees twice', replaced(MODEL, '"num_trees":', '"num_trees":"9","num_trees":'), /num_trees twice/],
    // Number() makes something of them.
    ['a version of texts', replaced(MODEL, '[3,4,1]', '["1","2","1"]'), /which XGBoost/],
    ['a version of nothing', replaced(MODEL, '[3,4,1]', '[null,null,null]'), /which XGBoost/],
    ['a version of lists', replaced(MODEL, '[3,4,1]', '[[3],4,1]'), /which XGBoost/],
    ['a hexadecimal base score', replaced(MODEL, '[-3.9934894E-1]', '[0x10]'), /base_score/],
    ['a base score in a list of its own', replaced(MODEL, '"[-3.9934894E-1]"', '[0.5]'), /base_score/],
    // It was taken for 1.
    ['a number of targets that is null', replaced(MODEL, '"num_target":"1"', '"num_target":null'), /num_target/],
    ['a number of parallel trees that is null', withoutIterations(), /num_parallel_tree/],
    // They were counted, as in files that have none.
    [
      'iterations that are an empty list',
      replaced(MODEL, '"iteration_indptr":[0,1]', '"iteration_indptr":[]'),
      /iterations/,
    ],
    // XGBoost 3.4.1 aborts over it.
    ['categorical splits in another order', withCategories((lists) => reverse(lists)), /do not ascend/],
    // 1 MB of them asked for hours.
    ['categories that all splits share', withCategories((lists) => share(lists)), /share their categories/],
    // 2 MB of them asked for 400 GB.
    ['weights that all leaves share', withSharedVectors(), /share their weights/],
  ])('%s', (_, text, reason) => {
    expect(() => read(text)).toThrow(ModelError);
    expect(() => read(text)).toThrow(reason);
  });
});

/** As before XGBoost 2.0, where the iterations follow from the number of parallel trees. */
function withoutIterations(): string {
  const without = replaced(MODEL, '"iteration_indptr":[0,1],', '');
  return replaced(without, '"num_parallel_tree":"1"', '"num_parallel_tree":null');
}

interface CategoryLists {
  categories: number[];
  categories_nodes: number[];
  categories_segments: number[];
  categories_sizes: number[];
}

function withCategories(change: (tree: CategoryLists) => void): string {
  const document = JSON.parse(CATEGORIES) as {
    learner: { gradient_booster: { model: { trees: CategoryLists[] } } };
  };
  const tree = document.learner.gradient_booster.model.trees.find((found) => found.categories_nodes.length > 1);
  change(tree as CategoryLists);
  return JSON.stringify(document);
}

/** Each split keeps its categories. */
function reverse(tree: CategoryLists): void {
  for (const key of ['categories_nodes', 'categories_segments', 'categories_sizes'] as const) tree[key].reverse();
}

function share(tree: CategoryLists): void {
  tree.categories_segments.fill(0);
  tree.categories_sizes.fill(tree.categories.length);
}

function withSharedVectors(): string {
  interface Tree {
    left_children: number[];
    right_children: number[];
    leaf_weights: number[];
  }
  const document = JSON.parse(VECTORS) as { learner: { gradient_booster: { model: { trees: Tree[] } } } };
  const [tree] = document.learner.gradient_booster.model.trees as [Tree];
  for (const [node, child] of tree.left_children.entries()) if (child < 0) tree.right_children[node] = 0;
  tree.leaf_weights.length = 3;
  return JSON.stringify(document);
}

describe('read is a model with an unknown member that is', () => {
  // A bracket in a text, or the end of an inner list, was taken for the end of the list.
  test.each(['[1,"]"]', '[1,[2]]', '[0,[],{"a":[1]}]', '[ 1 , "],\\"learner\\":[" ]', '[{"]":1}]'])('%s', (list) => {
    const rows = Float32Array.from({ length: 60 }, (_, i) => (i % 7) - 3);
    const forest = read(replaced(MODEL, '"base_weights":', `"unknown":${list},"base_weights":`));
    expect(forest.predict(rows, 10)).toEqual(read(MODEL).predict(rows, 10));
  });
});

test('lists in lists are passed over in one go, not once for each level', () => {
  const text = `{"x":${'[1,'.repeat(1000)}${' '.repeat(5e6)}`;
  const start = performance.now();
  expect(() => read(text)).toThrow(ModelError);
  expect(performance.now() - start).toBeLessThan(2000);
});

describe('refused is a UBJSON model with', () => {
  test('a parameter twice', () => {
    const key = Buffer.from('num_class');
    const at = UBJSON.indexOf(key) - 9;
    // L, the key's length and the key, then S, L, the text's length and the text.
    const member = UBJSON.subarray(at, at + 9 + key.length + 10 + 1);
    const bytes = Buffer.concat([UBJSON.subarray(0, at), member, UBJSON.subarray(at)]);
    expect(() => readForest(bytes)).toThrow(/num_class twice/);
  });

  test('a list that needs many times the memory of its file', () => {
    const key = Buffer.from('feature_names[#L\0\0\0\0\0\0\0\0');
    const at = UBJSON.indexOf(key);
    expect(at).toBeGreaterThan(0);
    const list = Buffer.from('feature_names[$U#L\0\0\0\0\x01\0\0\x01', 'latin1');
    const values = Buffer.alloc(2 ** 24 + 1);
    const bytes = Buffer.concat([UBJSON.subarray(0, at), list, values, UBJSON.subarray(at + key.length)]);
    expect(() => readForest(bytes)).toThrow(/more than a model has/);
  });
});

describe('refused is a dump with', () => {
  const dump: DumpFacts = {
    objective: 'reg:squarederror',
    outputCount: 1,
    baseScore: [0.5],
    featureNames: ['x', 'null'],
    version: '3.4.1',
  };
  const split = (extra: object): string =>
    JSON.stringify([
      {
        nodeid: 0,
        split: 'x',
        split_condition: 1,
        yes: 1,
        no: 2,
        missing: 2,
        children: [
          { nodeid: 1, leaf: -1 },
          { nodeid: 2, leaf: 1 },
        ],
        ...extra,
      },
    ]);

  test.each<[string, object, RegExp]>([
    ['a split on a list', { split: ['x'] }, /no feature/],
    ['a split on null, where a feature has that name', { split: null }, /no feature/],
    ['a category that is a text', { split_condition: ['1'], yes: 2, no: 1 }, /category/],
    ['a category that is null', { split_condition: [null], yes: 2, no: 1 }, /category/],
  ])('%s', (_, extra, reason) => {
    expect(() => readForest(new TextEncoder().encode(split(extra)), { dump })).toThrow(reason);
  });
});

test('refused is a dump with other trees than weightDrop has numbers', () => {
  const leaf = (value: number): string => `{"nodeid":0,"leaf":${value}}`;
  const facts: DumpFacts = {
    objective: 'reg:squarederror',
    outputCount: 1,
    baseScore: [0],
    featureNames: ['a'],
    version: '3.4.1',
    weightDrop: [1, 0.5],
  };
  const dump = (...leaves: number[]): Uint8Array => new TextEncoder().encode(`[${leaves.map(leaf).join(',')}]`);
  expect(() => readForest(dump(1), { dump: facts })).toThrow('it has 1 trees, and weightDrop 2 numbers');
  expect([...readForest(dump(1, 1), { dump: facts }).predict(Float32Array.of(0), 1)]).toEqual([1.5]);
});
