/**
 * The trees of a forest padded to full depth, for the kernels that need no child pointers: below a leaf that stands
 * too high, both branches of any predicate lead to copies of it.
 *
 * Eight consecutive trees make a *bundle* of one depth. All trees of bundles of a depth d make a *class*, in which they
 * are numbered in the forest's order. A class has its nodes level by level: node i of level l of tree n stands at
 * `levelStarts[8 * d + l] + n * 2 ** l + i`, so a walk is `j = 2 * j + goesRight`, from j = n on, whichever tree it is.
 * After d steps the leaf is at `classStarts[d] + j`.
 *
 * A class is a *heap* as well: its c trees leave its first c places free, so that level l begins at place c * 2 ** l, and a
 * walk from place j = c + n on is `j = 2 * j + goesRight` without a look at where levels begin.
 */
import { findPredicates, survey, type Columns, type Predicates } from './predicates.ts';
import type { Trees } from './trees.ts';

export const BUNDLE = 8;
/** 256 leaves: a leaf's place in its tree is a byte. */
export const DEEPEST = 8;
/** So many fit into a Uint16Array. */
export const MOST_PREDICATES = 65_536;
/** Padding may cost this many nodes for each real one. */
const MOST_PADDING = 4;

export interface PaddedTrees {
  readonly columns: Columns;
  readonly predicateCount: number;
  /** For each bundle its depth, and the number of its first tree in its class. */
  readonly depths: Uint8Array;
  readonly numbers: Int32Array;
  readonly levelStarts: Int32Array;
  /**
   * Where the class of each depth begins, and the last one ends: among `predicates` as well as among `leaves`, as its c trees
   * have c * 2 ** d of both.
   */
  readonly classStarts: Int32Array;
  /** The predicate of each padded node. */
  readonly predicates: Uint16Array;
  /** The weight of each padded leaf; or where its weights begin among those of `trees.vectors`. */
  readonly leaves: Float32Array | Int32Array;
}

const known = new WeakMap<Trees, PaddedTrees | 'unsuitable'>();

/** The padded trees, built once for all kernels of a forest; undefined where the forest does not suit. */
export function padTrees(trees: Trees): PaddedTrees | undefined {
  let padded = known.get(trees);
  if (padded === undefined) known.set(trees, (padded = build(trees) ?? 'unsuitable'));
  return padded === 'unsuitable' ? undefined : padded;
}

function build(trees: Trees): PaddedTrees | undefined {
  if (trees.categories !== undefined) return undefined;
  const surveyed = survey(trees);
  if (surveyed.deepest > DEEPEST) return undefined;
  const layout = layOut(surveyed.depths);
  const nodeCount = layout.classStarts[DEEPEST + 1] as number;
  if (nodeCount > MOST_PADDING * surveyed.order.length + 1024) return undefined;
  const predicates = findPredicates(trees, surveyed);
  const { columns } = predicates;
  const predicateCount = columns.thresholds.length;
  if (predicateCount > MOST_PREDICATES) return undefined;
  const leaves = trees.vectors === undefined ? new Float32Array(nodeCount) : new Int32Array(nodeCount);
  const padded = { columns, predicateCount, ...layout, predicates: new Uint16Array(nodeCount), leaves };
  fill(trees, predicates, padded);
  return padded;
}

function layOut(treeDepths: Int32Array) {
  const bundleCount = Math.ceil(treeDepths.length / BUNDLE);
  const depths = new Uint8Array(bundleCount);
  const numbers = new Int32Array(bundleCount);
  const counts = new Int32Array(DEEPEST + 1);
  for (let bundle = 0; bundle < bundleCount; bundle++) {
    const depth = Math.max(...treeDepths.subarray(bundle * BUNDLE, (bundle + 1) * BUNDLE));
    depths[bundle] = depth;
    numbers[bundle] = counts[depth] as number;
    counts[depth]! += BUNDLE;
  }
  const levelStarts = new Int32Array((DEEPEST + 1) * DEEPEST);
  const classStarts = new Int32Array(DEEPEST + 2);
  for (let depth = 0; depth <= DEEPEST; depth++) {
    const count = counts[depth] as number;
    const start = classStarts[depth] as number;
    for (let level = 0; level < depth; level++) levelStarts[DEEPEST * depth + level] = start + (count << level);
    classStarts[depth + 1] = start + (count << depth);
  }
  return { depths, numbers, levelStarts, classStarts };
}

function fill(trees: Trees, { ofNode, places }: Predicates, padded: PaddedTrees): void {
  const { left, right, starts } = trees;
  const weights = trees.vectors?.starts ?? trees.value;
  const { depths, numbers, levelStarts, classStarts, predicates, leaves } = padded;
  // The nodes of one level, filled from its end so that a node's children may overwrite the nodes behind it.
  const nodes = new Int32Array(2 ** DEEPEST);
  for (let tree = 0; tree < starts.length - 1; tree++) {
    const bundle = tree >> 3;
    const number = (numbers[bundle] as number) + (tree & (BUNDLE - 1));
    const depth = depths[bundle] as number;
    nodes[0] = starts[tree] as number;
    for (let level = 0; level < depth; level++) {
      const start = (levelStarts[DEEPEST * depth + level] as number) + (number << level);
      for (let i = (1 << level) - 1; i >= 0; i--) {
        const node = nodes[i] as number;
        const isLeaf = (left[node] as number) < 0;
        if (!isLeaf) predicates[start + i] = places[ofNode[node] as number] as number;
        nodes[2 * i + 1] = isLeaf ? node : (right[node] as number);
        nodes[2 * i] = isLeaf ? node : (left[node] as number);
      }
    }
    const leafStart = (classStarts[depth] as number) + (number << depth);
    for (let i = 0; i < 1 << depth; i++) leaves[leafStart + i] = weights[nodes[i] as number] as number;
  }
}
