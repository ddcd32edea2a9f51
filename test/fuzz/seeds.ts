/**
 * The models that mutants are made from: what XGBoost wrote, of every kind. Most are cut to their first trees, since a
 * small model has more places per byte that matter, and is read sooner.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { DumpFacts } from '../../src/forest.ts';
import {
  copyOf,
  decodeJson,
  decodeUbjson,
  encodeJson,
  encodeUbjson,
  Members,
  NumberList,
  numbersOf,
  type Value,
} from './document.ts';

const FOLDER = 'fixtures/forests';

export interface Seed {
  readonly name: string;
  readonly format: 'json' | 'ubjson' | 'dump';
  readonly bytes: Uint8Array;
  /** What the bytes say; copy it before changing it. */
  readonly document: Value;
  readonly dump: DumpFacts | undefined;
}

/** Paths below fixtures/forests, .gz left out. The first number is of trees that are kept. */
const MODELS: readonly (readonly [number, string])[] = [
  [2, 'xgboost-1.2.1/extremes.model.json'],
  [2, 'xgboost-1.2.1/indicators.model.json'],
  [1, 'xgboost-2.1.4/extremes.model.json'],
  [4, 'conformance/xgboost-1.7.4/one-tree.json'],
  [4, 'conformance/xgboost-1.7.4/no-split.json'],
  [3, 'conformance/xgboost-1.7.4/dart.json'],
  [4, 'conformance/xgboost-1.7.4/linear.json'],
  [4, 'conformance/xgboost-1.7.4/linear-softprob.json'],
  [2, 'conformance/xgboost-1.7.4/categories-lossguide.json'],
  [2, 'conformance/xgboost-1.7.4/categories-partition.json'],
  [6, 'conformance/xgboost-1.7.4/base-softprob.json'],
  [4, 'conformance/xgboost-1.7.4/boosted-forest-dart.json'],
  [3, 'conformance/xgboost-1.7.4/pruned.json'],
  [2, 'conformance/xgboost-1.7.4/depth-9.ubj'],
  [2, 'conformance/xgboost-1.7.4/categories-dart.ubj'],
  [2, 'conformance/xgboost-1.7.4/objective-logistic.pickled.ubj'],
  [3, 'conformance/xgboost-1.7.4/targets-dart.ubj'],
  [4, 'conformance/xgboost-3.4.1/one-tree.json'],
  [4, 'conformance/xgboost-3.4.1/one-tree.ubj'],
  [4, 'conformance/xgboost-3.4.1/base-logistic-1e-40.json'],
  [3, 'conformance/xgboost-3.4.1/dart.json'],
  [4, 'conformance/xgboost-3.4.1/linear-targets.ubj'],
  [4, 'conformance/xgboost-3.4.1/linear-extremes.json'],
  [4, 'conformance/xgboost-3.4.1/names-linear.json'],
  [2, 'conformance/xgboost-3.4.1/names-odd.json'],
  [2, 'conformance/xgboost-3.4.1/categories-onehot.json'],
  [2, 'conformance/xgboost-3.4.1/categories-both.ubj'],
  [1, 'conformance/xgboost-3.4.1/vector-leaves.json'],
  [2, 'conformance/xgboost-3.4.1/vector-leaves-logistic.ubj'],
  [2, 'conformance/xgboost-3.4.1/vector-leaves-dart.json'],
  [1, 'conformance/xgboost-3.4.1/vector-leaves-categories.ubj'],
  [1, 'conformance/xgboost-3.4.1/vector-leaves-softprob.pickled.ubj'],
  [2, 'conformance/xgboost-3.4.1/base-expectiles.json'],
  [3, 'conformance/xgboost-3.4.1/base-quantiles.ubj'],
  [6, 'conformance/xgboost-3.4.1/base-softprob-vector.ubj'],
  [4, 'conformance/xgboost-3.4.1/base-targets-vector.json'],
  [4, 'conformance/xgboost-3.4.1/random-forest.ubj'],
  [2, 'conformance/xgboost-3.4.1/extremes.ubj'],
  [12, 'conformance/xgboost-3.4.1/depth-1.json'],
];

const DUMPS: readonly (readonly [number, string])[] = [
  [4, 'conformance/xgboost-1.7.4/one-tree.dump'],
  [4, 'conformance/xgboost-3.4.1/one-tree.dump-stats'],
  [4, 'conformance/xgboost-3.4.1/no-split.dump'],
  [2, 'conformance/xgboost-1.7.4/indicators.dump'],
  [2, 'conformance/xgboost-3.4.1/categories-partition.dump'],
  [6, 'conformance/xgboost-3.4.1/boosted-forest-dart.dump'],
  [1, 'conformance/xgboost-3.4.1/vector-leaves.dump-stats'],
  [2, 'conformance/xgboost-3.4.1/names-spaced.dump'],
];

