import { describe, expect, test } from 'vitest';
import { assemblePods } from '../../../src/core/pods/assemble.ts';
import type { PodSnapshot } from '../../../src/core/pods/snapshot.ts';
import { copyKey } from '../../../src/core/signals/copies.ts';
import type { SignalName } from '../../../src/core/signals/catalogue.ts';
import type { SignalRow } from '../../../src/core/signals/signal.ts';
import { AT, copy, info, readings, replicas, row } from '../../support/readings.ts';

const SCRAPED = AT - 2;
const app = { container: 'app' };
/** The copy from which all pods here are. */
const APART = new Set([copyKey(copy('a', 3, SCRAPED))]);

function only(rows: Partial<Record<SignalName, readonly SignalRow[]>>, known = {}): PodSnapshot {
  const pods = assemblePods(readings({ 'pod-info': [info('cart', 'a', SCRAPED)], ...rows }, known));
  expect(pods).toHaveLength(1);
  return pods[0] as PodSnapshot;
}

describe('what is not there stays unknown', () => {
  test('a pod with kube_pod_info alone', () => {
    const pod = only({});
    expect(pod).toMatchObject({
      phase: undefined,
      createdAtUnixSeconds: undefined,
      totalContainers: undefined,
      containers: [],
    });
    expect(pod.gaps.map(({ signal, reason }) => [signal, reason.kind])).toContainEqual(['phase', 'metric-absent']);
  });

  test('NaN, infinities and the year 1 are no values', () => {
    const pod = only({
      'container-running': [row('cart', app, SCRAPED)],
      phase: [row('cart', { phase: 'Running' }, SCRAPED)],
      restarts: [row('cart', app, Number.NaN)],
      'last-terminated-at': [row('cart', app, -62135596800)],
      limits: [row('cart', { ...app, resource: 'memory' }, Number.POSITIVE_INFINITY)],
      'memory-working-set': [row('cart', app, Number.NaN)],
    });
    expect(pod.containers[0]).toMatchObject({
      restarts: undefined,
      lastTermination: undefined,
      limits: { memoryBytes: undefined },
      usage: { memoryBytes: undefined },
    });
  });
});

describe('CPU of a container that is younger than the window of its rate', () => {
  const rates = { 'cpu-usage': [row('cart', app, 0.02)], 'cpu-usage-15m': [row('cart', app, 0.01)] };
  const young = (seconds: number, restarts: number): (number | undefined)[] => {
    const { usage } = only({
      'container-running': [row('cart', app, SCRAPED)],
      'container-started': [row('cart', app, AT - seconds)],
      'pod-created': [row('cart', {}, AT - 4000)],
      restarts: [row('cart', app, restarts)],
      'restarts-5m-ago': restarts === 0 ? [] : [row('cart', app, 0)],
      'restarts-15m-ago': restarts === 0 ? [] : [row('cart', app, 0)],
      ...rates,
    }).containers[0] ?? { usage: { cpuCores: undefined, cpuCoresOver15m: undefined } };
    return [usage.cpuCores, usage.cpuCoresOver15m];
  };

  test('is what it used while it lived', () => {
    expect(young(100, 0)).toEqual([expect.closeTo(0.06), expect.closeTo(0.09)]);
    expect(young(450, 0)).toEqual([0.02, expect.closeTo(0.02)]);
    expect(young(3000, 0)).toEqual([0.02, 0.01]);
  });

  test('is left as it is where its series may go on from the life before', () => {
    expect(young(100, 1)).toEqual([0.02, 0.01]);
  });
});

