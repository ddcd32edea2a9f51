import { FailureError } from '../core/failure.ts';
import { failureText } from '../render/failure-text.ts';

/** What went wrong, for stderr. */
export function reportError(error: unknown): string {
  if (error instanceof FailureError) return `error: ${failureText(error.failure)}\n`;
  const stack = error instanceof Error ? error.stack : String(error);
  return `error: this is a bug in kpfd, please report it with these lines\n${stack ?? ''}\n`;
}
