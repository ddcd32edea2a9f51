import { isFailing } from '../core/pods/status.ts';
import { podKey } from '../core/pods/presence.ts';
import { CellScore } from '../core/predictions/cell-score.ts';
import { ROW_GROUPS, type Backtest, type DetectorFigures, type RowGroup } from '../core/predictions/backtest.ts';
import type { EventFigures } from '../core/predictions/event-score.ts';
import { predictStatuses, type Model } from '../core/predictions/model.ts';
import type { Poll } from '../core/predictions/observation.ts';
import { conclude } from '../core/predictions/prediction.ts';
import { RIVALS, RivalWatch } from '../core/predictions/rivals.ts';
import { RowScore, type RowFigures } from '../core/predictions/row-score.ts';
import { Trial } from '../core/predictions/trial.ts';
import { FEATURE_NAMES } from '../core/features/schema.ts';
import type { HistorySource } from '../core/signals/metric-source.ts';
import type { PodRow } from '../core/predictions/pod-row.ts';
import { Journal } from './journal.ts';
import { podRows, type HistoryRequest } from './pod-rows.ts';
import { withModel } from './with-model.ts';

/** Evaluates the model at every step of the span, as if nothing later was known, and scores it by what came. */
export async function backtestModel(
  source: HistorySource,
  loadModel: () => Promise<Model>,
  request: Omit<HistoryRequest, 'horizonSeconds' | 'withRivals'>,
  threshold: number | undefined,
  polls: AsyncIterable<Poll> | undefined,
  onStep: (done: number, all: number) => void,
): Promise<Backtest> {
  const model = await loadModel();
  // Alerts have been waiting for their time when the span begins.
  const warmUp = Math.ceil(LONGEST_FOR_SECONDS / request.span.step) * request.span.step;
  const span = { ...request.span, start: request.span.start - warmUp };
  const wanted = { ...request, span, horizonSeconds: model.horizonSeconds, withRivals: true };
  const scores = new Scores(model, threshold ?? model.riskThreshold, wanted);
  const all = Math.floor((request.span.end - request.span.start) / request.span.step) + 1;
  const journal = new Journal();
  let told = 0;
  let evaluations = 0;
  let done = 0;
  for await (const { unixSeconds, isTold, rows } of podRows(source, wanted, journal, polls)) {
    if (unixSeconds < request.span.start) {
      scores.warmUp(rows);
      continue;
    }
    if (isTold) told += 1;
    evaluations += rows.length;
    scores.take(unixSeconds, rows);
    onStep((done += 1), all);
  }
  return {
    model,
    span: request.span,
    threshold: scores.threshold,
    steps: { told, all },
    evaluations,
    warnings: journal.warnings(),
    detectors: scores.figures(),
  };
}

const LONGEST_FOR_SECONDS = Math.max(...RIVALS.map(({ forSeconds }) => forSeconds));

class Scores {
  readonly threshold: number;
  readonly #model: Model;
  readonly #horizonSeconds: number;
  readonly #trial: Trial;
  readonly #own = byGroup(() => new RowScore());
  readonly #rivals = RIVALS.map(() => byGroup(() => new CellScore()));
  readonly #watches = new Map<string, { readonly watch: RivalWatch; lastSeconds: number }>();

  constructor(model: Model, threshold: number, { span, horizonSeconds }: HistoryRequest) {
    this.#model = model;
    this.threshold = threshold;
    this.#horizonSeconds = horizonSeconds;
    this.#trial = new Trial({ stepSeconds: span.step, horizonSeconds }, 1 + RIVALS.length);
  }

  /** Lets rivals see what was before the span. */
  warmUp(rows: readonly PodRow[]): void {
    for (const row of rows) this.#rivalsOf(keyOf(row), row);
  }

  take(unixSeconds: number, rows: readonly PodRow[]): void {
    const columnCount = FEATURE_NAMES.length;
    const values = new Float32Array(rows.length * columnCount);
    for (const [i, { features }] of rows.entries()) values.set(features, i * columnCount);
    const matrix = { values, rowCount: rows.length, columnCount };
    const now = rows.map(({ status }) => status);
    const probabilities = withModel(this.#model, () => predictStatuses(this.#model, matrix, now));
    for (const [i, row] of rows.entries()) {
      const key = keyOf(row);
      const rivals = this.#rivalsOf(key, row);
      const own = conclude(probabilities[i] as NonNullable<(typeof probabilities)[0]>);
      this.#trial.take(key, '', row, [own.risk >= this.threshold, ...rivals]);
      if (row.label === undefined) continue;
      for (const group of ['all', isFailing(row.status) ? 'failing' : 'well'] as const) {
        this.#own[group].add(own.probabilities, row.label);
        for (const [j, scores] of this.#rivals.entries()) {
          // A rule that knows what kubectl prints now says at least that.
          scores[group].add(`${row.status}/${String(rivals[j])}`, row.label);
        }
      }
    }
    this.#trial.forgetAt(unixSeconds);
    for (const [key, { lastSeconds }] of this.#watches) {
      if (unixSeconds - lastSeconds > this.#horizonSeconds) this.#watches.delete(key);
    }
  }

  #rivalsOf(key: string, row: PodRow): boolean[] {
    const known = this.#watches.get(key) ?? { watch: new RivalWatch(), lastSeconds: 0 };
    known.lastSeconds = row.unixSeconds;
    this.#watches.set(key, known);
    return known.watch.take(row.unixSeconds, { ...row, horizonSeconds: this.#horizonSeconds });
  }

  figures(): DetectorFigures[] {
    const events = (detector: number): EventFigures => this.#trial.total(detector).figures();
    const about = `${this.#model.name} ${this.#model.version}, RISK from ${this.threshold}`;
    const own = { name: 'kpfd', about, events: events(0), rows: figuresOf(this.#own) };
    const rivals = RIVALS.map((rival, i) => ({
      name: rival.name,
      about: rival.about,
      events: events(1 + i),
      rows: figuresOf(this.#rivals[i] as Record<RowGroup, CellScore>),
    }));
    return [own, ...rivals];
  }
}

function keyOf({ pod }: PodRow): string {
  return `${podKey(pod.namespace, pod.name)}/${pod.uid ?? ''}`;
}

function byGroup<T>(make: () => T): Record<RowGroup, T> {
  return Object.fromEntries(ROW_GROUPS.map((group) => [group, make()])) as Record<RowGroup, T>;
}

function figuresOf(scores: Record<RowGroup, { figures(): RowFigures }>): Record<RowGroup, RowFigures> {
  return Object.fromEntries(ROW_GROUPS.map((group) => [group, scores[group].figures()])) as Record<
    RowGroup,
    RowFigures
  >;
}
