import type { PodSnapshot } from '../pods/snapshot.ts';
import { runningContainers } from '../pods/usage.ts';
import { SIGNALS } from '../signals/catalogue.ts';
import type { GapReason } from '../signals/signal.ts';
import { FEATURES, type Feature } from './catalogue.ts';
import { LONG_SETTLED_SECONDS, settledContainers } from './memory-growth.ts';

/** Why a feature is NaN; undefined where nothing is wrong (a container that has never ended has no last exit code). */
function whyMissing(pod: PodSnapshot, feature: Feature): GapReason | undefined {
  const gap = pod.gaps.find(({ signal }) => feature.from.includes(signal));
  if (gap !== undefined) return gap.reason;
  // Of a container that has not restarted, and of one that has just started, nothing is missing.
  if (feature.from.includes('restarts-30m-ago')) return undefined;
  const isTrend = feature.from.some((signal) => signal.startsWith('memory-slope'));
  const settled = settledContainers(pod, feature.from.includes('memory-slope-15m') ? LONG_SETTLED_SECONDS : undefined);
  if (isTrend && settled.length === 0 && runningContainers(pod).length > 0) return undefined;
  const signals = SIGNALS.filter(({ name }) => feature.from.includes(name));
  if (pod.node === undefined && signals.some(({ subject }) => subject !== 'pod')) return { kind: 'not-scheduled' };
  if (!signals.some(({ exporter }) => exporter === 'cadvisor')) return undefined;
  if (runningContainers(pod).length === 0) {
    return pod.gaps.find((own) => own.signal === 'container-running')?.reason ?? { kind: 'not-running' };
  }
  if (pod.hostNetwork && signals.some(({ request }) => request === 'network')) return { kind: 'host-network' };
  const memory = feature.from.some((signal) => signal.startsWith('memory'));
  const limited = pod.containers.some((c) => (memory ? c.limits?.memoryBytes : c.limits?.cpuCores) !== undefined);
  const needsLimit = feature.from.includes('limits') || feature.from.includes('cpu-periods');
  if (needsLimit && !limited) return pod.gaps.find(({ signal }) => signal === 'limits')?.reason ?? { kind: 'no-limit' };
  const isKnown = runningContainers(pod).some((c) => c.usage.memoryBytes !== undefined);
  if (!isKnown) return { kind: 'pod-not-sampled', exporter: 'cadvisor' };
  // A rate wants two samples, a share of periods a period.
  if (settledContainers(pod).length === 0 || pod.containers.some((c) => c.usage.cpuPeriods === 0)) return undefined;
  // cAdvisor knows the pod: it is a metric that is dropped on its way.
  const metrics = new Set(signals.filter(({ exporter }) => exporter === 'cadvisor').map(({ metric }) => metric));
  return { kind: 'metric-not-sampled', metric: [...metrics].join(' or ') };
}

/** The features that a pod lacks, grouped by the reason; only those where something is missing that could be there. */
export function missingFeatures(pod: PodSnapshot, features: Float32Array): { reason: GapReason; names: string[] }[] {
  const groups = new Map<string, { reason: GapReason; names: string[] }>();
  for (const [i, feature] of FEATURES.entries()) {
    if (!Number.isNaN(features[i])) continue;
    const reason = whyMissing(pod, feature);
    if (reason === undefined) continue;
    const group = groups.get(JSON.stringify(reason)) ?? { reason, names: [] };
    group.names.push(feature.name);
    groups.set(JSON.stringify(reason), group);
  }
  return [...groups.values()];
}