/** The seeds; with `whole` as XGBoost wrote them, nothing cut away. */
export function seeds(whole = false): Seed[] {
  const kept = (trees: number): number => (whole ? Number.POSITIVE_INFINITY : trees);
  return [
    ...MODELS.map(([trees, path]) => modelSeed(kept(trees), path)),
    ...DUMPS.map(([trees, path]) => dumpSeed(kept(trees), path)),
  ];
}

/** Where it is written what XGBoost says of the model. */
export function truthPathOf({ name }: Pick<Seed, 'name'>): string {
  return `${name.replace(/\.(?:(?:model\.|pickled\.)?(?:json|ubj)|dump|dump-stats)$/, '')}.truth.json`;
}

export function fixture(path: string): Uint8Array {
  const place = join(FOLDER, path);
  return new Uint8Array(existsSync(place) ? readFileSync(place) : gunzipSync(readFileSync(`${place}.gz`)));
}

function modelSeed(trees: number, path: string): Seed {
  const format = path.endsWith('.ubj') ? 'ubjson' : 'json';
  const whole = fixture(path);
  const document = format === 'json' ? (decodeJson(whole)[0] as Value) : decodeUbjson(whole);
  if (!keepTrees(document as Members, trees)) return { name: path, format, bytes: whole, document, dump: undefined };
  const bytes = format === 'json' ? encodeJson(document) : encodeUbjson(document);
  return { name: path, format, bytes, document, dump: undefined };
}

interface DumpTruth {
  readonly xgboost: string;
  readonly featureCount: number;
  readonly dump: {
    readonly objective: string;
    readonly baseScore: number[];
    readonly outputCount: number;
    readonly featureNames: string[] | null;
    readonly parallelTrees: number;
    readonly weightDrop: number[] | null;
  };
}

function dumpSeed(trees: number, path: string): Seed {
  const truth = JSON.parse(Buffer.from(fixture(truthPathOf({ name: path }))).toString('utf8')) as DumpTruth;
  const whole = fixture(`${path}.json`);
  const all = decodeJson(whole);
  const document = all.length === 1 && Array.isArray(all[0]) ? all[0] : all;
  const isCut = document.length > trees;
  const kept = isCut ? document.slice(0, trees) : document;
  const { featureNames, weightDrop, ...facts } = truth.dump;
  const dump: DumpFacts = {
    ...facts,
    featureNames: featureNames ?? Array.from({ length: truth.featureCount }, (_, i) => `f${i}`),
    version: truth.xgboost,
    ...(weightDrop === null ? {} : { weightDrop: weightDrop.slice(0, kept.length) }),
  };
  return { name: path, format: 'dump', bytes: isCut ? encodeJson(kept) : whole, document: kept, dump };
}

/** The object of the trees, wherever the booster keeps it; undefined in a linear model. */
export function modelIn(document: Value): Members | undefined {
  let at: Value | undefined = document;
  for (const step of ['Model', 'learner', 'gradient_booster', 'gbtree', 'model']) {
    if (at instanceof Members) at = at.entries.find(([key]) => key === step)?.[1] ?? at;
  }
  return at instanceof Members ? at : undefined;
}

/** Leaves the first trees only, and tells everybody; false where there are no others. */
function keepTrees(document: Members, count: number): boolean {
  const configuration = document.get('Config');
  if (configuration instanceof Members && Number.isFinite(count)) configuration.entries.length = 1;
  const model = modelIn(document);
  const trees = model?.get('trees');
  if (model === undefined || !Array.isArray(trees) || trees.length <= count) return false;
  model.set('trees', trees.slice(0, count));
  (model.get('gbtree_model_param') as Members).set('num_trees', String(count));
  keep(model, 'tree_info', (groups) => groups.slice(0, count));
  keep(model, 'iteration_indptr', (firsts) => [...firsts.filter((first) => first < count), count]);
  keep(model, 'weight_drop', (weights) => weights.slice(0, count));
  const booster = (document.get('Model') ?? document) as Members;
  keep((booster.get('learner') as Members).get('gradient_booster') as Members, 'weight_drop', (weights) =>
    weights.slice(0, count),
  );
  return true;
}

function keep(members: Members, key: string, change: (numbers: number[]) => number[]): void {
  const value = members.get(key);
  const numbers = numbersOf(value);
  if (numbers === undefined) return;
  members.set(key, value instanceof NumberList ? new NumberList(value.type, change(numbers)) : change(numbers));
}

/** The document once more, to change. */
export function documentOf(seed: Seed): Value {
  return copyOf(seed.document);
}
