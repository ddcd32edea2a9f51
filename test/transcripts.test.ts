import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kpfd } from './support/run.ts';

/**
 * fixtures/transcripts/*.md and the README: what the user sees. Each block of `console` begins with `$ kpfd …` (perhaps behind NAME=value),
 * then come stdout, the lines of stderr behind `! `, and `[exit N]` where N is not 0. `< FILE` gives it stdin, and
 * `(80 columns)` at the end makes stdout a terminal. With UPDATE_TRANSCRIPTS=1 the blocks are written anew: read the difference before you keep it.
 */
const FOLDER = 'fixtures/transcripts';
const BLOCK = /```console\n\$ ([^\n]*)\n([\s\S]*?)```/g;

const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.md'))
  .map((name) => join(FOLDER, name));
const blocks = [...files, 'README.md'].flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(BLOCK)].map(([, command = '', output = '']) => ({
    file,
    command,
    output,
  })),
);

test('every command has transcripts', () => {
  for (const name of [
    'scan',
    'predict',
    'check-prometheus',
    'backtest',
    'export-dataset',
    'model show',
    'model predict',
  ]) {
    expect(blocks.filter(({ command }) => command.includes(`kpfd ${name}`)).length).toBeGreaterThan(0);
  }
});

test.each(blocks)('$file: $command', async ({ file, command, output }) => {
  const printed = await transcribe(command);
  const updating = process.env['UPDATE_TRANSCRIPTS'] === '1';
  if (updating) update(file, command, printed);
  expect(printed).toBe(updating ? printed : output);
});

async function transcribe(line: string): Promise<string> {
  const [, command = '', input, columns] = /^(.*?)(?: +< (\S+))?(?: +\((\d+) columns\))?$/.exec(line) ?? [];
  const words = splitWords(command);
  const env = Object.fromEntries(words.slice(0, words.indexOf('kpfd')).map((word) => word.split(/=(.*)/s).slice(0, 2)));
  const width = columns === undefined ? {} : { width: Number(columns) };
  const { stdout, stderr, code } = await kpfd(words.slice(words.indexOf('kpfd') + 1), {
    env: { NO_COLOR: '1', ...env },
    ...width,
    stdin: input === undefined ? [] : [readFileSync(input)],
  });
  const errors = stderr === '' ? '' : stderr.replace(/^/gm, '! ').replace(/! $/, '');
  return stdout + errors + (code === 0 ? '' : `[exit ${code}]\n`);
}

/** Words as a shell splits them, with '…' and "…". */
function splitWords(command: string): string[] {
  return [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'),
  );
}

function update(file: string, command: string, printed: string): void {
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(BLOCK, (block, own: string) =>
      own === command ? `\`\`\`console\n$ ${command}\n${printed}\`\`\`` : block,
    ),
  );
}
