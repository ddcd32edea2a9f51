import type { Warning } from '../core/predictions/completeness.ts';
import { warningText } from './gap-text.ts';
import { age, clean, percent, plural, rfc3339 } from './text.ts';

/** Warnings for stderr, one to a line. What does not make the answer incomplete is a note. */
export function warningLines(warnings: readonly Warning[], which: { readonly notes: boolean }): string {
  return warnings
    .filter(({ incomplete }) => incomplete || which.notes)
    .map((warning) => `${warning.incomplete ? 'warning' : 'note'}: ${warningText(warning)}\n`)
    .join('');
}

export interface ScanCounts {
  readonly pods: number;
  readonly atRisk: number;
  readonly threshold: number;
  readonly notEvaluated: number;
  readonly finishedHidden: number;
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly unixSeconds: number;
  readonly horizonSeconds: number;
  readonly model: string;
}

/** The line below a scan. */
export function scanSummary(counts: ScanCounts): string {
  const where = counts.namespace === undefined ? 'any namespace' : `namespace ${clean(counts.namespace)}`;
  const parts =
    counts.pods === 0
      ? [`No pods found in ${where}`]
      : [
          plural(counts.pods, 'pod'),
          `${counts.atRisk} at risk (${percent(counts.threshold)} or more within ${age(counts.horizonSeconds).replace(/m0s$/, 'm')})`,
        ];
  if (counts.notEvaluated > 0) parts.push(`${counts.notEvaluated} not evaluated`);
  if (counts.finishedHidden > 0) parts.push(`${counts.finishedHidden} completed not shown (--completed)`);
  return `${parts.join(', ')}; ${rfc3339(counts.unixSeconds)}, model ${clean(counts.model)}\n`;
}
