import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FEATURE_NAMES } from '../../../src/core/features/schema.ts';
import { STATUSES, type Status } from '../../../src/core/pods/status.ts';
import { listPods } from '../../../src/core/predictions/listing.ts';
import { readMetadata } from '../../../src/core/predictions/model-metadata.ts';
import { composeModel, SchemaMismatch, type Model } from '../../../src/core/predictions/model.ts';
import type { SortKey } from '../../../src/core/predictions/sort-keys.ts';
import { byRisk, conclude, predictPods, type PodPrediction } from '../../../src/core/predictions/prediction.ts';
import { container, node, pod } from '../../support/pods.ts';

const METADATA = readFileSync('models/default/metadata.json', 'utf8');
const MODEL = {
  model: readFileSync('models/default/model.json'),
  risk: readFileSync('models/default/risk.json'),
};
const model: Model = composeModel(readMetadata(METADATA), MODEL);
const rules = { kubernetesMinor: 34 };

function distribution(known: Partial<Record<Status, number>>): Record<Status, number> {
  return Object.fromEntries(STATUSES.map((status) => [status, known[status] ?? 0])) as Record<Status, number>;
}

describe('from a distribution to a conclusion', () => {
  test('the likeliest status is predicted, and its probability is the confidence', () => {
    expect(conclude(distribution({ Running: 0.7, Error: 0.3 }))).toMatchObject({ status: 'Running', confidence: 0.7 });
  });

  test('of equally likely statuses the worst is predicted', () => {
    expect(conclude(distribution({ Running: 0.4, Error: 0.4, Pending: 0.2 })).status).toBe('Error');
    expect(conclude(distribution({ Error: 0.5, CrashLoopBackOff: 0.5 })).status).toBe('CrashLoopBackOff');
  });

  test('risk is CrashLoopBackOff, Error and Unknown together, and never above 1', () => {
    const some = distribution({ CrashLoopBackOff: 0.125, Error: 0.25, Unknown: 0.5, Pending: 0.125 });
    expect(conclude(some).risk).toBe(0.875);
    expect(conclude(distribution({ CrashLoopBackOff: 0.7, Error: 0.3 + 1e-9 })).risk).toBe(1);
  });
});

