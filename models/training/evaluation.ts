/**
 * Figures of held-out predictions: what train.ts puts into the model card and evaluate.ts prints. Everything is measured on
 * rows whose application the predictor has not seen (evaluate.py), and by the same scores as `kpfd backtest`.
 */
import { EventScore, type EventFigures } from '../../src/core/predictions/event-score.ts';
import { CellScore } from '../../src/core/predictions/cell-score.ts';
import { conclude } from '../../src/core/predictions/prediction.ts';
import { RIVALS, RivalWatch } from '../../src/core/predictions/rivals.ts';
import { RowScore, type RowFigures } from '../../src/core/predictions/row-score.ts';
import { Trial } from '../../src/core/predictions/trial.ts';
import { isFailing, STATUSES, zeroByStatus, type Status } from '../../src/core/pods/status.ts';
import { drawsOf, intervalOf, skillOf, type Interval, type Skill } from './bootstrap.ts';
import { isHealthy, natureOf, type Nature } from './kinds.ts';
import { HORIZON_SECONDS, STEP_SECONDS, type TrainingRow } from './rows.ts';

export type Probabilities = Readonly<Record<Status, number>>;
/** Predictor -> its probabilities of each row. */
export type Predictions = ReadonlyMap<string, readonly Probabilities[]>;

/** The false alarms that the operating point may cost, on kinds that were given no fault. */
const ALLOWED_PER_1000_POD_HOURS = 10;
const THRESHOLDS = Array.from({ length: 97 }, (_, i) => (i + 2) / 100);
const BOOTSTRAPS = 400;

export interface Evaluation {
  readonly rows: number;
  readonly labelled: number;
  readonly applications: number;
  readonly runs: readonly string[];
  /** The operating point: RISK from which an alarm is raised. */
  readonly threshold: number;
  readonly predictors: readonly PredictorFigures[];
  readonly rivals: readonly PredictorFigures[];
  readonly kinds: readonly KindFigures[];
  /** kpfd at the operating point, of pods that a sound rollout, or a scaling, made. */
  readonly rolledOut: { readonly pods: number; readonly events: EventFigures };
  /** kpfd at the operating point, by what kubectl printed. */
  readonly byKubectl: { readonly events: EventFigures; readonly rows: RowFigures };
  /** How far the rows of well pods beat the share that fails, in log loss; of columns frozen at the first minute. */
  readonly skillOfConstants: Skill;
  /** By how much kpfd's Brier score of each class beats that of the logistic regression. */
  readonly classSkill: Readonly<Partial<Record<Status, Skill>>>;
  /** kpfd where clusters are scraped more rarely. */
  readonly scrapedEach: readonly { readonly interval: string; readonly rows: RowFigures }[];
  readonly bootstrap: Readonly<Record<BootstrapName, Interval>>;
  /** How often the label of a pod became each status: its rows are much alike, and a few spells are a few events. */
  readonly spells: Readonly<Record<Status, number>>;
  /** Under other shares of well rows that fail, with the odds moved to them. */
  readonly reweighted: readonly Reweighted[];
  readonly curve: readonly { readonly threshold: number; readonly recall: number; readonly falseAlarms: number }[];
}

export interface PredictorFigures {
  readonly name: string;
  readonly threshold: number;
  readonly events: EventFigures;
  readonly announced: Announced;
  readonly hard: EventFigures;
  readonly plain: EventFigures;
  readonly rows: Readonly<Record<'all' | 'well' | 'failing', RowFigures>>;
}

interface Announced {
  /** Of pods that had not failed before, nor restarted. */
  readonly first: { readonly events: number; readonly found: number };
  readonly events: number;
  readonly found: number;
  readonly recall: number;
}

interface KindFigures {
  readonly kind: string;
  readonly nature: Nature;
  readonly applications: number;
  readonly events: EventFigures;
  /** The same kind, left out of the training altogether. */
  readonly unseen: EventFigures;
}

type BootstrapName =
  | 'recall'
  | 'announcedRecall'
  | 'medianLeadSeconds'
  | 'falseAlarmsPer1000PodHours'
  | 'logLoss'
  | 'ece';
interface Reweighted {
  readonly failing: number;
  readonly logLoss: number;
  readonly ece: number;
  /** Of rows at or above the operating point, moved with the odds. */
  readonly precision: number;
  readonly recall: number;
}

