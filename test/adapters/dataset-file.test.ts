import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/adapters/dataset-file.ts';
import { folder } from '../support/files.ts';

const OPTIONS = { '--step': '30s', '--horizon': '600s' };
const CSV = {
  heading: 'run,time,x\n',
  options: OPTIONS,
  timeOf: (line: string): number | undefined => {
    const time = /^\w+,(\d+),/.exec(line)?.[1];
    return time === undefined ? undefined : Number(time);
  },
};
const JSONL = {
  heading: '',
  options: OPTIONS,
  timeOf: (line: string) => (line.startsWith('{"time":') ? Number(line.slice(8, 10)) : undefined),
};

/** A file that a cut left behind, and the one beside it. */
function file(content: string): string {
  const path = join(folder(), 'rows');
  writeFileSync(path, content);
  writeFileSync(`${path}.begun`, JSON.stringify(OPTIONS));
  return path;
}

async function goOn(path: string, shape = CSV): Promise<{ resumeAt: number | undefined; text: string }> {
  const dataset = await openDataset(path, shape);
  await dataset.write('');
  await dataset.close(false);
  return { resumeAt: dataset.resumeAt, text: readFileSync(path, 'utf8') };
}

describe('a file of rows', () => {
  test('is as it was while nothing is written', async () => {
    const path = file('run,time,x\na,10,1\na,2');
    const dataset = await openDataset(path, CSV);
    await dataset.close(false);
    expect(readFileSync(path, 'utf8')).toBe('run,time,x\na,10,1\na,2');
  });

  test('that is new begins with its heading', async () => {
    const path = join(folder(), 'rows.csv');
    const dataset = await openDataset(path, CSV);
    expect(dataset.resumeAt).toBeUndefined();
    expect(await dataset.write('a,10,1\n')).toBe(true);
    await dataset.close(false);
    expect(readFileSync(path, 'utf8')).toBe('run,time,x\na,10,1\n');
    expect(JSON.parse(readFileSync(`${path}.begun`, 'utf8'))).toEqual(OPTIONS);
  });

  test('that is complete stands alone, and is not gone on with', async () => {
    const path = file('');
    await (await openDataset(path, CSV)).close(true);
    expect(existsSync(`${path}.begun`)).toBe(false);
    await expect(openDataset(path, CSV)).rejects.toMatchObject({
      failure: { kind: 'dataset-other', problem: 'it is complete, or kpfd did not begin it' },
    });
  });

  test('that lacks rows says so to whoever goes on with it', async () => {
    const path = join(folder(), 'rows.csv');
    const dataset = await openDataset(path, CSV);
    await dataset.write('a,10,1\n');
    await dataset.markPartial();
    await dataset.close(false);
    const again = await openDataset(path, CSV);
    await again.write('a,10,1\n');
    await again.close(false);
    expect([dataset.wasPartial, again.wasPartial]).toEqual([false, true]);
    expect((await openDataset(path, CSV)).wasPartial).toBe(true);
  });

  test('that nothing was written to is not left behind', async () => {
    const path = join(folder(), 'rows.csv');
    await (await openDataset(path, CSV)).close(false);
    expect([path, `${path}.begun`].map((one) => existsSync(one))).toEqual([false, false]);
    // One that was there before stays.
    writeFileSync(path, '');
    await (await openDataset(path, CSV)).close(false);
    expect([path, `${path}.begun`].map((one) => existsSync(one))).toEqual([true, false]);
  });

  test('that another run has written meanwhile is not taken away', async () => {
    const path = join(folder(), 'rows.csv');
    const failing = await openDataset(path, CSV);
    const other = await openDataset(path, CSV);
    await other.write('a,10,1\n');
    await other.close(true);
    await failing.close(false);
    expect(readFileSync(path, 'utf8')).toBe('run,time,x\na,10,1\n');
  });

  test('whose last line was cut, and to which nothing was to be added, loses that line', async () => {
    const path = file('run,time,x\na,10,1\na,2');
    await (await openDataset(path, CSV)).close(true);
    expect(readFileSync(path, 'utf8')).toBe('run,time,x\n');
  });

  test('of other options is refused and left as it is', async () => {
    const path = file('run,time,x\na,10,1\n');
    await expect(openDataset(path, { ...CSV, options: { ...OPTIONS, '--step': '15s' } })).rejects.toMatchObject({
      failure: { kind: 'dataset-other', problem: 'it was begun with --step 30s, not 15s' },
    });
    writeFileSync(`${path}.begun`, '{');
    await expect(openDataset(path, CSV)).rejects.toMatchObject({
      failure: { problem: expect.stringMatching(/is not readable$/) },
    });
    rmSync(`${path}.begun`);
    await expect(openDataset(path, CSV)).rejects.toMatchObject({ failure: { kind: 'dataset-other' } });
    expect(readFileSync(path, 'utf8')).toBe('run,time,x\na,10,1\n');
  });

  test.each<[string, string, number | undefined, string]>([
    ['in the middle of a line', 'run,time,x\na,10,1\na,20,1\na,20,2\na,2', 20, 'run,time,x\na,10,1\n'],
    ['behind a line', 'run,time,x\na,10,1\na,20,1\n', 20, 'run,time,x\na,10,1\n'],
    ['at its first time', 'run,time,x\na,10,1\na,10,2\n', 10, 'run,time,x\n'],
    ['behind its heading', 'run,time,x\n', undefined, 'run,time,x\n'],
    ['in its heading', 'run,ti', undefined, 'run,time,x\n'],
    ['in something like it', 'run,time,x', undefined, 'run,time,x\n'],
    ['before anything', '', undefined, 'run,time,x\n'],
  ])('that was cut %s is gone on with: the rows of the last time come again', async (_, content, resumeAt, left) => {
    expect(await goOn(file(content))).toEqual({ resumeAt, text: left });
  });

  test('without a heading is gone on with as well', async () => {
    expect(await goOn(file('{"time":10}\n{"time":20}\n{"ti'), JSONL)).toEqual({ resumeAt: 20, text: '{"time":10}\n' });
    expect(await goOn(file('{"ti'), JSONL)).toEqual({ resumeAt: undefined, text: '' });
  });

  test.each<[string, string, typeof CSV, RegExp]>([
    ['with other columns', 'run,time,y\na,10,1\n', CSV, /other columns/],
    ['with lines that are no rows', 'run,time,x\nhello\n', CSV, /are no rows/],
    ['of something else, for JSON lines', 'precious\n', JSONL, /are no rows/],
  ])('%s is refused and left as it is', async (_, content, shape, problem) => {
    const path = file(content);
    await expect(openDataset(path, shape)).rejects.toMatchObject({
      failure: { kind: 'dataset-other', path, problem: expect.stringMatching(problem) },
    });
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test('where none can be is a failure that names it', async () => {
    await expect(openDataset('/nowhere/rows.csv', CSV)).rejects.toMatchObject({
      failure: { kind: 'file-unwritable', role: 'dataset', code: 'ENOENT' },
    });
  });
});
