import { FailureError } from '../core/failure.ts';
import type { ReadForestOptions } from '../core/forest/read-forest.ts';
import type { ForestFile } from '../core/predictions/forest-file.ts';
import { assumePrior, type Model } from '../core/predictions/model.ts';
import type { RowSource } from '../core/rows/row-source.ts';
import type { HistorySource } from '../core/signals/metric-source.ts';
import type { Poll } from '../core/predictions/observation.ts';
import type { Instant } from '../pipeline/instant.ts';
import type { Look, Output as RenderedOutput } from '../render/formats.ts';
import type { Options } from './options.ts';

/** The world as a command sees it; cli/world.ts makes the real one. */
export interface Context {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Prometheus, or a recording of it; the same each time. Rejects with a FailureError. */
  open(): Promise<OpenSource>;
  /** undefined: the model that ships with kpfd. With statistics, where reasons are wanted. */
  loadModel(folder: string | undefined, statistics?: boolean): Promise<Model>;
  /** Unix seconds. */
  readonly now: () => number;
  /** What kubectl printed over time. */
  openPolls(path: string): AsyncIterable<Poll>;
  /** A dataset in a file, to be begun or gone on with; undefined: on stdout. */
  openDataset(path: string | undefined, shape: DatasetShape): Promise<Dataset>;
}

/** What a file must be like to be gone on with. */
interface DatasetShape {
  /** The first line with its end; empty where there is none. */
  readonly heading: string;
  /** The options that decide what it holds: half a dataset of one command and half of another would look like one. */
  readonly options: Readonly<Record<string, string>>;
  /** The time of a line's row, in Unix seconds; undefined where it is no row. */
  timeOf(line: string): number | undefined;
}

interface Dataset {
  /** The time of the last rows that may lack some, which the first writing replaces; undefined at the beginning. */
  readonly resumeAt: number | undefined;
  /** Whether what was written before had been marked as lacking rows. */
  readonly wasPartial: boolean;
  /** Marks it so, for whoever goes on with it. */
  markPartial(): Promise<void>;
  /** false where nobody takes more. */
  write(text: string): Promise<boolean>;
  /** `isComplete`: nothing is left to go on with. */
  close(isComplete: boolean): Promise<void>;
}

/** The world as a command about a model file sees it: no Prometheus in it. */
export interface ModelContext {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Unix seconds. */
  readonly now: () => number;
  /** A file of XGBoost, or the folder of a model of kpfd. */
  loadForest(path: string, options: ReadForestOptions): Promise<ForestFile>;
  /** "-": stdin. Format undefined: by the name, or by what it holds. */
  openRows(path: string, format: 'csv' | 'json' | undefined): Promise<RowSource>;
}

export interface Output {
  write(text: string): void;
  /** Waits until more may be written; false where nobody reads it any longer. */
  ready(): Promise<boolean>;
  /** Columns of the terminal; undefined for a pipe or a file. */
  readonly width: number | undefined;
  /** Whether it is a terminal that can and may show colours (NO_COLOR, TERM=dumb). */
  readonly mayColour: boolean;
}

export interface OpenSource {
  readonly source: HistorySource;
  readonly instant: Instant;
  /** Ends what is under way and writes the recording, if one was wanted. */
  close(): Promise<void>;
}

/** 0 ran, 1 a pod is at or above --fail-on, 2 could not run, 3 partial data with --strict. */
export type ExitCode = 0 | 1 | 2 | 3;

/** When several apply: 2, then 1, then 3, then 0. */
export function exitCode(found: { failed?: boolean; alarm?: boolean; partial?: boolean }): ExitCode {
  if (found.failed === true) return 2;
  if (found.alarm === true) return 1;
  return found.partial === true ? 3 : 0;
}

/** Asks an open source, and closes it whatever happens: a recording of a failed run is the one that is wanted most. */
export async function withSource<T>(
  context: Context,
  ask: (source: HistorySource, instant: Instant) => Promise<T>,
): Promise<T> {
  const opened = await context.open();
  let answer: T;
  try {
    answer = await ask(opened.source, opened.instant);
  } catch (error) {
    // Should the recording fail as well, the first failure is the one to tell.
    await opened.close().catch(() => undefined);
    throw error;
  }
  await opened.close();
  return answer;
}

/** The model that the options name, under the prior that they name. */
export async function modelFor(
  context: Context,
  { model, prior }: Pick<Options, 'model' | 'prior'>,
  withReasons = false,
): Promise<Model> {
  const loaded = await context.loadModel(model, withReasons);
  if (prior === undefined) return loaded;
  const assumed = assumePrior(loaded, prior);
  if (assumed !== undefined) return assumed;
  throw new FailureError({
    kind: 'usage',
    problem: `--prior needs a model with a risk forest, and with the prior that it was trained under in its metadata.json, which ${loaded.name} is not`,
  });
}

/** Which formats say why. */
export function showsReasons(output: Options['output']): boolean {
  return output === 'wide' || output === 'json' || output === 'yaml';
}

/** How the answer is to look on this world's stdout. */
export function lookOf({ stdout }: Context, options: Options): Look {
  const { headings, quiet, verbose } = options;
  const colour = options.colour === 'auto' ? stdout.mayColour : options.colour === 'always';
  return { headings, quiet, verbose, colour, width: stdout.width };
}

export function show(context: Pick<Context, 'stdout' | 'stderr'>, output: RenderedOutput): void {
  context.stdout.write(output.stdout);
  context.stderr.write(output.stderr);
}
