import { describe, expect, test } from 'vitest';
import { FEATURES, type Topic } from '../../src/core/features/catalogue.ts';
import type { ContainerSnapshot, PodSnapshot } from '../../src/core/pods/snapshot.ts';
import { reasonText } from '../../src/render/reason-text.ts';
import { container, node, pod } from '../support/pods.ts';

const MIB = 1024 * 1024;
const NOW = 10_000;

function fact(topic: Topic, known: Partial<PodSnapshot>): string {
  const reason = { topic, logOdds: 1, features: [] };
  return reasonText(pod({ phase: 'Running', readAtUnixSeconds: NOW, ...known }), reason);
}

const running = (known: Partial<ContainerSnapshot> = {}): ContainerSnapshot =>
  container({ state: 'running', ready: true, startedAtUnixSeconds: NOW - 3600, restartsIn30m: 0, ...known });

/** `used`, `perMinute` and `earlierPeak` in MiB, of a limit of 100. */
function memory(
  used: number,
  perMinute: Partial<Record<1 | 2 | 5 | 15, number>>,
  known = {},
  earlierPeak?: number,
): ContainerSnapshot {
  const slope = (window: 1 | 2 | 5 | 15): number | undefined =>
    perMinute[window] === undefined ? undefined : (perMinute[window] * MIB) / 60;
  return running({
    limits: { cpuCores: undefined, memoryBytes: 100 * MIB },
    usage: {
      ...container().usage,
      memoryBytes: used * MIB,
      memorySlope1m: slope(1),
      memorySlope2m: slope(2),
      memorySlope5m: slope(5),
      memorySlope15m: slope(15),
      memoryEarlierPeakBytes: earlierPeak === undefined ? undefined : earlierPeak * MIB,
    },
    ...known,
  });
}

test.each([...new Set(FEATURES.map(({ topic }) => topic))].map((topic) => [topic]))(
  'what nobody measured is not known, and no good news: %s',
  (topic) => {
    const unmeasured = pod({ phase: 'Running', node: node('node1'), containers: [container()] });
    expect(fact(topic, unmeasured)).toMatch(/not known$/);
  },
);

describe('memory', () => {
  const ended = { restartsIn30m: 1 };
  test.each<[string, ContainerSnapshot[], string]>([
    ['that grows', [memory(92, { 1: 3, 2: 2, 5: 4 })], 'memory 92% of limit, +2 MiB/min, full in about 4 min'],
    ['that is far from the limit', [memory(10, { 2: 1, 5: 1 })], 'memory 10% of limit, +1 MiB/min'],
    ['that stays', [memory(50, { 2: 0, 5: 0.01 })], 'memory 50% of limit, steady'],
    ['that falls', [memory(50, { 2: -9, 5: -2 })], 'memory 50% of limit, -2 MiB/min'],
    [
      'that is being collected just now grows on over a longer time',
      [memory(95, { 1: -4, 2: 3, 5: 1, 15: 1 })],
      'memory 95% of limit, +1 MiB/min over 15 min, full in about 5 min',
    ],
    [
      'slow growth, whatever the last minute did',
      [memory(90, { 1: 0.05, 2: 0.3, 5: 0.3, 15: 0.3 }, {}, 88)],
      'memory 90% of limit, +307 KiB/min over 15 min, full in about 33 min',
    ],
    [
      'of the container that is full first, not of the fullest',
      [memory(92, { 2: 0, 5: 0 }), memory(80, { 2: 4, 5: 4 }, { name: 'mesh' })],
      'memory of mesh 80% of limit, +4 MiB/min, full in about 5 min',
    ],
    [
      'of the fullest where none fills',
      [memory(92, { 2: 0, 5: 0 }), memory(80, { 2: 0, 5: 0 }, { name: 'mesh' })],
      'memory of app 92% of limit, steady',
    ],
    [
      'that only leads back to where it has been',
      [memory(80, { 1: -1, 2: -1, 5: 0, 15: 2 }, {}, 85)],
      'memory 80% of limit, steady, was as full before',
    ],
    [
      'of a container that has just started tells no growth',
      [memory(20, { 1: 140, 2: 140, 5: 140, 15: 140 }, { startedAtUnixSeconds: NOW - 32 })],
      'memory 20% of limit',
    ],
    [
      'whose start lies in the window of 15 minutes',
      [memory(84, { 1: 0, 2: 0, 5: 0, 15: 8 }, { startedAtUnixSeconds: NOW - 700 })],
      'memory 84% of limit, steady',
    ],
  ])('%s', (_, containers, text) => {
    expect(fact('memory', { containers })).toBe(text);
  });

  test('of earlier lives, and of earlier in this one', () => {
    const own = memory(60, { 2: 0, 5: 0 });
    const peaks = { ...own.usage, memoryPeakBytes: 99 * MIB, memoryEarlierPeakBytes: 61 * MIB };
    expect(fact('memory', { containers: [{ ...own, ...ended, usage: peaks }] })).toBe(
      'memory 60% of limit, steady, 99% at most in 30 min',
    );
    expect(fact('memory', { containers: [{ ...own, usage: peaks }] })).toBe(
      'memory 60% of limit, steady, was as full before',
    );
    expect(fact('memory', { containers: [{ ...own, usage: { ...peaks, memoryEarlierPeakBytes: 59 * MIB } }] })).toBe(
      'memory 60% of limit, steady',
    );
  });
});

