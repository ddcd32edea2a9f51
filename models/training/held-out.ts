/** What predictors say of rows that they have not seen (evaluate.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zeroByStatus, type Status } from '../../src/core/pods/status.ts';
import { decideUnknown, letLast } from '../../src/core/predictions/model.ts';
import type { Predictions, Probabilities } from './evaluation.ts';
import { runPython } from './run-python.ts';
import { writeRows, writeSchema, type TrainingRow } from './rows.ts';

/**
 * The share of what is no failure that goes to the status that a pod has now. Chosen on kinds of faults left out of the
 * training: of a status that no other kind shows (Pending), a forest that has not met it knows nothing.
 */
export const PERSISTENCE = 0.5;

/** `scratch`: a folder for what goes to Python and comes from it; rows.csv and schema.json stay there. */
export function heldOutPredictions(rows: readonly TrainingRow[], scratch: string): Predictions {
  const rowsPath = join(scratch, 'rows.csv');
  writeRows(rowsPath, rows);
  const kinds = Object.fromEntries(rows.map(({ application, kind }) => [application, kind]));
  return askHeldOut(rowsPath, rows, scratch, kinds, []);
}

/** The same of a file of rows, of which the statuses are. `parts`: which predictors (evaluate.py), all where none is named. */
export function askHeldOut(
  rowsPath: string,
  rows: readonly { readonly status: Status }[],
  scratch: string,
  kinds: Readonly<Record<string, string>>,
  parts: readonly string[],
): Predictions {
  const [schemaPath, kindsPath, outPath] = ['schema.json', 'kinds.json', 'predictions.csv'].map((name) =>
    join(scratch, name),
  ) as [string, string, string];
  writeSchema(schemaPath);
  writeFileSync(kindsPath, JSON.stringify(kinds));
  runPython('models/training/evaluate.py', [rowsPath, schemaPath, kindsPath, outPath, ...parts]);
  // What is decided by evidence is so for every predictor; that statuses last is part of kpfd's model.
  return new Map(
    [...readPredictions(outPath)].map(([name, own]) => [
      name,
      own.map((p, i) => {
        const [decided, now] = [{ ...p }, rows[i]?.status];
        letLast(decided, now, name.startsWith('kpfd') ? PERSISTENCE : 0);
        decideUnknown(decided, now);
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
