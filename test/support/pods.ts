import type { ContainerSnapshot, NodeSnapshot, PodSnapshot } from '../../src/core/pods/snapshot.ts';

/** A pod of which nothing is known but its name, with what a test wants known. */
export function pod(known: Partial<PodSnapshot> = {}): PodSnapshot {
  return {
    cluster: undefined,
    namespace: 'shop',
    name: 'cart-0',
    uid: 'uid-1',
    presence: 'present',
    finished: false,
    node: undefined,
    owner: undefined,
    rootOwner: undefined,
    hostNetwork: false,
    createdAtUnixSeconds: undefined,
    scheduledAtUnixSeconds: undefined,
    scrapedAtUnixSeconds: undefined,
    readAtUnixSeconds: 1000,
    phase: undefined,
    readyCondition: undefined,
    readyShareOver5m: undefined,
    readyShareOver15m: undefined,
    readyChangesIn15m: undefined,
    initialized: false,
    statusReasons: [],
    unschedulable: false,
    terminating: false,
    containers: [],
    totalContainers: undefined,
    networkDrops: { receivePerSecond: undefined, transmitPerSecond: undefined },
    cgroup: { cpuCores: undefined, memoryBytes: undefined },
    gaps: [],
    silence: undefined,
    ...known,
  };
}

export function container(known: Partial<ContainerSnapshot> = {}): ContainerSnapshot {
  return {
    name: 'app',
    role: 'container',
    state: undefined,
    reason: undefined,
    ready: false,
    restarts: undefined,
    restartsIn5m: undefined,
    restartsIn15m: undefined,
    restartsIn30m: undefined,
    runningShareOver30m: undefined,
    earliestStartOver30m: undefined,
    earliestEndOver30m: undefined,
    siblings: undefined,
    startedAtUnixSeconds: undefined,
    lastTermination: undefined,
    limits: { cpuCores: undefined, memoryBytes: undefined },
    requests: { cpuCores: undefined, memoryBytes: undefined },
    ...known,
    usage: {
      cpuCores: undefined,
      cpuCoresOver15m: undefined,
      memoryBytes: undefined,
      memoryMeanBytes: undefined,
      memoryPeakBytes: undefined,
      memoryEarlierPeakBytes: undefined,
      memorySlope1m: undefined,
      memorySlope2m: undefined,
      memorySlope5m: undefined,
      memorySlope15m: undefined,
      cpuPeriods: undefined,
      cpuThrottledPeriods: undefined,
      ...known.usage,
    },
  };
}

export function node(name: string, conditions: Readonly<Record<string, string>> = {}): NodeSnapshot {
  return {
    name,
    conditions: new Map(Object.entries(conditions)),
    cordoned: false,
    allocatable: { cpuCores: undefined, memoryBytes: undefined },
  };
}
