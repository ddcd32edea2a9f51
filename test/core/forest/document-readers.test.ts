import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Float32Column, Int32Column } from '../../../src/core/forest/column.ts';
import type { DocumentReader } from '../../../src/core/forest/document-reader.ts';
import { JsonReader } from '../../../src/core/forest/json-reader.ts';
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
