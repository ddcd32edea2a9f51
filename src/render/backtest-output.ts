import type { Backtest, DetectorFigures } from '../core/predictions/backtest.ts';
import type { Figures, RowFigures } from '../core/predictions/row-score.ts';
import { warningDocuments } from './document.ts';
import type { Output } from './formats.ts';
import { warningLines } from './gap-text.ts';
import { grid } from './grid.ts';
import { clean, jsonText, plural, rfc3339, thresholdText } from './text.ts';

interface Look {
  readonly headings: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** A backtest in the chosen format, and what is to be said beside it. */
export function backtestOutput(found: Backtest, format: 'table' | 'json', look: Look): Output {
  const { told, all } = found.steps;
  const silent = all - told;
  const warning = silent === 0 ? '' : `warning: at ${silent} of ${plural(all, 'step')} no pod could be evaluated\n`;
  const unwatched =
    found.evaluations > 0 && (found.detectors[0]?.rows.all.rows ?? 0) === 0
      ? 'warning: of no row was the future watched to the end: the data, or the labels, are of another time or too short\n'
      : '';
  const events = found.detectors[0]?.events.events ?? 0;
  const none =
    found.evaluations === 0
      ? 'No pods to evaluate found\n'
      : events === 0
        ? 'No failure after two minutes of health found: recall and lead time say nothing\n'
        : '';
  const { model, span, threshold } = found;
  const about = `model ${clean(model.name)} ${clean(model.version)}, alarm from a risk of ${thresholdText(threshold)}; ${plural(found.evaluations, 'evaluation')} from ${rfc3339(span.start)} to ${rfc3339(span.end)}\n`;
  return {
    stdout: format === 'json' ? jsonText(document(found)) : table(found.detectors, look.headings),
    stderr: warningLines(found.warnings, look) + warning + unwatched + (look.quiet ? '' : none + about),
  };
}

function table(detectors: readonly DetectorFigures[], headings: boolean): string {
  const rows = detectors.map(({ name, events, rows: { all, well } }) => [
    name,
    `${events.found}/${events.events}`,
    figure(events.recall, 2),
    figure(events.leadSeconds.median, 0),
    String(events.falseAlarms),
    figure(events.healthyPodHours, 1),
    figure(events.falseAlarmsPer1000PodHours, 0),
    figure(events.falseAlarmsPer1000PodHoursUpperBound, 0),
    figure(all.logLoss, 3),
    figure(well.logLoss, 3),
    figure(all.ece, 3),
    figure(all.macroF1, 3),
  ]);
  return grid(
    HEADINGS.map((heading, i) => ({ heading, align: i === 0 ? 'left' : 'right' })),
    rows,
    headings,
  );
}

const HEADINGS = [
  'DETECTOR',
  'FOUND',
  'RECALL',
  'LEAD(S)',
  'FALSE',
  'POD-HOURS',
  'PER-1000H',
  'BELOW(95%)',
  'LOGLOSS',
  'LOGLOSS-WELL',
  'ECE',
  'MACRO-F1',
];

function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}

/** docs/backtest.schema.json describes it. NaN, which JSON lacks, is null. */
function document({ model, threshold, span, steps, warnings, detectors }: Backtest): Record<string, unknown> {
  const [own, ...rivals] = detectors;
  return {
    schemaVersion: 1,
    model: { name: model.name, version: model.version },
    horizonSeconds: model.horizonSeconds,
    threshold,
    start: new Date(span.start * 1000).toISOString(),
    end: new Date(span.end * 1000).toISOString(),
    stepSeconds: span.step,
    steps: { all: steps.all, evaluated: steps.told },
    warnings: warningDocuments(warnings),
    summary: own === undefined ? null : summary(own),
    rivals: Object.fromEntries(rivals.map((rival) => [rival.name, { about: rival.about, ...summary(rival) }])),
    rows: own === undefined ? null : own.rows,
  };
}

function summary({ events, rows: { all, well, failing } }: DetectorFigures): Record<string, unknown> {
  const plain = ({ rows, logLoss, brier, ece, macroF1 }: Figures): Record<string, number> => ({
    rows,
    logLoss,
    brier,
    ece,
    macroF1,
  });
  const scores = (figures: RowFigures): Record<string, unknown> => ({
    ...plain(figures),
    aboveRisk5Percent: plain(figures.above5),
  });
  return {
    events: events.events,
    found: events.found,
    recall: events.recall,
    repeatedEvents: events.repeats.events,
    repeatedFound: events.repeats.found,
    medianLeadSeconds: events.leadSeconds.median,
    leadSecondsQuartiles: [events.leadSeconds.lower, events.leadSeconds.upper],
    medianLeadSecondsSinceWell: events.leadSecondsSinceWell.median,
    falseAlarms: events.falseAlarms,
    healthyPodHours: events.healthyPodHours,
    falseAlarmsPer1000PodHours: events.falseAlarmsPer1000PodHours,
    falseAlarmsPer1000PodHoursUpperBound: events.falseAlarmsPer1000PodHoursUpperBound,
    ...scores(all),
    well: scores(well),
    failing: scores(failing),
  };
}