/**
 * `all`: every row with a prediction, thinned ones among them, which are scored apart. `kubectl`: the rows of whole
 * recordings, with labels and sightings from what kubectl printed.
 */
export function evaluate(
  all: readonly TrainingRow[],
  kubectl: readonly TrainingRow[],
  allPredictions: Predictions,
): Evaluation {
  const rows = all.filter(({ run }) => !run.includes('@'));
  const predictions = predictionsOf(allPredictions, all, (run) => !run.includes('@'));
  const of = (name: string): readonly Probabilities[] => {
    const found = predictions.get(name);
    if (found === undefined) throw new Error(`evaluate.py gave no predictions of ${name}`);
    return found;
  };
  const risks = (name: string): number[] => of(name).map((own) => conclude(own).risk);
  const natures = naturesOf(rows);
  const sweep = sweepOf(rows, risks('kpfd'), natures);
  const threshold = operatingPoint(sweep);
  const ceiling = falseAlarmsOn(sweep.trials, sweep.thresholds.indexOf(threshold));

  const predictors = [...predictions.keys()]
    .filter((name) => name !== 'constants')
    .map((name) => {
      // A rival gets the threshold that costs no more false alarms than kpfd's.
      const own = name.startsWith('kpfd') ? threshold : thresholdWithin(sweepOf(rows, risks(name), natures), ceiling);
      return figuresOf(
        name,
        own,
        rows,
        risks(name).map((risk) => risk >= own),
        natures,
        rowScores(rows, of(name)),
      );
    });
  const firing = rivalFiring(rows);
  const rivals = RIVALS.map(({ name }, i) => {
    const fires = firing.map((own) => own[i] === true);
    return figuresOf(name, Number.NaN, rows, fires, natures, cellScores(rows, fires));
  });
  const kpfd = risks('kpfd').map((risk) => risk >= threshold);
  const byKind = trialOf(rows, kpfd, ({ kind }) => kind);
  const unseen = trialOf(
    rows,
    risks('kpfd-unseen-kind').map((risk) => risk >= threshold),
    ({ kind }) => kind,
  );
  return {
    rows: rows.length,
    labelled: rows.filter(({ label }) => label !== undefined).length,
    applications: new Set(rows.map(({ application }) => application)).size,
    runs: [...new Set(rows.map(({ run }) => run))].sort(),
    threshold,
    predictors,
    rivals,
    kinds: [...byKind.groups.keys()].sort().map((kind) => ({
      kind,
      nature: natures.get(kind) as Nature,
      applications: new Set(rows.filter((row) => row.kind === kind).map(({ application }) => application)).size,
      events: byKind.total(0, (one) => one === kind).figures(),
      unseen: unseen.total(0, (one) => one === kind).figures(),
    })),
    rolledOut: {
      pods: new Set(rows.filter((row) => row.rolledOut).map(keyOf)).size,
      events: trialOf(rows, kpfd, ({ rolledOut }) => String(rolledOut))
        .total(0, (rolledOut) => rolledOut === 'true')
        .figures(),
    },
    byKubectl: {
      events: trialOf(kubectl, kpfd, () => '')
        .total(0)
        .figures(),
      rows: rowScores(kubectl, of('kpfd')).all,
    },
    skillOfConstants: skillOfConstants(rows, of('constants')),
    classSkill: classSkill(rows, of('kpfd'), of('logistic-regression')),
    scrapedEach: [...new Set(all.flatMap(({ run }) => run.split('@').slice(1)))].map((interval) => {
      const thinned = (run: string): boolean => run.endsWith(`@${interval}`);
      const own = predictionsOf(allPredictions, all, thinned).get('kpfd') ?? [];
      return {
        interval,
        rows: rowScores(
          all.filter(({ run }) => thinned(run)),
          own,
        ).all,
      };
    }),
    bootstrap: bootstrap(rows, kpfd, natures, of('kpfd')),
    spells: spellsOf(rows),
    reweighted: [0.001, 0.01].map((share) => reweighted(rows, of('kpfd'), threshold, share)),
    curve: sweep.thresholds.map((one, i) => {
      const score = sweep.trials.total(i, () => true);
      return { threshold: one, recall: score.found / score.events, falseAlarms: falseAlarmsOn(sweep.trials, i) };
    }),
  };
}

