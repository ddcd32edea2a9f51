import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { baseScoresOf } from '../../../src/core/forest/model-document.ts';
import { ModelError, readForest, type DumpFacts } from '../../../src/forest.ts';

const MODEL = readFileSync('fixtures/forests/xgboost-3.2.0/binary.model.json', 'utf8');
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

// eslint-disable-next-line typescript/no-explicit-any
type Loose = any;

/** The model with one thing in it changed. */
function edited(change: (document: Loose) => void): string {
  const document: Loose = JSON.parse(MODEL);
  change(document);
  return JSON.stringify(document);
}

function tree(document: Loose): Loose {
  return document.learner.gradient_booster.model.trees[0];
}

describe('a damaged or foreign model is refused with a reason', () => {
  test.each<[string, string, RegExp]>([
    ['cut in the middle', MODEL.slice(0, MODEL.length / 2), /cut off/],
    ['cut in a number', MODEL.slice(0, MODEL.indexOf('split_conditions') + 25), /cut off/],
    ['with something behind it', `${MODEL}{}`, /behind its end/],
    ['no JSON', '{"learner":', /no JSON/],
    ['another JSON', '{"a":1}', /no model of XGBoost/],
    ['without a learner', '{}', /no learner/],
    ['with two learners', edited((d) => (d.Model = { learner: d.learner })), /two objects learner/],
    ['another booster', edited((d) => (d.learner.gradient_booster.name = 'gbforest')), /gbforest/],
    [
      'a linear booster without weights',
      edited((d) => (d.learner.gradient_booster.name = 'gblinear')),
      /no model.weights/,
    ],
    ['another objective', edited((d) => (d.learner.objective.name = 'reg:mine')), /reg:mine/],
    [
      'a configuration without its model',
      edited((d) => delete d.learner.gradient_booster.model),
      /no model, only its configuration/,
    ],
    ['a pickle of 1.0', 'CONFIG-offset:\0\0', /what a pickle of an old XGBoost holds/],
    ['without trees', edited((d) => delete d.learner.gradient_booster.model.trees), /no model.trees/],
    ['fewer trees than it says', edited((d) => d.learner.gradient_booster.model.trees.pop()), /trees where it says/],
    [
      'trees in another order',
      edited((d) => d.learner.gradient_booster.model.trees.push(d.learner.gradient_booster.model.trees.shift())),
      /has the id/,
    ],
    ['a node count that is not so', edited((d) => (tree(d).tree_param.num_nodes = '3')), /says it has 3 nodes/],
    ['children of different lengths', edited((d) => tree(d).right_children.pop()), /right_children/],
    ['statistics of another length', edited((d) => tree(d).sum_hessian.pop()), /sum_hessian/],
    ['a child out of range', edited((d) => (tree(d).left_children[0] = 100_000)), /out of range/],
    ['a negative child', edited((d) => (tree(d).left_children[0] = -7)), /out of range/],
    ['a cycle', edited((d) => (tree(d).left_children[0] = 0)), /twice/],
    ['one leaf for two parents', edited((d) => (tree(d).right_children[0] = tree(d).left_children[0])), /twice/],
    ['a feature that does not exist', edited((d) => (tree(d).split_indices[0] = 99)), /feature 99/],
    ['a threshold that is text', edited((d) => (tree(d).split_conditions[0] = 'NaN')), /no JSON/],
    [
      'a threshold that is no number',
      MODEL.replace(/"split_conditions":\[[^,]*/, '"split_conditions":[NaN'),
      /split condition/,
    ],
    ['a flag that is none', edited((d) => (tree(d).default_left[0] = 2)), /neither 0 nor 1/],
    ['trees that belong nowhere', edited((d) => (d.learner.gradient_booster.model.tree_info[0] = 5)), /output 5/],
    ['fewer tree_info than trees', edited((d) => d.learner.gradient_booster.model.tree_info.pop()), /tree_info/],
    [
      'iterations that are none',
      edited((d) => (d.learner.gradient_booster.model.iteration_indptr[1] = 999)),
      /iterations/,
    ],
    ['a member twice', MODEL.replace('"tree_info":', '"tree_info":[],"tree_info":'), /tree_info twice/],
    [
      'an absurd number of features',
      edited((d) => (d.learner.learner_model_param.num_feature = '999999999999')),
      /num_feature/,
    ],
    ['a base score that is none', edited((d) => (d.learner.learner_model_param.base_score = 'x')), /base_score/],
    [
      'base scores for other outputs',
      edited((d) => (d.learner.learner_model_param.base_score = '[1,2]')),
      /2 base scores/,
    ],
    ['no version', edited((d) => delete d.version), /which XGBoost/],
    ['categories that split_type does not know', edited((d) => (tree(d).categories_nodes = [0])), /split_type/],
    ['categories that are not there', edited((d) => (tree(d).split_type[0] = 1)), /split_type/],
    ['vector leaves without weights', edited((d) => (tree(d).tree_param.size_leaf_vector = '3')), /weights for leaf/],
    ['nesting without end', `{"x":${'['.repeat(1e6)}`, /levels|nested/],
  ])('%s', (_, text, reason) => {
    expect(() => readForest(bytesOf(text))).toThrow(ModelError);
    expect(() => readForest(bytesOf(text))).toThrow(reason);
  });
});

describe('what is no model of XGBoost is named, with what to do', () => {
  test.each<[string, number[] | string, RegExp]>([
    ['nothing', '', /it is empty/],
    ['gzip', [0x1f, 0x8b, 8, 0], /gzip: unpack/],
    ['a pickle', [0x80, 4, 0x95, 0], /pickle.*save_model/],
    ['a ZIP archive', 'PK\u0003\u0004', /ZIP/],
    ['the old binary with a mark', 'binf\u0000\u0001', /old binary.*save_model/],
    ['a dump as text', 'booster[0]:\n0:[f0<1] yes=1,no=2,missing=1\n', /dump as text/],
    ['a tree of a dump as text', '0:[f0<1] yes=1,no=2,missing=1\n', /dump as text/],
    ['a Graphviz dump', 'digraph {\n', /Graphviz/],
    ['LightGBM as text', 'tree\nversion=v4\n', /LightGBM/],
    ['LightGBM as JSON', '{"name":"tree","version":"v4"}', /LightGBM/],
    ['CatBoost', 'CBM1....', /CatBoost/],
    ['CatBoost as JSON', '{"features_info":{}}', /CatBoost/],
    ['PMML', '<?xml version="1.0"?><PMML>', /XML/],
    ['ONNX', [0x08, 0x09, 0x12, 0x08, 0x73, 0x6b, 0x6c], /ONNX/],
    ['the dump of a linear model', '{"bias":[1],"weight":[1]}', /linear/],
    ['another list', '[1,2,3]', /no model of XGBoost/],
    ['text', 'hello', /no model that kpfd knows/],
    ['a dump of which nobody says the rest', '[{"nodeid":0,"leaf":1}]', /lacks the objective/],
  ])('%s', (_, content, sentence) => {
    const bytes = typeof content === 'string' ? bytesOf(content) : Uint8Array.from(content);
    expect(() => readForest(bytes)).toThrow(ModelError);
    expect(() => readForest(bytes)).toThrow(sentence);
  });

  test('the old binary format, which has no mark', () => {
    const bytes = new Uint8Array(200);
    const view = new DataView(bytes.buffer);
    view.setFloat32(0, 0.5, true);
    view.setUint32(4, 5, true);
    expect(() => readForest(bytes)).toThrow(/old binary/);
  });
});

test.each([
  ['5E-1', [0.5]],
  ['[5E-1]', [0.5]],
  ['[2.5E-1,-1E0]', [0.25, -1]],
])('a base score of %s', (text, scores) => {
  expect(baseScoresOf(text)).toEqual(scores);
});

test('a byte order mark before the JSON does no harm', () => {
  expect(readForest(bytesOf(`\uFEFF${MODEL}`)).treeCount).toBe(readForest(bytesOf(MODEL)).treeCount);
});

describe('a dump', () => {
  const facts = {
    objective: 'binary:logistic',
    outputCount: 1,
    baseScore: [0.5],
    featureNames: ['x', 'y'],
    version: '3.2.0',
  };
  const read = (text: string): ReturnType<typeof readForest> => readForest(bytesOf(text), { dump: facts });
  const leaf = (nodeid: number, value: number): object => ({ nodeid, leaf: value });
  const split = (extra: object = {}): object => ({
    nodeid: 0,
    split: 'x',
    split_condition: 1,
    yes: 1,
    no: 2,
    missing: 2,
    children: [leaf(1, -1), leaf(2, 1)],
    ...extra,
  });
  const margins = (text: string): number[] => [
    ...read(text).predictMargin(Float32Array.from([0, 0, 1, 0, Number.NaN, 0]), 3),
  ];

  test.each([
    ['a list of trees', JSON.stringify([split()])],
    ['a list of strings', JSON.stringify([JSON.stringify(split())])],
    ['trees one after the other', `${JSON.stringify(split())}\n`],
  ])('as %s', (_, text) => {
    expect(margins(text)).toEqual([-1, 1, 1]);
  });

  test('missing values go where `missing` says', () => {
    expect(margins(JSON.stringify([split({ missing: 1 })]))).toEqual([-1, 1, -1]);
  });

  test('a feature may be called by its number', () => {
    expect(margins(JSON.stringify([split({ split: 'f0' })]))).toEqual([-1, 1, 1]);
  });

  test.each<[string, unknown, RegExp]>([
    ['a feature that the schema lacks', [split({ split: 'z' })], /"z"/],
    ['categories that go left', [split({ split_condition: [1, 2] })], /categories of node 0 left/],
    ['a missing value that goes nowhere', [split({ missing: 7 })], /does not have/],
    ['children of one name', [split({ children: [leaf(1, 0), leaf(1, 0)] })], /does not have/],
    ['a condition that is text', [split({ split_condition: 'x' })], /no split condition/],
    ['one child', [split({ children: [leaf(1, 0)] })], /1 children/],
    ['names of children that it lacks', [split({ yes: 9 })], /does not have/],
    ['no leaf', [{ nodeid: 0 }], /no leaf/],
    ['no trees', [], /do not divide/],
  ])('with %s is refused', (_, document, reason) => {
    expect(() => read(JSON.stringify(document))).toThrow(reason);
  });
});

test('a dump that is nested without end is refused', () => {
  const facts = {
    objective: 'binary:logistic',
    outputCount: 1,
    baseScore: [0.5],
    featureNames: ['x'],
    version: '3.2.0',
  };
  const text = '{"nodeid":0,"children":['.repeat(1e5);
  expect(() => readForest(bytesOf(text), { dump: facts })).toThrow(ModelError);
});

test('rows of the wrong width are a mistake of the caller', () => {
  const forest = readForest(bytesOf(MODEL));
  expect(() => forest.predict(new Float32Array(7), 1)).toThrow(RangeError);
});

test('a missing value is compared as float32, beside NaN', () => {
  const forest = readForest(bytesOf(MODEL));
  const rows = new Float32Array(2 * forest.featureCount).fill(0.5);
  rows[0] = 0.1;
  rows[forest.featureCount] = Number.NaN;
  const [first, second] = forest.predictMargin(rows, 2, { missing: 0.1 });
  expect(first).toBe(second);
  expect(first).not.toBe(forest.predictMargin(rows, 2)[0]);
});

test.each(['1.2.0', '3.4.1'])('base margins may lie where the answer goes, by the arithmetic of %s', (version) => {
  const forest = readForest(bytesOf(MODEL), { version });
  const row = new Float32Array(forest.featureCount);
  const baseMargin = new Float32Array(forest.outputCount).fill(7.5);
  const wanted = forest.predictMargin(row, 1, { baseMargin });
  expect(forest.predictMargin(row, 1, { baseMargin, out: baseMargin })).toEqual(wanted);
  const shared = new Float32Array(forest.featureCount + forest.outputCount);
  const [rows, out] = [shared.subarray(0, forest.featureCount), shared.subarray(0, forest.outputCount)];
  expect(() => forest.predictMargin(rows, 1, { out })).toThrow('shares memory');
  expect(() => forest.predict(rows, 1, { out: shared.subarray(forest.featureCount) })).not.toThrow();
});

/** What the fuzzer found. */
describe('a document that XGBoost would not read', () => {
  const read = (name: string): Loose => {
    const bytes = readFileSync(`fixtures/forests/conformance/${name}`);
    return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
  };

  test('a linear model that is wrapped as a dart model', () => {
    const document = read('xgboost-1.7.4/linear-extremes.json');
    const { model, ...others } = document.learner.gradient_booster;
    document.learner.gradient_booster = { ...others, gbtree: { model } };
    expect(() => readForest(bytesOf(JSON.stringify(document)))).toThrow('it is linear, and wraps a booster');
  });

  test('a dart model with weights in two places', () => {
    const document = read('xgboost-1.7.4/dart.json.gz');
    const booster = document.learner.gradient_booster;
    booster.gbtree.model.weight_drop = booster.weight_drop;
    expect(() => readForest(bytesOf(JSON.stringify(document)))).toThrow('it has two lists weight_drop');
  });

  test('an infinite weight of a tree of one output leaves the others as they are', () => {
    const document = read('xgboost-3.4.1/scalars-then-vectors.json.gz');
    const model = document.learner.gradient_booster.model;
    const margins = (first: string): number[] => {
      model.weight_drop = model.trees.map((_: unknown, i: number) => (i === 0 ? 'FIRST' : 1));
      const forest = readForest(bytesOf(JSON.stringify(document).replace('"FIRST"', first)));
      return [...forest.predictMargin(new Float32Array(forest.featureCount), 1)];
    };
    const [sound, infinite] = [margins('1'), margins('-Infinity')];
    expect(sound.slice(1)).toEqual(infinite.slice(1));
    expect(Math.abs(infinite[0] ?? 0)).toBe(Infinity);
  });
});

test('iterations that the forest does not have are a mistake of the caller', () => {
  const forest = readForest(bytesOf(MODEL));
  const row = new Float32Array(forest.featureCount);
  for (const iterationRange of [
    [-1, 2],
    [3, 2],
    [0, forest.iterationCount + 1],
    [0.5, 1],
  ] as const) {
    expect(() => forest.predict(row, 1, { iterationRange })).toThrow(RangeError);
  }
});

test('what a pickle holds says how many trees were grown at once, which a model before 1.6 does not', () => {
  const document: Loose = JSON.parse(MODEL);
  const { trees, ...others } = document.learner.gradient_booster.model;
  document.version = [1, 4, 2];
  document.learner.gradient_booster.model = {
    ...others,
    trees,
    iteration_indptr: undefined,
    gbtree_model_param: { num_trees: String(trees.length), size_leaf_vector: '0' },
  };
  const old = JSON.stringify(document);
  const configured =
    '{"learner":{"gradient_booster":{"gbtree_train_param":{"num_parallel_tree":"2"},"name":"gbtree"}}}';
  const pickled = `{"Config":${configured},"Model":${old}}`;
  expect(readForest(bytesOf(old)).iterationCount).toBe(trees.length);
  expect(readForest(bytesOf(pickled)).iterationCount).toBe(Math.ceil(trees.length / 2));
});

test('a linear model before its first round has no weights, and predicts its base score', () => {
  // Not in the conformance suite: XGBoost 1.7.4 reads such weights where there are none.
  const text = edited((document) => {
    document.learner.gradient_booster = { name: 'gblinear', model: { weights: [] } };
    document.learner.learner_model_param.base_score = '2.5E-1';
  });
  const forest = readForest(bytesOf(text));
  expect([...forest.predict(new Float32Array(forest.featureCount), 1)]).toEqual([0.25]);
});

test.each(['[Infinity]', '[-Infinity]'])(
  'a base score of %s, as XGBoost 3.4.1 writes 1e39, is that of every row',
  (score) => {
    const text = edited(({ learner }) => {
      learner.objective = { name: 'reg:squarederror', reg_loss_param: { scale_pos_weight: '1' } };
      learner.learner_model_param.base_score = score;
    });
    const forest = readForest(bytesOf(text));
    const infinite = Number(score.slice(1, -1));
    expect([...forest.predictMargin(new Float32Array(2 * forest.featureCount), 2)]).toEqual([infinite, infinite]);
  },
);

describe('what a caller in JavaScript passes is refused in a sentence, where it would be misread', () => {
  const forest = readForest(bytesOf(MODEL));
  const row = new Float32Array(forest.featureCount);
  const given = (value: unknown): never => value as never;
  const dumped = (facts: Partial<DumpFacts>): unknown =>
    readForest(new TextEncoder().encode('[{"nodeid":0,"leaf":0.5}]'), {
      dump: {
        objective: 'reg:squarederror',
        outputCount: 1,
        baseScore: [0],
        featureNames: ['a'],
        version: '3.4.1',
        ...facts,
      },
    });

  test.each<[string, () => unknown, RegExp]>([
    ['an ArrayBuffer', () => readForest(given(row.buffer)), /^a model is a Uint8Array .* not an ArrayBuffer$/],
    ['a text', () => readForest(given(MODEL)), /not a string$/],
    ['nothing', () => readForest(given(undefined)), /not nothing$/],
    [
      'rows in float64',
      () => forest.predict(given(new Float64Array(row)), 1),
      /^rows are a Float32Array, not a Float64Array/,
    ],
    ['rows in a list', () => forest.leaves(given([...row]), 1), /not an Array/],
    [
      'margins in float64',
      () => forest.predict(row, 1, { baseMargin: given(new Float64Array(1)) }),
      /^base margins are/,
    ],
    ['a missing value as text', () => forest.predict(row, 1, { missing: given('0') }), /^a missing value is a number/],
    ['iterations as text', () => forest.predict(row, 1, { iterationRange: given('0,1') }), /not a string$/],
    ['one iteration', () => forest.predict(row, 1, { iterationRange: given([0]) }), /not \[0\]$/],
    ['three iterations', () => forest.predict(row, 1, { iterationRange: given([0, 1, 1]) }), /not \[0, 1, 1\]$/],
    [
      'a dump with a comma in the base score',
      () => dumped({ baseScore: given(['0,5']) }),
      /^baseScore .* has "0,5" in it$/,
    ],
    [
      'a dump with one base score',
      () => dumped({ baseScore: given(0.5) }),
      /^baseScore is a list of numbers, not a number$/,
    ],
    ['a dump without a base score', () => dumped({ baseScore: [Number.NaN] }), /^baseScore is a list of numbers/],
    [
      'a dump without names',
      () => dumped({ featureNames: given(undefined) }),
      /^featureNames is a list of texts, not nothing$/,
    ],
    ['a dump with a name twice', () => dumped({ featureNames: ['a', 'a'] }), /^featureNames has "a" twice$/],
    ['no best iteration', () => forest.predict(row, 1, { iterationRange: [0, Number.NaN] }), /not \[0, NaN\]$/],
    ['another kind', () => forest.contributions(row, 1, { kind: given('foo') }), /^"foo" is no kind of contributions/],
    ['no kind', () => forest.contributions(row, 1, given(undefined)), /^undefined is no kind of contributions/],
    ['another importance', () => forest.importance(given('foo')), /^"foo" is no kind of importance: there are gain, /],
  ])('%s', (_, call, sentence) => {
    expect(call).toThrow(sentence);
    expect(call).toThrow(expect.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError));
  });
});
