import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Connection } from '../commands/options.ts';
import type { EndedQuestion } from '../adapters/prometheus/http-transport.ts';
import type { Context, OpenSource, Output, Run } from '../commands/context.ts';

/** What kpfd takes from the machine it runs on; tests give their own. */
export interface World {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Unix seconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Aborted by Ctrl-C or a request to end; the reason is the signal's name. */
  readonly interrupted: AbortSignal;
}

const PACKAGE_ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** kpfd's own version. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** The real machine. */
export function processWorld(): World {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Once: a second Ctrl-C ends the process at once.
    process.once(signal, () => controller.abort(signal));
  }
  return {
    stdout: processOutput(process.stdout, process.env),
    stderr: processOutput(process.stderr, process.env),
    env: process.env,
    now: () => Date.now() / 1000,
    random: Math.random,
    interrupted: controller.signal,
  };
}

function processOutput(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Output {
  // `kpfd scan | head`: the reader has seen enough, which is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const noColour = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return {
    write: (text) => {
      if (text !== '') stream.write(text);
    },
    width: stream.isTTY ? stream.columns : undefined,
    mayColour: stream.isTTY && !noColour,
  };
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

/** The Context of the commands in this world. Adapters are loaded when they are needed. */
export function createContext(world: World, version: string): Context {
  return {
    stdout: world.stdout,
    stderr: world.stderr,
    open: (connection, run) =>
      connection.replay === undefined ? openHttp(world, version, connection, run) : openReplay(connection.replay, run),
    loadModel: async (folder) => {
      const { loadModel } = await import('../adapters/model-file.ts');
      return loadModel(folder ?? join(PACKAGE_ROOT, 'models', 'default'));
    },
  };
}

async function openHttp(world: World, version: string, connection: Connection, run: Run): Promise<OpenSource> {
  const { PrometheusClient } = await import('../adapters/prometheus/client.ts');
  const { HttpTransport } = await import('../adapters/prometheus/http-transport.ts');
  const { record } = connection;
  const http = new HttpTransport({
    ...connection,
    interrupted: world.interrupted,
    userAgent: `kpfd/${version}`,
    random: world.random,
    observe: connection.verbose ? (ended) => world.stderr.write(endedLine(ended)) : undefined,
  });
  const now = world.now();
  const instant = run.at === undefined ? { now } : { at: run.at };
  if (record === undefined) {
    return { source: new PrometheusClient(http), instant, close: async () => http.close() };
  }
  const { RecordingTransport, assertWritable } = await import('../adapters/prometheus/recorded.ts');
  await assertWritable(record);
  const recording = new RecordingTransport(http);
  return {
    source: new PrometheusClient(recording),
    instant,
    close: async () => {
      http.close();
      await recording.save(record, { kpfd: version, command: run.command, now, at: run.at });
    },
  };
}

function endedLine({ question, outcome, bytes, ms }: EndedQuestion): string {
  const asked = (question.parameters['query'] ?? question.path).replace(/[^\x20-\x7e]/g, '.');
  const shown = asked.length <= 100 ? asked : `${asked.slice(0, 100)}...`;
  return `request: ${ms.toFixed(0)} ms, ${outcome}, ${bytes} bytes: ${shown}\n`;
}

async function openReplay(path: string, run: Run): Promise<OpenSource> {
  const { PrometheusClient } = await import('../adapters/prometheus/client.ts');
  const { ReplayTransport } = await import('../adapters/prometheus/recorded.ts');
  const replay = await ReplayTransport.open(path);
  const at = run.at ?? replay.at;
  return {
    source: new PrometheusClient(replay),
    instant: at === undefined ? { now: replay.now } : { at },
    close: async () => undefined,
  };
}
