import { copyKey, readAuthorities, type ExporterCopy } from './copies.ts';
import type { Series } from './metric-source.ts';
import { CADVISOR_PROBE, exporterSeries, type Naming } from './naming.ts';
import { tagged } from './promql.ts';
import type { Exporter } from './signal.ts';

/** How this Prometheus names things, how many copies of kube-state-metrics it has, and how often it scrapes. */
export interface Layout extends Naming {
  readonly copies: readonly ExporterCopy[];
  /** Copy → the newest coherent replica of it, whose word on a pod's absence counts. Keys are copyKey(). */
  readonly authorities: ReadonlyMap<string, ExporterCopy>;
  /** undefined: could not be measured. */
  readonly scrapeIntervalSeconds: Readonly<Record<Exporter, number | undefined>>;
  /** False: no pod anywhere has a series of it: the metric is dropped rather than no limit set. undefined: not told. */
  readonly hasSeries: Readonly<Record<'limits' | 'requests', boolean | undefined>>;
  /** False: there were no pods a few minutes ago, so Prometheus or its scraping has just begun. undefined: not told. */
  readonly hasHistory: boolean | undefined;
}

const INTERVAL_WINDOWS = { short: 300, long: 900 } as const;

/** Instants look back five minutes: an instant of this long ago is one of up to nine minutes ago. */
const HISTORY_SECONDS = 240;

/** How many samples a series has in five and in fifteen minutes, and how many limits and requests there are at all. */
export function intervalsQuery(naming: Naming): string {
  const any = (kind: string): string =>
    ['', '_cpu_cores', '_memory_bytes']
      .map((unit) => `kube_pod_container_resource_${kind}${unit}`)
      .map((metric) => `count(${exporterSeries(naming, 'kube-state-metrics', metric)})`)
      .join(' or ');
  const count = (metric: string, exporter: Exporter, seconds: number): string =>
    `max(count_over_time(${exporterSeries(naming, exporter, metric)}[${seconds}s]))`;
  const { short, long } = INTERVAL_WINDOWS;
  return tagged([
    { fact: 'ksm/short', expression: count('kube_pod_info', 'kube-state-metrics', short) },
    { fact: 'ksm/long', expression: count('kube_pod_info', 'kube-state-metrics', long) },
    { fact: 'cadvisor/short', expression: count(CADVISOR_PROBE, 'cadvisor', short) },
    { fact: 'cadvisor/long', expression: count(CADVISOR_PROBE, 'cadvisor', long) },
    {
      fact: 'history',
      expression: `count(${exporterSeries(naming, 'kube-state-metrics', 'kube_pod_info')} offset ${HISTORY_SECONDS}s)`,
    },
    { fact: 'limits', expression: any('limits') },
    { fact: 'requests', expression: any('requests') },
  ]);
}

/** Puts the answers together. `intervals` and `overlaps` are undefined where nothing was asked or answered. */
export function readLayout(
  naming: Naming,
  copies: readonly ExporterCopy[],
  intervals: readonly Series[] | undefined,
  overlaps: readonly Series[] | undefined,
): Layout {
  const samples = (name: string): number | undefined => intervals?.find((s) => s.labels['fact'] === name)?.value;
  return {
    ...naming,
    copies,
    authorities: readAuthorities(copies, overlaps ?? []),
    scrapeIntervalSeconds: {
      'kube-state-metrics': scrapeInterval(samples('ksm/short'), samples('ksm/long')),
      cadvisor: scrapeInterval(samples('cadvisor/short'), samples('cadvisor/long')),
    },
    hasSeries: {
      limits: intervals === undefined ? undefined : samples('limits') !== undefined,
      requests: intervals === undefined ? undefined : samples('requests') !== undefined,
    },
    hasHistory: intervals === undefined ? undefined : samples('history') !== undefined,
  };
}

/** kube-state-metrics is stale when its newest scrape is older than so many intervals, and than a minute. */
const STALE_INTERVALS = 3;
const STALE_SECONDS = 60;

/** Seconds since kube-state-metrics was last scraped. */
export function ageOfPods(layout: Layout, unixSeconds: number): number {
  return unixSeconds - Math.max(...layout.copies.map((copy) => copy.scrapedAtUnixSeconds));
}

export function isStale(layout: Layout, unixSeconds: number): boolean {
  const interval = layout.scrapeIntervalSeconds['kube-state-metrics'] ?? 0;
  return ageOfPods(layout, unixSeconds) > Math.max(STALE_SECONDS, STALE_INTERVALS * interval);
}

/** Pods of all shards, each by its newest replica. */
export function countPods({ copies, authorities }: Layout): number {
  const counted = new Map(
    copies.map((copy) => authorities.get(copyKey(copy)) ?? copy).map((own) => [copyKey(own), own]),
  );
  return [...counted.values()].reduce((sum, { pods }) => sum + pods, 0);
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
 * The scrape interval in seconds, from the samples within 5 and 15 minutes. The long window measures a slow scrape
 * better (90 s leaves three samples or four in the short one). A history that has just begun says only that the interval
 * is no longer than so much: good enough where it is short, not told (undefined) elsewhere.
 */
export function scrapeInterval(short: number | undefined, long: number | undefined): number | undefined {
  if (short === undefined || long === undefined || short === 0) return undefined;
  if (long >= 1.5 * short) return INTERVAL_WINDOWS.long / long;
  const atMost = INTERVAL_WINDOWS.short / short;
  return atMost <= FOUR_SAMPLES_SECONDS ? atMost : undefined;
}
