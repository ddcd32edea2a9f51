/**
 * What a document says, read the plainest way and walked as XGBoost walks it: node objects, one row at a time, nothing
 * prepared, nothing shared with the reader and the kernels under test but the C library's logf and expm1f. Where a
 * document has no single meaning, or XGBoost would crash over it or never come back, it throws NotUnderstood.
 */
import { expm1f } from '../../src/core/forest/expm1-log1p.ts';
import { logf } from '../../src/core/forest/float32.ts';
import type { DumpFacts } from '../../src/forest.ts';
import { decodeJson, decodeUbjson, Members, NotUnderstood, NumberList, type Value } from './document.ts';

interface Leaf {
  readonly id: number;
  readonly weights: readonly number[];
}

interface Split {
  readonly feature: number;
  readonly threshold: number;
  readonly defaultLeft: boolean;
  readonly categories: ReadonlySet<number> | undefined;
  readonly left: Node;
  readonly right: Node;
}

type Node = Leaf | Split;

interface Tree {
  readonly root: Node;
  readonly group: number;
  /** Dart's weight; undefined where nothing is multiplied. */
  readonly weight: number | undefined;
}

export interface PlainModel {
  readonly version: readonly number[];
  readonly featureCount: number;
  readonly outputCount: number;
  /** The margins that sums start from. */
  readonly base: readonly number[];
  readonly trees: readonly Tree[];
  /** The first trees of the iterations, and the number of all at the end. */
  readonly iterations: readonly number[];
  readonly isDart: boolean;
  /** Those of a linear model. */
  readonly weights: readonly number[] | undefined;
}

export function understand(bytes: Uint8Array, dump?: DumpFacts): PlainModel {
  const values = isJson(bytes) ? decodeJson(bytes) : [decodeUbjson(bytes)];
  const first = values[0];
  const isModel =
    first instanceof Members && ['learner', 'Model', 'version'].some((key) => first.get(key) !== undefined);
  if (isModel && values.length === 1) return modelOf(first);
  if (dump === undefined) throw new NotUnderstood('no model');
  return dumpedModelOf(values, dump);
}

