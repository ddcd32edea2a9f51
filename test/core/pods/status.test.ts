import { describe, expect, test } from 'vitest';
import { kubernetesMinor } from '../../../src/core/pods/kubernetes-version.ts';
import type { PodSnapshot } from '../../../src/core/pods/snapshot.ts';
import { foldStatus, podStatus } from '../../../src/core/pods/status.ts';
import type { SignalName } from '../../../src/core/signals/catalogue.ts';
import { container, node, pod } from '../../support/pods.ts';

const running = container({ name: 'app', state: 'running', ready: true, restarts: 0 });
const waiting = (reason: string, name = 'app'): ReturnType<typeof container> =>
  container({ name, state: 'waiting', reason });
const ended = (reason: string | undefined, name = 'app'): ReturnType<typeof container> =>
  container({ name, state: 'terminated', reason });

const sidecar = (known: Parameters<typeof container>[0]): ReturnType<typeof container> =>
  container({ name: 'proxy', role: 'sidecar', ...known });
const lacking = (signal: SignalName, metric: string): PodSnapshot['gaps'][number] => ({
  signal,
  reason: { kind: 'metric-absent', metric },
});

interface Case {
  readonly why: string;
  readonly pod: Partial<PodSnapshot>;
  readonly prints: string;
  readonly minor?: number;
}