function predictionsOf(
  predictions: Predictions,
  rows: readonly TrainingRow[],
  isMeant: (run: string) => boolean,
): Predictions {
  return new Map(
    [...predictions].map(([name, own]) => [name, own.filter((_, i) => isMeant((rows[i] as TrainingRow).run))]),
  );
}

function spellsOf(rows: readonly TrainingRow[]): Record<Status, number> {
  const spells = zeroByStatus();
  const last = new Map<string, Status>();
  for (const row of rows) {
    if (row.label === undefined) continue;
    if (last.get(keyOf(row)) !== row.label) spells[row.label] += 1;
    last.set(keyOf(row), row.label);
  }
  return spells;
}

// ---- events

const TIMES = { stepSeconds: STEP_SECONDS, horizonSeconds: HORIZON_SECONDS };

function keyOf({ run, pod }: TrainingRow): string {
  return `${run}/${pod.namespace}/${pod.name}/${pod.uid ?? ''}`;
}

function trialOf(
  rows: readonly TrainingRow[],
  firing: readonly boolean[],
  groupOf: (row: TrainingRow) => string,
): Trial {
  const trial = new Trial(TIMES, 1);
  for (const [i, row] of rows.entries()) trial.take(keyOf(row), groupOf(row), row, [firing[i] === true]);
  return trial;
}

/** The nature of each kind. */
type Natures = ReadonlyMap<string, Nature>;

function naturesOf(rows: readonly TrainingRow[]): Natures {
  const fails = ({ status, label }: TrainingRow): boolean =>
    isFailing(status) || (label !== undefined && isFailing(label));
  const failed = new Set(rows.filter(fails).map(({ kind }) => kind));
  return new Map(rows.map(({ kind }) => [kind, natureOf(kind, failed.has(kind))]));
}

interface Sweep {
  readonly thresholds: readonly number[];
  /** A detector for each threshold, in groups of natures. */
  readonly trials: Trial;
}

function sweepOf(rows: readonly TrainingRow[], risks: readonly number[], natures: Natures): Sweep {
  const trials = new Trial(TIMES, THRESHOLDS.length);
  for (const [i, row] of rows.entries()) {
    const risk = risks[i] as number;
    trials.take(
      keyOf(row),
      natures.get(row.kind) as Nature,
      row,
      THRESHOLDS.map((threshold) => risk >= threshold),
    );
  }
  return { thresholds: THRESHOLDS, trials };
}

function falseAlarmsOn(trials: Trial, detector: number): number {
  return trials.total(detector, (nature) => isHealthy(nature as Nature)).falseAlarms;
}

/** The lowest threshold that costs no more false alarms on healthy kinds than allowed in their pod-hours. */
function operatingPoint(sweep: Sweep): number {
  const hours = sweep.trials.total(0, (nature) => isHealthy(nature as Nature)).healthySeconds / 3600;
  const found = thresholdWithin(sweep, Math.floor((hours * ALLOWED_PER_1000_POD_HOURS) / 1000));
  return Number.isNaN(found) ? 1 : found;
}

/** NaN where none of THRESHOLDS costs so few. */
function thresholdWithin(sweep: Sweep, falseAlarms: number): number {
  return sweep.thresholds.find((_, i) => falseAlarmsOn(sweep.trials, i) <= falseAlarms) ?? Number.NaN;
}

/** Whether each rival fires at each row. */
function rivalFiring(rows: readonly TrainingRow[]): boolean[][] {
  const watches = new Map<string, RivalWatch>();
  return rows.map((row) => {
    const key = keyOf(row);
    const watch = watches.get(key) ?? new RivalWatch();
    watches.set(key, watch);
    return watch.take(row.unixSeconds, { ...row, horizonSeconds: HORIZON_SECONDS });
  });
}

function figuresOf(
  name: string,
  threshold: number,
  rows: readonly TrainingRow[],
  firing: readonly boolean[],
  natures: Natures,
  scores: PredictorFigures['rows'],
): PredictorFigures {
  const trial = trialOf(rows, firing, ({ kind }) => natures.get(kind) as Nature);
  const sum = (wanted: Nature): EventScore => trial.total(0, (nature) => nature === wanted);
  return {
    name,
    threshold,
    events: trial.total(0, () => true).figures(),
    announced: announcedOf(sum),
    hard: sum('hard').figures(),
    plain: sum('plain').figures(),
    rows: scores,
  };
}