describe('restarts', () => {
  const last = { reason: 'Error', exitCode: 1, atUnixSeconds: NOW - 130 };
  const siblings = { restartsIn30m: 3, runningSeconds: 100 };
  test.each<[string, Partial<ContainerSnapshot>, string]>([
    [
      'lately',
      { restarts: 4, restartsIn30m: 2, lastTermination: last, startedAtUnixSeconds: NOW - 811 },
      'exited with code 1, 2 restarts in 30 min, has run for 13m',
    ],
    [
      'for memory, and it waits',
      { restarts: 1, restartsIn30m: 1, state: 'waiting', lastTermination: { ...last, reason: 'OOMKilled' } },
      'killed for memory (OOMKilled), 1 restart in 30 min',
    ],
    ['never', { restarts: 0 }, 'no restart ever'],
    ['of siblings', { restarts: 0, siblings }, 'no restart in 30 min here, 3 in pods of the same owner'],
    [
      'long ago',
      { restarts: 4, lastTermination: { ...last, atUnixSeconds: NOW - 1980 } },
      'no restart in 30 min, exited with code 1 33m ago',
    ],
    ['of an unknown time', { restarts: 4, restartsIn30m: undefined, lastTermination: undefined }, '4 restarts in all'],
  ])('%s', (_, known, text) => {
    expect(fact('restarts', { containers: [running(known)] })).toBe(text);
  });

  test.each([
    [
      'in a rhythm',
      {
        restarts: 2,
        restartsIn30m: 2,
        lastTermination: last,
        startedAtUnixSeconds: NOW - 200,
        earliestStartOver30m: NOW - 800,
        runningShareOver30m: 1,
      },
      'exited with code 1, 2 restarts in 30 min, has run for 3m20s, before that for 5m each',
    ],
    [
      'and much longer since',
      {
        restarts: 1,
        restartsIn30m: 1,
        lastTermination: last,
        startedAtUnixSeconds: NOW - 900,
        earliestStartOver30m: NOW - 1000,
        runningShareOver30m: 1,
      },
      'exited with code 1, 1 restart in 30 min, has run for 15m, much longer than before',
    ],
    [
      'by its cycles, the waits among them, where its lives are not known',
      {
        restarts: 20,
        restartsIn30m: 5,
        lastTermination: { ...last, atUnixSeconds: NOW - 1800 },
        startedAtUnixSeconds: NOW - 100,
      },
      'exited with code 1, 5 restarts in 30 min, has run for 100s, ended every 6m before',
    ],
    [
      'or by those of siblings',
      {
        restarts: 1,
        restartsIn30m: 1,
        lastTermination: last,
        startedAtUnixSeconds: NOW - 100,
        siblings: { restartsIn30m: 10, runningSeconds: 6000 },
      },
      'exited with code 1, 1 restart in 30 min, has run for 100s, in other pods of its owner for 10m',
    ],
    [
      'which it has outlived',
      {
        restarts: 1,
        restartsIn30m: 1,
        lastTermination: last,
        startedAtUnixSeconds: NOW - 1500,
        siblings: { restartsIn30m: 10, runningSeconds: 3000 },
      },
      'exited with code 1, 1 restart in 30 min, has run for 25m, much longer than in other pods of its owner',
    ],
  ])('%s: with how long it ran before', (_, known, text) => {
    expect(fact('restarts', { createdAtUnixSeconds: NOW - 9000, containers: [running(known)] })).toBe(text);
  });
});

describe('start, state, readiness, network and node', () => {
  const waiting = container({ state: 'waiting', reason: 'ImagePullBackOff' });
  const crashed = container({ state: 'terminated', reason: 'OOMKilled' });
  test.each<[string, Topic, Partial<PodSnapshot>]>([
    ['no node can take the pod', 'start', { unschedulable: true }],
    ['container app waits: ImagePullBackOff', 'start', { containers: [waiting] }],
    [
      'init container app runs',
      'start',
      { containers: [running({ role: 'init' }), container({ state: 'waiting', reason: 'PodInitializing' })] },
    ],
    ['the pod is pending', 'start', { phase: 'Pending' }],
    [
      'no node can take the pod, the pod is 12m old',
      'start',
      { unschedulable: true, phase: 'Pending', createdAtUnixSeconds: NOW - 720 },
    ],
    ['all containers have started', 'start', { containers: [running()] }],
    ['container app ended: OOMKilled', 'state', { containers: [running({ name: 'mesh' }), crashed] }],
    ['container app ended, why is not kept', 'state', { containers: [{ ...crashed, reason: undefined }] }],
    ['container app waits: ImagePullBackOff', 'state', { containers: [waiting] }],
    ['the phase is Failed', 'state', { phase: 'Failed' }],
    ['no container is down', 'state', { containers: [running()] }],
    ['no container has started', 'state', { phase: 'Pending' }],
    ['no container has started', 'restarts', { phase: 'Pending' }],
    ['no container is down', 'state', { phase: 'Pending', containers: [running({ role: 'init' })] }],
    ['the pod is ready', 'readiness', { readyCondition: 'true' }],
    ['the pod is not ready', 'readiness', { readyCondition: 'false' }],
    [
      '3 packets dropped per second',
      'network',
      { networkDrops: { receivePerSecond: 3, transmitPerSecond: undefined } },
    ],
    ['the pod is on no node', 'node', { node: undefined }],
    ['node n1 is well', 'node', { node: node('n1', { Ready: 'true', DiskPressure: 'false' }) }],
    ['node n1 has Ready unknown', 'node', { node: node('n1', { Ready: 'unknown', DiskPressure: 'false' }) }],
    ['node n1 has DiskPressure true', 'node', { node: node('n1', { Ready: 'true', DiskPressure: 'true' }) }],
  ])('%s', (text, topic, known) => {
    expect(fact(topic, known)).toBe(text);
  });
});
