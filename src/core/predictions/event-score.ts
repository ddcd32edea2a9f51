import { failureAt, isGone, type Observation } from './observation.ts';
import { isFailing, type Status } from '../pods/status.ts';

/** What a detector did about the failures of pods: an alarm is worth what it says before a pod fails. */
export interface EventFigures {
  /** Onsets: failures after at least two minutes of health. */
  readonly events: number;
  readonly found: number;
  readonly recall: number;
  /** Of the onsets, those of pods that had failed before, or whose containers had restarted. */
  readonly repeats: { readonly events: number; readonly found: number };
  /** Seconds from the alarm to the onset, of the events that were found; an alarm older than the horizon counts as the horizon. */
  readonly leadSeconds: Quartiles;
  /** The same from the first evaluation since the pod was last well: an alarm that outlived a crash starts anew. */
  readonly leadSecondsSinceWell: Quartiles;
  readonly falseAlarms: number;
  readonly healthyPodHours: number;
  readonly falseAlarmsPer1000PodHours: number;
  /** With 95 % certainty the rate is below this (Poisson, one-sided). */
  readonly falseAlarmsPer1000PodHoursUpperBound: number;
}

export interface Quartiles {
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
}

/** One evaluation of a pod, and how it was seen from then until the next one. */
export interface Evaluation {
  readonly unixSeconds: number;
  readonly status: Status;
  /** undefined: the horizon was cut off, and nobody can say whether an alarm would be false. */
  readonly label: Status | undefined;
  /** A pause between observations longer than this hides what happened in it. */
  readonly longestGapSeconds: number;
  readonly seen: readonly Observation[];
}

/** Health of so many seconds makes the next failure an onset. */
const HEALTHY_SECONDS = 120;
/** An alarm is raised while so many of the last so many evaluations are at or above the threshold: flapping is worse than being late. */
const NEEDED = 2;
const OF = 3;
/** Evaluations farther apart than so many steps have a hole between them, and count anew. */
const HOLE_STEPS = 3;

/** Counts that grow as pods are watched. */
export class EventScore {
  events = 0;
  found = 0;
  repeatedEvents = 0;
  repeatedFound = 0;
  falseAlarms = 0;
  healthySeconds = 0;
  readonly leads: number[] = [];
  readonly leadsSinceWell: number[] = [];

  /** Adds what another score counted, `times` over. */
  addScore(other: EventScore, times = 1): void {
    this.events += times * other.events;
    this.found += times * other.found;
    this.repeatedEvents += times * other.repeatedEvents;
    this.repeatedFound += times * other.repeatedFound;
    this.falseAlarms += times * other.falseAlarms;
    this.healthySeconds += times * other.healthySeconds;
    for (let i = 0; i < times; i++) {
      this.leads.push(...other.leads);
      this.leadsSinceWell.push(...other.leadsSinceWell);
    }
  }

  figures(): EventFigures {
    const hours = this.healthySeconds / 3600;
    return {
      events: this.events,
      found: this.found,
      recall: this.found / this.events,
      repeats: { events: this.repeatedEvents, found: this.repeatedFound },
      leadSeconds: quartiles(this.leads),
      leadSecondsSinceWell: quartiles(this.leadsSinceWell),
      falseAlarms: this.falseAlarms,
      healthyPodHours: hours,
      falseAlarmsPer1000PodHours: (1000 * this.falseAlarms) / hours,
      falseAlarmsPer1000PodHoursUpperBound: (1000 * poissonUpperBound(this.falseAlarms)) / hours,
    };
  }
}

/** Times of one run of a Prometheus. All in seconds. */
export interface WatchTimes {
  readonly stepSeconds: number;
  readonly horizonSeconds: number;
}

/**
 * Watches one pod through its evaluations, in order of time, for several detectors at once.
 *
 * - An alarm is up at an evaluation when at least two of the last three fired. What is up within one horizon of the last
 *   time is the same alarm, also across a failure.
 * - An onset is found when the alarm was up at an evaluation of the healthy stretch before it, within the horizon.
 * - An alarm is false when it was up at an evaluation of a healthy pod that then did not fail within the horizon. Where the
 *   horizon was cut off it is neither right nor false.
 */
export class PodWatch {
  readonly #times: WatchTimes;
  readonly #scores: readonly EventScore[];
  readonly #detectors: Detector[];
  #last: Observation | undefined;
  #healthySince: number | undefined;
  #hasFailed = false;

  /** A score for each detector. */
  constructor(times: WatchTimes, scores: readonly EventScore[]) {
    this.#times = times;
    this.#scores = scores;
    this.#detectors = scores.map(() => ({ fired: [], alarm: undefined, ups: [] }));
  }

