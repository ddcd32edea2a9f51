import { FailureError, type Failure } from '../core/failure.ts';
import { featureMatrix } from '../core/features/matrix.ts';
import { podKey } from '../core/pods/presence.ts';
import { podStatus } from '../core/pods/status.ts';
import { isWatched, labelOf } from '../core/predictions/label.ts';
import type { Observation, Poll } from '../core/predictions/observation.ts';
import type { PodRow } from '../core/predictions/pod-row.ts';
import { whyNotEvaluated } from '../core/predictions/prediction.ts';
import { rivalsQuery } from '../core/predictions/rivals.ts';
import { REQUESTS } from '../core/signals/requests.ts';
import type { RequestName } from '../core/signals/catalogue.ts';
import type { HistorySource } from '../core/signals/metric-source.ts';
import { canonicalLabels, type Naming, type NamingOptions } from '../core/signals/naming.ts';
import type { Scope } from '../core/signals/signal.ts';
import { History, type Span } from './history.ts';
import { Journal } from './journal.ts';
import { podsAt, STATUS_REQUESTS } from './pods-at.ts';
import { findNaming, measureLayout } from './read-layout.ts';
import { assertNamespaceKnown } from './namespaces.ts';

/** Which pods of a Prometheus' past are looked at, and what is asked of it. */
export interface HistoryRequest {
  readonly span: Span;
  readonly horizonSeconds: number;
  readonly scope: Scope;
  readonly naming: NamingOptions;
  /** "1.34"; undefined: as the kubelets say. */
  readonly kubernetesVersion: string | undefined;
  /** How many values (series x steps) one request may answer with. */
  readonly maxSamples: number;
  /** Whether to look as well at what rivals would say. */
  readonly withRivals: boolean;
}

/** The rows of one step. */
export interface StepRows {
  readonly unixSeconds: number;
  /** False where kube-state-metrics was silent, or no pod could be evaluated though there were some. */
  readonly isTold: boolean;
  readonly rows: readonly PodRow[];
}

/** Statuses are read as often as most clusters scrape; a failure of seconds would hide between longer steps. */
export const STATUS_STEP_SECONDS = 15;
/** A pause in the scrapes longer than this, or than so many intervals, hides what happened in it. */
const LONGEST_GAP_SECONDS = 60;
const LONGEST_GAP_INTERVALS = 2.5;
/** What happens after the last scrape within the horizon nobody sees. One scrape may be late, and statuses are read in steps. */
const END_GAP_INTERVALS = 1.5;

const OBSERVED: readonly RequestName[] = [...STATUS_REQUESTS, 'restarts'];

/**
 * The rows of every pod that can be evaluated and whose status is told, a batch for each step, in order of time: features
 * as `--at` would compute them, and the label from what is seen later. `polls` says what kubectl printed; without it metrics
 * tell. It holds the polls of one horizon and no more. `journal` gets what went wrong on the way and did not end it.
 */
export async function* podRows(
  source: HistorySource,
  request: HistoryRequest,
  journal: Journal,
  polls?: AsyncIterable<Poll>,
): AsyncGenerator<StepRows> {
  const { span, horizonSeconds } = request;
  const history = new History(source, span, request.maxSamples);
  const future = { start: span.start, end: span.end + horizonSeconds, step: STATUS_STEP_SECONDS };
  const seen = new Outlook(
    polls ?? metricPolls(new History(source, future, request.maxSamples), future, request, journal),
  );
  let lastTold: number | undefined;
  let isAnyRow = false;
  for (let t = span.start; t <= span.end; t += span.step) {
    const found = await momentAt(history, t, request, REQUESTS, journal);
    const conditions =
      found !== undefined && request.withRivals ? await conditionsAt(history, t, found.naming) : NO_CONDITIONS;
    await seen.readUntil(t + horizonSeconds);
    seen.forgetBefore(t);
    // Whoever polled with kubectl did so as often as he liked.
    const moment =
      found === undefined || polls === undefined ? found : { ...found, endGapSeconds: found.longestGapSeconds };
    const rows = moment === undefined ? [] : labelled(moment, conditions, seen, t, request);
    if (found !== undefined) lastTold = t;
    isAnyRow ||= rows.length > 0;
    const isTold =
      found !== undefined &&
      (rows.length > 0 || found.pods.every((pod) => pod.silence === undefined && pod.presence !== 'untold'));
    yield { unixSeconds: t, isTold, rows };
  }
  if (!isAnyRow) await assertScopeKnown(source, lastTold ?? span.end, request);
}

/** No rows at all may come of a typing error, of names that were lost all the time, or of a time without data. */
async function assertScopeKnown(source: HistorySource, t: number, { naming, scope }: HistoryRequest): Promise<void> {
  const found = await findNaming(source, t, naming, new Journal());
  await measureLayout(source, t, found, new Journal());
  await assertNamespaceKnown(source, t, found.naming, scope);
}

type Conditions = ReadonlyMap<string, ReadonlySet<string>>;
const NO_CONDITIONS: Conditions = new Map();
const NONE: ReadonlySet<string> = new Set();

/** podKey -> the conditions of rivals that hold. */
async function conditionsAt(history: History, unixSeconds: number, naming: Naming): Promise<Conditions> {
  const { series } = await history.query(rivalsQuery(naming), unixSeconds);
  const found = new Map<string, Set<string>>();
  for (const { labels } of series) {
    const own = canonicalLabels(naming, 'kube-state-metrics', labels);
    const key = podKey(own['namespace'] ?? '', own['pod'] ?? '');
    const conditions = found.get(key) ?? new Set();
    found.set(key, conditions.add(labels['fact'] ?? ''));
  }
  return found;
}

