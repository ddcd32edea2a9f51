import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConfigFile } from '../../src/adapters/config-file.ts';
import { file, withoutRoot } from '../support/files.ts';

test('a mapping', async () => {
  expect(await readConfigFile(file('config.yaml', 'namespace: shop\nheader:\n  - "X-Scope-OrgID: a"\n'))).toEqual({
    namespace: 'shop',
    header: ['X-Scope-OrgID: a'],
  });
});

test('an empty file, or one with comments only, sets nothing', async () => {
  expect(await readConfigFile(file('config.yaml', '# nothing yet\n'))).toEqual({});
});

test('numbers stay as they are written: a version, a user', async () => {
  const text = 'kubernetes-version: 1.40\nusername: 007\nnamespace: null\ncluster: "null"\n';
  expect(await readConfigFile(file('config.yaml', text))).toEqual({
    'kubernetes-version': '1.40',
    username: '007',
    namespace: null,
    cluster: 'null',
  });
});

describe('a broken file is told with its place, and nothing of its content', () => {
  test.each([
    ['no YAML', 'namespace: [shop\nbearer: s3cret\n'],
    ['a list', '- shop\n'],
    ['a text', 'shop\n'],
    ['tabs', 'a:\n\t- b\n'],
    [
      'a bomb of aliases',
      `a: &a [x]\n${Array.from(
        { length: 12 },
        (_, i) =>
          `b${i}: &b${i} [${Array(9)
            .fill(i === 0 ? '*a' : `*b${i - 1}`)
            .join(',')}]`,
      ).join('\n')}\n`,
    ],
  ])('%s', async (_, text) => {
    const path = file('config.yaml', text);
    const failure = await readConfigFile(path).then(
      () => undefined,
      (error: { failure: { problem: string } }) => error.failure,
    );
    expect(failure).toMatchObject({ kind: 'config-invalid', path });
    expect(failure?.problem).not.toContain('s3cret');
  });
});

test('a file that may not be read', async () => {
  const path = file('config.yaml', 'namespace: shop\n');
  chmodSync(path, 0);
  await withoutRoot(() =>
    expect(readConfigFile(path)).rejects.toMatchObject({ failure: { kind: 'file-unreadable', code: 'EACCES' } }),
  );
});