describe('a request that failed', () => {
  const whole = readings({
    'pod-info': [info('cart', 'a', SCRAPED)],
    phase: [row('cart', { phase: 'Running' }, SCRAPED)],
    'container-running': [row('cart', app, SCRAPED)],
    'container-ready': [row('cart', app, SCRAPED)],
    limits: [row('cart', { ...app, resource: 'memory' }, 1e8)],
  });
  const without = (...signals: SignalName[]): PodSnapshot => {
    const failure = { kind: 'connection-refused', address: 'http://p' } as const;
    const gaps = new Map(signals.map((signal) => [signal, { kind: 'request-failed', failure } as const]));
    return assemblePods({ ...whole, gaps })[0] as PodSnapshot;
  };

  test('says nothing of what it would have told', () => {
    expect(without().containers[0]).toMatchObject({ ready: true, limits: { memoryBytes: 1e8 } });
    expect(without()).toMatchObject({ unschedulable: false, terminating: false });
    expect(without('container-ready', 'limits').containers[0]).toMatchObject({ ready: undefined, limits: undefined });
    expect(without('unschedulable', 'deletion')).toMatchObject({ unschedulable: undefined, terminating: undefined });
  });
});

describe('rows of another scrape', () => {
  test('a scrape that is stored while kpfd asks counts: what it says is newer', () => {
    const later = SCRAPED + 15;
    const state = { 'container-waiting-reason': [row('cart', { ...app, reason: 'CrashLoopBackOff' }, later)] };
    const asked = { phase: [row('cart', { phase: 'Running' }, SCRAPED)], ...state };
    expect(only(asked).containers[0]).toMatchObject({ state: 'waiting', reason: 'CrashLoopBackOff' });
    const lastly = { phase: [row('cart', { phase: 'Running' }, later)], ...state };
    expect(only(lastly)).toMatchObject({ phase: 'Running', containers: [{ reason: 'CrashLoopBackOff' }] });
  });

  test('metrics of containers that are scraped apart from those of pods count', () => {
    const rows = {
      phase: [row('cart', { phase: 'Running' }, SCRAPED)],
      'container-waiting-reason': [row('cart', { ...app, reason: 'CrashLoopBackOff' }, SCRAPED - 45)],
      'init-terminated-reason': [row('cart', { container: 'setup', reason: 'Completed' }, SCRAPED - 45)],
      'last-terminated-reason': [row('cart', { container: 'setup', reason: 'Error' }, SCRAPED - 45)],
    };
    expect(only(rows, { scrapedApart: { container: APART, init: APART } }).containers).toMatchObject([
      { name: 'app', reason: 'CrashLoopBackOff' },
      { name: 'setup', reason: 'Completed', lastTermination: { reason: 'Error' } },
    ]);
    // Of a copy that has containers of the same scrape they are of another copy, whoever else is asked for.
    expect(only(rows).containers).toEqual([]);
  });

  test('unless they are older than what kube-state-metrics says may be', () => {
    const rows = {
      phase: [row('cart', { phase: 'Running' }, SCRAPED)],
      'container-running': [row('cart', app, SCRAPED - 100)],
    };
    const pod = only(rows, { scrapedApart: { container: APART, init: APART } });
    expect(pod.gaps.map(({ signal }) => signal)).toContain('container-running');
  });

  test('a running pod without any container is a gap, not a healthy one', () => {
    const pod = only({
      phase: [row('cart', { phase: 'Running' }, SCRAPED)],
      'container-waiting-reason': [row('cart', { ...app, reason: 'CrashLoopBackOff' }, SCRAPED - 45)],
      'container-running': [row('other', app, SCRAPED)],
    });
    expect(pod.gaps).toContainEqual({
      signal: 'container-running',
      reason: { kind: 'pod-not-sampled', exporter: 'kube-state-metrics' },
    });
  });

  const phases = [row('cart', { phase: 'Pending' }, AT - 40), row('cart', { phase: 'Running' }, SCRAPED)];

  test('of two phases the newer counts', () => {
    expect(only({ phase: phases }).phase).toBe('Running');
    expect(only({ phase: phases.toReversed() }).phase).toBe('Running');
  });

  const marked = { phase: phases, unschedulable: [row('cart', {}, AT - 12)], deletion: [row('cart', {}, AT - 12)] };

  test('a mark that only another copy has, scraped before, is not there any more', () => {
    const copies = [copy('a', 3, SCRAPED), copy('b', 3, AT - 12)];
    expect(only(marked, { copies })).toMatchObject({ unschedulable: false, terminating: false });
  });

  test('one of the same copy, as a query that deduplicates two replicas of Prometheus has it, is', () => {
    expect(only(marked)).toMatchObject({ unschedulable: true, terminating: true });
    const older = { unschedulable: [row('cart', {}, AT - 45)], deletion: [row('cart', {}, AT - 45)] };
    expect(only({ ...marked, ...older })).toMatchObject({ unschedulable: false, terminating: false });
  });

  test('a waiting container of an older scrape runs now', () => {
    const pod = only({
      phase: phases,
      'container-waiting-reason': [row('cart', { ...app, reason: 'CrashLoopBackOff' }, AT - 12)],
      'container-running': [row('cart', app, SCRAPED)],
    });
    expect(pod.containers[0]).toMatchObject({ state: 'running', reason: undefined });
  });

  test('where the phase comes from another instance, rows count while they are younger than an interval', () => {
    const pod = only({ phase: [row('cart', { phase: 'Running' }, AT - 9)], unschedulable: [row('cart', {}, AT - 9)] });
    expect(pod).toMatchObject({ phase: 'Running', unschedulable: true });
  });

  test('a lagging replica changes nothing', () => {
    const [newer, older] = [copy('a', 3, SCRAPED), copy('b', 3, AT - 12)];
    const pod = only(
      {
        'pod-info': [info('cart', 'a', SCRAPED), info('cart', 'b', AT - 12, { node: '' })],
        phase: [row('cart', { phase: 'Running' }, SCRAPED), row('cart', { phase: 'Pending' }, AT - 12)],
        unschedulable: [row('cart', {}, AT - 12)],
      },
      replicas(newer, older),
    );
    expect(pod).toMatchObject({ phase: 'Running', unschedulable: false, node: { name: 'node1' } });
  });
});

