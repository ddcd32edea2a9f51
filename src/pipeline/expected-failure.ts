import { FailureError, isFatal, type Failure } from '../core/failure.ts';

/** The failure that an error stands for, where the run can go on without an answer. A fatal one and a bug are thrown on. */
export function expectedFailure(error: unknown): Failure {
  if (!(error instanceof FailureError) || isFatal(error.failure)) throw error;
  return error.failure;
}
