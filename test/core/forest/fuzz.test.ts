import { describe, expect, test } from 'vitest';
import { ModelError, readForest } from '../../../src/forest.ts';
import { Campaign } from '../../fuzz/campaign.ts';
import { understand, walk } from '../../fuzz/independent-walk.ts';
import { fixture, seeds, truthPathOf } from '../../fuzz/seeds.ts';
import { float32sOf } from '../../support/float32s.ts';

/** What a truth of either suite says of its first rows. */
interface Truth {
  readonly rows: string;
  readonly margins: string;
}

test('3,000 damaged and forged models are refused, or answered as a plain walk of them does', () => {
  const campaign = new Campaign(20_260);
  const findings = [];
  let loaded = 0;
  for (let number = 0; number < 3000; number++) {
    const mutant = campaign.mutant(number);
    const { isLoaded, finding } = campaign.judge(mutant);
    if (isLoaded) loaded++;
    if (finding !== undefined) findings.push({ number, kind: mutant.kind, origin: mutant.origin.name, finding });
  }
  expect(findings).toEqual([]);
  // The mutators neither break all nor change nothing.
  expect(loaded).toBeGreaterThan(600);
  expect(loaded).toBeLessThan(2000);
});

describe('the plain walk gives the margins that XGBoost gave for', () => {
  test.each(seeds(true).map((seed) => ({ ...seed, truthPath: truthPathOf(seed) })))('$name', (seed) => {
    const truth = JSON.parse(Buffer.from(fixture(seed.truthPath)).toString('utf8')) as Truth;
    const model = understand(seed.bytes, seed.dump);
    const rows = float32sOf(truth.rows);
    const margins = Array.from({ length: rows.length / model.featureCount }, (_, row) => {
      const values = rows.subarray(row * model.featureCount, (row + 1) * model.featureCount);
      return walk(model, Array.from(values)).margins;
    });
    expect(margins.flat()).toEqual(Array.from(float32sOf(truth.margins)));
  });
});

describe('the fuzzer notices a reader that', () => {
  const other = readForest(fixture('conformance/xgboost-3.4.1/one-tree.json'));
  const readers: readonly [string, typeof readForest][] = [
    [
      'crashes',
      () => {
        throw new TypeError('undefined is no number');
      },
    ],
    [
      'refuses all',
      () => {
        throw new ModelError('it is no model');
      },
    ],
    ['takes all for one and the same model', () => other],
  ];
  test.each(readers)('%s', (_, read) => {
    const campaign = new Campaign(1, read);
    const findings = Array.from({ length: 100 }, (__, number) => campaign.judge(campaign.mutant(number)).finding);
    expect(findings.some((finding) => finding !== undefined)).toBe(true);
  });
});
