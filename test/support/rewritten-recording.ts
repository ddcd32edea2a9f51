import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SIGNALS } from '../../src/core/signals/catalogue.ts';
import { unpackBlocks } from './archive.ts';
import { startPrometheus, type RunningPrometheus } from './prometheus.ts';

/** What Prometheus would have stored had it been another one: scraped more rarely, or broken. */
export interface Rewriting {
  /** Every so many scrapes count; 1 where missing. */
  readonly everyScrape?: number;
  /** What happens to a sample: kept, `lost` (nobody stored anything), or `failed` (the scrape failed, and said so). */
  readonly fate?: (labels: string, unixSeconds: number) => 'kept' | 'lost' | 'failed';
}

/** The metrics that kpfd asks for; the others would only take time. */
const METRICS: ReadonlySet<string> = new Set([...SIGNALS.map(({ metric }) => metric), 'kube_pod_labels']);
/** Prometheus' mark for a series that ended: a NaN of these bits (model/value/value.go). */
const STALE = 0x7ff0000000000002n;
const SCRAPE_SECONDS = 15;

interface RawSeries {
  /** As promtool prints them: `{__name__="up", job="x"}`. */
  readonly labels: string;
  readonly times: number[];
  readonly values: number[];
}

/**
 * A real Prometheus that was given a recording's samples, rewritten, by remote write. Samples and staleness marks come from
 * `promtool tsdb dump`, which prints a mark as NaN (no metric here is NaN otherwise).
 */
export async function startRewritten(recording: string, rewriting: Rewriting): Promise<RunningPrometheus> {
  const series = await dump(recording);
  const prometheus = await startPrometheus({
    flags: ['--web.enable-remote-write-receiver', '--storage.tsdb.min-block-duration=2h'],
  });
  try {
    await write(prometheus.url, rewrite(series, rewriting));
    return prometheus;
  } catch (error) {
    await prometheus.stop();
    throw error;
  }
}

async function dump(recording: string): Promise<RawSeries[]> {
  const folder = mkdtempSync(join(tmpdir(), 'kpfd-dump-'));
  try {
    unpackBlocks(recording, folder);
    // promtool opens a log of its own beside the blocks, and ends without one.
    mkdirSync(join(folder, 'tsdb', 'wal'), { recursive: true });
    const child = spawn('promtool', ['tsdb', 'dump', join(folder, 'tsdb')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const byLabels = new Map<string, RawSeries>();
    for await (const line of createInterface({ input: child.stdout })) {
      const name = /^\{__name__="([^"]*)"/.exec(line)?.[1];
      if (name === undefined || !METRICS.has(name)) continue;
      const end = line.lastIndexOf('} ') + 1;
      const [value = '', time = ''] = line.slice(end + 1).split(' ');
      const labels = line.slice(0, end);
      const own = byLabels.get(labels) ?? { labels, times: [], values: [] };
      byLabels.set(labels, own);
      own.times.push(Number(time));
      own.values.push(Number(value));
    }
    if (byLabels.size === 0) throw new Error('promtool printed no sample');
    return [...byLabels.values()];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Sample {
  readonly series: string;
  /** Milliseconds. */
  readonly time: number;
  readonly value: number;
}

/** The samples that are stored, in order of time; NaN is a mark of staleness. */
function rewrite(all: readonly RawSeries[], { everyScrape = 1, fate = () => 'kept' }: Rewriting): Sample[] {
  const scrapes = scrapeTimes(all);
  const samples: Sample[] = [];
  for (const { labels, times, values } of all) {
    const add = (time: number, value: number): void => void samples.push({ series: labels, time, value });
    const target = targetOf(labels);
    if (target === undefined) {
      // cAdvisor dates its samples itself: a scrape stores the newest, and a series that ends gets no mark. (A scrape that
      // failed leaves one where Prometheus has track_timestamps_staleness.)
      const period = everyScrape * SCRAPE_SECONDS * 1000;
      for (const [i, time] of times.entries()) {
        const isLast = Math.floor(time / period) !== Math.floor((times[i + 1] ?? Number.POSITIVE_INFINITY) / period);
        const own = isLast ? fate(labels, time / 1000) : 'lost';
        if (own !== 'lost') add(time, own === 'failed' ? Number.NaN : (values[i] as number));
      }
      continue;
    }
    const at = new Map(times.map((time, i) => [time, values[i] as number]));
    let stored = false;
    for (const [i, time] of (scrapes.get(target) ?? []).entries()) {
      if (i % everyScrape !== 0) continue;
      const own = fate(labels, time / 1000);
      if (own === 'lost') continue;
      const value = own === 'kept' ? at.get(time) : undefined;
      if (value !== undefined && !Number.isNaN(value)) add(time, value);
      else if (stored) add(time, Number.NaN);
      stored = value !== undefined && !Number.isNaN(value);
    }
  }
  return samples.sort((a, b) => a.time - b.time);
}

/** The times at which each target was scraped; series of one scrape share it. */
function scrapeTimes(all: readonly RawSeries[]): Map<string, number[]> {
  const times = new Map<string, Set<number>>();
  for (const series of all) {
    const target = targetOf(series.labels);
    if (target === undefined) continue;
    const own = times.get(target) ?? new Set<number>();
    times.set(target, own);
    for (const time of series.times) own.add(time);
  }
  return new Map([...times].map(([target, own]) => [target, [...own].sort((a, b) => a - b)]));
}

/** job and instance; undefined of cAdvisor. */
function targetOf(labels: string): string | undefined {
  if (labels.startsWith('{__name__="container_')) return undefined;
  const value = (name: string): string => new RegExp(`[{ ]${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
  return `${value('job')} ${value('instance')}`;
}

/** Samples of so many at a time, in order of time. */
const BATCH = 20_000;

async function write(url: string, samples: readonly Sample[]): Promise<void> {
  const labels = new Map<string, Buffer>();
  for (let start = 0; start < samples.length; start += BATCH) {
    const parts = samples.slice(start, start + BATCH).map(({ series, time, value }) => {
      const own = labels.get(series) ?? encodeLabels(series);
      labels.set(series, own);
      return field(1, Buffer.concat([own, field(2, encodeSample(time, value))]));
    });
    const response = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      body: snappy(Buffer.concat(parts)),
    });
    if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`);
  }
}

// ---- protobuf (prompb/types.proto) and snappy, as far as a write needs them

function encodeLabels(labels: string): Buffer {
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', quoted = '']) => {
    const value = quoted.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    return { name, value };
  });
  pairs.sort((a, b) => (a.name < b.name ? -1 : 1));
  return Buffer.concat(
    pairs.map(({ name, value }) =>
      field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))])),
    ),
  );
}

function encodeSample(time: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = (1 << 3) | 1;
  if (Number.isNaN(value)) bytes.writeBigUInt64LE(STALE, 1);
  else bytes.writeDoubleLE(value, 1);
  return Buffer.concat([bytes, Buffer.from([2 << 3]), varint(time)]);
}

/** A field of bytes. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

/** The block format with one literal: nothing is compressed. */
function snappy(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length - 1);
  return Buffer.concat([varint(bytes.length), Buffer.from([63 << 2]), length, bytes]);
}