describe('joins', () => {
  test('rows of another uid of the same name are not taken', () => {
    expect(only({ phase: [row('cart', { uid: 'other', phase: 'Failed' }, SCRAPED)] }).phase).toBeUndefined();
  });

  test('rows without a uid (cAdvisor, kube-state-metrics 1) belong to the pod of the name', () => {
    const { uid: _, ...labels } = row('cart', { phase: 'Running' }, SCRAPED).labels;
    expect(only({ phase: [{ labels, value: SCRAPED }] }).phase).toBe('Running');
  });

  test('rows of a pod of the same name elsewhere are not taken', () => {
    expect(only({ phase: [row('cart', { namespace: 'data', phase: 'Failed' }, SCRAPED)] }).phase).toBeUndefined();
  });

  test('the Deployment behind the ReplicaSet is found', () => {
    const owners = [
      {
        labels: { namespace: 'shop', replicaset: 'cart', owner_kind: 'Deployment', owner_name: 'cart' },
        value: SCRAPED,
      },
    ];
    expect(only({ 'replicaset-owner': owners })).toMatchObject({
      owner: { kind: 'ReplicaSet', name: 'cart' },
      rootOwner: { kind: 'Deployment', name: 'cart' },
    });
  });

  test('a pod that nobody owns has no owner, in both spellings', () => {
    const none = { created_by_kind: '<none>', created_by_name: '<none>' };
    expect(only({ 'pod-info': [info('cart', 'a', SCRAPED, none)] }).owner).toBeUndefined();
  });

  test('the newest condition of a node counts', () => {
    const condition = (status: string, value: number): SignalRow => ({
      labels: { node: 'node1', condition: 'Ready', status },
      value,
    });
    const pod = only({ 'node-condition': [condition('true', AT - 30), condition('unknown', SCRAPED)] });
    expect(pod.node?.conditions.get('Ready')).toBe('unknown');
  });
});

