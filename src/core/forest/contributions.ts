/**
 * Contributions: by how much each feature moved a prediction away from the base value. They equal what XGBoost gives for
 * pred_contribs ('shap'), approx_contribs ('saabas') and pred_interactions ('interactions').
 *
 * Saabas: walk the tree; each split's feature gets the difference between the mean of the child taken and its own mean.
 *
 * SHAP: let every feature take part with the chance t. At a split on a feature that takes part, a row goes where its
 * value says; otherwise it goes both ways, in proportion to the cover (the training rows, weighted by their hessian).
 * The expected leaf is then a polynomial in t, and the Shapley value of a feature is the integral over t from 0 to 1 of
 * the polynomial's derivative by that feature's own chance. The polynomial's degree is bound by the number of features
 * on a path, so Gauss-Legendre quadrature with half as many points gives the integral exactly: three points for a tree
 * of depth 6. (The known O(leaves * depth²) recursion computes the same number; this is O(splits * points).)
 *
 * For one row and one t the tree is swept twice. With p the share of the cover that a child inherits, a child counts
 * 1 - t + t / p times its share where the row goes, and 1 - t times it where the row does not go; which is 1 + t * pull,
 * with the pull 1 / p - 1 or -1.
 *   down: reach(child) = reach(split) * (1 + t * pull(child))
 *   up:   sum(split)   = sum over both children of sum(child) * (1 + t * pull(child)); a leaf begins with weight * share
 *   and   the split's feature gets reach(split) * (pull(left) * sum(left) + pull(right) * sum(right)).
 * A feature that was met above on the path counts once: p is the product over all its splits, the row goes there only if
 * all of them say so, and the earlier split's factor is divided out again.
 *
 * Interactions: half the integral of the second derivative, by pairs of features on a path. The diagonal has what
 * remains of the feature's SHAP value.
 */
import { ModelError } from './model-error.ts';
import { goesLeft, type Trees } from './trees.ts';

export const CONTRIBUTION_KINDS = ['shap', 'saabas', 'interactions'] as const;
export type ContributionKind = (typeof CONTRIBUTION_KINDS)[number];

export interface ContributionShape {
  readonly trees: Trees;
  readonly featureCount: number;
  readonly outputCount: number;
}

/** The weights of a gblinear model: weights[feature * outputCount + output], then a bias for each output. */
export interface LinearShape {
  readonly weights: Float32Array;
  readonly featureCount: number;
  readonly outputCount: number;
}

/**
 * A child counts as this share of its parent at least: XGBoost would divide by a share of 0. With that even the largest
 * float32 weighs nothing, and the inverse of the shares along a path is still a float64.
 */
const SMALLEST_SHARE = 1e-46;
/** Points of the quadrature that a sweep handles at a time. */
const TOGETHER = 3;
/** Stands for the default direction of a categorical split; its lowest bit is 0. */
const CATEGORICAL = 2;
/** Doubles to sum up in at a time: they should stay in the processor's cache. */
const BLOCK_SIZE = 1 << 16;

/**
 * The contributions of the trees [firstTree, lastTree), row-major `[row][output][featureCount + 1]`, or
 * `[row][output][featureCount + 1][featureCount + 1]` for interactions. The last column is the base value, which has the
 * base margin in it: all columns add up to the margin. `rows` is row-major; NaN is missing. `baseMargins` has a number
 * for each output, or for each output of each row.
 */
