import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { conformanceCases, type ConformanceCase } from '../support/conformance-cases.ts';
import { file } from '../support/files.ts';
import { differingBits, float32sOf, float64sOf } from '../support/float32s.ts';
import { kpfd } from '../support/run.ts';

/** What XGBoost itself said of these models: fixtures/forests/conformance.py. */
const FOLDER = 'fixtures/forests/conformance/xgboost-3.4.1';
const cases = conformanceCases(FOLDER);

function caseNamed(name: string): ConformanceCase {
  const found = cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

function pathOf(name: string, suffix = 'json'): string {
  const path = join(FOLDER, `${name}.${suffix}`);
  return existsSync(path) ? path : `${path}.gz`;
}

function namesOf({ truth }: ConformanceCase): string[] {
  return truth.featureNames ?? Array.from({ length: truth.featureCount }, (_, i) => `f${i}`);
}

function csvOf(example: ConformanceCase, rows: ArrayLike<number>, rowCount: number): string {
  const names = namesOf(example);
  const quoted = names.map((name) => `"${name.replaceAll('"', '""')}"`);
  const lines = Array.from({ length: rowCount }, (_, row) =>
    names
      .map((__, i) => {
        const x = rows[row * names.length + i] as number;
        return Number.isNaN(x) ? '' : Object.is(x, -0) ? '-0' : String(x);
      })
      .join(','),
  );
  // An empty line is no row: a single column's missing value is written as "", as pandas does.
  return [quoted.join(','), ...lines].map((line) => `${line === '' ? '""' : line}\n`).join('');
}

/** The numbers of the answer's CSV. */
function numbersOf(csv: string): Float32Array {
  const [, ...lines] = csv.trimEnd().split('\n');
  return Float32Array.from(lines.flatMap((line) => line.split(',').map(Number)));
}

async function predicted(name: string, rows: string, ...flags: string[]): Promise<Float32Array> {
  const ran = await kpfd(['model', 'predict', pathOf(name), '--rows', '-', '--rows-format', 'csv', '-q', ...flags], {
    stdin: [rows],
  });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return numbersOf(ran.stdout);
}

/** Within 1e-5 of the largest: XGBoost itself adds contributions up in float32. */
function expectNear(actual: Float32Array, wanted: Float32Array): void {
  expect(actual.length).toBe(wanted.length);
  const scale = 1 + Math.max(...wanted.map(Math.abs));
  const far = [...actual].filter((x, i) => !(Math.abs(x - (wanted[i] as number)) <= 1e-5 * scale));
  expect(far).toEqual([]);
}

/** One of each kind of model; a caveat makes no difference in these. */
const CHOSEN = [
  'names',
  'names-spaced',
  'names-odd',
  'objective-logistic',
  'objective-softprob',
  'objective-softmax',
  'objective-quantiles',
  'targets',
  'vector-leaves',
  'dart',
  'random-forest',
  'categories-partition',
  'extremes',
  'one-column',
  'no-split',
  'linear',
  'linear-targets',
  'sparse-300',
];

describe.each(CHOSEN)("the same as XGBoost's: %s", (name) => {
  const example = caseNamed(name);
  const { truth } = example;
  const csv = csvOf(example, float32sOf(truth.rows), truth.rowCount);

  test('predictions and margins, to the last bit', async () => {
    expect(differingBits(await predicted(name, csv), float32sOf(truth.predictions))).toEqual([]);
    expect(differingBits(await predicted(name, csv, '--margin'), float32sOf(truth.margins))).toEqual([]);
  });
});

test.each(CHOSEN.map(caseNamed).filter(({ truth }) => typeof truth.contributions === 'string'))(
  "contributions of $name are XGBoost's",
  async (example) => {
    const { name, truth } = example;
    const rows = float32sOf(truth.explainedRows ?? truth.rows);
    const part = csvOf(example, rows, truth.explainedRowCount ?? 0);
    expectNear(await predicted(name, part, '--contributions'), float32sOf(truth.contributions ?? ''));
  },
);

test.each(CHOSEN.map(caseNamed).filter(({ truth }) => typeof truth.leaves === 'string'))(
  "leaves of $name are XGBoost's",
  async (example) => {
    const { name, truth } = example;
    const part = csvOf(example, float32sOf(truth.rows), truth.leafRowCount);
    const wanted = new Int32Array(float32sOf(truth.leaves ?? '').buffer);
    expect([...(await predicted(name, part, '--leaves'))]).toEqual([...wanted]);
  },
);

describe("the same as XGBoost's", () => {
  const example = caseNamed('names');
  const { truth } = example;

  test('for some of the iterations', async () => {
    expect(truth.ranges.length).toBeGreaterThan(0);
    for (const { begin, end, rowCount, margins } of truth.ranges) {
      const csv = csvOf(example, float32sOf(truth.rows), rowCount);
      const actual = await predicted('names', csv, '--margin', '--iteration-range', `${begin}:${end}`);
      expect(differingBits(actual, float32sOf(margins))).toEqual([]);
    }
  });

  test('for a number that stands for missing', async () => {
    const { value = 0, rows = '', rowCount = 0, predictions = '' } = truth.missing ?? {};
    const csv = csvOf(example, float32sOf(rows), rowCount);
    const actual = await predicted('names', csv, '--missing', String(value));
    expect(differingBits(actual, float32sOf(predictions))).toEqual([]);
  });

  test('for infinities', async () => {
    const { rows = '', rowCount = 0, predictions = '' } = truth.infinite ?? {};
    const actual = await predicted('names', csvOf(example, float32sOf(rows), rowCount));
    expect(differingBits(actual, float32sOf(predictions))).toEqual([]);
  });

  test('for numbers of more digits than float32 has', async () => {
    const { rows64 = '', rowCount = 0, predictions = '' } = truth.float64 ?? {};
    const actual = await predicted('names', csvOf(example, float64sOf(rows64), rowCount));
    expect(differingBits(actual, float32sOf(predictions))).toEqual([]);
  });

  test('from UBJSON, and from a dump with what it lacks', async () => {
    const rows = file('rows.csv', csvOf(example, float32sOf(truth.rows), truth.rowCount));
    const facts = ['--objective', 'binary:logistic', '--base-score', '0.475', '--xgboost-version', '3.4.1'];
    const names = file('names.txt', `${namesOf(example).join('\n')}\n`);
    for (const argv of [
      [pathOf('names', 'ubj')],
      [pathOf('names', 'dump.json'), ...facts, '--feature-names', `@${names}`],
    ]) {
      const { stdout, code } = await kpfd(['model', 'predict', ...argv, '--rows', rows]);
      expect(code).toBe(0);
      expect(differingBits(numbersOf(stdout), float32sOf(truth.predictions))).toEqual([]);
    }
  });

  test('from JSON and into JSON, in more batches than one', async () => {
    const rows = float32sOf(truth.rows);
    const repeated = Array.from({ length: 60 * truth.rowCount }, (_, row) => row % truth.rowCount);
    const lists = repeated.map((row) =>
      Array.from(rows.subarray(row * truth.featureCount, (row + 1) * truth.featureCount), (x) =>
        Number.isNaN(x) ? null : x,
      ),
    );
    const wanted = float32sOf(truth.predictions);
    const argv = ['model', 'predict', pathOf('names'), '--rows', '-'];
    for (const [format, open] of [
      ['json', (text: string) => JSON.parse(text) as unknown[]],
      [
        'jsonl',
        (text: string) =>
          text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as unknown),
      ],
    ] as const) {
      const { stdout, code } = await kpfd([...argv, '-o', format], { stdin: [JSON.stringify(lists)] });
      expect(code).toBe(0);
      const answers = open(stdout) as { prediction: number }[];
      const actual = Float32Array.from(answers, ({ prediction }) => prediction);
      expect(
        differingBits(
          actual,
          Float32Array.from(repeated, (row) => wanted[row] as number),
        ),
      ).toEqual([]);
    }
  });
});

