import { containerMatchers, exporterSeries, isCanonical, type CanonicalLabel, type Naming } from './naming.ts';
import { anyOf, by, newestOf, over, type Matcher } from './promql.ts';
import type { Exporter, Scope, Subject } from './signal.ts';

/** A part of the scope: how an answer that is too big is split. */
export interface Part {
  readonly namespaces: readonly string[] | undefined;
  /** The last characters of pod names, as a class of RE2 has them (`a-h`). */
  readonly nameEnd: string | undefined;
}

/** Pod names beyond this many characters of PromQL are not sent: the query asks for the namespace, kpfd picks. */
const POD_PATTERN_LIMIT = 1000;

/**
 * What a counter gained per second on average over the window, as if it had been there all the time. Prometheus' rate() is
 * the same; that of VictoriaMetrics divides by the time between the samples that there are, of which a young container has few.
 */
export function perSecond(series: string, seconds: number): string {
  return `increase(${over(series, seconds)}) / ${seconds}`;
}

/**
 * The part of its samples within the window in which a metric of 0 and 1 was 1, over all copies of kube-state-metrics that
 * told it: one that was replaced has a part of the samples, and a second one has them twice.
 */
export function shareOver(series: string, seconds: number, labels: readonly string[]): string {
  const total = (reduce: 'sum' | 'count'): string => by('sum', labels, `${reduce}_over_time(${over(series, seconds)})`);
  return `${total('sum')} / ${total('count')}`;
}

/** Writes selectors for one exporter in the names of this Prometheus. */
export class QueryWriter {
  readonly #exporter: Exporter;
  readonly #naming: Naming;
  readonly #scope: Scope;
  readonly #part: Part | undefined;

  constructor(exporter: Exporter, naming: Naming, scope: Scope, part: Part | undefined) {
    this.#exporter = exporter;
    this.#naming = naming;
    this.#scope = scope;
    this.#part = part;
  }

