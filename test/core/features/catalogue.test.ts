import { describe, expect, test } from 'vitest';
import { FEATURES } from '../../../src/core/features/catalogue.ts';
import { featureMatrix } from '../../../src/core/features/matrix.ts';
import { missingFeatures } from '../../../src/core/features/missing.ts';
import { fnv1a64 } from '../../../src/core/features/schema.ts';
import type { ContainerSnapshot, PodSnapshot } from '../../../src/core/pods/snapshot.ts';
import { container, node, pod } from '../../support/pods.ts';

const MIB = 1024 * 1024;

function valueOf(name: string, snapshot: PodSnapshot): number {
  const feature = FEATURES.find((candidate) => candidate.name === name);
  if (feature === undefined) throw new Error(`no feature ${name}`);
  return feature.value(snapshot);
}

function using(usage: Partial<ContainerSnapshot['usage']>, known: Partial<ContainerSnapshot> = {}): PodSnapshot {
  const measured = container({ state: 'running', ...known, usage: { ...container().usage, ...usage } });
  return pod({ phase: 'Running', containers: [measured] });
}

test('what is not known is missing, never 0', () => {
  const matrix = featureMatrix([pod()]);
  expect([...matrix.values].filter((value) => !Number.isNaN(value))).toEqual([]);
});

test('a flag of which a signal is missing is no 0', () => {
  const column = FEATURES.findIndex(({ name }) => name === 'terminated_error');
  const running = pod({ phase: 'Running', containers: [container({ state: 'running' })] });
  const failure = { kind: 'connection-refused', address: 'http://p' } as const;
  const gaps = [{ signal: 'init-terminated-reason', reason: { kind: 'request-failed', failure } }] as const;
  expect(featureMatrix([running]).values[column]).toBe(0);
  expect(featureMatrix([{ ...running, gaps }]).values[column]).toBeNaN();
  const failed = pod({ containers: [container({ state: 'terminated', reason: 'Error' })], gaps });
  expect(featureMatrix([failed]).values[column]).toBe(1);
});

test('a pod that a gate holds back is not one that no node takes', () => {
  const marked = pod({ phase: 'Pending', unschedulable: true });
  expect(valueOf('unschedulable', marked)).toBe(1);
  expect(valueOf('unschedulable', { ...marked, statusReasons: ['SchedulingGated'] })).toBe(0);
});

test('a pod is starting as long as its phase is Pending, and where that is not known, it is not known for how long', () => {
  const pending = pod({ phase: 'Pending', createdAtUnixSeconds: 1000, readAtUnixSeconds: 1075 });
  expect(valueOf('starting_seconds', pending)).toBe(75);
  expect(valueOf('starting_seconds', { ...pending, readAtUnixSeconds: 90_000 })).toBe(900);
  expect(valueOf('starting_seconds', { ...pending, phase: 'Running' })).toBe(0);
  expect(valueOf('starting_seconds', { ...pending, scheduledAtUnixSeconds: 1070 })).toBe(5);
  // Between the crashes of its init container it only seems to start.
  const crashes = container({ role: 'init', state: 'running', restarts: 7, restartsIn30m: 7 });
  expect(valueOf('starting_seconds', { ...pending, containers: [crashes] })).toBe(0);
  expect(valueOf('starting_seconds', { ...pending, phase: undefined })).toBeNaN();
  expect(valueOf('starting_seconds', { ...pending, createdAtUnixSeconds: undefined })).toBeNaN();
});

test('ready containers cannot be counted while one may be', () => {
  const [ready, unknown] = [true, undefined].map((is) => container({ state: 'running', ready: is }));
  expect(valueOf('ready_containers', pod({ containers: [ready as ContainerSnapshot] }))).toBe(1);
  expect(valueOf('ready_containers', pod({ containers: [ready, unknown] as ContainerSnapshot[] }))).toBeNaN();
});

test('where nothing tells the limits, usage is of no whole: not of the node', () => {
  const allocatable = { cpuCores: 4, memoryBytes: 1e10 };
  const measured = using({ cpuCores: 0.1, memoryBytes: 1e8 }, { limits: undefined });
  const onNode = { ...measured, node: { ...node('node1'), allocatable } };
  expect(valueOf('memory_usage_percent', onNode)).toBeNaN();
  expect(valueOf('cpu_usage_percent', onNode)).toBeNaN();
});

test('names are unique and each feature says what it is', () => {
  expect(new Set(FEATURES.map(({ name }) => name)).size).toBe(FEATURES.length);
  expect(FEATURES.filter(({ about, from }) => about === '' || from.length === 0)).toEqual([]);
});

