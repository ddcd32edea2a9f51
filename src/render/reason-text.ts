import { endedInFailure, isBeingMade, lastingSlope, type Topic } from '../core/features/catalogue.ts';
import type { ContainerSnapshot, PodSnapshot } from '../core/pods/snapshot.ts';
import { cpuShare, memoryShare, runningContainers, throttledPercent } from '../core/pods/usage.ts';
import type { PodPrediction } from '../core/predictions/prediction.ts';
import type { Reason } from '../core/predictions/reasons.ts';
import { bytes, clean, plural, significant, span } from './text.ts';

/** A fact that moved a prediction, in words with units. */
export interface ReasonLine {
  readonly reason: Reason;
  readonly text: string;
}

/** So many facts explain a prediction; the rest is detail. */
const SHOWN = 3;
/** What moved the log odds by less than this moved nothing that one could see. */
const LEAST_LOG_ODDS = 0.1;

/** The facts that moved the prediction most, the strongest first. */
export function reasonLines({ pod, reasons = [] }: PodPrediction): ReasonLine[] {
  return reasons
    .filter(({ logOdds }) => Math.abs(logOdds) >= LEAST_LOG_ODDS)
    .slice(0, SHOWN)
    .map((reason) => ({ reason, text: reasonText(pod, reason) }));
}

/** One fact in words. */
export function reasonText(pod: PodSnapshot, { topic }: Reason): string {
  return FACTS[topic](pod);
}

const FACTS: Readonly<Record<Topic, (pod: PodSnapshot) => string>> = {
  memory: memoryFact,
  cpu: cpuFact,
  network: ({ networkDrops: { receivePerSecond, transmitPerSecond } }) =>
    `${significant((receivePerSecond ?? 0) + (transmitPerSecond ?? 0))} packets dropped per second`,
  readiness: (pod) => (pod.readyCondition === 'true' ? 'the pod is ready' : 'the pod is not ready'),
  start: startFact,
  state: stateFact,
  restarts: restartsFact,
  node: nodeFact,
};

function memoryFact(pod: PodSnapshot): string {
  const share = memoryShare(pod);
  if (share === undefined) return 'memory in use is not known';
  const of = share.of === 'limit' ? 'limit' : 'what the node can allocate';
  const amount = share.percent === undefined ? bytes(share.amount) : `${significant(share.percent)} % of ${of}`;
  const fullest = runningContainers(pod).find((c) => c.usage.memoryBytes === share.amount);
  const slope = fullest === undefined ? undefined : shownSlope(fullest);
  const left = share.of === 'limit' && share.whole !== undefined ? share.whole - share.amount : undefined;
  return [`memory ${amount}`, ...growth(slope, left), ...earlierPeak(fullest)].join(', ');
}

/** One garbage collection within the last minute is no decline: that is told by five minutes. Bytes per second. */
function shownSlope(c: ContainerSnapshot): number | undefined {
  const lasting = lastingSlope(c);
  return lasting === undefined || lasting > 0 ? lasting : Math.min(c.usage.memorySlope5m ?? 0, 0);
}

/** Slower growth than this each minute is none; later than this is no time to name. */
const LEAST_GROWTH_BYTES = 64 * 1024;
const FARTHEST_MINUTES = 60;

function growth(bytesPerSecond: number | undefined, left: number | undefined): string[] {
  const perMinute = (bytesPerSecond ?? 0) * 60;
  if (Math.abs(perMinute) < LEAST_GROWTH_BYTES) return bytesPerSecond === undefined ? [] : ['steady'];
  const rate = `${perMinute < 0 ? '-' : '+'}${bytes(Math.abs(perMinute))}/min`;
  const minutes = left === undefined || perMinute <= 0 ? Number.POSITIVE_INFINITY : left / perMinute;
  return minutes > FARTHEST_MINUTES ? [rate] : [rate, `full in about ${Math.max(1, Math.round(minutes))} min`];
}

function earlierPeak(c: ContainerSnapshot | undefined): string[] {
  const peak = c?.usage.memoryPeakBytes;
  const limit = c?.limits?.memoryBytes;
  if (c === undefined || peak === undefined || limit === undefined || (c.restartsIn30m ?? 0) === 0) return [];
  return [`an earlier life reached ${significant((100 * peak) / limit)} %`];
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

function startFact(pod: PodSnapshot): string {
  if (pod.unschedulable === true) return 'no node can take the pod';
  const waiting = pod.containers.find((c) => c.state === 'waiting' && c.reason !== undefined);
  if (waiting !== undefined) return `container ${clean(waiting.name)} waits: ${clean(waiting.reason ?? '')}`;
  if (pod.containers.some((c) => c.role === 'init' && c.state === 'running')) return 'an init container runs';
  return pod.phase === 'Pending' ? 'the pod is pending' : 'all containers have started';
}

function stateFact(pod: PodSnapshot): string {
  const down =
    pod.containers.find((c) => endedInFailure(c) || (c.state === 'waiting' && !isBeingMade(c))) ??
    pod.containers.find((c) => c.role !== 'init' && c.state === 'terminated');
  if (down !== undefined) {
    const verb = down.state === 'waiting' ? 'waits' : 'ended';
    return `container ${clean(down.name)} ${verb}${down.reason === undefined ? ', why is not kept' : `: ${clean(down.reason)}`}`;
  }
  return pod.phase === 'Failed' ? 'the phase is Failed' : 'no container is down';
}

function restartsFact(pod: PodSnapshot): string {
  const worst = pod.containers.reduce<ContainerSnapshot | undefined>(
    (most, c) => ((c.restartsIn30m ?? 0) > (most?.restartsIn30m ?? 0) ? c : most),
    undefined,
  );
  if (worst === undefined) return siblingsFact(pod);
  const last = worst.lastTermination;
  const cause =
    last?.reason === 'OOMKilled'
      ? 'killed for memory (OOMKilled)'
      : last?.exitCode !== undefined
        ? `exited with code ${last.exitCode}`
        : 'restarted';
  const since = worst.state === 'running' ? worst.startedAtUnixSeconds : undefined;
  const now = since === undefined ? [] : [`runs for ${span(pod.readAtUnixSeconds - since)}`];
  return [`${cause}, ${plural(worst.restartsIn30m ?? 0, 'restart')} in 30 min`, ...now].join(', ');
}

function siblingsFact(pod: PodSnapshot): string {
  const restarts = Math.max(...pod.containers.map((c) => c.siblings?.restartsIn30m ?? 0), 0);
  if (restarts > 0) return `no restart in 30 min, but ${plural(restarts, 'restart')} in pods of the same owner`;
  const total = pod.containers.reduce((sum, c) => sum + (c.restarts ?? 0), 0);
  return total === 0 ? 'no restart ever' : 'no restart in 30 min';
}

function nodeFact(pod: PodSnapshot): string {
  const wrong = [...(pod.node?.conditions ?? [])].filter(
    ([name, status]) => (name === 'Ready') !== (status === 'true'),
  );
  if (pod.node === undefined) return 'the pod is on no node';
  const name = clean(pod.node.name);
  return wrong.length === 0
    ? `node ${name} is well`
    : `node ${name} has ${wrong.map(([condition, status]) => `${clean(condition)} ${clean(status)}`).join(', ')}`;
}
