import { chooseKernel } from './choose-kernel.ts';
import { contributions, CONTRIBUTION_KINDS, linearContributions, type ContributionKind } from './contributions.ts';
import { isTyped, nameOf } from './arguments.ts';
import { importance, IMPORTANCE_KINDS, linearImportance, type ImportanceKind } from './importance.ts';
import type { Kernel } from './kernel.ts';
import { addLinear } from './linear.ts';
import type { ModelParts } from './model-document.ts';
import { ModelError } from './model-error.ts';
import { baseMargins, objectiveNamed, predictionsOf, type Objective } from './objective.ts';
import { leafOf, type Trees } from './trees.ts';
import { isBefore } from './version.ts';

/** Which part of the forest, and what counts as missing. */
export interface WalkOptions {
  /** [begin, end) of the boosting iterations, as XGBoost's iteration_range; an end of 0 means all. */
  readonly iterationRange?: readonly [number, number];
  /** A value that is missing, beside NaN. Compared as float32. */
  readonly missing?: number;
}

export interface PredictOptions extends WalkOptions {
  /** Margins that sums start from in place of the base score, row-major `[row][output]`. */
  readonly baseMargin?: Float32Array;
  /** Where the answer goes, as long as it is: for who predicts again and again and wants no garbage. */
  readonly out?: Float32Array;
}

export interface ContributionOptions extends Omit<PredictOptions, 'out'> {
  readonly kind: ContributionKind;
}

const NO_OPTIONS: PredictOptions = {};

/**
 * A model of XGBoost that predicts as XGBoost does, bit for bit: float32 at every step, trees in the file's order.
 *
 * Rows are a row-major Float32Array of rowCount × featureCount; NaN is missing. A mistake in what is passed is a
 * TypeError or a RangeError; what XGBoost has no answer for either (leaves of a linear model, …) is a ModelError.
 */
export class Forest {
  readonly booster: ModelParts['booster'];
  readonly featureCount: number;
  /** Margins of a row: the number of classes, targets or quantiles; 1 in other models. */
  readonly outputCount: number;
  /** Predictions of a row: outputCount, but 1 for multi:softmax, which predicts the number of a class. */
  readonly predictionCount: number;
  /** Empty where the model was trained without names. */
  readonly featureNames: readonly string[];
  /** XGBoost's name: "binary:logistic". */
  readonly objective: string;
  /** Why predictions may differ from XGBoost's in the last bit; undefined where they cannot. Margins never do. */
  readonly caveat: string | undefined;
  /** As in the file: in the space of predictions where the objective has a link, else of margins. */
  readonly baseScore: readonly number[];
  /** The XGBoost whose arithmetic counts: "3.4.1". */
  readonly version: string;
  readonly treeCount: number;
  readonly nodeCount: number;
  readonly iterationCount: number;
  /** The best iteration of early stopping, where the trainer noted one. Predictions use all trees nevertheless. */
  readonly bestIteration: number | undefined;
  readonly #parts: ModelParts;
  readonly #objective: Objective;
  readonly #kernel: Kernel | undefined;
  readonly #base: Float32Array;
  /** XGBoost before 1.3 (dart: 1.4) summed the leaves of trees from 0 and added the base margin at the end. */
  readonly #baseLast: boolean;

  constructor(parts: ModelParts) {
    const { trees, featureCount, outputCount } = parts;
    const objective = objectiveNamed(parts.objective);
    this.booster = parts.booster;
    this.featureCount = featureCount;
    this.outputCount = outputCount;
    this.predictionCount = objective.predictsClass ? 1 : outputCount;
    this.featureNames = Object.freeze([...parts.featureNames]);
    this.objective = parts.objective;
    this.caveat = objective.caveat;
    this.baseScore = parts.baseScore;
    this.version = parts.version.join('.');
    this.treeCount = trees?.groups.length ?? 0;
    this.nodeCount = trees?.left.length ?? 0;
    this.iterationCount = trees === undefined ? 0 : trees.iterations.length - 1;
    this.bestIteration = parts.bestIteration;
    this.#parts = parts;
    this.#objective = objective;
    this.#kernel = trees === undefined ? undefined : chooseKernel({ trees, featureCount, outputCount });
    this.#base = baseMargins(objective, parts, outputCount);
    this.#baseLast = trees !== undefined && isBefore(parts.version, [1, parts.booster === 'dart' ? 4 : 3, 0]);
  }

