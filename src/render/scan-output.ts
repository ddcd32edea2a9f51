import type { Listing } from '../core/predictions/listing.ts';
import { FORMATS, type Answer, type Look, type Output } from './formats.ts';
import { warningLines } from './gap-text.ts';
import { clean, plural, rfc3339, span, thresholdText } from './text.ts';

/** A scan in the chosen format, and the line below it. */
export async function scanOutput(
  answer: Omit<Answer, 'inScope' | 'neverSeen'>,
  listing: Listing,
  scope: { readonly namespace: string | undefined; readonly labelled: boolean },
  format: keyof typeof FORMATS,
  look: Look,
): Promise<Output> {
  const shown = { ...answer, pods: listing.pods, inScope: answer.pods, neverSeen: [] };
  const { text, note } = await FORMATS[format](shown, look);
  const warnings = warningLines(answer.warnings, look);
  const notes = note === undefined ? '' : `note: ${note}\n`;
  const below = look.quiet ? '' : notes + summary(answer, listing, scope);
  return { stdout: text, stderr: warnings + below };
}

function summary(
  { model, unixSeconds }: Pick<Answer, 'model' | 'unixSeconds'>,
  listing: Listing,
  { namespace, labelled }: { readonly namespace: string | undefined; readonly labelled: boolean },
): string {
  const horizon = span(model.horizonSeconds);
  const where = namespace === undefined ? 'any namespace' : `namespace ${clean(namespace)} (-A takes all)`;
  const parts =
    listing.total === 0
      ? [`No pods ${labelled ? 'with these labels ' : ''}found in ${where}`]
      : [
          plural(listing.total - listing.gone, 'pod'),
          ...(listing.gone > 0 ? [`${listing.gone} gone`] : []),
          `${listing.atRisk} at risk (${thresholdText(listing.threshold)} or more within ${horizon})`,
        ];
  if (listing.notEvaluated > 0) parts.push(`${listing.notEvaluated} not evaluated`);
  if (listing.finishedHidden > 0) parts.push(`${listing.finishedHidden} completed not shown (--completed)`);
  return `${parts.join(', ')}; ${rfc3339(unixSeconds)}, model ${clean(model.name)} ${clean(model.version)}\n`;
}
