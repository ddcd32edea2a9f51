import type { SignalName } from '../signals/catalogue.ts';
import type { ContainerSnapshot, PodSnapshot } from './snapshot.ts';

/** The seven statuses, worst first; NotFound is decided by evidence and stands last. */
export const STATUSES = [
  'CrashLoopBackOff',
  'Error',
  'Unknown',
  'Pending',
  'ContainerCreating',
  'Running',
  'NotFound',
] as const;
export type Status = (typeof STATUSES)[number];

/** A new sum for each status. A literal, for there is one for each pod. */
export function zeroByStatus(): Record<Status, number> {
  return {
    CrashLoopBackOff: 0,
    Error: 0,
    Unknown: 0,
    Pending: 0,
    ContainerCreating: 0,
    Running: 0,
    NotFound: 0,
  };
}

/** The statuses of a pod that fails: RISK is the sum of their probabilities. */
export const FAILING: readonly Status[] = ['CrashLoopBackOff', 'Error', 'Unknown'];

export function isFailing(status: Status | undefined): boolean {
  return status !== undefined && FAILING.includes(status);
}

/** What kubectl would print of a pod, and the status that it folds to. */
export interface PodStatus {
  /** The string in kubectl's STATUS column; `NotFound` for a pod that is gone, `?` where metrics cannot tell. */
  readonly now: string;
  /** undefined: finished (Completed), on its way out, or not to be told. */
  readonly status: Status | undefined;
  /** It was deleted and is on its way out, whatever kubectl prints: of one that has ended meanwhile, how it ended. */
  readonly leaving: boolean;
  /** undefined: nothing tells. */
  readonly readyContainers: number | undefined;
  readonly totalContainers: number | undefined;
  readonly restarts: number | undefined;
  readonly restartedAtUnixSeconds: number | undefined;
}

/** NOW where metrics cannot tell. */
export const UNTOLD = '?';

/** The API server's minor version (34 for 1.34) decides two rules; the newest kubelet stands in for it. */
export interface StatusRules {
  readonly kubernetesMinor: number;
}

/**
 * The STATUS, READY and RESTARTS that `kubectl get pods` would print, from metrics alone. It follows the API server's
 * printer (pkg/printers/internalversion/printers.go, printPod) step by step.
 *
 * What metrics cannot give: the spec order of init containers (they run one after the other, so the one that is
 * neither done nor still waiting for its turn is the one kubectl names), exit codes of containers that ended without a
 * reason, and values of status.reason that kube-state-metrics does not know.
 */
export function podStatus(pod: PodSnapshot, rules: StatusRules): PodStatus {
  if (pod.presence !== 'present') {
    const gone = pod.presence === 'gone';
    return {
      now: gone ? 'NotFound' : UNTOLD,
      status: gone ? 'NotFound' : undefined,
      leaving: false,
      readyContainers: undefined,
      totalContainers: pod.totalContainers,
      restarts: undefined,
      restartedAtUnixSeconds: undefined,
    };
  }

  const main = pod.containers.filter((c) => c.role === 'container');
  const init = initProgress(pod, main);
  const counted = init === undefined || (pod.initialized ?? hasStarted(pod, main));
  const sidecars = pod.containers.filter((c) => c.role === 'sidecar');
  const running = main.filter((c) => c.state === 'running' && c.ready !== false);

  let reason = statusReason(pod) ?? (isBeingCreated(pod) ? 'ContainerCreating' : pod.phase);
  // Containers of a pod that succeeded have completed, also where their states are not kept.
  if (reason === 'Succeeded') reason = 'Completed';
  if (init !== undefined) reason = init;
  if (counted) reason = firstReason(main, pod) ?? (isAnyStateLost(main, pod) ? UNTOLD : reason);
  // All containers of a pod that succeeded have ended well, also where reasons are not kept.
  if (reason === 'Completed' && counted && pod.phase !== 'Succeeded') {
    reason = completedReason(main, running.length > 0, pod.readyCondition === 'true', rules);
  }
  const leaving = pod.terminating === true && !pod.statusReasons.includes('NodeLost');
  if (leaving) {
    const finished = pod.phase === 'Succeeded' || pod.phase === 'Failed';
    if (!finished || rules.kubernetesMinor < 31) reason = 'Terminating';
  } else if (pod.terminating === true) reason = 'Unknown';

  const restarting = counted ? [...main, ...sidecars] : pod.containers.filter((c) => c.role !== 'container');
  const now = reason ?? UNTOLD;
  return {
    now,
    // What was told to stop ends as it likes: that is no failure.
    status: leaving ? undefined : foldStatus(now, pod.phase),
    leaving,
    readyContainers: hasNoStatus(pod) ? 0 : countReady(counted ? [...main, ...sidecars] : sidecars),
    totalContainers: pod.totalContainers,
    restarts: total(restarting.map((c) => c.restarts)) ?? (hasNoStatus(pod) ? 0 : undefined),
    restartedAtUnixSeconds: restartedAt(restarting),
  };
}

