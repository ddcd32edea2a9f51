import type { Span } from '../pipeline/history.ts';
import { STATUS_STEP_SECONDS } from '../pipeline/pod-rows.ts';
import { usage } from './choice.ts';
import { parsed, textOf, wholeNumber, type Flags } from './flags.ts';
import { parseDuration, parseShare, parseTime } from './units.ts';

/** Which part of a Prometheus' past, and what is known of it. */
interface HistoryOptions {
  readonly span: Span;
  /** A file of what kubectl printed; undefined: STATUS from metrics. */
  readonly labelsFile: string | undefined;
  /** How many values (series x steps) one request may answer with. */
  readonly maxSamples: number;
}

export interface BacktestOptions extends HistoryOptions {
  /** undefined: the model's. */
  readonly threshold: number | undefined;
}

export interface ExportOptions extends HistoryOptions {
  readonly horizonSeconds: number;
  /** undefined: stdout. */
  readonly to: string | undefined;
  readonly run: string;
}

/** How far the clock of whoever asks may be ahead. */
const CLOCK_SECONDS = 60;
const DEFAULT_MAX_SAMPLES = 500_000;
const LEAST_MAX_SAMPLES = 1000;

/** Throws a FailureError for the first option that is not right. `now` in Unix seconds. */
export function resolveBacktestOptions(flags: Flags, now: number): BacktestOptions {
  return {
    ...historyOptions(flags, now),
    threshold: parsed('--threshold', textOf(flags, 'threshold'), parseShare),
  };
}

/** The same for rows. */
export function resolveExportOptions(flags: Flags, now: number): ExportOptions {
  const horizon = textOf(flags, 'horizon');
  const horizonSeconds = seconds('--horizon', horizon ?? '10m');
  if (horizonSeconds < STATUS_STEP_SECONDS) throw usage(`--horizon takes at least 15s, not ${horizon}`);
  return {
    ...historyOptions(flags, now),
    horizonSeconds,
    to: targetOf(textOf(flags, 'to')),
    run: textOf(flags, 'run') ?? 'export',
  };
}

/** A dash is stdout, as for rows. */
function targetOf(to: string | undefined): string | undefined {
  if (to?.endsWith('.gz') === true) {
    throw usage('--to writes plain text, which can be gone on with', 'leave out .gz, and pack the file afterwards');
  }
  return to === '-' ? undefined : to;
}

function historyOptions(flags: Flags, now: number): HistoryOptions {
  const start = Math.ceil(parsed('--start', textOf(flags, 'start'), parseTime) ?? Number.NaN);
  const end = Math.floor(parsed('--end', textOf(flags, 'end'), parseTime) ?? Number.NaN);
  if (end < start) throw usage('--end lies before --start');
  if (start > now) throw usage(`--start ${textOf(flags, 'start')} lies in the future`);
  if (end > now + CLOCK_SECONDS) throw usage(`--end ${textOf(flags, 'end')} lies in the future`);
  const step = seconds('--step', textOf(flags, 'step') ?? '30s');
  if (step <= 0 || step % STATUS_STEP_SECONDS !== 0) {
    throw usage(`--step takes a multiple of 15s, not ${textOf(flags, 'step')}`);
  }
  return {
    // What has not happened yet has no rows.
    span: { start, end: Math.min(end, Math.floor(now)), step },
    labelsFile: textOf(flags, 'labels'),
    maxSamples: wholeNumber('--max-samples', textOf(flags, 'maxSamples'), LEAST_MAX_SAMPLES) ?? DEFAULT_MAX_SAMPLES,
  };
}

function seconds(name: string, given: string): number {
  return (parsed(name, given, parseDuration) ?? 0) / 1000;
}
