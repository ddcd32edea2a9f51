import { describe, expect, test } from 'vitest';
import { EventScore, PodWatch, poissonUpperBound } from '../../../src/core/predictions/event-score.ts';
import type { Observation } from '../../../src/core/predictions/observation.ts';
import { isFailing, foldStatus, type Status } from '../../../src/core/pods/status.ts';
import { Trial } from '../../../src/core/predictions/trial.ts';

const STEP = 30;
const HORIZON = 600;
const TIMES = { stepSeconds: STEP, horizonSeconds: HORIZON };

/** A pod that shows `now(t)` every 15 s for `end` seconds; evaluated every 30 s while it does not terminate. */
function watch(end: number, now: (t: number) => string | [string, number], fires: (t: number) => boolean): EventScore {
  const at = (t: number): Observation => {
    const shown = now(t);
    const [text, restarts] = typeof shown === 'string' ? [shown, 0] : shown;
    const leaving = text === 'Terminating';
    return { unixSeconds: t, uid: 'u', now: text, status: foldStatus(text, undefined), leaving, restarts };
  };
  const score = new EventScore();
  const pod = new PodWatch(TIMES, [score]);
  const all = Array.from({ length: Math.floor(end / 15) + 1 }, (_, i) => at(i * 15));
  for (let t = 0; t <= end; t += STEP) {
    const own = at(t);
    if (own.status === undefined) continue;
    const later = all.filter(({ unixSeconds }) => unixSeconds > t && unixSeconds <= t + HORIZON);
    const failed = later.some(
      (next, i) => isFailing(next.status) || (next.restarts ?? 0) > ((later[i - 1] ?? own).restarts ?? 0),
    );
    const label: Status | undefined = failed ? 'Error' : t + HORIZON <= end ? 'Running' : undefined;
    const seen = all.filter(({ unixSeconds }) => unixSeconds >= t && unixSeconds < t + STEP);
    pod.take({ unixSeconds: t, status: own.status, label, longestGapSeconds: 60, seen }, [fires(t)]);
  }
  return score;
}

const crashesAt = (onset: number) => (t: number) => (t >= onset && t < onset + 60 ? 'Error' : 'Running');

describe('onsets', () => {
  test('are failures after two minutes of health', () => {
    expect(watch(1500, crashesAt(900), () => false).events).toBe(1);
    expect(watch(1500, crashesAt(105), () => false).events).toBe(0);
    // 900 to 960 down, well from 960 on, down again at 1050: a second failure of the same trouble.
    const twice = (t: number): string =>
      crashesAt(900)(t) === 'Error' || (t >= 1050 && t < 1110) ? 'Error' : 'Running';
    expect(watch(2000, twice, () => false).events).toBe(1);
  });

  test('are restarts that nobody saw as well', () => {
    expect(
      watch(
        1500,
        (t) => ['Running', t < 900 ? 0 : 1],
        () => false,
      ).events,
    ).toBe(1);
  });

  test('of a pod that failed before are counted apart', () => {
    const twice = (t: number): string => ((t >= 600 && t < 660) || (t >= 1200 && t < 1260) ? 'Error' : 'Running');
    const { repeats } = watch(1500, twice, (t) => t > 700).figures();
    expect(repeats).toEqual({ events: 1, found: 1 });
  });

  test('are found where two of the last three evaluations fired before them, within the horizon', () => {
    const found = (fires: (t: number) => boolean): number => watch(2000, crashesAt(1500), fires).found;
    expect(found((t) => t >= 1380)).toBe(1);
    expect(found((t) => t === 1380 || t === 1440)).toBe(1);
    expect(found((t) => t === 1470)).toBe(0);
    expect(found((t) => t >= 300 && t <= 600)).toBe(0);
    expect(found((t) => t >= 1500)).toBe(0);
  });

  test('have a lead time from the alarm, and from its first evaluation of the healthy stretch', () => {
    const { leads, leadsSinceWell } = watch(2000, crashesAt(1500), (t) => t >= 1200);
    // The second evaluation that fires raises the alarm.
    expect([leads, leadsSinceWell]).toEqual([[270], [270]]);
  });

  test('have a lead time of one horizon at most, and an alarm lives on across a crash', () => {
    const twice = (t: number): string => ((t >= 1500 && t < 1560) || (t >= 1860 && t < 1920) ? 'Error' : 'Running');
    const { leads, leadsSinceWell } = watch(2500, twice, (t) => t >= 600);
    expect(leads).toEqual([600, 600]);
    // Seen well again at 1560; evaluated at 1590 first.
    expect(leadsSinceWell[1]).toBe(270);
  });
});

