import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readForest } from '../../src/forest.ts';
import { float32sOf, float64sOf } from './float32s.ts';

/** Models and what XGBoost says of them, as fixtures/forests/conformance.py writes them; its docstring has the format. */
interface Answers {
  readonly rowCount: number;
  readonly margins: string;
  readonly predictions: string;
}

interface Explained {
  readonly explainedRowCount?: number;
  readonly leaves?: string | null;
  readonly contributions?: string | null;
}

interface Dump {
  readonly objective: string;
  readonly baseScore: number[];
  readonly outputCount: number;
  readonly featureNames: string[] | null;
  readonly parallelTrees: number;
  readonly weightDrop: number[] | null;
}

interface ConformanceTruth extends Answers, Explained {
  readonly xgboost: string;
  readonly objective: string;
  readonly booster: string;
  readonly featureNames: string[] | null;
  readonly featureCount: number;
  readonly outputCount: number;
  readonly predictionCount: number;
  readonly rows: string;
  readonly leafRowCount: number;
  readonly explainedRows?: string;
  readonly approximate?: string | null;
  readonly interactionRowCount?: number;
  readonly interactionRows?: string;
  readonly interactions?: string | null;
  readonly importance: Readonly<Record<string, Readonly<Record<string, number | number[]>>>>;
  readonly ranges: readonly (Answers & Explained & { readonly begin: number; readonly end: number })[];
  readonly baseMargin: (Answers & { readonly baseMargin: string }) | null;
  readonly missing?: Answers & { readonly value: number; readonly rows: string };
  readonly infinite?: (Answers & { readonly rows: string }) | null;
  readonly float64?: Answers & { readonly rows64: string };
  readonly dump?: Dump;
  readonly cannot: readonly { readonly what: string; readonly sentence: string }[];
}

export interface ConformanceCase {
  readonly folder: string;
  readonly name: string;
  readonly truth: ConformanceTruth;
}

type Forest = ReturnType<typeof readForest>;
type Importance = Parameters<Forest['importance']>[0];