/** What printPod of Kubernetes does, step by step; pkg/printers/internalversion/printers.go. */
const cases: readonly Case[] = [
  { why: 'the phase is the first word', pod: { phase: 'Pending' }, prints: 'Pending' },
  { why: 'a pod in order prints its phase', pod: { phase: 'Running', containers: [running] }, prints: 'Running' },
  {
    why: 'running but not ready is still Running',
    pod: { phase: 'Running', containers: [container({ state: 'running' })] },
    prints: 'Running',
  },
  {
    why: 'status.reason comes before the phase',
    pod: { phase: 'Failed', statusReasons: ['Evicted'] },
    prints: 'Evicted',
  },
  {
    why: 'a container that ended comes before status.reason',
    pod: { phase: 'Failed', statusReasons: ['Evicted'], containers: [ended('Error')] },
    prints: 'Error',
  },
  {
    why: 'reasons of conditions are not status.reason',
    pod: { phase: 'Running', statusReasons: ['PreemptionByScheduler', 'Other'], containers: [running] },
    prints: 'Running',
  },
  {
    why: 'a gate of the scheduler',
    pod: { phase: 'Pending', statusReasons: ['SchedulingGated'] },
    prints: 'SchedulingGated',
  },
  {
    why: 'a waiting container names its reason',
    pod: { phase: 'Running', containers: [waiting('CrashLoopBackOff')] },
    prints: 'CrashLoopBackOff',
  },
  {
    why: 'waiting without a reason says nothing: the container was created and not yet started',
    pod: { phase: 'Pending', containers: [container({ state: 'waiting' })] },
    prints: 'Pending',
  },
  {
    why: 'unless reasons are not kept',
    pod: {
      phase: 'Running',
      containers: [container({ state: 'waiting' })],
      gaps: [lacking('container-waiting-reason', 'kube_pod_container_status_waiting_reason')],
    },
    prints: '?',
  },
  {
    why: 'an ended container names its reason',
    pod: { phase: 'Running', containers: [ended('OOMKilled')] },
    prints: 'OOMKilled',
  },
  {
    why: 'ended without a reason: metrics have no exit code, Error is the nearest',
    pod: { phase: 'Running', containers: [ended(undefined)] },
    prints: 'Error',
  },
  {
    why: 'of two with a reason the first by name wins',
    pod: { phase: 'Running', containers: [waiting('CrashLoopBackOff', 'a'), ended('Error', 'b')] },
    prints: 'CrashLoopBackOff',
  },
  {
    why: 'a sound container before it hides nothing',
    pod: { phase: 'Running', containers: [container({ ...running, name: 'a' }), ended('Error', 'b')] },
    prints: 'Error',
  },
  { why: 'all ended well', pod: { phase: 'Succeeded', containers: [ended('Completed')] }, prints: 'Completed' },
  {
    why: 'one ended well, another runs and the pod is ready',
    pod: {
      phase: 'Running',
      readyCondition: 'true',
      containers: [ended('Completed', 'a'), container({ ...running, name: 'b' })],
    },
    prints: 'Running',
  },
  {
    why: 'one ended well, another runs, the pod is not ready',
    pod: {
      phase: 'Running',
      readyCondition: 'false',
      containers: [ended('Completed', 'a'), container({ ...running, name: 'b' })],
    },
    prints: 'NotReady',
  },
  {
    why: 'since 1.35 also one that ended without a reason, by a signal',
    pod: { phase: 'Failed', containers: [ended('Completed', 'a'), ended(undefined, 'b')] },
    prints: 'Error',
    minor: 35,
  },
  {
    why: 'a pod that succeeded has completed, also where not every reason is kept',
    pod: { phase: 'Succeeded', containers: [ended('Completed', 'a'), ended(undefined, 'b')] },
    prints: 'Completed',
    minor: 35,
  },
  {
    why: 'since 1.35 a failure beside Completed is named',
    pod: { phase: 'Failed', containers: [ended('Completed', 'a'), ended('Error', 'b')] },
    prints: 'Error',
    minor: 35,
  },
  {
    why: 'before 1.35 Completed hid it',
    pod: { phase: 'Failed', containers: [ended('Completed', 'a'), ended('Error', 'b')] },
    prints: 'Completed',
    minor: 34,
  },
  {
    why: 'an init container that runs',
    pod: {
      phase: 'Pending',
      containers: [waiting('PodInitializing'), container({ name: 'init', role: 'init', state: 'running' })],
    },
    prints: 'Init:0/1',
  },
  {
    why: 'the second of two init containers',
    pod: {
      phase: 'Pending',
      containers: [
        waiting('PodInitializing'),
        container({ name: 'i1', role: 'init', state: 'terminated', reason: 'Completed' }),
        container({ name: 'i2', role: 'init', state: 'running' }),
      ],
    },
    prints: 'Init:1/2',
  },
  {
    why: 'an init container that failed',
    pod: {
      phase: 'Pending',
      containers: [
        waiting('PodInitializing'),
        container({ name: 'init', role: 'init', state: 'terminated', reason: 'Error' }),
      ],
    },
    prints: 'Init:Error',
  },
  {
    why: 'an init container that waits to be started again',
    pod: {
      phase: 'Pending',
      containers: [
        waiting('PodInitializing'),
        container({ name: 'init', role: 'init', state: 'waiting', reason: 'CrashLoopBackOff' }),
      ],
    },
    prints: 'Init:CrashLoopBackOff',
  },
  {
    why: 'all init containers done, the others not yet made',
    pod: {
      phase: 'Pending',
      containers: [
        waiting('PodInitializing'),
        container({ name: 'init', role: 'init', state: 'terminated', reason: 'Completed' }),
      ],
    },
    prints: 'PodInitializing',
  },
  {
    why: 'an init container that ended well, in a cluster that keeps no reasons: it is ready',
    pod: {
      phase: 'Running',
      containers: [running, container({ name: 'init', role: 'init', state: 'terminated', ready: true })],
    },
    prints: 'Running',
  },
  {
    why: 'one that failed, in a cluster that keeps no reasons',
    pod: {
      phase: 'Pending',
      containers: [waiting('PodInitializing'), container({ name: 'init', role: 'init', state: 'terminated' })],
    },
    prints: 'Init:Error',
  },
  {
    why: 'an init container of which no state is kept, in a pod that runs',
    pod: { phase: 'Running', containers: [running, container({ name: 'init', role: 'init' })] },
    prints: 'Running',
  },
  {
    why: 'a container that ended well, in a cluster that keeps no reasons',
    pod: { phase: 'Succeeded', containers: [container({ state: 'terminated' })] },
    prints: 'Completed',
  },
  {
    why: 'a sidecar that runs is done as an init container',
    pod: {
      phase: 'Running',
      containers: [running, container({ name: 'proxy', role: 'sidecar', state: 'running', ready: true })],
    },
    prints: 'Running',
  },
  {
    why: 'a sidecar that crashes in an initialized pod, the rest sound',
    pod: {
      phase: 'Running',
      initialized: true,
      containers: [
        running,
        container({ name: 'proxy', role: 'sidecar', state: 'waiting', reason: 'CrashLoopBackOff' }),
      ],
    },
    prints: 'Init:CrashLoopBackOff',
  },
  { why: 'being deleted', pod: { phase: 'Running', terminating: true, containers: [running] }, prints: 'Terminating' },
  {
    why: 'being deleted hides a crash',
    pod: { phase: 'Running', terminating: true, containers: [waiting('CrashLoopBackOff')] },
    prints: 'Terminating',
  },
  {
    why: 'since 1.31 a finished pod is not Terminating',
    pod: { phase: 'Failed', terminating: true, containers: [ended('OOMKilled')] },
    prints: 'OOMKilled',
    minor: 31,
  },
  {
    why: 'before 1.31 it was',
    pod: { phase: 'Failed', terminating: true, containers: [ended('OOMKilled')] },
    prints: 'Terminating',
    minor: 30,
  },
  {
    why: 'being deleted on a lost node',
    pod: { phase: 'Running', terminating: true, statusReasons: ['NodeLost'], containers: [running] },
    prints: 'Unknown',
  },
  {
    why: 'a sidecar that ended well is done',
    pod: {
      phase: 'Running',
      initialized: true,
      containers: [running, sidecar({ state: 'terminated', reason: 'Completed' })],
    },
    prints: 'Running',
  },
  {
    why: 'nor does it hide an init container that failed',
    pod: {
      phase: 'Failed',
      containers: [
        sidecar({ state: 'terminated', reason: 'Completed' }),
        container({ name: 'setup', role: 'init', state: 'terminated', reason: 'Error' }),
      ],
    },
    prints: 'Init:Error',
  },
  {
    why: 'a sidecar whose startup probe has not succeeded is not done',
    pod: { phase: 'Pending', containers: [waiting('PodInitializing'), sidecar({ state: 'running', ready: false })] },
    prints: 'Init:0/1',
  },
  {
    why: 'nor is one that others wait for',
    pod: {
      phase: 'Pending',
      containers: [
        waiting('PodInitializing'),
        sidecar({ state: 'running', ready: false }),
        container({ name: 'setup', role: 'init', state: 'waiting', reason: 'PodInitializing' }),
      ],
    },
    prints: 'Init:0/2',
  },
  {
    why: 'one behind which another was started had succeeded',
    pod: {
      phase: 'Pending',
      containers: [
        waiting('PodInitializing'),
        sidecar({ state: 'running', ready: false }),
        container({ name: 'setup', role: 'init', state: 'running' }),
      ],
    },
    prints: 'Init:1/2',
  },
  {
    why: 'one that runs and is not ready in a pod that was initialized is done',
    pod: { phase: 'Running', initialized: true, containers: [running, sidecar({ state: 'running', ready: false })] },
    prints: 'Running',
  },
  {
    why: 'a pod that succeeded was initialized, whatever became of its sidecar, also where the condition is not kept',
    pod: {
      phase: 'Succeeded',
      initialized: undefined,
      containers: [ended('Completed'), sidecar({ state: 'terminated', reason: 'Error' })],
    },
    prints: 'Completed',
  },
  {
    why: 'and a pod that never was has no containers that count',
    pod: {
      phase: 'Pending',
      initialized: undefined,
      containers: [
        waiting('PodInitializing'),
        container({ name: 'setup', role: 'init', state: 'waiting', reason: 'CrashLoopBackOff' }),
      ],
    },
    prints: 'Init:CrashLoopBackOff',
  },
  {
    why: 'how a container ended cannot be told where reasons are not kept',
    pod: {
      phase: 'Running',
      containers: [ended(undefined, 'a'), running],
      gaps: [lacking('container-terminated-reason', 'kube_pod_container_status_terminated_reason')],
    },
    prints: '?',
  },
  {
    why: 'nor why an init container waits',
    pod: {
      phase: 'Pending',
      containers: [container({ name: 'setup', role: 'init', state: 'waiting' })],
      gaps: [lacking('init-waiting-reason', 'kube_pod_init_container_status_waiting_reason')],
    },
    prints: '?',
  },
  {
    why: 'a reason that is kept counts, whatever is not',
    pod: {
      phase: 'Pending',
      containers: [
        container({ name: 'a', role: 'init', state: 'terminated', ready: undefined }),
        container({ name: 'b', role: 'init', state: 'waiting', reason: 'CrashLoopBackOff', ready: undefined }),
      ],
      gaps: [lacking('init-terminated-reason', 'kube_pod_init_container_status_terminated_reason')],
    },
    prints: 'Init:CrashLoopBackOff',
  },
  ...(
    [
      ['what came after it runs', { phase: 'Running', initialized: undefined, containers: [running] }, 'Running'],
      [
        'the pod is initialized',
        { phase: 'Pending', initialized: true, containers: [waiting('ErrImagePull')] },
        'ErrImagePull',
      ],
      [
        'the pod succeeded',
        { phase: 'Succeeded', initialized: undefined, containers: [ended('Completed')] },
        'Completed',
      ],
      [
        'nothing came after it',
        { phase: 'Pending', initialized: false, containers: [waiting('PodInitializing')] },
        '?',
      ],
    ] as const
  ).map(([why, { containers, ...known }, prints]) => ({
    why: `of an init container neither why it ended nor whether it is ready is kept: ${why}`,
    pod: {
      ...known,
      containers: [...containers, container({ name: 'setup', role: 'init', state: 'terminated', ready: undefined })],
      gaps: [
        lacking('init-terminated-reason', 'kube_pod_init_container_status_terminated_reason'),
        lacking('init-ready', 'kube_pod_init_container_status_ready'),
      ],
    },
    prints,
  })),
  { why: 'gone by evidence', pod: { presence: 'gone' }, prints: 'NotFound' },
  { why: 'not to be told', pod: { presence: 'untold' }, prints: '?' },
  { why: 'no phase, no container', pod: {}, prints: '?' },
  {
    why: 'a new pod with a node, two seconds after the scrape: the kubelet has taken note of it',
    pod: {
      phase: 'Pending',
      node: node('n'),
      createdAtUnixSeconds: 990,
      scrapedAtUnixSeconds: 991,
      readAtUnixSeconds: 994,
    },
    prints: 'ContainerCreating',
  },
  {
    why: 'the same at the scrape itself',
    pod: {
      phase: 'Pending',
      node: node('n'),
      createdAtUnixSeconds: 990,
      scrapedAtUnixSeconds: 991,
      readAtUnixSeconds: 992,
    },
    prints: 'Pending',
  },
  {
    why: 'an old pod with a node and no status: its kubelet is dead',
    pod: {
      phase: 'Pending',
      node: node('n'),
      createdAtUnixSeconds: 900,
      scrapedAtUnixSeconds: 991,
      readAtUnixSeconds: 994,
    },
    prints: 'Pending',
  },
];

