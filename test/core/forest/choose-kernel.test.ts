import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type * as ChooseKernel from '../../../src/core/forest/choose-kernel.ts';
import { JsonReader } from '../../../src/core/forest/json-reader.ts';
import type { KernelShape } from '../../../src/core/forest/kernel.ts';
import { readModelDocument } from '../../../src/core/forest/model-document.ts';
import { plainWalk } from '../../../src/core/forest/plain-walk.ts';

/** The model that ships: hundreds of shallow trees, as every kernel can have them. */
const { trees, featureCount, outputCount } = readModelDocument(
  new JsonReader(new Uint8Array(readFileSync('models/default/model.json'))),
);
const shape = { trees, featureCount, outputCount } as KernelShape;
const treeCount = shape.trees.groups.length;
const MOST = 300;
/** Tables pay before so many rows. */
const ROWS_UNTIL_TABLES = 3000;
const AROUND = [1, 2, 15, 16, 17, 23, 24, 31, 32, 33, 44, 46, 47, 48, 64, 65, 100, 111, 112, 127, 129];
const rows = Float32Array.from({ length: MOST * featureCount }, (_, i) =>
  i % 7 === 0 ? Number.NaN : ((i * 7919) % 1000) / (i % 3 === 0 ? 1 : 100),
);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe.each([
  ['with WebAssembly', Reflect.get(globalThis, 'WebAssembly') as unknown],
  ['without', undefined],
])('%s', (_, there) => {
  test('whatever is chosen for so many rows gives the bits of the plain walk', async () => {
    vi.stubGlobal('WebAssembly', there);
    vi.resetModules();
    const { chooseKernel } = await vi.importActual<typeof ChooseKernel>('../../../src/core/forest/choose-kernel.ts');
    const [chosen, plain] = [chooseKernel(shape), plainWalk(shape)];
    // The first calls are before tables pay, the others are around the sizes where kernels change and slices end.
    const until = Array.from({ length: Math.ceil(ROWS_UNTIL_TABLES / MOST) }, () => MOST);
    for (const rowCount of [1, ...until, ...AROUND]) {
      const expected = new Float32Array(rowCount * outputCount).fill(0.5);
      const margins = expected.slice();
      plain.addLeaves(rows, rowCount, expected, 0, treeCount);
      chosen.addLeaves(rows, rowCount, margins, 0, treeCount);
      expect(margins).toEqual(expected);
      expect(margins.some((margin) => margin !== 0.5)).toBe(true);
    }
  });
});
