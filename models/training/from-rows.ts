/** A model from rows of `kpfd export-dataset`: what a user has, without recordings and without known faults. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { isFailing, type Status } from '../../src/core/pods/status.ts';
import { conclude } from '../../src/core/predictions/prediction.ts';
import { RowScore, type RowFigures } from '../../src/core/predictions/row-score.ts';
import { begunBeside } from '../../src/adapters/dataset-file.ts';
import { DATASET_FORMATS } from '../../src/render/dataset-rows.ts';
import { ownMetadata } from './card.ts';
import type { Probabilities } from './evaluation.ts';
import { askHeldOut } from './held-out.ts';
import { refuse } from './refuse.ts';
import { writeSchema } from './rows.ts';
import { trainForests } from './train-forests.ts';

/** Of the alarms on well pods, so many must have been right: without known faults nothing else tells a false one. */
const WANTED_PRECISION = 0.9;

/** Trains on files of rows, measures on applications that were held out, and writes the model's folder. */
export function trainOnRows(paths: readonly string[], out: string): void {
  const scratch = mkdtempSync(join(tmpdir(), 'kpfd-train-'));
  try {
    const rowsPath = join(scratch, 'rows.csv');
    const rows = joinFiles(paths, rowsPath);
    assertTeaches(rows);
    const horizonSeconds = horizonOf(rows);
    const asked = rows.map(({ status, starting_seconds }) => ({
      status,
      startingSeconds: starting_seconds === '' ? Number.NaN : Number(starting_seconds),
    }));
    writeSchema(join(scratch, 'schema.json'), false);
    const held = askHeldOut(rowsPath, asked, scratch, {}, ['applications'], horizonSeconds).get('kpfd') ?? [];
    const facts = trainForests(scratch, out);
    if (!(facts.calibration.slope > 0)) {
      refuse(
        'held out applications failed no more often where the model said so: export more of them, or a longer time',
      );
    }
    const figures = figuresOf(rows, held);
    const threshold = thresholdOf(rows, held);
    const metadata = ownMetadata({ name: basename(out), version: '1' }, facts, figures, threshold, horizonSeconds);
    writeFileSync(join(out, 'metadata.json'), `${JSON.stringify(metadata, undefined, 2)}\n`);
    console.log(
      `${out}: ${facts.rows} rows of ${facts.applications} applications; of applications that were held out: log loss ${figures.logLoss.toFixed(4)}, calibration error ${figures.ece.toFixed(4)}, macro-F1 ${figures.macroF1.toFixed(3)}; at risk from ${threshold}`,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Row {
  readonly namespace: string;
  readonly owner: string;
  readonly pod: string;
  readonly status: Status;
  readonly label: Status;
  readonly horizon_seconds: string;
  readonly starting_seconds: string;
}

/** With fewer applications that fail, and that do not, nothing can be held out. */
const LEAST_APPLICATIONS = 10;

function assertTeaches(rows: readonly Row[]): void {
  const well = rows.filter(({ status }) => !isFailing(status));
  for (const [what, failing] of [
    ['fail', true],
    ['stay well', false],
  ] as const) {
    const found = new Set(
      well
        .filter(({ label }) => isFailing(label) === failing)
        .map(({ namespace, owner, pod }) => `${namespace}/${owner.slice(owner.indexOf('/') + 1) || pod}`),
    );
    if (found.size >= LEAST_APPLICATIONS) continue;
    refuse(
      `of well pods of ${found.size} applications some ${what} within the horizon, and ${LEAST_APPLICATIONS} are needed to learn from: export a longer time, or more namespaces`,
    );
  }
}

function horizonOf(rows: readonly Row[]): number {
  const horizons = [...new Set(rows.map((row) => row.horizon_seconds))];
  if (horizons.length > 1) refuse(`the rows were exported with several horizons (${horizons.join(' and ')} seconds)`);
  return Number(horizons[0]);
}

/** All rows in one file, with one heading, and what stands in them. */
function joinFiles(paths: readonly string[], to: string): Row[] {
  const { heading } = DATASET_FORMATS.csv;
  const bodies = paths.map((path) => {
    if (!existsSync(path)) refuse(`there is no file ${path}`);
    if (existsSync(begunBeside(path))) refuse(`${path} is not complete: let the export that began it go on`);
    const text = readFileSync(path, 'utf8');
    if (!text.startsWith(heading)) {
      refuse(
        `${path} does not begin with the columns that \`kpfd export-dataset\` of this version writes (-o csv, with headers)`,
      );
    }
    if (!text.endsWith('\n'))
      refuse(`${path} is cut off in its last row: export it again, or let the same export go on`);
    return text.slice(heading.length);
  });
  writeFileSync(to, heading + bodies.join(''));
  return paths.flatMap((path, i) => {
    try {
      return parse(heading + (bodies[i] as string), { columns: true }) as Row[];
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      return refuse(`${path} is cut off or damaged (${error.message}): export it again, or let the same export go on`);
    }
  });
}

function figuresOf(rows: readonly Row[], held: readonly Probabilities[]): RowFigures {
  const score = new RowScore();
  for (const [i, { label }] of rows.entries()) score.add(held[i] as Probabilities, label);
  return score.figures();
}

/** The lowest RISK at and above which enough of the rows of well pods failed; the highest that was said where none did. */
function thresholdOf(rows: readonly Row[], held: readonly Probabilities[]): number {
  const said = rows
    .map(({ status, label }, i) => ({
      status,
      failed: isFailing(label),
      risk: conclude(held[i] as Probabilities).risk,
    }))
    .filter(({ status }) => !isFailing(status));
  for (let percent = 5; percent < 99; percent++) {
    const alarms = said.filter(({ risk }) => risk >= percent / 100);
    if (alarms.length > 0 && alarms.filter(({ failed }) => failed).length >= WANTED_PRECISION * alarms.length) {
      return percent / 100;
    }
  }
  return 0.99;
}
