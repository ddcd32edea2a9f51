/**
 * NOW, computed from a recording's metrics, against the STATUS that kubectl printed at the same moment. A recording is a
 * folder with tsdb.tar.gz (or .xz) and status.jsonl.gz. Every poll of kubectl is evaluated by the same code that serves
 * `kpfd scan --at`, as if nothing after it was known.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FailureError } from '../../src/core/failure.ts';
import { podStatus } from '../../src/core/pods/status.ts';
import { podsAt, STATUS_REQUESTS } from '../../src/pipeline/pods-at.ts';
import { clientOf, startPrometheus } from '../support/prometheus.ts';

/** One pod at one poll. */
export interface Pair {
  readonly pod: string;
  readonly unixSeconds: number;
  readonly kubectl: string;
  readonly kpfd: string;
  /** farther than WINDOW_SECONDS from a change of the pod's printed status */
  readonly outsideWindows: boolean;
  /** kubectl printed the same in one of the two polls around the scrape that kpfd saw */
  readonly equalAtScrape: boolean;
  /** status or restarts differ between those two polls: what kubectl would have printed at the scrape nobody saw */
  readonly changedAroundScrape: boolean;
}

interface Poll {
  readonly t: number;
  /** namespace/name → STATUS and RESTARTS */
  readonly pods: ReadonlyMap<string, Printed>;
}

interface Printed {
  readonly status: string;
  readonly restarts: number;
}

/** Pairs nearer than this to a change of the pod's status are left out of "outside windows". */
const WINDOW_SECONDS = 20;

const NOT_SEEN = '(not seen)';

/**
 * Every pod at every poll of the recording, and how many pods kubectl printed while there was no kube-state-metrics: then
 * kpfd says that it cannot tell, which neither agrees nor differs. `onPoll` is told of the progress.
 */
export async function comparePolls(
  folder: string,
  onPoll: (done: number, polls: number) => void = () => {},
): Promise<{ pairs: Pair[]; untold: number }> {
  const polls = readPolls(join(folder, 'status.jsonl.gz'));
  const changes = changesOf(polls);
  const pairs: Pair[] = [];
  let untold = 0;
  const prometheus = await startPrometheus({ recording: folder });
  try {
    const source = clientOf(prometheus.url);
    for (const [i, poll] of polls.entries()) {
      if (poll.pods.size === 0) continue;
      const found = await podsAt(source, poll.t, STATUS_REQUESTS).catch(undefinedWhereSilent);
      if (found === undefined) {
        untold += poll.pods.size;
        continue;
      }
      const { pods, scrapedAt, rules } = found;
      const now = new Map(
        pods
          .filter((pod) => pod.presence === 'present')
          .map((pod) => [`${pod.namespace}/${pod.name}`, podStatus(pod, rules).now]),
      );
      const around = pollsAround(polls, scrapedAt);
      for (const [pod, { status }] of poll.pods) {
        const kpfd = now.get(pod) ?? NOT_SEEN;
        const printed = around.map((other) => other.pods.get(pod));
        pairs.push({
          pod,
          unixSeconds: poll.t,
          kubectl: status,
          kpfd,
          outsideWindows: (changes.get(pod) ?? []).every((t) => Math.abs(t - poll.t) > WINDOW_SECONDS),
          equalAtScrape: printed.some((own) => (own?.status ?? NOT_SEEN) === kpfd),
          changedAroundScrape: new Set(printed.map((own) => `${own?.status} ${own?.restarts}`)).size > 1,
        });
      }
      onPoll(i + 1, polls.length);
    }
  } finally {
    await prometheus.stop();
  }
  return { pairs, untold };
}

function undefinedWhereSilent(error: unknown): undefined {
  if (error instanceof FailureError && error.failure.kind === 'pods-silent') return undefined;
  throw error;
}

/** Shares of all pairs, each NaN where there is no pair. */
export function sharesOf(pairs: readonly Pair[]): {
  pairs: number;
  agreement: number;
  agreementOutsideWindows: number;
  agreementAtScrape: number;
} {
  const equal = ({ kubectl, kpfd }: Pair): boolean => kubectl === kpfd;
  const outside = pairs.filter((pair) => pair.outsideWindows);
  return {
    pairs: pairs.length,
    agreement: pairs.filter(equal).length / pairs.length,
    agreementOutsideWindows: outside.filter(equal).length / outside.length,
    agreementAtScrape: pairs.filter((pair) => pair.equalAtScrape).length / pairs.length,
  };
}

/** Why kpfd and kubectl differ, at the poll or at the scrape; undefined where they do not. */
export function causeOf(
  pair: Pair,
): 'changed since the scrape' | 'changed around the scrape' | 'not explained' | undefined {
  if (pair.equalAtScrape) return pair.kubectl === pair.kpfd ? undefined : 'changed since the scrape';
  return pair.changedAroundScrape ? 'changed around the scrape' : 'not explained';
}

function readPolls(path: string): Poll[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { t: number; pods: Record<string, [string, string, number, ...unknown[]]> })
    .map(({ t, pods }) => ({
      t,
      pods: new Map(Object.entries(pods).map(([pod, [, status, restarts]]) => [pod, { status, restarts }])),
    }));
}

/** When each pod's printed status changed, appeared or vanished. */
function changesOf(polls: readonly Poll[]): Map<string, number[]> {
  const changes = new Map<string, number[]>();
  for (let i = 1; i < polls.length; i++) {
    const [before, after] = [polls[i - 1] as Poll, polls[i] as Poll];
    for (const pod of new Set([...before.pods.keys(), ...after.pods.keys()])) {
      if (before.pods.get(pod)?.status === after.pods.get(pod)?.status) continue;
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
