import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

/**
 * The layers and the arrows between them. Everything may name core's words; beyond that an arrow goes one step down.
 * `index` is the library's own composition root, beside the command line's; `forest` is the entry for the forest alone.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  index: ['adapters', 'pipeline', 'core'],
  forest: ['core'],
  cli: ['adapters', 'commands', 'core'],
  commands: ['pipeline', 'render', 'core'],
  pipeline: ['core'],
  render: ['core'],
  adapters: ['core'],
  core: [],
};

/** Packages and what may import them. Heavy ones are imported lazily: see the tests below. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  commander: ['cli'],
  'node-fetch': ['adapters'],
  'p-limit': ['adapters'],
  yaml: ['adapters', 'render'],
  'cli-table3': ['render'],
  'string-width': ['render'],
  picocolors: ['render'],
  'fastest-levenshtein': ['pipeline'],
  'csv-parse': ['adapters'],
  '@streamparser/json': ['adapters'],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : path.endsWith('.ts') ? [path] : [];
  });
}

/** Every import, export-from, dynamic import and import type of a file, over line ends as well. */
function importsOf(file: string): Import[] {
  const code = withoutComments(readFileSync(file, 'utf8'));
  const patterns = [
    /\b(?:import|export)\s[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /\bimport\s*['"]([^'"]+)['"]/g,
    /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
    /\brequire\s*\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, target = '']) => ({ file, target })));
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

function layerOf(file: string): string {
  const [first = ''] = relative('src', file).split(sep);
  return first.replace(/\.ts$/, '');
}

const files = filesBelow('src');
const imports = files.flatMap(importsOf);

test.each(Object.keys(ARROWS))('the layer %s has files', (layer) => {
  expect(files.filter((file) => layerOf(file) === layer).length).toBeGreaterThan(0);
});

test('every file lies in a layer', () => {
  expect(files.map(layerOf).filter((layer) => !(layer in ARROWS))).toEqual([]);
});

test('imports follow the arrows only', () => {
  const wrong = imports
    .filter(({ target }) => target.startsWith('.'))
    .map(({ file, target }) => ({ file, from: layerOf(file), to: layerOf(normalize(join(dirname(file), target))) }))
    .filter(({ from, to }) => from !== to && !(ARROWS[from] ?? []).includes(to));
  expect(wrong).toEqual([]);
});

test('packages are imported where they belong only', () => {
  const wrong = imports.filter(
    ({ file, target }) =>
      !target.startsWith('.') && !target.startsWith('node:') && !(PACKAGES[target] ?? []).includes(layerOf(file)),
  );
  expect(wrong).toEqual([]);
});

test("Node's own modules are imported by the edges only", () => {
  const wrong = imports.filter(
    ({ file, target }) => target.startsWith('node:') && !['adapters', 'cli', 'index'].includes(layerOf(file)),
  );
  expect(wrong).toEqual([]);
});

describe('core', () => {
  const core = files.filter((file) => layerOf(file) === 'core');

  test('imports nothing but core', () => {
    const wrong = imports.filter(({ file, target }) => layerOf(file) === 'core' && !target.startsWith('.'));
    expect(wrong).toEqual([]);
  });

  test.each([
    ['a clock', /\bDate\.now\b|\bnew Date\(\)|\bperformance\b/],
    ['chance', /\bMath\.random\b/],
    ['the network', /\bfetch\s*\(/],
    ['the process', /\bprocess\b/],
    ['the console', /\bconsole\b/],
  ])('knows nothing of %s', (_, pattern) => {
    expect(core.filter((file) => pattern.test(withoutStrings(readFileSync(file, 'utf8'))))).toEqual([]);
  });
});

test('pipelines and renderers take neither clock nor process', () => {
  const pure = files.filter((file) => ['pipeline', 'render'].includes(layerOf(file)));
  const wrong = pure.filter((file) =>
    /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bprocess\.|\bconsole\./.test(
      withoutStrings(readFileSync(file, 'utf8')),
    ),
  );
  expect(wrong).toEqual([]);
});

test('what starts before the first request loads no renderer, no pipeline and no YAML', () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    // Static imports of values only: types are erased, dynamic imports come later.
    const code = withoutComments(readFileSync(file, 'utf8'));
    for (const [, clause = '', target = ''] of code.matchAll(/\bimport\s+([^;'"]*?)\s*\bfrom\s*['"]([^'"]+)['"]/g)) {
      if (clause.startsWith('type ')) continue;
      if (target.startsWith('.')) visit(normalize(join(dirname(file), target)));
      else seen.add(target);
    }
  };
  visit(join('src', 'cli', 'main.ts'));
  visit(join('src', 'commands', 'options.ts'));
  visit(join('src', 'adapters', 'prometheus', 'http-transport.ts'));
  const late = [...seen].filter((file) =>
    /^src.(render|pipeline)|^(yaml|cli-table3|string-width|picocolors|fastest-levenshtein|csv-parse|@streamparser.json)$/.test(
      file,
    ),
  );
  expect(late).toEqual([]);
  expect(seen.has('commander')).toBe(true);
});

function withoutStrings(code: string): string {
  return withoutComments(code).replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
}
