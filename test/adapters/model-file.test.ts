import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../src/adapters/model-file.ts';
import { folder } from '../support/files.ts';

/** A copy of the model that ships, with its files changed. */
function copied(
  change: (files: { metadata: Record<string, never>; model: string }) => { metadata?: unknown; model?: string },
): string {
  const path = join(folder(), 'model');
  cpSync('models/default', path, { recursive: true });
  const files = {
    metadata: JSON.parse(readFileSync(join(path, 'metadata.json'), 'utf8')) as Record<string, never>,
    model: readFileSync(join(path, 'model.json'), 'utf8'),
  };
  const { metadata, model } = change(files);
  if (metadata !== undefined) writeFileSync(join(path, 'metadata.json'), JSON.stringify(metadata));
  if (model !== undefined) writeFileSync(join(path, 'model.json'), model);
  return path;
}

test('the model that ships loads', async () => {
  expect(await loadModel('models/default')).toMatchObject({ name: 'default', horizonSeconds: 600 });
});

describe('what is wrong with a model is told with its file', () => {
  test.each<[string, Parameters<typeof copied>[0], string, RegExp]>([
    ['cut in the middle', ({ model }) => ({ model: model.slice(0, 5000) }), 'model.json', /cut off/],
    [
      'edited by hand',
      ({ model }) => ({ model: model.replace(/"base_score":"\[[^,]*/, '"base_score":"[9E-1') }),
      'model.json',
      /changed after/,
    ],
    ['of something else', () => ({ model: '{"hello":"world"}' }), 'model.json', /no learner/],
    ['metadata of something else', () => ({ metadata: { hello: 'world' } }), 'metadata.json', /no usable/],
  ])('%s', async (_, change, name, problem) => {
    const path = copied(change);
    await expect(loadModel(path)).rejects.toMatchObject({
      failure: { kind: 'model-invalid', path: join(path, name), problem: expect.stringMatching(problem) },
    });
  });

  test('a broken risk forest beside a sound one', async () => {
    const path = copied(() => ({}));
    writeFileSync(join(path, 'risk.json'), '{"learner":');
    await expect(loadModel(path)).rejects.toMatchObject({
      failure: { kind: 'model-invalid', path: join(path, 'risk.json'), problem: expect.stringMatching(/cut off/) },
    });
  });

  test('a risk forest that was changed', async () => {
    const path = copied(() => ({}));
    writeFileSync(join(path, 'risk.json'), `${readFileSync(join(path, 'risk.json'), 'utf8')}\n`);
    await expect(loadModel(path)).rejects.toMatchObject({
      failure: {
        kind: 'model-invalid',
        path: join(path, 'risk.json'),
        problem: expect.stringMatching(/changed after/),
      },
    });
  });

  test('trained on other features', async () => {
    const path = copied(({ metadata }) => ({
      metadata: { ...metadata, schema: { hash: 'x', features: ['cpu_usage_percent', 'moon_phase'] } },
    }));
    const failure = {
      kind: 'model-schema',
      found: 'x',
      unknown: ['moon_phase'],
    };
    await expect(loadModel(path)).rejects.toMatchObject({ failure });
  });

  test('trained on features that look less far back', async () => {
    const path = copied(({ metadata }) => ({ metadata: { ...metadata, lookbackSeconds: 900 } }));
    const failure = { kind: 'model-lookback', path, expectedSeconds: 1800, foundSeconds: 900 };
    await expect(loadModel(path)).rejects.toMatchObject({ failure });
  });

  test('a foreign forest with metadata that pretends', async () => {
    const model = readFileSync('fixtures/forests/xgboost-3.2.0/multi.model.json', 'utf8');
    const sha256 = createHash('sha256').update(model).digest('hex');
    const path = copied(({ metadata }) => ({
      model,
      metadata: { ...metadata, model: { file: 'model.json', format: 'model', sha256 } },
    }));
    await expect(loadModel(path)).rejects.toMatchObject({
      failure: { kind: 'model-columns', path: join(path, 'model.json') },
    });
  });

  test('a folder without a model', async () => {
    await expect(loadModel('/nowhere')).rejects.toMatchObject({
      failure: { kind: 'file-unreadable', role: 'model', code: 'ENOENT' },
    });
  });

  test('a file name that leads out of the folder stays inside', async () => {
    const path = copied(({ metadata }) => ({
      metadata: { ...metadata, model: { file: '../secret.json', format: 'model' } },
    }));
    mkdirSync(join(path, 'sub'));
    writeFileSync(join(path, '..', 'secret.json'), '{}');
    await expect(loadModel(path)).rejects.toMatchObject({
      failure: { kind: 'file-unreadable', path: join(path, 'secret.json') },
    });
  });
});

test('a dump serves in place of a model, with what it loses in metadata.json', async () => {
  const { metadata } = { metadata: JSON.parse(readFileSync('models/default/metadata.json', 'utf8')) };
  const leaf = (value: number): string => JSON.stringify({ nodeid: 0, leaf: value });
  const dump = { file: 'dump.json', format: 'dump', objective: 'multi:softprob', baseScore: [0.5], xgboost: '3.2.0' };
  const path = copied(() => ({ metadata: { ...metadata, model: dump } }));
  writeFileSync(join(path, 'dump.json'), `[${[0, 1, 2, 3, 4].map(leaf).join(',')}]`);
  const model = await loadModel(path);
  const margins = model.forest.predictMargin(new Float32Array(model.forest.featureCount), 1);
  expect([...margins]).toEqual([0.5, 1.5, 2.5, 3.5, 4.5]);
});
