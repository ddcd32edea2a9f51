/**
 * npm run evaluate -- [RECORDING…] [-o FOLDER]: how good the model is on applications that it has not seen. Prints tables, and
 * writes everything as JSON and as plots: evaluation.json, reliability.svg and operating-points.svg in the folder (evaluation
 * unless told otherwise). Needs Prometheus, and Python with models/training/requirements.txt (in .venv, or named by
 * KPFD_PYTHON).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from './command-line.ts';
import { plots } from './plots.ts';
import { evaluateRecordings } from './recordings.ts';
import { evaluationReport } from './report.ts';

const { values, positionals } = commandLine(
  { out: { type: 'string', short: 'o' } },
  'npm run evaluate -- [RECORDING…] [-o FOLDER]',
);
const out = values.out ?? 'evaluation';
const evaluation = await evaluateRecordings(positionals, (_, measured) => measured);
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'evaluation.json'), `${JSON.stringify(evaluation, undefined, 2)}\n`);
for (const [file, svg] of plots(evaluation)) writeFileSync(join(out, file), svg);
process.stdout.write(`${evaluationReport(evaluation)}\n`);
