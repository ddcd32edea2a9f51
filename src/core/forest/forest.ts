import { baseMargins, transform, type Objective } from './objective.ts';
import { isBefore, type XgboostVersion } from './version.ts';

/**
 * All trees of a model in columns: node i of the whole forest is index i of each array. Built by the readers
 * (model-json.ts, dump-json.ts), which check that every child lies in the same tree and no node has two parents.
 */
export interface Trees {
  /** First node of each tree, in the file's order. */
  readonly roots: Int32Array;
  /** The output that each tree adds to. */
  readonly groups: Int32Array;
  /** Children as indices of this forest; -1 at a leaf. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** The split feature's column. */
  readonly feature: Int32Array;
  /** The split condition; the leaf weight at a leaf. */
  readonly value: Float32Array;
  /** 1 where a missing value goes left. */
  readonly defaultLeft: Uint8Array;
}

export interface ForestShape {
  readonly featureCount: number;
  readonly outputCount: number;
  /** Empty where the model was trained without names. */
  readonly featureNames: readonly string[];
  readonly objective: Objective;
  /** base_score as the file has it: in the space of predictions where the objective has a link, else of margins. */
  readonly baseScore: readonly number[];
  readonly version: XgboostVersion;
  readonly trees: Trees;
}

/** A forest that predicts as XGBoost does, bit for bit: float32 at every step, trees in the file's order. */
export class Forest {
  readonly featureCount: number;
  readonly outputCount: number;
  readonly featureNames: readonly string[];
  readonly objective: Objective;
  readonly treeCount: number;
  readonly nodeCount: number;
  readonly #trees: Trees;
  readonly #base: Float32Array;
  /** XGBoost before 1.3 summed the leaves from 0 and added the base margin at the end. */
  readonly #baseLast: boolean;

  constructor(shape: ForestShape) {
    this.featureCount = shape.featureCount;
    this.outputCount = shape.outputCount;
    this.featureNames = shape.featureNames;
    this.objective = shape.objective;
    this.treeCount = shape.trees.roots.length;
    this.nodeCount = shape.trees.left.length;
    this.#trees = shape.trees;
    this.#base = baseMargins(shape.objective, shape.baseScore, shape.outputCount, shape.version);
    this.#baseLast = isBefore(shape.version, [1, 3, 0]);
  }

  /**
   * Sums of leaf weights and base margin, row-major `[row][output]`, before the objective's transform.
   * `rows` is row-major with featureCount columns; NaN is missing.
   */
  predictMargin(rows: Float32Array, rowCount: number): Float32Array {
    if (rows.length !== rowCount * this.featureCount) {
      throw new RangeError(
        `${rowCount} rows of ${this.featureCount} columns need ${rowCount * this.featureCount} values`,
      );
    }
    const margins = new Float32Array(rowCount * this.outputCount);
    for (let row = 0; row < rowCount; row++) {
      const output = margins.subarray(row * this.outputCount, (row + 1) * this.outputCount);
      if (!this.#baseLast) output.set(this.#base);
      this.#addLeaves(rows, row * this.featureCount, output);
      if (this.#baseLast) {
        for (let k = 0; k < output.length; k++) output[k] = (output[k] as number) + (this.#base[k] as number);
      }
    }
    return margins;
  }

  /** Probabilities, row-major `[row][output]`. */
  predict(rows: Float32Array, rowCount: number): Float32Array {
    const margins = this.predictMargin(rows, rowCount);
    transform(this.objective, margins, this.outputCount);
    return margins;
  }

  /** The plain walk. Storing to a Float32Array rounds each sum to float32, which makes it XGBoost's sum. */
  #addLeaves(rows: Float32Array, offset: number, output: Float32Array): void {
    const { roots, groups, left, right, feature, value, defaultLeft } = this.#trees;
    for (let tree = 0; tree < roots.length; tree++) {
      let node = roots[tree] as number;
      while ((left[node] as number) >= 0) {
        const x = rows[offset + (feature[node] as number)] as number;
        const goesLeft = Number.isNaN(x) ? defaultLeft[node] === 1 : x < (value[node] as number);
        node = (goesLeft ? left[node] : right[node]) as number;
      }
      const group = groups[tree] as number;
      output[group] = (output[group] as number) + (value[node] as number);
    }
  }
}