  /** `firing`: for each detector, whether it is at or above its threshold. */
  take(evaluation: Evaluation, firing: readonly boolean[]): void {
    const { unixSeconds, status, label, seen } = evaluation;
    const isWell = status === 'Running' && (this.#last === undefined || this.#healthySince !== undefined);
    // Where the future was cut off no alarm can be called false, and the time is not watched.
    if (isWell && label !== undefined) {
      for (const score of this.#scores) score.healthySeconds += this.#times.stepSeconds;
    }
    const isFalse = isWell && label !== undefined && !isFailing(label);
    for (const [i, detector] of this.#detectors.entries())
      this.#fire(i, detector, unixSeconds, firing[i] === true, isWell, isFalse);
    for (const observation of seen) this.#observe(observation, evaluation.longestGapSeconds);
  }

  #fire(i: number, detector: Detector, t: number, fires: boolean, isWell: boolean, isFalse: boolean): void {
    const { stepSeconds, horizonSeconds } = this.#times;
    detector.fired = detector.fired.filter(({ at }) => t - at <= (OF - 1 + HOLE_STEPS) * stepSeconds).slice(1 - OF);
    detector.fired.push({ at: t, fires });
    if (detector.fired.filter((own) => own.fires).length < NEEDED) return;
    if (detector.alarm === undefined || t - detector.alarm.lastUp > horizonSeconds) {
      detector.alarm = { since: t, lastUp: t, isFalse: false };
    }
    detector.alarm.lastUp = t;
    if (!isWell) return;
    detector.ups = detector.ups.filter((up) => up >= t - horizonSeconds);
    detector.ups.push(t);
    if (isFalse && !detector.alarm.isFalse) {
      detector.alarm.isFalse = true;
      (this.#scores[i] as EventScore).falseAlarms += 1;
    }
  }

  #observe(next: Observation, longestGapSeconds: number): void {
    const last = this.#last;
    this.#last = next;
    const isNew = last === undefined || isGone(last, next) || next.unixSeconds - last.unixSeconds > longestGapSeconds;
    if (isNew) this.#healthySince = undefined;
    const failure = failureAt(isNew ? undefined : last, next);
    if (failure === undefined) {
      if (next.status === 'Running') this.#healthySince ??= next.unixSeconds;
      else this.#healthySince = undefined;
      this.#hasFailed ||= (next.restarts ?? 0) > 0;
      return;
    }
    const since = this.#healthySince;
    this.#healthySince = undefined;
    if (since !== undefined && last !== undefined && last.unixSeconds - since >= HEALTHY_SECONDS) {
      this.#onset(next.unixSeconds, since);
    }
    this.#hasFailed = true;
  }

  #onset(at: number, healthySince: number): void {
    const { horizonSeconds } = this.#times;
    const isRepeated = Number(this.#hasFailed);
    for (const [i, detector] of this.#detectors.entries()) {
      const score = this.#scores[i] as EventScore;
      score.events += 1;
      score.repeatedEvents += isRepeated;
      const first = detector.ups.find((up) => up >= Math.max(at - horizonSeconds, healthySince) && up < at);
      if (first === undefined || detector.alarm === undefined) continue;
      score.found += 1;
      score.repeatedFound += isRepeated;
      score.leads.push(at - Math.max(detector.alarm.since, at - horizonSeconds));
      score.leadsSinceWell.push(at - first);
    }
  }
}

interface Detector {
  fired: { readonly at: number; readonly fires: boolean }[];
  alarm: { readonly since: number; lastUp: number; isFalse: boolean } | undefined;
  /** Within the last horizon, evaluations of the healthy pod at which the alarm was up. */
  ups: number[];
}

function quartiles(values: readonly number[]): Quartiles {
  const sorted = values.toSorted((a, b) => a - b);
  // Linear interpolation between order statistics, as numpy.percentile does.
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)] ?? Number.NaN;
    return below + ((sorted[Math.ceil(place)] ?? Number.NaN) - below) * (place - Math.floor(place));
  };
  return { lower: at(0.25), median: at(0.5), upper: at(0.75) };
}

/** The largest mean under which a count this small still has a chance of 5 % (Garwood's exact limit), by bisection. */
export function poissonUpperBound(count: number): number {
  let [low, high] = [count, 2 * count + 10];
  for (let i = 0; i < 60; i++) {
    const mean = (low + high) / 2;
    if (poissonCdf(count, mean) > 0.05) low = mean;
    else high = mean;
  }
  return high;
}

function poissonCdf(count: number, mean: number): number {
  let logTerm = -mean;
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= count; k++) {
    logTerm += Math.log(mean / k);
    sum += Math.exp(logTerm);
  }
  return sum;
}
