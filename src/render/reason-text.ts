import {
  aboveEarlierPercent,
  endedLast,
  isSettled,
  isUnstarted,
  lastingSlope,
  LONG_SETTLED_SECONDS,
  newGroundSlope,
  settledContainers,
  type Topic,
} from '../core/features/catalogue.ts';
import { endedInFailure, isBeingMade } from '../core/features/container-states.ts';
import { hasInitialized } from '../core/features/rhythm.ts';
import type { ContainerSnapshot, PodSnapshot } from '../core/pods/snapshot.ts';
import { cpuShare, memoryShare, runningContainers, sumOfKnown, throttledPercent } from '../core/pods/usage.ts';
import type { PodPrediction } from '../core/predictions/prediction.ts';
import type { Reason } from '../core/predictions/reasons.ts';
import { age, bytes, clean, plural, significant } from './text.ts';

/** A fact that moved a prediction, in words with units. */
export interface ReasonLine {
  readonly text: string;
  /** By how much it moved the log odds; see Reason. */
  readonly logOdds: number;
}

/** So many facts explain a prediction; the rest is detail. */
const SHOWN = 3;
/** What moved the log odds by less than this moved nothing that one could see. */
const LEAST_LOG_ODDS = 0.1;

/** The facts that moved the prediction most, the strongest first. Two topics may come down to the same fact. */
export function reasonLines({ pod, reasons = [] }: PodPrediction): ReasonLine[] {
  const facts = new Map<string, number>();
  for (const reason of reasons) {
    const text = reasonText(pod, reason);
    facts.set(text, (facts.get(text) ?? 0) + reason.logOdds);
  }
  return [...facts]
    .map(([text, logOdds]) => ({ text, logOdds }))
    .filter(({ logOdds }) => Math.abs(logOdds) >= LEAST_LOG_ODDS)
    .sort((a, b) => Math.abs(b.logOdds) - Math.abs(a.logOdds))
    .slice(0, SHOWN);
}

/** One fact in words. */
export function reasonText(pod: PodSnapshot, { topic }: Reason): string {
  return FACTS[topic](pod);
}

const FACTS: Readonly<Record<Topic, (pod: PodSnapshot) => string>> = {
  memory: memoryFact,
  cpu: cpuFact,
  network: networkFact,
  readiness: readinessFact,
  start: startFact,
  state: stateFact,
  restarts: restartsFact,
  node: nodeFact,
};

function memoryFact(pod: PodSnapshot): string {
  const running = runningContainers(pod);
  const filling = soonestFull(pod);
  const share = memoryShare(filling === undefined ? pod : { ...pod, containers: [filling] });
  if (share === undefined) return 'memory in use is not known';
  const own = filling ?? (running.length === 1 ? running[0] : running.find((c) => c.name === share.container));
  const of = share.of === 'limit' ? 'limit' : 'what the node can allocate';
  const amount = share.percent === undefined ? bytes(share.amount) : `${significant(share.percent)} % of ${of}`;
  const left = share.of === 'limit' && share.whole !== undefined ? share.whole - share.amount : undefined;
  return [
    `${memoryName(pod, own?.name)} ${amount}`,
    ...growthText(own && growthOf(own, pod), left),
    ...before(own, pod),
  ].join(', ');
}

/** The memory of one container, named where several run; of the pod where no container speaks for it. */
export function memoryName(pod: PodSnapshot, container: string | undefined): string {
  return container === undefined || runningContainers(pod).length === 1 ? 'memory' : `memory of ${clean(container)}`;
}

/** The container that reaches its limit first if it grows on; undefined where none will within an hour. */
function soonestFull(pod: PodSnapshot): ContainerSnapshot | undefined {
  const filling = settledContainers(pod).map((container) => {
    const [limit, used] = [container.limits?.memoryBytes, container.usage.memoryBytes];
    const left = limit !== undefined && limit > 0 && used !== undefined ? limit - used : undefined;
    return { container, minutes: minutesToFull(growthOf(container, pod), left) };
  });
  const [soonest] = filling.sort((a, b) => a.minutes - b.minutes);
  return soonest !== undefined && soonest.minutes <= FARTHEST_MINUTES ? soonest.container : undefined;
}

interface Growth {
  readonly bytesPerMinute: number;
  /** In words, where it is not that of now. */
  readonly window: string;
}