function isJson(bytes: Uint8Array): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, 64)).replace('\xef\xbb\xbf', '');
  return /^\s*(?:\[|\{\s*["}])/.test(start);
}

/* A saved model. */

function modelOf(root: Members): PlainModel {
  const wrapped = root.get('Model');
  const holders = wrapped === undefined ? [root] : [root, objectOf(wrapped)];
  const learner = objectOf(theOne(holders, 'learner'));
  const version = listOf(theOne(holders, 'version')).map(wholeNumberOf);
  if (version.length !== 3) throw new NotUnderstood('no version');
  const parameters = objectOf(learner.get('learner_model_param'));
  const featureCount = countOf(parameters.get('num_feature'));
  const classes = countOf(parameters.get('num_class'));
  const targets = parameters.get('num_target') === undefined ? 1 : countOf(parameters.get('num_target'));
  const outputCount = Math.max(classes, targets, 1);
  const objective = textOf(objectOf(learner.get('objective')).get('name'));
  const booster = objectOf(learner.get('gradient_booster'));
  const scores = baseScoresOf(parameters.get('base_score'));
  const baseFor = (rounds: number): number[] => {
    const unfitted = rounds === 0 && parameters.get('boost_from_average') === '1' && !isBefore(version, 3, 1);
    return baseMarginsOf(unfitted ? 'reg:squarederror' : objective, scores, outputCount, version);
  };
  const shape = { version, featureCount, outputCount };
  if (textOf(booster.get('name')) === 'gblinear') {
    const weights = linearWeightsOf(booster, shape);
    const rounds = objectOf(booster.get('model')).get('boosted_rounds');
    const base = baseFor(rounds === 0 ? 0 : 1);
    return { ...shape, base: base.map(() => base[0] as number), trees: [], iterations: [], isDart: false, weights };
  }
  const configured = wrapped === undefined ? undefined : configuredParallelOf(root.get('Config'));
  const grown = treesOf(booster, featureCount, outputCount, configured);
  return { ...shape, base: baseFor(grown.trees.length), ...grown, weights: undefined };
}

/** How many trees a pickle says were grown at once, beside its model. */
function configuredParallelOf(configuration: Value | undefined): Value | undefined {
  const at = (holder: Value | undefined, key: string): Value | undefined =>
    holder === undefined ? undefined : objectOf(holder).get(key);
  const booster = at(at(configuration, 'learner'), 'gradient_booster');
  return at(
    theOne([at(booster, 'gbtree'), booster].filter((own) => own !== undefined).map(objectOf), 'gbtree_train_param'),
    'num_parallel_tree',
  );
}

function theOne(holders: readonly Members[], key: string): Value | undefined {
  const found = holders.map((holder) => holder.get(key)).filter((value) => value !== undefined);
  if (found.length > 1) throw new NotUnderstood(`two members ${key}`);
  return found[0];
}

function linearWeightsOf(booster: Members, shape: { featureCount: number; outputCount: number }): number[] {
  const weights = float32sOf(objectOf(booster.get('model')).get('weights'));
  const count = (shape.featureCount + 1) * shape.outputCount;
  // Before the first round.
  if (weights.length === 0) return Array.from({ length: count }, () => 0);
  if (weights.length !== count) throw new NotUnderstood('a number of weights');
  return weights;
}

function treesOf(
  booster: Members,
  featureCount: number,
  outputCount: number,
  configuredParallel: Value | undefined,
): Pick<PlainModel, 'trees' | 'iterations' | 'isDart'> {
  const name = textOf(booster.get('name'));
  const wrapper = booster.get('gbtree');
  const model = objectOf(theOne([booster, ...(wrapper === undefined ? [] : [objectOf(wrapper)])], 'model'));
  const drop = theOne([booster, model], 'weight_drop');
  const weights = drop === undefined && name === 'gbtree' ? undefined : float32sOf(drop);
  if (name !== 'gbtree' && name !== 'dart') throw new NotUnderstood(`the booster ${name}`);
  const trees = listOf(model.get('trees')).map(objectOf);
  const groups = int32sOf(model.get('tree_info'));
  // XGBoost 3.4 writes an empty list where it is no dart.
  const isWeighed = weights !== undefined && (weights.length > 0 || name === 'dart');
  demandCount(trees.length, countOf(objectOf(model.get('gbtree_model_param')).get('num_trees')), 'trees');
  demandCount(groups.length, trees.length, 'tree_info');
  // Updating a dart model leaves weights behind that no tree has; XGBoost uses the first ones.
  if (isWeighed) demandCount(Math.min(weights.length, trees.length), trees.length, 'tree weights');
  return {
    iterations: iterationsOf(model, groups, configuredParallel),
    isDart: isWeighed,
    trees: trees.map((tree, i) => {
      const group = groups[i] as number;
      if (group < 0 || group >= outputCount) throw new NotUnderstood(`output ${group}`);
      if (tree.get('id') !== undefined && tree.get('id') !== i) throw new NotUnderstood('trees in another order');
      return { root: rootOf(tree, featureCount, outputCount), group, weight: isWeighed ? weights[i] : undefined };
    }),
  };
}

function demandCount(actual: number, wanted: number, what: string): void {
  if (actual !== wanted) throw new NotUnderstood(`${actual} ${what} where ${wanted} belong`);
}

/** Files before 2.0 have only what their trees tell: as many at once for each output. */
function iterationsOf(model: Members, groups: readonly number[], configuredParallel: Value | undefined): number[] {
  const value = model.get('iteration_indptr');
  if (value === undefined) {
    const stated = objectOf(model.get('gbtree_model_param')).get('num_parallel_tree');
    const parallel = stated === undefined ? configuredParallel : stated;
    const size = Math.max(1, parallel === undefined ? 1 : countOf(parallel)) * (Math.max(0, ...groups) + 1);
    return firstsOf(size, groups.length);
  }
  const firsts = int32sOf(value);
  const ascends = firsts.every((first, i) => first >= (i === 0 ? 0 : (firsts[i - 1] as number)));
  if (!ascends || firsts[0] !== 0 || firsts.at(-1) !== groups.length) throw new NotUnderstood('iterations');
  return firsts;
}

function firstsOf(size: number, treeCount: number): number[] {
  const firsts = [];
  for (let first = 0; first < treeCount; first += size) firsts.push(first);
  return [...firsts, treeCount];
}

function rootOf(tree: Members, featureCount: number, outputCount: number): Node {
  const lists = {
    left: int32sOf(tree.get('left_children')),
    right: int32sOf(tree.get('right_children')),
    features: int32sOf(tree.get('split_indices')),
    conditions: float32sOf(tree.get('split_conditions')),
    defaults: flagsOf(tree.get('default_left')),
  };
  const parameters = objectOf(tree.get('tree_param'));
  for (const { length } of Object.values(lists)) demandCount(length, countOf(parameters.get('num_nodes')), 'nodes');
  const categories = categoriesOf(tree, lists.left.length);
  const weightsOf = leafWeightsOf(tree, lists, outputCount);
  const seen = new Set<number>();
  const nodeAt = (id: number): Node => {
    if (id < 0 || id >= lists.left.length || seen.has(id)) throw new NotUnderstood(`the child ${id}`);
    seen.add(id);
    if (lists.left[id] === -1) return { id, weights: weightsOf(id).map(numberOf) };
    const feature = lists.features[id] as number;
    if (feature < 0 || feature >= featureCount) throw new NotUnderstood(`feature ${feature}`);
    const set = categories.get(id);
    return {
      feature,
      threshold: set === undefined ? numberOf(lists.conditions[id]) : 0,
      defaultLeft: lists.defaults[id] as boolean,
      categories: set,
      left: nodeAt(lists.left[id] as number),
      right: nodeAt(lists.right[id] as number),
    };
  };
  return nodeAt(0);
}

function leafWeightsOf(
  tree: Members,
  { right, conditions }: { readonly right: readonly number[]; readonly conditions: readonly number[] },
  outputCount: number,
): (id: number) => number[] {
  const written = objectOf(tree.get('tree_param')).get('size_leaf_vector');
  const size = written === undefined ? 1 : countOf(written);
  if (size <= 1) return (id) => [conditions[id] as number];
  demandCount(size, outputCount, 'numbers at a leaf');
  const own = tree.get('leaf_weights');
  const weights = float32sOf(own ?? tree.get('base_weights'));
  return (id) => {
    const first = size * (own === undefined ? id : (right[id] as number));
    if (first < 0 || first + size > weights.length) throw new NotUnderstood(`the weights of leaf ${id}`);
    return weights.slice(first, first + size);
  };
}

/** The sets of the categorical splits, by node. XGBoost wants the nodes to ascend, and aborts otherwise. */
function categoriesOf(tree: Members, nodeCount: number): Map<number, Set<number>> {
  const [nodes, segments, sizes, values] = ['nodes', 'segments', 'sizes', ''].map((name) => {
    const list = tree.get(name === '' ? 'categories' : `categories_${name}`);
    return list === undefined ? [] : int32sOf(list);
  }) as [number[], number[], number[], number[]];
  const types = tree.get('split_type') === undefined ? [] : flagsOf(tree.get('split_type'));
  if (types.length !== 0 || nodes.length !== 0) {
    if (nodes.length > 0) demandCount(types.length, nodeCount, 'split_type');
    demandCount(types.filter(Boolean).length, nodes.length, 'categorical splits');
  }
  const sets = new Map<number, Set<number>>();
  if (nodes.length === 0) return sets;
  demandCount(segments.length, nodes.length, 'segments of categories');
  demandCount(sizes.length, nodes.length, 'sizes of categories');
  for (const [i, node] of nodes.entries()) {
    const [first, size] = [segments[i] as number, sizes[i] as number];
    if (!types[node] || (i > 0 && node <= (nodes[i - 1] as number)))
      throw new NotUnderstood(`the categories of ${node}`);
    if (first < 0 || size <= 0 || first + size > values.length) throw new NotUnderstood('categories out of range');
    const set = values.slice(first, first + size);
    if (set.some((category) => category < 0 || category >= 2 ** 24)) throw new NotUnderstood('an odd category');
    sets.set(node, new Set(set));
  }
  return sets;
}

/* A dump. */

function dumpedModelOf(values: readonly Value[], dump: DumpFacts): PlainModel {
  const { objective, outputCount, featureNames, parallelTrees = 1, weightDrop } = dump;
  const trees = Array.isArray(values[0]) && values.length === 1 ? values[0] : values;
  const version = dump.version.split('.').map(Number);
  const roots = trees.map((tree) => dumpedRootOf(typeof tree === 'string' ? lone(tree) : tree, featureNames));
  const leafSizes = new Set(roots.flatMap(leafSizesOf));
  const leafSize = [...leafSizes][0] ?? 1;
  if (leafSizes.size > 1 || (leafSize !== 1 && leafSize !== outputCount))
    throw new NotUnderstood('leaves of odd sizes');
  const iterationSize = parallelTrees * (leafSize > 1 ? 1 : outputCount);
  if (roots.length === 0 || roots.length % iterationSize !== 0) throw new NotUnderstood('a number of trees');
  if (weightDrop !== undefined) demandCount(roots.length, weightDrop.length, 'trees');
  return {
    version,
    featureCount: featureNames.length,
    outputCount,
    base: baseMarginsOf(objective, dump.baseScore.map(Math.fround), outputCount, version),
    trees: roots.map((root, i) => ({
      root,
      group: Math.floor((i % iterationSize) / parallelTrees),
      weight: weightDrop === undefined ? undefined : Math.fround(weightDrop[i] as number),
    })),
    iterations: firstsOf(iterationSize, roots.length),
    isDart: weightDrop !== undefined,
    weights: undefined,
  };
}

function lone(text: string): Value {
  const values = decodeJson(Buffer.from(text));
  if (values.length !== 1) throw new NotUnderstood('several trees in one text');
  return values[0] as Value;
}

function leafSizesOf(node: Node): number[] {
  return 'weights' in node ? [node.weights.length] : [...leafSizesOf(node.left), ...leafSizesOf(node.right)];
}

function dumpedRootOf(value: Value, featureNames: readonly string[]): Node {
  const node = objectOf(value);
  const id = wholeNumberOf(node.get('nodeid') ?? null);
  if (node.get('children') === undefined) return dumpedLeafOf(id, node.get('leaf'));
  const children = listOf(node.get('children'));
  if (children.length !== 2 || node.get('leaf') !== undefined) throw new NotUnderstood('odd children');
  const [first, second] = children.map((child) => objectOf(child).get('nodeid')) as [Value, Value];
  const [yes, no, missing] = ['yes', 'no', 'missing'].map((key) => node.get(key));
  const named = new Set([yes, no]);
  if (first === second || !named.has(first) || !named.has(second)) throw new NotUnderstood('children of other names');
  const condition = node.get('split_condition');
  const isIndicator = condition === undefined && missing === undefined;
  const isCategorical = !isIndicator && (Array.isArray(condition) || condition instanceof NumberList);
  if (!isIndicator && missing !== first && missing !== second) throw new NotUnderstood('missing goes nowhere');
  if (!isIndicator && yes !== (isCategorical ? second : first)) throw new NotUnderstood('yes is the other child');
  return {
    feature: columnOf(node.get('split'), featureNames),
    threshold: isIndicator ? 1 : isCategorical ? 0 : Math.fround(numberOf(condition)),
    defaultLeft: (isIndicator ? no : missing) === first,
    categories: isCategorical ? dumpedSetOf(condition) : undefined,
    left: dumpedRootOf(children[0] as Value, featureNames),
    right: dumpedRootOf(children[1] as Value, featureNames),
  };
}

function dumpedLeafOf(id: number, leaf: Value | undefined): Leaf {
  const weights = typeof leaf === 'number' ? [leaf] : listOf(leaf);
  if (weights.length === 0) throw new NotUnderstood('an empty leaf');
  return { id, weights: weights.map((weight) => Math.fround(numberOf(weight))) };
}

function dumpedSetOf(condition: Value | undefined): Set<number> {
  const set = listOf(condition).map(wholeNumberOf);
  if (set.length === 0 || set.some((category) => category < 0 || category >= 2 ** 24)) {
    throw new NotUnderstood('odd categories');
  }
  return new Set(set);
}

function columnOf(split: Value | undefined, featureNames: readonly string[]): number {
  if (typeof split !== 'string' && typeof split !== 'number') throw new NotUnderstood('a split on nothing');
  const name = String(split);
  const named = featureNames.lastIndexOf(name);
  const column = named >= 0 ? named : Number(/^f?(0|[1-9]\d*)$/.exec(name)?.[1] ?? -1);
  if (column < 0 || column >= featureNames.length) throw new NotUnderstood(`the feature ${name}`);
  return column;
}

/* Values. */

function objectOf(value: Value | undefined): Members {
  if (value instanceof Members) return value;
  throw new NotUnderstood('no object');
}

function listOf(value: Value | undefined): Value[] {
  if (value instanceof NumberList) return value.values;
  if (Array.isArray(value)) return value;
  throw new NotUnderstood('no list');
}

function textOf(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new NotUnderstood('no text');
}

function numberOf(value: Value | undefined): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw new NotUnderstood('no number');
}

function wholeNumberOf(value: Value): number {
  if (Number.isInteger(value)) return value as number;
  throw new NotUnderstood('no whole number');
}

function countOf(value: Value | undefined): number {
  const text = textOf(value);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new NotUnderstood(`the count ${text}`);
}

function int32sOf(value: Value | undefined): number[] {
  return listOf(value).map((item) => {
    if (typeof item === 'number' && (item | 0) === item) return item | 0;
    throw new NotUnderstood('no 32-bit integer');
  });
}

function float32sOf(value: Value | undefined): number[] {
  return listOf(value).map((item) => {
    if (typeof item === 'number') return float32Of(item);
    throw new NotUnderstood('no number');
  });
}

function flagsOf(value: Value | undefined): boolean[] {
  return listOf(value).map((item) => {
    if (item === true || item === 1) return true;
    if (item === false || item === 0) return false;
    throw new NotUnderstood('no flag');
  });
}

/** The one float32 whose shortest decimal is nearer to its neighbour when it is read as a double first. */
function float32Of(value: number): number {
  return Math.abs(value) === 7.038531e-26 ? Math.sign(value) * 0x15c87fa * 2 ** -108 : Math.fround(value);
}

function baseScoresOf(value: Value | undefined): number[] {
  const text = typeof value === 'number' ? String(value) : textOf(value).trim();
  const parts = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1).split(',') : [text];
  return parts.map((part) => {
    if (/^\s*[-+]?Infinity\s*$/.test(part)) return Number(part);
    const score = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/.test(part) ? float32Of(Number(part)) : Number.NaN;
    if (!Number.isFinite(score)) throw new NotUnderstood(`the base score ${text}`);
    return score;
  });
}

/* Margins. */

function isBefore(version: readonly number[], major: number, minor: number): boolean {
  return (version[0] as number) < major || (version[0] === major && (version[1] as number) < minor);
}

const LOGISTIC = new Set(['binary:logistic', 'reg:logistic']);
const LOGARITHMIC = new Set(['count:poisson', 'reg:gamma', 'reg:tweedie', 'survival:cox', 'survival:aft']);
const fround = Math.fround;

function baseMarginsOf(
  objective: string,
  scores: readonly number[],
  outputCount: number,
  version: readonly number[],
): number[] {
  if (scores.length !== 1 && scores.length !== outputCount) throw new NotUnderstood('a number of base scores');
  const base = Array.from({ length: outputCount }, (_, k) => scores[scores.length === 1 ? 0 : k] as number);
  if (LOGARITHMIC.has(objective)) return base.map(logf);
  // Before 1.3 the base score of logitraw was a probability, too.
  if (LOGISTIC.has(objective) || (objective === 'binary:logitraw' && isBefore(version, 1, 3))) {
    const tiny = fround(1e-6);
    const clamped = isBefore(version, 3, 2) ? base : base.map((p) => Math.min(Math.max(p, tiny), fround(1 - tiny)));
    return clamped.map((p) => -logf(fround(fround(1 / p) - 1)));
  }
  return objective === 'reg:expectileerror' ? base.map((_, k) => expectileBase(base, k)) : base;
}

/** The inverse of softplus of the gap to the one before. */
function expectileBase(base: readonly number[], k: number): number {
  if (k === 0) return base[0] as number;
  const tiny = fround(1e-6);
  const gap = fround((base[k] as number) - (base[k - 1] as number));
  const x = Math.max(fround(gap - tiny), tiny);
  return fround(x + logf(-expm1f(-x)));
}

/** The margins of one row, and the leaf of each tree, by the trees [first, last). NaN in the row is missing. */
export function walk(
  model: PlainModel,
  row: readonly number[],
  first = 0,
  last = model.trees.length,
): { margins: number[]; leaves: number[] } {
  const { version, base, isDart, weights, outputCount } = model;
  // The base of trees came last before 1.3, of dart before 1.4.
  const isBaseLast = weights === undefined && isBefore(version, 1, isDart ? 4 : 3);
  const margins = isBaseLast ? base.map(() => 0) : [...base];
  const leaves: number[] = [];
  for (const { root, group, weight } of model.trees.slice(first, last)) {
    const leaf = leafOf(root, row, version);
    leaves.push(leaf.id);
    for (const [k, number] of leaf.weights.entries()) {
      const output = leaf.weights.length === 1 ? group : k;
      const weighed = weight === undefined ? number : fround(weighedFrom(number, version) * weight);
      margins[output] = fround((margins[output] as number) + weighed);
    }
  }
  if (weights !== undefined) for (let k = 0; k < outputCount; k++) margins[k] = linear(model, weights, row, k, margins);
  return { margins: isBaseLast ? margins.map((sum, k) => fround(sum + (base[k] as number))) : margins, leaves };
}

/** Up to 3.3 dart sums up from 0, which turns -0 into 0. */
function weighedFrom(weight: number, version: readonly number[]): number {
  return isBefore(version, 3, 4) ? 0 + weight : weight;
}

function linear(
  { featureCount, outputCount }: PlainModel,
  weights: readonly number[],
  row: readonly number[],
  output: number,
  margins: readonly number[],
): number {
  let sum = fround((weights[featureCount * outputCount + output] as number) + (margins[output] as number));
  for (let feature = 0; feature < featureCount; feature++) {
    const x = row[feature] as number;
    if (!Number.isNaN(x)) sum = fround(sum + fround(x * (weights[feature * outputCount + output] as number)));
  }
  return sum;
}

function leafOf(root: Node, row: readonly number[], version: readonly number[]): Leaf {
  let node = root;
  while (!('weights' in node)) node = goesLeft(node, row[node.feature] as number, version) ? node.left : node.right;
  return node;
}

function goesLeft({ threshold, defaultLeft, categories }: Split, x: number, version: readonly number[]): boolean {
  if (Number.isNaN(x)) return defaultLeft;
  if (categories === undefined) return x < threshold;
  // 1.6 alone sends the default way what its words of 32 bits do not reach.
  const beyond = 32 * (Math.floor(Math.max(...categories) / 32) + 1);
  if (version[0] === 1 && version[1] === 6 && (x < 0 || x >= beyond)) return defaultLeft;
  return x < 0 || x >= 2 ** 24 || !categories.has(Math.trunc(x));
}

/** What the splits compare with, and the features: values that decide. */
export function splitsOf({ trees }: PlainModel): { feature: number; value: number }[] {
  const splits: { feature: number; value: number }[] = [];
  const visit = (node: Node): void => {
    if ('weights' in node) return;
    const values = node.categories === undefined ? [node.threshold] : [...node.categories].slice(0, 2);
    for (const value of values) splits.push({ feature: node.feature, value });
    visit(node.left);
    visit(node.right);
  };
  for (const { root } of trees) visit(root);
  return splits;
}
