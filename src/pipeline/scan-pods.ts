import { FailureError } from '../core/failure.ts';
import { assemblePods } from '../core/pods/assemble.ts';
import { podKey } from '../core/pods/presence.ts';
import type { PodSnapshot } from '../core/pods/snapshot.ts';
import { readingWarnings, signalNamesOf, type Warning } from '../core/predictions/completeness.ts';
import type { Model } from '../core/predictions/model.ts';
import { byRisk, compareText, predictPods, type PodPrediction } from '../core/predictions/prediction.ts';
import type { Requirement } from '../core/signals/label-selector.ts';
import type { MetricSource } from '../core/signals/metric-source.ts';
import { exporterSeries, type Naming, type NamingOptions } from '../core/signals/naming.ts';
import { by } from '../core/signals/promql.ts';
import type { Readings } from '../core/signals/readings.ts';
import type { Scope } from '../core/signals/signal.ts';
import { chooseInstant, type Instant } from './instant.ts';
import { Journal } from './journal.ts';
import { nearest } from './nearest.ts';
import { statusRules } from './pods-at.ts';
import { findNaming } from './read-layout.ts';
import { readEverything } from './read-signals.ts';
import { selectByLabels } from './select-labels.ts';

export interface ScanRequest {
  readonly scope: Scope;
  /** undefined: pods with any labels. */
  readonly labels: readonly Requirement[] | undefined;
  readonly naming: NamingOptions;
  /** "1.34"; undefined: as the kubelets say. */
  readonly kubernetesVersion: string | undefined;
  readonly instant: Instant;
  /** Whether each prediction comes with its reasons. */
  readonly withReasons?: boolean;
}

/** What a scan found, worst first. */
export interface Scan {
  readonly unixSeconds: number;
  readonly naming: Naming;
  readonly model: Model;
  readonly pods: readonly PodPrediction[];
  readonly warnings: readonly Warning[];
  readonly complete: boolean;
  /** Whether all was answered that tells which pods were there and are gone. */
  readonly isAbsenceTold: boolean;
}

/** Loads the model; reasons need the statistics of its nodes. */
export type LoadModel = (statistics: boolean) => Promise<Model>;

/** Reads all pods in scope at one instant and predicts each. */
export async function scanPods(source: MetricSource, loadModel: LoadModel, request: ScanRequest): Promise<Scan> {
  // Read while Prometheus answers; what Prometheus has to say goes first, should both fail.
  const loaded = loadModel(request.withReasons === true);
  loaded.catch(() => undefined);
  const { unixSeconds, skew } = await chooseInstant(source, request.instant);
  const journal = new Journal();
  const found = await findNaming(source, unixSeconds, request.naming, journal);
  const { naming } = found;
  const [readings, selected, model] = await Promise.all([
    readEverything(source, unixSeconds, found, request.scope, journal),
    request.labels === undefined
      ? undefined
      : selectByLabels(source, unixSeconds, naming, request.scope, request.labels, journal),
    loaded,
  ]);
  const pods = inScope(assemblePods(readings), request.scope, selected);
  if (pods.length === 0) await assertNamespaceKnown(source, unixSeconds, naming, request.scope);
  const predictions = predictPods(
    pods,
    model,
    statusRules(readings, request.kubernetesVersion),
    request.withReasons,
  ).sort(byRisk);
  const warnings = allWarnings(readings, predictions, journal, skew);
  return {
    unixSeconds,
    naming,
    model,
    pods: predictions,
    warnings,
    complete: !warnings.some((w) => w.incomplete),
    isAbsenceTold: !readings.isPartial && !readings.gaps.has('gone') && !readings.gaps.has('copy-history'),
  };
}

function inScope(pods: readonly PodSnapshot[], scope: Scope, selected: ReadonlySet<string> | undefined): PodSnapshot[] {
  return pods.filter(
    (pod) =>
      (scope.pods === undefined || scope.pods.includes(pod.name)) &&
      (selected === undefined || selected.has(podKey(pod.namespace, pod.name))),
  );
}

function allWarnings(
  readings: Readings,
  predictions: readonly PodPrediction[],
  journal: Journal,
  skew: Warning[],
): Warning[] {
  const noticed = journal.notices().map((notice): Warning => {
    if (notice.kind === 'request-failed')
      return { ...notice, signals: signalNamesOf(notice.request), incomplete: true };
    return { ...notice, incomplete: notice.kind === 'prometheus-warning' };
  });
  return [...skew, ...noticed, ...readingWarnings(readings, predictions)];
}

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
