import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrometheusClient } from '../../src/adapters/prometheus/client.ts';
import { HttpTransport } from '../../src/adapters/prometheus/http-transport.ts';
import { unpackBlocks } from './archive.ts';

/** A real Prometheus on loopback, over data of its own copy. `stop` ends it and removes the data. */
export interface RunningPrometheus {
  readonly url: string;
  readonly folder: string;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** A folder of blocks, or a recording's folder; empty storage where both are missing. */
  readonly blocks?: string;
  readonly recording?: string;
  /** prometheus.yml; empty where missing. */
  readonly config?: string;
  readonly flags?: readonly string[];
  readonly webConfig?: string;
  /** What to ask until it answers 200; with TLS or logins the caller waits by itself. */
  readonly awaitReady?: boolean;
  readonly scheme?: 'http' | 'https';
  readonly prefix?: string;
}

/** A client for it without logins, as kpfd would make it. */
export function clientOf(url: string): PrometheusClient {
  return new PrometheusClient(
    new HttpTransport({
      url: new URL(url),
      headers: {},
      bearerToken: undefined,
      username: undefined,
      password: undefined,
      caFile: undefined,
      requestTimeoutMs: 60_000,
      runTimeoutMs: 0,
      interrupted: new AbortController().signal,
      userAgent: 'kpfd-test',
      random: () => 0,
    }),
  );
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export async function startPrometheus(options: PrometheusOptions = {}): Promise<RunningPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'kpfd-prometheus-'));
  const data = join(folder, 'tsdb');
  mkdirSync(data);
  if (options.recording !== undefined) unpackBlocks(options.recording, folder);
  if (options.blocks !== undefined) cpSync(options.blocks, data, { recursive: true });
  writeFileSync(join(folder, 'prometheus.yml'), options.config ?? '');
  const port = await freePort();
  const flags = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${data}`,
    // Without it Prometheus deletes blocks older than 15 days.
    '--storage.tsdb.retention.time=100y',
    `--web.listen-address=127.0.0.1:${port}`,
    ...(options.flags ?? []),
  ];
  if (options.webConfig !== undefined) {
    writeFileSync(join(folder, 'web.yml'), options.webConfig);
    flags.push(`--web.config.file=${join(folder, 'web.yml')}`);
  }
  const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  const url = `${options.scheme ?? 'http'}://127.0.0.1:${port}${options.prefix ?? ''}`;
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(child, url, options.awaitReady ?? true, () => log);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, folder, stop };
}

async function waitUntilReady(child: ChildProcess, url: string, byRequest: boolean, log: () => string): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}: ${log()}`);
    if (Date.now() > giveUpAt) throw new Error(`prometheus is not ready after a minute: ${log()}`);
    if (byRequest) {
      const ready = await fetch(`${url}/-/ready`).then(
        (response) => response.status === 200,
        () => false,
      );
      if (ready) return;
    } else if (log().includes('Server is ready to receive web requests')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.once('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
