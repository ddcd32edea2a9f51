import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Connection, Options } from '../commands/options.ts';
import type { EndedQuestion } from '../adapters/prometheus/http-transport.ts';
import type { Context, ModelContext, OpenSource, Output } from '../commands/context.ts';
import type { HistorySource } from '../core/signals/metric-source.ts';

/** What kpfd takes from the machine it runs on; tests give their own. */
export interface World {
  /** Opened when it is asked for. */
  readonly stdin: () => Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Unix seconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Aborted by Ctrl-C or a request to end; the reason is the signal's name. */
  readonly interrupted: AbortSignal;
  /** Says that the interruption, if there was one, has been heard: the run ends by itself, and may take its time. */
  readonly heard: () => void;
}

const PACKAGE_ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** kpfd's own version. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** How long a run may take to hear a signal. */
const SIGNAL_PATIENCE_MS = 2000;

/** What is said of an error that is no failure: of a bug, and where not even the words for a failure can be loaded. */
export function lastWords(error: unknown): string {
  const { code, stack } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === 'EMFILE' || code === 'ENFILE') return 'error: too many files are open; raise the limit (ulimit -n)';
  return `error: this is a bug in kpfd, please report it with these lines\n${stack ?? String(error)}`;
}

/** The real machine. */
export function processWorld(): World {
  const controller = new AbortController();
  let deaf: NodeJS.Timeout | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Once: a second Ctrl-C ends the process at once.
    process.once(signal, () => {
      controller.abort(signal);
      // Whoever waits for a pipe that nobody writes to hears of no abort.
      deaf = setTimeout(() => process.kill(process.pid, signal), SIGNAL_PATIENCE_MS).unref();
    });
  }
  // Node would end with 1, which says that a pod is at risk.
  process.once('uncaughtException', (error) => {
    process.stderr.write(`${lastWords(error)}\n`, () => process.exit(2));
  });
  return {
    stdin: () => process.stdin,
    stdout: processOutput(process.stdout, process.env, (error) => {
      const problem = error.code === 'ENOSPC' ? 'the disk is full' : error.message;
      process.stderr.write(`error: the answer could not be written: ${problem}\n`);
      process.exit(2);
    }),
    // Nobody can be told any more; the answer and the exit code still count.
    stderr: processOutput(process.stderr, process.env, () => undefined),
    env: process.env,
    now: () => Date.now() / 1000,
    random: Math.random,
    interrupted: controller.signal,
    heard: () => clearTimeout(deaf),
  };
}

function processOutput(
  stream: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
  onFailure: (error: NodeJS.ErrnoException) => void,
): Output {
  let isClosed = false;
  // `kpfd scan | head`: the reader has seen enough, which is no failure, and the exit code stays that of the run.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    isClosed = true;
    if (error.code !== 'EPIPE') onFailure(error);
  });
  const noColour = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return {
    write: (text) => {
      if (text !== '') stream.write(text);
    },
    ready: async () => {
      if (stream.writableNeedDrain && !isClosed) {
        await drained(stream);
      }
      return !isClosed;
    },
    // A terminal that does not know its size says 0.
    width: stream.isTTY ? stream.columns || undefined : undefined,
    // Not undefined, which would let the library guess: by CI, FORCE_COLOR and what else it knows.
    mayColour: stream.isTTY ? !noColour : false,
  };
}

/** Waits until a stream takes more, or will never do so again. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  const events = ['drain', 'error', 'close'] as const;
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of events) stream.off(event, settle);
      resolve();
    };
    for (const event of events) stream.on(event, settle);
  });
}

/** Where the config file is, whether it exists or not. */
export function configPath(env: World['env']): string {
  const base = env['XDG_CONFIG_HOME'];
  return join(
    base !== undefined && isAbsolute(base) ? base : join(env['HOME'] ?? homedir(), '.config'),
    'kpfd',
    'config.yaml',
  );
}

/** The config file's values; none where there is no file, which is the usual case and costs no loading. */
export async function readConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  if (isAbsent(path)) return {};
  const { readConfigFile } = await import('../adapters/config-file.ts');
  return readConfigFile(path);
}

/** A file that cannot be looked at is not absent: reading it tells what is wrong. */
function isAbsent(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR';
  }
}

