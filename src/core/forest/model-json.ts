import { Forest } from './forest.ts';
import { isRecord, parseLooseJson, toFloat32 } from './loose-json.ts';
import { ModelError } from './model-error.ts';
import { objectiveNamed } from './objective.ts';
import { TreesBuilder, type TreeColumns } from './trees-builder.ts';
import type { XgboostVersion } from './version.ts';

/**
 * Reads what XGBoost's `save_model('model.json')` writes, versions 1.0 to 3.x: booster gbtree, numerical splits, one
 * number per leaf. Everything else is refused by name. Unknown keys are ignored, as XGBoost does.
 */
export function readModelJson(text: string): Forest {
  const document = object(parseLooseJson(text), 'document');
  const learner = object(document['learner'], 'learner');
  const parameters = object(learner['learner_model_param'], 'learner.learner_model_param');
  const booster = object(learner['gradient_booster'], 'learner.gradient_booster');
  if (booster['name'] !== 'gbtree')
    throw new ModelError(`its booster is ${JSON.stringify(booster['name'])}, not "gbtree"`);
  const model = object(booster['model'], 'learner.gradient_booster.model');
  const objective = objectiveNamed(String(object(learner['objective'], 'learner.objective')['name']));

  const featureCount = count(parameters['num_feature'], 'num_feature');
  const outputCount = Math.max(1, count(parameters['num_class'], 'num_class'));
  const targets = parameters['num_target'] === undefined ? 1 : count(parameters['num_target'], 'num_target');
  if (targets > 1) throw new ModelError(`it predicts ${targets} targets, and kpfd reads one`);
  if ('weight_drop' in model) throw new ModelError('its trees carry dart weights');

  const trees = list(model['trees'], 'trees');
  const groups = list(model['tree_info'], 'tree_info');
  if (groups.length !== trees.length)
    throw new ModelError(`it has ${trees.length} trees and ${groups.length} tree_info`);
  const builder = new TreesBuilder(featureCount);
  for (const [i, tree] of trees.entries()) {
    const group = groups[i];
    if (typeof group !== 'number' || !Number.isInteger(group) || group < 0 || group >= outputCount) {
      throw new ModelError(`its tree ${i} belongs to output ${String(group)} of ${outputCount}`);
    }
    builder.add(readTree(object(tree, `tree ${i}`), i), group);
  }
  return new Forest({
    featureCount,
    outputCount,
    featureNames: names(learner['feature_names'], featureCount),
    objective,
    baseScore: readBaseScore(parameters['base_score']),
    version: readVersion(document['version']),
    trees: builder.build(),
  });
}

function readTree(tree: Record<string, unknown>, number: number): TreeColumns {
  const left = list(tree['left_children'], 'left_children');
  const column = (name: string): unknown[] => {
    const values = list(tree[name], name);
    if (values.length !== left.length)
      throw new ModelError(`its tree ${number} has ${values.length} ${name} for ${left.length} nodes`);
    return values;
  };
  const categories = tree['categories_nodes'];
  if (Array.isArray(categories) && categories.length > 0) throw new ModelError('it has categorical splits');
  const leafSize = object(tree['tree_param'], 'tree_param')['size_leaf_vector'];
  if (leafSize !== undefined && Number(leafSize) > 1) throw new ModelError('its leaves are vectors');
  return {
    left: left as number[],
    right: column('right_children') as number[],
    feature: column('split_indices') as number[],
    value: column('split_conditions').map((value) => toFloat32(value) ?? Number.NaN),
    // true and false before XGBoost 1.6, 0 and 1 since.
    defaultLeft: column('default_left').map((value) => value === 1 || value === true),
  };
}

/** "5E-1" up to 3.0; "[5E-1]" or one for each output since 3.1. */
export function readBaseScore(value: unknown): number[] {
  const text = typeof value === 'string' ? value.trim() : String(value);
  const parts = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1).split(',') : [text];
  const scores = parts.map((part) => toFloat32(part.trim() === '' ? undefined : Number(part)) ?? Number.NaN);
  if (!scores.every((score) => Number.isFinite(score)))
    throw new ModelError(`its base_score is ${JSON.stringify(value)}`);
  return scores;
}

function readVersion(value: unknown): XgboostVersion {
  const parts = Array.isArray(value) ? value.map(Number) : [];
  if (parts.length !== 3 || !parts.every((part) => Number.isInteger(part) && part >= 0)) {
    throw new ModelError('it does not say which XGBoost wrote it');
  }
  return parts as unknown as XgboostVersion;
}

function names(value: unknown, featureCount: number): string[] {
  if (value === undefined) return [];
  const found = list(value, 'feature_names');
  if (found.length !== 0 && found.length !== featureCount) {
    throw new ModelError(`it has ${found.length} feature names for ${featureCount} features`);
  }
  return found.map(String);
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (!isRecord(value)) throw new ModelError(what === 'document' ? 'it is no model of XGBoost' : `it has no ${what}`);
  return value;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new ModelError(`it has no ${what}`);
  return value;
}

/** Parameters are strings in XGBoost's files: "num_class":"7". */
function count(value: unknown, what: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (!Number.isInteger(number) || number < 0 || number > 1e6)
    throw new ModelError(`its ${what} is ${JSON.stringify(value)}`);
  return number;
}