  #label(label: CanonicalLabel): string {
    return this.#naming.labels[this.#exporter][label];
  }

  /** What a label of the table is called in this Prometheus. */
  name(label: string): string {
    return isCanonical(label) ? this.#label(label) : label;
  }

  #select(metric: string, scope: readonly Matcher[], more: readonly Matcher[]): string {
    return exporterSeries(this.#naming, this.#exporter, metric, [...scope, ...more]);
  }

  #namespaceMatchers(): Matcher[] {
    const matchers: Matcher[] = [];
    const label = this.#label('namespace');
    if (this.#scope.namespace !== undefined) matchers.push({ label, op: '=', value: this.#scope.namespace });
    if (this.#part?.namespaces !== undefined) matchers.push({ label, op: '=~', value: anyOf(this.#part.namespaces) });
    return matchers;
  }

  #podMatchers(): Matcher[] {
    const matchers = this.#namespaceMatchers();
    const label = this.#label('pod');
    const { pods } = this.#scope;
    if (pods !== undefined) {
      const pattern = anyOf(pods);
      if (pods.length === 1) matchers.push({ label, op: '=', value: pods[0] as string });
      else if (pattern.length <= POD_PATTERN_LIMIT) matchers.push({ label, op: '=~', value: pattern });
    }
    if (this.#part?.nameEnd !== undefined) matchers.push({ label, op: '=~', value: `.*[${this.#part.nameEnd}]` });
    return matchers;
  }

  /** The labels that identify a subject. cAdvisor has no uid; nodes and owners have no pod. */
  keys(subject: Subject): string[] {
    const pod = [this.#label('namespace'), this.#label('pod')];
    if (this.#exporter === 'kube-state-metrics') pod.push(this.#label('uid'));
    switch (subject) {
      case 'pod':
        return pod;
      case 'container':
        return [...pod, this.#label('container')];
      case 'resource':
        return [...pod, this.#label('container'), 'resource'];
      case 'node':
        return [this.#label('node')];
      case 'owner':
        return [this.#label('namespace')];
    }
  }

  series(metric: string, ...more: Matcher[]): string {
    return this.#select(metric, this.#podMatchers(), more);
  }

  everywhere(metric: string): string {
    return this.#select(metric, [], []);
  }

  nodeSeries(metric: string, ...more: Matcher[]): string {
    return this.#select(metric, [], more);
  }

  ownerSeries(metric: string): string {
    return this.#select(metric, this.#namespaceMatchers(), []);
  }

  newest(metric: string): string {
    const series = this.series(metric);
    return newestOf(series, series, this.keys('container'));
  }

  /** Restart counts at the start of the window, of containers that restarted within it only. */
  lowerBefore(counter: string, seconds: number): string {
    const restarted = (metric: string): string => this.#lowerThan(this.series(metric), metric, seconds);
    return `${restarted(`kube_pod_container_status_${counter}`)} or ${restarted(`kube_pod_init_container_status_${counter}`)}`;
  }

  /** The least value of a gauge of containers within the window, where the last one is higher. */
  lowerWithin(metric: string, seconds: number): string {
    return this.#lowerThan(`last_over_time(${over(this.series(metric), seconds)})`, metric, seconds);
  }

  #lowerThan(last: string, metric: string, seconds: number): string {
    const labels = this.keys('container');
    return `${by('min', labels, `min_over_time(${over(this.series(metric), seconds)})`)} < ${by('max', labels, last)}`;
  }

  /**
   * Sums over the containers that restarted within the window, by the owner of their pods (which are all of one template):
   * `of` gets their restarts, and in how many samples of the window each container of the namespace ran. Pods that are
   * gone count as well. The scope is the namespace's: what a pod is predicted does not depend on who asked.
   */
  ofRestartedByOwner(seconds: number, of: (restarted: string, running: string) => string): string {
    const container = this.keys('container');
    const pod = this.keys('pod');
    const owner = ['created_by_kind', 'created_by_name'];
    // Of the copy that saw most, both: where one was replaced no sum tells its samples from those of a second one.
    const restarts = over(this.ownerSeries('kube_pod_container_status_restarts_total'), seconds);
    const restarted = `(${by('max', container, `max_over_time(${restarts}) - min_over_time(${restarts})`)} > 0)`;
    const running = by(
      'max',
      container,
      `sum_over_time(${over(this.ownerSeries('kube_pod_container_status_running'), seconds)})`,
    );
    const info = by('max', [...pod, ...owner], `last_over_time(${over(this.ownerSeries('kube_pod_info'), seconds)})`);
    const owned = `(${of(restarted, running)}) * on (${pod.join(',')}) group_left(${owner.join(',')}) topk by (${pod.join(',')}) (1,${info})`;
    return by('sum', [...this.keys('owner'), ...owner, this.#label('container')], owned);
  }

  /** Both spellings of requests and limits: kube-state-metrics 1 had a metric for each resource. */
  resources(kind: 'limits' | 'requests'): string {
    const metric = `kube_pod_container_resource_${kind}`;
    const old = (name: string, resource: string): string =>
      `label_replace(${this.series(`${metric}_${name}`)},"resource","${resource}","","")`;
    return `${this.series(metric, { label: 'resource', op: '=~', value: 'cpu|memory' })} or ${old('cpu_cores', 'cpu')} or ${old('memory_bytes', 'memory')}`;
  }

  initResources(kind: 'limits' | 'requests'): string {
    return this.series(`kube_pod_init_container_resource_${kind}`, {
      label: 'resource',
      op: '=~',
      value: 'cpu|memory',
    });
  }

  containers(metric: string): string {
    const more = containerMatchers(this.#label('container'));
    // Old cAdvisors have a series for each CPU beside the total.
    if (metric === 'container_cpu_usage_seconds_total') more.push({ label: 'cpu', op: '=~', value: 'total|' });
    return this.series(metric, ...more);
  }

  ofLivingContainer(metric: string, reduce: (series: string) => string): string {
    const series = this.containers(metric);
    return newestOf(reduce(series), series, this.keys('container'));
  }

  /** The pod's cgroup, of pods that have no rows of containers at all. */
  wherePodRowsOnly(metric: string, reduce: (series: string) => string): string {
    const pod = this.keys('pod');
    const cgroup = this.series(
      metric,
      { label: this.#label('container'), op: '=', value: '' },
      { label: 'image', op: '=', value: '' },
      { label: this.#label('pod'), op: '!=', value: '' },
    );
    return `${by('max', pod, newestOf(reduce(cgroup), cgroup, pod))} unless on (${pod.join(',')}) ${this.containers(metric)}`;
  }

  /** Network counters stand on the sandbox, one series for each interface. */
  overInterfaces(metric: string, seconds: number): string {
    const pod = this.keys('pod');
    const series = this.series(metric, { label: this.#label('pod'), op: '!=', value: '' });
    const interfaces = [...pod, 'interface'];
    return by('sum', pod, by('max', interfaces, newestOf(perSecond(series, seconds), series, interfaces)));
  }
}