test('a row has the columns in the order of the catalogue', () => {
  const matrix = featureMatrix([pod(), pod({ phase: 'Pending' })]);
  const column = FEATURES.findIndex(({ name }) => name === 'phase_pending');
  expect(matrix.values[matrix.columnCount + column]).toBe(1);
  expect(matrix.values[column]).toBeNaN();
});

/** Worked out by hand from the definitions. */
describe('usage', () => {
  const limits = { cpuCores: 0.5, memoryBytes: 200 * MIB };

  test.each([
    ['of the limit', { limits }, 40],
    ['without a limit of the request', { requests: { cpuCores: 0.1, memoryBytes: undefined } }, 200],
  ])('CPU %s', (_, known, percent) => {
    expect(valueOf('cpu_usage_percent', using({ cpuCores: 0.2 }, known))).toBeCloseTo(percent);
  });

  test('CPU without limit and request is of the node', () => {
    const snapshot = {
      ...using({ cpuCores: 0.2 }),
      node: { ...node('n'), allocatable: { cpuCores: 4, memoryBytes: undefined } },
    };
    expect(valueOf('cpu_usage_percent', snapshot)).toBeCloseTo(5);
  });

  test('a pod with one container without a limit has no limit', () => {
    const both = [
      container({ name: 'a', state: 'running', limits, usage: { ...container().usage, cpuCores: 0.2 } }),
      container({ name: 'b', state: 'running', usage: { ...container().usage, cpuCores: 0.2 } }),
    ];
    expect(valueOf('cpu_usage_percent', pod({ containers: both }))).toBeNaN();
  });

  test('the container nearest to its memory limit speaks for the pod', () => {
    const of = (name: string, mib: number, limit: number): ContainerSnapshot =>
      container({
        name,
        state: 'running',
        limits: { cpuCores: undefined, memoryBytes: limit * MIB },
        usage: { ...container().usage, memoryBytes: mib * MIB },
      });
    expect(valueOf('memory_usage_percent', pod({ containers: [of('a', 10, 1000), of('b', 95, 100)] }))).toBeCloseTo(95);
  });

  test('high means more than 90 percent', () => {
    expect(valueOf('memory_high', using({ memoryBytes: 180 * MIB }, { limits }))).toBe(0);
    expect(valueOf('memory_high', using({ memoryBytes: 181 * MIB }, { limits }))).toBe(1);
  });

  test('the memory trend is in percent of the limit per minute', () => {
    expect(valueOf('memory_trend_5m', using({ memorySlope5m: MIB }, { limits }))).toBeCloseTo(30);
  });

  test.each([
    ['growing', MIB, 100 / 60],
    ['not growing', 0, 60],
    ['growing slowly', 1, 60],
  ])('the time to the limit, %s', (_, slope, minutes) => {
    const snapshot = using({ memoryBytes: 100 * MIB, memorySlope5m: slope }, { limits });
    expect(valueOf('memory_minutes_to_limit', snapshot)).toBeCloseTo(minutes);
  });

  test('throttling is the share of periods', () => {
    expect(valueOf('cpu_throttled_percent', using({ cpuPeriods: 200, cpuThrottledPeriods: 50 }))).toBe(25);
  });

  test('the cgroup of the pod serves where the runtime has no rows of containers', () => {
    const snapshot = pod({
      containers: [container({ state: 'running', limits })],
      cgroup: { cpuCores: 0.1, memoryBytes: 50 * MIB },
    });
    expect(valueOf('memory_usage_percent', snapshot)).toBeCloseTo(25);
  });
});

describe('times and ends', () => {
  const ended = (atUnixSeconds: number, exitCode: number, reason: string): ContainerSnapshot =>
    container({ name: `c${atUnixSeconds}`, state: 'running', lastTermination: { reason, exitCode, atUnixSeconds } });

  test('the latest end counts', () => {
    const snapshot = pod({
      readAtUnixSeconds: 1000,
      containers: [ended(400, 1, 'Error'), ended(700, 137, 'OOMKilled')],
    });
    expect(valueOf('seconds_since_last_termination', snapshot)).toBe(300);
    expect(valueOf('last_exit_code', snapshot)).toBe(137);
    expect(valueOf('last_terminated_oom', snapshot)).toBe(1);
  });

  test('ages are cut at the lookback', () => {
    expect(valueOf('pod_age_seconds', pod({ readAtUnixSeconds: 5000, createdAtUnixSeconds: 100 }))).toBe(900);
  });
});