/**
 * status.reason, as far as kube-state-metrics tells it. It marks reasons of conditions and containers in the same
 * metric (PreemptionByScheduler, TerminationByKubelet, Other), which kubectl does not print here.
 */
function statusReason(pod: PodSnapshot): string | undefined {
  if (pod.statusReasons.includes('SchedulingGated')) return 'SchedulingGated';
  return pod.statusReasons.find((reason) => PRINTED_STATUS_REASONS.has(reason));
}

const PRINTED_STATUS_REASONS: ReadonlySet<string> = new Set([
  'Evicted',
  'NodeAffinity',
  'NodeLost',
  'Shutdown',
  'UnexpectedAdmissionError',
]);

/** The kubelet writes a new pod's first status within about this time. */
const FIRST_STATUS_SECONDS = 2;
/** A pod that is older than this at the scrape and still has no container status waits for a dead kubelet. */
const NEW_POD_SECONDS = 5;

/**
 * A pod that has its node but no container status, seen seconds after its creation: Pending at the scrape, and
 * ContainerCreating as soon as the kubelet has taken note of it, which by now it has.
 */
function isBeingCreated(pod: PodSnapshot): boolean {
  const { createdAtUnixSeconds: created, scrapedAtUnixSeconds: scraped } = pod;
  if (pod.phase !== 'Pending' || pod.node === undefined || pod.containers.some((c) => c.state !== undefined))
    return false;
  if (created === undefined || scraped === undefined) return false;
  return scraped - created < NEW_POD_SECONDS && pod.readAtUnixSeconds - scraped >= FIRST_STATUS_SECONDS;
}

/** Only a container that runs counts as ready. Where its state is not kept, that it is ready says that it runs. */
function countReady(containers: readonly ContainerSnapshot[]): number | undefined {
  const running = containers.filter((c) => c.state === 'running' || c.state === undefined);
  if (running.some((c) => c.ready === undefined)) return undefined;
  return running.filter((c) => c.ready).length;
}

/**
 * Nothing was started: the pod is on no node, or its node refused it, and the list of its containers' statuses is empty.
 * (Metrics that are dropped, or were not answered, leave gaps.)
 */
function hasNoStatus(pod: PodSnapshot): boolean {
  if (pod.phase !== 'Pending' && pod.phase !== 'Failed') return false;
  return (
    pod.containers.every((c) => c.state === undefined) && !lacks(pod, 'restarts') && !lacks(pod, 'container-running')
  );
}

/** undefined where a restart is known whose time is not: kube-state-metrics tells those of sidecars since 2.20. */
function restartedAt(containers: readonly ContainerSnapshot[]): number | undefined {
  const isUndated = (c: ContainerSnapshot): boolean =>
    c.role !== 'container' && (c.restarts ?? 0) > 0 && c.lastTermination?.atUnixSeconds === undefined;
  return containers.some(isUndated) ? undefined : newest(containers.map((c) => c.lastTermination?.atUnixSeconds));
}

/**
 * Whether the container has a state that nothing tells: its rows were dropped on their way, not answered, or too old.
 * (What has restarts has a status; one that is ready runs.)
 */
export function isStateLost(c: ContainerSnapshot, pod: PodSnapshot): boolean {
  if (c.state !== undefined || c.ready === true || pod.node === undefined || pod.phase === 'Succeeded') return false;
  // All containers of a pod that is ready run.
  if (c.role === 'container' && pod.readyCondition === 'true') return false;
  return c.restarts !== undefined || lacks(pod, c.role === 'container' ? 'container-running' : 'init-running');
}

