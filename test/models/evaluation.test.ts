import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FEATURE_NAMES } from '../../src/core/features/schema.ts';
import type { Evaluation } from '../../models/training/evaluation.ts';
import { plots } from '../../models/training/plots.ts';
import { evaluationReport } from '../../models/training/report.ts';

/** What `npm run train` measured of the model that ships, on applications that were held out. */
const evaluation = JSON.parse(readFileSync('models/default/evaluation.json', 'utf8')) as Evaluation;
const metadata = JSON.parse(readFileSync('models/default/metadata.json', 'utf8')) as {
  riskThreshold: number;
  schema: { features: string[] };
  training: { figures: { recall: number } };
};
const card = readFileSync('models/default/MODEL_CARD.md', 'utf8');

test('columns frozen at the first minute of each pod tell nothing: they do not name the experiment', () => {
  // What they seem to know cannot be told from nothing, when the applications are drawn again.
  expect(evaluation.skillOfConstants.interval.lower).toBeLessThan(0);
  expect(evaluation.skillOfConstants.skill).toBeLessThan(0.1);
});

test('no input counts over a whole life, tells an age, or counts containers: in the lab those name the fault', () => {
  const named = ['restarts_total', 'pod_age_seconds', 'total_containers', 'ready_containers'];
  expect(metadata.schema.features.filter((name) => named.includes(name))).toEqual([]);
  expect(FEATURE_NAMES).toEqual(expect.arrayContaining(named));
});

test('what is said of the figures is made from the figures', () => {
  // JSON has no NaN.
  const nanForNull = (_: string, value: unknown): unknown => (value === null ? Number.NaN : value);
  const measured = JSON.parse(readFileSync('models/default/evaluation.json', 'utf8'), nanForNull) as Evaluation;
  expect(card).toContain(evaluationReport(measured));
  for (const [file, svg] of plots(measured)) expect(readFileSync(`models/default/${file}`, 'utf8')).toBe(svg);
});

test('metadata, card and figures are of one training', () => {
  expect(metadata.riskThreshold).toBe(evaluation.threshold);
  expect(card).toContain(`Alarm from a RISK of ${evaluation.threshold}.`);
  const own = evaluation.predictors.find(({ name }) => name === 'kpfd');
  expect(metadata.training.figures.recall).toBeCloseTo(own?.events.recall ?? Number.NaN, 4);
});

test('every rival is measured beside the model, on the same onsets', () => {
  const names = [...evaluation.predictors, ...evaluation.rivals].map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([
      'kpfd',
      'kpfd-without-cadvisor',
      'kpfd-unseen-kind',
      'logistic-regression',
      'seed',
      'persistence',
      'KubePodCrashLooping',
      'KubePodNotReady',
      'memory-full-within-horizon',
      'memory-above-90-percent',
      'restarted-within-the-hour',
    ]),
  );
  expect(new Set([...evaluation.predictors, ...evaluation.rivals].map(({ events }) => events.events)).size).toBe(1);
});
