/** What is known of the kinds of applications in recordings: who fails, and what could have told before. */

/**
 * - plain: no fault was given, and nothing distinguishes it from any healthy pod
 * - hard: no fault was given, but it looks like a failure
 * - announced: metrics show the failure coming
 * - rhythmic: only its own rhythm announces it, so that the first failure comes out of the blue
 * - unannounced: no metric of these clusters announces it
 */
export type Nature = 'plain' | 'hard' | 'announced' | 'rhythmic' | 'unannounced';

const PLAIN = ['steady', 'twins', 'nolimit', 'job-done', 'system', 'stateful', 'daemon', 'sidecar', 'cron'];
const HARD = [
  'plateau',
  'sawtooth',
  'bursty',
  'throttled',
  'cpu-starve',
  'slowstart',
  'unready',
  'init-slow',
  'plateau-high',
  'warmup',
  'gc',
  'steps-plateau',
  'cache',
  'slow-ready',
  'job-grows',
  'tide',
  'busier',
  'redeployed',
];
const RHYTHMIC = [
  'hang',
  'crash-minutes',
  'crash-rare',
  'sidecar-crashes',
  'crash-segv',
  'ends-well',
  'slows',
  'never-started',
  'job-retries',
];
/** And why nothing announces them. */
export const UNANNOUNCED: ReadonlyMap<string, string> = new Map([
  ['disk-fill', 'the space that a container fills is in no metric here'],
  ['job-fails', 'a Job fails once and is not started again'],
  ['crash-now', 'it fails as it starts'],
  ['bad-command', 'it fails as it starts'],
  ['init-fails', 'it fails as it starts'],
  ['image-missing', 'it fails as it starts'],
  ['image-never', 'it fails as it starts'],
  ['config-missing', 'it fails as it starts'],
  ['image-name', 'it fails as it starts'],
  ['oom-at-once', 'it fails as it starts'],
  ['starts-at-last', 'it fails as it starts, and is well later'],
  ['init-at-last', 'it fails as it starts, and is well later'],
  ['once', 'it fails once'],
  ['crash-random', 'it ends at random'],
  ['volume-missing', 'it waits for a volume'],
  ['secret-volume-missing', 'it waits for a volume'],
  ['gated', 'it waits to be let in'],
  ['unschedulable', 'it waits for a node'],
]);

const LISTED: ReadonlyMap<string, Nature> = new Map([
  ...PLAIN.map((kind) => [kind, 'plain'] as const),
  ...HARD.map((kind) => [kind, 'hard'] as const),
  ...RHYTHMIC.map((kind) => [kind, 'rhythmic'] as const),
  ...[...UNANNOUNCED.keys()].map((kind) => [kind, 'unannounced'] as const),
]);

/**
 * Of a kind that is not listed, what it did tells: one that never failed is healthy, however hard it looks; one that fails
 * counts as announced until somebody lists it as not.
 */
export function natureOf(kind: string, hasFailed: boolean): Nature {
  return LISTED.get(kind) ?? (hasFailed ? 'announced' : 'hard');
}

export function isHealthy(nature: Nature): boolean {
  return nature === 'plain' || nature === 'hard';
}