export function contributions(
  shape: ContributionShape,
  rows: Float32Array,
  rowCount: number,
  baseMargins: Float32Array,
  kind: ContributionKind,
  firstTree: number,
  lastTree: number,
): Float32Array {
  if (kind === 'saabas' && shape.trees.vectors !== undefined) {
    throw new ModelError('its leaves are vectors, for which XGBoost gives no approximate contributions');
  }
  const plan = planOf(shape);
  const width = shape.featureCount + 1;
  const cells = kind === 'interactions' ? width * width : width;
  const rowSize = shape.outputCount * cells;
  const result = new Float32Array(rowCount * rowSize);
  const blockRows = Math.min(rowCount, Math.max(1, Math.floor(BLOCK_SIZE / rowSize)));
  const sums = new Float64Array(blockRows * rowSize);
  const treeSums = { saabas: addSaabas, shap: addShap, interactions: addInteractions }[kind];
  const baseValues = baseValuesOf(plan, firstTree, lastTree);
  for (let first = 0; first < rowCount; first += blockRows) {
    const count = Math.min(blockRows, rowCount - first);
    sums.fill(0);
    const block = { rows, offset: first * shape.featureCount, count, sums, cells };
    for (let tree = firstTree; tree < lastTree; tree++) treeSums(plan, tree, block);
    if (kind === 'interactions')
      for (let at = 0; at < count * rowSize; at += cells) settleInteractions(sums, at, width);
    for (let i = 0; i < count * shape.outputCount; i++) {
      const margin = baseMargins[(first * shape.outputCount + i) % baseMargins.length] as number;
      const last = (i + 1) * cells - 1;
      sums[last] = (baseValues[i % shape.outputCount] as number) + margin;
    }
    result.set(sums.subarray(0, count * rowSize), first * rowSize);
  }
  return result;
}

/**
 * The contributions of a linear model, laid out as those of trees. A feature contributes its weight times its value; a
 * missing one contributes 0. 'saabas' is the same; for interactions XGBoost fails, whatever the model.
 */
export function linearContributions(
  shape: LinearShape,
  rows: Float32Array,
  rowCount: number,
  baseMargins: Float32Array,
  kind: ContributionKind,
): Float32Array {
  const { weights, featureCount, outputCount } = shape;
  const width = featureCount + 1;
  if (kind === 'interactions') throw new ModelError('it is linear, for which XGBoost gives no interactions');
  const result = new Float32Array(rowCount * outputCount * width);
  for (let i = 0; i < rowCount * outputCount; i++) {
    const row = Math.floor(i / outputCount);
    const output = i % outputCount;
    for (let feature = 0; feature < featureCount; feature++) {
      const x = rows[row * featureCount + feature] as number;
      if (!Number.isNaN(x)) result[i * width + feature] = x * (weights[feature * outputCount + output] as number);
    }
    const bias = weights[featureCount * outputCount + output] as number;
    result[i * width + featureCount] = bias + (baseMargins[i % baseMargins.length] as number);
  }
  return result;
}

/**
 * The trees as the sweeps want them. Each tree's nodes are renumbered level by level into slots: the root is slot 0, and
 * the children of the tree's split s are the slots 2s + 1 and 2s + 2. Splits and slots are numbered within their tree;
 * each array has them for all trees one after the other.
 */
interface Plan {
  readonly shape: ContributionShape;
  /** Tree t has the splits splitStarts[t] … splitStarts[t + 1] - 1; its slots begin at 2 * splitStarts[t] + t. */
  readonly splitStarts: Int32Array;
  /** For each tree how many points the quadrature takes. */
  readonly pointCounts: Int32Array;
  /** For each tree how many splits there are up to the last with a split below; those after it have two leaves. */
  readonly innerCounts: Int32Array;
  /** For each split its node in the forest, and its slot. */
  readonly nodes: Int32Array;
  readonly slots: Int32Array;
  readonly features: Int32Array;
  readonly thresholds: Float32Array;
  /** For each split 1 where a missing value goes left, 0 where it goes right; CATEGORICAL at a categorical split. */
  readonly defaults: Uint8Array;
  /** For each split the slot to which the nearest split above it on the same feature led; 0 without. */
  readonly earlier: Int32Array;
  /** For each slot 1 / p. */
  readonly parts: Float64Array;
  /** For each number of a leaf: for each slot of a leaf its weight times its share of the root's cover. */
  readonly leaves: readonly Float64Array[];
  /** For each number of a leaf: for each node of the forest the mean of its leaves. */
  readonly means: readonly Float64Array[];
  /** Of the row and tree at hand: for each slot 1 if the row goes there as far as the split's feature decides. */
  readonly taken: Uint8Array;
  readonly pull: Float64Array;
  /** Of the points at hand: three numbers for each slot. */
  readonly reach: Float64Array;
  readonly sums: Float64Array;
}

