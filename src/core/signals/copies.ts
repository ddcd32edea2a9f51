import { FailureError } from '../failure.ts';
import type { Series } from './metric-source.ts';
import { CLUSTER_LABELS, exporterSeries, type Cluster, type Naming, type NamingOptions } from './naming.ts';
import { by, selector, tagged } from './promql.ts';

/** One scraped copy of kube-state-metrics. Several are replicas, shards, or the ghost of one that was replaced. */
export interface ExporterCopy {
  readonly job: string;
  readonly instance: string;
  readonly pods: number;
  /** When its newest sample was scraped. */
  readonly scrapedAtUnixSeconds: number;
}

/** A copy that is not scraped any more. */
export type FormerCopy = Omit<ExporterCopy, 'scrapedAtUnixSeconds'>;

/** The copies of kube-state-metrics, the clusters they speak of, and how fresh they are. */
export function copiesQuery(options: NamingOptions): string {
  const labels = ['job', 'instance', ...CLUSTER_LABELS];
  const info = selector('kube_pod_info', [], options.ksmSelector);
  return tagged([
    { fact: 'pods', expression: by('count', labels, info) },
    { fact: 'scraped', expression: by('max', labels, `timestamp(${info})`) },
  ]);
}

/** What `copiesQuery` found, with the cluster chosen. Rejects several clusters, and one that is not there. */
export function readCopies(
  series: readonly Series[],
  options: NamingOptions,
): { copies: ExporterCopy[]; cluster: Cluster | undefined } {
  const cluster = chooseCluster(series, options.cluster);
  // Neither a count nor a time of a scrape is NaN, infinite or below 0: what says so is no Prometheus.
  const chosen = series.filter(
    (s) =>
      s.value >= 0 &&
      Number.isFinite(s.value) &&
      (cluster === undefined || (s.labels[cluster.label] ?? '') === cluster.value),
  );
  const copies = new Map<string, { job: string; instance: string; pods: number; scrapedAtUnixSeconds: number }>();
  for (const { labels, value } of chosen) {
    const job = labels['job'] ?? '';
    const instance = labels['instance'] ?? '';
    const key = copyKeyOf(labels);
    const copy = copies.get(key) ?? { job, instance, pods: 0, scrapedAtUnixSeconds: Number.NEGATIVE_INFINITY };
    if (labels['fact'] === 'pods') copy.pods += value;
    else copy.scrapedAtUnixSeconds = Math.max(copy.scrapedAtUnixSeconds, value);
    copies.set(key, copy);
  }
  return { copies: [...copies.values()], cluster };
}

/** The key of the copy that a series or a row is from. */
export function copyKeyOf(labels: Readonly<Record<string, string>>): string {
  return copyKey({ job: labels['job'] ?? '', instance: labels['instance'] ?? '' });
}

export function copyKey(copy: { job: string; instance: string }): string {
  return JSON.stringify([copy.job, copy.instance]);
}

/** Copies beyond this number are taken for shards: nothing that one of them knows is overruled by another. */
const COMPARED_COPIES = 6;
/** Copies that share this part of the smaller one's pods are replicas; fewer are shards between which pods moved. */
const REPLICA_OVERLAP = 0.5;
/** A copy with fewer than this part of its replica's pods has just started and lists the rest in a moment. */
const COHERENT_SHARE = 0.5;

/** How many pods each two copies have in common, and of which namespaces each knows; undefined where there is nothing to compare. */
export function overlapsQuery(copies: readonly ExporterCopy[], naming: Naming): string | undefined {
  if (copies.length < 2 || copies.length > COMPARED_COPIES) return undefined;
  const { namespace, pod, uid } = naming.labels['kube-state-metrics'];
  const keys = [namespace, pod, uid];
  const of = (copy: ExporterCopy): string =>
    exporterSeries(naming, 'kube-state-metrics', 'kube_pod_info', [
      { label: 'job', op: '=', value: copy.job },
      { label: 'instance', op: '=', value: copy.instance },
    ]);
  const all = exporterSeries(naming, 'kube-state-metrics', 'kube_pod_info');
  return tagged([
    ...pairs(copies).map(([i, j]) => ({
      fact: `${i}/${j}`,
      expression: `count(${of(copies[i] as ExporterCopy)} and on (${keys.join(',')}) ${of(copies[j] as ExporterCopy)})`,
    })),
    { fact: NAMESPACES, expression: by('count', ['job', 'instance', namespace], all) },
  ]);
}

