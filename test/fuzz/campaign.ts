/**
 * Makes mutants and judges what kpfd says of each. A mutant is made from the campaign's seed and its own number alone, so
 * that any of them can be made again.
 */
import { getHeapStatistics } from 'node:v8';
import { ModelError, readForest, type DumpFacts, type Forest } from '../../src/forest.ts';
import { BYTE_MUTATORS } from './byte-mutators.ts';
import { DOCUMENT_MUTATORS, HARMLESS } from './document-mutators.ts';
import { encodeJson, encodeUbjson, NotUnderstood } from './document.ts';
import { splitsOf, understand, walk, type PlainModel } from './independent-walk.ts';
import { Random } from './random.ts';
import { documentOf, seeds, type Seed } from './seeds.ts';

export interface Mutant {
  readonly number: number;
  /** The mutator that came first, as "bytes: flip a bit". */
  readonly kind: string;
  /** The model that it was made from. */
  readonly origin: Seed;
  readonly bytes: Uint8Array;
  readonly dump: DumpFacts | undefined;
  /** True where nothing that counts was changed. */
  readonly isHarmless: boolean;
}

export interface Verdict {
  readonly isLoaded: boolean;
  /** What is wrong with kpfd's answer; undefined where nothing is. */
  readonly finding: string | undefined;
}

const MOST_MILLISECONDS = 2000;
/** Memory that reading a mutant may take, beside a multiple of its size. */
const SPARE_BYTES = 64 * 2 ** 20;
const BYTES_PER_BYTE = 100;
/** Values in the rows and the answers that are worth the time; nobody learns more from wider ones. */
const MOST_VALUES = 40_000;
/** How many rows are asked for: from 10 on another kernel answers, which takes long to build. */
const ROW_COUNTS = [1, 1, 1, 2, 2, 3, 3, 5, 9, 9];
const MANY_ROW_COUNTS = [12, 33, 130, 161];
const MANY_ROWS = 0.08;

export class Campaign {
  readonly #seed: number;
  readonly #read: typeof readForest;
  readonly #origins = seeds();
  readonly #forests = new Map<Seed, Forest>();

  /** `read` is for those who want to see what a faulty reader is found out by. */
  constructor(seed: number, read = readForest) {
    this.#seed = seed;
    this.#read = read;
  }

