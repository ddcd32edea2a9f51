import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readForest } from '../../src/forest.ts';
import { folder } from '../support/files.ts';
import { differingBits, float32sOf } from '../support/float32s.ts';
import { python } from '../support/python.ts';
import { describeWith } from '../support/tools.ts';

/** Rows of the recording, computed once: it takes about a minute. */
const ROWS = join(mkdtempSync(join(tmpdir(), 'kpfd-rows-')), 'rows.csv');

/** What XGBoost itself says of the rows with the model that ships, as base64 of float32. */
const ASK_XGBOOST = `
import base64, csv, sys
import numpy as np, xgboost as xgb
rows = list(csv.reader(open(sys.argv[1])))
x = np.array([[float(cell or 'nan') for cell in row[9:]] for row in rows[1:]], dtype=np.float32)
forest = xgb.Booster(model_file='models/default/model.json')
matrix = xgb.DMatrix(x, feature_names=rows[0][9:])
for values in (x, forest.predict(matrix, output_margin=True), forest.predict(matrix)):
    print(base64.b64encode(np.ascontiguousarray(values, dtype='<f4').tobytes()).decode())
`;

describeWith(['prometheus', 'tar', 'python with xgboost'], 'the model that ships', () => {
  beforeAll(() => {
    execFileSync(process.execPath, ['--import', 'tsx', 'models/training/rows.ts', ROWS, 'fixtures/recordings/run-a'], {
      stdio: 'ignore',
    });
  }, 600_000);

  afterAll(() => rmSync(dirname(ROWS), { recursive: true, force: true }));

  test('is what its training makes of the recording, byte for byte', () => {
    const out = folder();
    execFileSync(python(), ['models/training/train.py', ROWS, out], { stdio: 'ignore' });
    for (const name of ['model.json', 'metadata.json', 'MODEL_CARD.md']) {
      expect(sha256(join(out, name))).toBe(sha256(join('models/default', name)));
    }
  }, 300_000);

  test('gives the margins and probabilities that XGBoost gives, bit for bit, on every row', () => {
    const printed = execFileSync(python(), ['-c', ASK_XGBOOST, ROWS], { encoding: 'utf8', maxBuffer: 1e9 })
      .trim()
      .split('\n');
    const [rows, margins, probabilities] = printed.map(float32sOf) as [Float32Array, Float32Array, Float32Array];
    const forest = readForest(readFileSync('models/default/model.json'));
    const count = rows.length / forest.featureCount;
    expect(count).toBeGreaterThan(10_000);
    expect(differingBits(forest.predictMargin(rows, count), margins)).toEqual([]);
    expect(differingBits(forest.predict(rows, count), probabilities)).toEqual([]);
  });
});

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
