import { expect, test } from 'vitest';
import { FEATURE_NAMES } from '../../../src/core/features/schema.ts';
import type { PodSnapshot } from '../../../src/core/pods/snapshot.ts';
import { RIVALS, RivalWatch, type RivalName, type RivalView } from '../../../src/core/predictions/rivals.ts';
import { container, pod } from '../../support/pods.ts';

function view(known: Partial<RivalView> & { features?: Float32Array } = {}): RivalView {
  return {
    pod: pod({ phase: 'Running', readyCondition: 'true' }),
    status: 'Running',
    features: new Float32Array(FEATURE_NAMES.length).fill(Number.NaN),
    horizonSeconds: 600,
    conditions: new Set(),
    ...known,
  };
}

function features(name: string, value: number): Float32Array {
  const values = new Float32Array(FEATURE_NAMES.length).fill(Number.NaN);
  values[FEATURE_NAMES.indexOf(name)] = value;
  return values;
}

/** A pod whose memory, by its growth over 15 minutes, is full in so many. */
function filling(minutes: number): PodSnapshot {
  const [memoryBytes, limit] = [40e6, 100e6];
  const usage = { ...container().usage, memoryBytes, memorySlope15m: (limit - memoryBytes) / (minutes * 60) };
  const limits = { cpuCores: undefined, memoryBytes: limit };
  return pod({ phase: 'Running', containers: [container({ state: 'running', limits, usage })] });
}

/** Which rivals fire at `unixSeconds` when the view has been the same since 0. */
function fire(unixSeconds: number, seen: RivalView): RivalName[] {
  const watch = new RivalWatch();
  watch.take(0, seen);
  const firing = watch.take(unixSeconds, seen);
  return RIVALS.filter((_, i) => firing[i]).map(({ name }) => name);
}

test.each<[string, RivalView, RivalName[]]>([
  ['a healthy pod', view(), []],
  ['what fails', view({ status: 'Error' }), ['persistence']],
  ['memory above 90 %', view({ features: features('memory_usage_percent', 90.1) }), ['memory-above-90-percent']],
  ['memory at 90 %', view({ features: features('memory_usage_percent', 90) }), []],
  ['memory that is full in 10 minutes', view({ pod: filling(10) }), ['memory-full-within-horizon']],
  ['memory that is full in 11', view({ pod: filling(11) }), []],
  ['a restart within the hour', view({ conditions: new Set(['restarted-1h']) }), ['restarted-within-the-hour']],
])('%s makes fire at once what it should', (_, seen, wanted) => {
  expect(fire(30, seen)).toEqual(wanted);
});

test.each<[string, RivalView, RivalName[]]>([
  ['CrashLoopBackOff', view({ conditions: new Set(['crash-looping-5m']) }), ['KubePodCrashLooping']],
  ['Unknown', view({ pod: pod({ phase: 'Unknown' }) }), ['KubePodNotReady']],
  ['running and not ready', view({ pod: pod({ phase: 'Running', readyCondition: 'false' }) }), ['KubePodNotReady']],
  ['running and ready', view({ pod: pod({ phase: 'Running', readyCondition: 'true' }) }), []],
  ['running, and nobody tells whether ready', view({ pod: pod({ phase: 'Running', readyCondition: undefined }) }), []],
  ['kept from nodes by a gate', view({ pod: pod({ phase: 'Pending', statusReasons: ['SchedulingGated'] }) }), []],
  ['Pending', view({ pod: pod({ phase: 'Pending' }) }), ['KubePodNotReady']],
  ['a Pending Job', view({ pod: pod({ phase: 'Pending', owner: { kind: 'Job', name: 'backup' } }) }), []],
])('%s fires after fifteen minutes, as the alert does', (_, seen, wanted) => {
  expect(fire(899, seen)).toEqual([]);
  expect(fire(900, seen)).toEqual(wanted);
});

test('a condition that lapsed begins anew', () => {
  const watch = new RivalWatch();
  const looping = view({ conditions: new Set(['crash-looping-5m']) });
  watch.take(0, looping);
  watch.take(600, view());
  watch.take(700, looping);
  expect(watch.take(1500, looping)).not.toContain(true);
  expect(watch.take(1600, looping)).toContain(true);
});
