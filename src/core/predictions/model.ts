import { FEATURE_NAMES, LOOKBACK_SECONDS, schemaHash } from '../features/schema.ts';
import type { FeatureMatrix } from '../features/matrix.ts';
import type { DumpFacts } from '../forest/dump-json.ts';
import type { Forest } from '../forest/forest.ts';
import { baseScoresOf } from '../forest/model-document.ts';
import { ModelError } from '../forest/model-error.ts';
import { readForest } from '../forest/read-forest.ts';
import { FAILING, isFailing, STATUSES, type Status, zeroByStatus } from '../pods/status.ts';
import type { ModelMetadata, Prior, RiskMetadata } from './model-metadata.ts';

/** A forest with what it means: which statuses its outputs are, how far ahead it speaks, when to raise an alarm. */
export interface Model {
  readonly name: string;
  readonly version: string;
  /** The folder that it was read from, else its name: for messages. */
  readonly path: string;
  readonly horizonSeconds: number;
  /** The status of each output, in order. */
  readonly classes: readonly Status[];
  /** The RISK from which a pod counts as at risk: the default of --fail-on and --at-risk. */
  readonly riskThreshold: number;
  /** Which columns of the feature matrix are the forests' inputs, in their order. */
  readonly columns: readonly number[];
  /** Which status: of a failing pod and of any other where `risk` tells them apart, else altogether. */
  readonly forest: Forest;
  readonly risk: RiskForest | undefined;
  readonly prior: Prior | undefined;
  /** See ModelMetadata. */
  readonly persistenceSeconds: number | undefined;
}

/** Whether the pod fails at all: the one number that has a direction, so its trees can be held to one. */
interface RiskForest {
  readonly forest: Forest;
  readonly slope: number;
  readonly intercept: number;
}

/** The bytes of a model's files, unpacked. */
export interface ModelBytes {
  readonly model: Uint8Array;
  readonly risk: Uint8Array | undefined;
}

/** In what the schemas of model and kpfd differ; `forest`: in what the forest itself says from what its metadata say. */
export type SchemaDifference =
  | { readonly kind: 'features'; readonly hash: string; readonly features: readonly string[] }
  | { readonly kind: 'lookback'; readonly seconds: number }
  | { readonly kind: 'forest'; readonly file: string };

/** The schemas of model and kpfd are not the same: the columns would be taken for one another. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch';
  readonly difference: SchemaDifference;

  constructor(difference: SchemaDifference) {
    super('schema mismatch');
    this.difference = difference;
  }
}

/** A ModelError of one of the files that metadata.json names. */
export class ForestFileError extends ModelError {
  override readonly name = 'ForestFileError';
  readonly file: string;

  constructor(file: string, cause: ModelError) {
    super(cause.message, { cause });
    this.file = file;
  }
}

/**
 * Puts a model together from its files. Statistics of the nodes are for contributions and importance; predictions need
 * none. Throws ForestFileError or SchemaMismatch.
 */
export function composeModel(
  metadata: ModelMetadata,
  bytes: ModelBytes,
  statistics = false,
  path = metadata.name,
): Model {
  const columns = columnsOf(metadata);
  const forest = inFile(metadata.file, () => readStatusForest(metadata, bytes.model, statistics));
  const { risk } = metadata;
  const riskBytes = bytes.risk;
  return {
    name: metadata.name,
    version: metadata.version,
    path,
    horizonSeconds: metadata.horizonSeconds,
    classes: metadata.classes,
    riskThreshold: metadata.riskThreshold,
    columns,
    forest,
    risk:
      risk === undefined || riskBytes === undefined
        ? undefined
        : inFile(risk.file, () => readRiskForest(risk, metadata, riskBytes, statistics)),
    prior: metadata.prior,
    persistenceSeconds: metadata.persistenceSeconds,
  };
}

function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ModelError ? new ForestFileError(file, error) : error;
  }
}

/**
 * The model where another share of well pods fails within the horizon than its metadata assumes; the threshold moves with
 * the odds, so that the same pods are at risk. undefined where the model does not say under which share it was trained.
 */
export function assumePrior(model: Model, assumed: number): Model | undefined {
  const { prior, riskThreshold } = model;
  if (prior === undefined || model.risk === undefined) return undefined;
  const shift = logit(assumed) - logit(prior.assumed);
  return { ...model, prior: { ...prior, assumed }, riskThreshold: 1 / (1 + Math.exp(-logit(riskThreshold) - shift)) };
}