describe('the columns of the answer', () => {
  async function headerOf(path: string, rows: string, ...flags: string[]): Promise<string | undefined> {
    const { stdout } = await kpfd(['model', 'predict', path, '--rows', '-', ...flags], { stdin: [rows] });
    return stdout.split('\n')[0];
  }
  const six = 'f0,f1,f2,f3,f4,f5\n1,2,3,4,5,6\n';

  test('are named after what they are, and outputs after their number', async () => {
    expect(await headerOf(pathOf('objective-logistic'), six)).toBe('prediction');
    expect(await headerOf(pathOf('targets'), six)).toBe('prediction_0,prediction_1,prediction_2');
    expect(await headerOf(pathOf('objective-softmax'), six)).toBe('prediction');
    expect(await headerOf(pathOf('objective-softmax'), six, '--margin')).toBe('margin_0,margin_1,margin_2,margin_3');
  });

  test('contributions have the names of the features, and the bias, for each output', async () => {
    expect(await headerOf(pathOf('objective-logistic'), six, '--contributions')).toBe('f0,f1,f2,f3,f4,f5,bias');
    const several = (await headerOf(pathOf('targets'), six, '--contributions'))?.split(',');
    expect(several?.slice(0, 8)).toEqual(['0:f0', '0:f1', '0:f2', '0:f3', '0:f4', '0:f5', '0:bias', '1:f0']);
  });

  test('classes of a model of kpfd have their names', async () => {
    const { schema } = JSON.parse(readFileSync('models/default/metadata.json', 'utf8')) as {
      schema: { features: string[] };
    };
    const rows = `${schema.features.join(',')}\n${schema.features.map(() => '').join(',')}\n`;
    expect(await headerOf('models/default', rows)).toMatch(/^prediction_CrashLoopBackOff,prediction_Error,/);
  });

  test('leaves have the number of their tree in the whole model', async () => {
    expect(await headerOf(pathOf('targets'), six, '--leaves', '--iteration-range', '4:5')).toBe(
      'tree_12,tree_13,tree_14',
    );
  });

  test('can be left out', async () => {
    expect(await headerOf(pathOf('objective-logistic'), six, '--no-headers')).toMatch(/^0\.\d+$/);
  });
});