test.each([
  ['true', 1],
  ['false', 0],
  ['unknown', 0],
])('a node that is Ready %s gives %d', (status, value) => {
  expect(valueOf('node_ready', pod({ node: node('n', { Ready: status }) }))).toBe(value);
});

test('of an unreachable node nothing but its not being ready is known', () => {
  expect(valueOf('node_memory_pressure', pod({ node: node('n', { MemoryPressure: 'unknown' }) }))).toBeNaN();
});

test('growth over 15 minutes is that of a container whose start lies before these', () => {
  const limits = { cpuCores: undefined, memoryBytes: 100 * MIB };
  const minutes = (lived: number): number =>
    valueOf('memory_minutes_to_limit_15m', {
      ...using({ memoryBytes: 90 * MIB, memorySlope15m: MIB / 60 }, { limits, startedAtUnixSeconds: 10_000 - lived }),
      readAtUnixSeconds: 10_000,
    });
  expect(minutes(1049)).toBeNaN();
  expect(minutes(1050)).toBeCloseTo(10);
  // Back to where it has been: a cache, a sawtooth.
  const after = (peak: number, slope = 1): number =>
    valueOf('memory_minutes_to_limit_15m', {
      ...using(
        { memoryBytes: 90 * MIB, memorySlope15m: (slope * MIB) / 60, memoryEarlierPeakBytes: peak * MIB },
        { limits, startedAtUnixSeconds: 0, restartsIn30m: 0 },
      ),
      readAtUnixSeconds: 10_000,
    });
  expect([95, 90, 89.5].map((peak) => after(peak))).toEqual([60, 60, 60]);
  expect(after(88)).toBeCloseTo(10);
  // Of what grows slowly less is new ground.
  expect(after(89, 0.2)).toBeCloseTo(50);
  expect(after(89.6, 0.2)).toBe(60);
});

describe('why a feature is missing', () => {
  const aged = (lived: number): PodSnapshot => ({
    ...using({}, { startedAtUnixSeconds: 10_000 - lived }),
    node: node('n'),
    readAtUnixSeconds: 10_000,
  });
  const reasonOf = (snapshot: PodSnapshot, name: string): string | undefined =>
    missingFeatures(snapshot, featureMatrix([snapshot]).values).find(({ names }) => names.includes(name))?.reason.kind;

  test.each([
    ['an unscheduled pod', pod({ phase: 'Pending' }), 'memory_usage_percent', 'not-scheduled'],
    [
      'nothing runs',
      pod({ node: node('n'), containers: [container({ state: 'waiting' })] }),
      'cpu_usage_percent',
      'not-running',
    ],
    ['no limit', { ...using({ cpuCores: 1 }), node: node('n') }, 'memory_trend_5m', 'no-limit'],
    [
      "on the host's network",
      { ...using({}), node: node('n'), hostNetwork: true },
      'network_receive_drops_per_second',
      'host-network',
    ],
    ['never ended', { ...using({}), node: node('n') }, 'last_exit_code', undefined],
    ['just started', aged(100), 'memory_trend_5m', undefined],
    ['started within the window of 15 minutes', aged(1000), 'memory_minutes_to_limit_15m', undefined],
    ['started long ago', aged(1100), 'memory_minutes_to_limit_15m', 'no-limit'],
  ] as const)('%s', (_, snapshot, feature, reason) => {
    expect(reasonOf(snapshot, feature)).toBe(reason);
  });
});

/** Test vectors of the FNV specification (64 bits, variant 1a). */
test.each([
  ['', 'cbf29ce484222325'],
  ['a', 'af63dc4c8601ec8c'],
  ['foobar', '85944171f73967e8'],
])('the hash of %j', (text, hash) => {
  expect(fnv1a64(text)).toBe(hash);
});

