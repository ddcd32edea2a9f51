import { describe, expect, test } from 'vitest';
import { FailureError } from '../../../src/core/failure.ts';
import { canonicalLabels, readCopies, readLayout, scrapeInterval } from '../../../src/core/signals/layout.ts';
import type { Series } from '../../../src/core/signals/metric-source.ts';

const NO_OPTIONS = { cluster: undefined, ksmSelector: '', cadvisorSelector: '' };

function copySeries(labels: Readonly<Record<string, string>>, pods: number, scrapedAt: number): Series[] {
  return [
    { labels: { fact: 'pods', ...labels }, value: pods },
    { labels: { fact: 'scraped', ...labels }, value: scrapedAt },
  ];
}

function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  return undefined;
}

describe('the cluster', () => {
  const east = copySeries({ job: 'ksm', instance: 'a', cluster: 'east' }, 3, 100);
  const west = copySeries({ job: 'ksm', instance: 'b', cluster: 'west' }, 5, 100);

  test('one value needs no choice', () => {
    expect(readCopies(east, NO_OPTIONS).cluster).toEqual({ label: 'cluster', value: 'east' });
  });

  test('several values must be chosen from', () => {
    expect(failureOf(() => readCopies([...east, ...west], NO_OPTIONS))).toEqual({
      kind: 'cluster-ambiguous',
      label: 'cluster',
      values: ['east', 'west'],
    });
  });

  test('the chosen one alone counts', () => {
    const found = readCopies([...east, ...west], { ...NO_OPTIONS, cluster: 'west' });
    expect(found.copies).toEqual([{ job: 'ksm', instance: 'b', pods: 5, scrapedAtUnixSeconds: 100 }]);
  });

  test('one that is not there is refused, with those that are', () => {
    expect(failureOf(() => readCopies([...east, ...west], { ...NO_OPTIONS, cluster: 'north' }))).toMatchObject({
      kind: 'cluster-unknown',
      values: ['east', 'west'],
    });
  });

  test('of two labels the one that tells clusters apart is meant', () => {
    const both = [
      ...copySeries({ cluster: 'all', k8s_cluster_name: 'x' }, 1, 1),
      ...copySeries({ cluster: 'all', k8s_cluster_name: 'y' }, 1, 1),
    ];
    expect(failureOf(() => readCopies(both, NO_OPTIONS))).toMatchObject({
      label: 'k8s_cluster_name',
      values: ['x', 'y'],
    });
  });

  test('samples without any cluster label need none', () => {
    expect(readCopies(copySeries({ job: 'ksm', instance: 'a' }, 3, 100), NO_OPTIONS).cluster).toBeUndefined();
  });
});

describe('names', () => {
  const found = readCopies(copySeries({ job: 'ksm', instance: 'a' }, 3, 100), NO_OPTIONS);
  const fact = (name: string, value: number, labels = {}): Series => ({ labels: { fact: name, ...labels }, value });
  const read = (...names: Series[]): ReturnType<typeof readLayout> =>
    readLayout(NO_OPTIONS, found, names, undefined, undefined);

  test('without honor_labels the exported names are read, each for itself', () => {
    const layout = read(fact('ksm/namespace', 3), fact('ksm/pod', 3));
    expect(layout.labels['kube-state-metrics']).toMatchObject({
      namespace: 'exported_namespace',
      pod: 'exported_pod',
      container: 'container',
    });
    expect(
      canonicalLabels(layout, 'kube-state-metrics', { exported_pod: 'cart', exported_namespace: 'shop', uid: 'u' }),
    ).toEqual({
      pod: 'cart',
      namespace: 'shop',
      uid: 'u',
    });
  });

  test('where one copy honours labels and another does not, the former is read', () => {
    const layout = read(fact('ksm/pod', 3), fact('ksm/honored', 3));
    expect(layout.labels['kube-state-metrics'].pod).toBe('pod');
    expect(layout.matchers['kube-state-metrics']).toEqual([{ label: 'exported_pod', op: '=', value: '' }]);
  });

  test('of several jobs with cAdvisor the kubelet is taken', () => {
    const layout = read(
      fact('cadvisor/series', 9, { job: 'cadvisor' }),
      fact('cadvisor/series', 9, { job: 'kubelet' }),
    );
    expect(layout.matchers.cadvisor).toEqual([{ label: 'job', op: '=', value: 'kubelet' }]);
  });

  test('cAdvisor before Kubernetes 1.16 has names of its own', () => {
    expect(read(fact('cadvisor/pod_name', 9)).labels.cadvisor).toMatchObject({
      pod: 'pod_name',
      container: 'container_name',
    });
  });
});

describe('replicas of kube-state-metrics', () => {
  const copies = (...instances: [string, number, number][]): ReturnType<typeof readCopies> =>
    readCopies(
      instances.flatMap(([instance, pods, at]) => copySeries({ job: 'ksm', instance }, pods, at)),
      NO_OPTIONS,
    );
  const authority = (
    found: ReturnType<typeof readCopies>,
    instance: string,
    ...overlaps: [string, number][]
  ): string | undefined => {
    const series = overlaps.map(([fact, value]) => ({ labels: { fact }, value }));
    return readLayout(NO_OPTIONS, found, [], undefined, series).authorities.get(JSON.stringify(['ksm', instance]))
      ?.instance;
  };

  test('the newest of copies with the same pods speaks for all', () => {
    expect(authority(copies(['old', 130, 100], ['new', 128, 160]), 'old', ['0/1', 127])).toBe('new');
  });

  test('a newer copy that has just started and lists few pods does not', () => {
    expect(authority(copies(['old', 130, 100], ['new', 3, 160]), 'old', ['0/1', 3])).toBe('old');
  });

  test('copies with few pods in common are shards', () => {
    expect(authority(copies(['one', 100, 100], ['two', 110, 160]), 'one', ['0/1', 4])).toBe('one');
  });
});

/** 900 s and 300 s divided by what a steady scrape leaves in them. */
test.each([
  ['15 s', 20, 60, 15],
  ['30 s', 10, 30, 30],
  ['60 s', 5, 15, 60],
  ['90 s: the short window has three samples or four', 4, 10, 90],
  ['120 s', 3, 8, 112.5],
  ['15 s, seven minutes of history: the long window is not full', 20, 28, 15],
  ['not measured', undefined, undefined, undefined],
])('a scrape interval of %s', (_, short, long, seconds) => {
  expect(scrapeInterval(short, long)).toBe(seconds);
});
