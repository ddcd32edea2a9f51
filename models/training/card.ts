/** metadata.json and MODEL_CARD.md of a model that train.py made and evaluation.ts measured. */
import { LOOKBACK_SECONDS, FEATURE_NAMES, schemaHash } from '../../src/core/features/schema.ts';
import type { RowFigures } from '../../src/core/predictions/row-score.ts';
import type { Evaluation } from './evaluation.ts';
import { PERSISTENCE_SECONDS } from './held-out.ts';
import { evaluationReport, predictorOf } from './report.ts';
import { HORIZON_SECONDS } from './rows.ts';

/** training.json, as train.py writes it. */
export interface TrainingFacts {
  readonly xgboost: string;
  readonly columns: readonly string[];
  readonly classes: readonly string[];
  readonly risk: ForestFacts;
  readonly status: ForestFacts;
  readonly calibration: { readonly slope: number; readonly intercept: number };
  readonly prior: number;
  readonly rows: number;
  readonly applications: number;
  readonly runs: readonly string[];
}

interface ForestFacts {
  readonly rounds: number;
  readonly parameters: Readonly<Record<string, number | string | readonly number[]>>;
  readonly sha256: string;
}

/** A class with fewer onsets, or pods, behind it may not be called learned. */
const WEAK_F1 = 0.5;

export interface ModelNames {
  readonly name: string;
  readonly version: string;
}

export function metadataOf(
  { name, version }: ModelNames,
  facts: TrainingFacts,
  evaluation: Evaluation,
): Record<string, unknown> {
  const own = predictorOf(evaluation);
  const weak = facts.classes.filter((status) => {
    const figures = own.rows.all.classes[status as keyof typeof own.rows.all.classes];
    return figures === undefined || figures.f1 < WEAK_F1;
  });
  return {
    ...composed({ name, version }, facts, evaluation.threshold, HORIZON_SECONDS),
    weaklyLearned: weak,
    training: {
      ...trained(facts),
      figures: {
        recall: rounded(own.events.recall),
        announcedRecall: rounded(own.announced.recall),
        medianLeadSeconds: own.events.leadSeconds.median,
        falseAlarmsPer1000PodHours: rounded(own.events.falseAlarmsPer1000PodHours),
        logLoss: rounded(own.rows.all.logLoss),
        ece: rounded(own.rows.all.ece),
        macroF1: rounded(own.rows.all.macroF1),
      },
    },
  };
}

function composed(
  { name, version }: ModelNames,
  facts: TrainingFacts,
  threshold: number,
  horizonSeconds: number,
): Record<string, unknown> {
  return {
    name,
    version,
    target: 'the worst status that the pod shows within the horizon',
    composition:
      'RISK = sigmoid(slope x margin of the risk forest + intercept), with the odds of pods that are well moved from the trained to the assumed prior; the status forest shares RISK among the statuses that fail, and the rest among the others; of a pod that has been starting for s seconds (at most 900), s / (s + horizon) of RISK and s / (s + persistenceSeconds) of the rest go to the status that it has now',
    horizonSeconds,
    lookbackSeconds: LOOKBACK_SECONDS,
    classes: facts.classes,
    notLearned: ['Unknown'],
    decidedByEvidence: ['NotFound', 'Unknown'],
    riskThreshold: threshold,
    prior: { trained: significant(facts.prior), assumed: significant(facts.prior) },
    persistenceSeconds: PERSISTENCE_SECONDS,
    schema: {
      hash: schemaHash(facts.columns.map((column) => FEATURE_NAMES.indexOf(column))),
      features: facts.columns,
    },
    model: { file: 'model.json', format: 'model', sha256: facts.status.sha256 },
    risk: { file: 'risk.json', sha256: facts.risk.sha256, calibration: facts.calibration },
  };
}

function trained({ xgboost, runs, rows, applications, risk, status }: TrainingFacts): Record<string, unknown> {
  return {
    xgboost,
    recordings: runs,
    rows,
    applications,
    risk: { rounds: risk.rounds, parameters: risk.parameters },
    status: { rounds: status.rounds, parameters: status.parameters },
  };
}

/** The same of a model that was trained on exported rows: nobody knows which alarms of it would be false. */
export function ownMetadata(
  { name, version }: ModelNames,
  facts: TrainingFacts,
  { logLoss, ece, macroF1 }: RowFigures,
  threshold: number,
  horizonSeconds: number,
): Record<string, unknown> {
  return {
    ...composed({ name, version }, facts, threshold, horizonSeconds),
    training: {
      ...trained(facts),
      figures: { logLoss: rounded(logLoss), ece: rounded(ece), macroF1: rounded(macroF1) },
    },
  };
}

