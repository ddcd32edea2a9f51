/** An evaluation as tables of Markdown: for the terminal, and for the model card. */
import type { EventFigures, Quartiles } from '../../src/core/predictions/event-score.ts';
import { STATUSES, type Status } from '../../src/core/pods/status.ts';
import type { Interval, Skill } from './bootstrap.ts';
import type { Evaluation, PredictorFigures } from './evaluation.ts';
import { plural } from '../../src/render/text.ts';
import { UNANNOUNCED, type Nature } from './kinds.ts';

/** A class with fewer events behind it says little. */
const FEW_EVENTS = 30;

export function evaluationReport(evaluation: Evaluation): string {
  return [
    summary(evaluation),
    '## Rivals, on the same rows and onsets\n',
    rivals(evaluation),
    '\nAn alarm from `none`: at no threshold up to 0.98 it cost as few false alarms as kpfd on healthy kinds.',
    '\nRules have no probabilities: theirs are the shares in these very rows, so that their ECE is 0 and their other figures of rows flattered.',
    '\n## Kinds of applications\n',
    kinds(evaluation),
    '\n## Statuses\n',
    statuses(evaluation),
    '\n## Reliability\n',
    reliability(evaluation),
    '\n## Where failures are rarer\n',
    rarer(evaluation),
  ].join('\n');
}