/** A pod that runs has containers, also where no row names one. */
function isAnyStateLost(main: readonly ContainerSnapshot[], pod: PodSnapshot): boolean {
  if (main.length === 0) return pod.phase === 'Running' && lacks(pod, 'container-running');
  return main.some((c) => isStateLost(c, pod));
}

/** Only what has init containers waits for them: where none is known, their metrics are dropped. */
export function lacksInitContainers({ containers }: Pick<PodSnapshot, 'containers'>): boolean {
  return (
    containers.some((c) => c.state === 'waiting' && c.reason === 'PodInitializing') &&
    containers.every((c) => c.role === 'container')
  );
}

/** Whether a signal is missing that the pod ought to have. */
function lacks(pod: PodSnapshot, signal: SignalName): boolean {
  return pod.gaps.some((gap) => gap.signal === signal);
}

/** Only after all init containers are the others started: stands in for the condition Initialized where it is not kept. */
function hasStarted(pod: PodSnapshot, main: readonly ContainerSnapshot[]): boolean {
  if (pod.phase === 'Succeeded' || pod.readyCondition === 'true') return true;
  return main.some((c) => c.state === 'running' || c.state === 'terminated');
}

/** `Init:…` while an init container runs, waits or has failed; undefined once all are done. */
function initProgress(pod: PodSnapshot, main: readonly ContainerSnapshot[]): string | undefined {
  const init = pod.containers.filter((c) => c.role !== 'container');
  if (lacksInitContainers(pod)) return UNTOLD;
  const rest = init.filter((c) => !isDone(c, pod, main));
  const undone = rest.length + Number(waitsForSidecar(pod, init, [...rest, ...main]));
  if (undone === 0) return undefined;
  const failures = rest.map((c) => initFailure(c, pod)).filter((reason) => reason !== undefined);
  const failed = failures.find((reason) => reason !== UNTOLD) ?? failures[0];
  return failed === UNTOLD ? UNTOLD : `Init:${failed ?? `${init.length - undone}/${init.length}`}`;
}

/**
 * A sidecar is done once it runs and has passed its startup probe, another init container once it has ended well: then the
 * kubelet calls it ready. The reason says so as well, but not every cluster keeps it; where neither is kept, what came after
 * it tells, and where not even the state is kept, the phase.
 */
function isDone(container: ContainerSnapshot, pod: PodSnapshot, main: readonly ContainerSnapshot[]): boolean {
  if (container.state === undefined) return container.ready === true || pod.phase === 'Running';
  if (container.role === 'sidecar' && container.state === 'running') return true;
  if (container.state !== 'terminated') return false;
  const { role, reason, ready } = container;
  if (reason === 'Completed') return true;
  if (role === 'sidecar') return false;
  return ready ?? (reason === undefined && (pod.initialized === true || hasStarted(pod, main)));
}

/**
 * No metric has a startup probe. It is the only thing that the pod waits for while a sidecar runs and is not ready, nothing
 * that comes behind it was begun, and the pod is not initialized.
 */
function waitsForSidecar(
  pod: PodSnapshot,
  init: readonly ContainerSnapshot[],
  behind: readonly ContainerSnapshot[],
): boolean {
  if (
    pod.initialized !== false ||
    !init.some((c) => c.role === 'sidecar' && c.state === 'running' && c.ready === false)
  ) {
    return false;
  }
  return behind.every((c) => c.state === 'waiting' && c.reason === 'PodInitializing');
}

function initFailure(container: ContainerSnapshot, pod: PodSnapshot): string | undefined {
  const { state, reason } = container;
  switch (state) {
    case 'waiting':
      if (reason === 'PodInitializing') return undefined;
      return reason ?? (lacks(pod, 'init-waiting-reason') ? UNTOLD : undefined);
    case 'terminated':
      // Ended without a reason: kubectl prints Init:ExitCode:N or Init:Signal:N, and no metric has N.
      return reason ?? (lacks(pod, 'init-terminated-reason') ? UNTOLD : 'Error');
    default:
      return isStateLost(container, pod) ? UNTOLD : undefined;
  }
}

