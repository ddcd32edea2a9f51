/**
 * npm run train -- [RECORDING…] [--out FOLDER]: from recordings to a model (models/default unless told otherwise): both
 * forests, metadata.json, MODEL_CARD.md, its plots and evaluation.json.
 * npm run train -- --rows ROWS.csv… --out FOLDER: from rows of `kpfd export-dataset` to both forests and metadata.json.
 * Both need Python with models/training/requirements.txt (in .venv, or named by KPFD_PYTHON), recordings Prometheus as well.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { metadataOf, modelCard, type TrainingFacts } from './card.ts';
import { trainOnRows } from './from-rows.ts';
import { plots } from './plots.ts';
import { evaluateRecordings } from './recordings.ts';
import { runPython } from './run-python.ts';

const VERSION = '5';

const args = process.argv.slice(2);
const at = args.indexOf('--out');
const [, out = 'models/default'] = at < 0 ? [] : args.splice(at, 2);
if (args[0] === '--rows') {
  if (at < 0 || args.length < 2) throw new Error('usage: npm run train -- --rows ROWS.csv… --out FOLDER');
  trainOnRows(args.slice(1), out);
} else
  await evaluateRecordings(args, (scratch, evaluation) => {
    runPython('models/training/train.py', [join(scratch, 'rows.csv'), join(scratch, 'schema.json'), out]);
    const factsPath = join(out, 'training.json');
    const facts = JSON.parse(readFileSync(factsPath, 'utf8')) as TrainingFacts;
    rmSync(factsPath);
    const names = { name: basename(out), version: VERSION };
    write('metadata.json', `${JSON.stringify(metadataOf(names, facts, evaluation), undefined, 2)}\n`);
    write('evaluation.json', `${JSON.stringify(evaluation, undefined, 1)}\n`);
    write('MODEL_CARD.md', modelCard(names, facts, evaluation));
    for (const [file, svg] of plots(evaluation)) write(file, svg);
    console.error(`${out}: alarm from a RISK of ${evaluation.threshold}`);
  });

function write(file: string, text: string): void {
  writeFileSync(join(out, file), text);
}