/** Rows whose contributions are summed up together; sums is `[row][output][cells]`. */
interface Block {
  readonly rows: Float32Array;
  readonly offset: number;
  readonly count: number;
  readonly sums: Float64Array;
  readonly cells: number;
}

/** A plan takes as long as some twenty rows, so that it is kept as long as its trees. */
const plans = new WeakMap<Trees, Plan>();

function planOf(shape: ContributionShape): Plan {
  let plan = plans.get(shape.trees);
  if (plan?.shape.featureCount !== shape.featureCount || plan.shape.outputCount !== shape.outputCount) {
    plan = makePlan(shape);
    plans.set(shape.trees, plan);
  }
  return plan;
}

function makePlan(shape: ContributionShape): Plan {
  const { trees, outputCount } = shape;
  const treeCount = trees.groups.length;
  const nodeCount = trees.left.length;
  const leafSize = trees.vectors === undefined ? 1 : outputCount;
  const columns = (): Float64Array[] => Array.from({ length: leafSize }, () => new Float64Array(nodeCount));
  const ofSplits = (): Int32Array => new Int32Array(nodeCount >> 1);
  const cover = coversOf(trees);
  const plan = {
    splitStarts: new Int32Array(treeCount + 1),
    pointCounts: new Int32Array(treeCount),
    innerCounts: new Int32Array(treeCount),
    nodes: ofSplits(),
    slots: ofSplits(),
    earlier: ofSplits(),
    parts: new Float64Array(nodeCount),
    leaves: columns(),
    means: columns(),
  };
  let largest = 1;
  for (let tree = 0; tree < treeCount; tree++) {
    const levels = levelsOf(trees, tree);
    const paths = pathsOf(trees, levels, cover);
    const split = plan.splitStarts[tree] as number;
    const slot = 2 * split + tree;
    plan.splitStarts[tree + 1] = split + levels.splitNodes.length;
    plan.pointCounts[tree] = Math.ceil(paths.mostFeatures / 2 / TOGETHER) * TOGETHER;
    plan.innerCounts[tree] = ((levels.splitSlots.at(-1) ?? 0) + 1) >> 1;
    plan.nodes.set(levels.splitNodes, split);
    plan.slots.set(levels.splitSlots, split);
    plan.earlier.set(paths.earlier, split);
    plan.parts.set(paths.parts, slot);
    for (let k = 0; k < leafSize; k++) {
      fillMeans(trees, levels, cover, k, plan.means[k] as Float64Array);
      fillLeaves(trees, levels, paths.shares, k, (plan.leaves[k] as Float64Array).subarray(slot));
    }
    largest = Math.max(largest, levels.nodes.length);
  }
  return {
    ...plan,
    ...splitColumns(trees, plan.nodes),
    shape,
    taken: new Uint8Array(largest),
    pull: new Float64Array(largest),
    reach: new Float64Array(3 * largest),
    sums: new Float64Array(3 * largest),
  };
}

/** What `decide` reads of each split, one after the other in memory. */
function splitColumns(trees: Trees, nodes: Int32Array): Pick<Plan, 'features' | 'thresholds' | 'defaults'> {
  const features = new Int32Array(nodes.length);
  const thresholds = new Float32Array(nodes.length);
  const defaults = new Uint8Array(nodes.length);
  for (let split = 0; split < nodes.length; split++) {
    const node = nodes[split] as number;
    features[split] = trees.feature[node] as number;
    thresholds[split] = trees.value[node] as number;
    defaults[split] = isCategorical(trees, node) ? CATEGORICAL : (trees.defaultLeft[node] as number);
  }
  return { features, thresholds, defaults };
}

