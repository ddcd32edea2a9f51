import { describe, expect, test } from 'vitest';
import { namesakes, sightings } from '../../../src/core/pods/presence.ts';
import type { Readings } from '../../../src/core/signals/readings.ts';
import { AT, copy, info, readings, replicas, row } from '../../support/readings.ts';

function seen(own: Readings): Record<string, string> {
  return Object.fromEntries(sightings(own).map(({ name, presence }) => [name, presence]));
}

describe('one copy of kube-state-metrics', () => {
  test('a pod of the newest scrape is present', () => {
    expect(seen(readings({ 'pod-info': [info('cart', 'a', AT - 2)] }))).toEqual({ cart: 'present' });
  });

  test('a row that is a minute older than the newest scrape is a ghost: the pod is gone', () => {
    const rows = [info('cart', 'a', AT - 2), info('old', 'a', AT - 63)];
    expect(seen(readings({ 'pod-info': rows }))).toEqual({ cart: 'present', old: 'gone' });
  });

  test('rows that are some scrapes older may be of a replica of Prometheus that has stopped: the pods are present', () => {
    const rows = [info('cart', 'a', AT - 2), info('other', 'a', AT - 12), info('third', 'a', AT - 32)];
    expect(seen(readings({ 'pod-info': rows }))).toEqual({ cart: 'present', other: 'present', third: 'present' });
  });

  test('of two uids of one name the newer scrape counts', () => {
    const rows = [info('web-0', 'a', AT - 12, { uid: 'old' }), info('web-0', 'a', AT - 2, { uid: 'new' })];
    expect(sightings(readings({ 'pod-info': rows })).map(({ uid }) => uid)).toEqual(['new']);
  });

  test('of two uids of one name in one scrape the one made later counts', () => {
    const rows = [info('web-0', 'a', AT - 2, { uid: 'old' }), info('web-0', 'a', AT - 2, { uid: 'new' })];
    const created = [row('web-0', { uid: 'old' }, AT - 900), row('web-0', { uid: 'new' }, AT - 30)];
    for (const order of [rows, rows.toReversed()]) {
      const own = readings({ 'pod-info': order, 'pod-created': created });
      expect(sightings(own).map(({ uid }) => uid)).toEqual(['new']);
    }
  });

  test('of two rows of one scrape the one that names a node counts', () => {
    const rows = [info('cart', 'a', AT - 2), info('cart', 'a', AT - 2, { node: '' })];
    expect(sightings(readings({ 'pod-info': rows }))[0]?.labels['node']).toBe('node1');
    expect(sightings(readings({ 'pod-info': rows.toReversed() }))[0]?.labels['node']).toBe('node1');
  });

  test('seen within the lookback and not now is gone', () => {
    expect(seen(readings({ gone: [row('cart', { job: 'ksm', instance: 'a' }, 1)] }))).toEqual({ cart: 'gone' });
  });

  test('where a pod that is gone was, and whose it was, stays known', () => {
    const before = row('cart', { job: 'ksm', instance: 'a', node: '', created_by_name: 'cart-1' }, 1);
    const after = { ...before, labels: { ...before.labels, node: 'node1' } };
    for (const gone of [
      [before, after],
      [after, before],
    ]) {
      const [own] = sightings(readings({ gone }));
      expect(own?.labels).toMatchObject({ node: 'node1', created_by_name: 'cart-1' });
    }
  });

  test('a name that lives again with another uid is not gone', () => {
    const own = readings({
      'pod-info': [info('web-0', 'a', AT - 2)],
      gone: [row('web-0', { uid: 'old', job: 'ksm', instance: 'a' }, 1)],
    });
    expect(seen(own)).toEqual({ 'web-0': 'present' });
  });
});

describe('names under which two pods live', () => {
  const rows = [info('db-0', 'a', AT - 2, { uid: 'x' }), info('db-0', 'b', AT - 4, { uid: 'y' })];
  const made = (x: number, y: number): string[] =>
    namesakes(
      readings({
        'pod-info': rows,
        'pod-created': [row('db-0', { uid: 'x' }, AT - x), row('db-0', { uid: 'y' }, AT - y)],
      }),
    );

  test('are of two clusters where both pods were made long ago', () => {
    expect(made(7200, 900)).toEqual(['shop/db-0']);
  });

  test('are a pod that was made anew where one is young', () => {
    expect(made(7200, 300)).toEqual([]);
    expect(namesakes(readings({ 'pod-info': rows }))).toEqual([]);
  });
});

describe('several copies of kube-state-metrics', () => {
  const fresh = copy('new', 3, AT - 2);
  const ghost = copy('old', 3, AT - 200);

  test('the pods of replicas are listed once', () => {
    const rows = [info('cart', 'new', AT - 2), info('cart', 'old', AT - 200)];
    expect(sightings(readings({ 'pod-info': rows }, replicas(fresh, ghost)))).toHaveLength(1);
  });

  test('what only the older replica knows is gone', () => {
    const rows = [info('cart', 'new', AT - 2), info('deleted', 'old', AT - 200)];
    expect(seen(readings({ 'pod-info': rows }, replicas(fresh, ghost)))).toEqual({ cart: 'present', deleted: 'gone' });
  });

  test('what only the newer of two live replicas knows is present', () => {
    const other = copy('other', 3, AT - 10);
    const rows = [info('cart', 'other', AT - 10), info('born', 'new', AT - 2)];
    const own = readings({ 'pod-info': [...rows, info('cart', 'new', AT - 2)] }, replicas(fresh, other));
    expect(seen(own)).toEqual({ cart: 'present', born: 'present' });
  });

  test('shards do not overrule each other', () => {
    const [one, two] = [copy('one', 2, AT - 2), copy('two', 2, AT - 12)];
    const shards = {
      copies: [one, two],
      authorities: new Map([
        ['["ksm","one"]', one],
        ['["ksm","two"]', two],
      ]),
    };
    const rows = [info('a', 'one', AT - 2), info('b', 'two', AT - 12)];
    expect(seen(readings({ 'pod-info': rows }, shards))).toEqual({ a: 'present', b: 'present' });
  });

  test('the pods of a shard that fell silent cannot be told: nobody proved them gone', () => {
    const own = readings({
      'pod-info': [info('a', 'a', AT - 2)],
      gone: [row('b', { job: 'ksm', instance: 'dead' }, 1)],
      'copy-history': [
        { labels: { job: 'ksm', instance: 'dead', of: 'seen' }, value: 40 },
        { labels: { job: 'ksm', instance: 'dead', of: 'gone' }, value: 40 },
      ],
    });
    expect(seen(own)).toEqual({ a: 'present', b: 'untold' });
  });

  test('a copy that was replaced is no silent shard: its successor knows most of its pods', () => {
    const own = readings({
      'pod-info': [info('a', 'a', AT - 2)],
      gone: [row('b', { job: 'ksm', instance: 'before' }, 1)],
      'copy-history': [
        { labels: { job: 'ksm', instance: 'before', of: 'seen' }, value: 40 },
        { labels: { job: 'ksm', instance: 'before', of: 'gone' }, value: 2 },
      ],
    });
    expect(seen(own)).toEqual({ a: 'present', b: 'gone' });
  });
});
