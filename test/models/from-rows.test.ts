import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FEATURE_NAMES } from '../../src/core/features/schema.ts';
import { writeSchema } from '../../models/training/rows.ts';
import { DATASET_FORMATS } from '../../src/render/dataset-rows.ts';
import { folder } from '../support/files.ts';
import { python } from '../support/python.ts';
import { describeWith } from '../support/tools.ts';

/** A row of a well pod of the application `app<i>`. */
function row(i: number, label: string, { run = 'export', horizon = 600 } = {}): string {
  const features = FEATURE_NAMES.map((_, column) => String((i * 7 + column) % 5)).join(',');
  return `${run},${1000 + 30 * i},shop,app${i}-0,uid${i},ReplicaSet/app${i},Running,Running,${horizon},${label},${features}\n`;
}

/** `begun`: what stands beside the rows, as of an export that goes on. */
function train(
  text: string,
  out = join(folder(), 'mine'),
  begun?: string,
): { status: number | null; stderr: string; out: string } {
  const path = join(folder(), 'rows.csv');
  writeFileSync(path, text);
  if (begun !== undefined) writeFileSync(`${path}.begun`, begun);
  const argv = ['node_modules/.bin/tsx', 'models/training/train.ts', '--rows', path, '--out', out];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  return { status, stderr, out };
}

const { heading } = DATASET_FORMATS.csv;
const rows = (failing: number, well: number, more = {}): string =>
  heading +
  Array.from({ length: failing }, (_, i) => row(i, 'Error', more)).join('') +
  Array.from({ length: well }, (_, i) => row(100 + i, 'Running', more)).join('');

test.each([
  ['no failure', rows(0, 40), /^error: of well pods of 0 applications some fail within the horizon, and 10 are needed/],
  ['no health', rows(40, 3), /^error: of well pods of 3 applications some stay well within the horizon/],
  [
    'two horizons',
    rows(12, 12) + row(900, 'Error', { horizon: 1200 }),
    /^error: the rows were exported with several horizons \(600 and 1200 seconds\)$/m,
  ],
  [
    'no heading',
    rows(12, 12).slice(heading.length),
    /^error: .* does not begin with the columns that `kpfd export-dataset`/,
  ],
  ['a last row that was cut', rows(12, 12).slice(0, -1), /^error: .*rows\.csv is cut off in its last row/],
  ['a row that was cut', `${rows(12, 12)}export,1000\n`, /^error: .*rows\.csv is cut off or damaged/],
])('rows with %s make no model, and a sentence says why', (_, text, sentence) => {
  const { status, stderr } = train(text);
  expect(status).toBe(2);
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toMatch(/\n\s+at /);
});

test('an export that is not complete makes no model', () => {
  const { status, stderr } = train(rows(12, 12), undefined, '{}');
  expect(status).toBe(2);
  expect(stderr).toMatch(/^error: .*rows\.csv is not complete: let the export that began it go on$/m);
});

const APPLICATIONS = `
import sys
sys.path.insert(0, 'models/training')
from learning import Rows
print('\\n'.join(Rows(sys.argv[1], sys.argv[2]).application))
`;

describeWith(['python with xgboost'], 'rows that users exported', () => {
  test('of two days of one cluster hold the same applications', () => {
    const place = folder();
    const [path, schema] = [join(place, 'rows.csv'), join(place, 'schema.json')];
    writeFileSync(
      path,
      heading +
        [row(1, 'Error', { run: 'tuesday' }), row(2, 'Error', { run: 'tuesday' })].join('') +
        row(1, 'Running', { run: 'monday' }),
    );
    writeSchema(schema, false);
    const found = execFileSync(python(), ['-c', APPLICATIONS, path, schema], { encoding: 'utf8' }).trim().split('\n');
    expect(found).toEqual(['monday:shop/app1', 'tuesday:shop/app2', 'monday:shop/app1']);
  });

  test('keep their horizon, and a share of failures however small', () => {
    const many = Array.from({ length: 4000 }, (_, i) => row(1000 + (i % 40), 'Running', { horizon: 1200 })).join('');
    const { status, stderr, out } = train(rows(12, 12, { horizon: 1200 }) + many);
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    const metadata = JSON.parse(readFileSync(join(out, 'metadata.json'), 'utf8')) as {
      horizonSeconds: number;
      prior: { trained: number };
    };
    expect(metadata.horizonSeconds).toBe(1200);
    expect(metadata.prior.trained).toBeCloseTo(12 / 4024, 6);
  }, 120_000);
});
