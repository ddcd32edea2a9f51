import { EventScore, PodWatch, type Evaluation, type WatchTimes } from './event-score.ts';

/**
 * Detectors on trial over the same pods: a score for each detector, and for each group of pods where they are in groups.
 * It keeps a few numbers for each pod that is there now, and no history.
 */
export class Trial {
  readonly #times: WatchTimes;
  readonly #detectors: number;
  readonly #watches = new Map<string, { readonly watch: PodWatch; lastSeconds: number }>();
  readonly #groups = new Map<string, EventScore[]>();

  /** `detectors`: how many there are. */
  constructor(times: WatchTimes, detectors: number) {
    this.#times = times;
    this.#detectors = detectors;
  }

  /** `key` names the pod, with its uid: a pod that is made anew under its name has no past. */
  take(key: string, group: string, evaluation: Evaluation, firing: readonly boolean[]): void {
    const known = this.#watches.get(key) ?? { watch: new PodWatch(this.#times, this.#scoresOf(group)), lastSeconds: 0 };
    known.lastSeconds = evaluation.unixSeconds;
    this.#watches.set(key, known);
    known.watch.take(evaluation, firing);
  }

  /** Lets go of pods that were not evaluated for a whole horizon. */
  forgetAt(unixSeconds: number): void {
    for (const [key, { lastSeconds }] of this.#watches) {
      if (unixSeconds - lastSeconds > this.#times.horizonSeconds) this.#watches.delete(key);
    }
  }

  #scoresOf(group: string): EventScore[] {
    const known = this.#groups.get(group) ?? Array.from({ length: this.#detectors }, () => new EventScore());
    this.#groups.set(group, known);
    return known;
  }

  /** Group -> the score of each detector. */
  get groups(): ReadonlyMap<string, readonly EventScore[]> {
    return this.#groups;
  }

  /** The score of a detector, by its place, over the groups that count. */
  total(detector: number, counts: (group: string) => boolean = () => true): EventScore {
    const sum = new EventScore();
    for (const [group, scores] of this.#groups) if (counts(group)) sum.addScore(scores[detector] as EventScore);
    return sum;
  }
}
