/**
 * Reads what `get_dump(dump_format='json')` and `dump_model(…, dump_format='json')` give: a list of trees, a list of
 * strings with a tree each, or trees one after the other. Dumps since XGBoost 0.80 keep nine digits, which make exact
 * float32 again; what else a model needs they lose, and somebody must say it.
 *
 * children[0] is where `x < split_condition` goes, children[1] the other. A categorical split has a list of categories
 * for a condition, which go right; an indicator (feature type "i") has no condition at all, and 1 goes right.
 */
import { nameOf } from './arguments.ts';
import { Float32Column } from './column.ts';
import { ForestBuilder, type RawCategories, type RawVectors } from './forest-builder.ts';
import { JsonReader } from './json-reader.ts';
import type { ModelParts, ReadingOptions } from './model-document.ts';
import { ModelError } from './model-error.ts';
import { versionOf } from './version.ts';

/** What a dump loses. */
export interface DumpFacts {
  readonly objective: string;
  /** 1, or the number of classes or targets. */
  readonly outputCount: number;
  /** As XGBoost's own file would have it: one for all outputs, or one for each. */
  readonly baseScore: readonly number[];
  /** The columns in training order; a dump names them or writes f0, f1, …. */
  readonly featureNames: readonly string[];
  /** The XGBoost that made the dump: "3.4.1". */
  readonly version: string;
  /** num_parallel_tree; 1 where it is left out. */
  readonly parallelTrees?: number;
  /** Dart's weight of each tree. */
  readonly weightDrop?: readonly number[] | undefined;
}

export function readDumpJson(bytes: Uint8Array, facts: DumpFacts, options: ReadingOptions = {}): ModelParts {
  const { outputCount, featureNames, parallelTrees = 1, weightDrop } = facts;
  demandList(facts.baseScore, 'baseScore', 'numbers', Number.isFinite);
  demandList(featureNames, 'featureNames', 'texts', (name) => typeof name === 'string');
  if (weightDrop !== undefined) demandList(weightDrop, 'weightDrop', 'numbers', Number.isFinite);
  for (const [what, count] of [
    ['outputCount', outputCount],
    ['parallelTrees', parallelTrees],
  ] as const) {
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`${what} is ${count}`);
  }
  const version = options.version ?? versionOf(facts.version);
  const builder = new ForestBuilder(options.expectedNodes);
  const leafSize = readTrees(bytes, builder, columnsOf(featureNames), options.statistics ?? true);
  // In an iteration the parallel trees of an output stand together. Vectors speak for all outputs.
  const iterationSize = parallelTrees * (leafSize > 1 ? 1 : outputCount);
  const { treeCount } = builder;
  if (treeCount === 0 || treeCount % iterationSize !== 0) {
    throw new ModelError(`its ${treeCount} trees do not divide among iterations of ${iterationSize}`);
  }
  // A dump that lost its end may still divide into iterations.
  if (weightDrop !== undefined && weightDrop.length !== treeCount) {
    throw new ModelError(`it has ${treeCount} trees, and weightDrop ${weightDrop.length} numbers`);
  }
  return {
    booster: weightDrop === undefined ? 'gbtree' : 'dart',
    featureCount: featureNames.length,
    outputCount,
    featureNames,
    objective: facts.objective,
    baseScore: facts.baseScore.map(Math.fround),
    hasMarginBase: false,
    version,
    bestIteration: undefined,
    trees: builder.build({
      featureCount: featureNames.length,
      outputCount,
      groups: Int32Array.from({ length: treeCount }, (_, tree) => Math.floor((tree % iterationSize) / parallelTrees)),
      iterations: Int32Array.from({ length: treeCount / iterationSize + 1 }, (_, i) => i * iterationSize),
      treeWeights: weightDrop === undefined ? undefined : Float32Array.from(weightDrop),
      version,
    }),
    weights: undefined,
  };
}

/** What a caller in plain JavaScript passed: a comma in place of a point would make every prediction NaN. */
function demandList(list: unknown, name: string, of: string, isOne: (value: unknown) => boolean): void {
  if (!Array.isArray(list)) throw new TypeError(`${name} is a list of ${of}, not ${nameOf(list)}`);
  const other = (list as unknown[]).find((value) => !isOne(value));
  if (other !== undefined) throw new TypeError(`${name} is a list of ${of}, and has ${JSON.stringify(other)} in it`);
}

