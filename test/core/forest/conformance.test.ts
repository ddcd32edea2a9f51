import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { aspectsOf, compareAspect, conformanceCases } from '../../support/conformance-cases.ts';

/** The compact suite, written by the XGBoost that its folder names: fixtures/forests/conformance.py. */
const FOLDER = 'fixtures/forests/conformance';
const OLDER = 'fixtures/forests/older';

const cases = readdirSync(FOLDER)
  .sort()
  .flatMap((version) => conformanceCases(join(FOLDER, version)).map((example) => ({ version, ...example })));

test('there are models of two ages of XGBoost to compare with', () => {
  for (const version of ['xgboost-1.7.4', 'xgboost-3.4.1']) {
    const own = cases.filter((example) => example.version === version);
    expect(own.length).toBeGreaterThan(100);
    // Since 1.6 XGBoost writes both.
    expect(own.every((example) => aspectsOf(example).includes('predictions of the UBJSON'))).toBe(true);
    expect(new Set(own.map(({ truth }) => `xgboost-${truth.xgboost}`))).toEqual(new Set([version]));
  }
});

test('each model that is not there was refused by XGBoost itself', () => {
  const names = new Set(cases.map(({ name }) => name));
  for (const version of readdirSync(FOLDER)) {
    const refused = JSON.parse(readFileSync(join(FOLDER, version, 'refused.json'), 'utf8')) as Record<string, string>;
    const there = cases.filter((example) => example.version === version).map(({ name }) => name);
    expect(new Set([...there, ...Object.keys(refused)])).toEqual(names);
  }
});

/** Older versions where they differ (fixtures/forests/older.py). 2.0 saves no statistics with vector leaves. */
const older = readdirSync(OLDER)
  .sort()
  .flatMap((version) => conformanceCases(join(OLDER, version)).map((example) => ({ version, ...example })));

test('there are models of older versions', () => {
  expect(new Set(older.map(({ truth }) => truth.xgboost))).toEqual(
    new Set(['1.0.2', '1.3.3', '1.5.2', '1.6.2', '2.0.3']),
  );
});

describe.each(older)('$version $name, the same as XGBoost says:', (example) => {
  const lacksStatistics = example.name.startsWith('vector-leaves');
  test.each(aspectsOf(example).filter((aspect) => !(lacksStatistics && aspect === 'importances')))('%s', (aspect) => {
    const found = compareAspect(example, aspect);
    expect(found.differences).toEqual([]);
    expect(found.values).toBeGreaterThan(0);
  });
});

describe.each(cases)('$version $name, the same as XGBoost says:', (example) => {
  test.each(aspectsOf(example))('%s', (aspect) => {
    const found = compareAspect(example, aspect);
    expect(found.differences).toEqual([]);
    expect(found.values).toBeGreaterThan(0);
  });
});