/** The Context of a command (as it was asked, for recordings) in this world. Adapters are loaded when they are needed. */
export function createContext(world: World, version: string, command: string, options: Options): Context {
  const { connection, at } = options;
  let opened: Promise<OpenSource> | undefined;
  return {
    stdout: world.stdout,
    stderr: world.stderr,
    open: async () =>
      (opened ??=
        connection.replay === undefined
          ? openHttp(world, version, connection, { command, at })
          : openReplay(connection.replay, at)),
    loadModel: async (folder, statistics) => {
      const { loadModel } = await import('../adapters/model-file.ts');
      return loadModel(folder ?? join(PACKAGE_ROOT, 'models', 'default'), statistics);
    },
    now: world.now,
    openPolls: async function* (path) {
      const { openPolls } = await import('../adapters/status-polls.ts');
      yield* openPolls(path);
    },
    openDataset: async (path, shape) => {
      if (path !== undefined) return (await import('../adapters/dataset-file.ts')).openDataset(path, shape);
      // Not before it is known that there is something to head.
      let heading = shape.heading;
      const writeHeading = (): void => {
        world.stdout.write(heading);
        heading = '';
      };
      return {
        resumeAt: undefined,
        wasPartial: false,
        markPartial: async () => undefined,
        write: async (text) => {
          writeHeading();
          world.stdout.write(text);
          return world.stdout.ready();
        },
        close: async (isComplete) => {
          if (isComplete) writeHeading();
        },
      };
    },
  };
}

/** The same for a command about a model file. */
export function createModelContext(world: World): ModelContext {
  const { stdout, stderr, now, stdin, interrupted } = world;
  return {
    stdout,
    stderr,
    now,
    loadForest: async (path, options) => {
      const { loadForest } = await import('../adapters/model-file.ts');
      return loadForest(path, options);
    },
    openRows: async (path, format) => {
      const { openRows } = await import('../adapters/rows/open-rows.ts');
      return openRows({ path, format, stdin, interrupted });
    },
  };
}

/** A file of feature names. */
export async function readNames(path: string): Promise<string> {
  const adapter = await import('../adapters/model-file.ts');
  return adapter.readNames(path);
}

/** What asks over HTTP. Importing node-fetch costs half of the time until the first request. */
export async function loadHttp() {
  const [transport, client] = await Promise.all([
    import('../adapters/prometheus/http-transport.ts'),
    import('../adapters/prometheus/client.ts'),
  ]);
  return { ...transport, ...client };
}

async function openHttp(
  world: World,
  version: string,
  connection: Connection,
  run: { command: string; at: number | undefined },
): Promise<OpenSource> {
  const { HttpTransport, PrometheusClient } = await loadHttp();
  const now = world.now();
  const instant = run.at === undefined ? { now } : { at: run.at };
  const http = new HttpTransport({
    ...connection,
    interrupted: world.interrupted,
    userAgent: `kpfd/${version}`,
    random: world.random,
    observe: connection.verbose ? (ended) => world.stderr.write(endedLine(ended)) : undefined,
  });
  const { record } = connection;
  if (record === undefined) {
    return { source: greeted(new PrometheusClient(http), run.at), instant, close: async () => http.close() };
  }
  const { RecordingTransport, assertWritable } = await import('../adapters/prometheus/recorded.ts');
  await assertWritable(record);
  const recording = new RecordingTransport(http);
  return {
    source: greeted(new PrometheusClient(recording), run.at),
    instant,
    close: async () => {
      http.close();
      // A large recording takes seconds to pack.
      world.heard();
      await recording.save(record, { kpfd: version, now, ...run });
    },
  };
}

/** Asks for the server's clock at once, which the run will want first: the first `server()` gets that answer. */
function greeted(client: HistorySource, at: number | undefined): HistorySource {
  if (at !== undefined) return client;
  let early: ReturnType<HistorySource['server']> | undefined = client.server();
  early.catch(() => undefined);
  return {
    address: client.address,
    query: (promql, unixSeconds) => client.query(promql, unixSeconds),
    queryRange: (promql, steps) => client.queryRange(promql, steps),
    connect: () => client.connect(),
    server: () => {
      const first = early ?? client.server();
      early = undefined;
      return first;
    },
  };
}

function endedLine({ question, outcome, bytes, ms }: EndedQuestion): string {
  const asked = (question.parameters['query'] ?? question.path).replace(/[^\x20-\x7e]/g, '.');
  const shown = asked.length <= 100 ? asked : `${asked.slice(0, 100)}...`;
  return `request: ${ms.toFixed(0)} ms, ${outcome}, ${bytes} bytes: ${shown}\n`;
}

async function openReplay(path: string, wantedAt: number | undefined): Promise<OpenSource> {
  const { PrometheusClient } = await import('../adapters/prometheus/client.ts');
  const { ReplayTransport } = await import('../adapters/prometheus/recorded.ts');
  const replay = await ReplayTransport.open(path);
  const at = wantedAt ?? replay.at;
  return {
    source: new PrometheusClient(replay),
    instant: at === undefined ? { now: replay.now } : { at },
    close: async () => undefined,
  };
}
