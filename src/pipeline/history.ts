import { isOverflow, FailureError } from '../core/failure.ts';
import type {
  Answer,
  HistorySource,
  MetricSource,
  RangeAnswer,
  ServerFacts,
  Steps,
} from '../core/signals/metric-source.ts';

/** The instants that are looked at, all in Unix seconds; the last one is the last step at or before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The most steps that are asked for at once; Prometheus itself refuses more than 11,000. */
const MAX_STEPS = 2000;
/** How many times as many steps the next request of a question may have as the one before; the first has one. */
const GROWTH = 8;
/** A question may come to have so many times the series that it has, and still be answered within the budget. */
const ROOM = 2;

/** A question with the answers that are held: those of a few steps, dropped as time goes on. */
interface Piece {
  readonly steps: Steps;
  readonly answer: RangeAnswer;
  told: boolean;
}

/**
 * Many instants of a Prometheus, one after the other, read by range queries: `query` at a step answers what an instant
 * query would, so that whatever computes a snapshot of now computes one of then, and the same one. Asked in order of
 * time, it holds one piece of each question and no more, and sizes a piece by the most series that any question has had, or
 * this one has at the end of the piece.
 */
export class History implements MetricSource {
  readonly address: string;
  readonly #source: HistorySource;
  readonly #span: Span;
  readonly #maxSamples: number;
  readonly #pieces = new Map<string, Promise<Piece>>();
  readonly #lastSteps = new Map<string, number>();
  /** When each held piece ends, and the two latest instants that were asked for. */
  readonly #ends = new Map<string, number>();
  #now = Number.NEGATIVE_INFINITY;
  #before = Number.NEGATIVE_INFINITY;
  /** The most that any question had: what has few now (waiting containers) may have one for each pod soon. */
  #mostSeries = 1;

  /**
   * `maxSamples`: how many values (series x steps) one request may answer with. A single step is never cut, and the series
   * may come to be twice as many as at both ends of a request, but not more, for it to hold.
   */
  constructor(source: HistorySource, span: Span, maxSamples: number) {
    this.address = source.address;
    this.#source = source;
    this.#span = span;
    this.#maxSamples = maxSamples;
  }

  async query(promql: string, unixSeconds: number): Promise<Answer> {
    this.#advance(unixSeconds);
    const { answer, steps, told } = await this.#pieceAt(promql, unixSeconds);
    const i = Math.round((unixSeconds - steps.start) / steps.step);
    const series = answer.series
      .filter(({ present }) => present[i] === 1)
      .map(({ labels, values }) => ({ labels, value: values[i] as number }));
    return { series, warnings: answer.warnings, retries: told ? 0 : answer.retries };
  }

  async server(): Promise<ServerFacts> {
    return this.#source.server();
  }

  connect(): ReturnType<MetricSource['connect']> {
    return this.#source.connect();
  }

  /** Forgets questions that are asked no more: what names namespaces is another question when there is one more. */
  #advance(unixSeconds: number): void {
    if (unixSeconds <= this.#now) return;
    this.#before = this.#now;
    this.#now = unixSeconds;
    for (const [promql, end] of this.#ends) {
      if (end >= this.#before) continue;
      for (const map of [this.#ends, this.#pieces, this.#lastSteps]) map.delete(promql);
    }
  }

  async #pieceAt(promql: string, unixSeconds: number): Promise<Piece> {
    const held = this.#pieces.get(promql);
    if (held !== undefined) {
      const piece = await held.catch(() => undefined);
      if (piece !== undefined && unixSeconds < piece.steps.start + piece.steps.count * piece.steps.step) {
        piece.told = true;
        return piece;
      }
    }
    const asked = this.#nextSteps(promql, unixSeconds).then(async (steps) => this.#ask(promql, steps));
    this.#pieces.set(promql, asked);
    return asked;
  }

  /** As many steps as can be answered within the budget, by the series that there are at their end as well. */
  async #nextSteps(promql: string, start: number): Promise<Steps> {
    const { step, end } = this.#span;
    const left = Math.floor((end - start) / step) + 1;
    const wished = Math.min((this.#lastSteps.get(promql) ?? 0) * GROWTH, MAX_STEPS, left);
    const affordable = (): number =>
      Math.max(1, Math.min(wished, Math.floor(this.#maxSamples / (ROOM * this.#mostSeries))));
    let count = affordable();
    // A cluster that is being filled has many times the series a few minutes later.
    while (count > 1) {
      await this.#countAt(promql, start + (count - 1) * step);
      if (affordable() >= count) break;
      count = affordable();
    }
    return { start, step, count };
  }

  async #countAt(promql: string, unixSeconds: number): Promise<void> {
    try {
      const { series } = await this.#source.query(`count(${promql})`, unixSeconds);
      this.#mostSeries = Math.max(this.#mostSeries, series[0]?.value ?? 0);
    } catch (error) {
      // What keeps Prometheus from answering keeps it from answering the question itself, which says so.
      if (!(error instanceof FailureError)) throw error;
    }
  }

  /** Half as many steps where the answer was too big; a single step that is too big is the caller's to split. */
  async #ask(promql: string, steps: Steps): Promise<Piece> {
    try {
      const answer = await this.#source.queryRange(promql, steps);
      this.#mostSeries = Math.max(this.#mostSeries, answer.series.length);
      this.#lastSteps.set(promql, steps.count);
      this.#ends.set(promql, steps.start + (steps.count - 1) * steps.step);
      return { steps, answer, told: false };
    } catch (error) {
      if (steps.count === 1 || !(error instanceof FailureError) || !isOverflow(error.failure)) throw error;
      return this.#ask(promql, { ...steps, count: Math.ceil(steps.count / 2) });
    }
  }
}
