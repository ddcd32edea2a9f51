import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/**
 * The examples of docs/forest.md: each block of `js` runs as a user of the package would run it, and prints what the block
 * of `text` behind it says. With UPDATE_TRANSCRIPTS=1 those are written anew.
 */
const PAGE = 'docs/forest.md';
const EXAMPLE = /```js\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g;
const page = readFileSync(PAGE, 'utf8');
const examples = [...page.matchAll(EXAMPLE)].map(([, code = '', output = ''], i) => ({ number: i + 1, code, output }));

test('every example has an output', () => {
  expect(examples.length).toBe(page.split('```js\n').length - 1);
  expect(examples.length).toBeGreaterThan(3);
});

test.each(examples)('example $number of docs/forest.md prints what stands below it', async ({ code, output }) => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  const updating = process.env['UPDATE_TRANSCRIPTS'] === '1';
  if (updating) {
    writeFileSync(
      PAGE,
      readFileSync(PAGE, 'utf8').replace(EXAMPLE, (block, own: string) =>
        own === code ? `\`\`\`js\n${code}\`\`\`\n\n\`\`\`text\n${stdout}\`\`\`` : block,
      ),
    );
  }
  expect(stdout).toBe(updating ? stdout : output);
});
