import { FailureError } from '../failure.ts';
import type { Series } from './metric-source.ts';
import { by, selector, tagged, type Matcher } from './promql.ts';
import type { Exporter } from './signal.ts';

/**
 * How this Prometheus names things: which labels carry namespace and pod, which cluster is meant, which job holds
 * cAdvisor, how many copies of kube-state-metrics there are and how often they are scraped. It is found out with
 * three requests before anything else is asked.
 */
export interface Layout {
  /** Canonical label name → its name in this Prometheus. */
  readonly labels: Readonly<Record<Exporter, Readonly<Record<CanonicalLabel, string>>>>;
  /** Matchers that every selector of the exporter gets. */
  readonly matchers: Readonly<Record<Exporter, readonly Matcher[]>>;
  /** The user's own matchers (--ksm-selector, --cadvisor-selector), as text. */
  readonly userMatchers: Readonly<Record<Exporter, string>>;
  readonly cluster: { readonly label: string; readonly value: string } | undefined;
  readonly copies: readonly ExporterCopy[];
  /** Copy → the newest coherent replica of it, whose word on a pod's absence counts. Keys are copyKey(). */
  readonly authorities: ReadonlyMap<string, ExporterCopy>;
  /** Series of container_memory_working_set_bytes by job; empty: this Prometheus has no cAdvisor. */
  readonly cadvisorJobs: readonly { readonly job: string; readonly series: number }[];
  /** undefined: could not be measured. */
  readonly scrapeIntervalSeconds: Readonly<Record<Exporter, number | undefined>>;
  /** exported_* labels that are read in place of the plain ones. */
  readonly renamed: Readonly<Record<Exporter, readonly string[]>>;
}

export type CanonicalLabel = 'namespace' | 'pod' | 'container' | 'node' | 'uid';
const CANONICAL: readonly CanonicalLabel[] = ['namespace', 'pod', 'container', 'node', 'uid'];

export function isCanonical(label: string): label is CanonicalLabel {
  return (CANONICAL as readonly string[]).includes(label);
}

/** One scraped copy of kube-state-metrics. Several are replicas, shards, or the ghost of one that was replaced. */
export interface ExporterCopy {
  readonly job: string;
  readonly instance: string;
  readonly pods: number;
  /** When its newest sample was scraped. */
  readonly scrapedAtUnixSeconds: number;
}

/** What a user may say of the layout. */
export interface LayoutOptions {
  readonly cluster: string | undefined;
  readonly ksmSelector: string;
  readonly cadvisorSelector: string;
}

/** Labels that installations use to tell clusters apart, the commonest first. */
const CLUSTER_LABELS: readonly string[] = [
  'cluster',
  'cluster_name',
  'k8s_cluster_name',
  'k8s_cluster',
  'kubernetes_cluster',
  'cluster_id',
  'prometheus_cluster',
];

const CADVISOR_PROBE = 'container_memory_working_set_bytes';
const INTERVAL_WINDOWS = { short: 300, long: 900 } as const;

/** Request 1: the copies of kube-state-metrics, the clusters they speak of, and how fresh they are. */
export function copiesQuery(options: LayoutOptions): string {
  const labels = ['job', 'instance', ...CLUSTER_LABELS];
  const info = selector('kube_pod_info', [], options.ksmSelector);
  return tagged([
    { fact: 'pods', expression: by('count', labels, info) },
    { fact: 'scraped', expression: by('max', labels, `timestamp(${info})`) },
  ]);
}

