import { FailureError } from '../core/failure.ts';
import { failureText } from '../render/failure-text.ts';
import { clean } from '../render/text.ts';

/** What went wrong, for stderr; `verbose`: and what was underneath. */
export function reportError(error: unknown, verbose: boolean): string {
  if (error instanceof FailureError) {
    const { cause } = error;
    const below = verbose && cause instanceof Error ? `note: ${clean(`${cause.name}: ${cause.message}`)}\n` : '';
    return `error: ${failureText(error.failure)}\n${below}`;
  }
  const { code } = error instanceof Error ? (error as Error & { code?: unknown }) : {};
  if (code === 'EMFILE' || code === 'ENFILE') return 'error: too many files are open; raise the limit (ulimit -n)\n';
  const stack = error instanceof Error ? error.stack : String(error);
  return `error: this is a bug in kpfd, please report it with these lines\n${stack ?? ''}\n`;
}