  mutant(number: number): Mutant {
    const random = new Random(this.#seed, number);
    const origin = random.pick(this.#origins);
    const donor = random.pick(this.#origins);
    const way = random.below(20);
    if (way === 0) return harmless(number, random, origin, donor);
    return way < 10 ? damaged(number, random, origin, donor) : changed(number, random, origin, donor);
  }

  judge(mutant: Mutant): Verdict {
    const verdict = this.#timed(mutant);
    // Slow once may be the machine.
    return verdict.milliseconds > MOST_MILLISECONDS ? this.#timed(mutant) : verdict;
  }

  #timed(mutant: Mutant): Verdict & { readonly milliseconds: number } {
    const memory = getHeapStatistics().external_memory;
    const start = performance.now();
    const verdict = this.#verdict(mutant);
    const milliseconds = Math.round(performance.now() - start);
    const grown = getHeapStatistics().external_memory - memory;
    let { finding } = verdict;
    if (milliseconds > MOST_MILLISECONDS) finding ??= `it took ${milliseconds} ms`;
    if (grown > SPARE_BYTES + BYTES_PER_BYTE * mutant.bytes.length) finding ??= `it took ${grown} bytes of memory`;
    return { ...verdict, finding, milliseconds };
  }

  #verdict(mutant: Mutant): Verdict {
    const { bytes, dump, isHarmless } = mutant;
    const random = new Random(this.#seed + 1, mutant.number);
    let forest;
    try {
      forest = this.#read(bytes, { ...(dump === undefined ? {} : { dump }), statistics: random.chance(0.9) });
    } catch (error) {
      if (!(error instanceof ModelError)) return { isLoaded: false, finding: `reading threw ${describe(error)}` };
      const finding = isHarmless ? `it was refused, since ${error.message}` : undefined;
      return { isLoaded: false, finding };
    }
    return { isLoaded: true, finding: this.#problemOf(mutant, forest, random) };
  }

  #problemOf(mutant: Mutant, forest: Forest, random: Random): string | undefined {
    let model;
    try {
      model = understand(mutant.bytes, mutant.dump);
    } catch (error) {
      if (error instanceof NotUnderstood) return `it was read, though ${error.message}`;
      throw error;
    }
    const { featureCount, outputCount } = model;
    if (forest.featureCount !== featureCount || forest.outputCount !== outputCount) {
      return `${forest.featureCount} features and ${forest.outputCount} outputs in place of ${featureCount} and ${outputCount}`;
    }
    const width = Math.max(featureCount, outputCount);
    const wanted = random.pick(random.chance(MANY_ROWS) ? MANY_ROW_COUNTS : ROW_COUNTS);
    const rowCount = Math.min(wanted, Math.floor(MOST_VALUES / width));
    if (rowCount === 0) return undefined;
    const rows = rowsFor(model, rowCount, random);
    try {
      return (
        wrongAnswer(forest, model, rows, rowCount, random) ??
        (mutant.isHarmless ? this.#changedAnswer(mutant, forest, rows, rowCount) : undefined) ??
        askTheRest(forest, rows, rowCount, random)
      );
    } catch (error) {
      return `an answer threw ${describe(error)}`;
    }
  }

  /** What a harmless change did to the answers of the model that was changed. */
  #changedAnswer({ origin }: Mutant, forest: Forest, rows: Float32Array, rowCount: number): string | undefined {
    const known =
      this.#forests.get(origin) ?? readForest(origin.bytes, origin.dump === undefined ? {} : { dump: origin.dump });
    this.#forests.set(origin, known);
    const wanted = known.predictMargin(rows, rowCount);
    return difference('a margin after a harmless change', forest.predictMargin(rows, rowCount), wanted);
  }
}

function damaged(number: number, random: Random, origin: Seed, donor: Seed): Mutant {
  const ways = origin.format === 'ubjson' ? BYTE_WAYS : TEXT_WAYS;
  let bytes: Uint8Array = origin.bytes;
  let kind = '';
  for (let i = random.chance(0.7) ? 1 : 1 + random.below(4); i > 0 && bytes.length > 0; i--) {
    const [name, mutate] = random.pick(ways);
    kind ||= `bytes: ${name}`;
    bytes = mutate({ bytes: Buffer.from(bytes), random, donor: donor.bytes });
  }
  return { number, kind, origin, bytes: new Uint8Array(bytes), dump: origin.dump, isHarmless: false };
}

function changed(number: number, random: Random, origin: Seed, donor: Seed): Mutant {
  const root = documentOf(origin);
  const names = new Set<string>();
  const wanted = random.chance(0.7) ? 1 : 1 + random.below(4);
  for (let tries = 0; names.size < wanted && tries < 20; tries++) {
    const [name, mutate] = random.pick(DOCUMENT_WAYS);
    // Each but once: what is nested deeply a second time is deeper than the fuzzer's own stack.
    if (!names.has(name) && mutate({ root, random, donor: donor.document })) names.add(name);
  }
  const kind = `document: ${[...names][0] ?? 'nothing'}`;
  const isUbjson = origin.format !== 'dump' && (origin.format === 'ubjson') === random.chance(0.8);
  const bytes = isUbjson ? encodeUbjson(root) : encodeJson(root);
  return { number, kind, origin, bytes, dump: origin.dump, isHarmless: false };
}

function harmless(number: number, random: Random, origin: Seed, donor: Seed): Mutant {
  const root = documentOf(origin);
  const [name, mutate] = random.pick([...HARMLESS]);
  mutate({ root, random, donor: donor.document });
  const isOther = name === 'write in the other format';
  const isUbjson = origin.format !== 'dump' && (origin.format === 'ubjson') !== isOther;
  const bytes = isUbjson ? encodeUbjson(root) : encodeJson(root);
  return { number, kind: `harmless: ${name}`, origin, bytes, dump: origin.dump, isHarmless: true };
}

const BYTE_WAYS = [...BYTE_MUTATORS];
/** In a text there are no claims to change. */
const TEXT_WAYS = BYTE_WAYS.filter(([name]) => !/claim|type|word/.test(name));
const DOCUMENT_WAYS = [...DOCUMENT_MUTATORS];

const SPECIAL_VALUES = [
  Number.NaN,
  Number.NaN,
  0,
  -0,
  Infinity,
  -Infinity,
  1e-45,
  -1e-45,
  3.4028235e38,
  16777216,
  -0.5,
  1,
  2,
  31,
  32,
];

/** Rows that come near to what the model's splits compare with, and hold everything that a float32 may be. */
function rowsFor(model: PlainModel, rowCount: number, random: Random): Float32Array {
  const { featureCount } = model;
  const rows = new Float32Array(rowCount * featureCount);
  for (let i = 0; i < rows.length; i++) {
    rows[i] = random.chance(0.15) ? random.pick(SPECIAL_VALUES) : random.below(81) / 10 - 4;
  }
  const splits = splitsOf(model);
  for (let row = 0; row < rowCount && splits.length > 0; row++) {
    for (let i = 0; i < 2 * featureCount && i < 16; i++) {
      const { feature, value } = random.pick(splits);
      const place = row * featureCount + feature;
      rows[place] = value;
      if (random.chance(0.3)) rows[place] = nextFloat32(rows[place], random.pick([-1, 1]));
    }
  }
  return rows;
}

const BITS = new Int32Array(1);
const FLOAT = new Float32Array(BITS.buffer);

/** A neighbour, roughly: around 0 and at infinities it is something else, which does as well. */
function nextFloat32(value: number, step: number): number {
  FLOAT[0] = value;
  BITS[0] = (BITS[0] as number) + step;
  return FLOAT[0];
}

function wrongAnswer(
  forest: Forest,
  model: PlainModel,
  rows: Float32Array,
  rowCount: number,
  random: Random,
): string | undefined {
  const wanted = walked(model, rows, rowCount);
  const wrong = difference(`a margin of ${rowCount} rows`, forest.predictMargin(rows, rowCount), wanted.margins);
  if (wrong !== undefined || model.weights !== undefined) return wrong;
  return (
    difference('a leaf', forest.leaves(rows, rowCount), wanted.leaves) ??
    wrongIterations(forest, model, rows, rowCount, random)
  );
}

function wrongIterations(
  forest: Forest,
  model: PlainModel,
  rows: Float32Array,
  rowCount: number,
  random: Random,
): string | undefined {
  const count = model.iterations.length - 1;
  if (forest.iterationCount !== count) return `${forest.iterationCount} iterations in place of ${count}`;
  if (count < 1) return undefined;
  const begin = random.below(count);
  const end = begin + 1 + random.below(count - begin);
  const wanted = walked(model, rows, rowCount, model.iterations[begin], model.iterations[end]);
  const actual = forest.predictMargin(rows, rowCount, { iterationRange: [begin, end] });
  return difference(`a margin of the iterations ${begin} to ${end}`, actual, wanted.margins);
}

function walked(
  model: PlainModel,
  rows: Float32Array,
  rowCount: number,
  first?: number,
  last?: number,
): { margins: Float32Array; leaves: Int32Array } {
  const { featureCount } = model;
  const found = Array.from({ length: rowCount }, (_, row) =>
    walk(model, Array.from(rows.subarray(row * featureCount, (row + 1) * featureCount)), first, last),
  );
  return {
    margins: Float32Array.from(found.flatMap(({ margins }) => margins)),
    leaves: Int32Array.from(found.flatMap(({ leaves }) => leaves)),
  };
}

/** All else that one may ask a forest: it answers, or says by a ModelError why it cannot. */
function askTheRest(forest: Forest, rows: Float32Array, rowCount: number, random: Random): string | undefined {
  const { featureCount, outputCount, predictionCount } = forest;
  const predictions = forest.predict(rows, rowCount);
  if (predictions.length !== rowCount * predictionCount) return `${predictions.length} predictions`;
  forest.predict(rows, rowCount, { missing: 0 });
  if (random.chance(0.3)) {
    for (const kind of ['weight', 'gain', 'total_cover'] as const) answered(() => forest.importance(kind));
  }
  const row = rows.subarray(0, featureCount);
  const kind = random.pick(['shap', 'saabas', 'interactions', 'none', 'none', 'none'] as const);
  const width = featureCount * outputCount * (kind === 'interactions' ? featureCount : 1);
  if (kind !== 'none' && width <= MOST_VALUES) answered(() => forest.contributions(row, 1, { kind }));
  return undefined;
}

function answered(ask: () => unknown): void {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
  }
}

/** The first place where two lists differ in a bit; NaN equals NaN. */
function difference(what: string, actual: Numbers, wanted: Numbers): string | undefined {
  if (actual.length !== wanted.length) return `${what}: ${actual.length} values in place of ${wanted.length}`;
  for (let i = 0; i < wanted.length; i++) {
    if (!Object.is(actual[i], wanted[i])) return `${what}: ${actual[i]} in place of ${wanted[i]} at ${i}`;
  }
  return undefined;
}

type Numbers = Float32Array | Int32Array;

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
