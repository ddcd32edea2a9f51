import type { Warning } from '../core/predictions/completeness.ts';
import { warningLines } from './gap-text.ts';
import { clean, plural, rfc3339 } from './text.ts';

interface Summary {
  readonly rows: number;
  readonly unlabelled: number;
  readonly silentSteps: number;
  readonly warnings: readonly Warning[];
}

/**
 * What is to be said beside an exported dataset. `namespace`: undefined for all. `resumed`: where an older file was gone on
 * with, in Unix seconds, and whether that had lacked something.
 */
export function exportNotes(
  { rows, unlabelled, silentSteps, warnings }: Summary,
  namespace: string | undefined,
  resumed: { readonly at: number; readonly wasPartial: boolean } | undefined,
  look: { readonly quiet: boolean; readonly verbose: boolean },
): string {
  const isEmpty = rows + unlabelled === 0 && resumed === undefined;
  const where = namespace === undefined ? 'any namespace' : `namespace ${clean(namespace)} (-A takes all)`;
  const notes = [
    resumed === undefined ? '' : `went on at ${rfc3339(resumed.at)}\n`,
    isEmpty
      ? `No pods to evaluate found in ${where}\n`
      : `${plural(rows, resumed === undefined ? 'row' : 'new row')}${unlabelled === 0 ? '' : `; ${unlabelled} left out, whose future was cut off`}\n`,
  ];
  const unwatched =
    rows === 0 && unlabelled > 0 && resumed === undefined
      ? 'warning: of no row was the future watched to the end: the data, or the labels, are of another time or too short\n'
      : '';
  const before =
    resumed?.wasPartial === true
      ? 'warning: before the export was cut off a request had failed, or a step told nothing: rows may be missing there\n'
      : '';
  const silent = silentSteps === 0 ? '' : `warning: at ${plural(silentSteps, 'step')} no pod could be evaluated\n`;
  return (look.quiet ? '' : notes.join('')) + before + warningLines(warnings, look) + unwatched + silent;
}