function isCategorical({ categories }: Trees, node: number): boolean {
  return categories !== undefined && (categories.starts[node] as number) >= 0;
}

function coversOf({ statistics, left }: Trees): Float32Array {
  if (statistics === undefined) throw new ModelError('it has no cover at its nodes, which contributions need');
  if (statistics.cover.length < left.length) throw new ModelError('it has no cover at some of its nodes');
  return statistics.cover;
}

/** A tree's nodes by slot, and its splits. */
interface Levels {
  readonly nodes: readonly number[];
  readonly splitNodes: readonly number[];
  readonly splitSlots: readonly number[];
}

function levelsOf({ starts, left, right }: Trees, tree: number): Levels {
  const nodes = [starts[tree] as number];
  const splitNodes: number[] = [];
  const splitSlots: number[] = [];
  for (let slot = 0; slot < nodes.length; slot++) {
    const node = nodes[slot] as number;
    if ((left[node] as number) < 0) continue;
    splitNodes.push(node);
    splitSlots.push(slot);
    nodes.push(left[node] as number, right[node] as number);
  }
  return { nodes, splitNodes, splitSlots };
}

/** What holds of a tree's paths for every row; by slot, but `earlier` by split. */
interface Paths {
  readonly earlier: Int32Array;
  readonly parts: Float64Array;
  /** A node's share of its parent's cover. */
  readonly ratios: Float64Array;
  /** A node's share of the root's cover. */
  readonly shares: Float64Array;
  /** The most features on any path. */
  readonly mostFeatures: number;
}

function pathsOf(trees: Trees, levels: Levels, cover: Float32Array): Paths {
  const slotCount = levels.nodes.length;
  const earlier = new Int32Array(levels.splitNodes.length);
  const ratios = new Float64Array(slotCount).fill(1);
  const shares = new Float64Array(slotCount).fill(1);
  // A child's share as far as splits on the feature that leads to it decide.
  const featureShares = new Float64Array(slotCount).fill(1);
  const parts = new Float64Array(slotCount);
  const featureCounts = new Int32Array(slotCount);
  let mostFeatures = 0;
  for (let split = 0; split < levels.splitSlots.length; split++) {
    const slot = levels.splitSlots[split] as number;
    const before = earlierSlot(trees, levels, split);
    earlier[split] = before;
    const featureCount = (featureCounts[slot] as number) + (before === 0 ? 1 : 0);
    mostFeatures = Math.max(mostFeatures, featureCount);
    for (const child of [2 * split + 1, 2 * split + 2]) {
      const ratio = ratioOf(cover[levels.nodes[child] as number], cover[levels.nodes[slot] as number]);
      ratios[child] = ratio;
      shares[child] = (shares[slot] as number) * ratio;
      featureShares[child] = ratio * (featureShares[before] as number);
      parts[child] = 1 / featureShares[child];
      featureCounts[child] = featureCount;
    }
  }
  return { earlier, parts, ratios, shares, mostFeatures };
}

/** Climbs from a split to the nearest earlier split on its feature; gives the slot to which that one led, or 0. */
function earlierSlot({ feature }: Trees, { splitNodes, splitSlots }: Levels, split: number): number {
  const wanted = feature[splitNodes[split] as number];
  let slot = splitSlots[split] as number;
  while (slot > 0) {
    const parent = (slot - 1) >> 1;
    if (feature[splitNodes[parent] as number] === wanted) return slot;
    slot = splitSlots[parent] as number;
  }
  return 0;
}

function ratioOf(cover: number | undefined, parentCover: number | undefined): number {
  return Math.max(shareOf(cover, parentCover), SMALLEST_SHARE);
}

