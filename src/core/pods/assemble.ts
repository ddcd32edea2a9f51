import { SIGNALS, type Signal, type SignalName, type SomeContainer } from '../signals/catalogue.ts';
import { copyKeyOf } from '../signals/copies.ts';
import { isStale, oldestUsageSeconds, staleSeconds } from '../signals/layout.ts';
import { rowsOf, type Readings } from '../signals/readings.ts';
import type { GapReason, SignalRow } from '../signals/signal.ts';
import { ASSUMED_INTERVAL_SECONDS, GHOST_AGE_INTERVALS, sightings, type Sighting } from './presence.ts';
import { isStateLost, lacksInitContainers } from './status.ts';
import type { ContainerSnapshot, Gap, NodeSnapshot, Owner, PodSnapshot, Resources } from './snapshot.ts';

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
    readyShareOver15m: rows.reachesBack(900) ? rows.value('ready-share-15m') : undefined,
    readyChangesIn15m: rows.reachesBack(900) ? rows.value('ready-changes-15m') : undefined,
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
    gaps: present
      ? [
          ...withLostStates(pod, gapsOf(pod, rows, around.expected, readings)),
          ...historyGaps(rows, readings),
          ...(lacksInitContainers(pod) && !readings.gaps.has('init-info') ? [INIT_DROPPED] : []),
        ]
      : [],
    silence: present ? silenceOf(pod, rows, readings) : undefined,
  };
}

