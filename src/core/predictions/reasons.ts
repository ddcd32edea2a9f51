import { FEATURES, type Topic } from '../features/catalogue.ts';
import type { FeatureMatrix } from '../features/matrix.ts';
import type { Status } from '../pods/status.ts';
import { modelRows, type Model } from './model.ts';

/** What moved a prediction: the features of one topic together, which speak for one fact about the pod. */
export interface Reason {
  readonly topic: Topic;
  /** By how much it moved the log odds; above 0 towards failing (of a model without a risk forest: towards the predicted status). */
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
 * Why each row got its prediction, from the model's own contributions (TreeSHAP): every topic, the one that moved it most
 * first. The model must have been read with statistics. `predicted`: the status of each row.
 */
export function reasonsOf(model: Model, matrix: FeatureMatrix, predicted: readonly Status[]): Reason[][] {
  const { forest, slope } = model.risk ?? { forest: model.forest, slope: 1 };
  const all = forest.contributions(modelRows(model, matrix), matrix.rowCount, { kind: 'shap' });
  const width = model.columns.length + 1;
  return predicted.map((status, row) => {
    const output = model.risk === undefined && forest.outputCount > 1 ? model.classes.indexOf(status) : 0;
    // Evidence may have decided for a status that the forest does not know.
    if (output < 0) return [];
    const start = (row * forest.outputCount + output) * width;
    const values = matrix.values.subarray(row * matrix.columnCount, (row + 1) * matrix.columnCount);
    return byTopic(model, all.subarray(start, start + width - 1), values, slope);
  });
}

function byTopic({ columns }: Model, contributions: Float32Array, values: Float32Array, slope: number): Reason[] {
  const topics = new Map<Topic, ReasonFeature[]>();
  for (const [i, column] of columns.entries()) {
    const feature = FEATURES[column];
    const logOdds = slope * (contributions[i] as number);
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
