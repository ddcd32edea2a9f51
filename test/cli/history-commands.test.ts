import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FEATURE_NAMES } from '../../src/core/features/schema.ts';
import { folder } from '../support/files.ts';
import { sendJson } from '../support/http.ts';
import { proxy } from '../support/proxy.ts';
import { startPrometheus, type RunningPrometheus } from '../support/prometheus.ts';
import { kpfd, type Ran } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

const RUN_A = 'fixtures/recordings/run-a';
/** Twenty minutes of it. */
const SPAN = ['--start', '1795412700', '--end', '1795413900'];
/** The whole of run-a. */
const WHOLE = ['--start', '1795411660', '--end', '1795415615'];

interface Summary {
  events: number;
  recall: number;
  repeatedEvents: number;
  medianLeadSeconds: number;
  falseAlarmsPer1000PodHours: number;
  falseAlarmsPer1000PodHoursUpperBound: number;
  ece: number;
  logLoss: number;
  macroF1: number;
}

describeWith(['prometheus', 'tar with xz'], 'the past of a real cluster', () => {
  let prometheus: RunningPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus({ recording: RUN_A });
  }, 60_000);
  afterAll(() => prometheus?.stop());

  const run = (...argv: string[]): Promise<Ran> => kpfd([...argv, '--prometheus-url', prometheus.url]);

  test('what could not be read at some step is told, and --strict exits with 3', async () => {
    const refusing = await proxy(prometheus.url, ({ query }, response) => {
      if (!query.includes('deriv(')) return false;
      sendJson(response, '{"status":"error","errorType":"execution","error":"no such function"}', 422);
      return true;
    });
    const asked = ['-n', 'shop', '--start', '1795413000', '--end', '1795413300', '--strict', '-q'];
    const at = ['--prometheus-url', refusing.url];
    const tested = await kpfd(['backtest', ...asked, '-o', 'json', ...at]);
    const warning = /^warning: memory-[^\n]* could not be read and count as missing: [^\n]*no such function/m;
    expect(tested.stderr).toMatch(warning);
    expect((JSON.parse(tested.stdout) as { warnings: { kind: string }[] }).warnings[0]?.kind).toBe('request-failed');
    const exported = await kpfd(['export-dataset', ...asked, ...at]);
    expect(exported.stderr).toMatch(warning);
    expect([tested.code, exported.code]).toEqual([3, 3]);
    // Once each, however many steps there were.
    for (const { stderr } of [tested, exported]) {
      const lines = stderr.trimEnd().split('\n');
      expect(new Set(lines).size).toBe(lines.length);
    }
  }, 60_000);

  describe('kpfd backtest', () => {
    let byMetrics: { summary: Summary; rivals: Record<string, Summary> };
    let byKubectl: { summary: Summary };
    beforeAll(async () => {
      const labels = ['--labels', join(RUN_A, 'status.jsonl.gz')];
      byMetrics = JSON.parse((await run('backtest', ...WHOLE, '-o', 'json')).stdout);
      byKubectl = JSON.parse((await run('backtest', ...WHOLE, ...labels, '-o', 'json')).stdout);
    }, 120_000);

    test('says what its schema says', () => {
      const schema = JSON.parse(readFileSync('docs/backtest.schema.json', 'utf8')) as object;
      const validate = new Ajv({ allErrors: true, strict: false, formats: { 'date-time': true } }).compile(schema);
      for (const document of [byMetrics, byKubectl]) {
        validate(document);
        expect(validate.errors).toBeNull();
      }
    });

    test('sees about the onsets that an independent count of what kubectl printed found', () => {
      // fixtures/recordings/README.md says 200 in the whole run. The first four minutes have no history and are left out.
      expect(byKubectl.summary.events).toBeGreaterThan(170);
      expect(byKubectl.summary.events).toBeLessThan(205);
      expect(Math.abs(byMetrics.summary.events - byKubectl.summary.events)).toBeLessThan(15);
    });

    test('has the figures of every rival beside its own', () => {
      expect(Object.keys(byMetrics.rivals)).toEqual([
        'persistence',
        'KubePodCrashLooping',
        'KubePodNotReady',
        'memory-full-within-horizon',
        'memory-above-90-percent',
        'restarted-within-the-hour',
      ]);
      for (const rival of Object.values(byMetrics.rivals)) {
        expect(rival.events).toBe(byMetrics.summary.events);
        expect(rival.logLoss).toBeGreaterThan(0);
        expect(rival.falseAlarmsPer1000PodHoursUpperBound).toBeGreaterThan(rival.falseAlarmsPer1000PodHours);
      }
    });

    test('a higher threshold finds less and costs less', async () => {
      const of = async (threshold: string): Promise<{ found: number; falseAlarms: number }> =>
        JSON.parse((await run('backtest', '-n', 'shop', ...SPAN, '--threshold', threshold, '-o', 'json')).stdout)
          .summary;
      const [low, high] = [await of('20%'), await of('95%')];
      expect(low.found).toBeGreaterThan(high.found);
      expect(low.falseAlarms).toBeGreaterThan(high.falseAlarms);
    });

    test('proves nothing by labels of another time, and says so', async () => {
      const path = join(folder(), 'status.jsonl');
      writeFileSync(path, '{"t":1,"pods":{}}\n');
      const ran = await run('backtest', '-n', 'shop', ...SPAN, '--labels', path, '-o', 'json');
      expect(ran.stderr).toMatch(/^warning: of no row was the future watched to the end: /m);
      expect((JSON.parse(ran.stdout) as { summary: Summary }).summary).toMatchObject({
        healthyPodHours: 0,
        falseAlarmsPer1000PodHoursUpperBound: null,
      });
    });

    test('tells at how many steps it saw nothing, and --strict exits with 3', async () => {
      const ran = await run('backtest', '-n', 'shop', '--start', '1795411660', '--end', '1795412200', '--strict');
      expect(ran.code).toBe(3);
      expect(ran.stderr).toMatch(/^warning: at \d+ of 19 steps no pod could be evaluated$/m);
    });
  });

  describe('kpfd export-dataset', () => {
    const span = ['--start', '1795413000', '--end', '1795413300'];
    /** What a cut leaves: some of the rows, and beside them by which options they were begun. */
    const leave = (path: string, rows: string, known: Readonly<Record<string, string>>): void => {
      writeFileSync(path, rows);
      const options = {
        '--output': 'csv',
        '--no-headers': 'false',
        '--run': 'export',
        '--start': '2026-11-23T05:50:00.000Z',
        '--end': '2026-11-23T05:55:00.000Z',
        '--step': '30s',
        '--horizon': '600s',
        '--namespace': 'shop',
        '--cluster': '(none)',
        '--ksm-selector': '',
        '--cadvisor-selector': '',
        '--kubernetes-version': '(none)',
        '--labels': '(none)',
        ...known,
      };
      writeFileSync(`${path}.begun`, `${JSON.stringify(options)}\n`);
    };

    test('writes the same rows to stdout and to a file, and goes on where a cut left it', async () => {
      const { stdout, stderr, code } = await run('export-dataset', '-n', 'shop', ...span, '--run', 'monday, early');
      expect(code).toBe(0);
      expect(stderr).toMatch(/^\d+ rows(; \d+ left out, whose future was cut off)?$/m);
      const [heading = '', ...lines] = stdout.trimEnd().split('\n');
      expect(heading.split(',').slice(10)).toEqual([...FEATURE_NAMES]);
      expect(lines.length).toBeGreaterThan(100);
      expect(lines[0]).toMatch(/^"monday, early",1795413000,shop,/);

      const path = join(folder(), 'rows.csv');
      const same = ['-n', 'shop', ...span, '--run', 'monday, early', '--to', path];
      leave(path, stdout.slice(0, Math.floor(stdout.length * 0.6)), { '--run': 'monday, early' });
      const again = await run('export-dataset', ...same);
      expect(again.stderr).toMatch(/^went on at 2026-11-23T05:5\d:\d\dZ$/m);
      expect(readFileSync(path, 'utf8')).toBe(stdout);
      expect(existsSync(`${path}.begun`)).toBe(false);

      leave(path, stdout.slice(0, Math.floor(stdout.length * 0.6)), { '--run': 'monday, early', partial: 'true' });
      const partial = await run('export-dataset', ...same, '--strict');
      expect(partial.stderr).toMatch(/^warning: before the export was cut off a request had failed, /m);
      expect(partial.code).toBe(3);
    });

    test('JSON lines hold the same, with null for what is missing', async () => {
      const csv = (await run('export-dataset', '-n', 'shop', ...span)).stdout.trimEnd().split('\n');
      const jsonl = (await run('export-dataset', '-n', 'shop', ...span, '-o', 'jsonl')).stdout.trimEnd().split('\n');
      expect(jsonl).toHaveLength(csv.length - 1);
      const names = csv[0]?.split(',') ?? [];
      for (const [i, line] of jsonl.entries()) {
        const values = Object.values(JSON.parse(line) as Record<string, string | number | null>);
        expect(values.map((value) => (value === null ? '' : String(value)))).toEqual(csv[i + 1]?.split(','));
        expect(values).toHaveLength(names.length);
      }
    });

    test.each([
      [['-n', 'media'], /it was begun with --namespace shop, not media; write to another/],
      [['-A'], /it was begun with --namespace shop, not \(all\); write to another/],
      [['-n', 'shop', '--run', 'other'], /it was begun with --run export, not other; write to another/],
      [['-n', 'shop', '--step', '15s'], /it was begun with --step 30s, not 15s; write to another/],
      [['-n', 'shop', '--horizon', '5m'], /it was begun with --horizon 600s, not 300s; write to another/],
    ])('a file that another command began is refused, and left as it is: %j', async (change, problem) => {
      for (const format of ['csv', 'jsonl']) {
        const path = join(folder(), 'rows');
        const whole = await run('export-dataset', '-n', 'shop', ...span, '-o', format);
        leave(path, whole.stdout.slice(0, 5000), { '--output': format });
        const other = await run('export-dataset', ...change, ...span, '--to', path, '-o', format);
        expect(other).toMatchObject({ code: 2, stdout: '' });
        expect(other.stderr).toMatch(problem);
        expect(readFileSync(path, 'utf8')).toBe(whole.stdout.slice(0, 5000));
      }
    });

    test('a complete file is refused, and left as it is', async () => {
      const path = join(folder(), 'rows.csv');
      const command = ['export-dataset', '-n', 'shop', ...span, '--to', path];
      expect((await run(...command)).code).toBe(0);
      const before = readFileSync(path, 'utf8');
      const again = await run(...command);
      expect(again).toMatchObject({ code: 2, stdout: '' });
      expect(again.stderr).toMatch(
        /^error: .* cannot be gone on with: it is complete, or kpfd did not begin it; write to /,
      );
      expect(readFileSync(path, 'utf8')).toBe(before);
    });

    test('a namespace that does not exist is no empty dataset', async () => {
      const path = join(folder(), 'rows.csv');
      const ran = await run('export-dataset', '-n', 'shp', ...span);
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      await run('export-dataset', '-n', 'shp', ...span, '--to', path);
      expect([path, `${path}.begun`].map((one) => existsSync(one))).toEqual([false, false]);
      expect(ran.stderr).toMatch(/^error: Prometheus knows no namespace "shp"; did you mean shop\?/m);
      expect((await run('backtest', '-n', 'shp', ...span)).code).toBe(2);
    });

    test('a namespace without pods has no rows, and says that none were found', async () => {
      const ran = await run('export-dataset', '-n', 'default', ...span);
      expect(ran.code).toBe(0);
      expect(ran.stdout.split('\n')).toHaveLength(2);
      expect(ran.stderr).toBe('No pods to evaluate found in namespace default (-A takes all)\n');
      const backtested = await run('backtest', '-n', 'default', ...span);
      expect(backtested).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^No pods to evaluate found\nmodel default /),
      });
    });

    test.each(['export-dataset', 'backtest'])('of a time without data nothing can be told: %s', async (command) => {
      const ran = await run(command, '-A', '--start', '1795300000', '--end', '1795300600');
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toMatch(/^error: cannot tell: /m);
    });

    test('a device is written to, and a full one is told', async () => {
      const ran = await run('export-dataset', '-n', 'shop', ...span, '--to', '/dev/full');
      expect(ran).toMatchObject({ code: 2, stderr: 'error: cannot write the dataset /dev/full: the disk is full\n' });
      expect((await run('export-dataset', '-n', 'shop', ...span, '--to', '-')).stdout).toMatch(/^run,time,namespace,/);
    });

    test('labels come from what kubectl printed where a file says so, and a bad one is named with its line', async () => {
      const rows = (await run('export-dataset', '-n', 'media', ...span)).stdout;
      const kubectl = ['--labels', join(RUN_A, 'status.jsonl.gz')];
      const other = (await run('export-dataset', '-n', 'media', ...span, ...kubectl)).stdout;
      expect(other.split('\n').length).toBeGreaterThan(100);
      expect(other).not.toBe(rows);
      const path = join(folder(), 'status.jsonl');
      writeFileSync(path, '{"t": 1, "pods": {}}\nhello\n');
      const bad = await run('export-dataset', '-n', 'media', ...span, '--labels', path);
      expect(bad.code).toBe(2);
      expect(bad.stderr).toMatch(/^error: line 2 of the labels file .* is not usable: it is no JSON; give JSON Lines/m);
    });
  });

  test('--prior moves the odds of well pods and says so to a model that cannot', async () => {
    const at = ['--at', '1795413300'];
    const riskOf = async (...more: string[]): Promise<number> => {
      const { stdout } = await run('scan', '-n', 'media', '-o', 'json', ...at, ...more);
      const { pods } = JSON.parse(stdout) as { pods: { name: string; prediction: { risk: number } | null }[] };
      return pods.find(({ name }) => name.startsWith('chat-'))?.prediction?.risk ?? Number.NaN;
    };
    const odds = (risk: number): number => risk / (1 - risk);
    const { prior } = JSON.parse(readFileSync('models/default/metadata.json', 'utf8')) as {
      prior: { assumed: number };
    };
    const moved = odds(await riskOf('--prior', '0.001')) / odds(await riskOf());
    expect(moved).toBeCloseTo(odds(0.001) / odds(prior.assumed), 6);
  });
});
