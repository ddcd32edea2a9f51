import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const own = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
const atRunTime = Object.entries(own.dependencies);
const all = [...atRunTime, ...Object.entries(own.devDependencies)];
const [runTime = '', development = ''] = readFileSync('docs/dependencies.md', 'utf8').split(/^## For development$/m);

/** The packages in the first column of the tables of a text. */
function listed(text: string): string[] {
  return [...text.matchAll(/^\| ([a-z@][^|]*?) +\| \S.*\|$/gm)]
    .flatMap(([, names = '']) => names.split(', '))
    .filter((name) => name !== 'package');
}

test.each(all)('%s is pinned to one version: %s', (_, version) => {
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test('docs/dependencies.md has a reason for each package, and for no other', () => {
  expect(listed(runTime).sort()).toEqual(Object.keys(own.dependencies).sort());
  expect(listed(development).sort()).toEqual(Object.keys(own.devDependencies).sort());
});

test('the lock file is complete: it holds what package.json asks for, each with its integrity', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string }>;
  };
  for (const [name, version] of all) expect(packages[`node_modules/${name}`]?.version).toBe(version);
  const bare = Object.entries(packages).filter(([path, { integrity }]) => path !== '' && integrity === undefined);
  expect(bare).toEqual([]);
});
