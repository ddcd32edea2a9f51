import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readDumpJson } from '../../../src/core/forest/dump-json.ts';
import { parseLooseJson, toFloat32 } from '../../../src/core/forest/loose-json.ts';
import { ModelError } from '../../../src/core/forest/model-error.ts';
import { readBaseScore, readModelJson } from '../../../src/core/forest/model-json.ts';

const MODEL = readFileSync('fixtures/forests/xgboost-3.2.0/binary.model.json', 'utf8');

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
    ['empty', '', /cut off/],
    ['no JSON', 'binf\u0000\u0001', /no JSON/],
    ['another JSON', '[1,2,3]', /no model of XGBoost/],
    ['without a learner', '{}', /no learner/],
    ['another booster', edited((d) => (d.learner.gradient_booster.name = 'gblinear')), /gblinear/],
    ['another objective', edited((d) => (d.learner.objective.name = 'rank:ndcg')), /rank:ndcg/],
    ['children of different lengths', edited((d) => tree(d).right_children.pop()), /right_children/],
    ['a child out of range', edited((d) => (tree(d).left_children[0] = 100_000)), /out of range/],
    ['a negative child', edited((d) => (tree(d).left_children[0] = -7)), /out of range/],
    ['a cycle', edited((d) => (tree(d).left_children[0] = 0)), /twice/],
    ['one leaf for two parents', edited((d) => (tree(d).right_children[0] = tree(d).left_children[0])), /twice/],
    ['a feature that does not exist', edited((d) => (tree(d).split_indices[0] = 99)), /feature 99/],
    ['a threshold that is no number', edited((d) => (tree(d).split_conditions[0] = 'NaN')), /split condition/],
    ['trees that belong nowhere', edited((d) => (d.learner.gradient_booster.model.tree_info[0] = 5)), /output 5/],
    ['fewer tree_info than trees', edited((d) => d.learner.gradient_booster.model.tree_info.pop()), /tree_info/],
    [
      'an absurd number of features',
      edited((d) => (d.learner.learner_model_param.num_feature = '999999999999')),
      /num_feature/,
    ],
    ['a base score that is none', edited((d) => (d.learner.learner_model_param.base_score = 'x')), /base_score/],
    ['no version', edited((d) => delete d.version), /which XGBoost/],
    ['categorical splits', edited((d) => (tree(d).categories_nodes = [0])), /categorical/],
    ['vector leaves', edited((d) => (tree(d).tree_param.size_leaf_vector = '3')), /vectors/],
  ])('%s', (_, text, reason) => {
    expect(() => readModelJson(text)).toThrow(ModelError);
    expect(() => readModelJson(text)).toThrow(reason);
  });
});

describe('numbers', () => {
  test('NaN and Infinity are read where XGBoost writes them bare, and only outside of strings', () => {
    expect(parseLooseJson('{"a":[NaN,-Infinity,1E-3],"NaN":"Infinity"}')).toEqual({
      a: ['NaN', '-Infinity', 1e-3],
      NaN: 'Infinity',
    });
    expect(toFloat32('-Infinity')).toBe(Number.NEGATIVE_INFINITY);
  });

  test('the one decimal that two roundings spoil is read right', () => {
    // XGBoost writes 0x1.5c87fap-84 so; as a double it lies nearer to its neighbour.
    expect(toFloat32(7.038531e-26)).toBe(0x15c87fa * 2 ** -108);
    expect(toFloat32(-7.038531e-26)).toBe(-0x15c87fa * 2 ** -108);
  });

  test.each([
    ['5E-1', [0.5]],
    ['[5E-1]', [0.5]],
    ['[2.5E-1,-1E0]', [0.25, -1]],
  ])('a base score of %s', (text, scores) => {
    expect(readBaseScore(text)).toEqual(scores);
  });
});

describe('a dump', () => {
  const facts = {
    objective: 'binary:logistic',
    outputCount: 1,
    baseScore: [0.5],
    featureNames: ['x', 'y'],
    version: [3, 2, 0],
  } as const;
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
    ...readDumpJson(text, facts).predictMargin(Float32Array.from([0, 0, 1, 0, Number.NaN, 0]), 3),
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
    ['a categorical split', [split({ split_condition: [1, 2] })], /categorical/],
    ['one child', [split({ children: [leaf(1, 0)] })], /1 children/],
    ['names of children that it lacks', [split({ yes: 9 })], /does not have/],
    ['no leaf', [{ nodeid: 0 }], /no leaf/],
    ['no trees', [], /do not divide/],
    ['no list', { a: 1 }, /no node|no leaf/],
  ])('with %s is refused', (_, document, reason) => {
    expect(() => readDumpJson(JSON.stringify(document), facts)).toThrow(reason);
  });
});

test('rows of the wrong width are a mistake of the caller', () => {
  const forest = readModelJson(MODEL);
  expect(() => forest.predict(new Float32Array(7), 1)).toThrow(RangeError);
});
