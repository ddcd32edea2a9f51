import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Float32Column, Int32Column } from '../../../src/core/forest/column.ts';
import type { DocumentReader } from '../../../src/core/forest/document-reader.ts';
import { JsonReader } from '../../../src/core/forest/json-reader.ts';
import { MemberNames } from '../../../src/core/forest/member-names.ts';
import { ModelError } from '../../../src/core/forest/model-error.ts';
import { UbjsonReader } from '../../../src/core/forest/ubjson-reader.ts';

/** The same model saved twice by one XGBoost (1.7.4 and 3.4.1): as JSON and as UBJSON. */
const FOLDERS = ['fixtures/forests/xgboost-1.7.6', 'fixtures/forests/xgboost-3.2.0'];

interface Found {
  readonly left: Int32Column;
  readonly conditions: Float32Column;
  readonly objective: unknown[];
}

/** A few columns of all trees, wherever in the document they stand. */
function find(reader: DocumentReader): Found {
  const found: Found = { left: new Int32Column(), conditions: new Float32Column(), objective: [] };
  const visit = (key: string): void => {
    if (key === 'left_children') reader.int32s(found.left);
    else if (key === 'split_conditions') reader.float32s(found.conditions);
    else if (key === 'objective') found.objective.push(reader.value());
    else if (['learner', 'gradient_booster', 'model'].includes(key)) reader.object(visit);
    else if (key === 'trees') reader.array(() => reader.object(visit));
    else reader.skip();
  };
  reader.object(visit);
  return found;
}

describe.each(FOLDERS)('%s', (folder) => {
  const json = new Uint8Array(readFileSync(`${folder}/binary.resaved.json`));
  const ubjson = new Uint8Array(readFileSync(`${folder}/binary.model.ubj`));
  // eslint-disable-next-line typescript/no-explicit-any
  const document: any = JSON.parse(new TextDecoder().decode(json));
  const trees: { left_children: number[]; split_conditions: number[] }[] =
    document.learner.gradient_booster.model.trees;

  test('JSON gives what JSON.parse gives', () => {
    expect(new JsonReader(json).value()).toEqual(document);
  });

  test.each([
    ['JSON', new JsonReader(json)],
    ['UBJSON', new UbjsonReader(ubjson)],
  ])('columns read from %s are those of the document', (_, reader) => {
    const found = find(reader);
    expect([...found.left.trimmed()]).toEqual(trees.flatMap((tree) => tree.left_children));
    expect([...found.conditions.trimmed()]).toEqual(
      trees.flatMap((tree) => tree.split_conditions.map((condition) => Math.fround(condition))),
    );
    expect(found.objective).toEqual([document.learner.objective]);
  });

  test.each([
    ['JSON', json, (bytes: Uint8Array) => new JsonReader(bytes)],
    ['UBJSON', ubjson, (bytes: Uint8Array) => new UbjsonReader(bytes)],
  ])('%s cut off anywhere is refused', (_, bytes, open) => {
    for (let end = 0; end < bytes.length; end += 997) {
      expect(() => open(bytes.subarray(0, end)).value()).toThrow(ModelError);
      expect(() => open(bytes.subarray(0, end)).skip()).toThrow(ModelError);
    }
  });
});

test('numbers that are not JSON are read where they stand bare', () => {
  const bytes = new TextEncoder().encode('[NaN,-Infinity,Infinity,5E-1,-1.3892801E0,0,7.038531E-26,1e-45]');
  const column = new Float32Column();
  new JsonReader(bytes).float32s(column);
  // The last but one is the decimal that two roundings spoil: XGBoost writes 0x1.5c87fap-84 so.
  expect([...column.trimmed()]).toEqual(
    [NaN, -Infinity, Infinity, 0.5, -1.3892801, 0, 0x15c87fa * 2 ** -108, 1e-45].map(Math.fround),
  );
});

