import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { conformanceCases } from '../support/conformance-cases.ts';
import { kpfd } from '../support/run.ts';

const FOLDER = 'fixtures/forests/conformance/xgboost-3.4.1';
const cases = conformanceCases(FOLDER);

interface Shown {
  readonly importance: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly coefficients: Readonly<Record<string, readonly number[]>>;
}

async function shown(name: string): Promise<Shown> {
  const plain = join(FOLDER, `${name}.json`);
  const path = existsSync(plain) ? plain : `${plain}.gz`;
  const { stdout, stderr, code } = await kpfd(['model', 'show', path, '-o', 'json']);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return JSON.parse(stdout) as Shown;
}

function rounded(scores: Readonly<Record<string, number | readonly number[]>>): Map<string, number[]> {
  return new Map(Object.entries(scores).map(([feature, score]) => [feature, [score].flat().map(Math.fround)]));
}

test.each(cases)('XGBoost says the same of $name', async ({ name, truth }) => {
  expect(await shown(name)).toMatchObject({
    // Where dart has dropped no tree, the file itself says gbtree since XGBoost 3.4.
    booster: name === 'dart-no-drop' ? 'gbtree' : truth.booster,
    objective: truth.objective,
    xgboostVersion: truth.xgboost,
    featureCount: truth.featureCount,
    featureNames: truth.featureNames,
    outputCount: truth.outputCount,
  });
});

test.each(cases.filter(({ truth }) => truth.booster !== 'gblinear'))(
  "every kind of importance is XGBoost's: $name",
  async ({ name, truth }) => {
    const { importance } = await shown(name);
    for (const [kind, wanted] of Object.entries(truth.importance)) {
      expect(rounded(importance[kind] ?? {})).toEqual(rounded(wanted));
    }
  },
);

test.each(cases.filter(({ truth }) => truth.booster === 'gblinear'))(
  "the coefficients are XGBoost's: $name",
  async ({ name, truth }) => {
    const { coefficients } = await shown(name);
    expect(rounded(coefficients)).toEqual(rounded(truth.importance['weight'] ?? {}));
  },
);

test('a table fits a model with thousands of features, and tells what it leaves out', async () => {
  const { stdout, stderr } = await kpfd(['model', 'show', join(FOLDER, 'sparse-300.json.gz'), '--top', '2']);
  expect(stdout.split('\n\n')[1]?.trimEnd().split('\n')).toHaveLength(3);
  expect(stderr).toMatch(/^note: \d+ more features not shown \(--top\)\n$/);
});

test('importance that needs statistics is refused where there are none', async () => {
  const facts = ['--objective', 'binary:logistic', '--base-score', '0.475', '--xgboost-version', '3.4.1'];
  const names = ['--feature-names', 'f0,f2,f1,load,memory_rss,f12'];
  const dump = join(FOLDER, 'names.dump.json.gz');
  const ran = await kpfd(['model', 'show', dump, ...facts, ...names, '--importance', 'gain']);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toMatch(/it has no statistics at its nodes, which the importance by gain needs/);
});

test('a linear model has coefficients, and no importance by gain', async () => {
  const ran = await kpfd(['model', 'show', join(FOLDER, 'linear.json'), '--importance', 'gain']);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toMatch(/it is linear, and has no importance by gain/);
});
