import type { Series } from './metric-source.ts';
import { anyOf, by, selector, tagged, type Matcher } from './promql.ts';
import type { Exporter } from './signal.ts';

/**
 * How this Prometheus names things: which labels carry namespace and pod, which cluster is meant, which job holds
 * cAdvisor. Every query is written in these names.
 */
export interface Naming {
  /** Canonical label name → its name in this Prometheus. */
  readonly labels: Readonly<Record<Exporter, Readonly<Record<CanonicalLabel, string>>>>;
  /** Matchers that every selector of the exporter gets. */
  readonly matchers: Readonly<Record<Exporter, readonly Matcher[]>>;
  /** The user's own matchers (--ksm-selector, --cadvisor-selector), as text. */
  readonly userMatchers: Readonly<Record<Exporter, string>>;
  readonly cluster: Cluster | undefined;
  /** Series of container_memory_working_set_bytes by job; empty: this Prometheus has no cAdvisor. */
  readonly cadvisorJobs: readonly { readonly job: string; readonly series: number }[];
  /** exported_* labels that are read in place of the plain ones. */
  readonly renamed: Readonly<Record<Exporter, readonly string[]>>;
}

/** The label by which clusters are told apart here, and the value that is meant. */
export interface Cluster {
  readonly label: string;
  readonly value: string;
}

export type CanonicalLabel = 'namespace' | 'pod' | 'container' | 'node' | 'uid';
const CANONICAL: readonly CanonicalLabel[] = ['namespace', 'pod', 'container', 'node', 'uid'];

export function isCanonical(label: string): label is CanonicalLabel {
  return (CANONICAL as readonly string[]).includes(label);
}

/** What a user may say of the naming. */
export interface NamingOptions {
  readonly cluster: string | undefined;
  readonly ksmSelector: string;
  readonly cadvisorSelector: string;
}

/** Labels that installations use to tell clusters apart, the commonest first. */
export const CLUSTER_LABELS: readonly string[] = [
  'cluster',
  'cluster_name',
  'k8s_cluster_name',
  'k8s_cluster',
  'kubernetes_cluster',
  'cluster_id',
  'prometheus_cluster',
];

/** The metric that tells whether there is cAdvisor, and how it is scraped. */
export const CADVISOR_PROBE = 'container_memory_working_set_bytes';

function clusterMatchers(cluster: Cluster | undefined): Matcher[] {
  return cluster === undefined ? [] : [{ label: cluster.label, op: '=', value: cluster.value }];
}

/**
 * Which labels were renamed. Without `honor_labels` the exporter's namespace, pod, container and node arrive as
 * exported_*, and the plain ones name the exporter itself. Asked of one cluster where the user named it, else of all,
 * each counted for itself: then it need not wait until the cluster is known. cAdvisor may lack the label of the cluster.
 */
export function namesQuery(options: NamingOptions, cluster: Cluster | undefined): string {
  const cadvisor = (...more: Matcher[]): string => selector(CADVISOR_PROBE, more, options.cadvisorSelector);
  const countByJob = (series: string): string => by('count', ['job', ...CLUSTER_LABELS], series);
  return tagged([
    ...CANONICAL.map((label) => ({ fact: `ksm/${label}`, expression: countPods(label, '!=', options, cluster) })),
    { fact: 'cadvisor/series', expression: countByJob(cadvisor()) },
    ...CANONICAL.filter((label) => label !== 'uid').map((label) => ({
      fact: `cadvisor/${label}`,
      expression: countByJob(cadvisor({ label: `exported_${label}`, op: '!=', value: '' })),
    })),
    { fact: 'cadvisor/pod_name', expression: countByJob(cadvisor({ label: 'pod_name', op: '!=', value: '' })) },
  ]);
}

/**
 * Whether there are pods whose labels were not renamed as well: one copy of kube-state-metrics may honour a label and
 * another not. And of containers, whether those beside pods were renamed, and whether there are others that were not.
 * Undefined where nothing was renamed: to count all pods costs more than the rest together.
 */
