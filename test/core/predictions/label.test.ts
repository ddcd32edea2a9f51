import { describe, expect, test } from 'vitest';
import { isWatched, labelOf } from '../../../src/core/predictions/label.ts';
import type { Observation } from '../../../src/core/predictions/observation.ts';
import { foldStatus } from '../../../src/core/pods/status.ts';

const HORIZON = 600;
const GAP = 60;
const END_GAP = 30;

/** How the pod was seen `t` seconds after the row. */
function seen(t: number, now: string, restarts = 0, uid: string | undefined = 'u1'): Observation {
  return {
    unixSeconds: 1000 + t,
    uid,
    now,
    status: foldStatus(now, undefined),
    leaving: now === 'Terminating',
    restarts,
  };
}

/** Seen every 30 s from the row to the horizon, as `what` says. */
function watched(what: (t: number) => Observation | undefined): Observation[] {
  return Array.from({ length: HORIZON / 30 + 1 }, (_, i) => what(i * 30)).filter((own) => own !== undefined);
}

/** Somebody looked at the cluster each 30 s, unless said otherwise. */
function label(
  later: readonly Observation[],
  row = seen(0, 'Running'),
  looked: (t: number) => boolean = () => true,
): string | undefined {
  const times = Array.from({ length: HORIZON / 30 + 1 }, (_, i) => i * 30).filter(looked);
  const watchedAt = times.map((t) => 1000 + t);
  if (!isWatched(watchedAt, row.unixSeconds, row.unixSeconds + HORIZON, GAP, END_GAP)) return undefined;
  const seenThen = later.filter(({ unixSeconds }) => looked(unixSeconds - 1000));
  return labelOf(row, seenThen, HORIZON, GAP, END_GAP);
}

describe('what becomes of a pod within the horizon', () => {
  test('that stays well is Running', () => {
    expect(label(watched((t) => seen(t, 'Running')))).toBe('Running');
  });

  test('is the worst of what it shows, in the order of severity', () => {
    const through = (statuses: readonly string[]): string | undefined =>
      label(watched((t) => seen(t, statuses[Math.floor(t / 200)] ?? statuses.at(-1) ?? '')));
    expect(through(['Running', 'Pending', 'ContainerCreating'])).toBe('Pending');
    expect(through(['Running', 'OOMKilled', 'Running'])).toBe('Error');
    expect(through(['Error', 'CrashLoopBackOff', 'Running'])).toBe('CrashLoopBackOff');
    expect(through(['Running', 'ContainerStatusUnknown', 'Pending'])).toBe('Unknown');
  });

  test('is Error where a container restarted and nobody saw it down', () => {
    expect(
      label(
        watched((t) => seen(t, 'Running', t < 300 ? 2 : 3)),
        seen(0, 'Running', 2),
      ),
    ).toBe('Error');
  });

  test('does not count what it shows at the row itself, nor after the horizon', () => {
    expect(label(watched((t) => seen(t, t === 0 ? 'CrashLoopBackOff' : 'Running')))).toBe('Running');
    expect(label([...watched((t) => seen(t, 'Running')), seen(601, 'CrashLoopBackOff')])).toBe('Running');
    expect(label([...watched((t) => seen(t, 'Running')).slice(0, -1), seen(600, 'CrashLoopBackOff')])).toBe(
      'CrashLoopBackOff',
    );
  });

  test('a Job that finishes has not failed', () => {
    expect(label(watched((t) => seen(t, t < 300 ? 'Running' : 'Completed')))).toBe('Running');
  });
});

describe('nobody can say where the pod was not watched to the end', () => {
  test.each<[string, (t: number) => Observation | undefined]>([
    ['it was deleted', (t) => (t < 300 ? seen(t, 'Running') : undefined)],
    ['it was deleted just before the horizon was over', (t) => (t < 570 ? seen(t, 'Running') : undefined)],
    ['it is on its way out', (t) => seen(t, t < 300 ? 'Running' : 'Terminating')],
    ['it ended as it was told to', (t) => (t < 300 ? seen(t, 'Running') : { ...seen(t, 'Error'), leaving: true })],
    ['another pod got its name', (t) => seen(t, 'Running', 0, t < 300 ? 'u1' : 'u2')],
    [
      'kubectl, which tells no uid, shows fewer restarts',
      (t) => ({ ...seen(t, 'Running', t < 300 ? 2 : 0), uid: undefined }),
    ],
  ])('because %s', (_, what) => {
    const row = seen(0, 'Running', what(0)?.restarts);
    expect(label(watched(what), row)).toBeUndefined();
  });

  test.each<[string, (t: number) => boolean]>([
    ['the scrapes paused', (t) => !(t > 200 && t < 300)],
    ['the data end', (t) => t <= 500],
    ['the data end just before the horizon does', (t) => t <= 540],
  ])('because %s, also where it failed before', (_, looked) => {
    expect(
      label(
        watched((t) => seen(t, 'Running')),
        undefined,
        looked,
      ),
    ).toBeUndefined();
    expect(
      label(
        watched((t) => seen(t, t < 90 ? 'Running' : 'Error')),
        undefined,
        looked,
      ),
    ).toBeUndefined();
  });

  test('what metrics could not tell for long was not seen, for a moment it hides nothing', () => {
    const untold = (from: number, to: number): string | undefined =>
      label(watched((t) => seen(t, t >= from && t < to ? '?' : 'Running')));
    expect(untold(300, 600)).toBeUndefined();
    expect(untold(300, 330)).toBe('Running');
    expect(label(watched((t) => seen(t, t < 300 ? 'Running' : '?', t < 300 ? 0 : 1)))).toBeUndefined();
  });

  test('but a failure that came first counts', () => {
    const failsThen = (end: (t: number) => Observation | undefined): string | undefined =>
      label(watched((t) => (t === 90 ? seen(t, 'Error') : t < 300 ? seen(t, 'Running') : end(t))));
    expect(failsThen(() => undefined)).toBe('Error');
    expect(failsThen((t) => seen(t, 'Terminating'))).toBe('Error');
    expect(failsThen((t) => seen(t, 'CrashLoopBackOff', 0, 'u2'))).toBe('Error');
  });

  test('a pause no longer than the longest that hides nothing is none', () => {
    const rare = watched((t) => (t % 60 === 0 ? seen(t, 'Running') : undefined));
    expect(label(rare)).toBe('Running');
  });
});
