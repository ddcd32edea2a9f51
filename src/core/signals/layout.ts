import { FailureError } from '../failure.ts';
import { SIGNALS, WHOLE_WINDOWS, WINDOW_SECONDS } from './catalogue.ts';
import { copyKey, copyKeyOf, readAuthorities, readNamespaces, type ExporterCopy } from './copies.ts';
import type { Series } from './metric-source.ts';
import { CADVISOR_PROBE, exporterSeries, type Naming } from './naming.ts';
import { by, over, tagged } from './promql.ts';
import type { Exporter } from './signal.ts';

/** How this Prometheus names things, how many copies of kube-state-metrics it has, and how often it scrapes. */
export interface Layout extends Naming {
  readonly copies: readonly ExporterCopy[];
  /** How many pods all copies together know; undefined: not told. */
  readonly podCount: number | undefined;
  /** Copy → the newest coherent replica of it, whose word on a pod's absence counts. Keys are copyKey(). */
  readonly authorities: ReadonlyMap<string, ExporterCopy>;
  /** Copy → the namespaces of which it knows pods; empty where copies were not compared. Keys are copyKey(). */
  readonly namespacesOf: ReadonlyMap<string, ReadonlySet<string>>;
  /** undefined: could not be measured. */
  readonly scrapeIntervalSeconds: Readonly<Record<Exporter, number | undefined>>;
  /** Those of PROBED_METRICS that have no series of any pod though they ought to; none where that is not told. */
  readonly absentMetrics: ReadonlySet<string>;
  /** False: no container has ever been started, so that there are no series of any. undefined: not told. */
  readonly isAnyStarted: boolean | undefined;
  /** Copies whose metrics of containers, or of init containers, are scraped apart from those of pods. Keys are copyKey(). */
  readonly scrapedApart: Readonly<Record<'container' | 'init', ReadonlySet<string>>>;
  /** False: there were no pods a few minutes ago, so Prometheus or its scraping has just begun. undefined: not told. */
  readonly hasHistory: boolean | undefined;
  /** Windows, in seconds, in whose beginning there were no samples of any pod; none where that is not told. */
  readonly windowsBeforeHistory: ReadonlySet<number>;
}

const INTERVAL_WINDOWS = { short: 300, long: 900 } as const;

/**
 * There is a history where something was stored between nine and four minutes ago. The window is as long as an instant
 * looks back; an instant itself would find nothing there after one failed scrape.
 */
const HISTORY = '[5m] offset 4m';
/**
 * And one that longer windows look back on, in seconds, where the first quarter of the window has samples: there is one scrape
 * at least in it, for a window is used only where it holds four. What was before a pause says nothing of what happened in it.
 */
const LONG_WINDOWS = [...new Set(WHOLE_WINDOWS.map((signal) => WINDOW_SECONDS[signal]))];

/** Every container that has a status has a row of it, with 0 or 1. */
const CONTAINERS = 'kube_pod_container_status_running';
const INIT_CONTAINERS = 'kube_pod_init_container_info';

/** Metrics of which a silence says something. */
export const PROBED_METRICS: readonly string[] = [
  ...new Set(SIGNALS.flatMap(({ metric, withoutSeries }) => (withoutSeries === undefined ? [] : namesOf(metric)))),
];

/** A metric by its name, and by those that it had before: until kube-state-metrics 2 each resource had a metric of its own. */
export function namesOf(metric: string): string[] {
  const isOfResources = /^kube_pod_container_resource_(?:limits|requests)$/.test(metric);
  return isOfResources ? ['', '_cpu_cores', '_memory_bytes'].map((unit) => `${metric}${unit}`) : [metric];
}

