/** What a container's state says of it: whether it fails, and whether it is only being made. */
import type { ContainerSnapshot, PodSnapshot } from '../pods/snapshot.ts';

export const IMAGE_REASONS: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
]);
const START_REASONS: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'StartError',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
]);

const MAKING_REASONS: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);
const CRASH_REASONS: ReadonlySet<string> = new Set(['CrashLoopBackOff']);

export function waitsFor({ state: own, reason }: ContainerSnapshot, reasons: ReadonlySet<string>): boolean {
  return own === 'waiting' && reasons.has(reason ?? '');
}

/** The container waits for nothing but its turn to start. */
export function isBeingMade(c: ContainerSnapshot): boolean {
  return waitsFor(c, MAKING_REASONS);
}

export function waitsAfterCrash(c: ContainerSnapshot): boolean {
  return waitsFor(c, CRASH_REASONS);
}

/** A container that has ended, and not well. */
export function endedInFailure(c: ContainerSnapshot): boolean {
  // The kubelet calls an init container ready once it has ended well, which is known where reasons are not.
  return c.state === 'terminated' && c.reason !== 'Completed' && !(c.role === 'init' && c.ready === true);
}

/** The same, where it is known how it ended: reasons that are not kept leave a gap, and make no failure. */
export function isKnownToHaveFailed(c: ContainerSnapshot, { gaps }: PodSnapshot): boolean {
  const signal = c.role === 'container' ? 'container-terminated-reason' : 'init-terminated-reason';
  return endedInFailure(c) && (c.reason !== undefined || !gaps.some((gap) => gap.signal === signal));
}

export function failsNow(c: ContainerSnapshot, pod: PodSnapshot): boolean {
  return isKnownToHaveFailed(c, pod) || waitsAfterCrash(c) || waitsFor(c, IMAGE_REASONS) || waitsFor(c, START_REASONS);
}
