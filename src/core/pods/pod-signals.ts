import { SIGNALS, WINDOW_SECONDS, type SignalName, type Windowed } from '../signals/catalogue.ts';
import { copyKey, copyKeyOf } from '../signals/copies.ts';
import { staleSeconds, toldTimes } from '../signals/layout.ts';
import type { Readings } from '../signals/readings.ts';
import type { SignalRow } from '../signals/signal.ts';
import { ghostAgeSeconds, type Sighting } from './presence.ts';
import type { ContainerSnapshot, Resources } from './snapshot.ts';

/** What claims each state; of rows of one scrape the first signal counts, and reasons stand first. */
type StateSignals = Readonly<Record<NonNullable<ContainerSnapshot['state']>, readonly SignalName[]>>;

export const CONTAINER_STATES: StateSignals = {
  running: ['container-running'],
  waiting: ['container-waiting-reason', 'container-waiting'],
  terminated: ['container-terminated-reason', 'container-terminated'],
};
export const INIT_STATES: StateSignals = {
  running: ['init-running'],
  waiting: ['init-waiting-reason', 'init-waiting'],
  terminated: ['init-terminated-reason', 'init-terminated'],
};

/** The states of containers: a pod on a node has at least one row of them. */
export const CONTAINER_ROWS: readonly SignalName[] = Object.values(CONTAINER_STATES).flat();
const INIT_ROWS: readonly SignalName[] = ['init-info', ...Object.values(INIT_STATES).flat()];

/** What comes from one scrape, unless the metrics of pods and of containers are scraped apart. */
type RowKind = 'pod' | 'container' | 'init' | 'both';

const OF_CONTAINERS: ReadonlySet<SignalName> = new Set([...CONTAINER_ROWS, 'container-ready']);
const OF_INIT: ReadonlySet<SignalName> = new Set([...INIT_ROWS, 'init-ready']);

const KINDS: ReadonlyMap<SignalName, RowKind> = new Map(
  SIGNALS.map(({ name }) => [
    name,
    name === 'last-terminated-reason'
      ? 'both'
      : OF_CONTAINERS.has(name)
        ? 'container'
        : OF_INIT.has(name)
          ? 'init'
          : 'pod',
  ]),
);

function kindOf(signal: SignalName): RowKind {
  return KINDS.get(signal) ?? 'pod';
}

/**
 * The rows of one pod, of its own uid and of the scrape that counts.
 *
 * All series of one scrape carry its time, so older rows are of another copy of kube-state-metrics or are ghosts, and
 * are left out. (A newer one is of a scrape that was stored while kpfd asked, and is the better for it.) But a query that
 * deduplicates replicas of Prometheus (Thanos) takes each series from the one or the other: rows that are a little older
 * (ghostAgeSeconds), and not of the time at which another copy was scraped, are of the same copy. Where the pod's phase is
 * older than kube_pod_info, or the pod's copy has no states of containers as new as that, they come from another instance: then
 * rows of their kind are seen from the newest of them, whoever was scraped then.
 */
export class PodSignals {
  readonly #rows: ReadonlyMap<SignalName, readonly SignalRow[]>;
  readonly #uid: string | undefined;
  readonly #readings: Readings;
  /** Whether rows of a kind that were scraped at a moment count. */
  readonly #accept: Readonly<Record<RowKind, (unixSeconds: number) => boolean>>;
  /** Kinds of which the pod's rows are all so old that they tell nothing of now. */
  readonly #outdated = new Set<RowKind>();
  /** What `of` found: each signal is asked for again and again. */
  readonly #accepted = new Map<SignalName, readonly SignalRow[]>();

