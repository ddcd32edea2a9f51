import { describe, expect, test } from 'vitest';
import { featuresFrom } from '../../../src/core/features/catalogue.ts';
import { REQUESTS, requestQuery, signalRows, signalsOf } from '../../../src/core/signals/requests.ts';
import { SIGNALS } from '../../../src/core/signals/catalogue.ts';
import { gapsOfLayout } from '../../../src/core/signals/readings.ts';
import { layout } from '../../support/readings.ts';

const ALL = { namespace: undefined, pods: undefined };

test('every signal has a name of its own, a use, and PromQL of one kind', () => {
  expect(new Set(SIGNALS.map(({ name }) => name)).size).toBe(SIGNALS.length);
  expect(SIGNALS.filter((signal) => (signal.raw === undefined) === (signal.expression === undefined))).toEqual([]);
  expect(SIGNALS.filter(({ name, feeds }) => feeds === undefined && featuresFrom(name).length === 0)).toEqual([]);
});

test('the plan leaves room for detection within 40 requests', () => {
  expect(REQUESTS.length).toBeLessThanOrEqual(30);
  expect(REQUESTS.flatMap((request) => signalsOf(request)).length).toBe(SIGNALS.length);
});

describe.each(REQUESTS)('the request %s', (request) => {
  test('stays below the shortest limit of a backend (16 KiB), even for many pods', () => {
    const pods = Array.from({ length: 300 }, (_, i) => `a-rather-long-name-of-a-deployment-7d9f8b6c5-${i}`);
    expect(requestQuery(request, layout(), { namespace: 'shop', pods }).length).toBeLessThan(16_384);
  });

  test('never sums kube-state-metrics over its copies, but for shares', () => {
    const share = /sum by \(([^)]*)\)\(sum_over_time\(([^()]*)\)\) \/ sum by \(\1\)\(count_over_time\(\2\)\)/g;
    const sums = /\bsum(?: by \([^)]*\))?\((?:\w+\()?kube_/.exec(
      requestQuery(request, layout(), ALL).replaceAll(share, ''),
    );
    expect(sums).toBeNull();
  });
});

test('the scope stands in every selector of pods', () => {
  for (const request of REQUESTS) {
    const query = requestQuery(request, layout(), { namespace: 'shop', pods: ['cart-0'] });
    if (request === 'copy-history' || request === 'nodes') continue;
    const selectors = [...query.matchAll(/\b(?:kube_|container_)\w+(\{[^}]*\})?/g)].map(
      ([, matchers = '']) => matchers,
    );
    expect(selectors.length).toBeGreaterThan(0);
    expect(selectors.filter((matchers) => !matchers.includes('namespace="shop"'))).toEqual([]);
    // What a pod's siblings do is asked of the namespace.
    const ofPods = request === 'owners' || request === 'siblings' ? [] : selectors;
    expect(ofPods.filter((matchers) => !matchers.includes('pod="cart-0"'))).toEqual([]);
  }
});

test('a name that is PromQL stays a name', () => {
  const query = requestQuery('pods', layout(), { namespace: 'shop', pods: ['x"} or up{job="'] });
  expect(query).toContain(String.raw`pod="x\"} or up{job=\""`);
});

test('renamed labels are asked for under their new names and read back under the old', () => {
  const renamed = layout({
    labels: {
      ...layout().labels,
      'kube-state-metrics': {
        namespace: 'exported_namespace',
        pod: 'exported_pod',
        container: 'exported_container',
        node: 'exported_node',
        uid: 'uid',
      },
    },
    renamed: { 'kube-state-metrics': ['namespace', 'pod', 'container', 'node'], cadvisor: [] },
  });
  expect(requestQuery('pods', renamed, { namespace: 'shop', pods: undefined })).toContain(
    'max by (exported_namespace,exported_pod,uid,exported_node,',
  );
  const rows = signalRows(renamed, [
    {
      labels: { fact: 'phase', exported_namespace: 'shop', exported_pod: 'cart', uid: 'u', phase: 'Running' },
      value: 1,
    },
  ]);
  expect(rows.get('phase')?.[0]?.labels).toMatchObject({ namespace: 'shop', pod: 'cart', phase: 'Running' });
});

test('a window with fewer than four scrapes is a gap, shorter ones first', () => {
  const slow = (seconds: number): string[] => [
    ...gapsOfLayout(layout({ scrapeIntervalSeconds: { 'kube-state-metrics': seconds, cadvisor: seconds } })).keys(),
  ];
  expect(slow(15)).toEqual([]);
  expect(slow(30)).toEqual(['memory-slope-1m']);
  expect(slow(75)).toEqual(['memory-slope-1m', 'memory-slope-2m']);
  expect(slow(80)).toContain('cpu-usage');
  expect(slow(80)).not.toContain('cpu-usage-15m');
  expect(slow(240)).toContain('cpu-usage-15m');
  expect(slow(240)).not.toContain('phase');
});