export function plainNamesQuery(
  options: NamingOptions,
  cluster: Cluster | undefined,
  names: readonly Series[],
): string | undefined {
  const isRenamed = (label: CanonicalLabel): boolean => names.some((s) => s.labels['fact'] === `ksm/${label}`);
  const plain = ALWAYS_SET.filter(isRenamed).map((label) => ({
    fact: `ksm/plain/${label}`,
    expression: countPods(label, '=', options, cluster),
  }));
  const containers = isRenamed('container')
    ? [
        { fact: 'ksm/beside-pods/container', expression: countPods('container', '!=', options, cluster, true) },
        { fact: 'ksm/not-renamed/container', expression: countPods('container', '=', options, cluster) },
      ]
    : [];
  return plain.length + containers.length === 0 ? undefined : tagged([...plain, ...containers]);
}

/**
 * How many series each further job of cAdvisor has of pods that the main one lacks: a job may scrape the same kubelets again, or
 * those of other nodes. Undefined where there is one job, or labels were renamed.
 */
export function jobsQuery(
  options: NamingOptions,
  cluster: Cluster | undefined,
  names: readonly Series[],
): string | undefined {
  const { own, isLabelled } = cadvisorFacts(cluster, names);
  const [main, ...others] = cadvisorJobs(own);
  // Renamed labels tell of the exporter: pods cannot be compared by them.
  const isRenamed = own.some((s) => s.labels['fact'] !== 'cadvisor/series');
  if (main === undefined || others.length === 0 || isRenamed) return undefined;
  const matchers = isLabelled ? clusterMatchers(cluster) : [];
  const of = (job: string): string =>
    selector(CADVISOR_PROBE, [...matchers, { label: 'job', op: '=', value: job }], options.cadvisorSelector);
  return tagged(
    others.map(({ job }) => ({
      fact: 'cadvisor/only',
      expression: by('count', ['job', ...CLUSTER_LABELS], `${of(job)} unless on (namespace,pod) ${of(main.job)}`),
    })),
  );
}

/** A job of whose series the main job lacks more than this part scrapes other nodes. */
const OTHER_NODES_SHARE = 0.5;

/** Counts the pods (containers) that have the label as exported_*, or that have not; of targets with pods only, on demand. */
function countPods(
  label: CanonicalLabel,
  op: '=' | '!=',
  { ksmSelector }: NamingOptions,
  cluster: Cluster | undefined,
  besidePods = false,
): string {
  const bearer = label === 'container' ? 'kube_pod_container_status_running' : 'kube_pod_info';
  const matchers: Matcher[] = [...clusterMatchers(cluster), { label: `exported_${label}`, op, value: '' }];
  const series = selector(bearer, matchers, ksmSelector);
  const target = ['job', 'instance'];
  const pods = by('count', target, selector('kube_pod_info', clusterMatchers(cluster), ksmSelector));
  return by('count', CLUSTER_LABELS, besidePods ? `${series} and on (${target.join(',')}) ${pods}` : series);
}

/** Labels that kube-state-metrics sets on every pod. (A pod without a node has no exported_node either.) */
const ALWAYS_SET: readonly CanonicalLabel[] = ['namespace', 'pod', 'uid'];

/** Reads the answers to `namesQuery` and `plainNamesQuery`, as far as they are of the cluster. */
export function readNaming(options: NamingOptions, cluster: Cluster | undefined, series: readonly Series[]): Naming {
  const ksm = kubeStateMetricsNames(cluster, series);
  const cadvisor = cadvisorNames(cluster, series);
  return {
    labels: { 'kube-state-metrics': renameAll(ksm.renamed), cadvisor: cadvisor.labels },
    matchers: { 'kube-state-metrics': ksm.matchers, cadvisor: cadvisor.matchers },
    userMatchers: { 'kube-state-metrics': options.ksmSelector, cadvisor: options.cadvisorSelector },
    cluster,
    cadvisorJobs: cadvisor.jobs,
    renamed: { 'kube-state-metrics': ksm.renamed, cadvisor: cadvisor.renamed },
  };
}

function kubeStateMetricsNames(
  cluster: Cluster | undefined,
  series: readonly Series[],
): { renamed: CanonicalLabel[]; matchers: Matcher[] } {
  const has = (fact: string): boolean =>
    series.some(
      (s) => s.labels['fact'] === fact && (cluster === undefined || s.labels[cluster.label] === cluster.value),
    );
  // Others (OpenCost) export some metrics of kube-state-metrics too, but not kube_pod_info. Its own metrics of containers may be
  // scraped apart from those of pods: then there are no others.
  const isForeign = has('ksm/container') && !has('ksm/beside-pods/container') && has('ksm/not-renamed/container');
  const renamed = CANONICAL.filter((label) => has(`ksm/${label}`) && !(label === 'container' && isForeign));
  // One copy of kube-state-metrics may honour a label and another not; then only the former is read.
  const mixed = renamed.filter((label) => has(`ksm/plain/${label}`));
  const passedOver: CanonicalLabel[] = isForeign ? ['container'] : [];
  const honoured = [...mixed, ...passedOver].map((label): Matcher => ({
    label: `exported_${label}`,
    op: '=',
    value: '',
  }));
  return {
    renamed: renamed.filter((label) => (ALWAYS_SET.includes(label) ? !mixed.includes(label) : mixed.length === 0)),
    matchers: [...clusterMatchers(cluster), ...honoured],
  };
}