/**
 * Growth as it lasts; where memory is being collected just now, that of a quarter of an hour. One collection within the last
 * minute is no decline: that is told by five minutes. As for the model, growth counts only where the container has settled.
 */
function growthOf(c: ContainerSnapshot, pod: PodSnapshot): Growth | undefined {
  const lasting = lastingSlope(c);
  if (lasting === undefined || !isSettled(c, pod)) return undefined;
  if (lasting > 0) return { bytesPerMinute: lasting * 60, window: '' };
  const slow = isSettled(c, pod, LONG_SETTLED_SECONDS) ? (newGroundSlope(c, pod) ?? 0) * 60 : 0;
  if (slow >= LEAST_GROWTH_BYTES) return { bytesPerMinute: slow, window: ' over 15 min' };
  return { bytesPerMinute: Math.min(c.usage.memorySlope5m ?? 0, 0) * 60, window: '' };
}

/** Slower growth than this each minute is none; later than this is no time to name. */
const LEAST_GROWTH_BYTES = 64 * 1024;
const FARTHEST_MINUTES = 60;

/** `left`: bytes to the limit. Infinity where nothing leads there. */
function minutesToFull(growth: Growth | undefined, left: number | undefined): number {
  const isFilling = growth !== undefined && left !== undefined && growth.bytesPerMinute >= LEAST_GROWTH_BYTES;
  return isFilling ? left / growth.bytesPerMinute : Number.POSITIVE_INFINITY;
}

function growthText(growth: Growth | undefined, left: number | undefined): string[] {
  if (growth === undefined) return [];
  const { bytesPerMinute, window } = growth;
  if (Math.abs(bytesPerMinute) < LEAST_GROWTH_BYTES) return ['steady'];
  const rate = `${bytesPerMinute < 0 ? '-' : '+'}${bytes(Math.abs(bytesPerMinute))}/min${window}`;
  const minutes = minutesToFull(growth, left);
  return minutes > FARTHEST_MINUTES ? [rate] : [rate, `full in about ${Math.max(1, Math.round(minutes))} min`];
}

/** What the memory of the container was before: with earlier lives, or else in this one. */
function before(c: ContainerSnapshot | undefined, pod: PodSnapshot): string[] {
  if (c === undefined) return [];
  const { memoryPeakBytes: peak } = c.usage;
  const limit = c.limits?.memoryBytes;
  if ((c.restartsIn30m ?? 0) > 0) {
    return peak === undefined || limit === undefined
      ? []
      : [`${significant((100 * peak) / limit)} % at most in 30 min`];
  }
  return aboveEarlierPercent(c, pod) <= 0 ? ['was as full before'] : [];
}

function cpuFact(pod: PodSnapshot): string {
  const share = cpuShare(pod);
  const throttled = throttledPercent(pod);
  const amount =
    share?.percent === undefined
      ? share === undefined
        ? 'CPU in use is not known'
        : `CPU ${significant(share.amount)} cores`
      : `CPU ${significant(share.percent)} % of ${share.of === 'allocatable' ? 'what the node can allocate' : (share.of ?? '')}`;
  return throttled === undefined || throttled < 1
    ? amount
    : `${amount}, throttled in ${significant(throttled)} % of periods`;
}

function networkFact({ networkDrops: { receivePerSecond, transmitPerSecond } }: PodSnapshot): string {
  const drops = sumOfKnown([receivePerSecond, transmitPerSecond]);
  return drops === undefined
    ? 'whether packets are dropped is not known'
    : `${significant(drops)} packets dropped per second`;
}

function readinessFact({ readyCondition }: PodSnapshot): string {
  if (readyCondition === undefined) return 'whether the pod is ready is not known';
  return readyCondition === 'true' ? 'the pod is ready' : 'the pod is not ready';
}

function startFact(pod: PodSnapshot): string {
  const { phase, createdAtUnixSeconds: created, readAtUnixSeconds: now } = pod;
  return phase === 'Pending' && created !== undefined
    ? `${startText(pod)}, the pod is ${age(now - created)} old`
    : startText(pod);
}

