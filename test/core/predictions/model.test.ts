import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FEATURES } from '../../../src/core/features/catalogue.ts';
import { FEATURE_NAMES } from '../../../src/core/features/schema.ts';
import { readMetadata } from '../../../src/core/predictions/model-metadata.ts';
import {
  assumePrior,
  composeModel,
  modelRows,
  predictStatuses,
  STARTING_COLUMN,
} from '../../../src/core/predictions/model.ts';
import { reasonsOf } from '../../../src/core/predictions/reasons.ts';
import { isFailing, type Status } from '../../../src/core/pods/status.ts';

const METADATA = JSON.parse(readFileSync('models/default/metadata.json', 'utf8')) as Record<string, unknown>;
const BYTES = {
  model: readFileSync('models/default/model.json'),
  risk: readFileSync('models/default/risk.json'),
};
const model = composeModel(readMetadata(JSON.stringify(METADATA)), BYTES, true);

const columnCount = FEATURE_NAMES.length;
const rowCount = 200;
/** Rows of anything, a third of it missing, of pods that have started; the same each time. */
const values = Float32Array.from({ length: rowCount * columnCount }, (_, i) =>
  i % columnCount === STARTING_COLUMN ? 0 : (i * 7919) % 3 === 0 ? Number.NaN : ((i * 104_729) % 1009) / 5,
);
const matrix = { values, rowCount, columnCount };
const asNow = (status: Status | undefined): (Status | undefined)[] => Array.from({ length: rowCount }, () => status);
const risks = (own: typeof model, now: Status): number[] =>
  predictStatuses(own, matrix, asNow(now)).map((p) => p.CrashLoopBackOff + p.Error + p.Unknown);
const logit = (p: number): number => Math.log(p / (1 - p));

/** The same model with every leaf so many times as large. */
function withLeaves(bytes: Uint8Array, times: number): Uint8Array {
  const document = JSON.parse(new TextDecoder().decode(bytes)) as {
    learner: { gradient_booster: { model: { trees: { left_children: number[]; split_conditions: number[] }[] } } };
  };
  for (const { left_children, split_conditions } of document.learner.gradient_booster.model.trees) {
    for (const [i, left] of left_children.entries())
      if (left === -1) split_conditions[i] = (split_conditions[i] ?? 0) * times;
  }
  return new TextEncoder().encode(JSON.stringify(document));
}

