/**
 * How many thresholds of a column are <= x (see predicates.ts), for the kernels in TypeScript.
 *
 * A binary search over a hundred thresholds costs seven loads that wait for one another. So the span from a column's
 * lowest threshold to its highest is cut into twice as many *buckets* of one width as it has thresholds. A table tells
 * how many thresholds lie in buckets before that of x, and then as many are compared as the fullest bucket holds: of
 * thresholds that are spread like the values themselves, as XGBoost's are, one or two. Rounding moves x and thresholds
 * by the same rule, which never lets a lower number into a higher bucket; so all in lower buckets are <= x, and none in
 * higher ones is. A column that is spread unevenly, and so crowds a bucket, is searched by halves all the same.
 */
import type { Columns } from './predicates.ts';

/** Columns of fewer halvings than this times what the fullest bucket holds are searched by halves. */
const HALVINGS_A_COMPARISON = 2;

export class Ranks {
  readonly #columns: Columns;
  readonly #lowest: Float64Array;
  /** Buckets for each unit of the column's values. */
  readonly #scales: Float64Array;
  /** Where each column's buckets begin in #before, and the last one after those. */
  readonly #tables: Int32Array;
  /** For each bucket the place in `thresholds` of the first one that lies in it or in a later one. */
  readonly #before: Int32Array;
  /** What the fullest bucket of each column holds; 0 where halves are quicker. */
  readonly #fullest: Int32Array;

  constructor(columns: Columns) {
    const { count, starts, sizes, thresholds } = columns;
    this.#columns = columns;
    this.#lowest = new Float64Array(count);
    this.#scales = new Float64Array(count);
    this.#tables = new Int32Array(count + 1);
    this.#fullest = new Int32Array(count);
    for (let column = 0; column < count; column++) {
      this.#tables[column + 1] = (this.#tables[column] as number) + 2 * (sizes[column] as number);
    }
    this.#before = new Int32Array(this.#tables[count] as number);
    for (let column = 0; column < count; column++) {
      const start = starts[column] as number;
      const size = sizes[column] as number;
      const span = (thresholds[start + size - 1] as number) - (thresholds[start] as number);
      this.#lowest[column] = thresholds[start] as number;
      // Without a span, or with one that is infinite, all thresholds share bucket 0.
      this.#scales[column] = span > 0 ? (2 * size - 1) / span : 0;
      this.#fullest[column] = this.#fillTable(column);
    }
  }

  /** Returns what #fullest says of the column. */
  #fillTable(column: number): number {
    const { starts, sizes, thresholds } = this.#columns;
    const size = sizes[column] as number;
    const table = this.#tables[column] as number;
    let place = starts[column] as number;
    const end = place + size;
    const lowest = this.#lowest[column] as number;
    const scale = this.#scales[column] as number;
    const last = 2 * size - 1;
    let fullest = 0;
    for (let bucket = 0; bucket <= last; bucket++) {
      this.#before[table + bucket] = place;
      const first = place;
      while (place < end && bucketOf(thresholds[place] as number, lowest, scale, last) === bucket) place++;
      fullest = Math.max(fullest, place - first);
    }
    return HALVINGS_A_COMPARISON * fullest > Math.ceil(Math.log2(size)) + 1 ? 0 : fullest;
  }

  /**
   * The ranks of one row in all columns, into places that stand `stride` apart, each with its column's number times `tag`
   * added. NaN ranks by its column's missing side.
   */
  ofRow(ranks: Int32Array, stride: number, tag: number, rows: Float32Array, offset: number): void {
    const { count, features, starts, sizes, thresholds, missingLeft } = this.#columns;
    const [lowest, scales, tables, before] = [this.#lowest, this.#scales, this.#tables, this.#before];
    const fullest = this.#fullest;
    for (let column = 0; column < count; column++) {
      const x = rows[offset + (features[column] as number)] as number;
      const start = starts[column] as number;
      const size = sizes[column] as number;
      const inBucket = fullest[column] as number;
      let rank: number;
      // eslint-disable-next-line no-self-compare -- cheaper than a call for each value of each row
      if (x !== x) rank = missingLeft[column] === 1 ? 0 : size;
      else if (inBucket === 0) rank = rankByHalves(thresholds, start, size, x);
      else {
        const bucket = bucketOf(x, lowest[column] as number, scales[column] as number, 2 * size - 1);
        const first = before[(tables[column] as number) + bucket] as number;
        rank = placeBehind(thresholds, first, inBucket, x) - start;
      }
      ranks[column * stride] = Math.imul(column, tag) + rank;
    }
  }

  /** The ranks of a column's values in rows that stand `featureCount` apart, each with `tag` added, from place `to` on. */
  fill(
    ranks: Int32Array,
    to: number,
    tag: number,
    column: number,
    rows: Float32Array,
    from: number,
    featureCount: number,
    rowCount: number,
  ): void {
    const { starts, sizes, thresholds, missingLeft } = this.#columns;
    const before = this.#before;
    const start = starts[column] as number;
    const size = sizes[column] as number;
    const missing = tag + (missingLeft[column] === 1 ? 0 : size);
    const lowest = this.#lowest[column] as number;
    const scale = this.#scales[column] as number;
    const table = this.#tables[column] as number;
    const last = 2 * size - 1;
    const fullest = this.#fullest[column] as number;
    const first = tag - start;
    for (let row = 0, at = to, place = from; row < rowCount; row++, at++, place += featureCount) {
      const x = rows[place] as number;
      // eslint-disable-next-line no-self-compare -- cheaper than a call for each value of each row
      if (x !== x) {
        ranks[at] = missing;
      } else if (fullest === 0) {
        ranks[at] = tag + rankByHalves(thresholds, start, size, x);
      } else {
        const inBucket = before[table + bucketOf(x, lowest, scale, last)] as number;
        ranks[at] = placeBehind(thresholds, inBucket, fullest, x) + first;
      }
    }
  }
}

function bucketOf(x: number, lowest: number, scale: number, last: number): number {
  const place = (x - lowest) * scale;
  // NaN, of Infinity times 0, is not above 0 either.
  const known = place > 0 ? place : 0;
  return known < last ? Math.trunc(known) : last;
}

/** The place behind the last threshold that is <= x, from the first one of its bucket on. */
function placeBehind(thresholds: Float32Array, first: number, fullest: number, x: number): number {
  let place = first;
  // Beyond the bucket, and behind the column's last threshold, nothing is <= x.
  for (let i = fullest; i > 0; i--) place += Number((thresholds[place] as number) <= x);
  return place;
}

/**
 * A binary search without branches on the data: the processor cannot guess them, and so it searches several columns at
 * once instead of waiting.
 */
function rankByHalves(thresholds: Float32Array, start: number, size: number, x: number): number {
  let base = start;
  for (let count = size; count > 1;) {
    const half = count >>> 1;
    base += half & -Number((thresholds[base + half] as number) <= x);
    count -= half;
  }
  return base - start + Number((thresholds[base] as number) <= x);
}
