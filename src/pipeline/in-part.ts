import { FailureError, type Failure } from '../core/failure.ts';
import type { MetricSource } from '../core/signals/metric-source.ts';
import type { Journal } from './journal.ts';

/** What is not there, where Prometheus answered everything. */
const ABSENCES: ReadonlySet<Failure['kind']> = new Set([
  'pods-silent',
  'cluster-unknown',
  'namespace-never-seen',
  'labels-not-exported',
]);

/**
 * What `ask` gives. Where it fails because something is not there, and Prometheus has warned that it did not answer everything
 * (a store that could not be reached), the failure says both: what is missing may be in the rest.
 */
export async function inPart<T>(source: MetricSource, journal: Journal, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof FailureError) || !ABSENCES.has(error.failure.kind) || !journal.isPartial) throw error;
    const warnings = journal.warnings().flatMap((one) => (one.kind === 'prometheus-warning' ? [one.text] : []));
    const failure: Failure = { kind: 'answered-in-part', address: source.address, warnings, lacking: error.failure };
    throw new FailureError(failure, error);
  }
}
