import { WINDOW_SECONDS, type SignalName, type Windowed } from '../signals/catalogue.ts';
import type { Readings } from '../signals/readings.ts';
import { gapsOf } from './gaps.ts';
import { CONTAINER_STATES, INIT_STATES, isOlder, PodSignals } from './pod-signals.ts';
import { sightings, type Sighting } from './presence.ts';
import { silenceOf } from './silence.ts';
import type { ContainerSnapshot, PodSnapshot } from './snapshot.ts';
import { ownerKey, ownerOf, Surroundings } from './surroundings.ts';

/**
 * Joins the rows of all signals into one snapshot per pod, by namespace, pod and uid. The joins stand here and not in
 * PromQL because a second copy of kube-state-metrics turns a PromQL join into an error, and because a missing row is a
 * fact here (a gap) and nothing there.
 */
export function assemblePods(readings: Readings): PodSnapshot[] {
  const around = new Surroundings(readings);
  const pods = sightings(readings).map((sighting) => assemblePod(sighting, readings, around));
  return withTotals(pods);
}

function assemblePod(sighting: Sighting, readings: Readings, around: Surroundings): PodSnapshot {
  const rows = new PodSignals(sighting, readings);
  const node = around.node(sighting.labels['node']);
  const owner = ownerOf(sighting.labels);
  const hostNetwork = sighting.labels['host_network'] === 'true';
  const siblings = (container: string): ContainerSnapshot['siblings'] =>
    owner === undefined ? undefined : around.siblings(sighting.namespace, owner, container);
  const containers = assembleContainers(rows, readings.unixSeconds, rows.value('pod-created'), siblings);
  const pod = {
    cluster: readings.layout.cluster?.value,
    namespace: sighting.namespace,
    name: sighting.name,
    uid: sighting.uid,
    presence: sighting.presence,
    finished: sighting.presence === 'gone' && rows.of('gone-finished').length > 0,
    node,
    owner,
    rootOwner: owner === undefined ? undefined : around.rootOwner(sighting.namespace, owner),
    hostNetwork,
    createdAtUnixSeconds: rows.value('pod-created'),
    scheduledAtUnixSeconds: rows.value('pod-scheduled'),
    scrapedAtUnixSeconds: sighting.scrapedAtUnixSeconds,
    readAtUnixSeconds: readings.unixSeconds,
    phase: rows.newestLabel('phase', 'phase'),
    readyCondition: rows.newestLabel('ready-condition', 'condition') as PodSnapshot['readyCondition'],
    readyShareOver5m: rows.value('ready-share-5m'),
    readyShareOver15m: rows.reachesBack('ready-share-15m') ? rows.value('ready-share-15m') : undefined,
    readyChangesIn15m: rows.reachesBack('ready-changes-15m') ? rows.value('ready-changes-15m') : undefined,
    initialized: rows.tells('initialized'),
    statusReasons: rows.of('status-reason').map((row) => row.labels['reason'] ?? ''),
    unschedulable: rows.tells('unschedulable'),
    terminating: rows.tells('deletion'),
    containers,
    totalContainers: containersInStatus(containers),
    networkDrops: {
      // A pod on the host's network would show the drops of the whole node.
      receivePerSecond: hostNetwork ? undefined : rows.value('network-receive-drops'),
      transmitPerSecond: hostNetwork ? undefined : rows.value('network-transmit-drops'),
    },
    cgroup: { cpuCores: rows.value('cpu-usage-of-pod'), memoryBytes: rows.value('memory-of-pod') },
  };
  const present = sighting.presence === 'present';
  return {
    ...pod,
    gaps: present ? gapsOf(pod, rows, around.expected, readings) : [],
    silence: present ? silenceOf(pod, rows, readings) : undefined,
  };
}

