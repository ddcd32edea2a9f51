import { describe, expect, test } from 'vitest';
import { FailureError } from '../../../src/core/failure.ts';
import { readAuthorities, readCopies } from '../../../src/core/signals/copies.ts';
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

  test('one that another label still tells apart is refused', () => {
    const both = ['1', '2'].flatMap((id) => copySeries({ cluster: 'prod', cluster_id: id }, 1, 1));
    const other = copySeries({ cluster: 'stage', cluster_id: '3' }, 1, 1);
    expect(failureOf(() => readCopies([...both, ...other], { ...NO_OPTIONS, cluster: 'prod' }))).toMatchObject({
      kind: 'cluster-ambiguous',
      label: 'cluster_id',
      values: ['1', '2'],
    });
    expect(readCopies([...both, ...other], { ...NO_OPTIONS, cluster: '2' }).cluster?.label).toBe('cluster_id');
  });

  test('samples without any cluster label need none', () => {
    expect(readCopies(copySeries({ job: 'ksm', instance: 'a' }, 3, 100), NO_OPTIONS).cluster).toBeUndefined();
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
    return readAuthorities(found.copies, series).get(JSON.stringify(['ksm', instance]))?.instance;
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
