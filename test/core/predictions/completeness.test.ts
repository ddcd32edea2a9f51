import { describe, expect, test } from 'vitest';
import type { Gap } from '../../../src/core/pods/snapshot.ts';
import { readingWarnings, type Warning } from '../../../src/core/predictions/completeness.ts';
import type { PodPrediction } from '../../../src/core/predictions/prediction.ts';
import { container, node, pod } from '../../support/pods.ts';
import { readings } from '../../support/readings.ts';

/** A running pod on a node; `measured`: whether cAdvisor has its memory. */
function running(name: string, onNode: string, gaps: readonly Gap[], measured = true): PodPrediction {
  const usage = { ...container().usage, memoryBytes: measured ? 1e8 : undefined };
  return {
    pod: pod({ name, node: node(onNode), gaps: [...gaps], containers: [container({ state: 'running', usage })] }),
    now: {
      now: 'Running',
      status: 'Running',
      leaving: false,
      readyContainers: 1,
      totalContainers: 1,
      restarts: 0,
      restartedAtUnixSeconds: undefined,
    },
    prediction: undefined,
    notEvaluated: undefined,
    features: undefined,
    reasons: undefined,
  };
}

const notSampled = (signal: Gap['signal']): Gap => ({
  signal,
  reason: { kind: 'pod-not-sampled', exporter: 'cadvisor' },
});

describe('gaps of pods', () => {
  const warnings = (...pods: PodPrediction[]): Warning[] => readingWarnings(readings({}), pods);

  test('are no news where a container has just been started again and has no rate yet', () => {
    expect(warnings(running('a', 'n1', [notSampled('cpu-usage')]), running('b', 'n1', []))).toEqual([]);
  });

  test('of the memory itself are told with the pods that lack it', () => {
    expect(warnings(running('a', 'n1', [notSampled('memory-working-set')], false), running('b', 'n1', []))).toEqual([
      {
        kind: 'pods-not-sampled',
        exporter: 'cadvisor',
        pods: 1,
        signals: ['memory-working-set'],
        incomplete: true,
      },
    ]);
  });

  test('of all pods of a node are told once, by the node', () => {
    const gaps = [notSampled('memory-working-set'), notSampled('cpu-usage')];
    const dark = ['a', 'b'].map((name) => running(name, 'n2', gaps, false));
    expect(warnings(...dark, running('c', 'n1', []))).toEqual([
      { kind: 'node-not-sampled', exporter: 'cadvisor', node: 'n2', pods: 2, incomplete: true },
    ]);
  });

  test('by which every pod lacks a metric are told by the metric', () => {
    const metric = 'container_memory_working_set_bytes';
    const absent = (signal: Gap['signal']): Gap => ({ signal, reason: { kind: 'metric-absent', metric } });
    const gaps = [absent('memory-working-set'), absent('memory-slope-5m')];
    expect(warnings(...['a', 'b'].map((name) => running(name, 'n1', gaps, false)))).toEqual([
      {
        kind: 'metric-absent',
        metric,
        signals: ['memory-slope-5m', 'memory-working-set'],
        pods: 2,
        incomplete: true,
      },
    ]);
  });
});
