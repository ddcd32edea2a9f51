import { FEATURE_NAMES, LOOKBACK_SECONDS, SCHEMA_HASH } from '../features/schema.ts';
import type { DumpFacts } from '../forest/dump-json.ts';
import type { Forest } from '../forest/forest.ts';
import { baseScoresOf } from '../forest/model-document.ts';
import { ModelError } from '../forest/model-error.ts';
import { readForest } from '../forest/read-forest.ts';
import { STATUSES, type Status } from '../pods/status.ts';

/** A forest with what it means: which statuses its outputs are, how far ahead it speaks, when to raise an alarm. */
export interface Model {
  readonly name: string;
  readonly version: string;
  readonly horizonSeconds: number;
  /** The status of each output, in order. */
  readonly classes: readonly Status[];
  /** The RISK from which a pod counts as at risk: the default of --fail-on and --at-risk. */
  readonly riskThreshold: number;
  readonly forest: Forest;
}

/** metadata.json beside a model, as far as kpfd needs it to predict. */
export interface ModelMetadata {
  readonly name: string;
  readonly version: string;
  readonly horizonSeconds: number;
  readonly lookbackSeconds: number;
  readonly classes: readonly Status[];
  readonly riskThreshold: number;
  readonly schema: { readonly hash: string; readonly features: readonly string[] };
  readonly file: string;
  /** Hex SHA-256 of the file, where the trainer wrote one: an edited file is not the model that was measured. */
  readonly sha256: string | undefined;
  readonly format: 'model' | 'dump';
  /** What a dump loses. */
  readonly dump: { readonly objective: string; readonly baseScore: unknown; readonly xgboost: string } | undefined;
}

/** The schemas of model and kpfd are not the same: the columns would be taken for one another. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch';
  readonly found: ModelMetadata['schema'];

  constructor(found: ModelMetadata['schema']) {
    super('schema mismatch');
    this.found = found;
  }
}

const LONGEST_SPAN_SECONDS = 7 * 86_400;

/** Reads metadata.json. Throws ModelError, with a half sentence, for what it cannot use. */
export function readMetadata(text: string): ModelMetadata {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new ModelError('metadata.json is no JSON');
  }
  const reader = new MetadataReader(document);
  const classes = reader.texts('classes').map(statusNamed);
  if (new Set(classes).size !== classes.length) throw new ModelError('metadata.json names a class twice');
  const riskThreshold = reader.number('riskThreshold');
  if (!(riskThreshold > 0 && riskThreshold <= 1))
    throw new ModelError('metadata.json has a riskThreshold outside of 0 to 1');
  for (const span of ['horizonSeconds', 'lookbackSeconds']) {
    const seconds = reader.number(span);
    if (!(seconds >= 1 && seconds <= LONGEST_SPAN_SECONDS))
      throw new ModelError(`metadata.json has a ${span} outside of 1 s to 7 days`);
  }
  const model = reader.child('model');
  const format = model.text('format');
  if (format !== 'model' && format !== 'dump')
    throw new ModelError(`metadata.json has the unknown format ${JSON.stringify(format)}`);
  const schema = reader.child('schema');
  return {
    name: reader.text('name'),
    version: reader.text('version'),
    horizonSeconds: reader.number('horizonSeconds'),
    lookbackSeconds: reader.number('lookbackSeconds'),
    classes,
    riskThreshold,
    schema: { hash: schema.text('hash'), features: schema.texts('features') },
    file: model.text('file'),
    sha256: model.has('sha256') ? model.text('sha256') : undefined,
    format,
    dump:
      format === 'dump'
        ? { objective: model.text('objective'), baseScore: model.raw('baseScore'), xgboost: model.text('xgboost') }
        : undefined,
  };
}

/**
 * Puts a model together from its two files, unpacked. Statistics of the nodes are for contributions and importance;
 * predictions need none. Throws ModelError or SchemaMismatch.
 */
export function composeModel(metadata: ModelMetadata, modelBytes: Uint8Array, statistics = false): Model {
  assertSchema(metadata);
  const reading = { statistics };
  const forest = readForest(
    modelBytes,
    metadata.dump === undefined ? reading : { ...reading, dump: dumpFactsOf(metadata, metadata.dump) },
  );
  assertClasses(forest, metadata.classes);
  const columns = forest.featureNames;
  if (forest.featureCount !== FEATURE_NAMES.length || (columns.length > 0 && !isSame(columns, FEATURE_NAMES))) {
    throw new SchemaMismatch({ hash: 'of the forest itself', features: columns });
  }
  return {
    name: metadata.name,
    version: metadata.version,
    horizonSeconds: metadata.horizonSeconds,
    classes: metadata.classes,
    riskThreshold: metadata.riskThreshold,
    forest,
  };
}

function assertSchema({ schema, lookbackSeconds }: ModelMetadata): void {
  if (schema.hash !== SCHEMA_HASH || !isSame(schema.features, FEATURE_NAMES) || lookbackSeconds !== LOOKBACK_SECONDS) {
    throw new SchemaMismatch(schema);
  }
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
 * P(status) for each row and each of the seven statuses; a status that the model has no output for gets 0. Throws
 * ModelError where leaves are so large that their sums are no numbers: such a model would alarm nobody.
 */
export function predictStatuses(model: Model, rows: Float32Array, rowCount: number): Record<Status, number>[] {
  const outputs = model.forest.predict(rows, rowCount);
  if (!outputs.every((probability) => probability >= 0 && probability <= 1)) {
    throw new ModelError('its leaves sum to what is no probability');
  }
  const width = model.forest.outputCount;
  return Array.from({ length: rowCount }, (_, row) => {
    const own = outputs.subarray(row * width, (row + 1) * width);
    const values = model.forest.objective === 'binary:logistic' ? [1 - (own[0] as number), own[0] as number] : [...own];
    const probabilities = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
    for (const [i, status] of model.classes.entries()) probabilities[status] = values[i] as number;
    return probabilities;
  });
}

function statusNamed(name: string): Status {
  const found = STATUSES.find((status) => status === name);
  if (found === undefined)
    throw new ModelError(`metadata.json has the class ${JSON.stringify(name)}, which is no status`);
  return found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

/** Fields of metadata.json, each of its type or a ModelError. */
class MetadataReader {
  readonly #object: Record<string, unknown>;

  constructor(value: unknown) {
    if (!isRecord(value)) throw new ModelError('metadata.json is no JSON object');
    this.#object = value;
  }

  has(name: string): boolean {
    return name in this.#object;
  }

  raw(name: string): unknown {
    return this.#object[name];
  }

  text(name: string): string {
    return this.#typed(name, (value): value is string => typeof value === 'string');
  }

  number(name: string): number {
    return this.#typed(name, (value): value is number => typeof value === 'number' && Number.isFinite(value));
  }

  texts(name: string): string[] {
    return this.#typed(
      name,
      (value): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string'),
    );
  }

  child(name: string): MetadataReader {
    return new MetadataReader(this.#typed(name, isRecord));
  }

  #typed<T>(name: string, test: (value: unknown) => value is T): T {
    const value = this.#object[name];
    if (!test(value)) throw new ModelError(`metadata.json has no usable "${name}"`);
    return value;
  }
}
