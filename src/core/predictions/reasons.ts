import { FEATURES, type Topic } from '../features/catalogue.ts';
import type { FeatureMatrix } from '../features/matrix.ts';
import { isFailing } from '../pods/status.ts';
import { modelRows, type Model } from './model.ts';

/** What moved a prediction: the features of one topic together, which speak for one fact about the pod. */
export interface Reason {
  readonly topic: Topic;
  /** By how much it moved the log odds; above 0 towards failing. */
  readonly logOdds: number;
  /** The largest part first. */
  readonly features: readonly ReasonFeature[];
}

interface ReasonFeature {
  readonly name: string;
  readonly unit: string;
  /** NaN where it is missing. */
  readonly value: number;
  readonly logOdds: number;
}

/**
 * Why each row got its RISK, from the model's own contributions (TreeSHAP): every topic, the one that moved it most first. The
 * model must have been read with statistics.
 */
export function reasonsOf(model: Model, matrix: FeatureMatrix): Reason[][] {
  const rows = modelRows(model, matrix);
  const width = model.columns.length;
  const moved = model.risk === undefined ? towardsFailing(model, rows, matrix.rowCount) : towardsRisk(model.risk, rows);
  return Array.from({ length: matrix.rowCount }, (_, row) => {
    const values = matrix.values.subarray(row * matrix.columnCount, (row + 1) * matrix.columnCount);
    return byTopic(model, moved.subarray(row * width, (row + 1) * width), values);
  });
}

/** By how much each column moved the calibrated log odds of failing: [row][column]. */
function towardsRisk({ forest, slope }: NonNullable<Model['risk']>, rows: Float32Array): Float64Array {
  const width = forest.featureCount;
  const all = forest.contributions(rows, rows.length / width, { kind: 'shap' });
  return Float64Array.from(rows, (_, i) => slope * (all[i + Math.floor(i / width)] as number));
}

/**
 * The same of a forest that has no word for failing but the statuses that fail. How its log odds go with each margin is the
 * status' share of its side: so much of the contributions to that margin counts.
 */
function towardsFailing({ forest, classes }: Model, rows: Float32Array, rowCount: number): Float64Array {
  const { featureCount: width, outputCount } = forest;
  const all = forest.contributions(rows, rowCount, { kind: 'shap' });
  const moved = new Float64Array(rowCount * width);
  const startOf = (row: number, output: number): number => (row * outputCount + output) * (width + 1);
  for (let row = 0; row < rowCount; row++) {
    // The contributions to an output, the base among them, sum to its margin.
    const margins = Array.from({ length: outputCount }, (_, output) =>
      all.subarray(startOf(row, output), startOf(row, output + 1)).reduce((sum, part) => sum + part, 0),
    );
    for (const [output, weight] of weightsOf(margins, classes).entries()) {
      const start = startOf(row, output);
      for (let i = 0; i < width; i++)
        moved[row * width + i] = (moved[row * width + i] as number) + weight * (all[start + i] as number);
    }
  }
  return moved;
}

/** d log odds of failing / d margin of each output; nothing where only one side has statuses. */
function weightsOf(margins: readonly number[], classes: Model['classes']): number[] {
  const failing = classes.map(isFailing);
  if (failing.every((fails) => fails === failing[0])) return [];
  // One output is the probability of the second status.
  if (margins.length === 1) return [failing[1] === true ? 1 : -1];
  // Within each side, so that a side that is nearly impossible has its shares as well.
  const greatest = (side: boolean): number => Math.max(...margins.filter((_, i) => failing[i] === side));
  const odds = margins.map((margin, i) => Math.exp(margin - greatest(failing[i] === true)));
  const sum = (side: boolean): number => odds.reduce((all, own, i) => (failing[i] === side ? all + own : all), 0);
  const sides = { failing: sum(true), well: sum(false) };
  return odds.map((own, i) => (failing[i] === true ? own / sides.failing : -own / sides.well));
}

function byTopic({ columns }: Model, moved: Float64Array, values: Float32Array): Reason[] {
  const topics = new Map<Topic, ReasonFeature[]>();
  for (const [i, column] of columns.entries()) {
    const feature = FEATURES[column];
    const logOdds = moved[i] as number;
    if (feature === undefined || logOdds === 0) continue;
    const own = topics.get(feature.topic) ?? [];
    own.push({ name: feature.name, unit: feature.unit, value: values[column] as number, logOdds });
    topics.set(feature.topic, own);
  }
  const largestFirst = (a: { logOdds: number }, b: { logOdds: number }): number =>
    Math.abs(b.logOdds) - Math.abs(a.logOdds);
  return [...topics]
    .map(([topic, features]) => ({
      topic,
      logOdds: features.reduce((sum, { logOdds }) => sum + logOdds, 0),
      features: features.sort(largestFirst),
    }))
    .sort(largestFirst);
}