/** A child's share of its parent's cover; half where the parent has none. */
function shareOf(cover: number | undefined, parentCover: number | undefined): number {
  if (cover === undefined || parentCover === undefined || !(cover >= 0) || !(parentCover >= 0)) {
    throw new ModelError('it has a negative cover, for which contributions have no meaning');
  }
  return parentCover === 0 ? 0.5 : cover / parentCover;
}

function leafNumber({ value, vectors }: Trees, leaf: number, k: number): number {
  return (vectors === undefined ? value[leaf] : vectors.weights[(vectors.starts[leaf] as number) + k]) as number;
}

/** Here a small share counts as what it is. */
function fillMeans(
  trees: Trees,
  { nodes, splitNodes }: Levels,
  cover: Float32Array,
  k: number,
  means: Float64Array,
): void {
  for (const node of nodes) if ((trees.left[node] as number) < 0) means[node] = leafNumber(trees, node, k);
  for (let split = splitNodes.length - 1; split >= 0; split--) {
    const node = splitNodes[split] as number;
    means[node] = 0;
    for (const child of nodes.slice(2 * split + 1, 2 * split + 3)) {
      means[node] += shareOf(cover[child], cover[node]) * (means[child] as number);
    }
  }
}

function fillLeaves(trees: Trees, { nodes }: Levels, shares: Float64Array, k: number, sums: Float64Array): void {
  for (let slot = 0; slot < nodes.length; slot++) {
    const node = nodes[slot] as number;
    if ((trees.left[node] as number) < 0) sums[slot] = leafNumber(trees, node, k) * (shares[slot] as number);
  }
}

/** For each output the sum of its trees' means. */
function baseValuesOf({ shape, means }: Plan, firstTree: number, lastTree: number): Float64Array {
  const { trees, outputCount } = shape;
  const values = new Float64Array(outputCount);
  for (let tree = firstTree; tree < lastTree; tree++) {
    for (const [k, ofNodes] of means.entries()) {
      const output = (trees.groups[tree] as number) + k;
      values[output] = (values[output] as number) + (ofNodes[trees.starts[tree] as number] as number);
    }
  }
  return values;
}

function addSaabas({ shape, means }: Plan, tree: number, { rows, offset, count, sums, cells }: Block): void {
  const { trees, featureCount, outputCount } = shape;
  const { left, right, feature } = trees;
  const mean = means[0] as Float64Array;
  for (let row = 0; row < count; row++) {
    const base = (row * outputCount + (trees.groups[tree] as number)) * cells;
    let node = trees.starts[tree] as number;
    while ((left[node] as number) >= 0) {
      const column = feature[node] as number;
      const x = rows[offset + row * featureCount + column] as number;
      const child = (goesLeft(trees, node, x) ? left[node] : right[node]) as number;
      sums[base + column] = (sums[base + column] as number) + (mean[child] as number) - (mean[node] as number);
      node = child;
    }
  }
}

function addShap(plan: Plan, tree: number, { rows, offset, count, sums, cells }: Block): void {
  const { featureCount, outputCount, trees } = plan.shape;
  const { points, weights } = quadrature(plan.pointCounts[tree] as number);
  for (let k = 0; k < plan.leaves.length; k++) {
    spreadLeaves(plan, tree, k);
    for (let row = 0; row < count; row++) {
      const base = (row * outputCount + (trees.groups[tree] as number) + k) * cells;
      decide(plan, tree, rows, offset + row * featureCount);
      for (let point = 0; point < points.length; point += TOGETHER) {
        sweepDown(plan, tree, points, weights, point);
        sweepUp(plan, tree, k, points, point, sums, base);
      }
    }
  }
}

