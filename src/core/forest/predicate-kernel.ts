/**
 * The kernel for few rows. Per row it first asks every distinct question of the forest once ("is x of feature 3 below
 * 0.5?") and keeps the answers as bytes. A visit of a node is then `place = 2 * place + answers[predicates[place]]`: two
 * loads, one addition, and no branch that the processor could guess wrong. A walk down one tree still waits for each
 * load, so eight trees (a bundle of padded-trees.ts) are walked at once.
 *
 * V8 checks the bounds of every load, so each instruction beside the loads counts here. Each of these was measured: places
 * are those of a heap, which needs no level's start, and count bytes, as a DataView does, whose address need not be
 * computed anew; `| 0` saves the check that a sum is an int32; the arrays of answers and sums are constants; two levels
 * are one turn of the loop.
 */
import type { Kernel, KernelShape } from './kernel.ts';
import { BUNDLE, DEEPEST, MOST_PREDICATES, padTrees, type PaddedTrees } from './padded-trees.ts';
import type { Columns } from './predicates.ts';
import { Ranks } from './ranks.ts';

/** Words behind the last, for a copy that writes four words at a time. */
const SPARE = 3;
/**
 * The answers to all predicates for the row under way: 0, or 2 where it goes right, as places count bytes. One array for
 * all forests: V8 compiles the address and the length of an array that never changes into the code.
 */
const ANSWERS = new Uint8Array(MOST_PREDICATES + 8 * SPARE);
/** They are written eight at a time, as float64: the widest number that a typed array stores fast. */
const ANSWER_WORDS = new Float64Array(ANSWERS.buffer);
const RIGHT = 2;

/** For each output its margin, and behind them what trees add that are not wanted. */
const SUMS = new Float32Array(4096);

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Undefined where the trees are deeper than 8, split on categories, have vectors at their leaves or thousands of outputs, or
 * would need much padding.
 */
export function predicateKernel(shape: KernelShape): Kernel | undefined {
  const { featureCount, outputCount } = shape;
  if (shape.trees.vectors !== undefined || outputCount >= SUMS.length) return undefined;
  const padded = padTrees(shape.trees);
  if (padded === undefined) return undefined;
  const answering = new Answering(padded.columns);
  const walks = new Walks(padded, shape);
  return {
    addLeaves(rows, rowCount, margins, firstTree, lastTree) {
      for (let row = 0; row < rowCount; row++) {
        answering.answer(rows, row * featureCount);
        walks.addLeaves(margins, row * outputCount, firstTree, lastTree);
      }
    },
  };
}

/**
 * The answers of a column are twos up to the rank of x, then zeros. They are written without branches on the data: words
 * are copied out of a row of twos and zeros, from where as many twos are left as the rank demands.
 */
class Answering {
  /** For n = 0 … 7: `#most` words of twos, a word of n twos, and `#most` words of zeros. */
  readonly #patterns: Float64Array;
  /** Words of the longest column. */
  readonly #most: number;
  readonly #columns: Columns;
  readonly #ranking: Ranks;
  readonly #ranks: Int32Array;

