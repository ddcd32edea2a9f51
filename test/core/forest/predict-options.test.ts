import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readForest, type Forest } from '../../../src/forest.ts';

const FOLDER = 'fixtures/forests/xgboost-3.2.0';
const forests: Readonly<Record<string, Forest>> = {
  'one number a row': readForest(readFileSync(`${FOLDER}/binary.model.ubj`)),
  'one number for each class': readForest(readFileSync(`${FOLDER}/multi.model.json`)),
  'the number of a class': readForest(
    new TextEncoder().encode(
      readFileSync(`${FOLDER}/multi.model.json`, 'utf8').replaceAll('multi:softprob', 'multi:softmax'),
    ),
  ),
};

describe.each(Object.entries(forests))('a forest that answers %s', (_, forest) => {
  const rowCount = 7;
  const rows = Float32Array.from({ length: rowCount * forest.featureCount }, (__, i) => ((i * 37) % 19) / 3 - 2);

  test.each(['predict', 'predictMargin'] as const)('%s puts the same bits into an array that is given', (call) => {
    const answer = forest[call](rows, rowCount);
    const out = new Float32Array(answer.length).fill(Number.NaN);
    // Twice: what an earlier answer left there must not count.
    for (let i = 0; i < 2; i++) expect(forest[call](rows, rowCount, { out })).toBe(out);
    expect(out).toEqual(answer);
  });

  test('refuses an array of another length', () => {
    const out = new Float32Array(forest.predictionCount * rowCount + 1);
    expect(() => forest.predict(rows, rowCount, { out })).toThrow(RangeError);
  });
});
