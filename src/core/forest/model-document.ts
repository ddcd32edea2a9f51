/**
 * What a saved model says, by the schema of XGBoost 1.0 to 3.4, whichever way the document is written. Members may stand
 * in any order (XGBoost sorts them), so trees are read before it is known how many features and outputs there are; all
 * that depends on both is checked at the end. Unknown members are skipped, as XGBoost does; a known one that is missing,
 * there twice, or at odds with another is an error: there is never a second way to understand a model.
 */
import { Float32Column, Int32Column, Uint8Column } from './column.ts';
import { float32OfDecimal, type DocumentReader } from './document-reader.ts';
import { ForestBuilder, type RawCategories, type RawVectors } from './forest-builder.ts';
import { MemberNames } from './member-names.ts';
import { ModelError } from './model-error.ts';
import type { Trees } from './trees.ts';
import { isBefore, type XgboostVersion } from './version.ts';

/** All that a file says of a model. */
export interface ModelParts {
  readonly booster: 'gbtree' | 'dart' | 'gblinear';
  readonly featureCount: number;
  readonly outputCount: number;
  /** Empty where the model was trained without names. */
  readonly featureNames: readonly string[];
  readonly objective: string;
  /** As in the file: in the space of predictions where the objective has a link, else of margins. */
  readonly baseScore: readonly number[];
  /** Whether the base score is a margin whatever the objective: see `isUnfitted`. */
  readonly hasMarginBase: boolean;
  readonly version: XgboostVersion;
  /** The best iteration of early stopping, where the trainer noted one. */
  readonly bestIteration: number | undefined;
  /** Trees, or the weights of a linear model: weights[feature * outputCount + output], then a bias for each output. */
  readonly trees: Trees | undefined;
  readonly weights: Float32Array | undefined;
}

export interface ReadingOptions {
  /** The version whose arithmetic counts, in place of the file's own. */
  readonly version?: XgboostVersion | undefined;
  /** False leaves out what contributions and importance need, which saves time and memory. */
  readonly statistics?: boolean | undefined;
  /** A guess at the number of nodes, which saves growing. */
  readonly expectedNodes?: number | undefined;
}

/** More than anybody has; a hostile file could ask for as much memory. */
const MOST_FEATURES = 1 << 24;
const MOST_OUTPUTS = 1 << 20;

export function readModelDocument(reader: DocumentReader, options: ReadingOptions = {}): ModelParts {
  return new ModelReader(reader, options).read();
}

/** What is done with a member's value: a list goes into a column; it is a place to note, a count, an object; or else. */
type Target =
  | Int32Column
  | Float32Column
  | Uint8Column
  | Place
  | Count
  | { readonly kind: 'object'; readonly members: Members }
  | { readonly kind: 'other'; readonly read: () => void };

interface Place {
  readonly kind: 'place';
  at: number | undefined;
}

/** A parameter that counts something: XGBoost writes "7". */
interface Count {
  readonly kind: 'count';
  readonly name: string;
  readonly most: number;
  value: number;
}

/** The members of an object that are known. */
interface Members {
  readonly names: MemberNames;
  readonly targets: readonly Target[];
}

function membersOf(members: readonly (readonly [string, Target | (() => void)])[]): Members {
  return {
    names: new MemberNames(members.map(([name]) => name)),
    targets: members.map(([, target]) => (typeof target === 'function' ? { kind: 'other', read: target } : target)),
  };
}

class ModelReader {
  readonly #reader: DocumentReader;
  readonly #options: ReadingOptions;
  readonly #builder: ForestBuilder;
  readonly #tree: TreeReader;
  readonly #groups = new Int32Column();
  readonly #iterations = new Int32Column();
  readonly #treeWeights = new Float32Column();
  readonly #weights = new Float32Column();
  /** Objects that were begun, and members that were found, as `object.member`. */
  readonly #begun = new Set<string>();
  readonly #found = new Set<string>();
  #version: unknown;
  #parameters: Record<string, unknown> = {};
  #treeParameters: Record<string, unknown> = {};
  #configured: Record<string, unknown> = {};
  #attributes: Record<string, unknown> = {};
  #objective: unknown;
  #names: unknown;
  #booster: unknown;
  #linearRounds: unknown;