describe('a risk forest and a status forest together', () => {
  const { slope = 1, intercept = 0 } = model.risk ?? {};
  const margins = model.risk?.forest.predictMargin(modelRows(model, matrix), rowCount) ?? new Float32Array();

  test('give probabilities that sum to 1, with the calibrated risk of the one', () => {
    for (const own of predictStatuses(model, matrix, asNow('Running'))) {
      expect(Object.values(own).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    }
    for (const [i, risk] of risks(model, 'Running').entries()) {
      expect(logit(risk)).toBeCloseTo(slope * (margins[i] as number) + intercept, 9);
    }
  });

  test('and the proportions of the other within each side', () => {
    const status = model.forest.predict(modelRows(model, matrix), rowCount);
    const [first] = predictStatuses({ ...model, persistenceSeconds: undefined }, matrix, asNow('Running'));
    const of = (name: Status): number => status[model.classes.indexOf(name)] as number;
    const { CrashLoopBackOff: crash = 0, Error: error = 0, Pending: pending = 0, Running: running = 0 } = first ?? {};
    expect(crash / error).toBeCloseTo(of('CrashLoopBackOff') / of('Error'), 9);
    expect(pending / running).toBeCloseTo(of('Pending') / of('Running'), 9);
  });
});

describe('a model of one forest', () => {
  const { risk: _, persistenceSeconds: __, ...one } = METADATA;

  test('says what the forest says', () => {
    const alone = composeModel(readMetadata(JSON.stringify(one)), { model: BYTES.model, risk: undefined });
    const outputs = alone.forest.predict(modelRows(alone, matrix), rowCount);
    for (const [row, own] of predictStatuses(alone, matrix, asNow('Running')).entries()) {
      const said = alone.classes.map((status) => own[status]);
      expect(said).toEqual([...outputs.subarray(row * said.length, (row + 1) * said.length)]);
      expect([own.Unknown, own.NotFound]).toEqual([0, 0]);
    }
  });

  test.each([
    ['as it is', 1],
    // With such leaves one side is often 0 as a float32.
    ['that is very sure', 60],
  ])('%s has reasons that add up to how the log odds of failing go with the margins', (_name, times) => {
    const bytes = { model: withLeaves(BYTES.model, times), risk: undefined };
    const alone = composeModel(readMetadata(JSON.stringify(one)), bytes, true);
    const rows = modelRows(alone, matrix);
    const margins = alone.forest.predictMargin(rows, rowCount);
    const all = alone.forest.contributions(rows, rowCount, { kind: 'shap' });
    const width = alone.columns.length + 1;
    const { length } = alone.classes;
    for (const [row, reasons] of reasonsOf(alone, matrix).entries()) {
      const own = alone.classes.map((status, i) => {
        const margin = margins[row * length + i] as number;
        return {
          fails: isFailing(status),
          margin,
          moved: margin - (all[(row * length + i + 1) * width - 1] as number),
        };
      });
      const logSum = (fails: boolean, t: number): number => {
        const side = own.filter((each) => each.fails === fails).map(({ margin, moved }) => margin + t * moved);
        const greatest = Math.max(...side);
        return greatest + Math.log(side.reduce((sum, each) => sum + Math.exp(each - greatest), 0));
      };
      const logOdds = (t: number): number => logSum(true, t) - logSum(false, t);
      const sum = reasons.reduce((total, reason) => total + reason.logOdds, 0);
      expect(sum / times).toBeCloseTo((logOdds(1e-5) - logOdds(-1e-5)) / 2e-5 / times, 2);
    }
  });

  test.each([
    [['Running', 'Error'], 1],
    [['Error', 'Running'], -1],
  ])('of two statuses %j has reasons towards the one that fails', (classes, sign) => {
    const two = { ...one, classes, model: { file: 'risk.json', format: 'model' } };
    const alone = composeModel(readMetadata(JSON.stringify(two)), { model: BYTES.risk, risk: undefined }, true);
    const { slope = 1 } = model.risk ?? {};
    const calibrated = reasonsOf(model, matrix);
    for (const [row, own] of reasonsOf(alone, matrix).entries()) {
      for (const { topic, logOdds } of own) {
        const other = calibrated[row]?.find((reason) => reason.topic === topic)?.logOdds ?? Number.NaN;
        expect(logOdds).toBeCloseTo((sign * other) / slope, 3);
      }
    }
  });

  test('may tell two statuses apart by one output, the probability of the second', () => {
    const two = { ...one, classes: ['Running', 'Error'], model: { file: 'risk.json', format: 'model' } };
    const alone = composeModel(readMetadata(JSON.stringify(two)), { model: BYTES.risk, risk: undefined });
    const outputs = alone.forest.predict(modelRows(alone, matrix), rowCount);
    for (const [row, { Running, Error }] of predictStatuses(alone, matrix, asNow('Running')).entries()) {
      expect([Running, Error]).toEqual([1 - (outputs[row] as number), outputs[row]]);
    }
  });
});

test('the longer a pod has been starting, the more of RISK and of the rest goes to what it is now', () => {
  const startingFor = (seconds: number): typeof matrix => {
    const own = values.slice();
    for (let row = 0; row < rowCount; row++) own[row * columnCount + STARTING_COLUMN] = seconds;
    return { ...matrix, values: own };
  };
  const without = { ...model, persistenceSeconds: undefined };
  expect(model.horizonSeconds).toBe(600);
  for (const [seconds, share, ofRisk] of [
    [10, 0.25, 10 / 610],
    [90, 0.75, 90 / 690],
    [600, 600 / 630, 0.5],
    [0, 0, 0],
    [Number.NaN, 0, 0],
  ] as const) {
    const own = startingFor(seconds);
    const [plain, lasting] = [without, { ...model, persistenceSeconds: 30 }].map((one) =>
      predictStatuses(one, own, asNow('Pending')),
    );
    for (const [i, { CrashLoopBackOff, Error, Pending, ContainerCreating, Running }] of (plain ?? []).entries()) {
      expect(lasting?.[i]?.CrashLoopBackOff).toBeCloseTo((1 - ofRisk) * CrashLoopBackOff, 12);
      expect(lasting?.[i]?.Error).toBeCloseTo((1 - ofRisk) * Error, 12);
      const well = Pending + ContainerCreating + Running + ofRisk * (CrashLoopBackOff + Error);
      expect(lasting?.[i]?.Running).toBeCloseTo((1 - share) * Running, 12);
      expect((lasting?.[i]?.Pending ?? 0) + (lasting?.[i]?.ContainerCreating ?? 0)).toBeCloseTo(
        well - (1 - share) * Running,
        12,
      );
    }
  }
  for (const now of [asNow('Error'), asNow(undefined)]) {
    expect(predictStatuses(model, startingFor(90), now)).toEqual(predictStatuses(without, startingFor(90), now));
  }
});

test('Unknown, which the model has not learned, is decided by what the pod is now', () => {
  expect(model.classes).not.toContain('Unknown');
  const [well, unknown] = [
    predictStatuses(model, matrix, asNow('Error')),
    predictStatuses(model, matrix, asNow('Unknown')),
  ];
  for (const [i, own] of well.entries()) {
    const { CrashLoopBackOff: crash, Error: error } = own;
    expect(own.Unknown).toBe(0);
    expect(unknown[i]).toEqual({ ...own, CrashLoopBackOff: 0, Error: 0, Unknown: crash + error });
  }
});

describe('another prior', () => {
  const rare = assumePrior(model, 0.001);

  test('moves the odds of pods that are well by the ratio of the odds, and of no others', () => {
    const shift = logit(0.001) - logit(model.prior?.assumed ?? Number.NaN);
    const [before, after] = [risks(model, 'Running'), risks(rare ?? model, 'Running')];
    for (const [i, risk] of before.entries()) expect(logit(after[i] as number)).toBeCloseTo(logit(risk) + shift, 6);
    expect(risks(rare ?? model, 'Error')).toEqual(risks(model, 'Error'));
  });

  test('moves the threshold along: the same well pods are at risk', () => {
    const atRisk = (own: typeof model): boolean[] => risks(own, 'Running').map((risk) => risk >= own.riskThreshold);
    expect(atRisk(rare ?? model)).toEqual(atRisk(model));
  });

  test('is refused by a model that does not know its own', () => {
    const { prior: _, ...without } = METADATA;
    expect(assumePrior(composeModel(readMetadata(JSON.stringify(without)), BYTES), 0.01)).toBeUndefined();
  });
});

describe('reasons', () => {
  const reasons = reasonsOf(model, matrix);

  test('add up, with the base value, to the log odds of the risk', () => {
    const { slope = 1 } = model.risk ?? {};
    const margins = model.risk?.forest.predictMargin(modelRows(model, matrix), rowCount) ?? new Float32Array();
    const bases = reasons.map((own, i) => {
      const moved = own.reduce((sum, { logOdds }) => sum + logOdds, 0);
      return slope * (margins[i] as number) - moved;
    });
    for (const base of bases) expect(base).toBeCloseTo(bases[0] as number, 3);
  });

  test('hold each feature of the model once, under its topic, the strongest first', () => {
    for (const own of reasons) {
      const sizes = own.map(({ logOdds }) => Math.abs(logOdds));
      expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
      const names = own.flatMap(({ features }) => features.map(({ name }) => name));
      expect(new Set(names).size).toBe(names.length);
      for (const { topic, features } of own) {
        for (const { name } of features) {
          expect(FEATURES.find((feature) => feature.name === name)?.topic).toBe(topic);
        }
      }
    }
  });
});

describe('metadata', () => {
  const edited = (change: Record<string, unknown>): string => JSON.stringify({ ...METADATA, ...change });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['a risk without its file', { risk: { calibration: { slope: 1, intercept: 0 } } }, /"file"/],
    ['a risk without calibration', { risk: { file: 'risk.json' } }, /"calibration"/],
    ['a slope of 0', { risk: { file: 'risk.json', calibration: { slope: 0, intercept: 0 } } }, /upside down/],
    ['a risk, and classes that all fail', { classes: ['Error', 'Unknown'] }, /not both classes that fail/],
    ['a prior of 1', { prior: { trained: 1, assumed: 0.1 } }, /prior outside/],
    ['a persistence of 0 s', { persistenceSeconds: 0 }, /persistenceSeconds that are not above 0/],
    ['a prior of 0', { prior: { trained: 0.1, assumed: 0 } }, /prior outside/],
  ])('with %s is refused', (_, change, problem) => {
    expect(() => readMetadata(edited(change))).toThrow(problem);
  });

  test('a risk forest that is none is refused', () => {
    expect(() => composeModel(readMetadata(edited({})), { model: BYTES.model, risk: BYTES.model })).toThrow(
      /its objective is multi:softprob, and a risk needs/,
    );
  });
});