/** Onsets that metrics announce: none of unannounced kinds, and of rhythmic ones those after an earlier failure. */
function announcedOf(sum: (wanted: Nature) => EventScore): Announced {
  const rhythmic = sum('rhythmic');
  const other = sum('announced');
  const events = rhythmic.repeatedEvents + other.events;
  const found = rhythmic.repeatedFound + other.found;
  const first = { events: other.events - other.repeatedEvents, found: other.found - other.repeatedFound };
  return { first, events, found, recall: found / events };
}

// ---- rows

function rowScores(rows: readonly TrainingRow[], probabilities: readonly Probabilities[]): PredictorFigures['rows'] {
  const scores = { all: new RowScore(), well: new RowScore(), failing: new RowScore() };
  for (const [i, { label, status }] of rows.entries()) {
    if (label === undefined) continue;
    scores.all.add(probabilities[i] as Probabilities, label);
    scores[isFailing(status) ? 'failing' : 'well'].add(probabilities[i] as Probabilities, label);
  }
  return { all: scores.all.figures(), well: scores.well.figures(), failing: scores.failing.figures() };
}

function cellScores(rows: readonly TrainingRow[], firing: readonly boolean[]): PredictorFigures['rows'] {
  const scores = { all: new CellScore(), well: new CellScore(), failing: new CellScore() };
  for (const [i, { label, status }] of rows.entries()) {
    if (label === undefined) continue;
    const cell = `${status}/${String(firing[i])}`;
    scores.all.add(cell, label);
    scores[isFailing(status) ? 'failing' : 'well'].add(cell, label);
  }
  return { all: scores.all.figures(), well: scores.well.figures(), failing: scores.failing.figures() };
}

/** A pod that was first evaluated later than this after it was made has no first minute to be frozen at. */
const FIRST_MINUTE_SECONDS = 90;

/**
 * 1 - log loss / log loss of knowing only the share that fails, of RISK, over rows of well pods that were evaluated from their
 * first minute on.
 */
function skillOfConstants(rows: readonly TrainingRow[], probabilities: readonly Probabilities[]): Skill {
  const sums = new Map<string, { loss: number; failed: number; count: number }>();
  const isYoung = new Map<string, boolean>();
  for (const row of rows) {
    const created = row.pod.createdAtUnixSeconds ?? Number.NEGATIVE_INFINITY;
    if (!isYoung.has(keyOf(row))) isYoung.set(keyOf(row), row.unixSeconds - created <= FIRST_MINUTE_SECONDS);
  }
  for (const [i, row] of rows.entries()) {
    const { label, status } = row;
    if (label === undefined || isFailing(status) || isYoung.get(keyOf(row)) !== true) continue;
    const risk = Math.min(Math.max(conclude(probabilities[i] as Probabilities).risk, 1e-6), 1 - 1e-6);
    const own = sums.get(row.application) ?? { loss: 0, failed: 0, count: 0 };
    sums.set(row.application, own);
    own.loss -= Math.log(isFailing(label) ? risk : 1 - risk);
    own.failed += Number(isFailing(label));
    own.count += 1;
  }
  return skillOf([...sums.keys()], (times) => {
    let [loss, failed, count] = [0, 0, 0];
    for (const [application, own] of sums) {
      const weight = times.get(application) ?? 0;
      loss += weight * own.loss;
      failed += weight * own.failed;
      count += weight * own.count;
    }
    const share = failed / count;
    return 1 - loss / count / -(share * Math.log(share) + (1 - share) * Math.log(1 - share));
  });
}