  constructor(columns: Columns) {
    this.#ranking = new Ranks(columns);
    this.#ranks = new Int32Array(columns.count);
    this.#columns = columns;
    this.#most = (columns.sizes.reduce((most, size) => Math.max(most, size), 0) >> 3) + 1;
    const length = 2 * this.#most + 1;
    this.#patterns = new Float64Array(8 * length + SPARE);
    const bytes = new Uint8Array(this.#patterns.buffer);
    for (let n = 0; n < 8; n++) bytes.fill(RIGHT, 8 * n * length, 8 * (n * length + this.#most) + n);
  }

  answer(rows: Float32Array, offset: number): void {
    const patterns = this.#patterns;
    const { starts, sizes, count } = this.#columns;
    const ranks = this.#ranks;
    const most = this.#most;
    this.#ranking.ofRow(ranks, 1, 0, rows, offset);
    for (let column = 0; column < count; column++) {
      const rank = ranks[column] as number;
      const word = (starts[column] as number) >> 3;
      const end = word + ((sizes[column] as number) >> 3);
      const shift = ((rank & 7) * (2 * most + 1) + most - (rank >> 3) - word) | 0;
      // Up to three words too many: the columns behind it, which come later, overwrite them.
      for (let to = word; to <= end; to += 4) {
        const from = (to + shift) | 0;
        ANSWER_WORDS[to] = patterns[from] as number;
        ANSWER_WORDS[to + 1] = patterns[from + 1] as number;
        ANSWER_WORDS[to + 2] = patterns[from + 2] as number;
        ANSWER_WORDS[to + 3] = patterns[from + 3] as number;
      }
    }
  }
}

/** One row down the trees, by its answers. */
class Walks {
  readonly #depths: Uint8Array;
  readonly #numbers: Int32Array;
  /** For each depth its class as a heap (padded-trees.ts), and the leaves below as the heap's last level. */
  readonly #heaps: DataView[] = [];
  readonly #leafHeaps: Float32Array[] = [];
  /** How many trees the class of each depth has. */
  readonly #counts: number[] = [];
  readonly #groups: Int32Array;
  readonly #outputCount: number;
  /** For each tree its place in SUMS; the one behind the outputs for trees that are not wanted. */
  readonly #places: Int32Array;
  #wanted: readonly [number, number] = [0, 0];

  constructor({ depths, numbers, classStarts, predicates, leaves }: PaddedTrees, { trees, outputCount }: KernelShape) {
    this.#depths = depths;
    this.#numbers = numbers;
    for (let depth = 0; depth <= DEEPEST; depth++) {
      const start = classStarts[depth] as number;
      const size = (classStarts[depth + 1] as number) - start;
      const leafHeap = new Float32Array(2 * size);
      leafHeap.set(leaves.subarray(start, start + size), size);
      this.#heaps.push(new DataView(predicates.buffer, 2 * start, 2 * size));
      this.#leafHeaps.push(leafHeap);
      this.#counts.push(size >> depth);
    }
    this.#groups = trees.groups;
    this.#outputCount = outputCount;
    this.#places = new Int32Array(depths.length * BUNDLE).fill(outputCount);
  }

  addLeaves(margins: Float32Array, output: number, firstTree: number, lastTree: number): void {
    if (this.#wanted[0] !== firstTree || this.#wanted[1] !== lastTree) this.#want(firstTree, lastTree);
    const outputCount = this.#outputCount;
    for (let k = 0; k < outputCount; k++) SUMS[k] = margins[output + k] as number;
    this.#walk(firstTree, lastTree);
    for (let k = 0; k < outputCount; k++) margins[output + k] = SUMS[k] as number;
  }

  #want(firstTree: number, lastTree: number): void {
    this.#places.fill(this.#outputCount);
    this.#places.set(this.#groups.subarray(firstTree, lastTree), firstTree);
    this.#wanted = [firstTree, lastTree];
  }

  /** All bundles that hold wanted trees; those of one depth that follow one another in one go. */
  #walk(firstTree: number, lastTree: number): void {
    const [depths, numbers] = [this.#depths, this.#numbers];
    const end = (lastTree + BUNDLE - 1) >> 3;
    for (let bundle = firstTree >> 3, next = bundle; bundle < end; bundle = next) {
      const depth = depths[bundle] as number;
      while (next < end && depths[next] === depth) next++;
      const heap = this.#heaps[depth] as DataView;
      const leaves = this.#leafHeaps[depth] as Float32Array;
      const root = (this.#counts[depth] as number) + (numbers[bundle] as number);
      walkBundles(heap, depth, root, leaves, this.#places, bundle * BUNDLE, next * BUNDLE);
    }
  }
}

/** The place of the node below; a constant, so that V8 need not look each time which function it is. */
const turn = (heap: DataView, place: number): number =>
  ((place << 1) + (ANSWERS[heap.getUint16(place, LITTLE_ENDIAN)] as number)) | 0;

/**
 * Walks the trees firstTree … lastTree - 1, whole bundles of one depth, and adds the leaf of tree t to SUMS[places[t]]: at
 * once, as additions that wait for one another cost little beside a walk.
 */
function walkBundles(
  heap: DataView,
  depth: number,
  firstRoot: number,
  leaves: Float32Array,
  places: Int32Array,
  firstTree: number,
  lastTree: number,
): void {
  // An import is looked up anew in each turn.
  const lanes = BUNDLE;
  for (let tree = firstTree, root = 2 * firstRoot; tree < lastTree; tree += lanes, root += 2 * lanes) {
    let a = root;
    let b = root + 2;
    let c = root + 4;
    let d = root + 6;
    let e = root + 8;
    let f = root + 10;
    let g = root + 12;
    let h = root + 14;
    if ((depth & 1) === 1) {
      a = turn(heap, a);
      b = turn(heap, b);
      c = turn(heap, c);
      d = turn(heap, d);
      e = turn(heap, e);
      f = turn(heap, f);
      g = turn(heap, g);
      h = turn(heap, h);
    }
    for (let level = 1; level < depth; level += 2) {
      a = turn(heap, a);
      b = turn(heap, b);
      c = turn(heap, c);
      d = turn(heap, d);
      e = turn(heap, e);
      f = turn(heap, f);
      g = turn(heap, g);
      h = turn(heap, h);
      a = turn(heap, a);
      b = turn(heap, b);
      c = turn(heap, c);
      d = turn(heap, d);
      e = turn(heap, e);
      f = turn(heap, f);
      g = turn(heap, g);
      h = turn(heap, h);
    }
    SUMS[places[tree] as number]! += leaves[a >> 1] as number;
    SUMS[places[tree + 1] as number]! += leaves[b >> 1] as number;
    SUMS[places[tree + 2] as number]! += leaves[c >> 1] as number;
    SUMS[places[tree + 3] as number]! += leaves[d >> 1] as number;
    SUMS[places[tree + 4] as number]! += leaves[e >> 1] as number;
    SUMS[places[tree + 5] as number]! += leaves[f >> 1] as number;
    SUMS[places[tree + 6] as number]! += leaves[g >> 1] as number;
    SUMS[places[tree + 7] as number]! += leaves[h >> 1] as number;
  }
}
