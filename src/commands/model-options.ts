import { OBJECTIVE_NAMES } from '../core/forest/objective.ts';
import type { ReadForestOptions } from '../core/forest/read-forest.ts';
import { IMPORTANCE_KINDS, type ImportanceKind } from '../core/forest/importance.ts';
import type { PredictedKind } from '../core/predictions/predicted-columns.ts';
import { numberOfText } from '../core/rows/number-text.ts';
import { chosen, usage, withNearest } from './choice.ts';
import { textOf, wholeNumber, type Flags } from './flags.ts';
import { ROW_OUTPUTS, SHOW_OUTPUTS } from './outputs.ts';

/** What both commands about a model take. */
interface ModelOptions {
  readonly headings: boolean;
  readonly quiet: boolean;
  readonly reading: ReadForestOptions;
}

export interface ModelShowOptions extends ModelOptions {
  readonly output: (typeof SHOW_OUTPUTS)[number];
  /** undefined: the best that the model has. */
  readonly importance: ImportanceKind | undefined;
  /** How many features a table shows. */
  readonly top: number;
}

export interface ModelPredictOptions extends ModelOptions {
  readonly output: (typeof ROW_OUTPUTS)[number];
  /** A path, or "-". */
  readonly rows: string;
  readonly rowsFormat: 'csv' | 'json' | undefined;
  readonly kind: PredictedKind;
  readonly iterationRange: readonly [number, number] | undefined;
  readonly missing: number | undefined;
  readonly ignoreExtraColumns: boolean;
  readonly headerRow: boolean;
}

/** Reads a text file of names: `--feature-names @FILE`. */
type ReadNames = (path: string) => Promise<string>;

const DEFAULT_TOP = 10;

/** Rejects with a FailureError for the first option that is not right. */
export async function resolveShowOptions(flags: Flags, readNames: ReadNames): Promise<ModelShowOptions> {
  return withNearest(async () => ({
    ...answerOptions(flags),
    reading: await readingOptions(flags, readNames),
    output: chosen('--output', textOf(flags, 'output'), SHOW_OUTPUTS) ?? 'table',
    importance: chosen('--importance', textOf(flags, 'importance'), IMPORTANCE_KINDS),
    top: wholeNumber('--top', textOf(flags, 'top'), 0) ?? DEFAULT_TOP,
  }));
}

/** Rejects with a FailureError for the first option that is not right. */
export async function resolvePredictOptions(flags: Flags, readNames: ReadNames): Promise<ModelPredictOptions> {
  return withNearest(async () => {
    const kind = kindOf(flags);
    return {
      ...answerOptions(flags),
      // Only contributions need what training noted at the nodes.
      reading: { ...(await readingOptions(flags, readNames)), statistics: kind === 'contributions' },
      output: chosen('--output', textOf(flags, 'output'), ROW_OUTPUTS) ?? 'csv',
      rows: textOf(flags, 'rows') ?? '-',
      rowsFormat: chosen('--rows-format', textOf(flags, 'rowsFormat'), ['csv', 'json']),
      kind,
      iterationRange: iterationRange(textOf(flags, 'iterationRange')),
      missing: missingValue(textOf(flags, 'missing')),
      ignoreExtraColumns: flags['ignoreExtraColumns'] === true,
      headerRow: flags['headerRow'] !== false,
    };
  });
}

function answerOptions(flags: Flags): Omit<ModelOptions, 'reading'> {
  return { headings: flags['headers'] !== false, quiet: flags['quiet'] === true };
}

function kindOf(flags: Flags): PredictedKind {
  const asked = (['margin', 'contributions', 'leaves'] as const).filter((kind) => flags[kind] === true);
  const [kind = 'prediction', other] = asked;
  if (other !== undefined) throw usage(`--${kind} and --${other} exclude each other`, 'ask for one at a time');
  return kind;
}

/** The options that tell what a dump of trees lacks: all of them or none. */
async function readingOptions(flags: Flags, readNames: ReadNames): Promise<ReadForestOptions> {
  const version = xgboostVersion(textOf(flags, 'xgboostVersion'));
  const facts = {
    '--objective': chosen('--objective', textOf(flags, 'objective'), OBJECTIVE_NAMES),
    '--base-score': textOf(flags, 'baseScore'),
    '--feature-names': textOf(flags, 'featureNames'),
    '--xgboost-version': version,
  };
  const lacking = Object.entries(facts).filter(([, value]) => value === undefined);
  const outputCount = wholeNumber('--outputs', textOf(flags, 'outputs'), 1);
  const parallelTrees = wholeNumber('--parallel-trees', textOf(flags, 'parallelTrees'), 1);
  const weightDrop = numbers('--weight-drop', 'one for each tree', textOf(flags, 'weightDrop'));
  const given = Object.values({ ...facts, '--xgboost-version': undefined, outputCount, parallelTrees, weightDrop });
  if (given.every((value) => value === undefined)) return version === undefined ? {} : { version };
  if (lacking.length > 0) {
    const names = lacking
      .map(([name]) => name)
      .join(', ')
      .replace(/, ([^,]*)$/, ' and $1');
    throw usage(
      `for a dump of trees one must tell what it lacks, and ${names} ${lacking.length === 1 ? 'is' : 'are'} not given`,
    );
  }
  return {
    dump: {
      objective: facts['--objective'] ?? '',
      baseScore: numbers('--base-score', 'or one for each output', facts['--base-score']) ?? [],
      featureNames: await featureNames(facts['--feature-names'] ?? '', readNames),
      version: version ?? '',
      outputCount: outputCount ?? 1,
      parallelTrees: parallelTrees ?? 1,
      weightDrop,
    },
  };
}

function xgboostVersion(version: string | undefined): string | undefined {
  if (version === undefined || /^\d{1,6}\.\d{1,6}\.\d{1,6}/.test(version)) return version;
  throw usage(`--xgboost-version takes a version like 3.4.1, not ${JSON.stringify(version)}`);
}

function numbers(name: string, howMany: string, list: string | undefined): number[] | undefined {
  return list?.split(',').map((one) => {
    const number = numberOfText(one);
    if (number !== undefined && Number.isFinite(number)) return number;
    throw usage(`${name} takes a number, ${howMany} (0.2,0.5,0.3), not ${JSON.stringify(list)}`);
  });
}

async function featureNames(list: string, readNames: ReadNames): Promise<string[]> {
  if (!list.startsWith('@')) return list.split(',');
  const lines = (await readNames(list.slice(1))).replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function iterationRange(range: string | undefined): readonly [number, number] | undefined {
  if (range === undefined) return undefined;
  const match = /^(\d{1,9}):(\d{1,9})$/.exec(range);
  if (match !== null) return [Number(match[1]), Number(match[2])];
  throw usage(
    `--iteration-range takes BEGIN:END, not ${JSON.stringify(range)}`,
    'write 0:10 for the first ten iterations',
  );
}

function missingValue(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = numberOfText(value);
  if (number !== undefined) return number;
  throw usage(
    `--missing takes a number, not ${JSON.stringify(value)}`,
    'fields that are empty, NaN or NA are missing anyway',
  );
}