function cadvisorNames(
  cluster: Cluster | undefined,
  series: readonly Series[],
): {
  labels: Record<CanonicalLabel, string>;
  matchers: Matcher[];
  jobs: { job: string; series: number }[];
  renamed: CanonicalLabel[];
} {
  const { own, isLabelled } = cadvisorFacts(cluster, series);
  const jobs = cadvisorJobs(own);
  const [main] = jobs;
  const only = new Map(own.filter((s) => s.labels['fact'] === 'cadvisor/only').map((s) => [s.labels['job'], s.value]));
  // Others are copies of the same truth, unless they tell of other nodes.
  const read = jobs.filter(
    ({ job, series: all }) => job === main?.job || (only.get(job) ?? 0) > OTHER_NODES_SHARE * all,
  );
  const has = (fact: string): boolean =>
    own.some((s) => s.labels['fact'] === fact && (s.labels['job'] ?? '') === main?.job);
  const renamed = CANONICAL.filter((label) => has(`cadvisor/${label}`));
  const labels = renameAll(renamed);
  if (has('cadvisor/pod_name')) {
    // cAdvisor of kubelets before 1.16.
    labels.pod = 'pod_name';
    labels.container = 'container_name';
  }
  const matchers = isLabelled ? clusterMatchers(cluster) : [];
  if (read.length < jobs.length) {
    const [op, value] =
      read.length === 1 ? (['=', main?.job ?? ''] as const) : (['=~', anyOf(read.map(({ job }) => job))] as const);
    matchers.push({ label: 'job', op, value });
  }
  return { labels, matchers, jobs, renamed };
}

/** What is known of cAdvisor in the cluster, and whether its series carry the cluster's label. */
function cadvisorFacts(
  cluster: Cluster | undefined,
  series: readonly Series[],
): { own: Series[]; isLabelled: boolean } {
  const all = series.filter((s) => s.labels['fact']?.startsWith('cadvisor/') === true);
  const labelled = cluster === undefined ? [] : all.filter((s) => s.labels[cluster.label] === cluster.value);
  const unlabelled = cluster === undefined ? all : all.filter((s) => (s.labels[cluster.label] ?? '') === '');
  // Where kube-state-metrics alone carries the label of the one cluster there is, cAdvisor's series are of it as well.
  return { own: labelled.length > 0 ? labelled : unlabelled, isLabelled: labelled.length > 0 || all.length === 0 };
}

/** The jobs that carry cAdvisor: the main one first, which is the kubelet's own, or else the first by name. */
function cadvisorJobs(own: readonly Series[]): { job: string; series: number }[] {
  const rank = (job: string): string => (job === 'kubelet' ? '' : job);
  return own
    .filter((s) => s.labels['fact'] === 'cadvisor/series')
    .map((s) => ({ job: s.labels['job'] ?? '', series: s.value }))
    .sort((a, b) => (rank(a.job) < rank(b.job) ? -1 : 1));
}

/** A selector of an exporter's series, as this Prometheus and the user's own matchers narrow it. */
export function exporterSeries(
  naming: Naming,
  exporter: Exporter,
  metric: string,
  more: readonly Matcher[] = [],
): string {
  return selector(metric, [...naming.matchers[exporter], ...more], naming.userMatchers[exporter]);
}

/** Of cAdvisor's rows those of containers: without the pod's cgroup (no container label) and without the pause container. */
export function containerMatchers(label: string): Matcher[] {
  return [
    { label, op: '!=', value: '' },
    { label, op: '!=', value: 'POD' },
  ];
}

/** The labels of a result under their canonical names. */
export function canonicalLabels(
  naming: Naming,
  exporter: Exporter,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const names = naming.labels[exporter];
  if (naming.renamed[exporter].length === 0 && names.pod === 'pod') return labels;
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
