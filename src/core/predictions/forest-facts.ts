import type { Forest } from '../forest/forest.ts';
import { IMPORTANCE_KINDS, type ImportanceKind } from '../forest/importance.ts';
import { ModelError } from '../forest/model-error.ts';
import type { ForestFile } from './forest-file.ts';
import { compareText } from '../compare-text.ts';

/** How much each feature counts, the most important first. */
type Scores = readonly (readonly [feature: string, score: number])[];

/** What there is to know of a model. */
export interface ForestFacts {
  readonly file: ForestFile;
  /** undefined where it predicts no classes. */
  readonly classes: { readonly count: number; readonly names: readonly string[] | undefined } | undefined;
  readonly importance: Importance | Coefficients;
}

export interface Importance {
  readonly kind: 'splits';
  /** The one to show. */
  readonly chosen: ImportanceKind;
  /** Without statistics at the nodes there is only 'weight'. */
  readonly scores: ReadonlyMap<ImportanceKind, Scores>;
}

export interface Coefficients {
  readonly kind: 'linear';
  /** By feature, in their order: a coefficient for each output. */
  readonly coefficients: readonly (readonly [feature: string, byOutput: readonly number[]])[];
  /** By output: the margin of a row in which everything is missing. */
  readonly intercepts: readonly number[];
}

/**
 * Describes a model; `wanted`: the importance to show, by gain or else by weight where it is left out. Throws ModelError
 * where the model has none of that kind.
 */
export function factsOf(file: ForestFile, wanted: ImportanceKind | undefined): ForestFacts {
  const { forest, model } = file;
  const count = classCount(forest);
  return {
    file,
    classes: count === undefined ? undefined : { count, names: model?.classes },
    importance: forest.booster === 'gblinear' ? coefficientsOf(forest, wanted) : importanceOf(forest, wanted),
  };
}

function classCount({ objective, outputCount }: Forest): number | undefined {
  if (objective.startsWith('multi:')) return outputCount;
  // Of several targets each has two classes of its own.
  return objective.startsWith('binary:') && outputCount === 1 ? 2 : undefined;
}

function importanceOf(forest: Forest, wanted: ImportanceKind | undefined): Importance {
  const scores = new Map<ImportanceKind, Scores>();
  for (const kind of IMPORTANCE_KINDS) {
    try {
      scores.set(kind, ranked(forest, kind));
    } catch (error) {
      // It has no statistics, which matters where they are needed for what was asked.
      if (!(error instanceof ModelError) || kind === wanted) throw error;
    }
  }
  return { kind: 'splits', chosen: wanted ?? (scores.has('gain') ? 'gain' : 'weight'), scores };
}

function ranked(forest: Forest, kind: ImportanceKind): Scores {
  return [...forest.importance(kind)]
    .map(([feature, score]) => [feature, Number(score)] as const)
    .sort(([a, scoreOfA], [b, scoreOfB]) => scoreOfB - scoreOfA || compareText(a, b));
}

function coefficientsOf(forest: Forest, wanted: ImportanceKind | undefined): Coefficients {
  // A linear model says itself that it knows no other kind.
  const coefficients = [...forest.importance(wanted ?? 'weight')].map(
    ([feature, byOutput]) => [feature, typeof byOutput === 'number' ? [byOutput] : byOutput] as const,
  );
  const row = new Float32Array(forest.featureCount).fill(Number.NaN);
  return { kind: 'linear', coefficients, intercepts: [...forest.predictMargin(row, 1)] };
}
