import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder } from '../support/files.ts';
import { serve } from '../support/http.ts';
import { describeWith } from '../support/tools.ts';

/** The built program as a process of its own; `npm test` builds it first. */
const KPFD = resolve('bin/kpfd.js');
const DEMO = resolve('fixtures/recordings/demo/scan.json.gz');

function started(...argv: string[]): { child: ReturnType<typeof spawn>; stderr: () => string } {
  const child = spawn(process.execPath, [KPFD, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CONFIG_HOME: '/nowhere' },
  });
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, stderr: () => text };
}

test('the exit code is that of the run, and stdout holds the answer only', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [KPFD, 'scan', '-A', '--fail-on', '--replay', DEMO, '-o', 'json'],
    { encoding: 'utf8' },
  );
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, complete: true });
  expect(stderr).toMatch(/^\d+ pods, \d+ gone, \d+ at risk/);
});

describeWith(['bash'], 'where the answer goes', () => {
  test.each([
    ['', 0],
    ['--fail-on', 1],
  ])('a closed pipe is a quiet end, and the exit code stays: %j', (flag, code) => {
    const run = `"${process.execPath}" "${KPFD}" scan -A --replay "${DEMO}" -o json -q ${flag}`;
    const { stdout, stderr } = spawnSync('bash', ['-c', `${run} | head -n 1; echo "\${PIPESTATUS[0]}"`], {
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: `{\n${code}\n`, stderr: '' });
  });

  test.runIf(existsSync('/dev/full'))('a full disk is told', () => {
    const run = `"${process.execPath}" "${KPFD}" scan -A --replay "${DEMO}" -q > /dev/full`;
    const { status, stderr } = spawnSync('bash', ['-c', run], { encoding: 'utf8' });
    expect(stderr).toMatch(/^error: the answer could not be written: the disk is full\n$/);
    expect(status).toBe(2);
  });
});

test('a pipe is no terminal, whatever the environment says of colours', () => {
  const env = { ...process.env, CI: 'true', FORCE_COLOR: '1' };
  const argv = [KPFD, 'scan', '-A', '--replay', DEMO, '--color', 'auto'];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', env });
  expect(stdout + stderr).not.toContain('\u001b');
});

describeWith(['bash'], 'what the shell puts in the place of a file', () => {
  test('a token comes through a pipe, which can be read once', async () => {
    const sent: unknown[] = [];
    const server = await serve((request, response) => {
      sent.push(request.headers.authorization);
      response.writeHead(401).end();
    });
    const run = `"${process.execPath}" "${KPFD}" check-prometheus --prometheus-url ${server.url} --bearer-token-file`;
    const child = spawn('bash', ['-c', `${run} <(echo token); ${run} <(sleep 0.2; echo token)`]);
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await once(child, 'close');
    expect(new Set(sent)).toEqual(new Set(['Bearer token']));
    expect(told.match(/^login +failed /gm)).toHaveLength(2);
    expect(told).not.toContain('is empty');
  });

  test('too many open files are told, and are no pod at risk', () => {
    const run = `ulimit -n 28; "${process.execPath}" "${KPFD}" scan -A --replay "${DEMO}" --fail-on`;
    const { status, stderr } = spawnSync('bash', ['-c', run], { encoding: 'utf8' });
    expect(stderr).toMatch(/too many (open )?files/);
    expect(status).toBe(2);
  });
});

test('the limit of the whole run ends it with one sentence, whatever is still asked', async () => {
  const server = await serve(() => undefined);
  const { child, stderr } = started('scan', '-A', '--prometheus-url', server.url, '--timeout', '300ms');
  expect(await once(child, 'close')).toEqual([2, null]);
  expect(stderr()).toBe(
    'error: the run took longer than 300ms; allow more with --timeout, or ask for less at once (one namespace)\n',
  );
});

describe('a run that is interrupted', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it at once with %d', async (signal, code) => {
    let asked: () => void = () => undefined;
    const first = new Promise<void>((done) => (asked = done));
    const server = await serve(() => asked());
    const { child, stderr } = started('scan', '-A', '--prometheus-url', server.url);
    await first;
    const ended = once(child, 'close');
    child.kill(signal);
    expect(await ended).toEqual([code, null]);
    expect(stderr()).toBe('');
  });

  test('though it waits for a pipe that nobody writes to', async () => {
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const { child } = started('scan', '-A', '--bearer-token-file', pipe);
    await new Promise((done) => setTimeout(done, 500));
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
  });

  test('keeps the recording of what was asked until then', async () => {
    const path = join(folder(), 'r.json');
    let asked: () => void = () => undefined;
    const first = new Promise<void>((done) => (asked = done));
    const server = await serve(() => asked());
    const { child } = started('scan', '-A', '--prometheus-url', server.url, '--record', path);
    await first;
    child.kill('SIGINT');
    await once(child, 'close');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ command: 'kpfd scan -A' });
  });

  test('though that takes seconds: here nobody takes it from the pipe at first', async () => {
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    let asked: () => void = () => undefined;
    const first = new Promise<void>((done) => (asked = done));
    const server = await serve(() => asked());
    const { child } = started('scan', '-A', '--prometheus-url', server.url, '--record', pipe);
    await first;
    const ended = once(child, 'close');
    child.kill('SIGINT');
    await new Promise((done) => setTimeout(done, 2500));
    expect(JSON.parse(await readFile(pipe, 'utf8'))).toMatchObject({ command: 'kpfd scan -A' });
    expect(await ended).toEqual([130, null]);
  });
});

describeWith(['npx'], 'the package', () => {
  test('what npm packs installs into an empty folder and works there', () => {
    const packed = folder();
    const empty = folder();
    // `npm test` has built dist/; building it here would change it under the tests that run beside this one.
    execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', packed]);
    const [tarball = ''] = readdirSync(packed);
    mkdirSync(join(empty, 'user'));
    const cwd = join(empty, 'user');
    const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--silent', join(packed, tarball)];
    execFileSync('npm', ['init', '--yes', '--silent'], { cwd, stdio: 'ignore' });
    execFileSync('npm', install, { cwd, stdio: 'ignore' });
    const ran = spawnSync('npx', ['--no-install', 'kpfd', 'scan', '-A', '-q', '-o', 'name', '--replay', DEMO], {
      cwd,
      encoding: 'utf8',
    });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout.split('\n')[0]).toMatch(/^pod\//);
    // Neither the tests nor the recordings travel along.
    const root = join(cwd, 'node_modules', 'kpfd');
    expect(existsSync(join(root, 'LICENSE'))).toBe(true);
    expect(existsSync(join(root, 'test'))).toBe(false);
    expect(existsSync(join(root, 'fixtures'))).toBe(false);
  });
});
