/**
 * npm run status-agreement -- RECORDING…: how often NOW, computed from a recording's metrics, is the STATUS that
 * kubectl printed at the same moment. A recording is a folder with tsdb.tar.gz and status.jsonl.gz.
 *
 * Every poll of kubectl is evaluated by the same code that serves `kpfd scan --at`, as if nothing after it was known.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { podStatus } from '../../src/core/pods/status.ts';
import { podsAt, STATUS_REQUESTS } from '../../src/pipeline/pods-at.ts';
import { clientOf, startPrometheus } from '../support/prometheus.ts';

interface Poll {
  readonly t: number;
  /** namespace/name → STATUS */
  readonly pods: ReadonlyMap<string, string>;
}

/** Pairs nearer than this to a change of the pod's status are left out of "outside windows". */
const WINDOW_SECONDS = 20;

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error('usage: npm run status-agreement -- RECORDING…   (a folder with tsdb.tar.gz and status.jsonl.gz)');
  process.exit(2);
}
const total = { pairs: 0, equal: 0, outside: 0, outsideEqual: 0, atScrapeEqual: 0 };
const confusion = new Map<string, { pairs: number; outside: number; atScrape: number; example: string }>();
for (const folder of folders) await compare(folder);
report();

async function compare(folder: string): Promise<void> {
  const polls = readPolls(join(folder, 'status.jsonl.gz'));
  const prometheus = await startPrometheus({ archive: join(folder, 'tsdb.tar.gz') });
  try {
    const source = clientOf(prometheus.url);
    const changes = changesOf(polls);
    for (const [i, poll] of polls.entries()) {
      if (poll.pods.size === 0) continue;
      const { pods, scrapedAt, rules } = await podsAt(source, poll.t, STATUS_REQUESTS);
      const now = new Map(
        pods
          .filter((pod) => pod.presence === 'present')
          .map((pod) => [`${pod.namespace}/${pod.name}`, podStatus(pod, rules).now]),
      );
      const around = pollsAround(polls, scrapedAt);
      for (const [pod, kubectl] of poll.pods) {
        const kpfd = now.get(pod) ?? '(not seen)';
        const outside = (changes.get(pod) ?? []).every((t) => Math.abs(t - poll.t) > WINDOW_SECONDS);
        const atScrape = around.some((other) => (other.pods.get(pod) ?? '(not seen)') === kpfd);
        count(kubectl, kpfd, outside, atScrape, `${pod} at ${poll.t}`);
      }
      if (process.stderr.isTTY) process.stderr.write(`\r${folder}: poll ${i + 1} of ${polls.length} `);
    }
    if (process.stderr.isTTY) process.stderr.write('\n');
  } finally {
    await prometheus.stop();
  }
}

function readPolls(path: string): Poll[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { t: number; pods: Record<string, [string, string, ...unknown[]]> })
    .map(({ t, pods }) => ({ t, pods: new Map(Object.entries(pods).map(([pod, [, status]]) => [pod, status])) }));
}

/** When each pod's printed status changed, appeared or vanished. */
function changesOf(polls: readonly Poll[]): Map<string, number[]> {
  const changes = new Map<string, number[]>();
  for (let i = 1; i < polls.length; i++) {
    const [before, after] = [polls[i - 1] as Poll, polls[i] as Poll];
    for (const pod of new Set([...before.pods.keys(), ...after.pods.keys()])) {
      if (before.pods.get(pod) === after.pods.get(pod)) continue;
      const own = changes.get(pod) ?? [];
      own.push(after.t);
      changes.set(pod, own);
    }
  }
  return changes;
}

function pollsAround(polls: readonly Poll[], scrapedAt: number): Poll[] {
  const after = polls.findIndex((poll) => poll.t >= scrapedAt);
  return [polls[after - 1], polls[after === -1 ? polls.length - 1 : after]].filter((poll) => poll !== undefined);
}

function count(kubectl: string, kpfd: string, outside: boolean, atScrape: boolean, example: string): void {
  const equal = kubectl === kpfd;
  total.pairs++;
  if (equal) total.equal++;
  if (outside) total.outside++;
  if (outside && equal) total.outsideEqual++;
  if (atScrape) total.atScrapeEqual++;
  const key = `${kubectl}\t${kpfd}`;
  const cell = confusion.get(key) ?? { pairs: 0, outside: 0, atScrape: 0, example };
  cell.pairs++;
  if (outside && !equal) cell.outside++;
  if (!atScrape) cell.atScrape++;
  if ((outside && !equal) || !atScrape) cell.example = example;
  confusion.set(key, cell);
}

function report(): void {
  const rows = [...confusion]
    .map(([key, cell]) => ({ key: key.split('\t'), ...cell }))
    .sort((a, b) => b.pairs - a.pairs);
  console.log(
    'kubectl printed                kpfd said                        pairs  outside windows  not at the scrape  example',
  );
  for (const { key, pairs, outside, atScrape, example } of rows) {
    const [kubectl = '', kpfd = ''] = key;
    const cause =
      kubectl === kpfd
        ? atScrape === 0
          ? ''
          : example
        : outside > 0 || atScrape > 0
          ? example
          : 'changed since the scrape';
    console.log(
      `${kubectl.padEnd(30)} ${kpfd.padEnd(30)} ${String(pairs).padStart(7)} ${String(outside).padStart(16)} ${String(atScrape).padStart(18)}  ${cause}`,
    );
  }
  console.log(
    JSON.stringify({
      pairs: total.pairs,
      agreement: share(total.equal, total.pairs),
      agreementOutsideWindows: share(total.outsideEqual, total.outside),
      agreementAtScrape: share(total.atScrapeEqual, total.pairs),
    }),
  );
}

function share(part: number, whole: number): number {
  return Math.round((part / whole) * 1e6) / 1e6;
}
