import type { MetricSource, Series } from '../core/signals/metric-source.ts';
import { expectedFailure } from './expected-failure.ts';
import type { Asked, Journal } from './journal.ts';

/** The series that answer a question without which there is an answer all the same: undefined where it failed, which is noted. */
export async function askOrNote(
  source: MetricSource,
  unixSeconds: number,
  journal: Journal,
  what: Asked,
  promql: string,
): Promise<readonly Series[] | undefined> {
  try {
    return journal.answered(await source.query(promql, unixSeconds));
  } catch (error) {
    journal.failed(what, expectedFailure(error));
    return undefined;
  }
}
