import { isStale, oldestUsageSeconds, staleSeconds } from '../signals/layout.ts';
import type { Readings } from '../signals/readings.ts';
import type { Known } from './gaps.ts';
import type { PodSignals } from './pod-signals.ts';
import type { PodSnapshot } from './snapshot.ts';

export function silenceOf(pod: Known, rows: PodSignals, readings: Readings): PodSnapshot['silence'] {
  const { layout, unixSeconds } = readings;
  // Also one shard alone may have fallen silent.
  const scrapedAt = pod.scrapedAtUnixSeconds ?? Number.POSITIVE_INFINITY;
  if (isStale(layout, unixSeconds) || unixSeconds - scrapedAt > staleSeconds(layout)) return 'ksm-silent';
  if (layout.hasHistory === false) return 'no-history';
  if (pod.node?.conditions.get('Ready') === 'unknown') return 'node-lost';
  const oldestUsage = oldestUsageSeconds(layout);
  // Whether the pod was sampled before tells a node that fell silent from one that never had cAdvisor (Windows).
  const fellSilent =
    !rows.isMissing('memory-sampled-at') &&
    pod.containers.some((c) => {
      if (c.role === 'init' || c.state !== 'running' || c.usage.memoryPeakBytes === undefined) return false;
      // After one failed scrape no sample can be read, but there are some in the window: the node is not silent for that.
      if (rows.has('memory-samples-150s', c.name)) return false;
      const since = rows.value('memory-sampled-at', c.name) ?? c.startedAtUnixSeconds;
      return since !== undefined && unixSeconds - Math.max(since, c.startedAtUnixSeconds ?? since) > oldestUsage;
    });
  return fellSilent ? 'node-silent' : undefined;
}