test.each(cases)('$why: $prints', ({ pod: known, prints, minor }) => {
  expect(podStatus(pod(known), { kubernetesMinor: minor ?? 35 }).now).toBe(prints);
});

describe('READY and RESTARTS', () => {
  const rules = { kubernetesMinor: 34 };

  test('sidecars count, init containers do not', () => {
    const status = podStatus(
      pod({
        phase: 'Running',
        totalContainers: 2,
        containers: [
          container({ ...running, restarts: 2 }),
          container({ name: 'init', role: 'init', state: 'terminated', reason: 'Completed', restarts: 5 }),
          container({ name: 'proxy', role: 'sidecar', state: 'running', ready: true, restarts: 1 }),
        ],
      }),
      rules,
    );
    expect(status).toMatchObject({ readyContainers: 2, totalContainers: 2, restarts: 3 });
  });

  test('while init containers run, theirs are the restarts', () => {
    const status = podStatus(
      pod({
        phase: 'Pending',
        containers: [
          container({ state: 'waiting', reason: 'PodInitializing', restarts: 0 }),
          container({ name: 'init', role: 'init', state: 'waiting', reason: 'CrashLoopBackOff', restarts: 7 }),
        ],
      }),
      rules,
    );
    expect(status).toMatchObject({ readyContainers: 0, restarts: 7 });
  });

  test('the last restart is the latest end of any container', () => {
    const at = (
      atUnixSeconds: number,
    ): { lastTermination: { reason: string; exitCode: number; atUnixSeconds: number } } => ({
      lastTermination: { reason: 'Error', exitCode: 1, atUnixSeconds },
    });
    const containers = [
      container({ ...running, name: 'a', ...at(100) }),
      container({ ...running, name: 'b', ...at(300) }),
    ];
    expect(podStatus(pod({ phase: 'Running', containers }), rules).restartedAtUnixSeconds).toBe(300);
  });

  test('a restart whose time is not kept leaves open which was the last', () => {
    const dated = { reason: 'Error', exitCode: 1, atUnixSeconds: 100 };
    const restartedAt = (restarts: number): number | undefined =>
      podStatus(
        pod({
          phase: 'Running',
          containers: [
            container({ ...running, restarts: 2, lastTermination: dated }),
            sidecar({ state: 'running', ready: true, restarts }),
          ],
        }),
        rules,
      ).restartedAtUnixSeconds;
    expect(restartedAt(3)).toBeUndefined();
    expect(restartedAt(0)).toBe(100);
  });

  test('a ready container runs, where its state is not kept; where neither is, nothing is told', () => {
    const ready = (known: Parameters<typeof container>[0]): number | undefined =>
      podStatus(pod({ phase: 'Running', containers: [container(known)] }), rules).readyContainers;
    expect(ready({ ready: true })).toBe(1);
    expect(ready({ ready: false })).toBe(0);
    expect(ready({ ready: undefined })).toBeUndefined();
    expect(ready({ state: 'running', ready: undefined })).toBeUndefined();
    expect(ready({ state: 'waiting', reason: 'CrashLoopBackOff', ready: undefined })).toBe(0);
  });

  test('a pod that is ready runs, where the states of its containers are not kept', () => {
    const untold = { phase: 'Running', node: node('n1'), containers: [container({ restarts: 3 })] };
    expect(podStatus(pod({ ...untold, readyCondition: 'true' }), rules).now).toBe('Running');
    expect(podStatus(pod({ ...untold, readyCondition: 'false' }), rules).now).toBe('?');
  });

  test('what waits for init containers that no metric knows is untold', () => {
    const waits = { phase: 'Pending', node: node('n1'), containers: [waiting('PodInitializing')] };
    expect(podStatus(pod(waits), rules)).toMatchObject({ now: '?', status: undefined });
  });

  test('a pod that its node refused has started nothing, unless metrics are missing', () => {
    const refused = { phase: 'Failed', node: node('n'), statusReasons: ['NodeAffinity'] };
    expect(podStatus(pod(refused), rules).restarts).toBe(0);
    const gaps = [lacking('restarts', 'kube_pod_container_status_restarts_total')];
    expect(podStatus(pod({ ...refused, gaps }), rules).restarts).toBeUndefined();
  });

  test('restarts that are not known are not 0, but an unscheduled pod has had none', () => {
    expect(podStatus(pod({ phase: 'Running', node: node('n') }), rules).restarts).toBeUndefined();
    const unscheduled = pod({ phase: 'Pending', containers: [container({ ready: undefined })] });
    expect(podStatus(unscheduled, rules)).toMatchObject({ restarts: 0, readyContainers: 0 });
  });
});

