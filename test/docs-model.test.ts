import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FEATURES } from '../src/core/features/catalogue.ts';
import { folder } from './support/files.ts';
import { startPrometheus, type RunningPrometheus } from './support/prometheus.ts';
import { describeWith } from './support/tools.ts';

/** docs/features.md is written from the catalogue: with UPDATE_TRANSCRIPTS=1 anew. */
test('docs/features.md says what the catalogue says', () => {
  const rows = FEATURES.map(({ name, unit, about, topic, from }) => {
    const signals = from.map((signal) => `\`${signal}\``).join(', ');
    return `| \`${name}\` | ${topic} | ${unit} | ${about} | ${signals} |`;
  });
  const page = `# Features

Every feature that kpfd computes of a pod, written from \`src/core/features/catalogue.ts\`. A model names those that it uses
(\`schema\` in its \`metadata.json\`); \`kpfd export-dataset\` writes all of them. What is not known is missing, and never 0.

| feature | topic | unit | what it says | signals |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
  if (process.env['UPDATE_TRANSCRIPTS'] === '1') writeFileSync('docs/features.md', page);
  expect(readFileSync('docs/features.md', 'utf8')).toBe(page);
});

/** The commands of a page, in order: lines that begin with `$ ` in its console blocks. */
function commandsOf(page: string): string[] {
  return [...page.matchAll(/^ *\$ (.*)$/gm)].map(([, command = '']) => command);
}

describeWith(['prometheus', 'tar with xz', 'python with xgboost'], 'docs/model.md as a walk-through', () => {
  let prometheus: RunningPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus({ recording: 'fixtures/recordings/run-a' });
  }, 60_000);
  afterAll(() => prometheus?.stop());

  test('every command runs, from an export to a scan with the model that was made of it', async () => {
    const place = folder();
    const [rows, model] = [join(place, 'rows.csv'), join(place, 'mine')];
    const commands = commandsOf(readFileSync('docs/model.md', 'utf8'));
    expect(commands.length).toBeGreaterThan(5);
    const printed: string[] = [];
    for (const command of commands) {
      const own = command
        .replace(/^kpfd /, `${process.execPath} bin/kpfd.js `)
        .replaceAll('rows.csv', rows)
        .replaceAll('models/mine', model);
      const { stdout, stderr } = await promisify(execFile)('bash', ['-c', own], {
        env: { ...process.env, KPFD_PROMETHEUS_URL: prometheus.url },
        maxBuffer: 1e8,
      });
      printed.push(stdout + stderr);
    }
    expect(existsSync(join(model, 'risk.json'))).toBe(true);
    expect(printed.find((text) => text.includes('applications that were held out'))).toMatch(/log loss 0\.\d+/);
    const scan = printed.at(-1) ?? '';
    expect(scan).toContain('model mine 1');
    expect(scan.split('\n').length).toBeGreaterThan(80);
    // Both backtests saw the same onsets.
    const onsets = printed
      .filter((text) => text.startsWith('DETECTOR'))
      .map((text) => /^kpfd +\d+\/(\d+)/m.exec(text)?.[1]);
    expect(onsets).toHaveLength(3);
    expect(onsets[1]).toBe(onsets[2]);
  }, 300_000);
});
