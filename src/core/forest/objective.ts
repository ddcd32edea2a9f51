/**
 * What an objective does at both ends of the sum of leaves: it turns base scores into the margins that sums start from,
 * and margins into predictions. One closed table of all objectives of XGBoost 1.0 to 3.4; float32 at every step, in
 * XGBoost's order.
 */
import { expm1f, log1pf } from './expm1-log1p.ts';
import { expf, expfAt, logf } from './float32.ts';
import type { ModelParts } from './model-document.ts';
import { ModelError } from './model-error.ts';
import { isBefore, type XgboostVersion } from './version.ts';

export interface Objective {
  /** The margin of each output from its base score, in place; the identity where absent. */
  readonly linkBase?: (base: Float32Array, version: XgboostVersion) => void;
  /** Predictions from margins, row-major, in place; the identity where absent. */
  readonly transform?: (values: Float32Array, version: XgboostVersion, outputCount: number) => void;
  /** True where a row's prediction is the number of its class. */
  readonly predictsClass?: true;
  /** Why predictions may differ from XGBoost's in the last bit; margins never do. Absent where they are exact. */
  readonly caveat?: string;
}

const identity: Objective = {};
const logistic: Objective = { linkBase: eachNumber(logit), transform: sigmoidAll };
const exponential: Objective = { linkBase: eachNumber(logf), transform: eachNumber(expf) };

const OBJECTIVES: ReadonlyMap<string, Objective> = new Map<string, Objective>([
  ['reg:squarederror', identity],
  ['reg:linear', identity],
  ['reg:squaredlogerror', identity],
  ['reg:pseudohubererror', identity],
  ['reg:absoluteerror', identity],
  ['reg:logistic', logistic],
  ['reg:gamma', exponential],
  ['reg:tweedie', exponential],
  ['reg:quantileerror', { transform: sortQuantiles }],
  [
    'reg:expectileerror',
    {
      linkBase: gapsOfExpectiles,
      transform: sumExpectiles,
      caveat: 'it uses log1pf and expm1f, of which the C library of glibc 2.41 and newer has others than glibc 2.40',
    },
  ],
  ['binary:logistic', logistic],
  // Before 1.3 its base score was a probability.
  ['binary:logitraw', { linkBase: eachNumber((x, version) => (isBefore(version, [1, 3, 0]) ? logit(x, version) : x)) }],
  ['binary:hinge', { transform: eachNumber((x) => (x > 0 ? 1 : 0)) }],
  ['count:poisson', exponential],
  ['survival:cox', exponential],
  [
    'survival:aft',
    {
      linkBase: eachNumber(logf),
      transform: eachNumber((x, version) => (isBuiltWithExpf(version) ? expf(x) : Math.exp(x))),
      caveat:
        'it goes through exp in float64, of which JavaScript does not promise the last bit, or through expf, as XGBoost ' +
        "was built: PyPI's xgboost and xgboost-cpu differ",
    },
  ],
  ['rank:pairwise', identity],
  ['rank:ndcg', identity],
  ['rank:map', identity],
  ['multi:softprob', { transform: softmaxRows }],
  ['multi:softmax', { predictsClass: true }],
]);

/** The names of XGBoost's objectives. */
export const OBJECTIVE_NAMES: readonly string[] = [...OBJECTIVES.keys()];

/** The objective of that name, or a ModelError. */
export function objectiveNamed(name: string): Objective {
  const found = OBJECTIVES.get(name);
  if (found !== undefined) return found;
  throw new ModelError(`its objective is ${JSON.stringify(name)}, which is none of XGBoost's that kpfd knows`);
}

/** The margins that outputs start from. Takes one base score for all outputs, or one for each. */
export function baseMargins(
  objective: Objective,
  { baseScore, hasMarginBase, version }: Pick<ModelParts, 'baseScore' | 'hasMarginBase' | 'version'>,
  outputCount: number,
): Float32Array {
  if (baseScore.length !== 1 && baseScore.length !== outputCount) {
    throw new ModelError(`it has ${baseScore.length} base scores for ${outputCount} outputs`);
  }
  const base = Float32Array.from({ length: outputCount }, (_, k) =>
    baseScore.length === 1 ? (baseScore[0] as number) : (baseScore[k] as number),
  );
  if (!hasMarginBase) objective.linkBase?.(base, version);
  return base;
}

/** Predictions, row-major, from margins, which may be overwritten. */
export function predictionsOf(
  objective: Objective,
  margins: Float32Array,
  outputCount: number,
  version: XgboostVersion,
): Float32Array {
  if (objective.predictsClass) return largestOfRows(margins, outputCount);
  objective.transform?.(margins, version, outputCount);
  return margins;
}

