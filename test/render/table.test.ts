import { describe, expect, test } from 'vitest';
import { STATUSES, type Status } from '../../src/core/pods/status.ts';
import { conclude, type PodPrediction } from '../../src/core/predictions/prediction.ts';
import { painter } from '../../src/render/colour.ts';
import { podCsv } from '../../src/render/csv.ts';
import { podTable, STATUS_HEADINGS, STEP_BACK } from '../../src/render/table.ts';
import { container, pod } from '../support/pods.ts';

function made(name: string, known: Parameters<typeof pod>[0] = {}, status: Status = 'Running'): PodPrediction {
  const rest = 0.04 / 6;
  const probabilities = Object.fromEntries(STATUSES.map((s) => [s, s === status ? 0.96 : rest])) as Record<
    Status,
    number
  >;
  return {
    pod: pod({ name, createdAtUnixSeconds: 400, ...known }),
    now: {
      now: 'Running',
      status: 'Running',
      leaving: false,
      readyContainers: 1,
      totalContainers: 1,
      restarts: 3,
      restartedAtUnixSeconds: 900,
    },
    prediction: conclude(probabilities),
    notEvaluated: undefined,
    features: undefined,
    reasons: undefined,
  };
}

function table(
  predictions: readonly PodPrediction[],
  known: Partial<Parameters<typeof podTable>[1]> = {},
): { lines: string[]; hidden: string[] } {
  const { text, hidden } = podTable(predictions, {
    headings: true,
    wide: false,
    width: undefined,
    paint: painter(false),
    unixSeconds: 1000,
    ...known,
  });
  return { lines: text.split('\n').slice(0, -1), hidden };
}

test("kubectl's look: no borders, two spaces between columns, nothing at the end of a line", () => {
  const { lines } = table([made('cart-7d9f8'), made('a-much-longer-name')]);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^NAMESPACE {2}POD {17}READY {2}NOW {6}PREDICTED {2}CONFIDENCE {2}RISK {2}RESTARTS {6}AGE/);
  expect(lines[1]?.split(/ {2,}/)).toEqual([
    'shop',
    'cart-7d9f8',
    '1/1',
    'Running',
    'Running',
    '96%',
    '2%',
    '3 (100s ago)',
    '10m',
    '1%',
    '1%',
    '1%',
    '1%',
    '1%',
    '96%',
    '1%',
  ]);
  expect(lines.filter((line) => line !== line.trimEnd() || /[│─|]/.test(line))).toEqual([]);
});

test('all seven probabilities have a column', () => {
  for (const status of STATUSES) expect(table([made('a')]).lines[0]).toContain(STATUS_HEADINGS[status]);
});

describe('on a terminal', () => {
  const pods = [made('cart-7d9f8')];
  const full = (table(pods).lines[0] as string).length;

  test('everything is shown where there is room', () => {
    expect(table(pods, { width: full }).hidden).toEqual([]);
  });

  test('columns step back in the stated order, as few as need be', () => {
    expect(table(pods, { width: full - 1 }).hidden).toEqual(['GONE']);
    expect(table(pods, { width: 80 }).hidden).toEqual(STEP_BACK.slice(0, table(pods, { width: 80 }).hidden.length));
    for (const line of table(pods, { width: 80 }).lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('POD, NOW, PREDICTED and RISK never do', () => {
    const { lines } = table(pods, { width: 1 });
    expect(lines[0]).toBe('POD         NOW      PREDICTED  RISK');
    expect(lines[1]).toBe('cart-7d9f8  Running  Running      2%');
  });

  test('into a pipe or a file all are there, and wide adds node and owner', () => {
    expect(table(pods).hidden).toEqual([]);
    expect(table(pods, { wide: true, width: 20 }).lines[0]).toMatch(/NODE {4}OWNER +WHY$/);
  });
});

test('WHY has the two facts that count most, and which way each of them moved the risk', () => {
  const why = (...logOdds: readonly number[]): string | undefined => {
    const topics = ['state', 'readiness', 'node'] as const;
    const reasons = logOdds.map((odds, i) => ({ topic: topics[i] ?? 'node', logOdds: odds, features: [] }));
    const known = { readyCondition: 'false', containers: [container({ state: 'running' })] } as const;
    return table([{ ...made('cart-0', known), reasons }], { wide: true })
      .lines[1]?.split(/ {2,}/)
      .at(-1);
  };
  expect(why(-2, -1, -0.5)).toBe('lowered: no container is down; the pod is not ready');
  expect(why(-2, 1, 0.5)).toBe('lowered: no container is down; raised: the pod is not ready');
  expect(why(2, -1)).toBe('raised: no container is down; lowered: the pod is not ready');
  expect(why(2)).toBe('raised: no container is down');
});

test('WHY says a fact once, though two topics come down to it', () => {
  const waiting = made('cart-0', {
    readyCondition: 'false',
    containers: [container({ state: 'waiting', reason: 'ImagePullBackOff' })],
  });
  const reasons = (['start', 'readiness', 'state'] as const).map((topic, i) => ({
    topic,
    logOdds: 2 - 0.6 * i,
    features: [],
  }));
  const [, line] = table([{ ...waiting, reasons }], { wide: true }).lines;
  expect(line).toMatch(/ {2}raised: container app waits: ImagePullBackOff; the pod is not ready$/);
});

test('colours are extra: without them the words are the same', () => {
  const plain = table([made('a', {}, 'Error')]).lines.join('\n');
  const coloured = table([made('a', {}, 'Error')], { paint: painter(true) }).lines.join('\n');
  expect(coloured).toContain('\u001b[31m');
  expect(coloured.replace(/\u001b\[\d+m/g, '').replace(/ +$/gm, '')).toBe(plain);
});

test('names from outside cannot command the terminal', () => {
  const { lines } = table([made('evil\u001b[2J\nname')]);
  expect(lines).toHaveLength(2);
  expect(lines.join('')).not.toContain('\u001b');
});

test('what is not known is a dash or a question mark, never 0', () => {
  const bare: PodPrediction = {
    pod: pod(),
    now: {
      now: '?',
      status: undefined,
      leaving: false,
      readyContainers: 0,
      totalContainers: undefined,
      restarts: undefined,
      restartedAtUnixSeconds: undefined,
    },
    prediction: undefined,
    notEvaluated: 'no-phase',
    features: undefined,
    reasons: undefined,
  };
  expect(table([bare]).lines[1]?.split(/ {2,}/)).toEqual([
    'shop',
    'cart-0',
    '0/?',
    '?',
    '-',
    '-',
    '-',
    '-',
    '-',
    ...STATUSES.map(() => '-'),
  ]);
});

test('without headings there are rows only, and without rows nothing', () => {
  expect(table([made('a')], { headings: false }).lines).toHaveLength(1);
  expect(
    podTable([], { headings: false, wide: false, width: undefined, paint: painter(false), unixSeconds: 0 }).text,
  ).toBe('');
});

/** RFC 4180: fields with a comma or a quote are quoted, quotes doubled. */
test('CSV is quoted where it must be', () => {
  const lines = podCsv([made('a,"b"\nc')], true, 1000).split('\n');
  expect(lines[0]).toMatch(
    /^namespace,pod,node,ready,total,now,status,predicted,confidence,risk,restarts,age_seconds,p_/,
  );
  expect(lines[1]).toMatch(/^shop,"a,""b""\ufffdc",,1,1,Running,Running,Running,0\.96,/);
  expect(lines).toHaveLength(3);
});
