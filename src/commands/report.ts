import type { FailureError } from '../core/failure.ts';
import { failureText } from '../render/failure-text.ts';
import { clean } from '../render/text.ts';

/** What went wrong, for stderr; `verbose`: and what was underneath. */
export function reportFailure({ failure, cause }: FailureError, verbose: boolean): string {
  const below = verbose && cause instanceof Error ? `note: ${clean(`${cause.name}: ${cause.message}`)}\n` : '';
  return `error: ${failureText(failure)}\n${below}`;
}
