import { FailureError } from '../core/failure.ts';
import type { ImportanceKind } from '../core/forest/importance.ts';
import { ModelError } from '../core/forest/model-error.ts';
import { factsOf, type ForestFacts } from '../core/predictions/forest-facts.ts';
import type { ForestFile } from '../core/predictions/forest-file.ts';

/** Describes a model, with the importance that is wanted or else the best that it has. */
export function describeForest(file: ForestFile, wanted: ImportanceKind | undefined): ForestFacts {
  try {
    return factsOf(file, wanted);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new FailureError({ kind: 'forest-unusable', path: file.path, problem: error.message }, error);
  }
}