/** Worked out by hand: a pod of two hours, read at its end, whose container was down for as long as is said. */
describe('how long lives last', () => {
  const HOURS_2 = 7200;
  const lived = (known: Partial<ContainerSnapshot>, created = 0): PodSnapshot =>
    pod({
      createdAtUnixSeconds: created,
      readAtUnixSeconds: HOURS_2,
      containers: [container({ state: 'running', ...known })],
    });

  /** A container of lives [from, to), in seconds before now, the last of which goes on: what Prometheus tells of it. */
  const living = (lives: readonly (readonly [number, number])[], created = lives[0]?.[0] ?? 0): PodSnapshot => {
    const window = Math.min(1800, created);
    const ran = lives.reduce((sum, [from, to]) => sum + Math.max(Math.min(from, window) - to, 0), 0);
    const restarts = (within: number): number => lives.slice(1).filter(([from]) => from < within).length;
    const seen = lives.find(([, to]) => to < 1800) ?? [0, 0];
    const ends = lives.slice(0, -1).map(([, to]) => to);
    const [last, before] = [ends.at(-1), ends.findLast((to) => to >= 1800) ?? ends[0]];
    const then = (ago: number): number => HOURS_2 - ago;
    return lived(
      {
        restarts: lives.length - 1,
        restartsIn5m: restarts(300),
        restartsIn15m: restarts(900),
        restartsIn30m: restarts(1800),
        runningShareOver30m: ran / window,
        startedAtUnixSeconds: then(lives.at(-1)?.[0] ?? 0),
        earliestStartOver30m: seen === lives.at(-1) ? undefined : then(seen[0]),
        earliestEndOver30m: before === undefined || before === last ? undefined : then(before),
        ...(last === undefined ? {} : { lastTermination: { reason: 'Error', exitCode: 1, atUnixSeconds: then(last) } }),
      },
      then(created),
    );
  };
  /** Ended lives of so many seconds, each followed by a wait, and one that has gone on for `running`. */
  const rhythm = (count: number, life: number, wait: number, running: number): [number, number][] => [
    ...Array.from({ length: count }, (_, i): [number, number] => {
      const start = running + (count - i) * (life + wait);
      return [start, start - life];
    }),
    [running, 0],
  ];
  /** The same without the times of ends: kube-state-metrics before 2.12. */
  const withoutEnds = (known: PodSnapshot): PodSnapshot => ({
    ...known,
    containers: known.containers.map((c) => ({
      ...c,
      earliestEndOver30m: undefined,
      lastTermination: c.lastTermination && { ...c.lastTermination, atUnixSeconds: undefined },
    })),
  });

  test('a first life that began before the window is counted whole', () => {
    // It ran from 4200 to 6600, was down for 60 s and has run for 540 s: of the window of 1800 s 1740 s.
    const once = lived(
      { restarts: 1, restartsIn30m: 1, runningShareOver30m: 1740 / 1800, startedAtUnixSeconds: 6660 },
      4200,
    );
    expect(valueOf('usual_life_seconds', once)).toBeCloseTo(2400);
    expect(valueOf('seconds_to_usual_life_end', once)).toBeCloseTo(2400 - 540);
    expect(valueOf('usual_life_elapsed_percent', once)).toBeCloseTo((100 * 540) / 2400);
  });

  test('of a pod that has restarted before, one end in the window says less than the mean since the pod was made', () => {
    const last = { reason: undefined, exitCode: 1, atUnixSeconds: 6000 };
    const known = { restarts: 4, restartsIn30m: 1, runningShareOver30m: 1, startedAtUnixSeconds: 6000 };
    expect(valueOf('usual_life_seconds', lived({ ...known, lastTermination: last }))).toBeCloseTo(1500);
  });

  test.each([
    ['of a young pod', rhythm(3, 200, 20, 60)],
    ['that began with a pod which is now older than the window', rhythm(3, 580, 10, 300)],
    ['of a pod that restarts since days', rhythm(400, 580, 10, 300)],
    ['longer than ten minutes', rhythm(40, 720, 15, 100)],
    ['of which the window holds one end', rhythm(9, 1200, 10, 700)],
    ['with waits that are longer than the lives', rhythm(30, 60, 300, 30)],
    ['with long waits, of long lives', rhythm(30, 540, 300, 200)],
  ])('a rhythm %s is told the same at any time', (_, lives) => {
    const [from = 0, to = 0] = lives[0] ?? [];
    const [first = 0] = lives.at(-1) ?? [];
    for (const later of [0, 50, 170, 290, 400]) {
      const own = lives.map(([a, b], i): [number, number] => [a + later, i === lives.length - 1 ? 0 : b + later]);
      if (first + later > 3 * Math.max(from - to, 60)) continue;
      expect(valueOf('usual_life_seconds', living(own))).toBeCloseTo(from - to, 6);
    }
  });

  test('a container that waits has ended once more than it was started again', () => {
    // It has waited for 100 s after four lives.
    const known = living([...rhythm(3, 540, 300, 640).slice(0, 3), [640, 100]]);
    const waiting = known.containers.map((c) => ({ ...c, state: 'waiting' as const, startedAtUnixSeconds: undefined }));
    expect(valueOf('usual_life_seconds', { ...known, containers: waiting })).toBeCloseTo(540);
  });

  test('an image that was pulled for ten minutes is no wait between lives', () => {
    const late = living(rhythm(2, 270, 15, 30), 30 + 2 * 285 + 600);
    expect(valueOf('usual_life_seconds', late)).toBeCloseTo(270);
    expect(valueOf('mean_cycle_seconds', late)).toBeCloseTo(285);
    expect(valueOf('next_backoff_seconds', withoutEnds(late))).toBeCloseTo(30);
    expect(valueOf('usual_life_seconds', living(rhythm(1, 270, 1, 30), 901))).toBeCloseTo(270);
  });

  test('where nothing tells when it started, or whether it runs, no life is known', () => {
    const known = living(rhythm(3, 200, 20, 60));
    const lost = (what: Partial<ContainerSnapshot>): PodSnapshot => ({
      ...known,
      containers: known.containers.map((c) => ({ ...c, ...what })),
    });
    expect(valueOf('usual_life_seconds', lost({}))).toBeCloseTo(200);
    expect(valueOf('usual_life_seconds', lost({ startedAtUnixSeconds: undefined }))).not.toBe(0);
    expect(valueOf('usual_life_seconds', lost({ state: undefined }))).not.toBe(0);
  });

  test('the first crash loop of an old pod has the rhythm of the loop, not that of the days before', () => {
    // Made three days ago, it has been killed each 360 s since a while: the last life has run for 60 s.
    const killed = (ends: number): PodSnapshot => {
      const [, ...later] = rhythm(ends, 350, 10, 60);
      return living([[3 * 86_400, (later[0]?.[0] ?? 0) + 10], ...later]);
    };
    // One end may be anything.
    expect(valueOf('usual_life_seconds', killed(1))).toBe(3600);
    for (const ends of [2, 3, 5]) expect(valueOf('usual_life_seconds', killed(ends))).toBeCloseTo(350);
    expect(valueOf('mean_cycle_seconds', killed(5))).toBeCloseTo(350 + 10);
    // Without the times of ends somebody has to guess how much of the window the first life has taken.
    for (const ends of [3, 5]) {
      const guess = valueOf('usual_life_seconds', withoutEnds(killed(ends)));
      expect(guess).toBeGreaterThan(0.9 * 350);
      expect(guess).toBeLessThan(2 * 350);
    }
  });

  test('of lives about as long as the window the mean since the pod was made decides, as far as the window allows', () => {
    // Each of 100 lives has lasted 1200 s; this one has run for 300 s, so that the window holds ends at 300 and 1500 s.
    const known = (elapsed: number, ends: number): Partial<ContainerSnapshot> => ({
      restarts: 100,
      restartsIn30m: ends,
      runningShareOver30m: 1,
      startedAtUnixSeconds: HOURS_2 - elapsed,
      lastTermination: { reason: 'Error', exitCode: 1, atUnixSeconds: HOURS_2 - elapsed },
    });
    for (const [elapsed, ends] of [
      [300, 2],
      [599, 2],
      [700, 1],
      [1190, 1],
    ] as const) {
      const own = lived(known(elapsed, ends), HOURS_2 - elapsed - 100 * 1200);
      expect(valueOf('usual_life_seconds', own)).toBeCloseTo(1200);
    }
    // Of lives of 2400 s the last 30 minutes may hold no end.
    const long = lived(known(2000, 0), HOURS_2 - 2000 - 100 * 2400);
    expect(valueOf('usual_life_seconds', long)).toBeCloseTo(2400);
    expect(valueOf('seconds_to_usual_life_end', long)).toBeCloseTo(400);
  });

  test('a few restarts in months are no rhythm', () => {
    const last = { reason: 'Error', exitCode: 1, atUnixSeconds: HOURS_2 - 5 * 86_400 };
    const known = { restarts: 5, restartsIn30m: 0, runningShareOver30m: 1, lastTermination: last };
    const own = lived({ ...known, startedAtUnixSeconds: HOURS_2 - 5 * 86_400 }, HOURS_2 - 100 * 86_400);
    for (const feature of ['usual_life_seconds', 'usual_life_elapsed_percent', 'mean_cycle_seconds', 'last_exit_code'])
      expect(valueOf(feature, own)).toBeNaN();
    // Then those of siblings say more.
    const siblings = { restartsIn30m: 2, runningSeconds: 600 };
    expect(valueOf('usual_life_seconds', lived({ ...known, siblings }, HOURS_2 - 100 * 86_400))).toBe(300);
  });

  test('what is not known makes no rhythm, and no recent end', () => {
    const ended = { restarts: 1, restartsIn30m: 1, runningShareOver30m: 1, startedAtUnixSeconds: HOURS_2 - 600 };
    const ageless = { ...lived(ended), createdAtUnixSeconds: undefined };
    expect(valueOf('usual_life_seconds', ageless)).toBeNaN();
    // Before 2.12 kube-state-metrics has no time of the last end.
    const untimed = { reason: 'OOMKilled', exitCode: 137, atUnixSeconds: undefined };
    const exitCode = (startedAtUnixSeconds: number): number =>
      valueOf('last_exit_code', lived({ restarts: 1, startedAtUnixSeconds, lastTermination: untimed }, -1e6));
    expect(exitCode(HOURS_2 - 900)).toBe(137);
    expect(exitCode(HOURS_2 - 5 * 86_400)).toBeNaN();
    const siblings = { restartsIn30m: 4, runningSeconds: 100 };
    expect(valueOf('sibling_restarts_30m', lived({ siblings, restartsIn30m: undefined }))).toBeNaN();
    expect(valueOf('sibling_restarts_30m', lived({ siblings, restartsIn30m: 1 }))).toBe(3);
  });

  test('the next back-off doubles the last one up to 300 s, and is forgotten after ten minutes of running', () => {
    // docs of Kubernetes, pod lifecycle: 10 s, 20 s, 40 s, … at most 300 s; a container that ran for 10 minutes begins anew.
    const after = (waited: number, life: number, restarts = 3, running = 60): number =>
      valueOf('next_backoff_seconds', living(rhythm(restarts, life, waited, running)));
    expect([11, 21, 85, 160].map((waited) => after(waited, 60))).toEqual([22, 42, 170, 300]);
    // The first end is followed by no wait, the second by 10 s unless the first life was too long.
    expect(valueOf('next_backoff_seconds', living(rhythm(0, 0, 0, 60)))).toBe(0);
    expect(after(1, 300, 1)).toBe(10);
    expect(after(1, 900, 1)).toBe(0);
    expect(after(1, 86_400, 1)).toBe(10);
    expect(after(40, 590, 3, 650)).toBe(0);
    // Whoever was kept waiting had not run for ten minutes, whatever others did.
    expect(
      valueOf(
        'next_backoff_seconds',
        living([
          [9000, 8200],
          [8000, 640],
          [620, 0],
        ]),
      ),
    ).toBe(0);
    expect(
      valueOf(
        'next_backoff_seconds',
        living([
          [1500, 700],
          [690, 110],
          [70, 0],
        ]),
      ),
    ).toBe(80);
    // Killed by its liveness probe every 200 s it was started at once seven times, and had to wait then (the recording run-a).
    expect([2, 3, 4, 5, 6, 7].map((restarts) => after(1, 199, restarts))).toEqual([0, 0, 0, 0, 0, 300]);
    expect(valueOf('next_backoff_seconds', lived({ restarts: undefined }))).toBeNaN();
    // Without the times of ends the time that it was down tells the waits.
    expect(valueOf('next_backoff_seconds', withoutEnds(living(rhythm(5, 100, 60, 60))))).toBeCloseTo(120);
    // A sidecar that runs tells nothing of the container that waits.
    const waits = container({ name: 'app', state: 'waiting', reason: 'CrashLoopBackOff', restarts: 4 });
    const beside = living(rhythm(0, 0, 0, 60)).containers;
    expect(valueOf('next_backoff_seconds', pod({ containers: [waits, ...beside] }))).toBeNaN();
    // Well again, it does not end soon.
    expect(valueOf('next_backoff_seconds', living(rhythm(8, 6, 150, 300)))).toBeNaN();
  });

  test('an init container that has initialized its pod does not run again', () => {
    const known = living(rhythm(3, 10, 20, 60));
    const [own] = known.containers;
    const done = { ...own, role: 'init', state: 'terminated', reason: 'Completed' } as ContainerSnapshot;
    const app = container({ state: 'running', restarts: 0, restartsIn30m: 0, startedAtUnixSeconds: HOURS_2 - 50 });
    const facts = ['restarts_30m', 'last_exit_code', 'mean_cycle_seconds'];
    const of = (init: ContainerSnapshot): number[] =>
      facts.map((name) => valueOf(name, { ...known, containers: [app, init] }));
    expect(of(done)).toEqual([0, Number.NaN, Number.NaN]);
    expect(of({ ...done, state: 'waiting', reason: 'CrashLoopBackOff' }).slice(0, 2)).toEqual([3, 1]);
  });

  test('what has left its rhythm has no restarts to speak of, and no last end', () => {
    const facts = ['restarts_30m', 'last_exit_code', 'last_terminated_oom', 'backoff_seconds'];
    const after = (seconds: number): number[] => {
      const startedAt = HOURS_2 - seconds;
      const last = { reason: 'Error', exitCode: 1, atUnixSeconds: startedAt - 10 };
      const lives = { restarts: 1, restartsIn30m: 1, runningShareOver30m: (seconds + 80) / (seconds + 90) };
      const own = { ...lives, startedAtUnixSeconds: startedAt, lastTermination: last };
      return facts.map((feature) => valueOf(feature, lived(own, startedAt - 90)));
    };
    expect(after(230)).toEqual([1, 1, 0, 10]);
    expect(after(250)).toEqual([0, Number.NaN, Number.NaN, Number.NaN]);
  });

  test('what has run for three times as long has left its rhythm, and one of seconds is taken for a minute', () => {
    // It crashed once, and has been running ever since.
    const since = (seconds: number, firstLife: number): PodSnapshot => living(rhythm(1, firstLife, 10, seconds));
    const facts = [
      'usual_life_seconds',
      'usual_life_elapsed_percent',
      'seconds_to_usual_life_end',
      'mean_cycle_seconds',
    ];
    expect(facts.map((feature) => valueOf(feature, since(230, 80)))).toEqual([
      expect.closeTo(80),
      expect.closeTo(287.5),
      expect.closeTo(-150),
      expect.closeTo(90),
    ]);
    expect(facts.map((feature) => valueOf(feature, since(250, 80)))).toEqual(facts.map(() => Number.NaN));
    expect(valueOf('mean_cycle_seconds', since(170, 5))).toBeCloseTo(15);
    expect(valueOf('mean_cycle_seconds', since(190, 5))).toBeNaN();
  });

  test('no life counts as longer than an hour', () => {
    const known = { restarts: 1, restartsIn30m: 1, runningShareOver30m: 1, startedAtUnixSeconds: HOURS_2 - 60 };
    expect(valueOf('usual_life_seconds', lived(known))).toBe(3600);
    const siblings = { restartsIn30m: 1, runningSeconds: 18_000 };
    expect(valueOf('usual_life_seconds', lived({ restarts: 0, restartsIn30m: 0, siblings }))).toBe(3600);
  });
});