export function modelCard({ name, version }: ModelNames, facts: TrainingFacts, evaluation: Evaluation): string {
  const minutes = HORIZON_SECONDS / 60;
  const unseen = predictorOf(evaluation, 'kpfd-unseen-kind');
  return `# Model card: ${name} ${version}

Written by \`npm run train\`; do not edit. Figures are of pods whose application the model had not seen (5 folds, no application
in two of them) unless they say otherwise. Words as in \`docs/model.md\`.

## What it is for
It gives the probabilities of the worst status of a pod within the next ${minutes} minutes, from ${facts.columns.length} features of the last
${LOOKBACK_SECONDS / 60} minutes that kpfd reads from Prometheus (kube-state-metrics, cAdvisor). RISK is the sum of CrashLoopBackOff, Error and Unknown.
It is for people who run a cluster and want to look before a pod fails. It is no reason to restart or delete anything by itself.

## What it is
Two forests of XGBoost ${facts.xgboost}. The risk forest (\`risk.json\`: ${facts.risk.rounds} rounds of ${String(facts.risk.parameters['num_parallel_tree'])} trees of depth ${String(facts.risk.parameters['max_depth'])}) says whether the pod fails at
all, held by monotone constraints to what physics says (more memory in use, a shorter rhythm: not safer). The status forest
(\`model.json\`) says which status. One softprob forest would have no sign to constrain: what makes Error likelier may make
CrashLoopBackOff less likely. RISK is calibrated by Platt's method on applications held out (slope ${facts.calibration.slope.toFixed(3)}, intercept ${facts.calibration.intercept.toFixed(3)}).
What has lasted goes on lasting: of a pod that has been starting for s seconds (at most 900), s / (s + ${HORIZON_SECONDS}) of RISK and s / (s + ${PERSISTENCE_SECONDS}) of the
rest (\`persistenceSeconds\`) go to the status that it has now.
NotFound is not predicted: it is decided by evidence. **Unknown is not learned**: too few nodes were lost in the recordings. A pod
on a node that nobody hears from is not evaluated, and said to be so; one that is Unknown now stays so, as far as it goes on
failing, and no other pod is said to become it.

## Data
${facts.rows} rows of ${facts.applications} applications from ${facts.runs.join(', ')} (fixtures/recordings): clusters of one machine each, made for this, with Kubernetes 1.34 and 1.35, scraped each 15 s, where
most applications were made to fail. Labels come from metrics. Of the rows of pods that are well, ${(100 * facts.prior).toFixed(1)} % fail within the horizon; in
a cluster at work far fewer do. **Probabilities are those of the lab** unless \`--prior\` says how many fail where it is used.
Pods in the lab are young, and few of its healthy ones ever restart: one that crashed as it started and is well again is taken too seriously until it has run for three times as long as before, or for three minutes.
No cluster at work has been measured.

## How good it is
${evaluationReport(evaluation)}

![reliability](reliability.svg) ![operating points](operating-points.svg)

Neighbouring rows of a pod are much alike; intervals come from drawing whole applications again (bootstrap).

## Features
${facts.columns.map((column) => `\`${column}\``).join(', ')}. What each one is: \`docs/features.md\`.
Left out because a model without them did as well: the age of the pod, counts of containers, life-long restarts, the part of
the time in which a pod was ready. Left out because with it the model knew too much in a pod's first minute: how often pods
of the same owner restarted (how long they live stayed in). Which features and how many trees was decided on these same
folds: on other clusters expect somewhat less.

## What it cannot see
The first crash that no metric announces, a full disk, a node about to be lost, an error in what an application answers.
A memory leak and a cache that fills look the same until the limit is near. Of a kind of fault that the training did not have,
RISK says something still (\`kpfd-unseen-kind\` above), less surely, and which status it will be may be wrong: its log loss is
${unseen.rows.all.logLoss.toFixed(4)}, and ${Math.min(...evaluation.rivals.map(({ rows }) => rows.all.logLoss)).toFixed(4)} that of the best rule.

## How to make it again
\`npm run train -- RECORDING…\`: the same recordings give the same bytes. On your own cluster: \`docs/model.md\`.
`;
}

/** Where failures are rare, the first decimals are all 0. */
function significant(value: number): number {
  return Number(value.toPrecision(4));
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
