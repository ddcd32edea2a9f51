import type { Failure } from '../failure.ts';
import { ageOfPods, isStale, replicaCount } from '../signals/layout.ts';
import { namesakes } from '../pods/presence.ts';
import type { Silence } from '../pods/snapshot.ts';
import { SIGNALS, type RequestName, type SignalName } from '../signals/catalogue.ts';
import { FAST_WINDOW_SECONDS, type Readings } from '../signals/readings.ts';
import type { Exporter } from '../signals/signal.ts';
import type { PodPrediction } from './prediction.ts';
import { compareText } from '../compare-text.ts';

/** What is asked about the layout; without an answer less is known of all signals. */
export type LayoutRequest = 'scrape-interval' | 'copies' | 'cadvisor';

/** Something that a reader must know of an answer. `incomplete`: with it the answer is a partial one. */
export type Warning = { readonly incomplete: boolean } & (
  | { kind: 'request-failed'; request: RequestName | LayoutRequest; signals: SignalName[]; failure: Failure }
  | { kind: 'exporter-absent'; exporter: Exporter }
  | { kind: 'window-too-short'; exporter: Exporter; intervalSeconds: number; signals: SignalName[] }
  | { kind: 'metric-absent'; metric: string; signals: SignalName[]; pods: number }
  | { kind: 'history-too-short'; windowSeconds: number; signals: SignalName[]; pods: number }
  | { kind: 'node-not-sampled'; exporter: Exporter; node: string; pods: number }
  | { kind: 'pods-not-sampled'; exporter: Exporter; pods: number; signals: SignalName[] }
  | { kind: 'pods-untold'; pods: number }
  | { kind: 'silence'; silence: Silence; pods: number; nodes: string[] }
  | { kind: 'namesakes'; names: number; example: string }
  | { kind: 'copies'; copies: number }
  | { kind: 'stale'; exporter: Exporter; ageSeconds: number }
  | { kind: 'clock'; aheadSeconds: number }
  | { kind: 'prometheus-warning'; text: string }
  | { kind: 'split'; request: string; parts: number }
  | { kind: 'retried'; retries: number }
);

/** What the readings themselves lack: as a whole, or for whole nodes. */
export function readingWarnings(readings: Readings, predictions: readonly PodPrediction[]): Warning[] {
  return [...wholeGaps(readings), ...gapsOfPods(predictions), ...ofCopies(readings, predictions)];
}

function wholeGaps(readings: Readings): Warning[] {
  const warnings: Warning[] = [];
  const absent = new Set<Exporter>();
  const short = new Map<Exporter, { intervalSeconds: number; signals: SignalName[] }>();
  for (const [signal, reason] of readings.gaps) {
    if (reason.kind === 'exporter-absent') absent.add(reason.exporter);
    if (reason.kind === 'window-too-short' && reason.windowSeconds > FAST_WINDOW_SECONDS) {
      const exporter = SIGNALS.find(({ name }) => name === signal)?.exporter ?? 'kube-state-metrics';
      const own = short.get(exporter) ?? { intervalSeconds: reason.intervalSeconds, signals: [] };
      own.signals.push(signal);
      short.set(exporter, own);
    }
  }
  for (const exporter of absent) warnings.push({ kind: 'exporter-absent', exporter, incomplete: true });
  for (const [exporter, own] of short) warnings.push({ kind: 'window-too-short', exporter, ...own, incomplete: true });
  return warnings;
}

/**
 * A metric that every pod lacks is absent; a node of whose pods cAdvisor measured none is not scraped; the rest are
 * pods that lack what their neighbours have.
 */