describe('which pods are evaluated', () => {
  const one = (known: Parameters<typeof pod>[0]): PodPrediction =>
    predictPods([pod(known)], model, rules)[0] as PodPrediction;

  test('a running pod gets seven probabilities that sum to 1', () => {
    const { prediction, notEvaluated } = one({ phase: 'Running', containers: [container({ state: 'running' })] });
    expect(notEvaluated).toBeUndefined();
    expect(Object.values(prediction?.probabilities ?? {}).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
    expect(prediction?.probabilities.NotFound).toBe(0);
  });

  test('a pod that is gone is NotFound, without the model', () => {
    expect(one({ presence: 'gone' })).toMatchObject({
      prediction: { status: 'NotFound', confidence: 1, risk: 0 },
      features: undefined,
    });
  });

  test.each([
    ['terminating', { phase: 'Running', terminating: true }],
    ['finished', { phase: 'Succeeded', containers: [container({ state: 'terminated', reason: 'Completed' })] }],
    ['untold', { presence: 'untold' }],
    ['no-phase', {}],
  ] as const)('a pod that is %s is listed, not evaluated', (reason, known) => {
    expect(one(known)).toMatchObject({ notEvaluated: reason, prediction: undefined });
  });

  test('a pod that failed as it was told to stop prints how it ended, and has not failed', () => {
    const ended = [container({ state: 'terminated', reason: 'Error' })];
    expect(one({ phase: 'Failed', terminating: true, containers: ended })).toMatchObject({
      now: { now: 'Error', status: undefined, leaving: true },
      notEvaluated: 'terminating',
      prediction: undefined,
    });
  });

  test('an evicted pod that prints as Completed counts as Error and is evaluated', () => {
    const evicted = one({
      phase: 'Failed',
      statusReasons: ['Evicted'],
      containers: [container({ state: 'terminated', reason: 'Completed' })],
    });
    expect(evicted).toMatchObject({ now: { now: 'Completed', status: 'Error' }, notEvaluated: undefined });
    expect(evicted.prediction).toBeDefined();
  });

  test('no pods are no problem', () => {
    expect(predictPods([], model, rules)).toEqual([]);
  });
});

describe('order and choice', () => {
  const made = (name: string, risk: number | undefined, confidence = 0.5): PodPrediction => ({
    pod: pod({ name }),
    now: {
      now: 'Running',
      status: 'Running',
      leaving: false,
      readyContainers: 1,
      totalContainers: 1,
      restarts: risk === undefined ? undefined : 1,
      restartedAtUnixSeconds: undefined,
    },
    prediction:
      risk === undefined ? undefined : { status: 'Running', confidence, risk, probabilities: distribution({}) },
    notEvaluated: risk === undefined ? 'terminating' : undefined,
    features: undefined,
    reasons: undefined,
  });
  const pods = [
    made('b', 0.2),
    made('gone', 0),
    made('out', undefined),
    made('a', 0.2),
    made('sure', 0.2, 0.9),
    made('worst', 0.8),
  ];
  const options = { atRisk: false, minRisk: undefined, completed: false, sortBy: 'risk' } as const;
  const names = (listing: { pods: readonly PodPrediction[] }): string[] =>
    listing.pods.map(({ pod: { name } }) => name);

  test('worst first: by risk, confidence, name; what was not evaluated last', () => {
    expect(pods.toSorted(byRisk).map(({ pod: { name } }) => name)).toEqual(['worst', 'sure', 'a', 'b', 'gone', 'out']);
  });

  test('what was not evaluated comes first where it fails now', () => {
    const out = made('crashing', undefined);
    const crashing = { ...out, now: { ...out.now, now: 'CrashLoopBackOff', status: 'CrashLoopBackOff' as const } };
    expect([...pods, crashing].toSorted(byRisk)[0]?.pod.name).toBe('crashing');
  });

  test("at risk means the model's threshold, unless another is named", () => {
    expect(names(listPods(pods, 0.5, { ...options, atRisk: true }))).toEqual(['worst']);
    expect(names(listPods(pods, 0.5, { ...options, minRisk: 0.2 }))).toEqual(['worst', 'sure', 'a', 'b']);
    expect(names(listPods(pods, 0.5, { ...options, minRisk: 0 }))).not.toContain('out');
  });

  test('what fails now, or whose node is lost, is not healthy, though no risk is told of it', () => {
    const fails = { ...made('fails', undefined), notEvaluated: 'no-history' as const };
    const unwell = { ...fails, now: { ...fails.now, now: 'CrashLoopBackOff', status: 'CrashLoopBackOff' as const } };
    const lost = { ...made('lost', undefined), notEvaluated: 'node-lost' as const };
    const runs = { ...made('runs', undefined), notEvaluated: 'no-history' as const };
    const listing = listPods([runs, lost, unwell], 0.5, { ...options, atRisk: true });
    expect(names(listing)).toEqual(['fails', 'lost']);
    expect(listing.atRisk).toBe(0);
  });

  test('another order falls back on the worst first', () => {
    expect(names(listPods(pods, 0.5, { ...options, sortBy: 'name' }))).toEqual([
      'a',
      'b',
      'gone',
      'out',
      'sure',
      'worst',
    ]);
    expect(names(listPods(pods, 0.5, { ...options, sortBy: 'restarts' })).at(-1)).toBe('out');
  });

  test.each<[SortKey, string[]]>([
    ['confidence', ['sure', 'risky', 'old']],
    ['name', ['old', 'risky', 'sure']],
    ['namespace', ['risky', 'sure', 'old']],
    ['now', ['sure', 'risky', 'old']],
    ['predicted', ['risky', 'old', 'sure']],
    ['restarts', ['old', 'risky', 'sure']],
    ['age', ['sure', 'old', 'risky']],
    ['node', ['risky', 'old', 'sure']],
    ['risk', ['risky', 'sure', 'old']],
  ])('the order by %s', (sortBy, order) => {
    const row = (
      name: string,
      [risk, confidence]: readonly [number, number],
      status: Status,
      [namespace, onNode, created]: readonly [string, string, number],
      [now, restarts]: readonly [string, number],
    ): PodPrediction => {
      const own = made(name, risk, confidence);
      const known = { namespace, node: node(onNode), createdAtUnixSeconds: created };
      return {
        ...own,
        pod: { ...own.pod, ...known },
        now: { ...own.now, now, restarts },
        prediction: own.prediction && { ...own.prediction, status },
      };
    };
    const listed = [
      row('sure', [0.2, 0.9], 'Running', ['b', 'n3', 300], ['Evicted', 0]),
      row('old', [0.1, 0.6], 'Error', ['c', 'n2', 200], ['Running', 9]),
      row('risky', [0.8, 0.8], 'CrashLoopBackOff', ['a', 'n1', 100], ['Pending', 3]),
    ];
    expect(names(listPods(listed, 0.5, { ...options, sortBy }))).toEqual(order);
  });

  test('finished pods are counted, and listed on demand', () => {
    const done = { ...made('done', undefined), notEvaluated: 'finished' as const };
    expect(listPods([done], 0.5, options)).toMatchObject({ pods: [], finishedHidden: 1, total: 0 });
    expect(listPods([done], 0.5, { ...options, completed: true })).toMatchObject({ finishedHidden: 0, total: 1 });
  });
});

describe('a model and its metadata', () => {
  const edited = (change: Record<string, unknown>): string => JSON.stringify({ ...JSON.parse(METADATA), ...change });

  test('the model that ships fits this version', () => {
    expect(model).toMatchObject({ name: 'default', horizonSeconds: 600 });
    expect(model.forest.featureNames).toEqual(model.columns.map((column) => FEATURE_NAMES[column]));
    expect(model.risk?.forest.featureNames).toEqual(model.forest.featureNames);
    expect(model.classes).not.toContain('NotFound');
  });

  test.each<[string, Record<string, unknown>]>([
    ['another hash', { schema: { hash: '0', features: FEATURE_NAMES } }],
    ['a feature less', { schema: { ...JSON.parse(METADATA).schema, features: FEATURE_NAMES.slice(1) } }],
    ['another lookback', { lookbackSeconds: 60 }],
  ])('%s is a mismatch of schemas', (_, change) => {
    expect(() => composeModel(readMetadata(edited(change)), MODEL)).toThrow(SchemaMismatch);
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', '{', /no JSON/],
    ['no object', '[]', /no JSON object/],
    ['a class that is no status', edited({ classes: ['Running', 'Fine'] }), /"Fine"/],
    ['a class named twice', edited({ classes: ['Running', 'Running'] }), /twice/],
    ['no horizon', edited({ horizonSeconds: 'soon' }), /horizonSeconds/],
    ['an impossible threshold', edited({ riskThreshold: 50 }), /riskThreshold/],
    ['an unknown format', edited({ model: { file: 'm', format: 'onnx' } }), /"onnx"/],
  ])('metadata with %s is refused', (_, text, reason) => {
    expect(() => readMetadata(text)).toThrow(reason);
  });

  test('fewer classes than outputs are refused', () => {
    expect(() => composeModel(readMetadata(edited({ classes: ['Running', 'Error'] })), MODEL)).toThrow(/5 classes/);
  });
});