describe('restarts in a window', () => {
  const running = {
    phase: [row('cart', { phase: 'Running' }, SCRAPED)],
    'container-running': [row('cart', app, SCRAPED)],
  };

  test('the counter now less the counter at the start of the window', () => {
    const pod = only({ ...running, restarts: [row('cart', app, 7)], 'restarts-15m-ago': [row('cart', app, 4)] });
    expect(pod.containers[0]).toMatchObject({ restarts: 7, restartsIn15m: 3, restartsIn5m: 0 });
  });

  test('in a pod younger than the window every restart lies in it', () => {
    const pod = only({ ...running, restarts: [row('cart', app, 2)], 'pod-created': [row('cart', {}, AT - 200)] });
    expect(pod.containers[0]).toMatchObject({ restartsIn5m: 2, restartsIn15m: 2 });
  });

  test('is not known where the samples are younger than the window, and the pod is not', () => {
    const known = { windowsBeforeHistory: new Set([1800]) };
    const old = only({ ...running, restarts: [row('cart', app, 7)], 'pod-created': [row('cart', {}, 0)] }, known);
    expect(old.containers[0]).toMatchObject({ restarts: 7, restartsIn15m: 0, restartsIn30m: undefined });
    const reason = { kind: 'history-too-short', windowSeconds: 1800 };
    expect(old.gaps).toContainEqual({ signal: 'restarts-30m-ago', reason });
    const young = { ...running, restarts: [row('cart', app, 2)], 'pod-created': [row('cart', {}, AT - 200)] };
    expect(only(young, known).containers[0]).toMatchObject({ restartsIn30m: 2 });
    expect(only(young, known).gaps).not.toContainEqual({ signal: 'restarts-30m-ago', reason });
  });

  test('the containers of a static pod are older than its mirror that was made anew', () => {
    const pod = only({
      ...running,
      restarts: [row('cart', app, 7)],
      'pod-created': [row('cart', {}, AT - 200)],
      'container-started': [row('cart', app, AT - 9000)],
    });
    expect(pod.containers[0]).toMatchObject({ restarts: 7, restartsIn5m: 0, restartsIn30m: 0 });
  });

  test('without the counter nothing is known', () => {
    expect(only(running).containers[0]).toMatchObject({ restarts: undefined, restartsIn5m: undefined });
  });
});

test('a limit of 0 is none', () => {
  const limits = [row('cart', { ...app, resource: 'memory' }, 0), row('cart', { ...app, resource: 'cpu' }, 0.5)];
  const running = { 'container-running': [row('cart', app, SCRAPED)] };
  expect(only({ ...running, limits }).containers[0]?.limits).toEqual({ cpuCores: 0.5, memoryBytes: undefined });
});

test('how long siblings ran is not known where the metric is dropped, and they restarted', () => {
  const owner = { created_by_kind: 'ReplicaSet', created_by_name: 'cart-1' };
  const of = (name: string, value: number): SignalRow => ({
    labels: { namespace: 'shop', ...owner, container: name },
    value,
  });
  const known = {
    'pod-info': [info('cart', 'a', SCRAPED, owner)],
    'container-waiting': ['app', 'proxy'].map((name) => row('cart', { container: name }, SCRAPED)),
    'owner-restarts-30m': [of('app', 3)],
  };
  const siblings = (rows: Parameters<typeof only>[0]): unknown[] =>
    only(rows).containers.map((container) => container.siblings);
  expect(siblings(known)).toEqual([
    { restartsIn30m: 3, runningSeconds: undefined },
    { restartsIn30m: 0, runningSeconds: 0 },
  ]);
  expect(siblings({ ...known, 'owner-running-30m': [of('app', 40)] })).toEqual([
    { restartsIn30m: 3, runningSeconds: 600 },
    { restartsIn30m: 0, runningSeconds: 0 },
  ]);
});