function gapsOfPods(predictions: readonly PodPrediction[]): Warning[] {
  const absent = new Lacks<string>();
  const dark = new Lacks<string>();
  const young = new Lacks<number>();
  const lacking = new Lacks<Exporter>();
  const sampled = new Set(predictions.filter(hasUsage).map(({ pod }) => pod.node?.name));
  for (const prediction of predictions) {
    for (const { signal, reason } of prediction.pod.gaps) {
      if (reason.kind === 'metric-absent') absent.add(reason.metric, signal, prediction);
      else if (reason.kind === 'history-too-short') {
        // Of a history that has just begun it is said that no pod is evaluated.
        if (prediction.notEvaluated !== 'no-history') young.add(reason.windowSeconds, signal, prediction);
      } else if (reason.kind === 'pod-not-sampled') {
        const node = prediction.pod.node?.name;
        if (reason.exporter === 'cadvisor' && node !== undefined && !sampled.has(node)) {
          dark.add(node, signal, prediction);
        } else if (reason.exporter !== 'cadvisor' || signal === 'memory-working-set') {
          // A container that has just been started again has no rate yet: that passes, and is no news.
          lacking.add(reason.exporter, signal, prediction);
        }
      }
    }
  }
  return [
    ...absent.map((metric, own) => ({ kind: 'metric-absent', metric, ...own, incomplete: true })),
    ...young.map((windowSeconds, own) => ({ kind: 'history-too-short', windowSeconds, ...own, incomplete: true })),
    ...dark.map((node, { pods }) => ({ kind: 'node-not-sampled', exporter: 'cadvisor', node, pods, incomplete: true })),
    ...lacking.map((exporter, own) => ({ kind: 'pods-not-sampled', exporter, ...own, incomplete: true })),
  ];
}

/** What pods lack for one cause each: which signals, and how many pods. */
class Lacks<Cause> {
  readonly #found = new Map<Cause, { signals: Set<SignalName>; pods: Set<PodPrediction> }>();

  add(cause: Cause, signal: SignalName, prediction: PodPrediction): void {
    const own = this.#found.get(cause) ?? { signals: new Set(), pods: new Set() };
    own.signals.add(signal);
    own.pods.add(prediction);
    this.#found.set(cause, own);
  }

  map(warning: (cause: Cause, lacking: { signals: SignalName[]; pods: number }) => Warning): Warning[] {
    return [...this.#found].map(([cause, { signals, pods }]) =>
      warning(cause, { signals: [...signals].sort(compareText), pods: pods.size }),
    );
  }
}

function hasUsage({ pod }: PodPrediction): boolean {
  return pod.containers.some((c) => c.usage.memoryBytes !== undefined || c.usage.cpuCores !== undefined);
}

function ofCopies(readings: Readings, predictions: readonly PodPrediction[]): Warning[] {
  const warnings: Warning[] = [];
  const { layout, unixSeconds } = readings;
  const untold = predictions.filter(({ pod }) => pod.presence === 'untold').length;
  if (untold > 0) warnings.push({ kind: 'pods-untold', pods: untold, incomplete: true });
  for (const silence of ['ksm-silent', 'no-history', 'node-lost', 'node-silent'] as const) {
    // Where every copy is silent, that is said once.
    if (silence === 'ksm-silent' && isStale(layout, unixSeconds)) continue;
    const pods = predictions.filter(({ notEvaluated }) => notEvaluated === silence).map(({ pod }) => pod);
    // Nodes where it is a matter of nodes.
    const nodes = silence.startsWith('node') ? [...new Set(pods.map(({ node }) => node?.name ?? ''))].sort() : [];
    if (pods.length > 0) warnings.push({ kind: 'silence', silence, pods: pods.length, nodes, incomplete: true });
  }
  const twice = namesakes(readings);
  if (twice[0] !== undefined) {
    warnings.push({ kind: 'namesakes', names: twice.length, example: twice[0], incomplete: true });
  }
  const replicas = replicaCount(layout);
  if (replicas > 0) warnings.push({ kind: 'copies', copies: layout.copies.length, incomplete: false });
  if (isStale(layout, unixSeconds)) {
    const ageSeconds = ageOfPods(layout, unixSeconds);
    warnings.push({ kind: 'stale', exporter: 'kube-state-metrics', ageSeconds, incomplete: true });
  }
  return warnings;
}

/** The signals that travel in a request, for the reader of a warning; none for the requests of the layout. */
export function signalNamesOf(request: RequestName | LayoutRequest): SignalName[] {
  return SIGNALS.filter((signal) => signal.request === request).map(({ name }) => name);
}