  constructor(sighting: Sighting, readings: Readings) {
    this.#rows = readings.byPod.of(sighting.namespace, sighting.name);
    this.#uid = sighting.uid;
    this.#readings = readings;
    const scrapedAt = sighting.scrapedAtUnixSeconds ?? Number.NEGATIVE_INFINITY;
    const newest = (signals: readonly SignalName[]): number =>
      signals.reduce((best, signal) => newestTime(this.#own(signal), best), Number.NEGATIVE_INFINITY);
    const { layout } = readings;
    const copy = copyKeyOf(sighting.labels);
    // Where nothing deduplicates, older rows are of the other replica, which the newer one has overtaken.
    const isOfOther = (unixSeconds: number): boolean =>
      toldTimes(layout) > 1 ||
      layout.copies.some((other) => other.scrapedAtUnixSeconds === unixSeconds && copyKey(other) !== copy);
    const since = (newestOfKind: number): ((unixSeconds: number) => boolean) => {
      const isOwn = newestOfKind >= scrapedAt;
      const oldest = Math.min(newestOfKind, scrapedAt) - ghostAgeSeconds(layout);
      return (t) => (isOwn ? t >= scrapedAt || (t > oldest && !isOfOther(t)) : t > oldest);
    };
    const oldestOfNow = scrapedAt - staleSeconds(layout);
    const phases = newest(['phase']);
    const ofPod = since(phases > oldestOfNow ? phases : scrapedAt);
    const ofKind = (kind: 'container' | 'init'): ((unixSeconds: number) => boolean) => {
      if (!layout.scrapedApart[kind].has(copy)) return ofPod;
      const found = newest(kind === 'container' ? CONTAINER_ROWS : INIT_ROWS);
      if (found > oldestOfNow) return since(found);
      if (Number.isFinite(found)) this.#outdated.add(kind);
      return ofPod;
    };
    const [container, init] = [ofKind('container'), ofKind('init')];
    this.#accept = { pod: ofPod, container, init, both: (t) => container(t) || init(t) };
  }

  #own(signal: SignalName): readonly SignalRow[] {
    const rows = this.#readings.gaps.has(signal) ? NONE : (this.#rows.get(signal) ?? NONE);
    // cAdvisor and kube-state-metrics 1 have no uid: their rows belong to the newest pod of the name.
    return only(rows, ({ labels }) => labels['uid'] === undefined || labels['uid'] === this.#uid);
  }

  isMissing(signal: SignalName): boolean {
    return this.#readings.gaps.has(signal);
  }

  of(signal: SignalName, container?: string): readonly SignalRow[] {
    let rows = this.#accepted.get(signal);
    if (rows === undefined) {
      // Of most signals a pod has no rows.
      if (!this.#rows.has(signal)) return NONE;
      rows = this.#own(signal);
      if (isScrapeTimed(signal)) {
        const accept = this.#accept[kindOf(signal)];
        rows = only(rows, (row) => accept(row.value));
      }
      this.#accepted.set(signal, rows);
    }
    if (container === undefined) return rows;
    // Nearly every pod has one container.
    if (rows.length === 1) return rows[0]?.labels['container'] === container ? rows : NONE;
    return only(rows, (row) => row.labels['container'] === container);
  }

  /** Whether there are samples from the beginning of the signal's window, or the pod with all its containers is younger. */
  reachesBack(signal: Windowed): boolean {
    const { layout, unixSeconds } = this.#readings;
    const windowSeconds = WINDOW_SECONDS[signal];
    if (!layout.windowsBeforeHistory.has(windowSeconds)) return true;
    const created = this.value('pod-created');
    const begins = this.of('container-started').map(({ value }) => value);
    return created !== undefined && Math.min(created, ...begins) > unixSeconds - windowSeconds;
  }

  /** Nothing was said, or no number: Prometheus may hold NaN. */
  isVoid(signal: SignalName, container?: string): boolean {
    return !this.of(signal, container).some(({ value }) => Number.isFinite(value));
  }

  has(signal: SignalName, container: string): boolean {
    return this.of(signal, container).length > 0;
  }

  /**
   * Whether the fact is so; undefined where the signal is missing as a whole, its metric is nowhere, or its rows are too old:
   * then its silence says nothing.
   */
  tells(signal: SignalName, container?: string): boolean | undefined {
    const isAbsent = this.#readings.layout.absentMetrics.has(METRICS.get(signal) ?? '');
    if (isAbsent || this.isMissing(signal) || this.#outdated.has(kindOf(signal))) return undefined;
    return this.of(signal, container).length > 0;
  }

  /**
   * The value, where it says something of the pod: Prometheus may hold NaN and ±Inf, and a time that Kubernetes does not
   * know is exported as that of the year 1.
   */
  value(signal: SignalName, container?: string): number | undefined {
    const value = this.of(signal, container)[0]?.value;
    if (value === undefined || !Number.isFinite(value)) return undefined;
    return isTime(signal) && (value <= 0 || value > LAST_UNIX_SECONDS) ? undefined : value;
  }

  containers(signal: SignalName): string[] {
    return this.of(signal).map((row) => row.labels['container'] ?? '');
  }

  newestLabel(signal: SignalName, label: string): string | undefined {
    return newestRow(this.of(signal))?.labels[label];
  }

  isSidecar(container: string): boolean {
    return this.of('init-info', container).some((row) => row.labels['restart_policy'] === 'Always');
  }

  /**
   * A container is in one state: of rows that disagree the newest counts, and of equally new ones the first. The reason is that
   * of the newest row of the state that has one.
   */
  state(signals: StateSignals, name: string): Pick<ContainerSnapshot, 'state' | 'reason'> {
    let newest: { state: NonNullable<ContainerSnapshot['state']>; at: number } | undefined;
    for (const state of ['running', 'waiting', 'terminated'] as const) {
      for (const { value } of signals[state].flatMap((signal) => this.of(signal, name))) {
        if (newest === undefined || value > newest.at) newest = { state, at: value };
      }
    }
    if (newest === undefined) return { state: undefined, reason: undefined };
    const reasons = signals[newest.state]
      .flatMap((signal) => this.of(signal, name))
      .filter((row) => row.labels['reason']);
    return { state: newest.state, reason: newestRow(reasons)?.labels['reason'] };
  }

  lastTermination(name: string): ContainerSnapshot['lastTermination'] {
    const reason = newestRow(this.of('last-terminated-reason', name))?.labels['reason'];
    const exitCode = this.value('last-exit-code', name);
    const atUnixSeconds = this.value('last-terminated-at', name);
    if (reason === undefined && exitCode === undefined && atUnixSeconds === undefined) return undefined;
    return { reason, exitCode, atUnixSeconds };
  }

  resources(signal: SignalName, name: string): Resources | undefined {
    if (this.isMissing(signal)) return undefined;
    const rows = this.of(signal, name);
    const amount = (resource: string): number | undefined => {
      const value = rows.find((row) => row.labels['resource'] === resource)?.value;
      // A limit of 0 is none.
      return value !== undefined && Number.isFinite(value) && value > 0 ? value : undefined;
    };
    return { cpuCores: amount('cpu'), memoryBytes: amount('memory') };
  }
}

const NONE: readonly SignalRow[] = [];

/** The rows that pass. Nearly always all do, and then there is nothing to copy. */
function only(rows: readonly SignalRow[], passes: (row: SignalRow) => boolean): readonly SignalRow[] {
  return rows.every(passes) ? rows : rows.filter(passes);
}

/** The latest of the scrapes of the rows, and of `best`. */
function newestTime(rows: readonly SignalRow[], best: number): number {
  return rows.reduce((latest, { value }) => Math.max(latest, value), best);
}

/** The end of the year 9999, after which RFC 3339 writes no time. */
const LAST_UNIX_SECONDS = 253_402_300_799;

function newestRow(rows: readonly SignalRow[]): SignalRow | undefined {
  return rows.reduce<SignalRow | undefined>(
    (best, next) => (best === undefined || next.value > best.value ? next : best),
    undefined,
  );
}

const METRICS: ReadonlyMap<SignalName, string> = new Map(SIGNALS.map(({ name, metric }) => [name, metric]));

const TIMES: ReadonlySet<SignalName> = new Set(
  SIGNALS.filter(({ unit }) => unit === 'unix seconds').map((s) => s.name),
);

function isTime(signal: SignalName): boolean {
  return TIMES.has(signal);
}

const SCRAPE_TIMED: ReadonlySet<SignalName> = new Set(
  SIGNALS.filter((signal) => signal.unit === 'scrape time' && signal.exporter === 'kube-state-metrics').map(
    (s) => s.name,
  ),
);

function isScrapeTimed(signal: SignalName): boolean {
  return SCRAPE_TIMED.has(signal);
}

/** A sample from before the container's start is of the container before: cAdvisor's series outlive their container. */
export function isOlder(sampledAt: number | undefined, startedAt: number | undefined): boolean {
  return sampledAt !== undefined && startedAt !== undefined && sampledAt < startedAt;
}