function eachNumber(
  compute: (x: number, version: XgboostVersion) => number,
): (values: Float32Array, version: XgboostVersion) => void {
  return (values, version) => {
    for (let i = 0; i < values.length; i++) values[i] = compute(values[i] as number, version);
  };
}

/**
 * Builds differ: PyPI's xgboost uses expf, Debian's 1.7 and PyPI's xgboost-cpu use exp. Those two are followed where they
 * are known.
 */
function isBuiltWithExpf(version: XgboostVersion): boolean {
  return isBefore(version, [1, 7, 0]) || (isBefore(version, [2, 1, 0]) && !isBefore(version, [2, 0, 0]));
}

/** -logf(1/p - 1); since 3.2 XGBoost keeps p off 0 and 1 first. */
function logit(probability: number, version: XgboostVersion): number {
  const tiny = Math.fround(1e-6);
  const p = isBefore(version, [3, 2, 0]) ? probability : Math.min(Math.max(probability, tiny), Math.fround(1 - tiny));
  return -logf(Math.fround(Math.fround(1 / p) - 1));
}

const SIGMOID_LIMIT = Math.fround(88.7);
const SIGMOID_EPSILON = Math.fround(1e-16);

function sigmoidAll(values: Float32Array, version: XgboostVersion): void {
  const isUnlimited = isBefore(version, [1, 6, 0]);
  for (let i = 0; i < values.length; i++) {
    const exponent = -(values[i] as number);
    values[i] = isUnlimited ? exponent : Math.min(exponent, SIGMOID_LIMIT);
    expfAt(values, i);
    const denominator = Math.fround(Math.fround((values[i] as number) + 1) + SIGMOID_EPSILON);
    values[i] = 1 / denominator;
  }
}

function softmaxRows(values: Float32Array, _: XgboostVersion, outputCount: number): void {
  for (let row = 0; row < values.length; row += outputCount) softmax(values, row, outputCount);
}

/** The exponentials are float32, their sum is float64 in the order of the classes, the quotient is float32. */
function softmax(values: Float32Array, start: number, count: number): void {
  let largest = values[start] as number;
  for (let k = 1; k < count; k++) {
    const x = values[start + k] as number;
    // As C's fmaxf: what is no number does not count.
    if (x > largest || Number.isNaN(largest)) largest = x;
  }
  let sum = 0;
  for (let k = 0; k < count; k++) {
    values[start + k] = (values[start + k] as number) - largest;
    expfAt(values, start + k);
    sum += values[start + k] as number;
  }
  const divisor = Math.fround(sum);
  for (let k = 0; k < count; k++) values[start + k] = (values[start + k] as number) / divisor;
}

/** The class with the largest margin of each row, the first of equals. */
function largestOfRows(margins: Float32Array, outputCount: number): Float32Array {
  return Float32Array.from({ length: margins.length / outputCount }, (_, row) => {
    let largest = 0;
    for (let k = 1; k < outputCount; k++) {
      if ((margins[row * outputCount + largest] as number) < (margins[row * outputCount + k] as number)) largest = k;
    }
    return largest;
  });
}

/** Since 3.4 each row's quantiles ascend. By insertion, which leaves what is no number where XGBoost does. */
function sortQuantiles(values: Float32Array, version: XgboostVersion, outputCount: number): void {
  if (isBefore(version, [3, 4, 0])) return;
  for (let row = 0; row < values.length; row += outputCount) {
    for (let k = row + 1; k < row + outputCount; k++) {
      const x = values[k] as number;
      let place = k;
      for (; place > row && x < (values[place - 1] as number); place--) values[place] = values[place - 1] as number;
      values[place] = x;
    }
  }
}

/** Two expectiles differ by at least so much. */
const SMALLEST_GAP = Math.fround(1e-6);

/** A margin of expectiles is the first, and then what softplus turns into the gap to the one before. */
function gapsOfExpectiles(base: Float32Array): void {
  for (let k = base.length - 1; k > 0; k--) {
    const gap = Math.fround((base[k] as number) - (base[k - 1] as number));
    const x = Math.max(Math.fround(gap - SMALLEST_GAP), SMALLEST_GAP);
    base[k] = x + logf(-expm1f(-x));
  }
}

function sumExpectiles(values: Float32Array, _: XgboostVersion, outputCount: number): void {
  for (let row = 0; row < values.length; row += outputCount) {
    for (let k = row + 1; k < row + outputCount; k++) {
      values[k] = (values[k - 1] as number) + Math.fround(SMALLEST_GAP + softplus(values[k] as number));
    }
  }
}

function softplus(x: number): number {
  return x > 0 ? Math.fround(x + log1pf(expf(-x))) : log1pf(expf(x));
}