describe('usage', () => {
  const running = {
    phase: [row('cart', { phase: 'Running' }, SCRAPED)],
    'container-running': [row('cart', app, SCRAPED)],
    'container-started': [row('cart', app, AT - 100)],
    'memory-working-set': [row('cart', app, 5000)],
  };

  test('samples of the living container are taken', () => {
    const pod = only({ ...running, 'memory-sampled-at': [row('cart', app, AT - 10)] });
    expect(pod.containers[0]?.usage.memoryBytes).toBe(5000);
  });

  test('samples from before its start are of the container before', () => {
    const pod = only({ ...running, 'memory-sampled-at': [row('cart', app, AT - 150)] });
    expect(pod.containers[0]?.usage.memoryBytes).toBeUndefined();
    expect(pod.gaps).toContainEqual({ signal: 'memory-working-set', reason: { kind: 'older-than-container' } });
  });

  test('a container that waits has no usage, whatever its series still says', () => {
    const pod = only({
      ...running,
      'container-running': [],
      'container-waiting-reason': [row('cart', { ...app, reason: 'CrashLoopBackOff' }, SCRAPED)],
      'memory-sampled-at': [row('cart', app, AT - 10)],
    });
    expect(pod.containers[0]?.usage.memoryBytes).toBeUndefined();
  });

  test("drops of a pod on the host's network are the node's", () => {
    const pod = only({
      'pod-info': [info('cart', 'a', SCRAPED, { host_network: 'true' })],
      'network-receive-drops': [row('cart', {}, 9)],
    });
    expect(pod.networkDrops.receivePerSecond).toBeUndefined();
  });
});

test('limits of a sidecar are those of its init container', () => {
  const proxy = { container: 'proxy' };
  const pod = only({
    phase: [row('cart', { phase: 'Running' }, SCRAPED)],
    'container-running': [row('cart', app, SCRAPED)],
    limits: [row('cart', { ...app, resource: 'memory' }, 2e8)],
    'init-info': [row('cart', { ...proxy, restart_policy: 'Always' }, SCRAPED)],
    'init-running': [row('cart', proxy, SCRAPED)],
    'sidecar-limits': [row('cart', { ...proxy, resource: 'memory' }, 1e8)],
  });
  expect(pod.containers.map(({ name, limits }) => [name, limits?.memoryBytes])).toEqual([
    ['app', 2e8],
    ['proxy', 1e8],
  ]);
});

describe('total containers', () => {
  test('from the statuses, with sidecars', () => {
    const pod = only({
      phase: [row('cart', { phase: 'Running' }, SCRAPED)],
      'container-running': [row('cart', app, SCRAPED)],
      'init-info': [
        row('cart', { container: 'proxy', restart_policy: 'Always' }, SCRAPED),
        row('cart', { container: 'setup' }, SCRAPED),
      ],
      'init-running': [row('cart', { container: 'proxy' }, SCRAPED)],
    });
    expect(pod.totalContainers).toBe(2);
    expect(pod.containers.map(({ name, role }) => `${name} ${role}`)).toEqual([
      'app container',
      'proxy sidecar',
      'setup init',
    ]);
  });

  test('an init container that runs beside the others is a sidecar, where kube-state-metrics does not say so', () => {
    const rows = {
      phase: [row('cart', { phase: 'Running' }, SCRAPED)],
      'init-info': [row('cart', { container: 'proxy' }, SCRAPED)],
      'init-running': [row('cart', { container: 'proxy' }, SCRAPED)],
    };
    const beside = only({ ...rows, 'container-running': [row('cart', app, SCRAPED)] });
    expect(beside.containers.map(({ name, role }) => `${name} ${role}`)).toEqual(['app container', 'proxy sidecar']);
    expect(beside.totalContainers).toBe(2);
    const before = only({ ...rows, 'container-waiting': [row('cart', app, SCRAPED)] });
    expect(before.containers.map(({ name, role }) => `${name} ${role}`)).toEqual(['app container', 'proxy init']);
  });

  test('no fewer than those that request something, though a sibling of an older template has fewer', () => {
    const pods = assemblePods(
      readings({
        'pod-info': [info('cart', 'a', SCRAPED, { node: '' }), info('sister', 'a', SCRAPED, { uid: 'uid-2' })],
        phase: [row('sister', { uid: 'uid-2', phase: 'Running' }, SCRAPED)],
        'container-running': [row('sister', { uid: 'uid-2', container: 'app' }, SCRAPED)],
        requests: ['app', 'proxy'].map((name) => row('cart', { container: name, resource: 'cpu' }, 1)),
      }),
    );
    expect(pods.find(({ name }) => name === 'cart')?.totalContainers).toBe(2);
  });

  test('of an unscheduled pod from a sibling of its ReplicaSet', () => {
    const pods = assemblePods(
      readings({
        'pod-info': [info('cart', 'a', SCRAPED, { node: '' }), info('sister', 'a', SCRAPED, { uid: 'uid-2' })],
        phase: [row('sister', { uid: 'uid-2', phase: 'Running' }, SCRAPED)],
        'container-running': ['x', 'y'].map((name) => row('sister', { uid: 'uid-2', container: name }, SCRAPED)),
        requests: [row('cart', { ...app, resource: 'cpu' }, 1)],
      }),
    );
    expect(pods.find(({ name }) => name === 'cart')?.totalContainers).toBe(2);
  });

  test('not from pods that an operator made from different templates', () => {
    const owner = { created_by_kind: 'Workflow', created_by_name: 'etl' };
    const pods = assemblePods(
      readings({
        'pod-info': [
          info('cart', 'a', SCRAPED, { node: '', ...owner }),
          info('step', 'a', SCRAPED, { uid: 'uid-2', ...owner }),
        ],
        phase: [row('step', { uid: 'uid-2', phase: 'Running' }, SCRAPED)],
        'container-running': ['x', 'y'].map((name) => row('step', { uid: 'uid-2', container: name }, SCRAPED)),
      }),
    );
    expect(pods.find(({ name }) => name === 'cart')?.totalContainers).toBeUndefined();
  });

  test('else from the containers that request something', () => {
    expect(only({ requests: [row('cart', { ...app, resource: 'cpu' }, 1)] }).totalContainers).toBe(1);
  });
});

