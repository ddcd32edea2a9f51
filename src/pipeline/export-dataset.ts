import type { Warning } from '../core/predictions/completeness.ts';
import type { Poll } from '../core/predictions/observation.ts';
import type { HistorySource } from '../core/signals/metric-source.ts';
import type { PodRow } from '../core/predictions/pod-row.ts';
import { Journal } from './journal.ts';
import { podRows, type HistoryRequest } from './pod-rows.ts';

/** Where rows go. */
export interface RowSink {
  /** The rows of one step, of which each has a label; false where nobody takes more. */
  take(rows: readonly PodRow[]): Promise<boolean>;
  /** How far it is. */
  step(done: number, all: number): void;
  /** From here on the rows are not all: a request failed, or a step told nothing. */
  lacks(): Promise<void>;
}

export interface ExportSummary {
  readonly rows: number;
  /** Rows left out because nobody can say what became of the pod. */
  readonly unlabelled: number;
  /** Steps at which kube-state-metrics told nothing. */
  readonly silentSteps: number;
  readonly warnings: readonly Warning[];
}

/** The rows of every pod at every step of the span, with labels, step by step in order of time. */
export async function exportDataset(
  source: HistorySource,
  request: Omit<HistoryRequest, 'withRivals'>,
  polls: AsyncIterable<Poll> | undefined,
  sink: RowSink,
): Promise<ExportSummary> {
  const { start, end, step } = request.span;
  const all = Math.floor((end - start) / step) + 1;
  const journal = new Journal();
  let [rows, unlabelled, silentSteps, done] = [0, 0, 0, 0];
  for await (const batch of podRows(source, { ...request, withRivals: false }, journal, polls)) {
    const known = batch.rows.filter(({ label }) => label !== undefined);
    rows += known.length;
    unlabelled += batch.rows.length - known.length;
    if (!batch.isTold) silentSteps += 1;
    if (silentSteps > 0 || journal.isIncomplete) await sink.lacks();
    sink.step((done += 1), all);
    if (known.length > 0 && !(await sink.take(known))) break;
  }
  return { rows, unlabelled, silentSteps, warnings: journal.warnings() };
}