/** How many samples a series has in five and in fifteen minutes, and which metrics have series at all. */
export function intervalsQuery(naming: Naming): string {
  const info = exporterSeries(naming, 'kube-state-metrics', 'kube_pod_info');
  const { namespace, pod, uid } = naming.labels['kube-state-metrics'];
  const count = (metric: string, exporter: Exporter, seconds: number): string =>
    `max(count_over_time(${exporterSeries(naming, exporter, metric)}[${seconds}s]))`;
  const scraped = (metric: string): string =>
    by('max', ['job', 'instance'], `timestamp(${exporterSeries(naming, 'kube-state-metrics', metric)})`);
  const running = exporterSeries(naming, 'kube-state-metrics', 'kube_pod_status_phase', [
    { label: 'phase', op: '=', value: 'Running' },
  ]);
  const { short, long } = INTERVAL_WINDOWS;
  return tagged([
    { fact: 'ksm/short', expression: count('kube_pod_info', 'kube-state-metrics', short) },
    { fact: 'ksm/long', expression: count('kube_pod_info', 'kube-state-metrics', long) },
    { fact: 'cadvisor/short', expression: count(CADVISOR_PROBE, 'cadvisor', short) },
    { fact: 'cadvisor/long', expression: count(CADVISOR_PROBE, 'cadvisor', long) },
    { fact: 'history', expression: `count(last_over_time(${info}${HISTORY}))` },
    ...LONG_WINDOWS.map((seconds) => ({
      fact: `history/${seconds}`,
      expression: `count(last_over_time(${over(info, seconds / 4)} offset ${(3 * seconds) / 4}s))`,
    })),
    { fact: 'uids', expression: `count(${by('count', [uid], info)})` },
    { fact: 'names', expression: `count(${by('count', [namespace, pod], info)})` },
    { fact: 'running-pods', expression: `count(${running} == 1)` },
    { fact: 'init', expression: scraped(INIT_CONTAINERS) },
    { fact: CONTAINERS, expression: scraped(CONTAINERS) },
    ...PROBED_METRICS.filter((metric) => metric !== CONTAINERS).map((metric) => ({
      fact: metric,
      expression: `count(${exporterSeries(naming, 'kube-state-metrics', metric)})`,
    })),
  ]);
}

/** A pod that is made anew has two uids under one name for a while; more than that, and the names are not the pods'. */
const MOST_UIDS_OF_NAME = 2;

/**
 * Puts the answers together. `intervals` and `overlaps` are undefined where nothing was asked or answered. Throws where
 * many pods go by one name: relabelling has overwritten their labels, mostly by those of kube-state-metrics itself.
 */
export function readLayout(
  naming: Naming,
  copies: readonly ExporterCopy[],
  intervals: readonly Series[] | undefined,
  overlaps: readonly Series[] | undefined,
): Layout {
  const samples = (name: string): number | undefined =>
    intervals?.find((s) => s.labels['fact'] === name && Number.isFinite(s.value))?.value;
  const interval = (fact: string): number | undefined =>
    scrapeInterval(samples(`${fact}/short`) ?? 0, samples(`${fact}/long`) ?? 0);
  const [uids, names] = [samples('uids') ?? 0, samples('names') ?? 0];
  if (uids > MOST_UIDS_OF_NAME * names) throw new FailureError({ kind: 'names-lost', pods: uids, names });
  const isAnyStarted =
    intervals === undefined ? undefined : samples(CONTAINERS) !== undefined || samples('running-pods') !== undefined;
  // Without a container there is no word of what is dropped.
  const isExpected = (metric: string): boolean =>
    isAnyStarted !== false || !metric.startsWith('kube_pod_container_status_');
  const scrapedApart = (fact: string): ReadonlySet<string> => {
    const scraped = new Map(
      intervals?.filter(({ labels }) => labels['fact'] === fact).map((s) => [copyKeyOf(s.labels), s.value]),
    );
    const isApart = (copy: ExporterCopy): boolean =>
      (scraped.get(copyKey(copy)) ?? Number.NEGATIVE_INFINITY) < copy.scrapedAtUnixSeconds;
    return new Set(intervals === undefined ? [] : copies.filter(isApart).map(copyKey));
  };
  return {
    ...naming,
    copies,
    podCount: samples('names'),
    authorities: readAuthorities(copies, overlaps ?? []),
    namespacesOf: readNamespaces(naming, overlaps ?? []),
    scrapeIntervalSeconds: {
      'kube-state-metrics': interval('ksm'),
      cadvisor: interval('cadvisor'),
    },
    absentMetrics: new Set(
      intervals === undefined
        ? []
        : PROBED_METRICS.filter((metric) => samples(metric) === undefined && isExpected(metric)),
    ),
    isAnyStarted,
    scrapedApart: { container: scrapedApart(CONTAINERS), init: scrapedApart('init') },
    hasHistory: intervals === undefined ? undefined : samples('history') !== undefined,
    windowsBeforeHistory: new Set(
      intervals === undefined ? [] : LONG_WINDOWS.filter((seconds) => samples(`history/${seconds}`) === undefined),
    ),
  };
}