test.each(['[01]', '[1.]', '[1e]', '[-]', '[.5]', '[1 2]', '[1,]', '["1"]', '{"a"}'])(
  '%s is no list of numbers',
  (text) => {
    expect(() => new JsonReader(new TextEncoder().encode(text)).float32s(new Float32Column())).toThrow(ModelError);
  },
);

/** The members that are wanted, object by object, with their numbers. */
function members(reader: DocumentReader, names: MemberNames): [string, unknown][][] {
  const objects: [string, unknown][][] = [];
  reader.array(() => {
    const found: [string, unknown][] = [];
    reader.enterObject(names);
    for (let i = reader.member(names); i >= 0; i = reader.member(names)) {
      found.push([names.wanted[i] as string, reader.value()]);
    }
    objects.push(found);
  });
  return objects;
}

describe('members are found', () => {
  const names = (): MemberNames => new MemberNames(['id', 'left_children', 'x', 'categories_nodes']);

  test.each<[string, string, [string, unknown][][]]>([
    [
      'in whatever order, the others left out',
      '[{"id":1,"a":[{}],"left_children":2},{"left_children":3,"id":4},{"id":5,"left_children":6,"b":"}"},{}]',
      [
        [
          ['id', 1],
          ['left_children', 2],
        ],
        [
          ['left_children', 3],
          ['id', 4],
        ],
        [
          ['id', 5],
          ['left_children', 6],
        ],
        [],
      ],
    ],
    [
      'with space between everything',
      ' [ { "id" : 1 , "x" : 2 } , { "id" : 3 , "x" : 4 } , { } ] ',
      [
        [
          ['id', 1],
          ['x', 2],
        ],
        [
          ['id', 3],
          ['x', 4],
        ],
        [],
      ],
    ],
    [
      'however they are spelled, and no other that begins or ends alike',
      String.raw`[{"left\u005fchildren":1},{"left\u005fchi":2},{"left_children":3},{"left_childrex":4},{"id":5},{"i\u0064":6},{"categories_nudes":7}]`,
      [[['left_children', 1]], [], [['left_children', 3]], [], [['id', 5]], [['id', 6]], []],
    ],
  ])('%s', (_, text, expected) => {
    expect(members(new JsonReader(new TextEncoder().encode(text)), names())).toEqual(expected);
  });

  test.each(['[{,"id":1}]', '[{"id":1,}]', '[{"id":1"x":2}]', '[{"id":1{"x":2}]', '[{"id" 1}]', '[{"id":1]'])(
    'but not in %s',
    (text) => {
      expect(() => members(new JsonReader(new TextEncoder().encode(text)), names())).toThrow(ModelError);
    },
  );

  test('in UBJSON, whichever type their length has', () => {
    const long = '{L\0\0\0\0\0\0\0\x02idi\x01L\0\0\0\0\0\0\0\x0dleft_childreni\x02}';
    const short = '{i\x02idi\x03NNl\0\0\0\x0dleft_childreni\x04}';
    const text = `[${long}${short}${long}{L\0\0\0\0\0\0\0\0Z}]`;
    const found = (id: number, left: number): [string, unknown][] => [
      ['id', id],
      ['left_children', left],
    ];
    const reader = new UbjsonReader(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    expect(members(reader, names())).toEqual([found(1, 2), found(3, 4), found(1, 2), []]);
  });
});

test.each<[string, boolean, number | undefined]>([
  ['12,', false, 12],
  ['0}', false, 0],
  ['"012"', true, 12],
  ['01,', false, undefined],
  ['1.5,', false, undefined],
  ['-1,', false, undefined],
  ['1234567890,', false, undefined],
  ['"1', true, undefined],
  ['1"', true, undefined],
  ['""', true, undefined],
])('%s is taken for a whole number only where it is one', (text, isText, expected) => {
  const reader = new JsonReader(new TextEncoder().encode(text));
  expect(reader.wholeNumber(isText)).toBe(expected);
  expect(reader.mark() === 0).toBe(expected === undefined);
});
