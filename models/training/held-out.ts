/** What predictors say of rows that they have not seen (evaluate.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STATUSES, type Status } from '../../src/core/pods/status.ts';
import type { Predictions, Probabilities } from './evaluation.ts';
import { runPython } from './run-python.ts';
import { writeRows, writeSchema, type TrainingRow } from './rows.ts';

/** `scratch`: a folder for what goes to Python and comes from it; rows.csv and schema.json stay there. */
export function heldOutPredictions(rows: readonly TrainingRow[], scratch: string): Predictions {
  const rowsPath = join(scratch, 'rows.csv');
  const schemaPath = join(scratch, 'schema.json');
  writeRows(rowsPath, rows);
  writeSchema(schemaPath);
  const kinds = Object.fromEntries(rows.map(({ application, kind }) => [application, kind]));
  writeFileSync(join(scratch, 'kinds.json'), JSON.stringify(kinds));
  const outPath = join(scratch, 'predictions.csv');
  runPython('models/training/evaluate.py', [rowsPath, schemaPath, join(scratch, 'kinds.json'), outPath]);
  return readPredictions(outPath);
}

function readPredictions(path: string): Predictions {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const classes = header.split(',').slice(2) as Status[];
  const predictions = new Map<string, Probabilities[]>();
  for (const line of lines) {
    const [predictor = '', , ...values] = line.split(',');
    const own = predictions.get(predictor) ?? [];
    const probabilities = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
    for (const [i, status] of classes.entries()) probabilities[status] = Number(values[i]);
    own.push(probabilities);
    predictions.set(predictor, own);
  }
  return predictions;
}