/** kubectl walks the containers from the last to the first and lets each overwrite: the first with a reason wins. */
function firstReason(containers: readonly ContainerSnapshot[], pod: PodSnapshot): string | undefined {
  for (const { state, reason } of containers) {
    if (state === 'waiting') {
      if (reason !== undefined) return reason;
      // One that was created and not yet started has none, and kubectl passes it over.
      if (lacks(pod, 'container-waiting-reason')) return UNTOLD;
    }
    if (state !== 'terminated') continue;
    if (reason !== undefined || pod.phase === 'Succeeded') return reason ?? 'Completed';
    // Ended without a reason: kubectl prints ExitCode:N or Signal:N, and no metric has N.
    return lacks(pod, 'container-terminated-reason') ? UNTOLD : 'Error';
  }
  return undefined;
}

/**
 * What stands in the place of Completed. Since Kubernetes 1.35 a container that failed beside one that completed is
 * named; before, Completed hid it unless a third one ran.
 */
function completedReason(
  containers: readonly ContainerSnapshot[],
  hasRunning: boolean,
  ready: boolean,
  rules: StatusRules,
): string {
  if (hasRunning && ready) return 'Running';
  if (rules.kubernetesMinor >= 35) {
    // One that ended without a reason is taken for a failure: neither exit codes nor signals of what ended are in metrics.
    const ends = containers.filter((c) => c.state === 'terminated').map((c) => c.reason ?? 'Error');
    const failed = ends.find((reason) => reason !== 'Completed');
    if (failed !== undefined) return failed;
  }
  return hasRunning ? 'NotReady' : 'Completed';
}

/** kubectl's string → the status it belongs to. A string that is not here is folded by the pod's phase. */
const FOLD: Readonly<Record<string, Status | 'none'>> = {
  Running: 'Running',
  NotReady: 'Running',
  CrashLoopBackOff: 'CrashLoopBackOff',
  ContainerCreating: 'ContainerCreating',
  PodInitializing: 'ContainerCreating',
  Pending: 'Pending',
  SchedulingGated: 'Pending',
  Preempting: 'Pending',
  Unknown: 'Unknown',
  NodeLost: 'Unknown',
  ContainerStatusUnknown: 'Unknown',
  Terminating: 'none',
  Succeeded: 'none',
  // Ends
  Error: 'Error',
  Failed: 'Error',
  OOMKilled: 'Error',
  StartError: 'Error',
  ContainerCannotRun: 'Error',
  RunContainerError: 'Error',
  DeadlineExceeded: 'Error',
  Evicted: 'Error',
  NodeAffinity: 'Error',
  Shutdown: 'Error',
  Terminated: 'Error',
  UnexpectedAdmissionError: 'Error',
  // Never got an image or a container: SREs call these errors, though the phase says Pending
  ErrImagePull: 'Error',
  ImagePullBackOff: 'Error',
  ErrImageNeverPull: 'Error',
  InvalidImageName: 'Error',
  ImageInspectError: 'Error',
  RegistryUnavailable: 'Error',
  CreateContainerConfigError: 'Error',
  CreateContainerError: 'Error',
  CreatePodSandboxError: 'Error',
  PreCreateHookError: 'Error',
  PreStartHookError: 'Error',
  PostStartHookError: 'Error',
};

/** Folds what kubectl prints to one of the seven; undefined for a pod that is finished or on its way out. */
export function foldStatus(now: string, phase: string | undefined): Status | undefined {
  // Whatever it ended with, it has failed.
  if (now === UNTOLD) return phase === 'Failed' ? 'Error' : undefined;
  if (now === 'Completed') {
    // An evicted pod whose container ended well prints Completed as well. While the phase is Running, the pod goes on.
    if (phase === 'Failed') return 'Error';
    return phase === 'Running' ? 'Running' : undefined;
  }
  const progress = /^Init:\d+\/\d+$/.test(now);
  if (progress) return 'ContainerCreating';
  const reason = now.replace(/^Init:/, '');
  const folded = Object.hasOwn(FOLD, reason) ? FOLD[reason] : undefined;
  if (folded !== undefined) return folded === 'none' ? undefined : folded;
  if (/^(Signal|ExitCode):|^OutOf/.test(reason)) return 'Error';
  // A reason that the kubelet or a runtime made up: an error unless the phase speaks against it.
  if (phase === 'Unknown') return 'Unknown';
  return phase === 'Succeeded' ? undefined : 'Error';
}

function total(counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}

function newest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
