import { assemblePods } from '../core/pods/assemble.ts';
import { podKey } from '../core/pods/presence.ts';
import type { PodSnapshot } from '../core/pods/snapshot.ts';
import { readingWarnings, type Warning } from '../core/predictions/completeness.ts';
import type { Model } from '../core/predictions/model.ts';
import { byRisk, predictPods, type PodPrediction } from '../core/predictions/prediction.ts';
import type { Requirement } from '../core/signals/label-selector.ts';
import type { MetricSource } from '../core/signals/metric-source.ts';
import type { Naming, NamingOptions } from '../core/signals/naming.ts';
import type { Scope } from '../core/signals/signal.ts';
import { chooseInstant, type Instant } from './instant.ts';
import { inPart } from './in-part.ts';
import { Journal } from './journal.ts';
import { assertNamespaceKnown } from './namespaces.ts';
import { statusRules } from './pods-at.ts';
import { findNaming } from './read-layout.ts';
import { readEverything } from './read-signals.ts';
import { selectByLabels } from './select-labels.ts';
import { withModel } from './with-model.ts';

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
  const { labels, scope } = request;
  const [readings, selected, model] = await Promise.all([
    readEverything(source, unixSeconds, found, scope, journal),
    labels && inPart(source, journal, () => selectByLabels(source, unixSeconds, naming, scope, labels, journal)),
    loaded,
  ]);
  const pods = inScope(assemblePods(readings), scope, selected);
  if (pods.length === 0) {
    await inPart(source, journal, () => assertNamespaceKnown(source, unixSeconds, naming, scope));
  }
  const rules = statusRules(readings, request.kubernetesVersion);
  const predictions = withModel(model, () => predictPods(pods, model, rules, request.withReasons)).sort(byRisk);
  const warnings = [...skew, ...journal.warnings(), ...readingWarnings(readings, predictions)];
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
