import { FailureError, type Failure } from '../core/failure.ts';

/** The failure that an error stands for; a bug is thrown on. */
export function expectedFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  throw error;
}