function summary(evaluation: Evaluation): string {
  const { bootstrap, byKubectl, rolledOut, threshold, skillOfConstants } = evaluation;
  const own = predictorOf(evaluation);
  const regression = predictorOf(evaluation, 'logistic-regression');
  const bare = predictorOf(evaluation, 'kpfd-without-cadvisor');
  const within = (interval: Interval, digits: number): string =>
    `95 % interval ${interval.lower.toFixed(digits)} to ${interval.upper.toFixed(digits)}`;
  const scraped = evaluation.scrapedEach
    .map(
      ({ interval, rows: { logLoss, brier, ece } }) =>
        `- Scraped each ${interval}: log loss ${logLoss.toFixed(4)}, Brier score of RISK ${brier.toFixed(4)}, calibration error ${ece.toFixed(4)}.\n`,
    )
    .join('');
  const { events, announced, hard, plain, rows } = own;
  return `${evaluation.labelled} rows with a label of ${evaluation.applications} applications from ${evaluation.runs.join(', ')}. Alarm from a RISK of ${threshold}.

- Onsets found: ${events.found} of ${events.events} (${share(events.recall)}, ${within(bootstrap.recall, 2)}); of those that metrics announce ${announced.found} of ${announced.events} (${share(announced.recall)}, ${within(bootstrap.announcedRecall, 2)}).
- Of the onsets found, those of pods that had failed before: ${events.repeats.found} of ${events.repeats.events}. **First failures: ${events.found - events.repeats.found} of ${events.events - events.repeats.events}**; of those that metrics announce ${announced.first.found} of ${announced.first.events}. Recall is mostly that of repeats.
- Lead time, median (quartiles): ${quartileText(events.leadSeconds)} s (${within(bootstrap.medianLeadSeconds, 0)}), cut at the horizon; counted from the first alarm since the pod was last well ${quartileText(events.leadSecondsSinceWell)} s, since an alarm outlives the crashes of a pod that fails again and again.
- False alarms: ${rate(events)}; on kinds that were given no fault and look like failures ${rate(hard)}${hard.events === 0 ? '' : ` (${plural(hard.events, 'onset')} of theirs, of nobody's making)`}; on plain healthy pods ${rate(plain)}. Hours whose future was cut off do not count.
- The alarm stands at the lowest RISK at which those two cost no more than 10 false alarms per 1,000 pod-hours, on these same predictions: that there are so few is how it was chosen. Where it was not chosen, of the two: ${chosenElsewhere(evaluation)}.
- Of the ${rolledOut.pods} pods that a sound rollout or a scaling made (they count above as well), false alarms: ${rate(rolledOut.events)}.
- Log loss ${rows.all.logLoss.toFixed(4)} (${within(bootstrap.logLoss, 3)}), Brier score of RISK ${rows.all.brier.toFixed(4)}, macro-F1 ${rows.all.macroF1.toFixed(3)}; of well pods alone ${rows.well.logLoss.toFixed(4)}, ${rows.well.brier.toFixed(4)}, ${rows.well.macroF1.toFixed(3)}.
- Calibration error of RISK ${rows.all.ece.toFixed(4)} (${within(bootstrap.ece, 3)}), over rows above 0.05 ${rows.all.above5.ece.toFixed(4)}.
- Of the ${rows.all.above5.rows} rows above a RISK of 0.05 alone: log loss ${rows.all.above5.logLoss.toFixed(4)}, Brier score of RISK ${rows.all.above5.brier.toFixed(4)}, macro-F1 ${rows.all.above5.macroF1.toFixed(3)} (each status and the reliability: evaluation.json).
- By what kubectl printed: ${byKubectl.events.found} of ${byKubectl.events.events} onsets, lead ${quartileText(byKubectl.events.leadSeconds)} s (since well ${quartileText(byKubectl.events.leadSecondsSinceWell)} s), false alarms ${rate(byKubectl.events)}, log loss ${byKubectl.rows.logLoss.toFixed(4)}, calibration error ${byKubectl.rows.ece.toFixed(4)}, macro-F1 ${byKubectl.rows.macroF1.toFixed(3)}. kubectl sees short failures that no scrape does.
- Without cAdvisor: ${bare.events.found} of ${bare.events.events} onsets, ${bare.events.falseAlarms} false alarms, log loss ${bare.rows.all.logLoss.toFixed(4)}.
${scraped}- A model of columns frozen at the pod's first minute has a skill of ${skillOfConstants.skill.toFixed(3)} on well pods (${within(skillOfConstants.interval, 3)}; it must have none).
- Over the logistic regression of the same columns, on well pods: log loss ${rows.well.logLoss.toFixed(4)} against ${regression.rows.well.logLoss.toFixed(4)}, macro-F1 ${rows.well.macroF1.toFixed(3)} against ${regression.rows.well.macroF1.toFixed(3)}.
`;
}

/** False alarms of healthy kinds where the operating point was not chosen. */
function chosenElsewhere({ predictors }: Evaluation): string {
  const others = predictors.filter(({ name }) => name.startsWith('kpfd-unseen'));
  return others.map(({ name, hard, plain }) => `${name} ${hard.falseAlarms} and ${plain.falseAlarms}`).join(', ');
}

function rivals({ predictors, rivals: rules }: Evaluation): string {
  const all = [...predictors, ...rules];
  return table(
    [
      '',
      'alarm from',
      'onsets',
      'announced',
      'lead s',
      'false alarms',
      'log loss',
      'log loss well',
      'Brier',
      'ECE',
      'macro-F1',
    ],
    all.map(({ name, threshold, events, announced, rows }) => [
      name,
      Number.isNaN(threshold) ? (predictors.some((own) => own.name === name) ? 'none' : '-') : threshold.toFixed(2),
      `${events.found}/${events.events}`,
      `${announced.found}/${announced.events}`,
      whole(events.leadSeconds.median),
      `${events.falseAlarms}`,
      rows.all.logLoss.toFixed(4),
      rows.well.logLoss.toFixed(4),
      rows.all.brier.toFixed(4),
      rows.all.ece.toFixed(4),
      rows.all.macroF1.toFixed(3),
    ]),
  );
}

function kinds({ kinds: own }: Evaluation): string {
  const words: Readonly<Record<Nature, string>> = {
    plain: 'healthy',
    hard: 'healthy, looks like a failure',
    announced: 'announced',
    rhythmic: 'announced by its rhythm',
    unannounced: 'not announced',
  };
  const what = (kind: string, nature: Nature): string => {
    const reason = UNANNOUNCED.get(kind);
    return reason === undefined ? words[nature] : `${words[nature]}: ${reason}`;
  };
  return table(
    [
      'kind',
      'what',
      'applications',
      'onsets',
      'found',
      'lead s',
      'false alarms',
      'healthy pod-hours',
      'found, kind unseen',
      'false alarms, kind unseen',
    ],
    own.map(({ kind, nature, applications, events, unseen }) => [
      kind,
      what(kind, nature),
      String(applications),
      String(events.events),
      String(events.found),
      quartileText(events.leadSeconds),
      String(events.falseAlarms),
      events.healthyPodHours.toFixed(1),
      String(unseen.found),
      String(unseen.falseAlarms),
    ]),
  );
}

function statuses(evaluation: Evaluation): string {
  const own = predictorOf(evaluation).rows;
  // What was split by random rows has seen the applications that it is asked of.
  const others = [
    ...evaluation.predictors.filter(({ name }) => !name.startsWith('kpfd') && name !== 'seed-random-split'),
    ...evaluation.rivals,
  ];
  const leastSkill = (status: Status): { name: string; skill: number } => {
    const brier = own.all.classes[status]?.brier ?? Number.NaN;
    const skills = others.map(({ name, rows }) => ({
      name,
      skill: 1 - brier / (rows.all.classes[status]?.brier ?? Number.NaN),
    }));
    return skills.reduce((a, b) => (b.skill < a.skill ? b : a));
  };
  const known = STATUSES.filter((status) => own.all.classes[status] !== undefined);
  const weak = known.filter((status) => leastSkill(status).skill <= 0);
  const rows = known.map((status) => {
    const [figures, well] = [own.all.classes[status], own.well.classes[status]];
    const { name, skill } = leastSkill(status);
    return [
      status,
      String(figures?.rows ?? 0),
      String(evaluation.spells[status]),
      share(figures?.precision ?? Number.NaN),
      share(figures?.recall ?? Number.NaN),
      String(well?.rows ?? 0),
      share(well?.precision ?? Number.NaN),
      share(well?.recall ?? Number.NaN),
      `${skill.toFixed(3)} (${name})`,
      intervalText(evaluation.classSkill[status]),
    ];
  });
  const headings = ['status', 'rows', 'events', 'precision', 'recall', 'of well pods', 'precision', 'recall'];
  const skills = ['least Brier skill over a rival', 'over logistic-regression, 95 % interval'];
  const said = weak.map((status) => `${status} (${plural(evaluation.spells[status], 'event')})`);
  const areFew = weak.every((status) => evaluation.spells[status] < FEW_EVENTS);
  const unsure = known.filter(
    (status) => !weak.includes(status) && (evaluation.classSkill[status]?.interval.lower ?? -1) <= 0,
  );
  return `${table([...headings, ...skills], rows)}

Of the rivals seed-random-split does not count here: it has seen the applications that it is asked of.${
    weak.length === 0
      ? ''
      : `\n\nWeak, for some rival does better: ${said.join(', ')}.${areFew ? ' Of so few events little is learned.' : ''}`
  }${
    unsure.length === 0
      ? ''
      : `\n\nBetter than the logistic regression, but not surely (the interval holds 0): ${unsure.join(', ')}. An event here is a change of a pod's label.`
  }`;
}

function intervalText(skill: Skill | undefined): string {
  // Draws without a single row of the class say nothing.
  return skill === undefined || Number.isNaN(skill.interval.lower)
    ? '-'
    : `${skill.interval.lower.toFixed(3)} to ${skill.interval.upper.toFixed(3)}`;
}

function reliability(evaluation: Evaluation): string {
  return table(
    ['RISK', 'rows', 'mean RISK', 'failed'],
    predictorOf(evaluation).rows.all.reliability.map(({ rows, meanRisk, failed }, i) => [
      `${i * 10}-${i * 10 + 10} %`,
      String(rows),
      share(meanRisk),
      share(failed),
    ]),
  );
}

function rarer({ reweighted }: Evaluation): string {
  return table(
    ['well rows that fail', 'log loss of failing', 'ECE', 'precision of alarms', 'recall of rows'],
    reweighted.map(({ failing, logLoss, ece, precision, recall }) => [
      `${(100 * failing).toFixed(1)} %`,
      logLoss.toFixed(4),
      ece.toFixed(4),
      share(precision),
      share(recall),
    ]),
  );
}

export function predictorOf({ predictors }: Evaluation, wanted = 'kpfd'): PredictorFigures {
  const own = predictors.find(({ name }) => name === wanted);
  if (own === undefined) throw new Error(`there are no figures of ${wanted}`);
  return own;
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

/** With the rate that 95 % certainty allows: three pod-hours without an alarm prove little. */
function rate(events: EventFigures): string {
  const { falseAlarms, healthyPodHours, falseAlarmsPer1000PodHours, falseAlarmsPer1000PodHoursUpperBound } = events;
  return `${falseAlarms} in ${healthyPodHours.toFixed(1)} pod-hours (${falseAlarmsPer1000PodHours.toFixed(0)} per 1,000, with 95 % certainty below ${falseAlarmsPer1000PodHoursUpperBound.toFixed(0)})`;
}

function share(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(2);
}

function whole(seconds: number): string {
  return Number.isNaN(seconds) ? '-' : String(Math.round(seconds));
}

function quartileText({ lower, median, upper }: Quartiles): string {
  return Number.isNaN(median) ? '-' : `${whole(median)} (${whole(lower)}-${whole(upper)})`;
}
