import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RECORDINGS } from '../../models/training/recordings.ts';
import { trainingRows, writeRows, writeSchema, type TrainingRow } from '../../models/training/rows.ts';
import { loadModel } from '../../src/adapters/model-file.ts';
import { modelRows, predictStatuses, type Model } from '../../src/core/predictions/model.ts';
import { FEATURE_NAMES } from '../../src/core/features/schema.ts';
import { folder } from '../support/files.ts';
import { differingBits, float32sOf } from '../support/float32s.ts';
import { python } from '../support/python.ts';
import { describeWith } from '../support/tools.ts';

/** What XGBoost, and numpy after it, say of the rows with the model that ships: base64 of float32, then of float64. */
const ASK_XGBOOST = `
import base64, json, sys
sys.path.insert(0, 'models/training')
import numpy as np, xgboost as xgb
from learning import Rows, sigmoid
rows = Rows(sys.argv[1], sys.argv[2])
metadata = json.load(open('models/default/metadata.json'))
columns, classes = metadata['schema']['features'], metadata['classes']
x = rows.columns(columns)
matrix = xgb.DMatrix(x, feature_names=columns)
status = xgb.Booster(model_file='models/default/model.json').predict(matrix)
margin = xgb.Booster(model_file='models/default/risk.json').predict(matrix, output_margin=True)
for values in (x, status, margin):
    print(base64.b64encode(np.ascontiguousarray(values, dtype='<f4').tobytes()).decode())
line = metadata['risk']['calibration']
risk = sigmoid(line['slope'] * margin.astype(np.float64) + line['intercept'])[:, None]
failing = np.isin(classes, rows.failing)
p = status.astype(np.float64)
whole = np.where(failing, risk * p / p[:, failing].sum(1, keepdims=True), (1 - risk) * p / p[:, ~failing].sum(1, keepdims=True))
starting = np.nan_to_num(rows.columns(['starting_seconds']).astype(np.float64))
lasting = np.array(classes) == 'ContainerCreating'
for side, seconds in ((failing, metadata['horizonSeconds']), (~failing, metadata['persistenceSeconds'])):
    moved = starting / (starting + seconds) * whole[:, side].sum(1, keepdims=True)
    whole = np.where(side, (1 - starting / (starting + seconds)) * whole, whole) + moved * lasting
print(base64.b64encode(np.ascontiguousarray(whole, dtype='<f8').tobytes()).decode())
`;

describeWith(['prometheus', 'tar with xz', 'python with xgboost'], 'the model that ships', () => {
  /** Rows of the recordings, computed once for all tests. */
  let place: string;
  let rowsPath: string;
  let schemaPath: string;
  let model: Model;

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'kpfd-rows-'));
    [rowsPath, schemaPath] = [join(place, 'rows.csv'), join(place, 'schema.json')];
    const rows: TrainingRow[] = [];
    for (const recording of RECORDINGS) rows.push(...(await trainingRows(recording)));
    writeRows(rowsPath, rows);
    writeSchema(schemaPath, true);
    model = await loadModel('models/default');
  }, 600_000);

  afterAll(() => rmSync(place, { recursive: true, force: true }));

  test('is what its training makes of the recordings, byte for byte', () => {
    const out = folder();
    execFileSync(python(), ['models/training/train.py', rowsPath, schemaPath, out], { stdio: 'ignore' });
    for (const name of ['model.json', 'risk.json']) {
      expect(sha256(join(out, name))).toBe(sha256(join('models/default', name)));
    }
    const { calibration } = JSON.parse(readFileSync(join(out, 'training.json'), 'utf8')) as { calibration: unknown };
    expect(model.risk).toMatchObject(calibration as Record<string, number>);
  }, 300_000);

  test('says of every row what XGBoost says: forests to the bit, their composition to rounding', () => {
    const printed = execFileSync(python(), ['-c', ASK_XGBOOST, rowsPath, schemaPath], {
      encoding: 'utf8',
      maxBuffer: 1e9,
    })
      .trim()
      .split('\n');
    const [rows, status, margins] = printed.slice(0, 3).map(float32sOf) as [Float32Array, Float32Array, Float32Array];
    const bytes = Buffer.from(printed[3] ?? '', 'base64');
    const whole = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    const rowCount = rows.length / model.columns.length;
    expect(rowCount).toBeGreaterThan(10_000);
    expect(differingBits(model.forest.predict(rows, rowCount), status)).toEqual([]);
    expect(differingBits(model.risk?.forest.predictMargin(rows, rowCount) ?? new Float32Array(), margins)).toEqual([]);

    // Spread over the whole catalogue again, as snapshots give them.
    const columnCount = FEATURE_NAMES.length;
    const values = new Float32Array(rowCount * columnCount).fill(Number.NaN);
    for (let row = 0; row < rowCount; row++) {
      for (const [i, column] of model.columns.entries()) {
        values[row * columnCount + column] = rows[row * model.columns.length + i] as number;
      }
    }
    const matrix = { values, rowCount, columnCount };
    expect(differingBits(modelRows(model, matrix), rows)).toEqual([]);
    const predicted = predictStatuses(
      model,
      matrix,
      Array.from({ length: rowCount }, () => 'ContainerCreating' as const),
    );
    const worst = predicted.reduce(
      (most, own, row) =>
        model.classes.reduce(
          (far, name, i) => Math.max(far, Math.abs(own[name] - (whole[row * model.classes.length + i] as number))),
          most,
        ),
      0,
    );
    expect(worst).toBeLessThan(1e-9);
  }, 300_000);
});

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
