import { expect, test } from 'vitest';
import { CellScore } from '../../../src/core/predictions/cell-score.ts';
import { RowScore } from '../../../src/core/predictions/row-score.ts';
import { STATUSES, type Status } from '../../../src/core/pods/status.ts';

function probabilities(crash: number, error: number, running: number): Record<Status, number> {
  const all = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
  return { ...all, CrashLoopBackOff: crash, Error: error, Running: running };
}

const ROWS: readonly [Record<Status, number>, Status][] = [
  [probabilities(0.73, 0.1, 0.17), 'CrashLoopBackOff'],
  [probabilities(0.2, 0.52, 0.28), 'Error'],
  [probabilities(0.05, 0.05, 0.9), 'Running'],
  [probabilities(0.6, 0.13, 0.27), 'Running'],
  [probabilities(0.02, 0.01, 0.97), 'Error'],
];

function scored(weight = 1): RowScore {
  const score = new RowScore();
  for (const [p, label] of ROWS) score.add(p, label, weight);
  return score;
}

test('the figures of five rows are those that numpy gives', () => {
  // p = the rows above, y their labels, risk = p[:, :2].sum(1), f = whether the label fails:
  // -log(p[range(5), y]).mean(); ((risk - f)**2).mean(); |sum(risk) - sum(f)| of each tenth of risk, summed, / 5
  const figures = scored().figures();
  expect(figures.rows).toBe(5);
  expect(figures.failed).toBeCloseTo(0.6, 12);
  expect(figures.logLoss).toBeCloseTo(1.3977002467752087, 12);
  expect(figures.brier).toBeCloseTo(0.31822, 12);
  expect(figures.ece).toBeCloseTo(0.338, 12);
  expect(figures.above5.ece).toBeCloseTo(0.18, 12);
  expect(figures.classes.CrashLoopBackOff).toMatchObject({ rows: 1, precision: 0.5, recall: 1 });
  expect(figures.classes.Error).toMatchObject({ rows: 2, precision: 1, recall: 0.5 });
  expect(figures.classes.Running).toMatchObject({ rows: 2, precision: 0.5, recall: 0.5 });
  expect(figures.classes.Error?.brier).toBeCloseTo(0.24798, 12);
  expect(figures.macroF1).toBeCloseTo((2 / 3 + 2 / 3 + 1 / 2) / 3, 12);
  expect(figures.classes.Pending).toBeUndefined();
});

test('a weight stands for as many rows', () => {
  const { rows, ...figures } = scored(3).figures();
  expect(rows).toBe(15);
  expect(figures.logLoss).toBeCloseTo(scored().figures().logLoss, 12);
  const twice = scored();
  twice.addScore(scored(), 2);
  expect(twice.figures().rows).toBe(15);
  expect(twice.figures().ece).toBeCloseTo(figures.ece, 12);
  expect(twice.figures().macroF1).toBeCloseTo(figures.macroF1, 12);
});

test('what was called impossible and came costs much, and not everything', () => {
  const score = new RowScore();
  score.add(probabilities(0, 0, 1), 'Error');
  expect(score.figures().logLoss).toBeCloseTo(-Math.log(1e-6), 9);
});

test('nothing measured is no number', () => {
  const { logLoss, ece, macroF1 } = new RowScore().figures();
  expect([logLoss, ece, macroF1]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test('a rule is given the shares of its own cells, so its calibration is perfect', () => {
  const score = new CellScore();
  for (let i = 0; i < 10; i++) score.add('fires', i < 8 ? 'Error' : 'Running');
  for (let i = 0; i < 90; i++) score.add('quiet', i < 9 ? 'Error' : 'Running');
  const figures = score.figures();
  expect(figures.rows).toBe(100);
  expect(figures.ece).toBeCloseTo(0, 12);
  // The entropy of 8 of 10 and of 9 of 90, in nats.
  const entropy = (p: number): number => -(p * Math.log(p) + (1 - p) * Math.log(1 - p));
  expect(figures.logLoss).toBeCloseTo(0.1 * entropy(0.8) + 0.9 * entropy(0.1), 12);
});
