import { endedLast, isUnstarted, type Topic } from '../core/features/catalogue.ts';
import { endedInFailure, isBeingMade } from '../core/features/container-states.ts';
import {
  aboveEarlierPercent,
  FARTHEST_MINUTES,
  memoryGrowth,
  minutesToLimit,
  percentOfLimit,
  soonestFull,
} from '../core/features/memory-growth.ts';
import {
  endedLife,
  hasInitialized,
  isWellAgain,
  lifeSeconds,
  LONGEST_LIFE_SECONDS,
  usualLife,
  type EndedLife,
} from '../core/features/rhythm.ts';
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
  const amount = share.percent === undefined ? bytes(share.amount) : `${significant(share.percent)}% of ${of}`;
  return [
    `${memoryName(pod, own?.name)} ${amount}`,
    ...(own === undefined ? [] : [...growthText(own, pod), ...before(own, pod)]),
  ].join(', ');
}

/** The memory of one container, named where several run; of the pod where no container speaks for it. */
export function memoryName(pod: PodSnapshot, container: string | undefined): string {
  return container === undefined || runningContainers(pod).length === 1 ? 'memory' : `memory of ${clean(container)}`;
}

function growthText(c: ContainerSnapshot, pod: PodSnapshot): string[] {
  const growth = memoryGrowth(c, pod);
  if (growth === undefined) return [];
  const { slope, windowMinutes } = growth;
  if (slope === 0) return ['steady'];
  const window = windowMinutes === undefined ? '' : ` over ${windowMinutes} min`;
  const rate = `${slope < 0 ? '-' : '+'}${bytes(Math.abs(60 * slope))}/min${window}`;
  const minutes = minutesToLimit(c, slope);
  return minutes < FARTHEST_MINUTES ? [rate, `full in about ${Math.max(1, Math.round(minutes))} min`] : [rate];
}

/** What the memory of the container was before: with earlier lives, or else in this one. */
function before(c: ContainerSnapshot, pod: PodSnapshot): string[] {
  if ((c.restartsIn30m ?? 0) > 0) {
    const peak = percentOfLimit(c, c.usage.memoryPeakBytes);
    return Number.isNaN(peak) ? [] : [`${significant(peak)}% at most in 30 min`];
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
      : `CPU ${significant(share.percent)}% of ${share.of === 'allocatable' ? 'what the node can allocate' : (share.of ?? '')}`;
  return throttled === undefined || throttled < 1
    ? amount
    : `${amount}, throttled in ${significant(throttled)}% of periods`;
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
  return [`${endText(worst)}, ${plural(worst.restartsIn30m ?? 0, 'restart')} in 30 min`, ...livesText(worst, pod)].join(
    ', ',
  );
}

/** How long it has run, and how long it ran before: whether that is about to end again says the comparison. */
function livesText(c: ContainerSnapshot, pod: PodSnapshot): string[] {
  const lived = lifeSeconds(c, pod);
  const runs = lived === undefined ? [] : [`has run for ${age(lived)}`];
  const usual = usualLife(c, pod);
  if (usual !== undefined) return [...runs, earlierText(usual, lived !== undefined, (c.restartsIn30m ?? 0) > 1)];
  if (lived === undefined || !isWellAgain(c, pod)) return runs;
  const than = endedLife(c, pod)?.of === 'siblings' ? 'in other pods of its owner' : 'before';
  return [`has run for ${age(lived)}, much longer than ${than}`];
}

function earlierText({ seconds, of }: EndedLife, runs: boolean, isOften: boolean): string {
  const long = seconds >= LONGEST_LIFE_SECONDS ? 'an hour or more' : age(seconds);
  switch (of) {
    case 'lives':
      return `${runs ? 'before that' : 'ran'} for ${long}${isOften ? ' each' : ''}`;
    case 'cycles':
      return `ended every ${long} before`;
    case 'siblings':
      return `in other pods of its owner for ${long}`;
  }
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
  if (ofSiblings > 0 && recent !== undefined) return `${recent} here, ${ofSiblings} in pods of the same owner`;
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
