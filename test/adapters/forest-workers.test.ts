import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { openForestWorkers } from 'kpfd/forest/workers';
import { afterAll, describe, expect, test } from 'vitest';
import { differingBits, float32sOf } from '../support/float32s.ts';

/** Threads run what is built; the rows are those of which XGBoost told the answers, over and over. */
const FOLDER = 'fixtures/forests/xgboost-3.2.0';
const truth = JSON.parse(readFileSync(`${FOLDER}/multi.truth.json`, 'utf8')) as Record<
  'rows' | 'margins' | 'predictions',
  string
>;
const workers = openForestWorkers(readFileSync(`${FOLDER}/multi.model.json`), { threads: 2 });
const { featureCount, outputCount } = workers.forest;
const own = float32sOf(truth.rows);
const times = Math.ceil(60_000 / (own.length / featureCount));
const rowCount = (times * own.length) / featureCount;
const rows = repeated(own);

function repeated(values: Float32Array): Float32Array {
  const all = new Float32Array(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

afterAll(async () => workers.close());

describe('two threads', () => {
  test('give the bits that XGBoost gives, row by row, for calls that overlap as well', async () => {
    const [predictions, margins] = await Promise.all([
      workers.predict(rows, rowCount),
      workers.predictMargin(rows, rowCount),
    ]);
    expect(rowCount).toBeGreaterThan(50_000);
    expect(differingBits(predictions, repeated(float32sOf(truth.predictions)))).toEqual([]);
    expect(differingBits(margins, repeated(float32sOf(truth.margins)))).toEqual([]);
  });

  test('take each its part of the base margins', async () => {
    const baseMargin = Float32Array.from({ length: rowCount * outputCount }, (_, i) => (i % 1000) / 10);
    const wanted = workers.forest.predictMargin(rows, rowCount, { baseMargin });
    expect(differingBits(await workers.predictMargin(rows, rowCount, { baseMargin }), wanted)).toEqual([]);
  });

  test('work on after a mistake', async () => {
    await expect(workers.predict(rows, rowCount, { iterationRange: [0, 1e6] })).rejects.toThrow(RangeError);
    await expect(workers.predict(rows.subarray(1), rowCount)).rejects.toThrow(RangeError);
    await expect(workers.predict(Float64Array.from(rows) as never, rowCount)).rejects.toThrow(TypeError);
    await expect(workers.predict(rows, rowCount, { out: rows } as never)).rejects.toThrow('leave out `out`');
    await expect(workers.predictMargin(rows, rowCount, { baseMargin: new Float32Array(1) })).rejects.toThrow(
      RangeError,
    );
    const predictions = await workers.predict(rows, rowCount);
    expect(differingBits(predictions, repeated(float32sOf(truth.predictions)))).toEqual([]);
  });

  test('few rows are answered here', async () => {
    const few = own.subarray(0, 3 * featureCount);
    expect(await workers.predict(few, 3)).toEqual(float32sOf(truth.predictions).subarray(0, 3 * outputCount));
  });
});

test('a mistake is told, though nothing else keeps the process alive', () => {
  const script = `
    import { readFileSync } from 'node:fs';
    import { openForestWorkers } from 'kpfd/forest/workers';
    const workers = openForestWorkers(readFileSync('${FOLDER}/multi.model.json'), { threads: 3 });
    const rows = new Float32Array(60000 * workers.forest.featureCount);
    await workers.predict(rows, 60000);
    await workers.predict(rows, 60000, { iterationRange: [0, 99] }).catch((error) => console.log(error.name));
    await workers.close();`;
  // Which thread fails first is chance: before, one run in three ended in silence, with exit code 13.
  for (let run = 0; run < 6; run++) {
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'RangeError\n' });
  }
}, 60_000);

test("the buffer of the model is the caller's again at once", async () => {
  const bytes = Uint8Array.from(readFileSync(`${FOLDER}/multi.model.json`));
  const other = openForestWorkers(bytes, { threads: 1 });
  bytes.fill(0);
  expect(differingBits(await other.predict(rows, rowCount), repeated(float32sOf(truth.predictions)))).toEqual([]);
  await other.close();
});

test('to close ends also what waits for its turn, and no thread starts any more', async () => {
  const other = openForestWorkers(readFileSync(`${FOLDER}/multi.model.json`), { threads: 1 });
  const asked = [1, 2, 3].map(async () => other.predict(rows, rowCount));
  const ends = Promise.allSettled(asked);
  await other.close();
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect(other.predict(rows, rowCount)).rejects.toThrow('were closed');
});

test('what is no model is refused before a thread starts', () => {
  expect(() => openForestWorkers(new Uint8Array(3))).toThrow('no model');
});
