import type { Span } from '../pipeline/history.ts';
import { chosen, usage, withNearest } from './choice.ts';
import { BACKTEST_OUTPUTS } from './options.ts';
import { parseDuration, parseShare, parseTime, UnitError } from './units.ts';

/** As commander gives them: camelCase names. */
type Flags = Readonly<Record<string, unknown>>;

/** Which part of a Prometheus' past, and what is known of it. */
interface HistoryOptions {
  readonly span: Span;
  /** A file of what kubectl printed; undefined: STATUS from metrics. */
  readonly labelsFile: string | undefined;
  /** How many values (series x steps) one request may answer with. */
  readonly maxSamples: number;
}

export interface BacktestOptions extends HistoryOptions {
  readonly output: 'table' | 'json';
  /** undefined: the model's. */
  readonly threshold: number | undefined;
}

export interface ExportOptions extends HistoryOptions {
  readonly output: 'csv' | 'jsonl';
  readonly horizonSeconds: number;
  /** undefined: stdout. */
  readonly to: string | undefined;
  readonly run: string;
}

/** Statuses are read in steps of so many seconds, and rows are made at some of them. */
const STATUS_STEP_SECONDS = 15;
/** How far the clock of whoever asks may be ahead. */
const CLOCK_SECONDS = 60;
const DEFAULT_MAX_SAMPLES = 500_000;

/**
 * Rejects with a FailureError for the first option that is not right. `now` in Unix seconds. `output`: what the
 * environment or the config file says, where no flag does.
 */
export async function resolveBacktestOptions(
  flags: Flags,
  now: number,
  output: string | undefined,
): Promise<BacktestOptions> {
  return withNearest(() => ({
    ...historyOptions(flags, now),
    output: chosen('--output', text(flags, 'output') ?? output, BACKTEST_OUTPUTS) ?? 'table',
    threshold: parsed('--threshold', text(flags, 'threshold'), parseShare),
  }));
}

/** The same for rows, whose formats are no setting. */
export async function resolveExportOptions(flags: Flags, now: number): Promise<ExportOptions> {
  return withNearest(() => {
    const horizon = text(flags, 'horizon');
    const horizonSeconds = seconds('--horizon', horizon ?? '10m');
    if (horizonSeconds < STATUS_STEP_SECONDS) throw usage(`--horizon takes at least 15s, not ${horizon}`);
    return {
      ...historyOptions(flags, now),
      output: chosen('--output', text(flags, 'output'), ['csv', 'jsonl']) ?? 'csv',
      horizonSeconds,
      to: targetOf(text(flags, 'to')),
      run: text(flags, 'run') ?? 'export',
    };
  });
}

/** A dash is stdout, as for rows. */
function targetOf(to: string | undefined): string | undefined {
  if (to?.endsWith('.gz') === true) {
    throw usage('--to writes plain text, which can be gone on with', 'leave out .gz, and pack the file afterwards');
  }
  return to === '-' ? undefined : to;
}

function historyOptions(flags: Flags, now: number): HistoryOptions {
  const start = Math.ceil(parsed('--start', text(flags, 'start'), parseTime) ?? Number.NaN);
  const end = Math.floor(parsed('--end', text(flags, 'end'), parseTime) ?? Number.NaN);
  if (end < start) throw usage('--end lies before --start');
  if (start > now) throw usage(`--start ${text(flags, 'start')} lies in the future`);
  if (end > now + CLOCK_SECONDS) throw usage(`--end ${text(flags, 'end')} lies in the future`);
  const step = seconds('--step', text(flags, 'step') ?? '30s');
  if (step <= 0 || step % STATUS_STEP_SECONDS !== 0) {
    throw usage(`--step takes a multiple of 15s, not ${text(flags, 'step')}`);
  }
  return {
    // What has not happened yet has no rows.
    span: { start, end: Math.min(end, Math.floor(now)), step },
    labelsFile: text(flags, 'labels'),
    maxSamples: maxSamples(text(flags, 'maxSamples')),
  };
}

function maxSamples(given: string | undefined): number {
  if (given === undefined) return DEFAULT_MAX_SAMPLES;
  const number = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (number >= 1000) return number;
  throw usage(`--max-samples takes a whole number from 1000 on, not ${JSON.stringify(given)}`);
}

function seconds(name: string, given: string): number {
  return (parsed(name, given, parseDuration) ?? 0) / 1000;
}

function parsed<T>(name: string, given: string | undefined, parse: (text: string) => T): T | undefined {
  if (given === undefined) return undefined;
  try {
    return parse(given);
  } catch (error) {
    if (error instanceof UnitError) throw usage(`${name} ${error.message}, not ${JSON.stringify(given)}`);
    throw error;
  }
}

function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}
