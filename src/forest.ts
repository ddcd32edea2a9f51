/**
 * kpfd/forest: reads models of XGBoost and predicts as XGBoost does, bit for bit, in pure TypeScript. It needs neither
 * Node nor a DOM, and runs in browsers and workers as well.
 *
 *     import { readForest } from 'kpfd/forest';
 *     const forest = readForest(await readFile('model.json'));
 *     const probabilities = forest.predict(Float32Array.of(0.5, Number.NaN), 1);
 */
export type { ContributionKind } from './core/forest/contributions.ts';
export type { DumpFacts } from './core/forest/dump-json.ts';
export type { ContributionOptions, Forest, PredictOptions, WalkOptions } from './core/forest/forest.ts';
export type { ImportanceKind } from './core/forest/importance.ts';
export { ModelError } from './core/forest/model-error.ts';
export { readForest, type ReadForestOptions } from './core/forest/read-forest.ts';
