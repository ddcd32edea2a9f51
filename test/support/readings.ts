import type { SignalName } from '../../src/core/signals/catalogue.ts';
import { copyKey, type ExporterCopy } from '../../src/core/signals/copies.ts';
import { PROBED_METRICS, readLayout, type Layout } from '../../src/core/signals/layout.ts';
import { readNaming } from '../../src/core/signals/naming.ts';
import { PodIndex } from '../../src/core/signals/pod-index.ts';
import { composeReadings, gapsOfNaming, type Readings } from '../../src/core/signals/readings.ts';
import type { SignalRow } from '../../src/core/signals/signal.ts';

export const AT = 10_000;

/** One copy of kube-state-metrics, cAdvisor there, both scraped each 15 s. */
export function layout(known: Partial<Layout> = {}): Layout {
  const naming = readNaming({ cluster: undefined, ksmSelector: '', cadvisorSelector: '' }, undefined, [
    { labels: { fact: 'cadvisor/series', job: 'kubelet' }, value: 10 },
  ]);
  const base = readLayout(
    naming,
    [copy('a', 3, AT - 2)],
    [
      ...Object.entries({
        'ksm/short': 20,
        'ksm/long': 60,
        'cadvisor/short': 20,
        'cadvisor/long': 60,
        history: 9,
        'history/900': 9,
        'history/1800': 9,
        ...Object.fromEntries(PROBED_METRICS.map((metric) => [metric, 9])),
      }).map(([fact, value]) => ({ labels: { fact }, value })),
      ...['kube_pod_container_status_running', 'init'].map((fact) => ({
        labels: { fact, job: 'ksm', instance: 'a' },
        value: AT - 2,
      })),
    ],
    undefined,
  );
  return { ...base, ...known };
}

export function copy(instance: string, pods: number, scrapedAtUnixSeconds: number): ExporterCopy {
  return { job: 'ksm', instance, pods, scrapedAtUnixSeconds };
}

/** Copies that are all replicas of the first. */
export function replicas(authority: ExporterCopy, ...others: ExporterCopy[]): Pick<Layout, 'copies' | 'authorities'> {
  const copies = [authority, ...others];
  return { copies, authorities: new Map(copies.map((c) => [copyKey(c), authority])) };
}

export function readings(
  rows: Partial<Record<SignalName, readonly SignalRow[]>>,
  known: Partial<Layout> = {},
): Readings {
  const own = layout(known);
  const found = new Map(Object.entries(rows)) as ReadonlyMap<SignalName, readonly SignalRow[]>;
  const byPod = new PodIndex();
  for (const [signal, its] of found) byPod.add(signal, its);
  return composeReadings(AT, own, { rows: found, byPod, gaps: gapsOfNaming(own) });
}

/** A row of pod shop/NAME with uid-1 unless the labels say otherwise. */
export function row(name: string, labels: Readonly<Record<string, string>>, value: number): SignalRow {
  return { labels: { namespace: 'shop', pod: name, uid: 'uid-1', ...labels }, value };
}

export function info(
  name: string,
  instance: string,
  at: number,
  labels: Readonly<Record<string, string>> = {},
): SignalRow {
  return row(
    name,
    { job: 'ksm', instance, node: 'node1', created_by_kind: 'ReplicaSet', created_by_name: 'cart', ...labels },
    at,
  );
}
