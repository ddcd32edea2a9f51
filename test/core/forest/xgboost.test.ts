import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { baseScoresOf } from '../../../src/core/forest/model-document.ts';
import { readForest, type Forest } from '../../../src/forest.ts';
import { differingBits, float32sOf } from '../../support/float32s.ts';

/** Forests, margins and predictions that XGBoost itself wrote: fixtures/forests/make.py. */
const FOLDER = 'fixtures/forests';

interface Truth {
  readonly xgboost: string;
  readonly objective: string;
  readonly baseScore: string;
  readonly featureNames: string[];
  readonly rows: string;
  readonly margins: string;
  readonly predictions: string;
}

const cases = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name.startsWith('xgboost-'))
  .flatMap(({ name: version }) =>
    readdirSync(join(FOLDER, version))
      .filter((file) => file.endsWith('.truth.json'))
      .map((file) => ({ version, name: file.replace('.truth.json', '') })),
  );

function read({ version, name }: { version: string; name: string }, kind: string): Uint8Array {
  return readFileSync(join(FOLDER, version, `${name}.${kind}.json`));
}

function truthOf(example: { version: string; name: string }): Truth {
  return JSON.parse(new TextDecoder().decode(read(example, 'truth'))) as Truth;
}

function expectSameBits(forest: Forest, truth: Truth): void {
  const rows = float32sOf(truth.rows);
  const count = rows.length / forest.featureCount;
  expect(differingBits(forest.predictMargin(rows, count), float32sOf(truth.margins))).toEqual([]);
  expect(differingBits(forest.predict(rows, count), float32sOf(truth.predictions))).toEqual([]);
}

test('there are forests of four versions of XGBoost to compare with', () => {
  expect(new Set(cases.map(({ version }) => version)).size).toBe(4);
  expect(cases.length).toBe(16);
});

describe.each(cases)('$version $name', (example) => {
  test('margins and probabilities of the saved model equal XGBoost bit for bit', () => {
    const truth = truthOf(example);
    const forest = readForest(read(example, 'model'));
    expect(forest.objective).toBe(truth.objective);
    expectSameBits(forest, truth);
  });

  test('margins and probabilities of the dump equal XGBoost bit for bit', () => {
    const truth = truthOf(example);
    const forest = readForest(read(example, 'dump'), {
      dump: {
        objective: truth.objective,
        outputCount: truth.objective === 'multi:softprob' ? 6 : 1,
        baseScore: baseScoresOf(truth.baseScore),
        featureNames: truth.featureNames,
        version: truth.xgboost,
      },
    });
    expectSameBits(forest, truth);
  });
});
