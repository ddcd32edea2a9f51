/**
 * The tables of deep-kernel.ts and deep-wasm.ts: all nodes that a root reaches, renumbered level by level in each tree,
 * so that siblings are neighbours and a node needs to know one child only. A leaf is its own child, with a k that no rank
 * exceeds, so a walk may go on there.
 *
 * A category becomes a *code*, a missing value included, and each split on categories has the set of codes that go
 * right. In place of a rank stands IS_CODE + code, a negative number, so that k < rank is false; and a rank, looked up as
 * a code in the set of a numerical split, finds the empty set. So `k < rank | in set` is right for both.
 */
import { findPredicates, survey, type Columns, type Predicates, type Survey } from './predicates.ts';
import type { Trees } from './trees.ts';

/** The k of a leaf: ranks are lower (see predicates.ts). */
export const LEAF = 0xffff;
/** Negative still with the largest code, and so small that k - rank is an int32. */
export const IS_CODE = -(2 ** 30);
export const CODE = 2 ** 30 - 1;
/** Words of the empty set: a bit for each rank. */
const EMPTY_SET = 1024;

export interface DeepTables {
  /** Where each tree's nodes begin. */
  readonly starts: Int32Array;
  readonly depths: Int32Array;
  /** For each node its column in the upper 16 bits and k in the lower ones; 0 and LEAF at a leaf. */
  readonly words: Int32Array;
  readonly children: Int32Array;
  /** For each node where its set begins in `sets`; 0 at a numerical split. No entries without sets. */
  readonly setStarts: Int32Array;
  readonly sets: Int32Array;
  /** For each leaf its weight, or where its vector begins. */
  readonly leaves: Float32Array | Int32Array;
  readonly columnCount: number;
  readonly columns: Columns;
  readonly categorical: CategoricalColumns;
}

/** The columns of ranks behind those of `Columns`: one for each feature with splits on categories. */
interface CategoricalColumns {
  /** The first of these columns; never 0, as every leaf reads column 0 and must find a rank there. */
  readonly first: number;
  readonly features: Int32Array;
  /** The categories 0 … limits[c] - 1 can be in a set of column c. */
  readonly limits: Int32Array;
}

const known = new WeakMap<Trees, DeepTables | 'unsuitable'>();

/** Built once for both kernels of a forest; undefined where it has too many features or too long sets. */
export function deepTables(trees: Trees): DeepTables | undefined {
  let tables = known.get(trees);
  if (tables === undefined) known.set(trees, (tables = build(trees) ?? 'unsuitable'));
  return tables === 'unsuitable' ? undefined : tables;
}

function build(trees: Trees): DeepTables | undefined {
  const surveyed = survey(trees);
  const predicates = findPredicates(trees, surveyed);
  const { columns } = predicates;
  const categorical = findCategoricalColumns(trees, surveyed, Math.max(columns.count, 1));
  const columnCount = categorical.first + categorical.features.length;
  // A column's number must fit into 16 bits; where codes are beside it, into 15 (deep-kernel.ts).
  if (columnCount > (trees.categories === undefined ? 65_536 : 32_768)) return undefined;
  const setTables = buildSets(trees, surveyed, categorical);
  if (setTables === undefined) return undefined;
  const { words, children } = buildNodes(trees, surveyed, predicates, categorical);
  const leafValues = trees.vectors?.starts ?? trees.value;
  const leaves = trees.vectors === undefined ? new Float32Array(words.length) : new Int32Array(words.length);
  for (let i = 0; i < leaves.length; i++) leaves[i] = leafValues[surveyed.order[i] as number] as number;
  return {
    starts: surveyed.starts,
    depths: surveyed.depths,
    words,
    children,
    ...setTables,
    leaves,
    columnCount,
    columns,
    categorical,
  };
}