describe('memory that grows', () => {
  const limits = { cpuCores: undefined, memoryBytes: 100 * MIB };
  const growing = (memorySlope1m: number | undefined, memorySlope2m: number, memorySlope5m: number): PodSnapshot =>
    using({ memoryBytes: 95 * MIB, memorySlope1m, memorySlope2m, memorySlope5m }, { limits });

  test.each([
    ['is as full as it is', MIB / 60, MIB / 60, MIB / 60, 95, 5],
    ['has just stopped', 0, MIB / 60, MIB / 60, 0, 60],
    ['grows no longer', undefined, 0, MIB / 60, 0, 60],
    ['hardly grows', undefined, MIB / 240, MIB / 240, 0, 20],
    ['is scraped too rarely for one minute', undefined, MIB / 60, MIB / 30, 95, 5],
  ])('%s', (_, slope1m, slope2m, slope5m, percent, minutes) => {
    expect(valueOf('memory_growing_percent', growing(slope1m, slope2m, slope5m))).toBeCloseTo(percent);
    expect(valueOf('memory_minutes_to_limit', growing(slope1m, slope2m, slope5m))).toBeCloseTo(minutes);
  });

  test.each([
    ['hardly grows, but has for long', 0, 0.25, 93.75, 95],
    ['hardly grows, and was as full before', 0, 0.25, 95, 0],
    ['hardly grows, in a young container', 9_500, 0.25, 93.75, 0],
    ['grew faster over 15 minutes, and has just stopped', 0, 1, 90, 0],
  ])('%s', (_, startedAtUnixSeconds, slope15m, peak, percent) => {
    const now = slope15m === 1 ? 0 : MIB / 240;
    const slopes = { memorySlope1m: now, memorySlope2m: now, memorySlope5m: MIB / 240 };
    const usage = { ...slopes, memorySlope15m: (slope15m * MIB) / 60, memoryEarlierPeakBytes: peak * MIB };
    const snapshot = using({ memoryBytes: 95 * MIB, ...usage }, { limits, startedAtUnixSeconds, restartsIn30m: 0 });
    expect(valueOf('memory_growing_percent', { ...snapshot, readAtUnixSeconds: 10_000 })).toBeCloseTo(percent);
  });

  test('is not known without a limit', () => {
    expect(valueOf('memory_growing_percent', using({ memoryBytes: MIB, memorySlope5m: MIB }))).toBeNaN();
  });
});