/** kube-state-metrics is stale when its newest scrape is older than so many intervals, and than a minute. */
const STALE_INTERVALS = 3;
const STALE_SECONDS = 60;

/** Seconds since kube-state-metrics, its newest copy, was last scraped. */
export function ageOfPods(layout: Layout, unixSeconds: number): number {
  return unixSeconds - Math.max(...layout.copies.map((copy) => copy.scrapedAtUnixSeconds));
}

/** How old what kube-state-metrics said may be. */
export function staleSeconds({ scrapeIntervalSeconds }: Layout): number {
  return Math.max(STALE_SECONDS, STALE_INTERVALS * (scrapeIntervalSeconds['kube-state-metrics'] ?? 0));
}

/**
 * cAdvisor looks each quarter of a minute and is mostly scraped each minute at least; and one scrape may fail. The signal
 * memory-samples-150s has the same window.
 */
const OLDEST_USAGE_SECONDS = 150;
const OLDEST_USAGE_INTERVALS = 2.5;

/** How old the newest sample of a running container may be. */
export function oldestUsageSeconds({ scrapeIntervalSeconds }: Layout): number {
  return Math.max(OLDEST_USAGE_SECONDS, OLDEST_USAGE_INTERVALS * (scrapeIntervalSeconds.cadvisor ?? 0));
}

export function isStale(layout: Layout, unixSeconds: number): boolean {
  return ageOfPods(layout, unixSeconds) > staleSeconds(layout);
}

/**
 * Copies that were not scraped for long and whose pods no other copy knows: shards that fell silent. None where copies
 * were not compared: it may be the ghost of one that was replaced.
 */
export function staleShards(layout: Layout, unixSeconds: number): ExporterCopy[] {
  if (layout.namespacesOf.size === 0) return [];
  return layout.copies.filter(
    (copy) =>
      unixSeconds - copy.scrapedAtUnixSeconds > staleSeconds(layout) &&
      copyKey(layout.authorities.get(copyKey(copy)) ?? copy) === copyKey(copy),
  );
}

/** Pods of all shards; where they could not be counted together, each shard's by its newest replica. */
export function countPods({ copies, authorities, podCount }: Layout): number {
  if (podCount !== undefined) return podCount;
  const counted = new Map(
    copies.map((copy) => authorities.get(copyKey(copy)) ?? copy).map((own) => [copyKey(own), own]),
  );
  return [...counted.values()].reduce((sum, { pods }) => sum + pods, 0);
}

/** How many series of one copy tell of each pod: more than 1 are of replicas of Prometheus that no label tells apart. */
export function toldTimes({ copies, podCount }: Layout): number {
  if (podCount === undefined) return 1;
  return Math.max(Math.round(Math.max(...copies.map(({ pods }) => pods)) / podCount), 1);
}

/** Copies that say what a newer one says as well. */
export function replicaCount(layout: Layout): number {
  return layout.copies.filter((copy) => {
    const authority = layout.authorities.get(copyKey(copy));
    return authority !== undefined && copyKey(authority) !== copyKey(copy);
  }).length;
}

/** What five minutes leave four samples of. */
const FOUR_SAMPLES_SECONDS = INTERVAL_WINDOWS.short / 4;

/**
 * The scrape interval in seconds, from the samples within the last 5 and the last 15 minutes. The long window measures a slow
 * scrape better (90 s leaves three samples or four in the short one), but only where scraping went on all the time. Else
 * either part of it, the last five minutes or the ten before them, says that the interval is no longer than so much: good
 * enough where that is short, not told (undefined) elsewhere.
 */
export function scrapeInterval(short: number, long: number): number | undefined {
  const { short: shortSeconds, long: longSeconds } = INTERVAL_WINDOWS;
  // The three windows of a steady scrape differ by one sample.
  const expected = (longSeconds / shortSeconds) * short;
  if (long >= 2 && Math.abs(long - expected) <= 2) return longSeconds / long;
  const atMost = Math.min(shortSeconds / short, (longSeconds - shortSeconds) / Math.max(long - short, 0));
  return atMost <= FOUR_SAMPLES_SECONDS ? atMost : undefined;
}
