import { expf, logf } from './float32.ts';
import { ModelError } from './model-error.ts';
import { isBefore, type XgboostVersion } from './version.ts';

/** What turns margins into predictions: one closed table of what kpfd evaluates exactly. */
const OBJECTIVES = ['binary:logistic', 'multi:softprob'] as const;
export type Objective = (typeof OBJECTIVES)[number];

export function objectiveNamed(name: string): Objective {
  const found = OBJECTIVES.find((objective) => objective === name);
  if (found === undefined) {
    throw new ModelError(`its objective is ${JSON.stringify(name)}, and kpfd evaluates ${OBJECTIVES.join(' and ')}`);
  }
  return found;
}

/** The margins that each output starts from. Sizes: one base score for all outputs, or one for each. */
export function baseMargins(
  objective: Objective,
  baseScore: readonly number[],
  outputCount: number,
  version: XgboostVersion,
): Float32Array {
  if (baseScore.length !== 1 && baseScore.length !== outputCount) {
    throw new ModelError(`it has ${baseScore.length} base scores for ${outputCount} outputs`);
  }
  return Float32Array.from({ length: outputCount }, (_, k) => {
    const score = Math.fround((baseScore.length === 1 ? baseScore[0] : baseScore[k]) as number);
    return objective === 'binary:logistic' ? logit(score, version) : score;
  });
}

/** -logf(1/p - 1) in float32 steps; since 3.2 XGBoost keeps p off 0 and 1 first. */
function logit(probability: number, version: XgboostVersion): number {
  const tiny = Math.fround(1e-6);
  const p = isBefore(version, [3, 2, 0]) ? probability : Math.min(Math.max(probability, tiny), Math.fround(1 - tiny));
  return -logf(Math.fround(Math.fround(1 / p) - 1));
}

/** Turns margins into probabilities in place, row by row. */
export function transform(objective: Objective, values: Float32Array, outputCount: number): void {
  switch (objective) {
    case 'binary:logistic':
      for (let i = 0; i < values.length; i++) values[i] = sigmoid(values[i] as number);
      return;
    case 'multi:softprob':
      for (let row = 0; row < values.length; row += outputCount) softmax(values, row, outputCount);
      return;
  }
}

const SIGMOID_LIMIT = Math.fround(88.7);
const SIGMOID_EPSILON = Math.fround(1e-16);

function sigmoid(x: number): number {
  // Every step in float32, in XGBoost's order.
  const denominator = Math.fround(Math.fround(expf(Math.min(-x, SIGMOID_LIMIT)) + 1) + SIGMOID_EPSILON);
  return Math.fround(1 / denominator);
}

/** The exponentials are float32, their sum is float64 in the order of the classes, the quotient is float32. */
function softmax(values: Float32Array, start: number, count: number): void {
  let largest = values[start] as number;
  for (let k = 1; k < count; k++) largest = Math.max(largest, values[start + k] as number);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const e = expf(Math.fround((values[start + k] as number) - largest));
    values[start + k] = e;
    sum += e;
  }
  const divisor = Math.fround(sum);
  for (let k = 0; k < count; k++) values[start + k] = (values[start + k] as number) / divisor;
}
