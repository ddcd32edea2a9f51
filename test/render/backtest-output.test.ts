import { expect, test } from 'vitest';
import type { Backtest, DetectorFigures } from '../../src/core/predictions/backtest.ts';
import type { Figures, RowFigures } from '../../src/core/predictions/row-score.ts';
import { backtestOutput } from '../../src/render/backtest-output.ts';

/** Figures that are all different, so that none can stand for another. */
function rows(first: number): RowFigures {
  const own = (from: number): Figures => {
    const [all, failed, logLoss, brier, ece, , macroF1] = Array.from({ length: 7 }, (_, i) => from + i / 16);
    return { rows: all, failed, logLoss, brier, ece, macroF1, classes: {}, reliability: [] } as unknown as Figures;
  };
  return { ...own(first), above5: own(first + 10) };
}

const own: DetectorFigures = {
  name: 'kpfd',
  about: 'default 9',
  events: {
    events: 40,
    found: 31,
    recall: 0.775,
    repeats: { events: 22, found: 21 },
    leadSeconds: { lower: 120, median: 300, upper: 480 },
    leadSecondsSinceWell: { lower: 60, median: 150, upper: 270 },
    falseAlarms: 3,
    healthyPodHours: 12.25,
    falseAlarmsPer1000PodHours: 244.9,
    falseAlarmsPer1000PodHoursUpperBound: 632.9,
  },
  rows: { all: rows(1), well: rows(2), failing: rows(3) },
};
const rival = { ...own, name: 'persistence', about: 'as it is', events: { ...own.events, found: 0, recall: 0 } };
const found: Backtest = {
  model: { name: 'default', version: '9', horizonSeconds: 600 },
  span: { start: 1_795_412_700, end: 1_795_413_900, step: 30 },
  threshold: 0.65,
  steps: { told: 39, all: 41 },
  evaluations: 500,
  warnings: [{ kind: 'prometheus-warning', text: 'half a store', incomplete: true }],
  detectors: [own, rival],
};

const plain = (first: number): Record<string, number> => ({
  rows: first,
  logLoss: first + 2 / 16,
  brier: first + 3 / 16,
  ece: first + 4 / 16,
  macroF1: first + 6 / 16,
});
const scores = (first: number): Record<string, unknown> => ({ ...plain(first), aboveRisk5Percent: plain(first + 10) });

test('the JSON has every figure in its place', () => {
  const { stdout, stderr } = backtestOutput(found, 'json', { headings: true, quiet: false, verbose: false });
  const document = JSON.parse(stdout) as { summary: object; rivals: Record<string, object> };
  expect(stderr).toBe(
    'warning: Prometheus warns: half a store\nwarning: at 2 of 41 steps no pod could be evaluated\n' +
      'model default 9, alarm from a risk of 65%; 500 evaluations from 2026-11-23T05:45:00Z to 2026-11-23T06:05:00Z\n',
  );
  expect(document).toMatchObject({
    model: { name: 'default', version: '9' },
    horizonSeconds: 600,
    threshold: 0.65,
    warnings: [{ kind: 'prometheus-warning', incomplete: true, message: 'Prometheus warns: half a store' }],
    start: '2026-11-23T05:45:00.000Z',
    end: '2026-11-23T06:05:00.000Z',
    stepSeconds: 30,
    steps: { all: 41, evaluated: 39 },
  });
  expect(document.summary).toEqual({
    events: 40,
    found: 31,
    recall: 0.775,
    repeatedEvents: 22,
    repeatedFound: 21,
    medianLeadSeconds: 300,
    leadSecondsQuartiles: [120, 480],
    medianLeadSecondsSinceWell: 150,
    falseAlarms: 3,
    healthyPodHours: 12.25,
    falseAlarmsPer1000PodHours: 244.9,
    falseAlarmsPer1000PodHoursUpperBound: 632.9,
    ...scores(1),
    well: scores(2),
    failing: scores(3),
  });
  expect(document.rivals).toEqual({ persistence: { ...document.summary, about: 'as it is', found: 0, recall: 0 } });
});

test('the table has them under its headings', () => {
  const { stdout } = backtestOutput(found, 'table', { headings: true, quiet: false, verbose: false });
  const [headings, first, second] = stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(headings).toHaveLength(first?.length ?? 0);
  expect(first).toEqual([
    'kpfd',
    '31/40',
    '0.78',
    '300',
    '3',
    '12.3',
    '245',
    '633',
    '1.125',
    '2.125',
    '1.250',
    '1.375',
  ]);
  expect(second?.slice(0, 3)).toEqual(['persistence', '0/40', '0.00']);
});