/** Which features the model's columns are. A model may leave features out; what it names must be what kpfd computes. */
function columnsOf({ schema, lookbackSeconds }: ModelMetadata): number[] {
  const columns = schema.features.map((name) => FEATURE_NAMES.indexOf(name));
  if (columns.includes(-1) || schema.hash !== schemaHash(columns)) {
    throw new SchemaMismatch({ kind: 'features', ...schema });
  }
  if (lookbackSeconds !== LOOKBACK_SECONDS) throw new SchemaMismatch({ kind: 'lookback', seconds: lookbackSeconds });
  return columns;
}

function assertColumns(forest: Forest, { schema }: ModelMetadata, file: string): void {
  const names = forest.featureNames;
  if (forest.featureCount !== schema.features.length || (names.length > 0 && !isSame(names, schema.features))) {
    throw new SchemaMismatch({ kind: 'forest', file });
  }
}

function readStatusForest(metadata: ModelMetadata, bytes: Uint8Array, statistics: boolean): Forest {
  const reading = { statistics };
  const { dump } = metadata;
  const forest = readForest(bytes, dump === undefined ? reading : { ...reading, dump: dumpFactsOf(metadata, dump) });
  assertColumns(forest, metadata, metadata.file);
  assertClasses(forest, metadata.classes);
  return forest;
}

function readRiskForest(
  { file, slope, intercept }: RiskMetadata,
  metadata: ModelMetadata,
  bytes: Uint8Array,
  statistics: boolean,
): RiskForest {
  const forest = readForest(bytes, { statistics });
  if (forest.objective !== 'binary:logistic') {
    throw new ModelError(`its objective is ${forest.objective}, and a risk needs binary:logistic`);
  }
  assertColumns(forest, metadata, file);
  return { forest, slope, intercept };
}

function dumpFactsOf(metadata: ModelMetadata, dump: NonNullable<ModelMetadata['dump']>): DumpFacts {
  return {
    objective: dump.objective,
    outputCount: dump.objective === 'binary:logistic' ? 1 : metadata.classes.length,
    baseScore: baseScoresOf(Array.isArray(dump.baseScore) ? `[${dump.baseScore.join(',')}]` : dump.baseScore),
    featureNames: metadata.schema.features,
    version: dump.xgboost,
  };
}

/** Only these objectives give the probabilities of classes. */
function assertClasses(forest: Forest, classes: readonly Status[]): void {
  if (forest.objective !== 'binary:logistic' && forest.objective !== 'multi:softprob') {
    throw new ModelError(`its objective is ${forest.objective}, and statuses need binary:logistic or multi:softprob`);
  }
  // binary:logistic has one output, the probability of the second class.
  const outputs = forest.objective === 'binary:logistic' ? 2 : forest.outputCount;
  if (outputs !== classes.length) {
    throw new ModelError(`its forest has ${outputs} classes and metadata.json names ${classes.length}`);
  }
}

/**
 * P(status) for each row and each of the seven statuses; a status that the model has no output for gets 0. `now` is the
 * status of each row's pod. Throws ModelError where leaves are so large that their sums are no numbers: such a model would
 * alarm nobody.
 */
export function predictStatuses(
  model: Model,
  matrix: FeatureMatrix,
  now: readonly (Status | undefined)[],
): Record<Status, number>[] {
  const { rowCount } = matrix;
  const rows = modelRows(model, matrix);
  const outputs = model.forest.predict(rows, rowCount);
  if (!outputs.every((probability) => probability >= 0 && probability <= 1)) {
    throw new ModelError('its leaves sum to what is no probability');
  }
  const width = model.forest.outputCount;
  const isBinary = model.forest.objective === 'binary:logistic';
  const risks = model.risk === undefined ? undefined : predictRisks(model, model.risk, rows, now);
  const { horizonSeconds, persistenceSeconds } = model;
  const knowsUnknown = model.classes.includes('Unknown');
  return Array.from({ length: rowCount }, (_, row) => {
    const probabilities = zeroByStatus();
    for (const [i, status] of model.classes.entries()) {
      const output = outputs[isBinary ? row : row * width + i] as number;
      probabilities[status] = isBinary && i === 0 ? 1 - output : output;
    }
    if (risks !== undefined) spread(probabilities, risks[row] as number);
    if (persistenceSeconds !== undefined) {
      const startingSeconds = matrix.values[row * matrix.columnCount + STARTING_COLUMN] as number;
      letLast(probabilities, now[row], startingSeconds, { horizonSeconds, persistenceSeconds });
    }
    if (!knowsUnknown) decideUnknown(probabilities, now[row]);
    return probabilities;
  });
}