function classSkill(
  rows: readonly TrainingRow[],
  probabilities: readonly Probabilities[],
  rival: readonly Probabilities[],
): Evaluation['classSkill'] {
  const misses = new Map<string, Record<'own' | 'rival', Record<Status, number>>>();
  for (const [i, { application, label }] of rows.entries()) {
    if (label === undefined) continue;
    const sums = misses.get(application) ?? { own: zeroByStatus(), rival: zeroByStatus() };
    misses.set(application, sums);
    for (const status of STATUSES) {
      sums.own[status] += ((probabilities[i] as Probabilities)[status] - Number(status === label)) ** 2;
      sums.rival[status] += ((rival[i] as Probabilities)[status] - Number(status === label)) ** 2;
    }
  }
  const labels = new Set(rows.map(({ label }) => label));
  const skills = STATUSES.filter((status) => labels.has(status)).map((status) => {
    const skill = skillOf([...misses.keys()], (times) => {
      let [own, theirs] = [0, 0];
      for (const [application, sums] of misses) {
        own += (times.get(application) ?? 0) * sums.own[status];
        theirs += (times.get(application) ?? 0) * sums.rival[status];
      }
      return 1 - own / theirs;
    });
    return [status, skill] as const;
  });
  return Object.fromEntries(skills);
}

/** 95 % intervals over applications drawn again with replacement. */
function bootstrap(
  rows: readonly TrainingRow[],
  firing: readonly boolean[],
  natures: Natures,
  probabilities: readonly Probabilities[],
): Evaluation['bootstrap'] {
  const events = trialOf(rows, firing, ({ application }) => application).groups;
  const kinds = new Map(rows.map(({ application, kind }) => [application, kind]));
  const scores = new Map<string, RowScore>();
  for (const [i, row] of rows.entries()) {
    const own = scores.get(row.application) ?? new RowScore();
    scores.set(row.application, own);
    if (row.label !== undefined) own.add(probabilities[i] as Probabilities, row.label);
  }
  const applications = [...scores.keys()].sort();
  const draws: Record<BootstrapName, number[]> = {
    recall: [],
    announcedRecall: [],
    medianLeadSeconds: [],
    falseAlarmsPer1000PodHours: [],
    logLoss: [],
    ece: [],
  };
  for (const times of drawsOf(applications, BOOTSTRAPS)) {
    const drawn = new RowScore();
    for (const [name, count] of times) drawn.addScore(scores.get(name) as RowScore, count);
    const sum = (wanted?: Nature): EventScore => {
      const score = new EventScore();
      for (const [name, count] of times) {
        const [own] = events.get(name) ?? [];
        const nature = natures.get(kinds.get(name) ?? '');
        if (own !== undefined && (wanted === undefined || nature === wanted)) score.addScore(own, count);
      }
      return score;
    };
    const figures = sum().figures();
    draws.recall.push(figures.recall);
    draws.announcedRecall.push(announcedOf(sum).recall);
    draws.medianLeadSeconds.push(figures.leadSeconds.median);
    draws.falseAlarmsPer1000PodHours.push(figures.falseAlarmsPer1000PodHours);
    const { logLoss, ece } = drawn.figures();
    draws.logLoss.push(logLoss);
    draws.ece.push(ece);
  }
  return Object.fromEntries(Object.entries(draws).map(([name, values]) => [name, intervalOf(values)])) as Record<
    BootstrapName,
    Interval
  >;
}

/** The rows as they would be where another share of well pods fails: rows weighted, odds moved, the threshold with them. */
function reweighted(
  rows: readonly TrainingRow[],
  probabilities: readonly Probabilities[],
  threshold: number,
  failing: number,
): Reweighted {
  const well = rows.flatMap(({ label, status }, i) =>
    label === undefined || isFailing(status)
      ? []
      : [{ failed: isFailing(label), p: probabilities[i] as Probabilities }],
  );
  const share = well.filter(({ failed }) => failed).length / well.length;
  const odds = failing / (1 - failing) / (share / (1 - share));
  const moved = (risk: number): number => (risk * odds) / (risk * odds + 1 - risk);
  const score = new RowScore();
  let [hits, alarms, failures] = [0, 0, 0];
  for (const { failed, p } of well) {
    const weight = failed ? failing / share : (1 - failing) / (1 - share);
    const risk = moved(conclude(p).risk);
    const two = zeroByStatus();
    two.Error = risk;
    two.Running = 1 - risk;
    score.add(two, failed ? 'Error' : 'Running', weight);
    failures += failed ? weight : 0;
    if (risk < moved(threshold)) continue;
    alarms += weight;
    hits += failed ? weight : 0;
  }
  const { logLoss, ece } = score.figures();
  return { failing, logLoss, ece, precision: hits / alarms, recall: hits / failures };
}