const NAMESPACES = 'namespaces';

/**
 * The namespaces of which each copy knows pods. One may be told to look at some of them only (--namespaces), and then has
 * no word on the others.
 */
export function readNamespaces(naming: Naming, overlaps: readonly Series[]): Map<string, Set<string>> {
  const label = naming.labels['kube-state-metrics'].namespace;
  const known = new Map<string, Set<string>>();
  for (const { labels } of overlaps.filter((s) => s.labels['fact'] === NAMESPACES)) {
    const key = copyKeyOf(labels);
    known.set(key, (known.get(key) ?? new Set()).add(labels[label] ?? ''));
  }
  return known;
}

function pairs(copies: readonly unknown[]): [number, number][] {
  return copies.flatMap((_, i) => copies.slice(i + 1).map((__, k): [number, number] => [i, i + 1 + k]));
}

/** For every copy, the newest coherent one among its replicas (itself, where it has none). */
export function readAuthorities(
  copies: readonly ExporterCopy[],
  overlaps: readonly Series[],
): Map<string, ExporterCopy> {
  const shared = new Map(overlaps.map((s) => [s.labels['fact'], s.value]));
  const areReplicas = (i: number, j: number): boolean => {
    const smaller = Math.min((copies[i] as ExporterCopy).pods, (copies[j] as ExporterCopy).pods);
    return i === j || (shared.get(`${Math.min(i, j)}/${Math.max(i, j)}`) ?? 0) >= smaller * REPLICA_OVERLAP;
  };
  return new Map(
    copies.map((copy, i) => {
      const replicas = copies.filter((_, j) => areReplicas(i, j));
      const largest = Math.max(...replicas.map(({ pods }) => pods));
      const coherent = replicas.filter(({ pods }) => pods >= largest * COHERENT_SHARE);
      const newest = coherent.reduce((best, next) =>
        next.scrapedAtUnixSeconds > best.scrapedAtUnixSeconds ? next : best,
      );
      return [copyKey(copy), newest];
    }),
  );
}

function valuesOf(series: readonly Series[], label: string): string[] {
  return [...new Set(series.map((s) => s.labels[label] ?? ''))].sort();
}

/** What one label calls one cluster, another may tell apart. */
function assertOneCluster(series: readonly Series[], labels: readonly string[]): void {
  for (const label of labels) {
    const values = valuesOf(series, label).filter((value) => value !== '');
    if (values.length > 1) throw new FailureError({ kind: 'cluster-ambiguous', label, values });
  }
}

function chooseCluster(series: readonly Series[], wanted: string | undefined): Cluster | undefined {
  const named = CLUSTER_LABELS.map((label) => ({ label, values: valuesOf(series, label) })).filter(({ values }) =>
    values.some((value) => value !== ''),
  );
  const telling = named.find(({ values }) => values.length > 1) ?? named[0];
  if (wanted !== undefined) {
    const holder = named.find(({ values }) => values.includes(wanted));
    if (holder !== undefined) {
      assertOneCluster(
        series.filter((s) => s.labels[holder.label] === wanted),
        named.map(({ label }) => label),
      );
      return { label: holder.label, value: wanted };
    }
    throw new FailureError({
      kind: 'cluster-unknown',
      cluster: wanted,
      label: telling?.label,
      values: telling?.values ?? [],
    });
  }
  if (telling === undefined) return undefined;
  if (telling.values.length > 1) {
    throw new FailureError({ kind: 'cluster-ambiguous', label: telling.label, values: telling.values });
  }
  return { label: telling.label, value: telling.values[0] as string };
}