/** Lets a row decide at every split of a tree: sets `pull` for all slots but the root's. */
function decide(plan: Plan, tree: number, rows: Float32Array, offset: number): void {
  const { nodes, features, thresholds, defaults, earlier, parts, pull, taken, splitStarts } = plan;
  const { trees } = plan.shape;
  const end = splitStarts[tree + 1] as number;
  let split = splitStarts[tree] as number;
  let from = 2 * split + tree + 1;
  taken[0] = 1;
  for (let child = 1; split < end; split++, child += 2, from += 2) {
    const x = rows[offset + (features[split] as number)] as number;
    const missing = defaults[split] as number;
    // Sums of comparisons instead of branches: nobody could foretell those.
    let left = +(x < (thresholds[split] as number)) | (+(x !== x) & missing);
    if (missing === CATEGORICAL) left = +goesLeft(trees, nodes[split] as number, x);
    const open = taken[earlier[split] as number] as number;
    const takenLeft = left & open;
    const takenRight = (left ^ 1) & open;
    taken[child] = takenLeft;
    taken[child + 1] = takenRight;
    pull[child] = takenLeft * (parts[from] as number) - 1;
    pull[child + 1] = takenRight * (parts[from + 1] as number) - 1;
  }
}

/** The leaves' weights to where sweepUp finds the sums of three points for each slot. */
function spreadLeaves({ leaves, sums, splitStarts, innerCounts }: Plan, tree: number, k: number): void {
  const weights = leaves[k] as Float64Array;
  const root = 2 * (splitStarts[tree] as number) + tree;
  const slotCount = 2 * (innerCounts[tree] as number) + 1;
  for (let slot = 0; slot < slotCount; slot++) {
    const weight = weights[root + slot] as number;
    sums[3 * slot] = weight;
    sums[3 * slot + 1] = weight;
    sums[3 * slot + 2] = weight;
  }
}

/** Sets `reach` for the slots of splits. Three points at a time share what is read of a split. */
function sweepDown(plan: Plan, tree: number, points: Float64Array, weights: Float64Array, point: number): void {
  const { slots, earlier, pull, taken, reach, splitStarts, innerCounts } = plan;
  const t0 = points[point] as number;
  const t1 = points[point + 1] as number;
  const t2 = points[point + 2] as number;
  reach[0] = weights[point] as number;
  reach[1] = weights[point + 1] as number;
  reach[2] = weights[point + 2] as number;
  const first = splitStarts[tree] as number;
  const end = first + (innerCounts[tree] as number);
  for (let split = first, child = 1; split < end; split++, child += 2) {
    const slot = 3 * (slots[split] as number);
    let reach0 = reach[slot] as number;
    let reach1 = reach[slot + 1] as number;
    let reach2 = reach[slot + 2] as number;
    const before = earlier[split] as number;
    let left = pull[child] as number;
    let right = pull[child + 1] as number;
    if (before > 0) {
      if (taken[before] === 0) {
        left = 0;
        right = 0;
      } else {
        const earlierPull = pull[before] as number;
        reach0 /= 1 + t0 * earlierPull;
        reach1 /= 1 + t1 * earlierPull;
        reach2 /= 1 + t2 * earlierPull;
      }
    }
    const at = 3 * child;
    reach[at] = reach0 * (1 + t0 * left);
    reach[at + 1] = reach1 * (1 + t1 * left);
    reach[at + 2] = reach2 * (1 + t2 * left);
    reach[at + 3] = reach0 * (1 + t0 * right);
    reach[at + 4] = reach1 * (1 + t1 * right);
    reach[at + 5] = reach2 * (1 + t2 * right);
  }
}

/**
 * Sums up the leaves of number k from the bottom, and adds what each split gives to its feature. Three points at a time, as
 * in sweepDown; `reach` has what each of them gave afterwards, or 0 where an earlier split had decided already.
 */