// ---- containers

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
    const restartsIn = (signal: SignalName, windowSeconds: number): number | undefined => {
      if (restarts === undefined || rows.isMissing(signal) || !rows.reachesBack(windowSeconds)) return undefined;
      // A counter that began within the window has no sample of 0 before its first restart. (The kubelet tells of containers
      // that are older than their pod: the mirror of a static pod was made anew.)
      const isNew = podCreatedAt !== undefined && podCreatedAt > unixSeconds - windowSeconds;
      if (isNew && (startedAt === undefined || startedAt >= podCreatedAt)) return restarts;
      // The query returns containers that restarted within the window only.
      return restarts - (rows.value(signal, name) ?? restarts);
    };
    const restartsIn5m = restartsIn('restarts-5m-ago', 300);
    const restartsIn15m = restartsIn('restarts-15m-ago', 900);
    const sampledAt = rows.value('memory-sampled-at', name);
    const alive = state.state === 'running' && !isOlder(sampledAt, startedAt);
    const usage = (signal: SignalName): number | undefined => (alive ? rows.value(signal, name) : undefined);
    // A rate is spread over its whole window, of which a young container has lived a part. (One that restarted may have gone on
    // with the series of the life before it, where the label id is dropped.)
    const cores = (signal: SignalName, windowSeconds: number, restarted: number | undefined): number | undefined => {
      const rate = usage(signal);
      if (rate === undefined || startedAt === undefined || restarted !== 0) return rate;
      const lived = Math.max(unixSeconds - startedAt, SHORTEST_RATE_SECONDS);
      return (rate * windowSeconds) / Math.min(lived, windowSeconds);
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
      restartsIn30m: restartsIn('restarts-30m-ago', 1800),
      runningShareOver30m: rows.value('running-share-30m', name),
      earliestStartOver30m: ofThisPod(rows.value('earliest-start-30m', name)),
      earliestEndOver30m: ofThisPod(rows.value('earliest-end-30m', name)),
      siblings: siblings(name),
      startedAtUnixSeconds: startedAt,
      lastTermination: rows.lastTermination(name),
      limits: rows.resources(role === 'container' ? 'limits' : 'sidecar-limits', name),
      requests: rows.resources(role === 'container' ? 'requests' : 'sidecar-requests', name),
      usage: {
        cpuCores: cores('cpu-usage', 300, restartsIn5m),
        cpuCoresOver15m: cores('cpu-usage-15m', 900, restartsIn15m),
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

const CONTAINER_STATES: StateSignals = {
  running: ['container-running'],
  waiting: ['container-waiting-reason', 'container-waiting'],
  terminated: ['container-terminated-reason', 'container-terminated'],
};
const INIT_STATES: StateSignals = {
  running: ['init-running'],
  waiting: ['init-waiting-reason', 'init-waiting'],
  terminated: ['init-terminated-reason', 'init-terminated'],
};

/** The states of containers: a pod on a node has at least one row of them. */
const CONTAINER_ROWS: readonly SignalName[] = Object.values(CONTAINER_STATES).flat();
const INIT_ROWS: readonly SignalName[] = ['init-info', ...Object.values(INIT_STATES).flat()];

/** What comes from one scrape, unless the metrics of pods and of containers are scraped apart. */
type RowKind = 'pod' | 'container' | 'init' | 'both';

const OF_CONTAINERS: ReadonlySet<SignalName> = new Set([...CONTAINER_ROWS, 'container-ready']);
const OF_INIT: ReadonlySet<SignalName> = new Set([...INIT_ROWS, 'init-ready']);

const KINDS: ReadonlyMap<SignalName, RowKind> = new Map(
  SIGNALS.map(({ name }) => [
    name,
    name === 'last-terminated-reason'
      ? 'both'
      : OF_CONTAINERS.has(name)
        ? 'container'
        : OF_INIT.has(name)
          ? 'init'
          : 'pod',
  ]),
);

function kindOf(signal: SignalName): RowKind {
  return KINDS.get(signal) ?? 'pod';
}

/** What claims each state; of rows of one scrape the first signal counts, and reasons stand first. */
type StateSignals = Readonly<Record<NonNullable<ContainerSnapshot['state']>, readonly SignalName[]>>;

/** A sample from before the container's start is of the container before: cAdvisor's series outlive their container. */
function isOlder(sampledAt: number | undefined, startedAt: number | undefined): boolean {
  return sampledAt !== undefined && startedAt !== undefined && sampledAt < startedAt;
}

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

// ---- owners

function ownerOf(labels: Readonly<Record<string, string>>): Owner | undefined {
  const kind = labels['created_by_kind'] ?? '';
  const name = labels['created_by_name'] ?? '';
  // kube-state-metrics before 2.8 writes "<none>" where there is no owner.
  return kind === '' || kind === '<none>' || name === '' ? undefined : { kind, name };
}

function ownerKey(namespace: string, owner: Owner): string {
  return `${namespace}/${owner.kind}/${owner.name}`;
}

/** A snapshot before it is said what it lacks. */
type Known = Omit<PodSnapshot, 'gaps' | 'silence'>;

// ---- silence

function silenceOf(pod: Known, rows: PodSignals, readings: Readings): PodSnapshot['silence'] {
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

// ---- gaps

/** What the pod lacks though it ought to have it. A container that is not running has no usage: that is no gap. */
function gapsOf(pod: Known, rows: PodSignals, expected: readonly Signal[], readings: Readings): Gap[] {
  const gaps: Gap[] = [];
  for (const signal of expected) {
    const reason = gapOf(signal, pod, rows, readings);
    if (reason !== undefined) gaps.push({ signal: signal.name, reason });
  }
  return gaps;
}

const INIT_DROPPED: Gap = {
  signal: 'init-info',
  reason: { kind: 'metric-absent', metric: 'kube_pod_init_container_info' },
};

const LONG_WINDOWS: readonly { readonly signal: SignalName; readonly windowSeconds: number }[] = [
  { signal: 'restarts-15m-ago', windowSeconds: 900 },
  { signal: 'ready-share-15m', windowSeconds: 900 },
  { signal: 'ready-changes-15m', windowSeconds: 900 },
  { signal: 'restarts-30m-ago', windowSeconds: 1800 },
];

/** What nobody can tell of a pod that is older than the samples are. */
function historyGaps(rows: PodSignals, readings: Readings): Gap[] {
  return LONG_WINDOWS.filter(
    ({ signal, windowSeconds }) => !readings.gaps.has(signal) && !rows.reachesBack(windowSeconds),
  ).map(({ signal, windowSeconds }) => ({ signal, reason: { kind: 'history-too-short', windowSeconds } }));
}

/** Where the state of a container is lost, all that would have told it is missing. */
function withLostStates(pod: Known, gaps: Gap[]): Gap[] {
  const untold = pod.containers.filter((c) => c.state === undefined);
  // Nearly always there is none.
  if (untold.length === 0) return gaps;
  const known: PodSnapshot = { ...pod, gaps, silence: undefined };
  const lost = untold.filter((c) => isStateLost(c, known));
  if (lost.length === 0) return gaps;
  const missing = new Set(gaps.map(({ signal }) => signal));
  const states = [
    ...(lost.some((c) => c.role === 'container') ? CONTAINER_ROWS : []),
    ...(lost.some((c) => c.role !== 'container') ? Object.values(INIT_STATES).flat() : []),
  ];
  const reason = { kind: 'pod-not-sampled', exporter: 'kube-state-metrics' } as const;
  return [...gaps, ...states.filter((signal) => !missing.has(signal)).map((signal) => ({ signal, reason }))];
}

function gapOf(signal: Signal, pod: Known, rows: PodSignals, readings: Readings): GapReason | undefined {
  const whole = readings.gaps.get(signal.name);
  if (whole !== undefined) return whole;
  switch (signal.expect) {
    case 'nothing':
    case 'some pod':
      return undefined;
    case 'some container':
      return readings.layout.absentMetrics.has(signal.metric) &&
        pod.containers.some((c) => CONCERNED[signal.name as SomeContainer](c))
        ? { kind: 'metric-absent', metric: signal.metric }
        : undefined;
    case 'pod':
      return rows.isVoid(signal.name) ? absence(signal, readings) : undefined;
    case 'node':
      return pod.node === undefined || pod.node.conditions.size > 0 ? undefined : absence(signal, readings);
    case 'running pod': {
      const started = pod.containers.some((c) => c.state !== undefined);
      return pod.phase !== 'Running' || started ? undefined : absence(signal, readings);
    }
    case 'running container': {
      if (signal.subject === 'pod') {
        const running = pod.containers.some((c) => c.state === 'running');
        return running && rows.isVoid(signal.name) ? absence(signal, readings) : undefined;
      }
      const lacking = pod.containers.filter((c) => c.role === 'container' && isSettled(c, signal, readings));
      const missing = lacking.filter((c) => rows.isVoid(signal.name, c.name));
      if (missing.length > 0) return absence(signal, readings);
      const ghost = lacking.some(
        (c) =>
          signal.exporter === 'cadvisor' && isOlder(rows.value('memory-sampled-at', c.name), c.startedAtUnixSeconds),
      );
      return ghost ? { kind: 'older-than-container' } : undefined;
    }
  }
}

/** Containers of which the signal would tell if there was any telling. */
const CONCERNED: Readonly<Record<SomeContainer, (c: ContainerSnapshot) => boolean>> = {
  'container-waiting-reason': (c) => c.role === 'container' && isUnexplained(c, 'waiting'),
  'container-terminated-reason': (c) => c.role === 'container' && isUnexplained(c, 'terminated'),
  'init-waiting-reason': (c) => c.role !== 'container' && isUnexplained(c, 'waiting'),
  // An init container that is ready has ended well.
  'init-terminated-reason': (c) => c.role !== 'container' && c.ready !== true && isUnexplained(c, 'terminated'),
  'init-ready': (c) => c.role !== 'container' && c.state !== undefined,
  'last-terminated-reason': hasRestarted,
  'last-exit-code': hasRestarted,
  'last-terminated-at': hasRestarted,
};

function hasRestarted(c: ContainerSnapshot): boolean {
  return c.role === 'container' && (c.restarts ?? 0) > 0;
}

function isUnexplained(c: ContainerSnapshot, state: ContainerSnapshot['state']): boolean {
  return c.state === state && c.reason === undefined;
}

/** Running for so long that the signal must have appeared: two scrapes, four for a window. */
function isSettled(container: ContainerSnapshot, signal: Signal, readings: Readings): boolean {
  if (container.state !== 'running') return false;
  const interval = readings.layout.scrapeIntervalSeconds[signal.exporter] ?? ASSUMED_INTERVAL_SECONDS;
  const since = container.startedAtUnixSeconds ?? Number.NEGATIVE_INFINITY;
  return readings.unixSeconds - since > interval * (signal.windowSeconds === undefined ? 2 : 4);
}

function absence(signal: Signal, readings: Readings): GapReason {
  return rowsOf(readings, signal.name).length === 0
    ? { kind: 'metric-absent', metric: signal.metric }
    : { kind: 'pod-not-sampled', exporter: signal.exporter };
}

// ---- rows

const NONE: readonly SignalRow[] = [];

/** The rows that pass. Nearly always all do, and then there is nothing to copy. */
function only(rows: readonly SignalRow[], passes: (row: SignalRow) => boolean): readonly SignalRow[] {
  return rows.every(passes) ? rows : rows.filter(passes);
}

/** What pods have in common: their nodes and owners. */
class Surroundings {
  readonly #nodes = new Map<string, NodeSnapshot>();
  readonly #rootOwners = new Map<string, Owner>();
  readonly #siblings: ReadonlyMap<string, ContainerSnapshot['siblings']> | undefined;
  /** The signals that a pod may lack. */
  readonly expected: readonly Signal[];

  constructor(readings: Readings) {
    this.expected = SIGNALS.filter(
      ({ name, expect }) => (expect !== 'nothing' && expect !== 'some pod') || readings.gaps.has(name),
    );
    this.#readNodes(readings);
    this.#readOwners(readings);
    this.#siblings = this.#readSiblings(readings);
  }

  node(name: string | undefined): NodeSnapshot | undefined {
    if (name === undefined || name === '') return undefined;
    return (
      this.#nodes.get(name) ?? {
        name,
        conditions: new Map(),
        cordoned: undefined,
        allocatable: { cpuCores: undefined, memoryBytes: undefined },
      }
    );
  }

  rootOwner(namespace: string, owner: Owner): Owner | undefined {
    return this.#rootOwners.get(ownerKey(namespace, owner));
  }

  /** Containers of other names, and owners none of whose pods restarted, have no row: that is 0, once there is an answer. */
  siblings(namespace: string, owner: Owner, container: string): ContainerSnapshot['siblings'] {
    if (this.#siblings === undefined) return undefined;
    const key = `${ownerKey(namespace, owner)}/${container}`;
    return this.#siblings.has(key) ? this.#siblings.get(key) : { restartsIn30m: 0, runningSeconds: 0 };
  }

  #readSiblings(readings: Readings): Map<string, ContainerSnapshot['siblings']> | undefined {
    if (readings.gaps.has('owner-restarts-30m') || readings.gaps.has('owner-running-30m')) return undefined;
    const interval = readings.layout.scrapeIntervalSeconds['kube-state-metrics'];
    if (interval === undefined) return undefined;
    const keyOf = ({ labels }: SignalRow): string => {
      const owner = { kind: labels['created_by_kind'] ?? '', name: labels['created_by_name'] ?? '' };
      return `${ownerKey(labels['namespace'] ?? '', owner)}/${labels['container'] ?? ''}`;
    };
    const running = new Map(rowsOf(readings, 'owner-running-30m').map((row) => [keyOf(row), row.value * interval]));
    return new Map(
      rowsOf(readings, 'owner-restarts-30m').map((row) => {
        const key = keyOf(row);
        const runningSeconds = running.get(key);
        // How long they ran is not known where that metric is dropped.
        return [key, runningSeconds === undefined ? undefined : { restartsIn30m: row.value, runningSeconds }];
      }),
    );
  }

  #readNodes(readings: Readings): void {
    const conditions = new Map<string, Map<string, SignalRow>>();
    for (const row of rowsOf(readings, 'node-condition')) {
      const node = row.labels['node'] ?? '';
      const own = conditions.get(node) ?? new Map<string, SignalRow>();
      const condition = row.labels['condition'] ?? '';
      const known = own.get(condition);
      if (known === undefined || row.value > known.value) own.set(condition, row);
      conditions.set(node, own);
    }
    const cordonedAt = new Map(rowsOf(readings, 'node-cordoned').map((row) => [row.labels['node'], row.value]));
    const allocatable = new Map<string, Map<string, number>>();
    for (const row of rowsOf(readings, 'node-allocatable')) {
      const own = allocatable.get(row.labels['node'] ?? '') ?? new Map<string, number>();
      own.set(row.labels['resource'] ?? '', row.value);
      allocatable.set(row.labels['node'] ?? '', own);
    }
    for (const [name, own] of conditions) {
      const at = cordonedAt.get(name) ?? Number.NEGATIVE_INFINITY;
      this.#nodes.set(name, {
        name,
        conditions: new Map([...own].map(([condition, row]) => [condition, row.labels['status'] ?? ''])),
        // By the newest copy: a lagging one has not heard yet that the node was uncordoned.
        cordoned: readings.gaps.has('node-cordoned') ? undefined : [...own.values()].every((row) => at >= row.value),
        allocatable: {
          cpuCores: allocatable.get(name)?.get('cpu'),
          memoryBytes: allocatable.get(name)?.get('memory'),
        },
      });
    }
  }

  #readOwners(readings: Readings): void {
    const read = (signal: SignalName, kind: string, nameLabel: string): void => {
      for (const row of rowsOf(readings, signal)) {
        const owner = ownerOf({
          created_by_kind: row.labels['owner_kind'] ?? '',
          created_by_name: row.labels['owner_name'] ?? '',
        });
        const name = row.labels[nameLabel] ?? '';
        if (owner !== undefined) this.#rootOwners.set(ownerKey(row.labels['namespace'] ?? '', { kind, name }), owner);
      }
    };
    read('replicaset-owner', 'ReplicaSet', 'replicaset');
    read('job-owner', 'Job', 'job_name');
  }
}