test('memory above the earlier peak is in percent of the limit, of a container that has an earlier time', () => {
  const limits = { cpuCores: undefined, memoryBytes: 100 * MIB };
  const usage = { memoryBytes: 90 * MIB, memoryEarlierPeakBytes: 95 * MIB };
  const above = (
    startedAtUnixSeconds: number,
    restartsIn30m: number | undefined,
    known = {},
    kind = 'ReplicaSet',
  ): number => {
    const own = { limits, startedAtUnixSeconds, restartsIn30m };
    return valueOf('memory_above_earlier_percent', {
      ...using({ ...usage, ...known }, own),
      owner: { kind, name: 'cart' },
      readAtUnixSeconds: 10_000,
    });
  };
  // A pod of a StatefulSet has the name of the one before, whose peak it may be.
  expect(above(9000, 0, {}, 'StatefulSet')).toBeNaN();
  expect(above(8200, 0, {}, 'StatefulSet')).toBeCloseTo(-5);
  expect(above(9000, 0)).toBeCloseTo(-5);
  expect(above(9000, 0, { memoryBytes: 97 * MIB })).toBeCloseTo(2);
  expect(above(9500, 0)).toBeNaN();
  expect(above(9000, 1)).toBeNaN();
  expect(above(9000, undefined)).toBeNaN();
  expect(above(9000, 0, { memoryEarlierPeakBytes: undefined })).toBeNaN();
});

