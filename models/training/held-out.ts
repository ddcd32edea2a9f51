/** What predictors say of rows that they have not seen (evaluate.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zeroByStatus, type Status } from '../../src/core/pods/status.ts';
import { decideUnknown, letLast, STARTING_COLUMN } from '../../src/core/predictions/model.ts';
import type { Predictions, Probabilities } from './evaluation.ts';
import { runPython } from './run-python.ts';
import { HORIZON_SECONDS, STEP_SECONDS, writeRows, writeSchema, type TrainingRow } from './rows.ts';

/** How much longer what a starting pod is now must last to be seen again: statuses are looked at each 30 s. */
export const PERSISTENCE_SECONDS = STEP_SECONDS;

/** `scratch`: a folder for what goes to Python and comes from it; rows.csv and schema.json stay there. */
export function heldOutPredictions(rows: readonly TrainingRow[], scratch: string): Predictions {
  const rowsPath = join(scratch, 'rows.csv');
  writeRows(rowsPath, rows);
  const kinds = Object.fromEntries(rows.map(({ application, kind }) => [application, kind]));
  const asked = rows.map(({ status, features }) => ({ status, startingSeconds: features[STARTING_COLUMN] as number }));
  writeSchema(join(scratch, 'schema.json'), true);
  return askHeldOut(rowsPath, asked, scratch, kinds, [], HORIZON_SECONDS);
}

/** The same of a file of rows, of which these are known, with schema.json in `scratch`. `parts`: which predictors (evaluate.py), all where none is named. */
export function askHeldOut(
  rowsPath: string,
  rows: readonly { readonly status: Status; readonly startingSeconds: number }[],
  scratch: string,
  kinds: Readonly<Record<string, string>>,
  parts: readonly string[],
  horizonSeconds: number,
): Predictions {
  const lasting = { horizonSeconds, persistenceSeconds: PERSISTENCE_SECONDS };
  const [schemaPath, kindsPath, outPath] = ['schema.json', 'kinds.json', 'predictions.csv'].map((name) =>
    join(scratch, name),
  ) as [string, string, string];
  writeFileSync(kindsPath, JSON.stringify(kinds));
  runPython('models/training/evaluate.py', [rowsPath, schemaPath, kindsPath, outPath, ...parts]);
  // What is decided by evidence is so for every predictor; that statuses last is part of kpfd's model.
  return new Map(
    [...readPredictions(outPath)].map(([name, own]) => [
      name,
      own.map((p, i) => {
        const decided = { ...p };
        const row = rows[i];
        if (row === undefined) throw new Error('more predictions than rows');
        if (name.startsWith('kpfd')) letLast(decided, row.status, row.startingSeconds, lasting);
        decideUnknown(decided, row.status);
        return decided;
      }),
    ]),
  );
}

function readPredictions(path: string): Predictions {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const classes = header.split(',').slice(2) as Status[];
  const predictions = new Map<string, Probabilities[]>();
  for (const line of lines) {
    const [predictor = '', , ...values] = line.split(',');
    const own = predictions.get(predictor) ?? [];
    const probabilities = zeroByStatus();
    for (const [i, status] of classes.entries()) probabilities[status] = Number(values[i]);
    own.push(probabilities);
    predictions.set(predictor, own);
  }
  return predictions;
}