/** What request 1 says, with the cluster chosen. Rejects several clusters, and one that is not there. */
export function readCopies(
  series: readonly Series[],
  options: LayoutOptions,
): { copies: ExporterCopy[]; cluster: Layout['cluster'] } {
  const cluster = chooseCluster(series, options.cluster);
  const chosen =
    cluster === undefined ? series : series.filter((s) => (s.labels[cluster.label] ?? '') === cluster.value);
  const copies = new Map<string, { job: string; instance: string; pods: number; scrapedAtUnixSeconds: number }>();
  for (const { labels, value } of chosen) {
    const job = labels['job'] ?? '';
    const instance = labels['instance'] ?? '';
    const key = copyKey({ job, instance });
    const copy = copies.get(key) ?? { job, instance, pods: 0, scrapedAtUnixSeconds: Number.NEGATIVE_INFINITY };
    if (labels['fact'] === 'pods') copy.pods += value;
    else copy.scrapedAtUnixSeconds = Math.max(copy.scrapedAtUnixSeconds, value);
    copies.set(key, copy);
  }
  return { copies: [...copies.values()], cluster };
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

/** Copies that say what a newer one says as well. */
export function replicaCount(layout: Layout): number {
  return layout.copies.filter((copy) => {
    const authority = layout.authorities.get(copyKey(copy));
    return authority !== undefined && copyKey(authority) !== copyKey(copy);
  }).length;
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

/** How many pods each two copies have in common; undefined where there is nothing to compare. */
export function overlapsQuery(
  options: LayoutOptions,
  found: ReturnType<typeof readCopies>,
  names: readonly Series[],
): string | undefined {
  const { copies, cluster } = found;
  if (copies.length < 2 || copies.length > COMPARED_COPIES) return undefined;
  const { labels, matchers } = readNames(names, cluster);
  const keys = [
    labels['kube-state-metrics'].namespace,
    labels['kube-state-metrics'].pod,
    labels['kube-state-metrics'].uid,
  ];
  const of = (copy: ExporterCopy): string =>
    selector(
      'kube_pod_info',
      [
        ...matchers['kube-state-metrics'],
        { label: 'job', op: '=', value: copy.job },
        { label: 'instance', op: '=', value: copy.instance },
      ],
      options.ksmSelector,
    );
  return tagged(
    pairs(copies).map(([i, j]) => ({
      fact: `${i}/${j}`,
      expression: `count(${of(copies[i] as ExporterCopy)} and on (${keys.join(',')}) ${of(copies[j] as ExporterCopy)})`,
    })),
  );
}

function pairs(copies: readonly unknown[]): [number, number][] {
  return copies.flatMap((_, i) => copies.slice(i + 1).map((__, k): [number, number] => [i, i + 1 + k]));
}

/** For every copy, the newest coherent one among its replicas (itself, where it has none). */
function readAuthorities(copies: readonly ExporterCopy[], overlaps: readonly Series[]): Map<string, ExporterCopy> {
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

function chooseCluster(series: readonly Series[], wanted: string | undefined): Layout['cluster'] {
  const valuesOf = (label: string): string[] => [...new Set(series.map((s) => s.labels[label] ?? ''))].sort();
  const named = CLUSTER_LABELS.map((label) => ({ label, values: valuesOf(label) })).filter(({ values }) =>
    values.some((value) => value !== ''),
  );
  const telling = named.find(({ values }) => values.length > 1) ?? named[0];
  if (wanted !== undefined) {
    const holder = named.find(({ values }) => values.includes(wanted));
    if (holder !== undefined) return { label: holder.label, value: wanted };
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

function clusterMatchers(cluster: Layout['cluster']): Matcher[] {
  return cluster === undefined ? [] : [{ label: cluster.label, op: '=', value: cluster.value }];
}

/**
 * Request 2: which labels were renamed. Without `honor_labels` the exporter's namespace, pod, container and node
 * arrive as exported_*, and the plain ones name the exporter itself.
 */
export function namesQuery(options: LayoutOptions, cluster: Layout['cluster']): string {
  const pinned = clusterMatchers(cluster);
  const ksm = (metric: string, ...more: Matcher[]): string =>
    selector(metric, [...pinned, ...more], options.ksmSelector);
  const cadvisor = (...more: Matcher[]): string =>
    selector(CADVISOR_PROBE, [...pinned, ...more], options.cadvisorSelector);
  const present = (label: string): Matcher => ({ label, op: '!=', value: '' });
  return tagged([
    ...CANONICAL.map((label) => ({
      fact: `ksm/${label}`,
      expression: `count(${ksm(label === 'container' ? 'kube_pod_container_status_running' : 'kube_pod_info', present(`exported_${label}`))})`,
    })),
    {
      fact: 'ksm/honored',
      expression: `count(${ksm('kube_pod_info', { label: 'exported_pod', op: '=', value: '' })})`,
    },
    { fact: 'cadvisor/series', expression: by('count', ['job'], cadvisor()) },
    ...CANONICAL.filter((label) => label !== 'uid').map((label) => ({
      fact: `cadvisor/${label}`,
      expression: `count(${cadvisor(present(`exported_${label}`))})`,
    })),
    { fact: 'cadvisor/pod_name', expression: `count(${cadvisor(present('pod_name'))})` },
  ]);
}

/** Request 3: how many samples a series has in five and in fifteen minutes. */
export function intervalsQuery(options: LayoutOptions, cluster: Layout['cluster']): string {
  const pinned = clusterMatchers(cluster);
  const ksm = selector('kube_pod_info', pinned, options.ksmSelector);
  const cadvisor = selector(CADVISOR_PROBE, pinned, options.cadvisorSelector);
  const count = (series: string, seconds: number): string => `max(count_over_time(${series}[${seconds}s]))`;
  return tagged([
    { fact: 'ksm/short', expression: count(ksm, INTERVAL_WINDOWS.short) },
    { fact: 'ksm/long', expression: count(ksm, INTERVAL_WINDOWS.long) },
    { fact: 'cadvisor/short', expression: count(cadvisor, INTERVAL_WINDOWS.short) },
    { fact: 'cadvisor/long', expression: count(cadvisor, INTERVAL_WINDOWS.long) },
  ]);
}

/** Puts the answers together. `intervals` and `overlaps` are undefined where nothing was asked or answered. */
export function readLayout(
  options: LayoutOptions,
  found: ReturnType<typeof readCopies>,
  names: readonly Series[],
  intervals: readonly Series[] | undefined,
  overlaps: readonly Series[] | undefined,
): Layout {
  const samples = (name: string): number | undefined => intervals?.find((s) => s.labels['fact'] === name)?.value;
  return {
    ...readNames(names, found.cluster),
    userMatchers: { 'kube-state-metrics': options.ksmSelector, cadvisor: options.cadvisorSelector },
    cluster: found.cluster,
    copies: found.copies,
    authorities: readAuthorities(found.copies, overlaps ?? []),
    scrapeIntervalSeconds: {
      'kube-state-metrics': scrapeInterval(samples('ksm/short'), samples('ksm/long')),
      cadvisor: scrapeInterval(samples('cadvisor/short'), samples('cadvisor/long')),
    },
  };
}

function readNames(
  names: readonly Series[],
  cluster: Layout['cluster'],
): Pick<Layout, 'labels' | 'matchers' | 'cadvisorJobs' | 'renamed'> {
  const fact = (name: string): number => names.find((s) => s.labels['fact'] === name)?.value ?? 0;
  const pinned = clusterMatchers(cluster);

  // One copy of kube-state-metrics may honour labels and another not; then only the former is read.
  const anyHonored = fact('ksm/honored') > 0;
  const anyRenamed = fact('ksm/pod') > 0;
  const ksmMatchers: Matcher[] =
    anyHonored && anyRenamed ? [...pinned, { label: 'exported_pod', op: '=', value: '' }] : pinned;
  const ksmRenamed = anyHonored ? [] : CANONICAL.filter((label) => fact(`ksm/${label}`) > 0);

  const cadvisorJobs = names
    .filter((s) => s.labels['fact'] === 'cadvisor/series')
    .map((s) => ({ job: s.labels['job'] ?? '', series: s.value }))
    .sort((a, b) => (a.job < b.job ? -1 : 1));
  // Several jobs that carry cAdvisor are copies of one truth: the kubelet's own is preferred, else the first by name.
  const job = cadvisorJobs.find((j) => j.job === 'kubelet') ?? cadvisorJobs[0];
  const cadvisorMatchers: Matcher[] =
    job !== undefined && cadvisorJobs.length > 1 ? [...pinned, { label: 'job', op: '=', value: job.job }] : pinned;
  const cadvisorRenamed = CANONICAL.filter((label) => fact(`cadvisor/${label}`) > 0);
  const cadvisorLabels = renameAll(cadvisorRenamed);
  if (fact('cadvisor/pod_name') > 0) {
    // cAdvisor of kubelets before 1.16.
    cadvisorLabels.pod = 'pod_name';
    cadvisorLabels.container = 'container_name';
  }
  return {
    labels: { 'kube-state-metrics': renameAll(ksmRenamed), cadvisor: cadvisorLabels },
    matchers: { 'kube-state-metrics': ksmMatchers, cadvisor: cadvisorMatchers },
    cadvisorJobs,
    renamed: { 'kube-state-metrics': ksmRenamed, cadvisor: cadvisorRenamed },
  };
}

/** The labels of a result under their canonical names. */
export function canonicalLabels(
  layout: Layout,
  exporter: Exporter,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const names = layout.labels[exporter];
  if (layout.renamed[exporter].length === 0 && names.pod === 'pod') return labels;
  const canonical: Record<string, string> = { ...labels };
  for (const label of CANONICAL) {
    if (names[label] === label) continue;
    const value = labels[names[label]];
    delete canonical[names[label]];
    if (value === undefined) delete canonical[label];
    else canonical[label] = value;
  }
  return canonical;
}

function renameAll(renamed: readonly CanonicalLabel[]): Record<CanonicalLabel, string> {
  const name = (label: CanonicalLabel): string => (renamed.includes(label) ? `exported_${label}` : label);
  return {
    namespace: name('namespace'),
    pod: name('pod'),
    container: name('container'),
    node: name('node'),
    uid: name('uid'),
  };
}

/**
 * The scrape interval in seconds, from the samples within 5 and 15 minutes. The long window measures a slow scrape
 * better (90 s leaves three samples or four in the short one), but says nothing while the history is younger than it.
 */
export function scrapeInterval(short: number | undefined, long: number | undefined): number | undefined {
  if (short === undefined || long === undefined || short === 0) return undefined;
  return long >= 1.5 * short ? INTERVAL_WINDOWS.long / long : INTERVAL_WINDOWS.short / short;
}