function assembleContainers(
  rows: PodSignals,
  unixSeconds: number,
  podCreatedAt: number | undefined,
  siblings: (container: string) => ContainerSnapshot['siblings'],
): ContainerSnapshot[] {
  const init = new Set(INIT_SIGNALS.flatMap((signal) => rows.containers(signal)));
  const isUpAndRunning = rows.containers('container-running').some((name) => !init.has(name));
  // Where series carry no uid, those of an earlier pod of the name go on in this one's.
  const ofThisPod = (at: number | undefined): number | undefined =>
    at === undefined || podCreatedAt === undefined || at >= podCreatedAt ? at : undefined;
  const names = new Set([...CONTAINER_SIGNALS.flatMap((signal) => rows.containers(signal)), ...init]);
  return [...names].sort().map((name) => {
    const state = rows.state(init.has(name) ? INIT_STATES : CONTAINER_STATES, name);
    // Before 2.11 kube-state-metrics does not say which ones are sidecars: only those run beside the others.
    const isSidecar = rows.isSidecar(name) || (isUpAndRunning && state.state === 'running');
    const role = !init.has(name) ? 'container' : isSidecar ? 'sidecar' : 'init';
    const startedAt = rows.value('container-started', name);
    const restarts = rows.value(role === 'container' ? 'restarts' : 'init-restarts', name);
    const restartsIn = (signal: Windowed): number | undefined => {
      if (restarts === undefined || rows.isMissing(signal) || !rows.reachesBack(signal)) return undefined;
      // A counter that began within the window has no sample of 0 before its first restart. (The kubelet tells of containers
      // that are older than their pod: the mirror of a static pod was made anew.)
      const isNew = podCreatedAt !== undefined && podCreatedAt > unixSeconds - WINDOW_SECONDS[signal];
      if (isNew && (startedAt === undefined || startedAt >= podCreatedAt)) return restarts;
      // The query returns containers that restarted within the window only.
      return restarts - (rows.value(signal, name) ?? restarts);
    };
    const restartsIn5m = restartsIn('restarts-5m-ago');
    const restartsIn15m = restartsIn('restarts-15m-ago');
    const sampledAt = rows.value('memory-sampled-at', name);
    const alive = state.state === 'running' && !isOlder(sampledAt, startedAt);
    const usage = (signal: SignalName): number | undefined => (alive ? rows.value(signal, name) : undefined);
    // A rate is spread over its whole window, of which a young container has lived a part. (One that restarted may have gone on
    // with the series of the life before it, where the label id is dropped.)
    const cores = (signal: Windowed, restarted: number | undefined): number | undefined => {
      const rate = usage(signal);
      if (rate === undefined || startedAt === undefined || restarted !== 0) return rate;
      const lived = Math.max(unixSeconds - startedAt, SHORTEST_RATE_SECONDS);
      return (rate * WINDOW_SECONDS[signal]) / Math.min(lived, WINDOW_SECONDS[signal]);
    };
    const earlierPeak = rows.value('memory-earlier-peak', name);
    const peaks = [earlierPeak, rows.value('memory-peak-5m', name)].filter((peak) => peak !== undefined);
    return {
      name,
      role,
      ...state,
      ready: rows.tells(role === 'container' ? 'container-ready' : 'init-ready', name),
      restarts,
      restartsIn5m,
      restartsIn15m,
      restartsIn30m: restartsIn('restarts-30m-ago'),
      runningShareOver30m: rows.value('running-share-30m', name),
      earliestStartOver30m: ofThisPod(rows.value('earliest-start-30m', name)),
      earliestEndOver30m: ofThisPod(rows.value('earliest-end-30m', name)),
      siblings: siblings(name),
      startedAtUnixSeconds: startedAt,
      lastTermination: rows.lastTermination(name),
      limits: rows.resources(role === 'container' ? 'limits' : 'sidecar-limits', name),
      requests: rows.resources(role === 'container' ? 'requests' : 'sidecar-requests', name),
      usage: {
        cpuCores: cores('cpu-usage', restartsIn5m),
        cpuCoresOver15m: cores('cpu-usage-15m', restartsIn15m),
        memoryBytes: usage('memory-working-set'),
        memoryMeanBytes: usage('memory-mean-5m'),
        memoryPeakBytes: peaks.length === 0 ? undefined : Math.max(...peaks),
        memoryEarlierPeakBytes: earlierPeak,
        memorySlope1m: usage('memory-slope-1m'),
        memorySlope2m: usage('memory-slope-2m'),
        memorySlope5m: usage('memory-slope-5m'),
        memorySlope15m: usage('memory-slope-15m'),
        cpuPeriods: usage('cpu-periods'),
        cpuThrottledPeriods: usage('cpu-throttled-periods'),
      },
    };
  });
}

/** Of a container that is younger too few samples lie between its start and now. */
const SHORTEST_RATE_SECONDS = 60;

const INIT_SIGNALS: readonly SignalName[] = [
  'init-info',
  'init-running',
  'init-waiting',
  'init-waiting-reason',
  'init-terminated',
  'init-terminated-reason',
  'init-restarts',
];
const CONTAINER_SIGNALS: readonly SignalName[] = [
  'container-running',
  'container-waiting',
  'container-waiting-reason',
  'container-terminated',
  'container-terminated-reason',
  'restarts',
  // All that an unscheduled pod has of its containers.
  'limits',
  'requests',
];

function containersInStatus(containers: readonly ContainerSnapshot[]): number | undefined {
  const counted = containers.filter((c) => c.role !== 'init').length;
  return containers.some((c) => c.role === 'container' && c.state !== undefined) ? counted : undefined;
}

/** Owners whose pods are all made from one template. */
const ONE_TEMPLATE: ReadonlySet<string> = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job']);

/**
 * The total of a pod that has no container status yet (it is not scheduled): that of a sibling of the same owner, which
 * is made from the same template, and no fewer than the containers that request something (the sibling may be of an older
 * template).
 */
function withTotals(pods: readonly PodSnapshot[]): PodSnapshot[] {
  const byOwner = new Map<string, number>();
  for (const pod of pods) {
    if (pod.owner !== undefined && ONE_TEMPLATE.has(pod.owner.kind) && pod.totalContainers !== undefined) {
      byOwner.set(ownerKey(pod.namespace, pod.owner), pod.totalContainers);
    }
  }
  return pods.map((pod) => {
    if (pod.totalContainers !== undefined) return pod;
    const sibling = pod.owner === undefined ? undefined : byOwner.get(ownerKey(pod.namespace, pod.owner));
    const named = pod.containers.filter((c) => c.role !== 'init').length;
    return { ...pod, totalContainers: Math.max(sibling ?? 0, named) || undefined };
  });
}
