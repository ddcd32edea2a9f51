/**
 * kpfd-player.ts BUILT KERNEL: predicts with the program as it was built into the folder BUILT (not by tsx, which would
 * wrap functions). KERNEL is "default"; "typescript", which is the default where there is no WebAssembly; "threads"; or
 * a kernel's name, which then takes all calls.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Workers from '../../../src/adapters/forest-workers.ts';
import type { Kernel, KernelShape } from '../../../src/core/forest/kernel.ts';
import type * as JsonReading from '../../../src/core/forest/json-reader.ts';
import type * as ModelDocument from '../../../src/core/forest/model-document.ts';
import type * as Objective from '../../../src/core/forest/objective.ts';
import type * as Entry from '../../../src/forest.ts';
import { answer, type Predictor } from './answering.ts';

/** Each kernel's file and how that makes one; undefined where it cannot have the model. */
const KERNELS: Readonly<Record<string, readonly [string, string]>> = {
  plain: ['plain-walk', 'plainWalk'],
  predicates: ['predicate-kernel', 'predicateKernel'],
  'predicates, WebAssembly': ['predicate-wasm', 'predicateWasmKernel'],
  'bit slices': ['bit-slice-kernel', 'bitSliceKernel'],
  'bit slices, WebAssembly': ['bit-slice-wasm', 'bitSliceWasmKernel'],
  deep: ['deep-kernel', 'deepKernel'],
  'deep, WebAssembly': ['deep-wasm', 'deepWasmKernel'],
};

const [built = '', kernel = 'default'] = process.argv.slice(2);

if (kernel === 'typescript') Reflect.deleteProperty(globalThis, 'WebAssembly');
await answer(async (model) => {
  const bytes = readFileSync(model);
  if (kernel === 'threads') return threads(bytes);
  if (kernel === 'default' || kernel === 'typescript') return wholeForest(bytes);
  return pinned(bytes, kernel);
});

async function load<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(join(built, file)).href)) as T;
}

async function wholeForest(bytes: Uint8Array): Promise<Predictor<Float32Array>> {
  const forest = (await load<typeof Entry>('forest.js')).readForest(bytes);
  return { predict: (rows, rowCount) => forest.predict(rows, rowCount), valuesOf: (values) => values };
}

async function threads(bytes: Uint8Array): Promise<Predictor<Float32Array>> {
  const workers = (await load<typeof Workers>('adapters/forest-workers.js')).openForestWorkers(bytes);
  return { predict: async (rows, rowCount) => workers.predict(rows, rowCount), valuesOf: (values) => values };
}

/** As Forest.predict, with one kernel for all calls. */
async function pinned(bytes: Uint8Array, name: string): Promise<Predictor<Float32Array>> {
  const { JsonReader } = await load<typeof JsonReading>('core/forest/json-reader.js');
  const { readModelDocument } = await load<typeof ModelDocument>('core/forest/model-document.js');
  const { baseMargins, objectiveNamed, predictionsOf } = await load<typeof Objective>('core/forest/objective.js');
  const { trees, featureCount, outputCount, version, ...parts } = readModelDocument(
    new JsonReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  );
  if (trees === undefined) throw new Error('it is linear');
  const [file, maker] = KERNELS[name] ?? [name, name];
  const module = await load<Record<string, (shape: KernelShape) => Kernel | undefined>>(`core/forest/${file}.js`);
  const chosen = module[maker]?.({ trees, featureCount, outputCount });
  if (chosen === undefined) throw new Error('the kernel cannot have this model');
  const objective = objectiveNamed(parts.objective);
  const base = baseMargins(objective, { ...parts, version }, outputCount);
  const treeCount = trees.groups.length;
  return {
    predict: (rows, rowCount) => {
      const margins = new Float32Array(rowCount * outputCount);
      for (let i = 0; i < margins.length; i += outputCount) margins.set(base, i);
      chosen.addLeaves(rows, rowCount, margins, 0, treeCount);
      return predictionsOf(objective, margins, outputCount, version);
    },
    valuesOf: (values) => values,
  };
}
