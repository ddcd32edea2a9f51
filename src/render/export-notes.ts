import { clean, plural } from './text.ts';

/**
 * What is to be said beside an exported dataset. `namespace`: undefined for all. `resumedAt`: where an older file was gone on
 * with, in Unix seconds.
 */
export function exportNotes(
  summary: { readonly rows: number; readonly unlabelled: number; readonly silentSteps: number },
  namespace: string | undefined,
  resumedAt: number | undefined,
): string {
  const { rows, unlabelled, silentSteps } = summary;
  const isEmpty = rows + unlabelled === 0 && resumedAt === undefined;
  const where = namespace === undefined ? 'any namespace' : `namespace ${clean(namespace)} (-A takes all)`;
  const lines = [
    resumedAt === undefined ? '' : `went on at ${new Date(resumedAt * 1000).toISOString()}\n`,
    isEmpty
      ? `No pods to evaluate found in ${where}\n`
      : `${plural(rows, 'row')}; ${unlabelled} more left out, whose future was cut off\n`,
    silentSteps === 0 ? '' : `warning: at ${plural(silentSteps, 'step')} no pod could be evaluated\n`,
  ];
  return lines.join('');
}