type Probabilities = Record<Status, number>;

const WELL: readonly Status[] = STATUSES.filter((status) => !isFailing(status));

function sumOf(probabilities: Readonly<Probabilities>, statuses: readonly Status[]): number {
  let sum = 0;
  for (const status of statuses) sum += probabilities[status];
  return sum;
}

/** Gives the failing statuses `risk` altogether and the others the rest, each in the proportions that they have. */
function spread(probabilities: Probabilities, risk: number): void {
  const [failing, well] = [sumOf(probabilities, FAILING), sumOf(probabilities, WELL)];
  for (const status of FAILING) {
    // Where the forest is so sure of one side that the other got nothing at all, the other is Error, or Running.
    probabilities[status] = failing > 0 ? (risk * probabilities[status]) / failing : status === 'Error' ? risk : 0;
  }
  for (const status of WELL) {
    probabilities[status] =
      well > 0 ? ((1 - risk) * probabilities[status]) / well : status === 'Running' ? 1 - risk : 0;
  }
}

/** The column of the feature that says for how long the pod has been starting. */
export const STARTING_COLUMN = FEATURE_NAMES.indexOf('starting_seconds');

/**
 * What has lasted for s lasts for d longer with s / (s + d), where nothing else is known of it. A pod that has been starting
 * for s goes on starting through the horizon with that probability, and cannot fail as long as it does. And where it does not
 * fail, it will be seen as what it is once more at least: the horizon begins now. Without this a forest that never met a pod
 * which waits for its volume, or for a node, says that it will soon run, or fail. (Of a pod whose init container crashes
 * `startingSeconds` are 0.) Changes `probabilities`.
 */
export function letLast(
  probabilities: Probabilities,
  now: Status | undefined,
  startingSeconds: number,
  { horizonSeconds, persistenceSeconds }: { readonly horizonSeconds: number; readonly persistenceSeconds: number },
): void {
  if (!(startingSeconds > 0) || now === undefined || now === 'NotFound' || isFailing(now)) return;
  for (const [statuses, seconds] of [
    [FAILING, horizonSeconds],
    [WELL, persistenceSeconds],
  ] as const) {
    const lasting = startingSeconds / (startingSeconds + seconds);
    const moved = lasting * sumOf(probabilities, statuses);
    for (const status of statuses) probabilities[status] *= 1 - lasting;
    probabilities[now] += moved;
  }
}

/**
 * Where a model has not learned Unknown, evidence decides: a pod that is Unknown now and goes on failing stays so, and no
 * other pod becomes it. Changes `probabilities`.
 */
export function decideUnknown(probabilities: Probabilities, now: Status | undefined): void {
  if (now !== 'Unknown') return;
  const risk = sumOf(probabilities, FAILING);
  for (const status of FAILING) probabilities[status] = status === 'Unknown' ? risk : 0;
}

/** The forests' inputs of every row, row-major. */
export function modelRows({ columns }: Model, { values, rowCount, columnCount }: FeatureMatrix): Float32Array {
  const rows = new Float32Array(rowCount * columns.length);
  for (let row = 0; row < rowCount; row++) {
    for (let i = 0; i < columns.length; i++) {
      rows[row * columns.length + i] = values[row * columnCount + (columns[i] as number)] as number;
    }
  }
  return rows;
}

/**
 * The calibrated risk of each row. Another prior moves the odds of pods that are well by the ratio of the odds (Saerens
 * et al. 2002, for a binary target); how a pod that fails already goes on does not depend on how rare failures are.
 */
function predictRisks(
  { prior }: Model,
  { forest, slope, intercept }: RiskForest,
  rows: Float32Array,
  now: readonly (Status | undefined)[],
): number[] {
  const margins = forest.predictMargin(rows, now.length);
  const shift = prior === undefined ? 0 : logit(prior.assumed) - logit(prior.trained);
  return now.map((status, row) => {
    const margin = slope * (margins[row] as number) + intercept + (isFailing(status) ? 0 : shift);
    const risk = 1 / (1 + Math.exp(-margin));
    if (Number.isNaN(risk)) throw new ModelError('its leaves sum to what is no probability');
    return risk;
  });
}

function logit(probability: number): number {
  return Math.log(probability / (1 - probability));
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