function buildNodes(
  trees: Trees,
  { order, starts }: Survey,
  { ofNode, places, columns }: Predicates,
  categorical: CategoricalColumns,
): { words: Int32Array; children: Int32Array } {
  const columnAt = new Int32Array(columns.thresholds.length);
  for (let column = 0; column < columns.count; column++) {
    const start = columns.starts[column] as number;
    columnAt.fill(column, start, start + (columns.sizes[column] as number));
  }
  const columnOfFeature = new Map([...categorical.features].map((feature, i) => [feature, categorical.first + i]));
  const words = new Int32Array(order.length).fill(LEAF);
  const children = new Int32Array(order.length);
  for (let tree = 0; tree < starts.length - 1; tree++) {
    // Breadth first, so a tree's splits have their children in the order in which they stand themselves.
    let child = (starts[tree] as number) + 1;
    for (let i = starts[tree] as number; i < (starts[tree + 1] as number); i++) {
      const node = order[i] as number;
      children[i] = i;
      if ((trees.left[node] as number) < 0) continue;
      children[i] = child;
      child += 2;
      if (isCategorical(trees.categories, node)) {
        const column = columnOfFeature.get(trees.feature[node] as number) as number;
        words[i] = column << 16;
        continue;
      }
      const predicate = places[ofNode[node] as number] as number;
      const column = columnAt[predicate] as number;
      words[i] = (column << 16) | (predicate - (columns.starts[column] as number));
    }
  }
  return { words, children };
}

function isCategorical(categories: Trees['categories'], node: number): boolean {
  return categories !== undefined && (categories.starts[node] as number) >= 0;
}

/** For each feature with reached splits on categories the words of its longest set, as a limit of categories. */
function findCategoricalColumns(
  { left, feature, categories }: Trees,
  { order }: Survey,
  first: number,
): CategoricalColumns {
  const words = new Map<number, number>();
  if (categories !== undefined) {
    for (const node of order) {
      if ((left[node] as number) < 0 || !isCategorical(categories, node)) continue;
      const column = feature[node] as number;
      words.set(column, Math.max(words.get(column) ?? 0, categories.sizes[node] as number));
    }
  }
  return {
    first,
    features: Int32Array.from(words.keys()),
    limits: Int32Array.from(words.values(), (count) => Math.min(count * 32, 16_777_216)),
  };
}

/** Each split's set as bits of codes, as many words for all splits of a feature, behind the empty set. */
function buildSets(
  { left, feature, categories, defaultLeft }: Trees,
  { order }: Survey,
  { features, limits }: CategoricalColumns,
): Pick<DeepTables, 'setStarts' | 'sets'> | undefined {
  if (categories === undefined) return { setStarts: new Int32Array(0), sets: new Int32Array(0) };
  const wordsOf = new Map([...features].map((column, i) => [column, ((limits[i] as number) >>> 5) + 1]));
  const setStarts = new Int32Array(order.length);
  let length = EMPTY_SET;
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as number;
    if ((left[node] as number) < 0 || !isCategorical(categories, node)) continue;
    setStarts[i] = length;
    length += wordsOf.get(feature[node] as number) as number;
  }
  // Many short sets beside a long one would take more room than the forest itself.
  if (length > 2 * order.length + 2 * categories.bits.length + 1024) return undefined;
  const sets = new Int32Array(length);
  for (let i = 0; i < order.length; i++) {
    const to = setStarts[i] as number;
    if (to === 0) continue;
    const node = order[i] as number;
    const from = categories.starts[node] as number;
    const words = categories.sizes[node] as number;
    for (let word = 0; word < words; word++) {
      const bits = categories.bits[from + word] as number;
      sets[to + word]! |= bits << FIRST_CATEGORY;
      sets[to + word + 1]! |= bits >>> (32 - FIRST_CATEGORY);
    }
    if (defaultLeft[node] === 1) continue;
    sets[to]! |= 1 << MISSING;
    if (!categories.strangersByDefault) continue;
    sets[to]! |= 1 << IN_NO_SET;
    sets[to + words]! |= -1 << FIRST_CATEGORY;
    sets.fill(-1, to + words + 1, to + (wordsOf.get(feature[node] as number) as number));
  }
  return { setStarts, sets };
}

const MISSING = 0;
const IN_NO_SET = 1;
const FIRST_CATEGORY = 2;

/** Missing is a category of its own, so that a set says where it goes; so is everything that no set can hold. */
export function codeOf(x: number, limit: number): number {
  if (Number.isNaN(x)) return MISSING;
  return x >= 0 && x < limit ? Math.trunc(x) + FIRST_CATEGORY : IN_NO_SET;
}
