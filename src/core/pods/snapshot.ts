import type { SignalName } from '../signals/catalogue.ts';
import type { GapReason } from '../signals/signal.ts';

/**
 * What is known of one pod at one instant, and what is missing. A field is undefined where Prometheus gave nothing:
 * never 0, never an empty string.
 */
export interface PodSnapshot {
  readonly cluster: string | undefined;
  readonly namespace: string;
  readonly name: string;
  /** undefined only where kube-state-metrics 1 exports none. */
  readonly uid: string | undefined;
  /**
   * `gone`: seen within the lookback, and the copy of kube-state-metrics that knew it lives and lacks it now.
   * `untold`: seen within the lookback, but the copy that knew it has fallen silent.
   */
  readonly presence: 'present' | 'gone' | 'untold';
  /** True for a pod that is gone and whose last phase was Succeeded. */
  readonly finished: boolean;
  readonly node: NodeSnapshot | undefined;
  readonly owner: Owner | undefined;
  /** The Deployment of a ReplicaSet, the CronJob of a Job. */
  readonly rootOwner: Owner | undefined;
  readonly hostNetwork: boolean;
  readonly createdAtUnixSeconds: number | undefined;
  /** When it got its node; asked only while the phase is Pending. */
  readonly scheduledAtUnixSeconds: number | undefined;
  /** The scrape of kube-state-metrics that this snapshot tells of, and the instant at which it is read. */
  readonly scrapedAtUnixSeconds: number | undefined;
  readonly readAtUnixSeconds: number;
  readonly phase: string | undefined;
  readonly readyCondition: 'true' | 'false' | 'unknown' | undefined;
  /** The part of the last 5 and 15 minutes in which the pod was ready; of 1. */
  readonly readyShareOver5m: number | undefined;
  readonly readyShareOver15m: number | undefined;
  readonly readyChangesIn15m: number | undefined;
  /** True while the condition Initialized is; kube-state-metrics tells since 2.8. */
  readonly initialized: boolean | undefined;
  /** status.reason and the marks that kube-state-metrics keeps beside it: Evicted, NodeLost, SchedulingGated, … */
  readonly statusReasons: readonly string[];
  readonly unschedulable: boolean | undefined;
  readonly terminating: boolean | undefined;
  /** Ordered by name, as the kubelet orders container statuses; init containers have no known order. */
  readonly containers: readonly ContainerSnapshot[];
  /** The containers in the pod's spec that count in READY; undefined where nothing tells (see assemble.ts). */
  readonly totalContainers: number | undefined;
  readonly networkDrops: {
    readonly receivePerSecond: number | undefined;
    readonly transmitPerSecond: number | undefined;
  };
  /** Usage of the pod's cgroup, where the runtime has no rows of containers. */
  readonly cgroup: { readonly cpuCores: number | undefined; readonly memoryBytes: number | undefined };
  readonly gaps: readonly Gap[];
  /** Why what is known of the pod is not of now; undefined where it is. */
  readonly silence: Silence | undefined;
}

/**
 * Monitoring that is broken, which must not look like a pod that is.
 * - `ksm-silent`: the copy of kube-state-metrics that knows the pod was not scraped for a while.
 * - `no-history`: Prometheus, or its scraping, has just begun.
 * - `node-lost`: the control plane does not hear from the node.
 * - `node-silent`: cAdvisor told of the pod's containers within half an hour and has stopped, though they run.
 */
export type Silence = 'ksm-silent' | 'no-history' | 'node-lost' | 'node-silent';

export interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** A signal that the pod lacks though it, or a feature, wanted it, and why. */
export interface Gap {
  readonly signal: SignalName;
  readonly reason: GapReason;
}

export interface ContainerSnapshot {
  readonly name: string;
  /** A sidecar is an init container with restartPolicy Always. */
  readonly role: 'container' | 'init' | 'sidecar';
  readonly state: 'running' | 'waiting' | 'terminated' | undefined;
  /** Why it waits or ended. */
  readonly reason: string | undefined;
  readonly ready: boolean | undefined;
  readonly restarts: number | undefined;
  readonly restartsIn5m: number | undefined;
  readonly restartsIn15m: number | undefined;
  readonly restartsIn30m: number | undefined;
  /** The part of the last 30 minutes, or of what was seen of them, in which it ran; of 1. */
  readonly runningShareOver30m: number | undefined;
  /** When the first life that was seen within 30 minutes began; undefined where there was no other since. */
  readonly earliestStartOver30m: number | undefined;
  /** The first end that was known within 30 minutes, which may lie before them; undefined where there was no other since. */
  readonly earliestEndOver30m: number | undefined;
  /** What pods of the same owner, this one among them, did in containers of this name; undefined without an owner. */
  readonly siblings: SiblingRestarts | undefined;
  readonly startedAtUnixSeconds: number | undefined;
  readonly lastTermination: Termination | undefined;
  /** undefined: nothing tells whether there are any. */
  readonly limits: Resources | undefined;
  readonly requests: Resources | undefined;
  readonly usage: Usage;
}

/** Of the containers that restarted within 30 minutes. */
interface SiblingRestarts {
  readonly restartsIn30m: number;
  /** How long they ran within them, all together; undefined where that metric is dropped. */
  readonly runningSeconds: number | undefined;
}

interface Termination {
  readonly reason: string | undefined;
  readonly exitCode: number | undefined;
  readonly atUnixSeconds: number | undefined;
}

/** undefined: none is set. */
export interface Resources {
  readonly cpuCores: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** What cAdvisor measured of the container that lives now. */
interface Usage {
  readonly cpuCores: number | undefined;
  readonly cpuCoresOver15m: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly memoryMeanBytes: number | undefined;
  /** The most within 30 minutes, of this container and of those before it. */
  readonly memoryPeakBytes: number | undefined;
  /** The most from 30 to 5 minutes ago, of these as well. */
  readonly memoryEarlierPeakBytes: number | undefined;
  /** Bytes per second over 1, 2, 5 and 15 minutes. */
  readonly memorySlope1m: number | undefined;
  readonly memorySlope2m: number | undefined;
  readonly memorySlope5m: number | undefined;
  readonly memorySlope15m: number | undefined;
  readonly cpuPeriods: number | undefined;
  readonly cpuThrottledPeriods: number | undefined;
}

export interface NodeSnapshot {
  readonly name: string;
  /** Ready, MemoryPressure, DiskPressure, PIDPressure → true, false, unknown. */
  readonly conditions: ReadonlyMap<string, string>;
  /** undefined: nothing tells. */
  readonly cordoned: boolean | undefined;
  readonly allocatable: Resources;
}