function startText(pod: PodSnapshot): string {
  if (pod.unschedulable === true) return 'no node can take the pod';
  const init = pod.containers.find((c) => c.role === 'init' && c.state === 'running');
  if (init !== undefined) return `init container ${clean(init.name)} runs`;
  const waiting = pod.containers.find((c) => c.state === 'waiting' && c.reason !== undefined);
  if (waiting !== undefined) return `container ${clean(waiting.name)} waits: ${clean(waiting.reason ?? '')}`;
  if (pod.phase === 'Pending') return 'the pod is pending';
  return isStateKnown(pod) ? 'all containers have started' : 'whether its containers have started is not known';
}

function stateFact(pod: PodSnapshot): string {
  const down =
    pod.containers.find((c) => endedInFailure(c) || (c.state === 'waiting' && !isBeingMade(c))) ??
    pod.containers.find((c) => c.role !== 'init' && c.state === 'terminated');
  if (down !== undefined) {
    const verb = down.state === 'waiting' ? 'waits' : 'ended';
    return `container ${clean(down.name)} ${verb}${down.reason === undefined ? ', why is not kept' : `: ${clean(down.reason)}`}`;
  }
  if (pod.phase === 'Failed') return 'the phase is Failed';
  if (pod.phase === 'Pending' && pod.containers.every((c) => c.state === undefined || isBeingMade(c))) {
    return 'no container has started';
  }
  return isStateKnown(pod) || pod.phase === 'Pending'
    ? 'no container is down'
    : 'whether a container is down is not known';
}

function isStateKnown({ containers }: PodSnapshot): boolean {
  return containers.length > 0 && containers.every((c) => c.state !== undefined);
}

function restartsFact(pod: PodSnapshot): string {
  if (isUnstarted(pod)) return 'no container has started';
  const worst = pod.containers
    .filter((c) => !hasInitialized(c))
    .reduce<ContainerSnapshot | undefined>(
      (most, c) => ((c.restartsIn30m ?? 0) > (most?.restartsIn30m ?? 0) ? c : most),
      undefined,
    );
  if (worst === undefined) return olderRestartsFact(pod);
  const since = worst.state === 'running' ? worst.startedAtUnixSeconds : undefined;
  const now = since === undefined ? [] : [`runs for ${age(pod.readAtUnixSeconds - since)}`];
  return [`${endText(worst)}, ${plural(worst.restartsIn30m ?? 0, 'restart')} in 30 min`, ...now].join(', ');
}

function endText({ lastTermination: last }: ContainerSnapshot): string {
  if (last?.reason === 'OOMKilled') return 'killed for memory (OOMKilled)';
  return last?.exitCode === undefined ? 'restarted' : `exited with code ${last.exitCode}`;
}

/** Of a pod that has not restarted lately, as far as anybody knows. */
function olderRestartsFact(pod: PodSnapshot): string {
  const restarts = sumOfKnown(pod.containers.map((c) => c.restarts));
  if (restarts === undefined) return 'restarts are not known';
  const recent = pod.containers.some((c) => c.restartsIn30m === undefined) ? undefined : 'no restart in 30 min';
  const ofSiblings = Math.max(...pod.containers.map((c) => c.siblings?.restartsIn30m ?? 0), 0);
  if (ofSiblings > 0 && recent !== undefined)
    return `${recent}, but ${plural(ofSiblings, 'restart')} in pods of the same owner`;
  if (restarts === 0) {
    return pod.containers.every((c) => c.restarts === 0) ? 'no restart ever' : 'no restart of what is known';
  }
  const latest = endedLast(pod.containers);
  const at = latest?.lastTermination?.atUnixSeconds;
  const ended =
    latest === undefined || at === undefined ? [] : [`${endText(latest)} ${age(pod.readAtUnixSeconds - at)} ago`];
  return [recent ?? `${plural(restarts, 'restart')} in all`, ...ended].join(', ');
}

function nodeFact(pod: PodSnapshot): string {
  if (pod.node === undefined) return 'the pod is on no node';
  const name = clean(pod.node.name);
  const { conditions } = pod.node;
  if (conditions.size === 0) return `how node ${name} is is not known`;
  const wrong = [...conditions].filter(([condition, status]) => (condition === 'Ready') !== (status === 'true'));
  return wrong.length === 0
    ? `node ${name} is well`
    : `node ${name} has ${wrong.map(([condition, status]) => `${clean(condition)} ${clean(status)}`).join(', ')}`;
}