  /** Sums of leaf weights and base margin, before the objective's transform; row-major `[row][output]`. */
  predictMargin(rows: Float32Array, rowCount: number, options: PredictOptions = NO_OPTIONS): Float32Array {
    const columns = this.#checkedRows(rows, rowCount, options.missing);
    let [first, last] = [0, this.treeCount];
    if (options.iterationRange !== undefined) [first, last] = this.#treesOf(options.iterationRange);
    let base = this.#baseOf(rowCount, options.baseMargin);
    const margins = answerOf(options.out, rowCount, this.outputCount);
    // Margins are written before the last row is read.
    if (margins === options.out && overlap(margins, rows)) throw new RangeError('`out` shares memory with the rows');
    if (this.#baseLast && margins.buffer === base.buffer) base = base.slice();
    if (this.#baseLast) margins.fill(0);
    else fillRows(margins, base);
    if (this.#kernel !== undefined) this.#kernel.addLeaves(columns, rowCount, margins, first, last);
    else addLinear(this.#parts.weights as Float32Array, columns, rowCount, margins, this);
    if (this.#baseLast) for (let i = 0; i < margins.length; i++) addBase(margins, base, i);
    return margins;
  }

  /** Predictions, row-major `[row][prediction]`: probabilities, expected values, the class, as the objective has it. */
  predict(rows: Float32Array, rowCount: number, options: PredictOptions = NO_OPTIONS): Float32Array {
    const { predictionCount, outputCount } = this;
    if (options.out === undefined || predictionCount === outputCount) {
      return this.#transformed(this.predictMargin(rows, rowCount, options));
    }
    // The number of a class is shorter than the margins that it is found in.
    const { out, ...others } = options;
    const answer = answerOf(out, rowCount, predictionCount);
    answer.set(this.#transformed(this.predictMargin(rows, rowCount, others)));
    return answer;
  }

  #transformed(margins: Float32Array): Float32Array {
    return predictionsOf(this.#objective, margins, this.outputCount, this.#parts.version);
  }

  /**
   * By how much each feature moved the margin, row-major `[row][output][featureCount + 1]`; the last column is the base
   * value, and all of a row's output add up to its margin. XGBoost's pred_contribs ('shap'), approx_contribs ('saabas')
   * and pred_interactions ('interactions': `[row][output][featureCount + 1][featureCount + 1]`).
   */
  contributions(rows: Float32Array, rowCount: number, options: ContributionOptions): Float32Array {
    // Whoever writes JavaScript may forget it.
    const kind = (options as Partial<ContributionOptions> | undefined)?.kind;
    demandOneOf(CONTRIBUTION_KINDS, kind, 'kind of contributions');
    const columns = this.#checkedRows(rows, rowCount, options.missing);
    const [first, last] = this.#treesOf(options.iterationRange);
    const base = this.#baseOf(rowCount, options.baseMargin);
    const { featureCount, outputCount } = this;
    const { trees, weights } = this.#parts;
    if (trees !== undefined) {
      const shape = { trees, featureCount, outputCount };
      return contributions(shape, columns, rowCount, base, options.kind, first, last);
    }
    const shape = { weights: weights as Float32Array, featureCount, outputCount };
    return linearContributions(shape, columns, rowCount, base, options.kind);
  }

  /** The id of the leaf where each row ends in each tree, row-major `[row][tree]`: XGBoost's pred_leaf. */
  leaves(rows: Float32Array, rowCount: number, options: WalkOptions = {}): Int32Array {
    const trees = this.#demandTrees('leaves');
    const columns = this.#checkedRows(rows, rowCount, options.missing);
    const [first, last] = this.#treesOf(options.iterationRange);
    const leaves = new Int32Array(rowCount * (last - first));
    let place = 0;
    for (let row = 0; row < rowCount; row++) {
      for (let tree = first; tree < last; tree++) {
        const leaf = leafOf(trees, tree, columns, row * this.featureCount);
        leaves[place++] = trees.nodeIds?.[leaf] ?? leaf - (trees.starts[tree] as number);
      }
    }
    return leaves;
  }

  /**
   * How much each feature counts, by name (f0, f1, … where there are none): XGBoost's get_score. Features on which no
   * tree splits are left out. A linear model has its coefficients as 'weight', a list where there are several outputs.
   */
  importance(kind: ImportanceKind): Map<string, number | readonly number[]> {
    const { featureCount, outputCount } = this;
    const { trees, weights } = this.#parts;
    demandOneOf(IMPORTANCE_KINDS, kind, 'kind of importance');
    if (trees === undefined && kind !== 'weight') this.#demandTrees(`importance by ${kind}`);
    const scores =
      trees === undefined
        ? linearImportance(weights as Float32Array, featureCount, outputCount)
        : importance({ trees, featureCount }, kind);
    return new Map([...scores].map(([column, score]) => [this.featureNames[column] ?? `f${column}`, score]));
  }

  /** Steps from the root to the deepest leaf of all. */
  get depth(): number {
    return this.#parts.trees === undefined ? 0 : deepestLeaf(this.#parts.trees);
  }

  #demandTrees(what: string): Trees {
    if (this.#parts.trees === undefined) throw new ModelError(`it is linear, and has no ${what}`);
    return this.#parts.trees;
  }

  /** The rows, with NaN in place of what is missing. */
  #checkedRows(rows: Float32Array, rowCount: number, missing: number | undefined): Float32Array {
    demandFloats(rows, 'rows');
    const wanted = rowCount * this.featureCount;
    if (!Number.isInteger(rowCount) || rowCount < 0 || rows.length !== wanted) {
      throw new RangeError(
        `${rowCount} rows of ${this.featureCount} columns need ${wanted} values, and there are ${rows.length}`,
      );
    }
    if (missing === undefined || Number.isNaN(missing)) return rows;
    if (typeof missing !== 'number') throw new TypeError(`a missing value is a number, not ${nameOf(missing)}`);
    const absent = Math.fround(missing);
    return rows.map((x) => (x === absent ? Number.NaN : x));
  }

  #treesOf(range: readonly [number, number] | undefined): [number, number] {
    const { trees } = this.#parts;
    const rounds = this.iterationCount;
    if (range === undefined) return [0, this.treeCount];
    if (!Array.isArray(range) || range.length !== 2 || ![range[0], range[1]].every(Number.isFinite)) {
      const found = Array.isArray(range) ? `[${range.join(', ')}]` : nameOf(range);
      throw new TypeError(`a range of iterations is a pair of numbers, not ${found}`);
    }
    const begin = range[0];
    const end = range[1] === 0 ? rounds : range[1];
    if (trees === undefined) {
      // As XGBoost, which ignores the end.
      if (begin !== 0) throw new RangeError('a linear model has no iterations to leave out');
      return [0, 0];
    }
    if (!(Number.isInteger(begin) && Number.isInteger(end) && begin >= 0 && begin <= end && end <= rounds)) {
      throw new RangeError(`the iterations ${range.join(' to ')} are not within the forest's 0 to ${rounds}`);
    }
    return [trees.iterations[begin] as number, trees.iterations[end] as number];
  }

  #baseOf(rowCount: number, baseMargin: Float32Array | undefined): Float32Array {
    if (baseMargin === undefined) {
      if (this.booster !== 'gblinear') return this.#base;
      // XGBoost starts each output of a linear model from the first base score.
      return new Float32Array(this.outputCount).fill(this.#base[0] as number);
    }
    demandFloats(baseMargin, 'base margins');
    const wanted = rowCount * this.outputCount;
    if (baseMargin.length !== wanted) {
      throw new RangeError(
        `${rowCount} rows of ${this.outputCount} outputs need ${wanted} base margins, and there are ${baseMargin.length}`,
      );
    }
    return baseMargin;
  }
}

/** Other arrays would be compared in float64, and give other answers, without a word. */
function demandFloats(values: Float32Array, what: string): void {
  // The class first: to ask for the tag takes longer, and one row takes a few microseconds.
  if (values instanceof Float32Array || isTyped(values, 'Float32Array')) return;
  throw new TypeError(`${what} are a Float32Array, not ${nameOf(values)}: Float32Array.from(…) makes one`);
}

function demandOneOf(known: readonly string[], wanted: string | undefined, what: string): void {
  if (wanted !== undefined && known.includes(wanted)) return;
  throw new RangeError(`${JSON.stringify(wanted)} is no ${what}: there are ${known.join(', ')}`);
}

/** A new array for the answer, or the one that was given for it. */
function answerOf(out: Float32Array | undefined, rowCount: number, perRow: number): Float32Array {
  const wanted = rowCount * perRow;
  if (out === undefined) return new Float32Array(wanted);
  demandFloats(out, '`out`');
  if (out.length === wanted) return out;
  throw new RangeError(`the answer for ${rowCount} rows has ${wanted} numbers, and \`out\` has ${out.length}`);
}

function overlap(a: Float32Array, b: Float32Array): boolean {
  return (
    a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength
  );
}

/** `base` over and over. */
function fillRows(margins: Float32Array, base: Float32Array): void {
  if (base.length === margins.length) return margins.set(base);
  for (let i = 0; i < margins.length; i += base.length) margins.set(base, i);
}

function addBase(margins: Float32Array, base: Float32Array, place: number): void {
  margins[place] = (margins[place] as number) + (base[place % base.length] as number);
}

function deepestLeaf({ starts, left, right }: Trees): number {
  let deepest = 0;
  const depths = new Int32Array(left.length);
  for (let tree = 0; tree + 1 < starts.length; tree++) {
    const pending = [starts[tree] as number];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if ((left[node] as number) < 0) continue;
      const depth = (depths[node] as number) + 1;
      deepest = Math.max(deepest, depth);
      for (const child of [left[node] as number, right[node] as number]) {
        depths[child] = depth;
        pending.push(child);
      }
    }
  }
  return deepest;
}