/** Columns by what a dump may call them: the name, or f3, or 3 where R wrote it. A name goes before a number. */
function columnsOf(featureNames: readonly string[]): Map<string, number> {
  const columns = new Map<string, number>();
  for (const [i, name] of featureNames.entries()) {
    if (columns.has(name)) throw new RangeError(`featureNames has ${JSON.stringify(name)} twice`);
    columns.set(name, i);
  }
  for (let i = 0; i < featureNames.length; i++) {
    for (const name of [`f${i}`, String(i)]) if (!columns.has(name)) columns.set(name, i);
  }
  return columns;
}

/** Returns how many numbers a leaf has. */
function readTrees(
  bytes: Uint8Array,
  builder: ForestBuilder,
  columns: ReadonlyMap<string, number>,
  withStatistics: boolean,
): number {
  const reader = new JsonReader(bytes);
  let leafSize: number | undefined;
  const readTree = (from: JsonReader): void => {
    const size = new DumpedTree(from, builder, columns, withStatistics).read();
    // A dump does not say which trees make an iteration.
    if (size !== (leafSize ??= size)) {
      throw new ModelError(
        `its trees have ${leafSize} numbers at a leaf, or ${size}, which only a saved model explains`,
      );
    }
  };
  if (reader.isAt('[')) {
    reader.array(() => {
      if (!reader.isAt('"')) return readTree(reader);
      const tree = new JsonReader(new TextEncoder().encode(String(reader.value())));
      readTree(tree);
      if (!tree.atEnd()) builder.fail('has something behind it');
    });
  } else {
    while (!reader.atEnd()) readTree(reader);
  }
  if (!reader.atEnd()) throw new ModelError('it has something behind its trees');
  return leafSize ?? 1;
}

/** The members of a node, as far as they were met. */
interface DumpedNode {
  id?: unknown;
  split?: unknown;
  condition?: unknown;
  yes?: unknown;
  no?: unknown;
  missing?: unknown;
  leaf?: unknown;
  gain?: unknown;
  cover?: unknown;
  children?: number[];
}

/**
 * One tree. Its nodes are numbered in the order in which they are met; the dump's own ids have holes where XGBoost
 * pruned.
 */