function sweepUp(
  plan: Plan,
  tree: number,
  k: number,
  points: Float64Array,
  point: number,
  contribution: Float64Array,
  base: number,
): void {
  const { features, slots, earlier, pull, taken, reach, sums, splitStarts, innerCounts } = plan;
  const leaves = plan.leaves[k] as Float64Array;
  const t0 = points[point] as number;
  const t1 = points[point + 1] as number;
  const t2 = points[point + 2] as number;
  const first = splitStarts[tree] as number;
  const inner = first + (innerCounts[tree] as number);
  const root = 2 * first + tree;
  for (let split = (splitStarts[tree + 1] as number) - 1; split >= first; split--) {
    const child = 2 * (split - first) + 1;
    const slot = 3 * (slots[split] as number);
    const before = earlier[split] as number;
    const pullLeft = pull[child] as number;
    const pullRight = pull[child + 1] as number;
    let sum0: number, sum1: number, sum2: number;
    let slope0: number, slope1: number, slope2: number;
    if (split >= inner) {
      const left = leaves[root + child] as number;
      const right = leaves[root + child + 1] as number;
      sum0 = sum1 = sum2 = left + right;
      slope0 = slope1 = slope2 = pullLeft * left + pullRight * right;
    } else {
      const at = 3 * child;
      const left0 = sums[at] as number;
      const left1 = sums[at + 1] as number;
      const left2 = sums[at + 2] as number;
      const right0 = sums[at + 3] as number;
      const right1 = sums[at + 4] as number;
      const right2 = sums[at + 5] as number;
      sum0 = left0 + right0;
      sum1 = left1 + right1;
      sum2 = left2 + right2;
      slope0 = pullLeft * left0 + pullRight * right0;
      slope1 = pullLeft * left1 + pullRight * right1;
      slope2 = pullLeft * left2 + pullRight * right2;
    }
    if (taken[before] === 0) {
      sums[slot] = sum0;
      sums[slot + 1] = sum1;
      sums[slot + 2] = sum2;
      reach[slot] = reach[slot + 1] = reach[slot + 2] = 0;
      continue;
    }
    let reach0 = reach[slot] as number;
    let reach1 = reach[slot + 1] as number;
    let reach2 = reach[slot + 2] as number;
    sum0 += t0 * slope0;
    sum1 += t1 * slope1;
    sum2 += t2 * slope2;
    if (before > 0) {
      const earlierPull = pull[before] as number;
      const divisor0 = 1 / (1 + t0 * earlierPull);
      const divisor1 = 1 / (1 + t1 * earlierPull);
      const divisor2 = 1 / (1 + t2 * earlierPull);
      sum0 *= divisor0;
      sum1 *= divisor1;
      sum2 *= divisor2;
      reach0 *= divisor0;
      reach1 *= divisor1;
      reach2 *= divisor2;
      slope0 -= earlierPull * sum0;
      slope1 -= earlierPull * sum1;
      slope2 -= earlierPull * sum2;
    }
    sums[slot] = sum0;
    sums[slot + 1] = sum1;
    sums[slot + 2] = sum2;
    reach[slot] = slope0 *= reach0;
    reach[slot + 1] = slope1 *= reach1;
    reach[slot + 2] = slope2 *= reach2;
    const place = base + (features[split] as number);
    contribution[place] = (contribution[place] as number) + (slope0 + slope1 + slope2);
  }
}

/**
 * Adds half of what each split does together with each other feature on its path: cell [split's feature][the other's].
 * The features' SHAP values gather in the last row meanwhile.
 */
function addInteractions(plan: Plan, tree: number, { rows, offset, count, sums, cells }: Block): void {
  const { featureCount, outputCount, trees } = plan.shape;
  const { points, weights } = quadrature(plan.pointCounts[tree] as number);
  const partners = partnersOf(plan, tree);
  for (let k = 0; k < plan.leaves.length; k++) {
    spreadLeaves(plan, tree, k);
    for (let row = 0; row < count; row++) {
      const base = (row * outputCount + (trees.groups[tree] as number) + k) * cells;
      decide(plan, tree, rows, offset + row * featureCount);
      for (let point = 0; point < points.length; point += TOGETHER) {
        sweepDown(plan, tree, points, weights, point);
        sweepUp(plan, tree, k, points, point, sums, base + featureCount * (featureCount + 1));
        addPairs(plan, tree, partners, points, point, sums, base);
      }
    }
  }
}