function labelled(
  found: Moment,
  conditions: Conditions,
  seen: Outlook,
  t: number,
  { horizonSeconds, span }: HistoryRequest,
): PodRow[] {
  const evaluated = found.pods.flatMap((pod) => {
    const own = podStatus(pod, found.rules);
    const { now, status, restarts } = own;
    if (pod.presence !== 'present' || status === undefined || whyNotEvaluated(pod, own) !== undefined) return [];
    return [{ pod, now, status, restarts }];
  });
  const { longestGapSeconds, endGapSeconds } = found;
  const isTold = isWatched(seen.watchedAt, t, t + horizonSeconds, longestGapSeconds, endGapSeconds);
  const matrix = featureMatrix(evaluated.map(({ pod }) => pod));
  return evaluated.map(({ pod, now, status, restarts }, i): PodRow => {
    const key = podKey(pod.namespace, pod.name);
    const later = seen.of(key);
    const row: Observation = { unixSeconds: t, uid: pod.uid, now, status, leaving: false, restarts };
    return {
      unixSeconds: t,
      pod,
      now,
      status,
      features: matrix.values.subarray(i * matrix.columnCount, (i + 1) * matrix.columnCount),
      longestGapSeconds,
      horizonSeconds,
      label: isTold ? labelOf(row, later, horizonSeconds, longestGapSeconds, endGapSeconds) : undefined,
      seen: later.filter(({ unixSeconds }) => unixSeconds < t + span.step),
      conditions: conditions.get(key) ?? NONE,
    };
  });
}

type Moment = Awaited<ReturnType<typeof podsAt>> & {
  readonly longestGapSeconds: number;
  readonly endGapSeconds: number;
};

/** undefined where kube-state-metrics told nothing at that instant, or nothing new for so long that it is silent. */
async function momentAt(
  history: History,
  unixSeconds: number,
  { scope, naming, kubernetesVersion }: HistoryRequest,
  requests: readonly RequestName[],
  journal: Journal,
): Promise<Moment | undefined> {
  // An answer that lacks something lacks it at this instant.
  const own = new Journal();
  try {
    const found = await podsAt(history, unixSeconds, requests, { scope, naming, kubernetesVersion }, own);
    const interval = found.scrapeIntervalSeconds ?? 0;
    const longestGapSeconds = Math.max(LONGEST_GAP_SECONDS, LONGEST_GAP_INTERVALS * interval);
    const endGapSeconds = Math.max(2 * STATUS_STEP_SECONDS, END_GAP_INTERVALS * interval);
    return unixSeconds - found.scrapedAt > longestGapSeconds
      ? undefined
      : { ...found, longestGapSeconds, endGapSeconds };
  } catch (error) {
    if (error instanceof FailureError && SILENT.has(error.failure.kind)) return undefined;
    throw error;
  } finally {
    journal.include(own);
  }
}

/** Before the first scrape, while kube-state-metrics is down, or its pods cannot be told apart, there is nothing to look at. */
const SILENT: ReadonlySet<Failure['kind']> = new Set(['pods-silent', 'answered-in-part', 'names-lost']);

/** The pods as metrics showed them, at each step of the span. */
async function* metricPolls(
  history: History,
  span: Span,
  request: HistoryRequest,
  journal: Journal,
): AsyncGenerator<Poll> {
  for (let t = span.start; t <= span.end; t += span.step) {
    const found = await momentAt(history, t, request, OBSERVED, journal);
    if (found === undefined) continue;
    const pods = new Map<string, Observation>();
    for (const pod of found.pods) {
      if (pod.presence !== 'present') continue;
      const { now, status, leaving, restarts } = podStatus(pod, found.rules);
      pods.set(podKey(pod.namespace, pod.name), { unixSeconds: t, uid: pod.uid, now, status, leaving, restarts });
    }
    yield { unixSeconds: t, seenAtUnixSeconds: found.scrapedAt, pods };
  }
}

/** What is seen of each pod from now until one horizon ahead. */
class Outlook {
  readonly #polls: AsyncIterator<Poll>;
  readonly #seen = new Map<string, Observation[]>();
  #watchedAt: number[] = [];
  #next: Poll | undefined;
  #ended = false;

  constructor(polls: AsyncIterable<Poll>) {
    this.#polls = polls[Symbol.asyncIterator]();
  }

  async readUntil(unixSeconds: number): Promise<void> {
    for (;;) {
      if (this.#next === undefined) {
        if (this.#ended) return;
        const { done, value } = await this.#polls.next();
        if (done === true) {
          this.#ended = true;
          return;
        }
        this.#next = value;
      }
      if (this.#next.unixSeconds > unixSeconds) return;
      this.#watchedAt.push(this.#next.seenAtUnixSeconds);
      for (const [key, observation] of this.#next.pods) {
        const own = this.#seen.get(key);
        if (own === undefined) this.#seen.set(key, [observation]);
        else own.push(observation);
      }
      this.#next = undefined;
    }
  }

  /** When anybody looked, in order of time. */
  get watchedAt(): readonly number[] {
    return this.#watchedAt;
  }

  forgetBefore(unixSeconds: number): void {
    this.#watchedAt = this.#watchedAt.filter((t) => t >= unixSeconds);
    for (const [key, own] of this.#seen) {
      const kept = own.filter((observation) => observation.unixSeconds >= unixSeconds);
      if (kept.length === 0) this.#seen.delete(key);
      else this.#seen.set(key, kept);
    }
  }

  of(key: string): readonly Observation[] {
    return this.#seen.get(key) ?? [];
  }
}