describe('no rows', () => {
  test.each([
    ['a header alone', 'f0,f1,f2,f3,f4,f5\n', 'csv', 'prediction\n'],
    ['a header alone, as JSON', 'f0,f1,f2,f3,f4,f5\n', 'json', '[]\n'],
    ['an empty list', '[]', 'jsonl', ''],
  ])('%s is no failure, and is told', async (_, rows, format, stdout) => {
    const argv = ['model', 'predict', pathOf('objective-logistic'), '--rows', '-', '-o', format];
    expect(await kpfd(argv, { stdin: [rows] })).toEqual({ code: 0, stdout, stderr: 'No rows found in stdin\n' });
    expect(await kpfd([...argv, '-q'], { stdin: [rows] })).toEqual({ code: 0, stdout, stderr: '' });
  });
});

describe('one sentence and exit code 2', () => {
  const model = pathOf('names');
  const header = 'f0,f2,f1,load,memory_rss,f12\n';

  test.each<[string, string, string[], RegExp]>([
    ['nothing', '', [], /stdin is empty; its first line must name the columns/],
    ['rows in place of the header', '1,2,3,4,5,6\n', [], /if its first line is a row already, give --no-header-row/],
    ['a column twice', `f0,${header}`, [], /stdin has the column "f0" twice; leave one of them out/],
    [
      'two strangers',
      `pod,node,${header}`,
      [],
      /the columns "pod" and "node", which the model does not know; leave them/,
    ],
    ['a missing name in JSON', '{"f0":1}', [], /row 1 of stdin lacks the columns "f2", "f1"/],
    [
      'a control character',
      `${header}1,2,3,4,5,"\u001b[2J"\n`,
      [],
      /line 2 of stdin has "\ufffd\[2J" in the column "f12"/,
    ],
    ['an open quote', `${header}1,2,3,4,5,"6\n7`, [], /line 2 of stdin opens a quote that is never closed/],
    ['a quote in a field', `${header}1,2,3,4,5,6"\n`, [], /line 2 of stdin has a quote in the middle of a field/],
    ['broken JSON', '[[1,2,3,4,5,6', [], /row 1 of stdin is no JSON, or is cut off/],
    ['a JSON number', '[[1,2,3,4,5,6],7]', [], /row 2 of stdin is no row/],
    ['a JSON text', '[[1,2,3,4,5,"6"]]', [], /row 1 of stdin has ""6"" in the column "f12".*a missing value is null/],
    ['a short JSON list', '[[1,2]]', [], /row 1 of stdin has 2 values, and the model has 6 features/],
    [
      'fields without a header',
      '1,2\n',
      ['--no-header-row'],
      /line 1 of stdin has 2 fields, and the model has 6 features/,
    ],
    [
      'iterations beyond the end',
      header,
      ['--iteration-range', '2:99'],
      /2:99 is not within the model's iterations 0:6/,
    ],
    ['iterations backwards', header, ['--iteration-range', '3:2'], /3:2 is not within/],
    ['no range', header, ['--iteration-range', '3'], /takes BEGIN:END, not "3"; write 0:10/],
    ['a missing value that is none', header, ['--missing', '?'], /--missing takes a number, not "\?"/],
    ['two answers at once', header, ['--margin', '--leaves'], /--margin and --leaves exclude each other/],
    [
      'an unknown format',
      header,
      ['-o', 'jsnl'],
      /--output takes csv, json or jsonl, not "jsnl"; did you mean jsonl\?/,
    ],
    ['an unknown format of rows', header, ['--rows-format', 'cvs'], /did you mean csv\?/],
    ['an unknown flag', header, ['--margins'], /unknown option '--margins'; did you mean --margin\?/],
    [
      'half of a dump',
      header,
      ['--base-score', '1'],
      /--objective, --feature-names and --xgboost-version are not given/,
    ],
    ['an unknown objective', header, ['--objective', 'binary:logistc'], /did you mean binary:logistic\?/],
    ['no version', header, ['--xgboost-version', '3'], /--xgboost-version takes a version like 3.4.1, not "3"/],
  ])('%s', async (_, rows, flags, sentence) => {
    const { code, stdout, stderr } = await kpfd(['model', 'predict', model, '--rows', '-', ...flags], {
      stdin: [rows],
    });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain('this is a bug');
    expect(code).toBe(2);
    // Nothing is printed but the rows before the wrong one, and a header above them.
    const before = Number(/\((\d+) rows? before it/.exec(stderr)?.[1] ?? 0);
    expect(stdout.split('\n')).toHaveLength(before === 0 ? 1 : before + 2);
  });

  test('rows before the wrong one are printed, in all batches, and counted', async () => {
    const rows = `${header}${'1,2,3,4,5,6\n'.repeat(10_000)}1,2,3,4,5,six\n1,2,3,4,5,6\n`;
    const ran = await kpfd(['model', 'predict', model, '--rows', '-', '--no-headers'], { stdin: [rows] });
    expect(ran.code).toBe(2);
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(10_000);
    expect(ran.stderr).toMatch(/line 10002 of stdin has "six" .* \(10000 rows before it were predicted\)/);
  });

  test('a list of JSON that ends early stays open', async () => {
    const ran = await kpfd(['model', 'predict', model, '--rows', '-', '-o', 'json'], {
      stdin: ['[[1,2,3,4,5,6],[1]]'],
    });
    expect(ran.stdout).toMatch(/^\[\n\{"prediction":0\.\d+\}$/);
    expect(ran.code).toBe(2);
  });

  test('a model that is none', async () => {
    const path = file('model.json', '{"version":');
    const ran = await kpfd(['model', 'predict', path, '--rows', '-'], { stdin: [header] });
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(/^error: cannot use the model .*model\.json: it is cut off/);
  });

  test('a folder that is no model, and options of a dump for one that is', async () => {
    expect((await kpfd(['model', 'show', 'fixtures/rows'])).stderr).toMatch(/cannot read the model .*metadata\.json/);
    const ran = await kpfd(['model', 'show', 'models/default', '--xgboost-version', '1.0.0']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(/metadata\.json tells all that its file lacks/);
  });
});