class DumpedTree {
  readonly #reader: JsonReader;
  readonly #builder: ForestBuilder;
  readonly #columns: ReadonlyMap<string, number>;
  readonly #withStatistics: boolean;
  readonly #start: number;
  readonly #categories: { nodes: number[]; segments: number[]; sizes: number[]; values: number[] } = {
    nodes: [],
    segments: [],
    sizes: [],
    values: [],
  };
  readonly #vectors = new Float32Column();
  /** Where a leaf's numbers begin in #vectors. */
  readonly #vectorStarts = new Map<number, number>();
  #leafSize = 0;
  #hasStatistics = true;

  constructor(
    reader: JsonReader,
    builder: ForestBuilder,
    columns: ReadonlyMap<string, number>,
    withStatistics: boolean,
  ) {
    this.#reader = reader;
    this.#builder = builder;
    this.#columns = columns;
    this.#withStatistics = withStatistics;
    this.#start = builder.nodeCount;
  }

  read(): number {
    this.#node();
    const builder = this.#builder;
    if (!this.#hasStatistics || !this.#withStatistics) {
      builder.gain.length = this.#start;
      builder.cover.length = this.#start;
    }
    const categories: RawCategories | undefined = this.#categories.nodes.length > 0 ? this.#categories : undefined;
    const vectors: RawVectors = {
      size: this.#leafSize,
      weights: this.#vectors.trimmed(),
      startOf: (leaf) => this.#vectorStarts.get(leaf) ?? -1,
    };
    builder.finishTree(categories, this.#leafSize > 1 ? vectors : undefined);
    return this.#leafSize;
  }

  /** Reads a node with all below it; returns its number in the tree. */
  #node(): number {
    const builder = this.#builder;
    const number = builder.left.length - this.#start;
    for (const column of [builder.right, builder.feature, builder.value, builder.defaultLeft]) column.push(0);
    for (const column of [builder.gain, builder.cover]) column.push(0);
    builder.left.push(-1);
    builder.nodeIds.push(-1);
    const node: DumpedNode = {};
    this.#members(node);
    const { id } = node;
    if (!isNodeId(id)) return builder.fail('holds something that is no node');
    builder.nodeIds.values[this.#start + number] = id;
    if (node.children === undefined) this.#leaf(number, id, node.leaf);
    else this.#split(number, id, node, node.children);
    this.#statistics(number, node);
    return number;
  }

  #members(node: DumpedNode): void {
    const reader = this.#reader;
    reader.object((key) => {
      switch (key) {
        case 'nodeid':
          return this.#take(node, 'id');
        case 'split_condition':
          return this.#take(node, 'condition');
        case 'split':
        case 'yes':
        case 'no':
        case 'missing':
        case 'leaf':
        case 'gain':
        case 'cover':
          return this.#take(node, key);
        case 'children': {
          if (node.children !== undefined) this.#builder.fail('has a node with children twice');
          const children: number[] = [];
          node.children = children;
          return reader.array(() => children.push(this.#node()));
        }
        default:
          return reader.skip();
      }
    });
  }

  #take(node: DumpedNode, member: Exclude<keyof DumpedNode, 'children'>): void {
    if (member in node) this.#builder.fail(`has a node with ${member} twice`);
    node[member] = this.#reader.value();
  }

  #leaf(number: number, id: number, leaf: unknown): void {
    const builder = this.#builder;
    const numbers = Array.isArray(leaf) ? leaf : [leaf];
    if (numbers.length === 0 || !numbers.every((value) => typeof value === 'number')) {
      builder.fail(`has no leaf at node ${id}`);
    }
    if (this.#leafSize !== 0 && this.#leafSize !== numbers.length) builder.fail('has leaves of different lengths');
    this.#leafSize = numbers.length;
    if (numbers.length === 1) builder.value.values[this.#start + number] = numbers[0] as number;
    this.#vectorStarts.set(number, this.#vectors.length);
    if (numbers.length > 1) for (const value of numbers) this.#vectors.push(value as number);
  }

  #split(number: number, id: number, node: DumpedNode, children: readonly number[]): void {
    const builder = this.#builder;
    if (children.length !== 2) return builder.fail(`has ${children.length} children at node ${id}`);
    if ('leaf' in node) return builder.fail(`is both a leaf and a split at node ${id}`);
    const place = this.#start + number;
    const { split } = node;
    const isName = typeof split === 'string' || typeof split === 'number';
    const column = isName ? this.#columns.get(String(split)) : undefined;
    if (column === undefined) {
      return builder.fail(`splits on ${JSON.stringify(split)}, which is no feature of the schema`);
    }
    const [left, right] = children as [number, number];
    const { defaultLeft, condition } = this.#directions(number, id, node, left, right);
    builder.left.values[place] = left;
    builder.right.values[place] = right;
    builder.feature.values[place] = column;
    builder.value.values[place] = condition;
    builder.defaultLeft.values[place] = defaultLeft ? 1 : 0;
  }

  #directions(
    number: number,
    id: number,
    { condition, yes, no, missing }: DumpedNode,
    left: number,
    right: number,
  ): { defaultLeft: boolean; condition: number } {
    const builder = this.#builder;
    const ids = builder.nodeIds.values;
    const [first, second] = [ids[this.#start + left], ids[this.#start + right]];
    const names = (a: unknown, b: unknown): boolean => (a === first && b === second) || (a === second && b === first);
    if (first === second || !names(yes, no)) builder.fail(`names children at node ${id} that it does not have`);
    if (condition === undefined && missing === undefined) return { condition: 1, defaultLeft: no === first };
    if (missing !== first && missing !== second) builder.fail(`names children at node ${id} that it does not have`);
    const defaultLeft = missing === first;
    if (Array.isArray(condition)) {
      if (yes !== second) builder.fail(`sends the categories of node ${id} left`);
      this.#categories.nodes.push(number);
      this.#categories.segments.push(this.#categories.values.length);
      this.#categories.sizes.push(condition.length);
      for (const category of condition as readonly unknown[]) {
        if (typeof category !== 'number') builder.fail(`has a category that is no number at node ${id}`);
        this.#categories.values.push(category as number);
      }
      return { condition: 0, defaultLeft };
    }
    if (typeof condition !== 'number') return builder.fail(`has no split condition at node ${id}`);
    if (yes !== first) builder.fail(`sends what is below the condition of node ${id} right`);
    return { condition, defaultLeft };
  }

  #statistics(number: number, { gain, cover, children }: DumpedNode): void {
    if (typeof cover !== 'number' || (children !== undefined && typeof gain !== 'number')) {
      this.#hasStatistics = false;
      return;
    }
    this.#builder.cover.values[this.#start + number] = cover;
    this.#builder.gain.values[this.#start + number] = children === undefined ? 0 : (gain as number);
  }
}

function isNodeId(id: unknown): id is number {
  return Number.isInteger(id) && (id as number) >= 0 && (id as number) <= 0x7fffffff;
}
