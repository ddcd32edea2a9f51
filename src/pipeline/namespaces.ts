import { compareText } from '../core/compare-text.ts';
import { FailureError } from '../core/failure.ts';
import type { MetricSource } from '../core/signals/metric-source.ts';
import { exporterSeries, type Naming } from '../core/signals/naming.ts';
import { by } from '../core/signals/promql.ts';
import type { Scope } from '../core/signals/signal.ts';
import { nearest } from './nearest.ts';

/** An empty answer is one only where the namespace is real: a typing error must not look like good health. */
export async function assertNamespaceKnown(
  source: MetricSource,
  unixSeconds: number,
  naming: Naming,
  scope: Scope,
): Promise<void> {
  if (scope.namespace === undefined || scope.pods !== undefined) return;
  const namespaces = await knownNamespaces(source, unixSeconds, naming);
  if (namespaces.includes(scope.namespace)) return;
  throw new FailureError({
    kind: 'namespace-never-seen',
    namespace: scope.namespace,
    nearest: await nearest(scope.namespace, namespaces),
    namespaces,
  });
}

/** Namespaces that hold pods, and those that kube-state-metrics lists, in order. */
export async function knownNamespaces(source: MetricSource, unixSeconds: number, naming: Naming): Promise<string[]> {
  const label = naming.labels['kube-state-metrics'].namespace;
  const names = (metric: string): string => by('count', [label], exporterSeries(naming, 'kube-state-metrics', metric));
  const answer = await source.query(`${names('kube_pod_info')} or ${names('kube_namespace_created')}`, unixSeconds);
  return answer.series
    .map((series) => series.labels[label] ?? '')
    .filter((name) => name !== '')
    .sort(compareText);
}
