import type { ContainerSnapshot, PodSnapshot, Resources } from './snapshot.ts';

/** An amount and what it is compared with. */
export interface Share {
  /** Cores or bytes. */
  readonly amount: number;
  /** What 100 % would be, in the same unit; undefined where nothing bounds it. */
  readonly whole: number | undefined;
  readonly of: 'limit' | 'request' | 'allocatable' | undefined;
  /** What nothing tells of: whether there is one. */
  readonly untold: Share['of'];
  /** Which container speaks for the pod; undefined where the amount is the pod's. */
  readonly container: string | undefined;
  /** 100 × amount / whole; undefined without a whole. */
  readonly percent: number | undefined;
}

/**
 * The pod's CPU in cores. The percentage is of the sum of the limits where every container has one, else of the sum
 * of the requests, else of what the node can allocate. undefined where no running container was measured.
 */
export function cpuShare(
  pod: PodSnapshot,
  cores: (container: ContainerSnapshot) => number | undefined = (c) => c.usage.cpuCores,
): Share | undefined {
  const running = runningContainers(pod);
  const amount = completeSum(running.map(cores)) ?? pod.cgroup.cpuCores;
  if (amount === undefined || running.length === 0) return undefined;
  return share(amount, [
    ['limit', () => wholeOf(running, (c) => c.limits, 'cpuCores')],
    ['request', () => wholeOf(running, (c) => c.requests, 'cpuCores')],
    ['allocatable', () => pod.node?.allocatable.cpuCores],
  ]);
}

/**
 * The working set in bytes. The kernel kills a container at its own limit, so the container nearest to its limit speaks
 * for the pod; without any limit the pod as a whole is compared with the node.
 */
export function memoryShare(
  pod: PodSnapshot,
  bytes: (container: ContainerSnapshot) => number | undefined = (c) => c.usage.memoryBytes,
): Share | undefined {
  const running = runningContainers(pod);
  const limited = running
    .map((c) => {
      const amount = bytes(c);
      return amount === undefined ? undefined : share(amount, [['limit', () => c.limits?.memoryBytes]], c.name);
    })
    .filter((s) => s?.percent !== undefined);
  const fullest = limited.reduce(
    (best, next) => ((next?.percent ?? 0) > (best?.percent ?? -1) ? next : best),
    undefined,
  );
  if (fullest !== undefined) return fullest;
  const amount = completeSum(running.map(bytes)) ?? pod.cgroup.memoryBytes;
  if (amount === undefined || running.length === 0) return undefined;
  return share(amount, [
    ['limit', () => wholeOf(running, (c) => c.limits, 'memoryBytes')],
    ['allocatable', () => pod.node?.allocatable.memoryBytes],
  ]);
}

/** The percentage of CFS periods in which the pod was throttled, over five minutes; undefined without a CPU limit. */
export function throttledPercent(pod: PodSnapshot): number | undefined {
  const periods = sumOfKnown(pod.containers.map((c) => c.usage.cpuPeriods));
  const throttled = sumOfKnown(pod.containers.map((c) => c.usage.cpuThrottledPeriods));
  return periods === undefined || throttled === undefined || periods === 0 ? undefined : (100 * throttled) / periods;
}

export function runningContainers(pod: PodSnapshot): ContainerSnapshot[] {
  return pod.containers.filter((c) => c.role !== 'init' && c.state === 'running');
}

/** The sum, where every part is known: the sum of some would be too small and look like an answer. */
function completeSum(parts: readonly (number | undefined)[]): number | undefined {
  return parts.includes(undefined) ? undefined : sumOfKnown(parts);
}

/** The sum of what is known; undefined where nothing is. */
export function sumOfKnown(parts: readonly (number | undefined)[]): number | undefined {
  let sum: number | undefined;
  for (const part of parts) if (part !== undefined) sum = (sum ?? 0) + part;
  return sum;
}

/** A whole, undefined where none is set, or that nothing tells whether one is. */
type Whole = number | undefined | 'unknown';

function wholeOf(
  containers: readonly ContainerSnapshot[],
  kind: (container: ContainerSnapshot) => Resources | undefined,
  resource: keyof Resources,
): Whole {
  const kinds = containers.map(kind);
  return kinds.includes(undefined) ? 'unknown' : completeSum(kinds.map((own) => own?.[resource]));
}

/** Of the first whole that is set. Where it is unknown whether one is, a later one would make usage look small. */
function share(
  amount: number,
  candidates: readonly (readonly [NonNullable<Share['of']>, () => Whole])[],
  container?: string,
): Share {
  for (const [of, wholeOfIt] of candidates) {
    const whole = wholeOfIt();
    if (whole === 'unknown') return { ...UNBOUNDED, amount, untold: of };
    if (whole !== undefined && whole > 0) {
      return { amount, whole, of, untold: undefined, container, percent: (100 * amount) / whole };
    }
  }
  return { ...UNBOUNDED, amount };
}

const UNBOUNDED = { whole: undefined, of: undefined, untold: undefined, container: undefined, percent: undefined };
