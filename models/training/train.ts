/**
 * npm run train -- [RECORDING…] [--out FOLDER]: from recordings to a model (models/default unless told otherwise): both
 * forests, metadata.json, MODEL_CARD.md, its plots and evaluation.json.
 * npm run train -- --rows ROWS.csv… --out FOLDER: from rows of `kpfd export-dataset` to both forests and metadata.json.
 * Both need Python with models/training/requirements.txt (in .venv, or named by KPFD_PYTHON), recordings Prometheus as well.
 */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { metadataOf, modelCard } from './card.ts';
import { trainOnRows } from './from-rows.ts';
import { plots } from './plots.ts';
import { commandLine } from './command-line.ts';
import { evaluateRecordings } from './recordings.ts';
import { refuse } from './refuse.ts';
import { trainForests } from './train-forests.ts';

/** Of the model that ships. */
const VERSION = '10';
const USAGE = 'npm run train -- [RECORDING…] [--out FOLDER], or npm run train -- --rows ROWS.csv… --out FOLDER';

const { values, positionals } = commandLine({ out: { type: 'string' }, rows: { type: 'boolean' } }, USAGE);
const out = values.out ?? 'models/default';
if (values.rows === true) {
  if (values.out === undefined || positionals.length === 0) refuse(`rows and --out are needed: ${USAGE}`);
  trainOnRows(positionals, out);
} else
  await evaluateRecordings(positionals, (scratch, evaluation) => {
    const facts = trainForests(scratch, out);
    const name = basename(out);
    const names = { name, version: name === 'default' ? VERSION : '1' };
    write('metadata.json', `${JSON.stringify(metadataOf(names, facts, evaluation), undefined, 2)}\n`);
    write('evaluation.json', `${JSON.stringify(evaluation, undefined, 1)}\n`);
    write('MODEL_CARD.md', modelCard(names, facts, evaluation));
    for (const [file, svg] of plots(evaluation)) write(file, svg);
    console.error(`${out}: alarm from a RISK of ${evaluation.threshold}`);
  });

function write(file: string, text: string): void {
  writeFileSync(join(out, file), text);
}
