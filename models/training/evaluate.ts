/**
 * npm run evaluate -- [RECORDING…] [-o FILE.json]: how good the model is on applications that it has not seen. Prints tables,
 * and writes everything as JSON and as plots (models/default/evaluation.json, *.svg, unless told otherwise). Needs
 * Prometheus, and Python with models/training/requirements.txt (in .venv, or named by KPFD_PYTHON).
 */
import { writeFileSync } from 'node:fs';
import { evaluateRecordings } from './recordings.ts';
import { evaluationReport } from './report.ts';

const args = process.argv.slice(2);
const at = args.indexOf('-o');
const [, out] = at < 0 ? [] : args.splice(at, 2);
const evaluation = await evaluateRecordings(args, (_, measured) => measured);
if (out !== undefined) writeFileSync(out, `${JSON.stringify(evaluation, undefined, 2)}\n`);
process.stdout.write(`${evaluationReport(evaluation)}\n`);