/**
 * The rows of one pod, of its own uid and of the scrape that counts.
 *
 * All series of one scrape carry its time, so older rows are of another copy of kube-state-metrics or are ghosts, and
 * are left out. (A newer one is of a scrape that was stored while kpfd asked, and is the better for it.) Where the pod's
 * phase is older than kube_pod_info, or the pod's copy has no states of containers as new as that, they come from another
 * instance (or a deduplicating query mixes replicas). Then rows of their kind count while they are younger than about one
 * interval, seen from the newest of them.
 */
class PodSignals {
  readonly #rows: ReadonlyMap<SignalName, readonly SignalRow[]>;
  readonly #uid: string | undefined;
  readonly #readings: Readings;
  /** Whether rows of a kind that were scraped at a moment count. */
  readonly #accept: Readonly<Record<RowKind, (unixSeconds: number) => boolean>>;
  /** Kinds of which the pod's rows are all so old that they tell nothing of now. */
  readonly #outdated = new Set<RowKind>();
  /** What `of` found: each signal is asked for again and again. */
  readonly #accepted = new Map<SignalName, readonly SignalRow[]>();

  constructor(sighting: Sighting, readings: Readings) {
    this.#rows = readings.byPod.of(sighting.namespace, sighting.name);
    this.#uid = sighting.uid;
    this.#readings = readings;
    const scrapedAt = sighting.scrapedAtUnixSeconds ?? Number.NEGATIVE_INFINITY;
    const newest = (signals: readonly SignalName[]): number =>
      signals.reduce((best, signal) => newestTime(this.#own(signal), best), Number.NEGATIVE_INFINITY);
    const interval = readings.layout.scrapeIntervalSeconds['kube-state-metrics'] ?? ASSUMED_INTERVAL_SECONDS;
    const since = (newestOfKind: number): ((unixSeconds: number) => boolean) => {
      if (newestOfKind >= scrapedAt) return (unixSeconds) => unixSeconds >= scrapedAt;
      const oldest = newestOfKind - interval * GHOST_AGE_INTERVALS;
      return (unixSeconds) => unixSeconds > oldest;
    };
    const oldestOfNow = scrapedAt - staleSeconds(readings.layout);
    const phases = newest(['phase']);
    const ofPod = since(phases > oldestOfNow ? phases : scrapedAt);
    const copy = copyKeyOf(sighting.labels);
    const ofKind = (kind: 'container' | 'init'): ((unixSeconds: number) => boolean) => {
      if (!readings.layout.scrapedApart[kind].has(copy)) return ofPod;
      const found = newest(kind === 'container' ? CONTAINER_ROWS : INIT_ROWS);
      if (found > oldestOfNow) return since(found);
      if (Number.isFinite(found)) this.#outdated.add(kind);
      return ofPod;
    };
    const [container, init] = [ofKind('container'), ofKind('init')];
    this.#accept = { pod: ofPod, container, init, both: (t) => container(t) || init(t) };
  }

  #own(signal: SignalName): readonly SignalRow[] {
    const rows = this.#readings.gaps.has(signal) ? NONE : (this.#rows.get(signal) ?? NONE);
    // cAdvisor and kube-state-metrics 1 have no uid: their rows belong to the newest pod of the name.
    return only(rows, ({ labels }) => labels['uid'] === undefined || labels['uid'] === this.#uid);
  }

  isMissing(signal: SignalName): boolean {
    return this.#readings.gaps.has(signal);
  }

  of(signal: SignalName, container?: string): readonly SignalRow[] {
    let rows = this.#accepted.get(signal);
    if (rows === undefined) {
      // Of most signals a pod has no rows.
      if (!this.#rows.has(signal)) return NONE;
      rows = this.#own(signal);
      if (isScrapeTimed(signal)) {
        const accept = this.#accept[kindOf(signal)];
        rows = only(rows, (row) => accept(row.value));
      }
      this.#accepted.set(signal, rows);
    }
    if (container === undefined) return rows;
    // Nearly every pod has one container.
    if (rows.length === 1) return rows[0]?.labels['container'] === container ? rows : NONE;
    return only(rows, (row) => row.labels['container'] === container);
  }

  /** Whether there are samples from before the window, or the pod was made within it. */
  reachesBack(windowSeconds: number): boolean {
    const { layout, unixSeconds } = this.#readings;
    if (!layout.windowsBeforeHistory.has(windowSeconds)) return true;
    const created = this.value('pod-created');
    return created !== undefined && created > unixSeconds - windowSeconds;
  }

  /** Nothing was said, or no number: Prometheus may hold NaN. */
  isVoid(signal: SignalName, container?: string): boolean {
    return !this.of(signal, container).some(({ value }) => Number.isFinite(value));
  }

  has(signal: SignalName, container: string): boolean {
    return this.of(signal, container).length > 0;
  }

  /**
   * Whether the fact is so; undefined where the signal is missing as a whole, its metric is nowhere, or its rows are too old:
   * then its silence says nothing.
   */
  tells(signal: SignalName, container?: string): boolean | undefined {
    const isAbsent = this.#readings.layout.absentMetrics.has(METRICS.get(signal) ?? '');
    if (isAbsent || this.isMissing(signal) || this.#outdated.has(kindOf(signal))) return undefined;
    return this.of(signal, container).length > 0;
  }

  /**
   * The value, where it says something of the pod: Prometheus may hold NaN and ±Inf, and a time that Kubernetes does not
   * know is exported as that of the year 1.
   */
  value(signal: SignalName, container?: string): number | undefined {
    const value = this.of(signal, container)[0]?.value;
    if (value === undefined || !Number.isFinite(value)) return undefined;
    return isTime(signal) && (value <= 0 || value > LAST_UNIX_SECONDS) ? undefined : value;
  }

  containers(signal: SignalName): string[] {
    return this.of(signal).map((row) => row.labels['container'] ?? '');
  }

  newestLabel(signal: SignalName, label: string): string | undefined {
    return newestRow(this.of(signal))?.labels[label];
  }

  isSidecar(container: string): boolean {
    return this.of('init-info', container).some((row) => row.labels['restart_policy'] === 'Always');
  }

  /** A container is in one state: of rows that disagree the newest counts, and of equally new ones the first. */
  state(signals: StateSignals, name: string): Pick<ContainerSnapshot, 'state' | 'reason'> {
    let newest: (Pick<ContainerSnapshot, 'state' | 'reason'> & { at: number }) | undefined;
    for (const state of ['running', 'waiting', 'terminated'] as const) {
      for (const row of signals[state].flatMap((signal) => this.of(signal, name))) {
        if (newest === undefined || row.value > newest.at) {
          newest = { state, reason: row.labels['reason'] || undefined, at: row.value };
        }
      }
    }
    return { state: newest?.state, reason: newest?.reason };
  }

  lastTermination(name: string): ContainerSnapshot['lastTermination'] {
    const reason = newestRow(this.of('last-terminated-reason', name))?.labels['reason'];
    const exitCode = this.value('last-exit-code', name);
    const atUnixSeconds = this.value('last-terminated-at', name);
    if (reason === undefined && exitCode === undefined && atUnixSeconds === undefined) return undefined;
    return { reason, exitCode, atUnixSeconds };
  }

  resources(signal: SignalName, name: string): Resources | undefined {
    if (this.isMissing(signal)) return undefined;
    const rows = this.of(signal, name);
    const amount = (resource: string): number | undefined => {
      const value = rows.find((row) => row.labels['resource'] === resource)?.value;
      // A limit of 0 is none.
      return value !== undefined && Number.isFinite(value) && value > 0 ? value : undefined;
    };
    return { cpuCores: amount('cpu'), memoryBytes: amount('memory') };
  }
}

/** The latest of the scrapes of the rows, and of `best`. */
function newestTime(rows: readonly SignalRow[], best: number): number {
  return rows.reduce((latest, { value }) => Math.max(latest, value), best);
}

/** The end of the year 9999, after which RFC 3339 writes no time. */
const LAST_UNIX_SECONDS = 253_402_300_799;

function newestRow(rows: readonly SignalRow[]): SignalRow | undefined {
  return rows.reduce<SignalRow | undefined>(
    (best, next) => (best === undefined || next.value > best.value ? next : best),
    undefined,
  );
}

const METRICS: ReadonlyMap<SignalName, string> = new Map(SIGNALS.map(({ name, metric }) => [name, metric]));

const TIMES: ReadonlySet<SignalName> = new Set(
  SIGNALS.filter(({ unit }) => unit === 'unix seconds').map((s) => s.name),
);

function isTime(signal: SignalName): boolean {
  return TIMES.has(signal);
}

const SCRAPE_TIMED: ReadonlySet<SignalName> = new Set(
  SIGNALS.filter((signal) => signal.unit === 'scrape time' && signal.exporter === 'kube-state-metrics').map(
    (s) => s.name,
  ),
);

function isScrapeTimed(signal: SignalName): boolean {
  return SCRAPE_TIMED.has(signal);
}
