import { describe, expect, test } from 'vitest';
import type { Series } from '../../../src/core/signals/metric-source.ts';
import {
  canonicalLabels,
  jobsQuery,
  namesQuery,
  plainNamesQuery,
  readNaming,
  type Naming,
} from '../../../src/core/signals/naming.ts';

const NO_OPTIONS = { cluster: undefined, ksmSelector: '', cadvisorSelector: '' };

describe('naming', () => {
  const fact = (name: string, value: number, labels = {}): Series => ({ labels: { fact: name, ...labels }, value });
  const read = (...names: Series[]): Naming => readNaming(NO_OPTIONS, undefined, names);

  test('without honor_labels the exported names are read, each for itself', () => {
    const naming = read(fact('ksm/namespace', 3), fact('ksm/pod', 3));
    expect(naming.labels['kube-state-metrics']).toMatchObject({
      namespace: 'exported_namespace',
      pod: 'exported_pod',
      container: 'container',
    });
    expect(
      canonicalLabels(naming, 'kube-state-metrics', { exported_pod: 'cart', exported_namespace: 'shop', uid: 'u' }),
    ).toEqual({
      pod: 'cart',
      namespace: 'shop',
      uid: 'u',
    });
  });

  test('where one copy honours labels and another does not, the former is read', () => {
    const naming = read(fact('ksm/pod', 3), fact('ksm/plain/pod', 3), fact('ksm/node', 3));
    expect(naming.labels['kube-state-metrics']).toMatchObject({ pod: 'pod', node: 'node' });
    expect(naming.matchers['kube-state-metrics']).toEqual([{ label: 'exported_pod', op: '=', value: '' }]);
  });

  test('containers of others than kube-state-metrics do not rename those of kube-state-metrics', () => {
    const foreign = read(fact('ksm/container', 3), fact('ksm/not-renamed/container', 3));
    expect(foreign.labels['kube-state-metrics'].container).toBe('container');
    expect(foreign.matchers['kube-state-metrics']).toEqual([{ label: 'exported_container', op: '=', value: '' }]);
    for (const its of [['ksm/beside-pods/container', 'ksm/not-renamed/container'], []]) {
      // Beside pods, or apart from them while there are no others.
      const own = read(...['ksm/container', ...its].map((name) => fact(name, 3)));
      expect(own.labels['kube-state-metrics'].container).toBe('exported_container');
    }
    expect(plainNamesQuery(NO_OPTIONS, undefined, [fact('ksm/container', 3)])).toMatch(
      /exported_container!=""\} and on \(job,instance\) count by \(job,instance\)\(kube_pod_info\)/,
    );
  });

  test('cAdvisor is looked for without the label of the cluster, which it may lack', () => {
    const query = namesQuery(NO_OPTIONS, { label: 'cluster', value: 'prod' });
    expect(query).toMatch(/kube_pod_info\{cluster="prod"/);
    expect(query).not.toMatch(/container_memory_working_set_bytes\{cluster="prod"/);
  });

  test('pods whose labels were not renamed are counted only where some were', () => {
    expect(plainNamesQuery(NO_OPTIONS, undefined, [fact('ksm/node', 3), fact('cadvisor/pod', 3)])).toBeUndefined();
    const query = plainNamesQuery(NO_OPTIONS, undefined, [fact('ksm/pod', 3), fact('ksm/node', 3)]);
    expect(query?.match(/\(kube_pod_info{[^}]*}\),"fact","[^"]*"/g)).toEqual([
      '(kube_pod_info{exported_pod=""}),"fact","ksm/plain/pod"',
    ]);
  });

  test('a target with a label namespace alone renames that alone', () => {
    const naming = read(fact('ksm/namespace', 3), fact('ksm/plain/pod', 3), fact('ksm/plain/uid', 3));
    expect(naming.labels['kube-state-metrics']).toMatchObject({ namespace: 'exported_namespace', pod: 'pod' });
    expect(naming.matchers['kube-state-metrics']).toEqual([]);
  });

  test('pods without a node say nothing of how the node is called', () => {
    const naming = read(fact('ksm/node', 3), fact('ksm/plain/pod', 5));
    expect(naming.labels['kube-state-metrics']).toMatchObject({ node: 'exported_node', pod: 'pod' });
  });

  test('names of a job of cAdvisor that is not read do not count', () => {
    const naming = read(
      fact('cadvisor/series', 9, { job: 'kubelet' }),
      fact('cadvisor/series', 9, { job: 'other' }),
      fact('cadvisor/pod', 9, { job: 'other' }),
    );
    expect(naming.labels.cadvisor.pod).toBe('pod');
  });

  test('where kube-state-metrics alone carries the label of the one cluster, cAdvisor is read without it', () => {
    const cluster = { label: 'cluster', value: 'east' };
    const naming = readNaming(NO_OPTIONS, cluster, [
      fact('ksm/plain/pod', 3, { cluster: 'east' }),
      fact('cadvisor/series', 9, { job: 'kubelet' }),
    ]);
    expect(naming.matchers).toEqual({ 'kube-state-metrics': [{ ...cluster, op: '=' }], cadvisor: [] });
    expect(naming.cadvisorJobs).toEqual([{ job: 'kubelet', series: 9 }]);
  });

  test('of several jobs with cAdvisor the kubelet is taken', () => {
    const naming = read(
      fact('cadvisor/series', 9, { job: 'cadvisor' }),
      fact('cadvisor/series', 9, { job: 'kubelet' }),
    );
    expect(naming.matchers.cadvisor).toEqual([{ label: 'job', op: '=', value: 'kubelet' }]);
  });

  test('jobs with cAdvisor of other nodes are read as well', () => {
    const jobs = ['linux', 'gpu', 'again'].map((job) => fact('cadvisor/series', 9, { job }));
    const only = [fact('cadvisor/only', 9, { job: 'linux' }), fact('cadvisor/only', 1, { job: 'gpu' })];
    expect(read(...jobs, ...only).matchers.cadvisor).toEqual([{ label: 'job', op: '=~', value: 'again|linux' }]);
    const all = jobs.map((one) => fact('cadvisor/only', 9, { job: one.labels['job'] ?? '' }));
    expect(read(...jobs, ...all).matchers.cadvisor).toEqual([]);
    const queries = jobsQuery(NO_OPTIONS, undefined, jobs);
    expect(queries?.match(/job="\w+"\} unless on \(namespace,pod\) \w+\{job="\w+"/g)).toEqual([
      'job="gpu"} unless on (namespace,pod) container_memory_working_set_bytes{job="again"',
      'job="linux"} unless on (namespace,pod) container_memory_working_set_bytes{job="again"',
    ]);
    expect(jobsQuery(NO_OPTIONS, undefined, jobs.slice(1, 2))).toBeUndefined();
    expect(jobsQuery(NO_OPTIONS, undefined, [...jobs, fact('cadvisor/pod', 9, { job: 'gpu' })])).toBeUndefined();
  });

  test('cAdvisor before Kubernetes 1.16 has names of its own', () => {
    const names = [fact('cadvisor/series', 9, { job: 'kubelet' }), fact('cadvisor/pod_name', 9, { job: 'kubelet' })];
    expect(read(...names).labels.cadvisor).toMatchObject({
      pod: 'pod_name',
      container: 'container_name',
    });
  });

  test('counts of other clusters do not count', () => {
    const series = [
      fact('cadvisor/series', 9, { job: 'kubelet', cluster: 'east' }),
      fact('cadvisor/series', 4, { job: 'cadvisor', cluster: 'west' }),
      fact('ksm/pod', 3, { cluster: 'west' }),
    ];
    const naming = readNaming(NO_OPTIONS, { label: 'cluster', value: 'east' }, series);
    expect(naming).toMatchObject({
      cadvisorJobs: [{ job: 'kubelet', series: 9 }],
      labels: { 'kube-state-metrics': { pod: 'pod' } },
      matchers: { cadvisor: [{ label: 'cluster', op: '=', value: 'east' }] },
    });
  });
});