test.each([
  ['waits for an image', { state: 'waiting', reason: 'ImagePullBackOff' }, 1],
  ['waits for its configuration', { state: 'waiting', reason: 'CreateContainerConfigError' }, 1],
  ['waits to be started again', { state: 'waiting', reason: 'CrashLoopBackOff' }, 1],
  ['is being made', { state: 'waiting', reason: 'ContainerCreating' }, 0],
  ['ended', { state: 'terminated', reason: 'OOMKilled' }, 1],
  ['ended well', { state: 'terminated', reason: 'Completed' }, 0],
  ['runs', { state: 'running' }, 0],
] as const)('failing now: a container that %s', (_, known, failing) => {
  expect(valueOf('failing_now', pod({ phase: 'Running', containers: [container(known)] }))).toBe(failing);
});

test('failing now: a pod whose phase is Failed or Unknown, whatever its containers did', () => {
  const done = container({ state: 'terminated', reason: 'Completed' });
  expect(valueOf('failing_now', pod({ phase: 'Failed', containers: [done] }))).toBe(1);
  expect(valueOf('failing_now', pod({ phase: 'Unknown', containers: [container({ state: 'running' })] }))).toBe(1);
  expect(valueOf('failing_now', pod({ phase: 'Running' }))).toBeNaN();
});

