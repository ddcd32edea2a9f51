import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A series with samples of its own: times in Unix seconds. */
export interface MadeSeries {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [unixSeconds: number, value: number | string])[];
}

/** What a scrape would have left: the same sample at each of the times. */
export function scraped(
  at: readonly number[],
  metric: string,
  labels: Readonly<Record<string, string>>,
  value: number | string = 1,
): MadeSeries {
  return { metric, labels, samples: at.map((t) => [t, value] as const) };
}

export function times(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}

/** A pod as kube-state-metrics tells of it. */
export interface MadePod {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly node?: string;
  readonly phase?: string;
  readonly waiting?: string;
  readonly restarts?: number;
}

/** The series that a copy of kube-state-metrics has of some pods. */
export function ksm(
  at: readonly number[],
  pods: readonly MadePod[],
  target: Readonly<Record<string, string>>,
  started: number,
): MadeSeries[] {
  return pods.flatMap(
    ({ name, namespace = 'shop', uid = `uid-${name}`, node = 'node1', phase = 'Running', waiting, restarts = 0 }) => {
      const own = { namespace, pod: name, uid, ...target };
      const app = { ...own, container: 'app' };
      const runs = phase === 'Running' && waiting === undefined;
      return [
        scraped(at, 'kube_pod_info', {
          ...own,
          node,
          created_by_kind: 'ReplicaSet',
          created_by_name: 'rs',
          host_network: 'false',
        }),
        scraped(at, 'kube_pod_created', own, started),
        ...['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'].map((p) =>
          scraped(at, 'kube_pod_status_phase', { ...own, phase: p }, Number(p === phase)),
        ),
        ...['true', 'false', 'unknown'].map((c) =>
          scraped(at, 'kube_pod_status_ready', { ...own, condition: c }, Number(c === String(runs))),
        ),
        scraped(at, 'kube_pod_container_status_running', app, Number(runs)),
        scraped(at, 'kube_pod_container_status_waiting', app, Number(waiting !== undefined)),
        scraped(at, 'kube_pod_container_status_terminated', app, 0),
        ...(waiting === undefined
          ? []
          : [scraped(at, 'kube_pod_container_status_waiting_reason', { ...app, reason: waiting })]),
        scraped(at, 'kube_pod_container_status_ready', app, Number(runs)),
        scraped(at, 'kube_pod_container_status_restarts_total', app, restarts),
        ...(runs ? [scraped(at, 'kube_pod_container_state_started', app, started)] : []),
        ...(restarts > 0
          ? [
              scraped(at, 'kube_pod_container_status_last_terminated_reason', { ...app, reason: 'Error' }),
              scraped(at, 'kube_pod_container_status_last_terminated_exitcode', app, 1),
              scraped(at, 'kube_pod_container_status_last_terminated_timestamp', app, started),
            ]
          : []),
        scraped(at, 'kube_pod_container_resource_limits', { ...app, resource: 'memory', unit: 'byte' }, 1e8),
        scraped(at, 'kube_pod_container_resource_requests', { ...app, resource: 'memory', unit: 'byte' }, 5e7),
      ];
    },
  );
}

/** The series that cAdvisor has of the pods' one container. */
export function cadvisor(
  at: readonly number[],
  pods: readonly MadePod[],
  target: Readonly<Record<string, string>>,
): MadeSeries[] {
  return pods.flatMap(({ name, namespace = 'shop' }) => {
    const app = { namespace, pod: name, container: 'app', id: `/kubepods/${name}`, image: 'app', ...target };
    return [
      scraped(at, 'container_memory_working_set_bytes', app, 5e7),
      {
        metric: 'container_cpu_usage_seconds_total',
        labels: { ...app, cpu: 'total' },
        samples: at.map((t) => [t, t / 100] as const),
      },
    ];
  });
}

export function nodes(
  at: readonly number[],
  names: readonly string[],
  target: Readonly<Record<string, string>>,
): MadeSeries[] {
  return names.flatMap((node) => [
    scraped(at, 'kube_node_info', { node, kubelet_version: 'v1.34.4', ...target }),
    scraped(at, 'kube_node_spec_unschedulable', { node, ...target }, 0),
    ...['true', 'false', 'unknown'].map((status) =>
      scraped(
        at,
        'kube_node_status_condition',
        { node, condition: 'Ready', status, ...target },
        Number(status === 'true'),
      ),
    ),
  ]);
}

/** Blocks of a real TSDB, made by promtool. The folder is the caller's to remove. */
export function blocksOf(series: readonly MadeSeries[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'kpfd-blocks-'));
  const lines = series.flatMap(({ metric, labels, samples }) =>
    samples.map(([t, value]) => `${metric}${labelText(labels)} ${value} ${t}`),
  );
  writeFileSync(join(folder, 'series.txt'), `${lines.join('\n')}\n# EOF\n`);
  execFileSync(
    'promtool',
    ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'series.txt'), join(folder, 'tsdb')],
    { stdio: 'ignore' },
  );
  return folder;
}

/** Exposition text for a live scrape: no times. */
export function exposition(series: readonly MadeSeries[]): string {
  return series
    .map(({ metric, labels, samples }) => `${metric}${labelText(labels)} ${samples[0]?.[1] ?? 0}\n`)
    .join('');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const escaped = (value: string): string =>
    value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')}}`;
}
