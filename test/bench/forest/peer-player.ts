/**
 * peer-player.ts PACKAGES PEER: predicts with what else a Node user could pick, from the folder PACKAGES where it is
 * installed. Each is used as its documentation says; the forms that it wants the rows in are made before the clock starts
 * where its callers would have them at hand (objects and arrays are not: whoever has rows in memory must make them).
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { answer, type Predictor } from './answering.ts';
import { CLASSES, FEATURES } from './models.ts';

const [packages = '', peer = ''] = process.argv.slice(2);
/** Of the packages in that folder, which are none of the project's. */
const peerModule = createRequire(join(packages, 'package.json'));

interface OnnxRuntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;
  readonly InferenceSession: {
    create(file: string, options: object): Promise<OnnxSession>;
  };
}

interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: object, fetches: readonly string[]): Promise<Record<string, { readonly data: Float32Array }>>;
}

interface MlXgboost {
  loadFromModel(file: string): { predict(rows: number[][]): number[][] };
}

interface XgboostScorer {
  create(file: string): Promise<{ scoreSingleInstance(features: Record<string, number>): number }>;
}

const PEERS: Readonly<Record<string, (folder: string) => Promise<Predictor>>> = {
  'onnxruntime-node': openOnnx,
  'ml-xgboost': openMlXgboost,
  'xgboost-scorer': openScorer,
  m2cgen: openM2cgen,
};

await answer(async (model) => {
  const open = PEERS[peer];
  if (open === undefined) throw new Error(`no peer is named ${peer}`);
  return open(model.replace(/\.json$/, ''));
});

async function openOnnx(name: string): Promise<Predictor> {
  const onnx = peerModule('onnxruntime-node') as OnnxRuntime;
  const session = await onnx.InferenceSession.create(`${name}.onnx`, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
  const input = session.inputNames[0] as string;
  // The first output is the class.
  const output = session.outputNames[1] as string;
  const predictor: Predictor<Float32Array> = {
    predict: async (rows, rowCount) => {
      const answered = await session.run({ [input]: new onnx.Tensor('float32', rows, [rowCount, FEATURES]) }, [output]);
      return (answered[output] as { data: Float32Array }).data;
    },
    valuesOf: (values) => values,
  };
  return predictor;
}

async function openMlXgboost(name: string): Promise<Predictor> {
  const module = await (peerModule('ml-xgboost') as Promise<MlXgboost>);
  const booster = module.loadFromModel(`${name}.0.7`);
  const predictor: Predictor<number[][]> = {
    predict: (rows, rowCount) => booster.predict(nested(rows, rowCount)),
    valuesOf: (predictions) => Float32Array.from(predictions.flat()),
  };
  return predictor;
}

/** It knows one sum and its sigmoid: for a model of several classes that is no answer, but it costs as much. */
async function openScorer(name: string): Promise<Predictor> {
  const { default: Scorer } = peerModule('xgboost-scorer') as { readonly default: XgboostScorer };
  const scorer = await Scorer.create(`${name}.dump.json`);
  const predictor: Predictor<number[]> = {
    predict: (rows, rowCount) => nested(rows, rowCount).map((row) => scorer.scoreSingleInstance(features(row))),
    valuesOf: (scores) => Float32Array.from(scores.flatMap((score) => Array.from({ length: CLASSES }, () => score))),
  };
  return predictor;
}

function features(row: readonly number[]): Record<string, number> {
  return Object.fromEntries(row.flatMap((value, i) => (Number.isNaN(value) ? [] : [[`f${i}`, value]])));
}

async function openM2cgen(name: string): Promise<Predictor> {
  const score = createRequire(import.meta.url)(`${name}.m2cgen.cjs`) as (row: number[]) => number[];
  const predictor: Predictor<number[][]> = {
    predict: (rows, rowCount) => nested(rows, rowCount).map((row) => score(row)),
    valuesOf: (predictions) => Float32Array.from(predictions.flat()),
  };
  return predictor;
}

function nested(rows: Float32Array, rowCount: number): number[][] {
  return Array.from({ length: rowCount }, (_, i) => [...rows.subarray(i * FEATURES, (i + 1) * FEATURES)]);
}