test('in a pod that no node has taken up yet nothing has failed or restarted, if it is known that it has no status', () => {
  const facts = ['failing_now', 'waiting_crash_loop', 'terminated_error', 'restarts_15m'];
  const of = (known: PodSnapshot): number[] => facts.map((name) => valueOf(name, known));
  const unstarted = pod({ phase: 'Pending' });
  expect(of(unstarted)).toEqual([0, 0, 0, 0]);
  const failure = { kind: 'connection-refused', address: 'http://p' } as const;
  const gaps = [{ signal: 'init-waiting', reason: { kind: 'request-failed', failure } }] as const;
  expect(of({ ...unstarted, gaps })).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  expect(of(pod({ phase: 'Running' }))).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
});

test('a container of which nobody kept how it ended has not failed, nor not failed', () => {
  const ended = container({ state: 'terminated' });
  const reason = { kind: 'metric-absent', metric: 'kube_pod_container_status_terminated_reason' } as const;
  const untold = pod({
    phase: 'Running',
    containers: [ended],
    gaps: [{ signal: 'container-terminated-reason', reason }],
  });
  for (const name of ['terminated_error', 'failing_now']) {
    const column = FEATURES.findIndex((feature) => feature.name === name);
    expect(featureMatrix([untold]).values[column]).toBeNaN();
    expect(featureMatrix([pod({ phase: 'Running', containers: [ended] })]).values[column]).toBe(1);
  }
});
