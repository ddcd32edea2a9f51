import type { Forest } from '../forest/forest.ts';

/** A forest with where it came from: a file of XGBoost, or the folder of a model of kpfd. */
export interface ForestFile {
  readonly path: string;
  readonly forest: Forest;
  /** What metadata.json says, where the path is such a folder; with a `risk` the forest is one of two. */
  readonly model:
    | {
        readonly name: string;
        readonly version: string;
        readonly classes: readonly string[];
        readonly risk: object | undefined;
      }
    | undefined;
}