describe('folding to the seven statuses', () => {
  test.each([
    ['Running', 'Running', 'Running'],
    ['NotReady', 'Running', 'Running'],
    ['CrashLoopBackOff', 'Running', 'CrashLoopBackOff'],
    ['Init:CrashLoopBackOff', 'Pending', 'CrashLoopBackOff'],
    ['ContainerCreating', 'Pending', 'ContainerCreating'],
    ['PodInitializing', 'Pending', 'ContainerCreating'],
    ['Init:1/2', 'Pending', 'ContainerCreating'],
    ['Pending', 'Pending', 'Pending'],
    ['SchedulingGated', 'Pending', 'Pending'],
    ['ImagePullBackOff', 'Pending', 'Error'],
    ['Init:ErrImagePull', 'Pending', 'Error'],
    ['CreateContainerConfigError', 'Pending', 'Error'],
    ['RunContainerError', 'Running', 'Error'],
    ['OOMKilled', 'Running', 'Error'],
    ['Init:Error', 'Pending', 'Error'],
    ['Init:Signal:9', 'Pending', 'Error'],
    ['ExitCode:3', 'Failed', 'Error'],
    ['OutOfcpu', 'Failed', 'Error'],
    ['Evicted', 'Failed', 'Error'],
    ['ContainerStatusUnknown', 'Running', 'Unknown'],
    ['NodeLost', 'Running', 'Unknown'],
    ['SomethingNew', 'Running', 'Error'],
    ['Completed', 'Succeeded', undefined],
    ['Completed', 'Failed', 'Error'],
    ['Completed', 'Running', 'Running'],
    ['Terminating', 'Running', undefined],
    ['?', 'Running', undefined],
    ['?', 'Failed', 'Error'],
  ] as const)('%s in phase %s is %s', (now, phase, status) => {
    expect(foldStatus(now, phase)).toBe(status);
  });
});

test.each([
  ['v1.34.4', 34],
  ['1.35', 35],
  ['v1.29.1-eks-5e0fdde', 29],
  ['v2.0.0', undefined],
  ['', undefined],
  ['1.x', undefined],
])('the minor version of %s is %s', (version, minor) => {
  expect(kubernetesMinor(version)).toBe(minor);
});