describe('false alarms', () => {
  const well = (): string => 'Running';

  test('are those of a healthy pod that does not fail within the horizon', () => {
    expect(watch(3000, well, (t) => t >= 900 && t < 1200).falseAlarms).toBe(1);
    expect(watch(3000, crashesAt(1500), (t) => t >= 1000 && t < 1500).falseAlarms).toBe(0);
  });

  test('one evaluation is none: it takes two of three', () => {
    expect(watch(3000, well, (t) => t === 900).falseAlarms).toBe(0);
  });

  test('within one horizon of each other are one', () => {
    expect(watch(4000, well, (t) => (t >= 600 && t < 700) || (t >= 1100 && t < 1200)).falseAlarms).toBe(1);
    expect(watch(4000, well, (t) => (t >= 600 && t < 700) || (t >= 1500 && t < 1600)).falseAlarms).toBe(2);
  });

  test('are not counted where the horizon is cut off, nor of a pod that fails already', () => {
    expect(watch(1500, well, (t) => t >= 1000).falseAlarms).toBe(0);
    expect(
      watch(
        3000,
        () => 'CrashLoopBackOff',
        () => true,
      ).falseAlarms,
    ).toBe(0);
  });

  test('have a rate over the hours that pods were well', () => {
    const figures = watch(3600, well, (t) => t >= 900 && t < 1200).figures();
    // The last ten minutes have no future: 101 of 121 evaluations count.
    expect(figures.healthyPodHours).toBeCloseTo((101 * STEP) / 3600, 6);
    expect(figures.falseAlarmsPer1000PodHours).toBeCloseTo(1000 / figures.healthyPodHours, 6);
  });
});

test('evaluations with a hole between them count anew', () => {
  const holed = (t: number): string => (t > 900 && t < 1200 ? 'Terminating' : 'Running');
  expect(watch(3000, holed, (t) => t === 900 || t === 1200).falseAlarms).toBe(0);
});

test('a pod that is made anew under its name has no past', () => {
  const trial = new Trial(TIMES, 1);
  const evaluation = { status: 'Running', label: 'Running', longestGapSeconds: 60, seen: [] } as const;
  trial.take('shop/db-0/u1', '', { ...evaluation, unixSeconds: 0 }, [true]);
  trial.take('shop/db-0/u2', '', { ...evaluation, unixSeconds: 30 }, [true]);
  expect(trial.total(0).falseAlarms).toBe(0);
  trial.take('shop/db-0/u2', '', { ...evaluation, unixSeconds: 60 }, [true]);
  expect(trial.total(0).falseAlarms).toBe(1);
});

test.each([
  // scipy.stats.chi2.ppf(0.95, 2 * (k + 1)) / 2: Garwood's exact limit.
  [0, 2.995732],
  [1, 4.743865],
  [2, 6.295794],
  [10, 16.962219],
  [100, 118.079273],
])('with 95 percent certainty a mean that gave %i events is below %f', (count, bound) => {
  expect(poissonUpperBound(count)).toBeCloseTo(bound, 4);
});

test('quartiles are those of numpy.percentile', () => {
  const score = new EventScore();
  score.leads.push(45, 600, 300, 120, 600);
  expect(score.figures().leadSeconds).toEqual({ lower: 120, median: 300, upper: 600 });
  expect(new EventScore().figures().leadSeconds.median).toBeNaN();
});

test('scores add up, also several times over', () => {
  const one = watch(1500, crashesAt(900), (t) => t >= 600);
  const sum = new EventScore();
  sum.addScore(one);
  sum.addScore(one, 2);
  expect(sum).toMatchObject({ events: 3, found: 3, healthySeconds: 3 * one.healthySeconds });
  expect(sum.leads).toHaveLength(3);
});
