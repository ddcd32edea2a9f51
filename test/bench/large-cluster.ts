import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { unpackBlocks } from '../support/archive.ts';

/** Labels that name a pod or what belongs to one: a copy of a series differs in these. */
const NAMES = /(\b(?:pod|uid|replicaset|id|job_name|created_by_name)=")([^"]+)"/g;
/** Every fourth sample of a scrape each 15 s. */
const KEPT_EVERY = 4;

/**
 * A cluster of `copies` times as many pods, made from the last quarter of an hour before `unixSeconds` of a recording:
 * each pod's series again under another name, scraped each minute. Returns a folder of Prometheus' blocks in `folder`.
 */
export async function largeCluster(
  recording: string,
  unixSeconds: number,
  copies: number,
  folder: string,
): Promise<string> {
  unpackBlocks(recording, folder);
  const text = join(folder, 'large.txt');
  const out = createWriteStream(text);
  for (const lines of copiesOf(await seriesBefore(join(folder, 'tsdb'), unixSeconds), copies)) {
    if (!out.write(lines)) await once(out, 'drain');
  }
  out.end('# EOF\n');
  await once(out, 'finish');
  const blocks = join(folder, 'large');
  mkdirSync(blocks);
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', text, blocks], { stdio: 'ignore' });
  rmSync(text);
  return blocks;
}

/** `metric{labels}` → its samples as `value seconds`, oldest first. */
async function seriesBefore(tsdb: string, unixSeconds: number): Promise<Map<string, string[]>> {
  const range = [`--min-time=${(unixSeconds - 960) * 1000}`, `--max-time=${unixSeconds * 1000}`];
  const dump = spawn('promtool', ['tsdb', 'dump', ...range, '--match={__name__=~"kube_.+|container_.+"}', tsdb], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const series = new Map<string, string[]>();
  for await (const line of createInterface({ input: dump.stdout })) {
    const [, metric, labels = '', value, milliseconds] =
      /^\{__name__="(\w+)"(?:, (.*))?\} (\S+) (\d+)$/.exec(line) ?? [];
    if (metric === undefined) throw new Error(`promtool dumped a line of another form: ${line}`);
    const key = `${metric}{${labels.replaceAll('", ', '",')}}`;
    const samples = series.get(key) ?? [];
    samples.push(`${value} ${Number(milliseconds) / 1000}`);
    series.set(key, samples);
  }
  return series;
}

/** OpenMetrics wants the series of a metric together. */
function* copiesOf(series: ReadonlyMap<string, readonly string[]>, copies: number): Generator<string> {
  const metric = (key: string): string => key.slice(0, key.indexOf('{'));
  for (const [key, samples] of [...series].sort(([a], [b]) => (metric(a) < metric(b) ? -1 : 1))) {
    const kept = samples.filter((_, i) => (samples.length - 1 - i) % KEPT_EVERY === 0);
    for (let copy = 0; copy < copies; copy++) {
      const name = copy === 0 ? key : key.replace(NAMES, `$1$2-${copy}"`);
      if (copy > 0 && name === key) break;
      yield kept.map((sample) => `${name} ${sample}\n`).join('');
    }
  }
}