/** For each split of a tree the slots on its path to which the nearest splits on each other feature led. */
function partnersOf({ splitStarts, slots, features }: Plan, tree: number): readonly (readonly number[])[] {
  const first = splitStarts[tree] as number;
  const count = (splitStarts[tree + 1] as number) - first;
  const featureAbove = (slot: number): number => features[first + ((slot - 1) >> 1)] as number;
  const partners: number[][] = [];
  for (let split = 0; split < count; split++) {
    const feature = features[first + split];
    const slot = slots[first + split] as number;
    const found: number[] = [];
    if (slot > 0) {
      if (featureAbove(slot) !== feature) found.push(slot);
      for (const other of partners[(slot - 1) >> 1] as number[]) if (featureAbove(other) !== feature) found.push(other);
    }
    partners.push(found);
  }
  return partners;
}

/** Takes from `reach` what each point gave to each split's feature: there sweepUp left it. */
function addPairs(
  { splitStarts, slots, features, pull, reach, shape }: Plan,
  tree: number,
  partners: readonly (readonly number[])[],
  points: Float64Array,
  point: number,
  sums: Float64Array,
  base: number,
): void {
  const first = splitStarts[tree] as number;
  const t0 = points[point] as number;
  const t1 = points[point + 1] as number;
  const t2 = points[point + 2] as number;
  for (let local = 0; local < partners.length; local++) {
    const at = 3 * (slots[first + local] as number);
    const effect0 = (reach[at] as number) / 2;
    const effect1 = (reach[at + 1] as number) / 2;
    const effect2 = (reach[at + 2] as number) / 2;
    const line = base + (features[first + local] as number) * (shape.featureCount + 1);
    for (const slot of partners[local] as readonly number[]) {
      const other = pull[slot] as number;
      const place = line + (features[first + ((slot - 1) >> 1)] as number);
      const both = effect0 / (1 + t0 * other) + effect1 / (1 + t1 * other) + effect2 / (1 + t2 * other);
      sums[place] = (sums[place] as number) + other * both;
    }
  }
}

/** Makes the matrix at `at` symmetric, and leaves on the diagonal what remains of the SHAP values in its last row. */
function settleInteractions(sums: Float64Array, at: number, width: number): void {
  const shap = at + (width - 1) * width;
  for (let i = 0; i < width - 1; i++) {
    for (let j = 0; j < i; j++) {
      const [one, other] = [at + i * width + j, at + j * width + i];
      const both = (sums[one] as number) + (sums[other] as number);
      sums[one] = both;
      sums[other] = both;
      sums[shap + i] = (sums[shap + i] as number) - both;
      sums[shap + j] = (sums[shap + j] as number) - both;
    }
  }
  for (let i = 0; i < width - 1; i++) sums[at + i * width + i] = sums[shap + i] as number;
  sums.fill(0, shap, shap + width);
}

interface Quadrature {
  readonly points: Float64Array;
  readonly weights: Float64Array;
}

const quadratures: Quadrature[] = [];

/** The Gauss-Legendre quadrature on 0 … 1, exact for polynomials of degree 2 * count - 1. */
function quadrature(count: number): Quadrature {
  return (quadratures[count] ??= makeQuadrature(count));
}

/** The points are the roots of the Legendre polynomial, which Newton's method finds from good guesses. */
function makeQuadrature(count: number): Quadrature {
  const points = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let step = 0; step < 10; step++) {
      const legendre = legendreAt(count, x);
      slope = legendre.slope;
      x -= legendre.value / slope;
    }
    points[i] = (1 + x) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { points, weights };
}

function legendreAt(degree: number, x: number): { value: number; slope: number } {
  let [previous, value] = [1, x];
  for (let n = 2; n <= degree; n++) [previous, value] = [value, ((2 * n - 1) * x * value - (n - 1) * previous) / n];
  return { value, slope: (degree * (x * value - previous)) / (x * x - 1) };
}