describe('gaps', () => {
  const settled = {
    phase: [row('cart', { phase: 'Running' }, SCRAPED)],
    'container-running': [row('cart', app, SCRAPED)],
    'container-started': [row('cart', app, AT - 1000)],
  };

  test('a running container without a sample of its own, where others have one', () => {
    const pods = assemblePods(
      readings({
        ...settled,
        'pod-info': [info('cart', 'a', SCRAPED), info('other', 'a', SCRAPED, { uid: 'uid-2' })],
        'memory-working-set': [row('other', { uid: 'uid-2', ...app }, 1)],
      }),
    );
    const gap = pods.find(({ name }) => name === 'cart')?.gaps.find(({ signal }) => signal === 'memory-working-set');
    expect(gap?.reason).toEqual({ kind: 'pod-not-sampled', exporter: 'cadvisor' });
  });

  test('a container that has just started lacks nothing yet', () => {
    const pod = only({ ...settled, 'container-started': [row('cart', app, AT - 20)] });
    expect(pod.gaps.filter(({ signal }) => signal.startsWith('memory'))).toEqual([]);
  });

  test('a Prometheus without cAdvisor lacks the exporter, not the metric', () => {
    const pod = only(settled, { cadvisorJobs: [] });
    expect(pod.gaps).toContainEqual({ signal: 'cpu-usage', reason: { kind: 'exporter-absent', exporter: 'cadvisor' } });
  });

  test('a healthy pod lacks no reason for waiting', () => {
    expect(only(settled).gaps.map(({ signal }) => signal)).not.toContain('container-waiting-reason');
  });
});

describe('cAdvisor that tells nothing new of a running container', () => {
  const lived = {
    phase: [row('cart', { phase: 'Running' }, SCRAPED)],
    'container-running': [row('cart', app, SCRAPED)],
    'container-started': [row('cart', app, AT - 3000)],
    'memory-earlier-peak': [row('cart', app, 5e7)],
  };

  test('is a node that fell silent', () => {
    expect(only(lived).silence).toBe('node-silent');
    expect(only({ ...lived, 'memory-sampled-at': [row('cart', app, AT - 200)] }).silence).toBe('node-silent');
    // One scrape that failed leaves no sample to be read, but some in the window.
    expect(only({ ...lived, 'memory-samples-150s': [row('cart', app, 9)] }).silence).toBeUndefined();
  });
});