/** All cases of a folder, by name. */
export function conformanceCases(folder: string): ConformanceCase[] {
  return readdirSync(folder)
    .map((file) => /^(.*)\.truth\.json(\.gz)?$/.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .sort()
    .map((name) => ({ folder, name, truth: JSON.parse(textOf(folder, `${name}.truth.json`)) as ConformanceTruth }));
}

/** The bytes of a case's file, unpacked. */
function bytesOf(folder: string, file: string): Uint8Array {
  const path = join(folder, file);
  return existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
}

function textOf(folder: string, file: string): string {
  return Buffer.from(bytesOf(folder, file)).toString('utf8');
}

function has({ folder, name }: ConformanceCase, suffix: string): boolean {
  const path = join(folder, `${name}.${suffix}`);
  return existsSync(path) || existsSync(`${path}.gz`);
}

/** What a comparison found. Differences are sentences, ten at most; the counts are of all. */
export class Comparison {
  rows = 0;
  values = 0;
  /** Values of margins, predictions and leaves that are not the same to the last bit. */
  bitsDiffering = 0;
  /** Values and facts beside those: contributions outside the tolerance, importances, names. */
  othersDiffering = 0;
  largestError = 0;
  readonly differences: string[] = [];

  bits(what: string, actual: ArrayLike<number>, wanted: ArrayLike<number>, rowCount: number): void {
    if (!this.#sameLength(what, actual, wanted)) return;
    this.rows += rowCount;
    const width = wanted.length / rowCount;
    for (let i = 0; i < wanted.length; i++) {
      const [a, w] = [actual[i] as number, wanted[i] as number];
      if (Object.is(a, w)) continue;
      this.bitsDiffering++;
      this.#say(`${what}, row ${Math.floor(i / width)}, value ${i % width}: ${shown(a)} in place of ${shown(w)}`);
    }
  }

  /** Within 1e-5, and 1e-5 of the largest value of the output: XGBoost itself adds them up in float32. */
  near(what: string, actual: ArrayLike<number>, wanted: ArrayLike<number>, rowCount: number, outputs: number): void {
    if (!this.#sameLength(what, actual, wanted)) return;
    this.rows += rowCount;
    const width = wanted.length / rowCount / outputs;
    for (let start = 0; start < wanted.length; start += width) {
      let scale = 1;
      for (let i = start; i < start + width; i++) {
        const size = Math.abs(wanted[i] as number);
        if (Number.isFinite(size)) scale = Math.max(scale, 1 + size);
      }
      for (let i = start; i < start + width; i++) {
        const [a, w] = [actual[i] as number, wanted[i] as number];
        if (Object.is(a, w)) continue;
        const error = Math.abs(a - w) / scale;
        if (error <= 1e-5) {
          this.largestError = Math.max(this.largestError, error);
          continue;
        }
        this.othersDiffering++;
        this.#say(`${what}, row ${Math.floor(start / width / outputs)}, value ${i - start}: ${a} is far from ${w}`);
      }
    }
  }

  same(what: string, actual: unknown, wanted: unknown): void {
    this.values++;
    const [a, w] = [JSON.stringify(actual), JSON.stringify(wanted)];
    if (a === w) return;
    this.othersDiffering++;
    this.#say(`${what}: ${a} in place of ${w}`);
  }

  #sameLength(what: string, actual: ArrayLike<number>, wanted: ArrayLike<number>): boolean {
    this.values += wanted.length;
    if (actual.length === wanted.length) return true;
    this.othersDiffering++;
    this.#say(`${what}: ${actual.length} values in place of ${wanted.length}`);
    return false;
  }

  #say(sentence: string): void {
    if (this.differences.length < 10) this.differences.push(sentence);
  }
}

/** A number as one can tell it from its neighbour; -0 is not 0. */
function shown(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

type Compare = (example: ConformanceCase, found: Comparison) => void;

/** Everything that a case can be held against, by the words that follow "the same as XGBoost's:". */
const ASPECTS: Readonly<Record<string, { applies: (example: ConformanceCase) => boolean; compare: Compare }>> = {
  'names and sizes': { applies: () => true, compare: compareFacts },
  'predictions of the JSON': { applies: () => true, compare: compareFile('json') },
  'predictions of the UBJSON': { applies: (example) => has(example, 'ubj'), compare: compareFile('ubj') },
  'predictions of the pickled handle': {
    applies: (example) => has(example, 'pickled.ubj'),
    compare: compareFile('pickled.ubj'),
  },
  'predictions of the dump': { applies: hasDump('dump.json'), compare: compareDump('dump.json') },
  'predictions of the dump with statistics': {
    applies: hasDump('dump-stats.json'),
    compare: compareDump('dump-stats.json'),
  },
  'predictions of some iterations': { applies: ({ truth }) => truth.ranges.length > 0, compare: compareRanges },
  'predictions from base margins': { applies: ({ truth }) => truth.baseMargin !== null, compare: compareBaseMargin },
  'predictions with a missing value of the user': {
    applies: ({ truth }) => truth.missing !== undefined,
    compare: compareMissing,
  },
  'predictions of infinities': {
    applies: ({ truth }) => truth.infinite !== undefined && truth.infinite !== null,
    compare: compareInfinite,
  },
  'predictions of doubles': { applies: ({ truth }) => truth.float64 !== undefined, compare: compareDoubles },
  // Without trees there are none.
  leaves: { applies: ({ truth }) => typeof truth.leaves === 'string' && truth.leaves !== '', compare: compareLeaves },
  importances: { applies: ({ truth }) => Object.keys(truth.importance).length > 0, compare: compareImportances },
  contributions: {
    applies: ({ truth }) => typeof truth.contributions === 'string',
    compare: compareContributions,
  },
  'approximate contributions': {
    applies: ({ truth }) => typeof truth.approximate === 'string',
    compare: compareApproximate,
  },
  interactions: { applies: ({ truth }) => typeof truth.interactions === 'string', compare: compareInteractions },
};

/** What the case can be held against: all that this XGBoost did not refuse. */
export function aspectsOf(example: ConformanceCase): string[] {
  return Object.keys(ASPECTS).filter((aspect) => ASPECTS[aspect]?.applies(example));
}

/** Answers that are no truth, because they contradict XGBoost's own margins. */
export function contradictionsOf({ truth }: ConformanceCase): number {
  return truth.cannot.filter(({ sentence }) => sentence.startsWith('contradicts itself')).length;
}

/** Holds our reading of the case against XGBoost's answers. Throws what readForest throws. */
export function compareAspect(example: ConformanceCase, aspect: string): Comparison {
  const found = new Comparison();
  ASPECTS[aspect]?.compare(example, found);
  return found;
}

const forests = new WeakMap<ConformanceCase, Forest>();

/** The forest of the case's JSON, read once. */
function forestOf(example: ConformanceCase): Forest {
  const known = forests.get(example) ?? readForest(bytesOf(example.folder, `${example.name}.json`));
  forests.set(example, known);
  return known;
}

function compareFacts(example: ConformanceCase, found: Comparison): void {
  const { truth } = example;
  const forest = forestOf(example);
  found.same('objective', forest.objective, truth.objective);
  found.same('feature count', forest.featureCount, truth.featureCount);
  found.same('output count', forest.outputCount, truth.outputCount);
  found.same('feature names', forest.featureNames, truth.featureNames ?? []);
}

function compareFile(suffix: string): Compare {
  return (example, found) => {
    const { truth } = example;
    const forest =
      suffix === 'json' ? forestOf(example) : readForest(bytesOf(example.folder, `${example.name}.${suffix}`));
    compareAnswers(found, '', forest, float32sOf(truth.rows), truth, {});
  };
}

type Options = NonNullable<Parameters<Forest['predictMargin']>[2]>;

function compareAnswers(
  found: Comparison,
  what: string,
  forest: Forest,
  rows: Float32Array,
  { rowCount, margins, predictions }: Answers,
  options: Options,
): void {
  found.bits(`${what}margins`, forest.predictMargin(rows, rowCount, options), float32sOf(margins), rowCount);
  found.bits(`${what}predictions`, forest.predict(rows, rowCount, options), float32sOf(predictions), rowCount);
}

function hasDump(suffix: string): (example: ConformanceCase) => boolean {
  return (example) => example.truth.dump !== undefined && has(example, suffix);
}

function compareDump(suffix: string): Compare {
  return (example, found) => {
    const { truth, folder, name } = example;
    const { objective, outputCount, baseScore, featureNames, parallelTrees, weightDrop } = truth.dump as Dump;
    const forest = readForest(bytesOf(folder, `${name}.${suffix}`), {
      dump: {
        objective,
        outputCount,
        baseScore,
        featureNames: featureNames ?? Array.from({ length: truth.featureCount }, (_, i) => `f${i}`),
        version: truth.xgboost,
        parallelTrees,
        ...(weightDrop === null ? {} : { weightDrop }),
      },
    });
    compareAnswers(found, '', forest, float32sOf(truth.rows), truth, {});
  };
}

function compareRanges(example: ConformanceCase, found: Comparison): void {
  const { truth } = example;
  const forest = forestOf(example);
  const rows = float32sOf(truth.rows);
  for (const range of truth.ranges) {
    const options: Options = { iterationRange: [range.begin, range.end] };
    const what = `iterations ${range.begin} to ${range.end}: `;
    compareAnswers(found, what, forest, rows.subarray(0, range.rowCount * truth.featureCount), range, options);
    const count = range.explainedRowCount ?? 0;
    const few = rows.subarray(0, count * truth.featureCount);
    if (typeof range.leaves === 'string') {
      found.bits(`${what}leaves`, forest.leaves(few, count, options), int32sOf(range.leaves), count);
    }
    if (typeof range.contributions === 'string') {
      const actual = forest.contributions(few, count, { kind: 'shap', ...options });
      found.near(`${what}contributions`, actual, float32sOf(range.contributions), count, truth.outputCount);
    }
  }
}

function compareBaseMargin(example: ConformanceCase, found: Comparison): void {
  const { truth } = example;
  const answers = truth.baseMargin as NonNullable<typeof truth.baseMargin>;
  const rows = float32sOf(truth.rows).subarray(0, answers.rowCount * truth.featureCount);
  compareAnswers(found, '', forestOf(example), rows, answers, { baseMargin: float32sOf(answers.baseMargin) });
}

function compareMissing(example: ConformanceCase, found: Comparison): void {
  const answers = example.truth.missing as NonNullable<ConformanceTruth['missing']>;
  compareAnswers(found, '', forestOf(example), float32sOf(answers.rows), answers, { missing: answers.value });
}

function compareInfinite(example: ConformanceCase, found: Comparison): void {
  const answers = example.truth.infinite as NonNullable<ConformanceTruth['infinite']>;
  compareAnswers(found, '', forestOf(example), float32sOf(answers.rows), answers, {});
}

function compareDoubles(example: ConformanceCase, found: Comparison): void {
  const answers = example.truth.float64 as NonNullable<ConformanceTruth['float64']>;
  compareAnswers(found, '', forestOf(example), Float32Array.from(float64sOf(answers.rows64)), answers, {});
}

function compareLeaves(example: ConformanceCase, found: Comparison): void {
  const { truth } = example;
  const count = truth.leafRowCount;
  const rows = float32sOf(truth.rows).subarray(0, count * truth.featureCount);
  found.bits('leaves', forestOf(example).leaves(rows, count), int32sOf(truth.leaves as string), count);
}

/** XGBoost names the features that some tree splits on; the others may be missing or 0 in ours. */
function compareImportances(example: ConformanceCase, found: Comparison): void {
  for (const [kind, wanted] of Object.entries(example.truth.importance)) {
    const answer: unknown = forestOf(example).importance(kind as Importance);
    const actual = answer instanceof Map ? answer : new Map(Object.entries(answer as object));
    const named = Object.keys(wanted);
    const others = [...(actual.keys() as Iterable<string>)].filter((feature) => wanted[feature] === undefined);
    found.same(
      `${kind} of other features`,
      others.flatMap((feature) => numbersOf(actual.get(feature))).filter(Boolean),
      [],
    );
    for (const feature of named) {
      const isList = (value: unknown): number[] => [Number(typeof value === 'object' && value !== null)];
      const [own, theirs]: [unknown, unknown] = [actual.get(feature), wanted[feature]];
      if (own !== undefined && theirs !== null)
        found.same(`${kind} of ${feature}, a list`, isList(own), isList(theirs));
      found.same(`${kind} of ${feature}`, numbersOf(own), numbersOf(theirs));
    }
  }
}

/** A number, or one for each output, as a list; nothing is 0, and null what JSON cannot hold. */
function numbersOf(value: unknown): number[] {
  if (value === null) return [Infinity];
  return typeof value === 'number' || value === undefined ? [value ?? 0] : [...(value as Iterable<number>)];
}

function compareContributions(example: ConformanceCase, found: Comparison): void {
  const { contributions } = example.truth;
  compareExplained(example, found, 'shap', contributions as string);
}

function compareApproximate(example: ConformanceCase, found: Comparison): void {
  const { approximate } = example.truth;
  compareExplained(example, found, 'saabas', approximate as string);
}

function compareExplained(
  example: ConformanceCase,
  found: Comparison,
  kind: 'shap' | 'saabas',
  base64OfWanted: string,
): void {
  const count = example.truth.explainedRowCount as number;
  const rows = float32sOf(example.truth.explainedRows as string);
  const actual = forestOf(example).contributions(rows, count, { kind });
  found.near('contributions', actual, float32sOf(base64OfWanted), count, example.truth.outputCount);
}

function compareInteractions(example: ConformanceCase, found: Comparison): void {
  const count = example.truth.interactionRowCount as number;
  const rows = float32sOf(example.truth.interactionRows as string);
  const actual = forestOf(example).contributions(rows, count, { kind: 'interactions' });
  found.near(
    'interactions',
    actual,
    float32sOf(example.truth.interactions as string),
    count,
    example.truth.outputCount,
  );
}

function int32sOf(base64: string): Int32Array {
  return new Int32Array(float32sOf(base64).buffer);
}
