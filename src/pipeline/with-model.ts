import { FailureError } from '../core/failure.ts';
import { ModelError } from '../core/forest/model-error.ts';
import type { Model } from '../core/predictions/model.ts';

/** What `predict` says; where the model turns out to be unusable only then, that is a FailureError. */
export function withModel<T>(model: Model, predict: () => T): T {
  try {
    return predict();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new FailureError({ kind: 'model-invalid', path: model.path, problem: error.message }, error);
  }
}
