/**
 * The trees of a forest padded to full depth, for the kernels that need no child pointers: below a leaf that stands
 * too high, both branches of any predicate lead to copies of it.
 *
 * Eight consecutive trees make a *bundle* of one depth d. A bundle has its nodes level by level, and in a level tree by
 * tree: node i of level l of tree k is at nodeStart + 8 * (2 ** l - 1) + k * 2 ** l + i. So the walk of every tree of
 * the bundle is `j = 2 * j + goesRight` from j = k on, and no tree needs an offset of its own; leaf j of the bundle is
 * at leafStart + j.
 */
import { findPredicates, survey, type Columns } from './predicates.ts';
import type { Trees } from './trees.ts';

export const BUNDLE = 8;
/** 256 leaves: a leaf's place in its tree is a byte. */
const DEEPEST = 8;
/** Padding may cost this many nodes for each real one. */
const MOST_PADDING = 4;

export interface PaddedTrees {
  readonly columns: Columns;
  readonly predicateCount: number;
  readonly bundleCount: number;
  /** Depth of each bundle. */
  readonly depths: Uint8Array;
  readonly nodeStarts: Int32Array;
  readonly leafStarts: Int32Array;
  /** The predicate of each padded node. */
  readonly predicates: Uint16Array;
  readonly leaves: Float32Array;
}

const known = new WeakMap<Trees, PaddedTrees | 'unsuitable'>();

/** The padded trees, built once for all kernels of a forest; undefined where the forest does not suit. */
export function padTrees(trees: Trees): PaddedTrees | undefined {
  let padded = known.get(trees);
  if (padded === undefined) known.set(trees, (padded = build(trees) ?? 'unsuitable'));
  return padded === 'unsuitable' ? undefined : padded;
}

function build(trees: Trees): PaddedTrees | undefined {
  if (trees.categories !== undefined || trees.vectors !== undefined) return undefined;
  const surveyed = survey(trees);
  if (surveyed.deepest > DEEPEST) return undefined;
  const bundles = layOut(surveyed.depths);
  if (bundles.leafCount > MOST_PADDING * surveyed.order.length + 1024) return undefined;
  const { ofNode, columns } = findPredicates(trees, surveyed);
  const predicateCount = columns.thresholds.length;
  if (predicateCount > 65_536) return undefined;
  const predicates = new Uint16Array(bundles.nodeCount);
  const leaves = new Float32Array(bundles.leafCount);
  const { depths, nodeStarts, leafStarts } = bundles;
  fill(trees, ofNode, { depths, nodeStarts, leafStarts, predicates, leaves });
  return { columns, predicateCount, bundleCount: depths.length, depths, nodeStarts, leafStarts, predicates, leaves };
}

function layOut(treeDepths: Int32Array) {
  const bundleCount = Math.ceil(treeDepths.length / BUNDLE);
  const depths = new Uint8Array(bundleCount);
  const nodeStarts = new Int32Array(bundleCount);
  const leafStarts = new Int32Array(bundleCount);
  let nodeCount = 0;
  let leafCount = 0;
  for (let bundle = 0; bundle < bundleCount; bundle++) {
    const depth = Math.max(...treeDepths.subarray(bundle * BUNDLE, (bundle + 1) * BUNDLE));
    depths[bundle] = depth;
    nodeStarts[bundle] = nodeCount;
    leafStarts[bundle] = leafCount;
    nodeCount += BUNDLE * (2 ** depth - 1);
    leafCount += BUNDLE * 2 ** depth;
  }
  return { depths, nodeStarts, leafStarts, nodeCount, leafCount };
}

type Tables = Pick<PaddedTrees, 'depths' | 'nodeStarts' | 'leafStarts' | 'predicates' | 'leaves'>;

function fill(trees: Trees, ofNode: Int32Array, tables: Tables): void {
  const { left, right, value, starts } = trees;
  const { depths, nodeStarts, leafStarts, predicates, leaves } = tables;
  // The nodes of one level, filled from its end so that a node's children may overwrite the nodes behind it.
  const level = new Int32Array(2 ** DEEPEST);
  for (let tree = 0; tree < starts.length - 1; tree++) {
    const bundle = tree >> 3;
    const k = tree & (BUNDLE - 1);
    const depth = depths[bundle] as number;
    let levelStart = nodeStarts[bundle] as number;
    level[0] = starts[tree] as number;
    for (let size = 1; size < 1 << depth; size *= 2) {
      for (let i = size - 1; i >= 0; i--) {
        const node = level[i] as number;
        const isLeaf = (left[node] as number) < 0;
        if (!isLeaf) predicates[levelStart + k * size + i] = ofNode[node] as number;
        level[2 * i + 1] = isLeaf ? node : (right[node] as number);
        level[2 * i] = isLeaf ? node : (left[node] as number);
      }
      levelStart += BUNDLE * size;
    }
    const leafStart = (leafStarts[bundle] as number) + (k << depth);
    for (let i = 0; i < 1 << depth; i++) leaves[leafStart + i] = value[level[i] as number] as number;
  }
}
