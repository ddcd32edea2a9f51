import { isRecord } from '../is-record.ts';
import { ModelError } from '../forest/model-error.ts';
import { FAILING, isFailing, STATUSES, type Status } from '../pods/status.ts';

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
  /** Where a second forest tells how likely the pod fails at all. */
  readonly risk: RiskMetadata | undefined;
  /** The shares of well pods that fail within the horizon; undefined: probabilities are those of the training data. */
  readonly prior: Prior | undefined;
  /**
   * Where the pod has been starting for s seconds, s / (s + horizonSeconds) of RISK and s / (s + persistenceSeconds) of the rest
   * go to the status that it has now (letLast). undefined where the metadata has none: then nothing does.
   */
  readonly persistenceSeconds: number | undefined;
  /** What a dump loses. */
  readonly dump: { readonly objective: string; readonly baseScore: unknown; readonly xgboost: string } | undefined;
}

/** A binary:logistic forest in a file of its own, and how its margin becomes a probability. */
export interface RiskMetadata {
  readonly file: string;
  readonly sha256: string | undefined;
  /** Platt's: logit(RISK) = slope x margin + intercept, fitted out of fold. */
  readonly slope: number;
  readonly intercept: number;
}

/** Of pods that are well now, the share that fails within the horizon: where the model was trained, and where it is used. */
export interface Prior {
  readonly trained: number;
  readonly assumed: number;
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
  const risk = reader.has('risk') ? readRisk(reader.child('risk')) : undefined;
  if (risk !== undefined && (!FAILING.some((status) => classes.includes(status)) || classes.every(isFailing))) {
    throw new ModelError('metadata.json has a risk, and not both classes that fail and classes that do not');
  }
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
    risk,
    prior: reader.has('prior') ? readPrior(reader.child('prior')) : undefined,
    persistenceSeconds: reader.has('persistenceSeconds') ? readPersistence(reader) : undefined,
    dump:
      format === 'dump'
        ? { objective: model.text('objective'), baseScore: model.raw('baseScore'), xgboost: model.text('xgboost') }
        : undefined,
  };
}

function readRisk(risk: MetadataReader): RiskMetadata {
  const calibration = risk.child('calibration');
  const slope = calibration.number('slope');
  if (!(slope > 0)) throw new ModelError('metadata.json has a calibration that turns risk upside down');
  return {
    file: risk.text('file'),
    sha256: risk.has('sha256') ? risk.text('sha256') : undefined,
    slope,
    intercept: calibration.number('intercept'),
  };
}

function readPrior(prior: MetadataReader): Prior {
  const [trained, assumed] = [prior.number('trained'), prior.number('assumed')];
  if (![trained, assumed].every((share) => share > 0 && share < 1)) {
    throw new ModelError('metadata.json has a prior outside of 0 to 1');
  }
  return { trained, assumed };
}

function readPersistence(reader: MetadataReader): number {
  const seconds = reader.number('persistenceSeconds');
  if (!(seconds > 0)) throw new ModelError('metadata.json has persistenceSeconds that are not above 0');
  return seconds;
}

function statusNamed(name: string): Status {
  const found = STATUSES.find((status) => status === name);
  if (found === undefined)
    throw new ModelError(`metadata.json has the class ${JSON.stringify(name)}, which is no status`);
  return found;
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