  constructor(reader: DocumentReader, options: ReadingOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#builder = new ForestBuilder(options.expectedNodes);
    this.#tree = new TreeReader(reader, this.#builder, options.statistics ?? true);
  }

  read(): ModelParts {
    this.#document();
    const { booster, isLinear } = this.#boosterOf();
    const featureCount = countOf(this.#parameters['num_feature'], 'num_feature', MOST_FEATURES);
    const classes = countOf(this.#parameters['num_class'], 'num_class', MOST_OUTPUTS);
    const { num_target: target = '1' } = this.#parameters;
    const targets = countOf(target, 'num_target', MOST_OUTPUTS);
    const outputCount = Math.max(classes, targets, 1);
    const version = this.#options.version ?? readVersion(this.#version);
    const trees = isLinear ? undefined : this.#trees(featureCount, outputCount, version);
    return {
      booster,
      featureCount,
      outputCount,
      featureNames: namesOf(this.#names, featureCount),
      objective: textOf(this.#objective, 'objective'),
      baseScore: baseScoresOf(this.#parameters['base_score']),
      hasMarginBase: this.#isUnfitted(trees, version),
      version,
      bestIteration: wholeNumberOf(this.#attributes['best_iteration']),
      trees,
      weights: isLinear ? this.#linearWeights(featureCount, outputCount) : undefined,
    };
  }

  #document(): void {
    const visit: Members = membersOf([
      ['learner', () => this.#learner()],
      ['version', () => this.#noteVersion()],
      // What a pickle holds: the model beside its configuration.
      ['Config', () => this.#configuration()],
      ['Model', () => this.#members('Model', visit)],
    ]);
    this.#members('', visit);
    if (!this.#found.has('learner')) throw new ModelError('it is no model of XGBoost: it has no learner');
  }

  #noteVersion(): void {
    if (this.#version !== undefined) throw new ModelError('it has two versions');
    this.#version = this.#reader.value();
  }

  /** Says the one thing that a model lacks before 1.6. */
  #configuration(): void {
    const members = (...known: Parameters<typeof membersOf>[0]): (() => void) => {
      const wanted = membersOf(known);
      return () => void readMembers(this.#reader, wanted);
    };
    const note = (): void => {
      this.#configured = this.#record('gbtree_train_param');
    };
    const trees = ['gbtree_train_param', note] as const;
    const booster = members(trees, ['gbtree', members(trees)]);
    members(['learner', members(['gradient_booster', booster])])();
  }

  #learner(): void {
    this.#members(
      'learner',
      membersOf([
        ['attributes', () => (this.#attributes = this.#record('attributes'))],
        ['feature_names', () => (this.#names = this.#reader.value())],
        ['gradient_booster', () => this.#gradientBooster()],
        ['learner_model_param', () => (this.#parameters = this.#record('learner_model_param'))],
        ['objective', () => (this.#objective = this.#record('objective')['name'])],
      ]),
    );
    for (const name of ['gradient_booster', 'learner_model_param', 'objective']) this.#demand(`learner.${name}`);
  }

  #gradientBooster(): void {
    const model = (): void => this.#model();
    this.#members(
      'gradient_booster',
      membersOf([
        ['name', () => (this.#booster = this.#reader.value())],
        ['model', model],
        // Dart up to 3.3 wraps the other booster.
        ['gbtree', () => this.#members('gbtree', membersOf([['model', model]]))],
        ['weight_drop', this.#treeWeights],
      ]),
    );
  }

  #model(): void {
    this.#members(
      'model',
      membersOf([
        ['gbtree_model_param', () => (this.#treeParameters = this.#record('gbtree_model_param'))],
        ['tree_info', this.#groups],
        ['iteration_indptr', this.#iterations],
        ['trees', () => this.#reader.array(() => this.#tree.read())],
        ['weight_drop', this.#treeWeights],
        ['weights', this.#weights],
        ['boosted_rounds', () => (this.#linearRounds = this.#reader.value())],
      ]),
    );
  }

  /** Since 3.1 a base score that nobody gave and no round has estimated stands for a margin. */
  #isUnfitted(trees: Trees | undefined, version: XgboostVersion): boolean {
    if (isBefore(version, [3, 1, 0]) || this.#parameters['boost_from_average'] !== '1') return false;
    return trees === undefined ? this.#linearRounds === 0 : trees.groups.length === 0;
  }

  #boosterOf(): { booster: ModelParts['booster']; isLinear: boolean } {
    const name = textOf(this.#booster, 'name of its booster');
    if (name !== 'gbtree' && name !== 'dart' && name !== 'gblinear') {
      throw new ModelError(`its booster is ${JSON.stringify(name)}, which is none of XGBoost's that kpfd knows`);
    }
    const isLinear = name === 'gblinear';
    if (!this.#begun.has('model')) {
      throw new ModelError(
        "it has no model, only its configuration (save_config): save it with save_model('model.json')",
      );
    }
    if (isLinear && this.#begun.has('gbtree')) throw new ModelError('it is linear, and wraps a booster as dart does');
    for (const member of isLinear ? ['weights'] : ['trees', 'tree_info', 'gbtree_model_param']) {
      this.#demand(`model.${member}`);
    }
    // Since 3.4 dart is a gbtree with weights.
    return { booster: !isLinear && this.#treeWeights.length > 0 ? 'dart' : name, isLinear };
  }

  #trees(featureCount: number, outputCount: number, version: XgboostVersion): Trees {
    const { treeCount } = this.#builder;
    const claimed = countOf(this.#treeParameters['num_trees'], 'num_trees', Number.MAX_SAFE_INTEGER);
    if (claimed !== treeCount) throw new ModelError(`it has ${treeCount} trees where it says ${claimed}`);
    if (this.#found.has('model.weight_drop') && this.#found.has('gradient_booster.weight_drop')) {
      throw new ModelError('it has two lists weight_drop');
    }
    const hasWeights = this.#booster === 'dart' || this.#treeWeights.length > 0;
    return this.#builder.build({
      featureCount,
      outputCount,
      groups: this.#groups.trimmed(),
      iterations: this.#found.has('model.iteration_indptr') ? this.#iterations.trimmed() : this.#countedIterations(),
      treeWeights: hasWeights ? this.#treeWeights.trimmed() : undefined,
      version,
    });
  }

  /** Before 2.0 the file tells only by its numbers which trees make an iteration. */
  #countedIterations(): Int32Array {
    const { treeCount } = this.#builder;
    const groups = this.#groups.values.subarray(0, this.#groups.length);
    const groupCount = groups.reduce((most, group) => Math.max(most, group), 0) + 1;
    // Before 1.6 a model does not say how many trees were grown at once, and without what a pickle holds beside it
    // XGBoost itself takes it for one.
    const { num_parallel_tree: configured = '1' } = this.#configured;
    const { num_parallel_tree: stated = configured } = this.#treeParameters;
    const size = groupCount * Math.max(1, countOf(stated, 'num_parallel_tree', 1 << 30));
    return Int32Array.from({ length: Math.ceil(treeCount / size) + 1 }, (_, i) => Math.min(treeCount, i * size));
  }

  #linearWeights(featureCount: number, outputCount: number): Float32Array {
    const weights = this.#weights.trimmed();
    const wanted = (featureCount + 1) * outputCount;
    // Before the first round there are none.
    if (weights.length === 0) return new Float32Array(wanted);
    if (weights.length !== wanted) {
      throw new ModelError(
        `it has ${weights.length} weights where ${featureCount} features and ${outputCount} outputs make ${wanted}`,
      );
    }
    if (weights.some(Number.isNaN)) throw new ModelError('it has a weight that is no number');
    return weights;
  }

  #members(what: string, members: Members): void {
    if (this.#begun.has(what)) throw new ModelError(`it has two objects ${what}`);
    this.#begun.add(what);
    const found = readMembers(this.#reader, members);
    for (const [i, name] of members.names.wanted.entries()) {
      if ((found & (1 << i)) !== 0) this.#found.add(what === '' || what === 'Model' ? name : `${what}.${name}`);
    }
  }

  #demand(path: string): void {
    if (!this.#found.has(path)) throw new ModelError(`it has no ${path}`);
  }

  #record(what: string): Record<string, unknown> {
    const value = this.#reader.value();
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ModelError(`its ${what} is something else than an object`);
    }
    return value as Record<string, unknown>;
  }
}

/** Reads the trees of a model, one after the other. */
class TreeReader {
  readonly #reader: DocumentReader;
  readonly #builder: ForestBuilder;
  readonly #members: Members;
  readonly #categoryLists = {
    nodes: new Int32Column(),
    segments: new Int32Column(),
    sizes: new Int32Column(),
    values: new Int32Column(),
  };
  /** 1 at categorical splits. */
  readonly #splitTypes = new Uint8Column();
  readonly #vectorWeights = new Float32Column();
  /** Where the lists stand that matter only where leaves are vectors, which is known later. */
  readonly #baseWeights: Place = { kind: 'place', at: undefined };
  readonly #leafWeights: Place = { kind: 'place', at: undefined };
  #id: unknown;
  readonly #nodeCount: Count = { kind: 'count', name: 'num_nodes', most: 0x7fffffff, value: 0 };
  readonly #leafSize: Count = { kind: 'count', name: 'size_leaf_vector', most: MOST_OUTPUTS, value: 1 };

  constructor(reader: DocumentReader, builder: ForestBuilder, withStatistics: boolean) {
    this.#reader = reader;
    this.#builder = builder;
    const parameters = membersOf([
      ['num_nodes', this.#nodeCount],
      ['size_leaf_vector', this.#leafSize],
    ]);
    const { nodes, segments, sizes, values } = this.#categoryLists;
    this.#members = membersOf([
      ['id', () => (this.#id = reader.wholeNumber(false) ?? reader.value())],
      ['tree_param', { kind: 'object', members: parameters }],
      ['left_children', builder.left],
      ['right_children', builder.right],
      ['split_indices', builder.feature],
      ['split_conditions', builder.value],
      ['default_left', builder.defaultLeft],
      ['split_type', this.#splitTypes],
      ['categories_nodes', nodes],
      ['categories_segments', segments],
      ['categories_sizes', sizes],
      ['categories', values],
      ['base_weights', this.#baseWeights],
      ['leaf_weights', this.#leafWeights],
      ...(withStatistics
        ? ([
            ['loss_changes', builder.gain],
            ['sum_hessian', builder.cover],
          ] as const)
        : []),
    ]);
  }

  read(): void {
    const { nodes, segments, sizes, values } = this.#categoryLists;
    nodes.length = 0;
    segments.length = 0;
    sizes.length = 0;
    values.length = 0;
    this.#splitTypes.length = 0;
    this.#baseWeights.at = undefined;
    this.#leafWeights.at = undefined;
    this.#id = undefined;
    this.#leafSize.value = 1;
    this.#nodeCount.value = -1;
    readMembers(this.#reader, this.#members);
    const builder = this.#builder;
    const count = builder.left.length - builder.nodeCount;
    // XGBoost puts each tree where its id says.
    if (this.#id !== undefined && this.#id !== builder.treeCount)
      builder.fail(`has the id ${JSON.stringify(this.#id)}`);
    const stated = this.#nodeCount.value;
    if (stated !== count) builder.fail(`has ${count} left_children and says it has ${stated} nodes`);
    builder.finishTree(this.#categories(count), this.#leafSize.value > 1 ? this.#vectors() : undefined);
  }

  #categories(count: number): RawCategories | undefined {
    const { nodes, segments, sizes, values } = this.#categoryLists;
    const types = this.#splitTypes;
    const flags = types.values.subarray(0, types.length);
    if (nodes.length === 0 && !flags.includes(1)) return undefined;
    const categorical = flags.reduce((sum, flag) => sum + flag, 0);
    const named = new Set(nodes.values.subarray(0, nodes.length));
    const agrees = [...named].every((node) => types.values[node] === 1);
    if (types.length !== count || named.size !== nodes.length || categorical !== named.size || !agrees) {
      return this.#builder.fail('names other categorical splits in split_type than in categories_nodes');
    }
    // XGBoost goes through nodes and lists side by side: 3.4.1 aborts over another order.
    if (nodes.trimmed().some((node, i, all) => i > 0 && node < (all[i - 1] as number))) {
      return this.#builder.fail('has categories_nodes that do not ascend');
    }
    return {
      nodes: [...nodes.trimmed()],
      segments: [...segments.trimmed()],
      sizes: [...sizes.trimmed()],
      values: [...values.trimmed()],
    };
  }

  /** Up to 3.1 each node has its weights in base_weights; since 3.2 each leaf says by right_children which are its own. */
  #vectors(): RawVectors {
    const size = this.#leafSize.value;
    const { right, nodeCount } = this.#builder;
    const mark = this.#leafWeights.at ?? this.#baseWeights.at;
    if (mark === undefined) return this.#builder.fail('has vectors at its leaves, but no weights');
    const end = this.#reader.mark();
    this.#reader.seek(mark);
    this.#vectorWeights.length = 0;
    this.#reader.float32s(this.#vectorWeights);
    this.#reader.seek(end);
    const isByLeaf = this.#leafWeights.at !== undefined;
    return {
      size,
      weights: this.#vectorWeights.values.subarray(0, this.#vectorWeights.length),
      startOf: (leaf) => size * (isByLeaf ? (right.values[nodeCount + leaf] as number) : leaf),
    };
  }
}

/** Reads the members that are known, in whatever order. Returns those found: the first as 1, the second as 2, then 4, … */
function readMembers(reader: DocumentReader, { names, targets }: Members): number {
  let found = 0;
  reader.enterObject(names);
  for (;;) {
    const number = reader.member(names);
    if (number < 0) return found;
    const bit = 1 << number;
    if ((found & bit) !== 0) throw new ModelError(`it has ${names.wanted[number]} twice in one place`);
    found |= bit;
    const target = targets[number] as Target;
    switch (target.kind) {
      case 'int32s':
        reader.int32s(target);
        break;
      case 'float32s':
        reader.float32s(target);
        break;
      case 'flags':
        reader.flags(target);
        break;
      case 'place':
        target.at = reader.mark();
        reader.skip();
        break;
      case 'count':
        target.value = readCount(reader, target);
        break;
      case 'object':
        readMembers(reader, target.members);
        break;
      case 'other':
        target.read();
    }
  }
}

function readCount(reader: DocumentReader, { name, most }: Count): number {
  const number = reader.wholeNumber(true);
  if (number === undefined) return countOf(reader.value(), name, most);
  if (number > most) throw new ModelError(`its ${name} is ${number}`);
  return number;
}

const DECIMAL = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

/** "5E-1" up to 3.0; "[5E-1]" or one for each output since 3.1; "[Infinity]" where 3.x was given more than a float32 holds. */
export function baseScoresOf(value: unknown): number[] {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
  const parts = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1).split(',') : [text];
  const scores = parts.map((part) => {
    if (/^[-+]?Infinity$/.test(part.trim())) return Number(part);
    const score = DECIMAL.test(part.trim()) ? float32OfDecimal(Number(part)) : Number.NaN;
    return Number.isFinite(score) ? score : Number.NaN;
  });
  if (scores.some(Number.isNaN)) throw new ModelError(`its base_score is ${JSON.stringify(value)}`);
  return scores;
}

function readVersion(value: unknown): XgboostVersion {
  const parts: unknown[] = Array.isArray(value) ? value : [];
  if (parts.length !== 3 || !parts.every((part) => Number.isInteger(part) && (part as number) >= 0)) {
    throw new ModelError('it does not say which XGBoost wrote it');
  }
  return parts as unknown as XgboostVersion;
}

function namesOf(value: unknown, featureCount: number): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new ModelError('its feature_names are no list');
  if (value.length !== 0 && value.length !== featureCount) {
    throw new ModelError(`it has ${value.length} feature names for ${featureCount} features`);
  }
  return value.map((name) => textOf(name, 'feature name'));
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new ModelError(`its ${what} is no text`);
  return value;
}

/** Parameters are strings in XGBoost's files: "num_class":"7". */
function countOf(value: unknown, what: string, most: number): number {
  const number = wholeNumberOf(value);
  if (number === undefined || number > most) throw new ModelError(`its ${what} is ${JSON.stringify(value)}`);
  return number;
}

function wholeNumberOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
