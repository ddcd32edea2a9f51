import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { after } from '../support/cleanup.ts';
import { sendJson } from '../support/http.ts';
import {
  blocksOf,
  cadvisor,
  ksm,
  nodes,
  scraped,
  times,
  type MadePod,
  type MadeSeries,
} from '../support/openmetrics.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { proxy } from '../support/proxy.ts';
import { kpfd, type Ran } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

/** The instant that is asked for, and an hour of history before it. */
const AT = 1_795_000_000;
const STARTED = AT - 3500;
const HISTORY = times(AT - 3000, AT - 5, 15);
const A = { job: 'kube-state-metrics', instance: '10.0.0.1:8080' };
const B = { job: 'kube-state-metrics', instance: '10.0.0.2:8080' };
const KUBELET = { job: 'kubelet', instance: 'node1:10250', node: 'node1' };

const cart: MadePod = { name: 'cart' };
const mail: MadePod = { name: 'mail', waiting: 'CrashLoopBackOff', restarts: 7 };
const pods = [cart, mail];

interface Listed {
  readonly name: string;
  readonly namespace: string;
  readonly now: { readonly kubectl: string };
  readonly restarts: number | null;
  readonly features: Record<string, number | null> | null;
  readonly prediction: unknown;
}

/** Asks kpfd about the past of a Prometheus that holds these series and nothing else. */
async function askPast(series: readonly MadeSeries[], ...argv: string[]): Promise<Ran> {
  const folder = blocksOf(series);
  after(() => rmSync(folder, { recursive: true, force: true }));
  const prometheus = await startPrometheus({ blocks: join(folder, 'tsdb') });
  after(() => prometheus.stop());
  return kpfd([...argv, '--prometheus-url', prometheus.url]);
}

/** The same of the instant. */
async function ask(series: readonly MadeSeries[], ...argv: string[]): Promise<Ran> {
  return askPast(series, ...argv, '--at', String(AT));
}

async function scan(
  series: readonly MadeSeries[],
  ...argv: string[]
): Promise<{ pods: Listed[]; complete: boolean; stderr: string; code: number }> {
  const ran = await ask(series, 'scan', '-A', '-o', 'json', ...argv);
  if (ran.stdout === '') throw new Error(ran.stderr);
  return { ...(JSON.parse(ran.stdout) as { pods: Listed[]; complete: boolean }), stderr: ran.stderr, code: ran.code };
}

function shown(found: { pods: readonly Listed[] }): Record<string, string> {
  return Object.fromEntries(found.pods.map(({ name, now }) => [name, now.kubectl]));
}

const clean = [...ksm(HISTORY, pods, A, STARTED), ...nodes(HISTORY, ['node1'], A), ...cadvisor(HISTORY, pods, KUBELET)];

describeWith(['prometheus', 'promtool'], 'clusters made for one difficulty each, behind a real Prometheus', () => {
  test('one clean copy, to compare with', async () => {
    const found = await scan(clean, '--strict');
    expect(shown(found)).toEqual({ cart: 'Running', mail: 'CrashLoopBackOff' });
    expect(found).toMatchObject({ complete: true, code: 0 });
    expect(found.pods.find(({ name }) => name === 'cart')?.features).toMatchObject({
      memory_usage_percent: 50,
      restarts_total: 0,
    });
  });

  test('a second copy of kube-state-metrics changes nothing', async () => {
    const one = await scan(clean);
    const two = await scan([
      ...clean,
      ...ksm(times(AT - 3003, AT - 8, 15), pods, B, STARTED),
      ...nodes(HISTORY, ['node1'], B),
    ]);
    expect(two.pods).toEqual(one.pods);
  });

  test('a copy that lags, and knows a pod that is deleted, changes nothing but that the pod is gone', async () => {
    const before: MadePod[] = [
      { ...cart, phase: 'Pending', node: '' },
      { ...mail, waiting: 'ContainerCreating', restarts: 2 },
      { name: 'deleted' },
    ];
    const found = await scan([...clean, ...ksm(times(AT - 3010, AT - 70, 15), before, B, STARTED)]);
    expect(shown(found)).toEqual({ cart: 'Running', deleted: 'NotFound', mail: 'CrashLoopBackOff' });
    expect(found.pods.find(({ name }) => name === 'mail')?.restarts).toBe(7);
  });

  test('the same for a prediction of one pod', async () => {
    const series = [...clean, ...ksm(times(AT - 3010, AT - 70, 15), [cart, { name: 'deleted' }], B, STARTED)];
    const ran = await ask(series, 'predict', 'deleted', '-n', 'shop');
    expect(ran.stdout).toMatch(/^NOW +NotFound$/m);
  });

  test('the ghost of a copy that was replaced changes nothing', async () => {
    const until = times(AT - 3000, AT - 120, 15);
    const since = times(AT - 90, AT - 5, 15);
    const ghost = ksm(until, [cart, { ...mail, waiting: 'ErrImagePull' }], A, STARTED);
    const found = await scan([
      ...ghost,
      ...ksm(since, pods, B, STARTED),
      ...nodes(since, ['node1'], B),
      ...cadvisor(HISTORY, pods, KUBELET),
    ]);
    expect(shown(found)).toEqual({ cart: 'Running', mail: 'CrashLoopBackOff' });
  });

  test('windows go on where a copy was replaced, and are the same where two were there all the time', async () => {
    // Two pods of one owner: `cart` crashes each 8 minutes and is down for one of them, `mail` is well.
    const cycle = (t: number): { count: number; isUp: boolean } => ({
      count: Math.floor((t - (AT - 2400)) / 480),
      isUp: (t - (AT - 2400)) % 480 >= 60,
    });
    const crashing = (series: MadeSeries): MadeSeries => {
      const value = {
        kube_pod_container_status_running: (t: number) => Number(cycle(t).isUp),
        kube_pod_container_status_ready: (t: number) => Number(cycle(t).isUp),
        kube_pod_status_ready: (t: number) => Number(cycle(t).isUp === (series.labels['condition'] === 'true')),
        kube_pod_container_status_restarts_total: (t: number) => cycle(t).count,
        kube_pod_container_state_started: (t: number) => AT - 2400 + cycle(t).count * 480 + 60,
        kube_pod_container_status_last_terminated_timestamp: (t: number) => AT - 2400 + cycle(t).count * 480,
      }[series.metric];
      const isOther = series.labels['pod'] !== 'cart' || series.labels['condition'] === 'unknown';
      return value === undefined || isOther
        ? series
        : { ...series, samples: series.samples.map(([t]) => [t, value(t)] as const) };
    };
    const lasting = times(AT - 2400, AT - 5, 15);
    const made = (at: readonly number[], target: typeof A): MadeSeries[] => [
      ...ksm(at, [{ ...cart, restarts: 1 }, { name: 'mail' }], target, STARTED).map(crashing),
      ...nodes(at, ['node1'], target),
    ];
    const used = cadvisor(HISTORY, pods, KUBELET);
    const one = await scan([...made(lasting, A), ...used]);
    const replaced = await scan([
      ...made(
        lasting.filter((t) => t < AT - 1000),
        A,
      ),
      ...made(
        lasting.filter((t) => t >= AT - 1000),
        B,
      ),
      ...used,
    ]);
    const two = await scan([...made(lasting, A), ...made(lasting, B), ...used]);
    expect(one.pods[0]?.features).toMatchObject({ restarts_30m: 3 });
    expect(two.pods).toEqual(one.pods);
    // What siblings did is that of the copy that saw most of it.
    const ofCart = ({ pods: all }: { pods: readonly Listed[] }): unknown => all.find(({ name }) => name === 'cart');
    expect(ofCart(replaced)).toEqual(ofCart(one));
  });

  test('replicas of Prometheus whose label nothing removes are noticed', async () => {
    const replica = (name: string): MadeSeries[] =>
      clean.map((series) => ({ ...series, labels: { ...series.labels, prometheus_replica: name } }));
    const { stdout } = await ask([...replica('a'), ...replica('b')], 'check-prometheus');
    expect(stdout).toMatch(/^pods +ok +kube-state-metrics knows 2 pods$/m);
    expect(stdout).toMatch(/^duplicates +warning +each pod is told 2 times by one copy of kube-state-metrics/m);
    // What only the replica that was scraped before says counts no more than without the other.
    const mark = { namespace: 'shop', pod: 'cart', uid: 'uid-cart', ...A, prometheus_replica: 'b' };
    const leaving = scraped(times(AT - 3007, AT - 12, 15), 'kube_pod_deletion_timestamp', mark, AT);
    expect(shown(await scan([...replica('a'), ...replica('b'), leaving]))).toMatchObject({ cart: 'Running' });
  });

  test('series that a query takes from either of two replicas of Prometheus are of one copy', async () => {
    const shifted = (series: MadeSeries, by: number): MadeSeries => ({
      ...series,
      samples: series.samples.map(([t, value]) => [t - by, value] as const),
    });
    const young = /waiting_reason|_ready$|kube_pod_status_phase/;
    const mixed = clean.map((series) => (young.test(series.metric) ? shifted(series, 7) : series));
    const one = await scan(clean);
    expect((await scan(mixed)).pods.map(({ now }) => now)).toEqual(one.pods.map(({ now }) => now));
    // One of them has stopped: what was taken from it is some scrapes old for a while.
    for (const which of [/^kube_pod/, /waiting_reason/, /container_status_(running|waiting|terminated)$/]) {
      const isOld = ({ labels, metric }: MadeSeries): boolean => labels['pod'] === 'mail' && which.test(metric);
      const stopped = clean.map((series) => (isOld(series) ? shifted(series, 30) : series));
      expect(shown(await scan(stopped))).toEqual(shown(one));
    }
  });

  test('metrics of containers scraped apart from those of pods count, for a scan and for one pod, also of shards', async () => {
    const apart = times(AT - 3000, AT - 17, 15);
    const split = (own: readonly MadePod[], target: typeof A): MadeSeries[] => [
      ...ksm(HISTORY, own, target, STARTED).filter(({ metric }) => !metric.startsWith('kube_pod_container_')),
      ...ksm(apart, own, { ...target, job: 'containers' }, STARTED).filter(({ metric }) =>
        metric.startsWith('kube_pod_container_'),
      ),
    ];
    // The other shard is scraped in one piece, and later.
    const series = [
      ...split([mail], A),
      ...ksm(times(AT - 2997, AT - 2, 15), [cart], B, STARTED),
      ...nodes(HISTORY, ['node1'], A),
      ...cadvisor(HISTORY, pods, KUBELET),
    ];
    expect(shown(await scan(series))).toEqual({ cart: 'Running', mail: 'CrashLoopBackOff' });
    const ran = await ask(series, 'predict', 'mail', '-n', 'shop');
    expect(ran.stdout).toMatch(/^NOW +CrashLoopBackOff, /m);
  });

  test('the state of containers that only the ghost of a copy knows does not count, for a scan and for one pod', async () => {
    const until = times(AT - 3000, AT - 25, 15);
    const since = times(AT - 20, AT - 5, 15);
    const waits: MadePod = { ...mail, phase: 'Pending', node: '' };
    const series = [
      ...ksm(until, [cart, mail], A, STARTED),
      ...ksm(since, [cart], B, STARTED),
      // The new copy knows it as a pod that has no container yet.
      ...ksm(since, [waits], B, STARTED).filter(({ metric }) => !metric.startsWith('kube_pod_container_')),
      ...nodes(HISTORY, ['node1'], B),
      ...cadvisor(HISTORY, [cart], KUBELET),
    ];
    expect(shown(await scan(series))).toEqual({ cart: 'Running', mail: 'Pending' });
    const ran = await ask(series, 'predict', 'mail', '-n', 'shop');
    expect(ran.stdout).toMatch(/^NOW +Pending, /m);
  });

  test('a copy that looks at one namespace only has no word on the others', async () => {
    const elsewhere = ['b0', 'b1', 'b2'].map((name): MadePod => ({ name, namespace: 'bank' }));
    const here = ['s0', 's1', 's2', 's3'].map((name): MadePod => ({ name }));
    const narrow = { job: 'team-ksm', instance: '10.0.0.3:8080' };
    const series = [
      ...ksm(times(AT - 3000, AT - 10, 15), [...here, ...elsewhere], A, STARTED),
      // Scraped later.
      ...ksm(times(AT - 2998, AT - 2, 15), here, narrow, STARTED),
      ...nodes(HISTORY, ['node1'], A),
      ...cadvisor(HISTORY, [...here, ...elsewhere], KUBELET),
    ];
    expect(new Set(Object.values(shown(await scan(series))))).toEqual(new Set(['Running']));
    expect((await ask(series, 'predict', 'b0', '-n', 'bank')).stdout).toMatch(/^NOW +Running, /m);
    expect((await ask(series, 'check-prometheus')).stdout).toMatch(/^pods +ok +kube-state-metrics knows 7 pods$/m);
  });

  test('where no state of a container is kept, only a pod that is ready is known to run', async () => {
    const series = clean.filter(({ metric }) => !metric.startsWith('kube_pod_container_status_waiting'));
    const found = await scan(series, '--strict');
    expect(shown(found)).toEqual({ cart: 'Running', mail: '?' });
    expect(found).toMatchObject({ complete: false, code: 3 });
    const none = clean.filter(({ metric }) => !metric.startsWith('kube_pod_container_status_'));
    expect(shown(await scan(none))).toEqual({ cart: 'Running', mail: '?' });
  });

  test('metrics of containers that are scraped apart, and too rarely, tell nothing of them', async () => {
    const series = [
      ...clean.filter(({ metric }) => !metric.startsWith('kube_pod_container_status_')),
      ...ksm(times(AT - 3000, AT - 90, 120), pods, { ...A, job: 'containers' }, STARTED).filter(({ metric }) =>
        metric.startsWith('kube_pod_container_status_'),
      ),
    ];
    const found = await scan(series, '--strict');
    expect(shown(found)).toEqual({ cart: 'Running', mail: '?' });
    expect(found.code).toBe(3);
  });

  test('the names of kube-state-metrics 1 for limits and requests are no missing metrics', async () => {
    const renamed = clean.map((series) => {
      const kind = /^kube_pod_container_resource_(?:limits|requests)$/.exec(series.metric)?.[0];
      return kind === undefined ? series : { ...series, metric: `${kind}_memory_bytes` };
    });
    expect((await ask(renamed, 'check-prometheus')).stdout).toMatch(/^metrics +ok /m);
  });

  test('where no container was ever started nothing is missing', async () => {
    const waits = ['a', 'b'].map((name): MadePod => ({ name, phase: 'Pending', node: '' }));
    const series = ksm(HISTORY, waits, A, STARTED).filter(({ metric }) => !metric.startsWith('kube_pod_container_st'));
    const found = await scan(
      [...series, ...nodes(HISTORY, ['node1'], A), ...cadvisor(HISTORY, pods, KUBELET)],
      '--strict',
    );
    expect(found).toMatchObject({ complete: true, code: 0 });
    expect(found.pods.map(({ now, restarts }) => [now.kubectl, restarts])).toEqual([
      ['Pending', 0],
      ['Pending', 0],
    ]);
  });

  test('rows that lost their staleness marker while Prometheus was away are ghosts', async () => {
    const stuck = scraped(times(AT - 3000, AT - 95, 15), 'kube_pod_container_status_waiting_reason', {
      namespace: 'shop',
      pod: 'cart',
      uid: 'uid-cart',
      container: 'app',
      reason: 'ErrImagePull',
      ...A,
    });
    expect(shown(await scan([...clean, stuck]))).toMatchObject({ cart: 'Running' });
  });

  test('shards that know different pods are taken together', async () => {
    const series = [
      ...ksm(HISTORY, [cart], A, STARTED),
      ...ksm(HISTORY, [mail], B, STARTED),
      ...nodes(HISTORY, ['node1'], A),
      ...cadvisor(HISTORY, pods, KUBELET),
    ];
    expect(shown(await scan(series))).toEqual({ cart: 'Running', mail: 'CrashLoopBackOff' });
    expect((await ask(series, 'check-prometheus')).stdout).toMatch(/^pods +ok +kube-state-metrics knows 2 pods$/m);
  });

  test('the pods of a shard that has fallen silent cannot be told, and are not called NotFound', async () => {
    const silent = times(AT - 3000, AT - 900, 15);
    const series = [
      ...ksm(HISTORY, [cart], A, STARTED),
      ...ksm(silent, [mail], B, STARTED),
      ...nodes(HISTORY, ['node1'], A),
      ...cadvisor(HISTORY, pods, KUBELET),
    ];
    const found = await scan(series, '--strict');
    expect(shown(found)).toEqual({ cart: 'Running', mail: '?' });
    expect(found).toMatchObject({ complete: false, code: 3 });
    const one = await ask(series, 'predict', 'mail', '-n', 'shop');
    expect(one.code).toBe(2);
    expect(one.stderr).toMatch(/^error: cannot tell how mail in namespace shop fares/m);
    const checked = await ask(series, 'check-prometheus');
    expect(checked.stdout).toMatch(
      /^freshness +warning .* nothing is heard any more of copies of it, nor of their pods from others: 10\.0\.0\.2:8080 \(1 pod\)$/m,
    );
  });

  test('kube-state-metrics that stopped is "cannot tell", with when it was seen last', async () => {
    const until = times(AT - 3000, AT - 720, 15);
    const ran = await ask(
      [...ksm(until, pods, A, STARTED), ...cadvisor(HISTORY, pods, KUBELET)],
      'predict',
      'cart',
      '-n',
      'shop',
    );
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(
      /^error: cannot tell: .* \(cAdvisor is there, with 2 series\) and had the last one 12m ago/,
    );
  });

  test('without cAdvisor its features are missing, the rest is predicted, and it is said', async () => {
    const found = await scan([...ksm(HISTORY, pods, A, STARTED), ...nodes(HISTORY, ['node1'], A)], '--strict');
    expect(found.stderr).toMatch(/^warning: there are no samples of cAdvisor/m);
    expect(found.code).toBe(3);
    expect(found.pods.every(({ prediction }) => prediction !== null)).toBe(true);
    expect(found.pods.find(({ name }) => name === 'mail')?.features).toMatchObject({
      memory_usage_percent: null,
      restarts_total: 7,
    });
  });

  test('what is gone cannot be told once nobody hears from kube-state-metrics', async () => {
    const until = times(AT - 3000, AT - 200, 15);
    const early = times(AT - 3000, AT - 900, 15);
    const series = [
      ...ksm(until, [cart], A, STARTED),
      ...ksm(early, [mail], A, STARTED),
      ...nodes(until, ['node1'], A),
    ];
    const found = await scan(series);
    expect(found.pods.find(({ name }) => name === 'mail')).toMatchObject({ now: { kubectl: '?' }, prediction: null });
    const ran = await ask(series, 'predict', 'mail', '-n', 'shop');
    expect(ran.code).toBe(2);
    expect(ran.stdout).not.toContain('NotFound');
  });

  test('metrics that are dropped on their way are said to be missing, and are no 0', async () => {
    const dropped = new Set(['kube_node_spec_unschedulable', 'kube_pod_container_status_last_terminated_exitcode']);
    const series = clean.filter(({ metric }) => !dropped.has(metric));
    const found = await scan(series, '--strict');
    expect(found).toMatchObject({ complete: false, code: 3 });
    for (const metric of dropped) expect(found.stderr).toMatch(new RegExp(`${metric} is missing for all`));
    expect(found.pods.find(({ name }) => name === 'cart')?.features).toMatchObject({ node_cordoned: null });
    const page = (await ask(series, 'predict', 'cart', '-n', 'shop')).stdout;
    expect(page).toContain('whether it is cordoned is not known');
  });

  test('where nothing tells of limits the page says so, and not that there are none', async () => {
    const series = clean.filter(({ metric }) => metric !== 'kube_pod_container_resource_limits');
    const page = (await ask(series, 'predict', 'cart', '-n', 'shop')).stdout;
    expect(page).toMatch(/^ *memory +\S+ \S+ +whether it has a limit is not known$/m);
    expect(page).not.toContain('no limit');
  });

  test('where only conditions of nodes are dropped the page says that, and nothing of cordons is missing', async () => {
    const series = clean.filter(({ metric }) => metric !== 'kube_node_status_condition');
    expect((await scan(series)).stderr).not.toContain('kube_node_spec_unschedulable');
    expect((await ask(series, 'predict', 'cart', '-n', 'shop')).stdout).toMatch(/^ +node1 +conditions not known$/m);
  });

  test('where only requests are dropped it is those that are not known', async () => {
    const series = clean.filter(({ metric }) => metric !== 'kube_pod_container_resource_requests');
    const page = (await ask(series, 'predict', 'cart', '-n', 'shop')).stdout;
    expect(page).toMatch(/^ +CPU over 5m .* whether it has a request is not known$/m);
  });

  test('restarts that are no number are missing, and said to be', async () => {
    const series = clean.map((own) =>
      own.metric === 'kube_pod_container_status_restarts_total'
        ? { ...own, samples: own.samples.map(([t]) => [t, Number.NaN] as const) }
        : own,
    );
    const found = await scan(series, '--strict');
    expect(found).toMatchObject({ complete: false, code: 3 });
  });

  test('a node whose cAdvisor is silent is named', async () => {
    const far: MadePod = { name: 'far', node: 'node2' };
    const found = await scan([...clean, ...ksm(HISTORY, [far], A, STARTED), ...nodes(HISTORY, ['node2'], A)]);
    expect(found.stderr).toMatch(
      /^warning: cAdvisor has no samples of node node2: usage of its 1 pod counts as missing$/m,
    );
  });

  test('where limits are dropped on their way, usage is of no limit: it is missing, and it is said', async () => {
    const series = clean.filter(({ metric }) => metric !== 'kube_pod_container_resource_limits');
    const found = await scan(series, '--strict');
    expect(found).toMatchObject({ complete: false, code: 3 });
    expect(found.stderr).toMatch(/^warning: kube_pod_container_resource_limits is missing for all 2 pods .*limits/m);
    expect(found.pods.find(({ name }) => name === 'cart')?.features?.['memory_usage_percent']).toBeNull();
    expect((await ask(series, 'check-prometheus')).stdout).toMatch(
      /^metrics +warning +without a single series: kube_pod_container_resource_limits/m,
    );
  });

  test('where readiness is dropped on its way, READY is not told, and it is said', async () => {
    const series = clean.filter(({ metric }) => metric !== 'kube_pod_container_status_ready');
    const ran = await ask(series, 'scan', '-A', '--strict');
    expect(ran.stdout).toMatch(/^shop +cart +\?\/1 +Running /m);
    expect(ran.stdout).toMatch(/^shop +mail +0\/1 +CrashLoopBackOff /m);
    expect(ran.stderr).toMatch(/^warning: kube_pod_container_status_ready is missing for all 2 pods /m);
    expect(ran.code).toBe(3);
    expect((await ask(series, 'check-prometheus')).stdout).toMatch(
      /^metrics +warning +without a single series: kube_pod_container_status_ready/m,
    );
  });

  test('where reasons are dropped on their way, NOW cannot be told, the model is asked all the same, and it is said', async () => {
    const found = await scan(
      clean.filter(({ metric }) => metric !== 'kube_pod_container_status_waiting_reason'),
      '--strict',
    );
    expect(shown(found)).toEqual({ cart: 'Running', mail: '?' });
    expect(found.stderr).toMatch(/^warning: kube_pod_container_status_waiting_reason is missing for all 1 pod /m);
    expect(found).toMatchObject({ complete: false, code: 3 });
    const waits = found.pods.find(({ name }) => name === 'mail');
    expect(waits?.prediction).not.toBeNull();
    expect(waits?.features).toMatchObject({ waiting_crash_loop: null, restarts_total: 7 });
  });

  test('a shard that was not scraped for a while is not evaluated, though another was', async () => {
    const behind = times(AT - 3000, AT - 200, 15);
    const series = [
      ...ksm(HISTORY, [cart], A, STARTED),
      ...ksm(behind, [mail], B, STARTED),
      ...nodes(HISTORY, ['node1'], A),
      ...cadvisor(HISTORY, pods, KUBELET),
    ];
    const found = await scan(series, '--strict');
    expect(found).toMatchObject({ complete: false, code: 3 });
    expect(found.stderr).toMatch(/^warning: 1 pod not evaluated: the copy of kube-state-metrics that knows them /m);
    // It crashed when it was last heard of.
    expect(found.pods.map(({ name, prediction }) => [name, prediction !== null])).toEqual([
      ['mail', false],
      ['cart', true],
    ]);
    expect((await ask(series, 'check-prometheus')).stdout).toMatch(
      /^freshness +warning .* nothing is heard any more of copies of it, nor of their pods from others: 10\.0\.0\.2:8080 \(1 pod\)/m,
    );
  });

  test('pods whose names were overwritten by those of kube-state-metrics are no single pod', async () => {
    const overwritten = ['a', 'b', 'c'].flatMap((name) =>
      ksm(HISTORY, [{ name }], A, STARTED).map((series): MadeSeries => ({
        ...series,
        labels: { ...series.labels, namespace: 'monitoring', pod: 'ksm-0' },
      })),
    );
    const ran = await ask(overwritten, 'scan', '-A');
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(/^error: kube_pod_info tells of 3 pods by 1 name: .*; set honor_labels: true/);
    // A backtest has nothing to look at for as long as it was so, and goes on.
    const lost = overwritten.map((series) => ({ ...series, samples: series.samples.filter(([t]) => t < AT - 1800) }));
    const later = [...ksm(times(AT - 1500, AT - 5, 15), pods, A, STARTED), ...nodes(HISTORY, ['node1'], A)];
    const span = ['--start', String(AT - 2400), '--end', String(AT - 605), '--step', '60s'];
    const csv = (await askPast([...lost, ...later], 'export-dataset', '-A', ...span)).stdout.split('\n');
    expect(new Set(csv.slice(1, -1).map((line) => line.split(',')[3]))).toEqual(new Set(['cart', 'mail']));
    expect((await askPast(lost, 'export-dataset', '-A', ...span.slice(0, 2), '--end', String(AT - 1900))).code).toBe(2);
  });

  test('of two pods that had one name and are gone the one that had not finished is listed', async () => {
    const gone = ([first, second]: readonly [string, string]): readonly MadeSeries[] => [
      ...ksm(times(AT - 3000, AT - 1500, 15), [{ name: 'task', uid: first, phase: 'Succeeded' }], A, STARTED),
      ...ksm(times(AT - 1400, AT - 900, 15), [{ name: 'task', uid: second }], A, STARTED),
    ];
    for (const uids of [
      ['aa', 'zz'],
      ['zz', 'aa'],
    ] as const) {
      expect(shown(await scan([...clean, ...gone(uids)]))).toMatchObject({ task: 'NotFound' });
    }
  });

  test('kube-state-metrics behind a target with a label namespace keeps pods of two namespaces apart', async () => {
    const renamed = (namespace: string, own: readonly MadePod[]): MadeSeries[] =>
      ksm(HISTORY, own, A, STARTED).map((series) => ({
        ...series,
        labels: { ...series.labels, namespace: 'monitoring', exported_namespace: namespace },
      }));
    const found = await scan([
      ...renamed('shop', [cart]),
      ...renamed('bank', [{ ...mail, name: 'cart' }]),
      ...nodes(HISTORY, ['node1'], A),
    ]);
    expect(found.pods.map(({ namespace, name, now }) => `${namespace}/${name} ${now.kubectl}`).sort()).toEqual([
      'bank/cart CrashLoopBackOff',
      'shop/cart Running',
    ]);
  });

  test('scraped each two minutes, windows of five are gaps, with the reason', async () => {
    const rare = times(AT - 3600, AT - 5, 120);
    const found = await scan([
      ...ksm(rare, pods, A, STARTED),
      ...nodes(rare, ['node1'], A),
      ...cadvisor(rare, pods, KUBELET),
    ]);
    expect(found.stderr).toMatch(/^warning: cAdvisor is scraped each 1[123]\d(\.\d)?s, too rarely for cpu-usage, /m);
    expect(shown(found)).toEqual({ cart: 'Running', mail: 'CrashLoopBackOff' });
    expect(found.pods.find(({ name }) => name === 'cart')?.features).toMatchObject({
      cpu_usage_percent: null,
      memory_usage_percent: 50,
    });
  });

  test('two clusters that no label tells apart are noticed by the names that they share, by scan and by check-prometheus', async () => {
    const other = [{ ...cart, uid: 'uid-of-the-other' }, { name: 'only-there' }];
    const series = [...clean, ...ksm(HISTORY, other, B, STARTED)];
    expect((await scan(series)).stderr).toMatch(/^warning: 1 name \(shop\/cart\) is of two pods that both live/m);
    const { stdout } = await ask(series, 'check-prometheus');
    expect(stdout).toMatch(/^label layout +warning +1 name is of two pods that both live: /m);
    expect((await ask(clean, 'check-prometheus')).stdout).toMatch(/^label layout +ok /m);
  });

  test('a namespace whose pods begin alike is asked for in parts where the answer is too big', async () => {
    const ends = 'bcdfghjklmnpqrstvwxz2456789';
    const many = Array.from({ length: 54 }, (_, i): MadePod => ({ name: `cart-7d9f8b6c5-x${i}${ends[i % 27]}` }));
    const folder = blocksOf([...ksm(times(AT - 600, AT - 5, 15), many, A, STARTED), ...nodes(HISTORY, ['node1'], A)]);
    after(() => rmSync(folder, { recursive: true, force: true }));
    const listed = async (...flags: string[]): Promise<Ran> => {
      const prometheus = await startPrometheus({ blocks: join(folder, 'tsdb'), flags });
      after(() => prometheus.stop());
      return kpfd(['scan', '-n', 'shop', '-o', 'name', '-v', '--at', String(AT), '--prometheus-url', prometheus.url]);
    };
    const parts = await listed('--query.max-samples=400');
    expect(parts.stderr).toMatch(/^note: the answer to pod-state was too big and was asked for in \d+ parts$/m);
    expect(parts.stdout).toBe((await listed()).stdout);
    expect(parts.stdout.trim().split('\n')).toHaveLength(54);
  });

  test('several clusters must be chosen from', async () => {
    const inCluster = (cluster: string, own: readonly MadePod[]): MadeSeries[] =>
      ksm(HISTORY, own, { ...A, cluster }, STARTED);
    const series = [...inCluster('east', [cart]), ...inCluster('west', [mail])];
    expect(await ask(series, 'scan', '-A')).toMatchObject({
      code: 2,
      stderr:
        'error: this Prometheus holds several clusters (label cluster: east and west); choose one with --cluster\n',
    });
    expect(shown(await scan(series, '--cluster', 'west'))).toEqual({ mail: 'CrashLoopBackOff' });
    expect((await ask(series, 'scan', '-A', '--cluster', 'north')).stderr).toMatch(
      /there is no cluster "north" \(label cluster: east and west\)/,
    );
  });

  test('NaN and infinities are missing, not numbers', async () => {
    const limits = ['NaN', '+Inf'].map((value, i) =>
      scraped(
        HISTORY,
        'kube_pod_container_resource_limits',
        { namespace: 'shop', pod: `odd${i}`, uid: `uid-odd${i}`, container: 'app', resource: 'memory', ...A },
        value,
      ),
    );
    const odd = [0, 1].map((i): MadePod => ({ name: `odd${i}` }));
    const base = ksm(HISTORY, odd, A, STARTED).filter(({ metric }) => metric !== 'kube_pod_container_resource_limits');
    const found = await scan([...base, ...limits, ...nodes(HISTORY, ['node1'], A), ...cadvisor(HISTORY, odd, KUBELET)]);
    expect(found.pods.map(({ features }) => features?.['memory_usage_percent'])).toEqual([null, null]);
  });

  test('label values with quotes, line ends, escapes and megabytes are shown safely and can be asked for', async () => {
    const evil = 'a"b\\c\nd\u001b[31m';
    const long = 'x'.repeat(1_000_000);
    const series = ksm([AT - 5], [{ name: evil }, { name: long }], A, STARTED);
    const ran = await ask(series, 'scan', '-A');
    expect(ran.code).toBe(0);
    expect(ran.stdout).not.toContain('\u001b');
    expect(ran.stdout.split('\n').filter((line) => line.startsWith('shop'))).toHaveLength(2);
    expect(ran.stdout.length).toBeLessThan(5000);
    expect((await ask(series, 'predict', evil, '-n', 'shop')).stdout).toMatch(/^NOW +Running/m);
  });

  test('memory of a container that was restarted is that of the new one', async () => {
    const died = times(AT - 3000, AT - 150, 15);
    const lives = times(AT - 120, AT - 5, 15);
    const dead = scraped(
      died,
      'container_memory_working_set_bytes',
      { namespace: 'shop', pod: 'cart', container: 'app', id: '/dead', ...KUBELET },
      9.9e7,
    );
    const living = scraped(
      lives,
      'container_memory_working_set_bytes',
      { namespace: 'shop', pod: 'cart', container: 'app', id: '/alive', ...KUBELET },
      2e7,
    );
    const found = await scan([...ksm(HISTORY, [cart], A, AT - 125), ...nodes(HISTORY, ['node1'], A), dead, living]);
    expect(found.pods[0]?.features).toMatchObject({ memory_usage_percent: 20 });
  });

  test('a pause container and the cgroup of the pod are not counted', async () => {
    const pause = { namespace: 'shop', pod: 'cart', id: '/pause', ...KUBELET };
    const extra = [
      scraped(HISTORY, 'container_memory_working_set_bytes', { ...pause, container: 'POD' }, 1e6),
      scraped(HISTORY, 'container_memory_working_set_bytes', { ...pause, id: '/pod' }, 6e7),
    ];
    expect((await scan([...clean, ...extra])).pods.find(({ name }) => name === 'cart')?.features).toMatchObject({
      memory_usage_percent: 50,
    });
  });

  test('a runtime with rows of pods only is read by them', async () => {
    const cgroup = scraped(
      HISTORY,
      'container_memory_working_set_bytes',
      { namespace: 'shop', pod: 'cart', id: '/pod', ...KUBELET },
      6e7,
    );
    const cluster = [...ksm(HISTORY, [cart], A, STARTED), ...nodes(HISTORY, ['node1'], A), cgroup];
    const found = await scan(cluster);
    expect(found.pods[0]?.features).toMatchObject({ memory_usage_percent: 60 });
    const checked = await ask(cluster, 'check-prometheus');
    expect(checked.stdout).toMatch(/^cAdvisor +warning +job kubelet: 1 series, none of which names a container$/m);
    expect((await ask(clean, 'check-prometheus')).stdout).toMatch(/^cAdvisor +ok +job kubelet: 2 series$/m);
  });

  test('a StatefulSet pod that was made anew is the new one', async () => {
    const old = ksm(times(AT - 3000, AT - 100, 15), [{ name: 'web-0', uid: 'old', restarts: 9 }], A, STARTED);
    const found = await scan([
      ...clean,
      ...old,
      ...ksm(
        times(AT - 80, AT - 5, 15),
        [{ name: 'web-0', uid: 'new', phase: 'Pending', waiting: 'ContainerCreating' }],
        A,
        AT - 85,
      ),
    ]);
    expect(
      found.pods.filter(({ name }) => name === 'web-0').map(({ now, restarts }) => [now.kubectl, restarts]),
    ).toEqual([['ContainerCreating', 0]]);
  });

  test('check-prometheus names the duplicates and still says that kpfd can work', async () => {
    const ran = await ask(
      [...clean, ...ksm(times(AT - 3003, AT - 8, 15), pods, B, STARTED)],
      'check-prometheus',
      '--strict',
    );
    expect(ran.stdout).toMatch(
      /^duplicates +warning +1 of 2 copies of kube-state-metrics says what another one says as well: /m,
    );
    expect(ran.code).toBe(3);
  });

  test('check-prometheus says which metrics are missing and who suffers', async () => {
    const ran = await ask(
      clean.filter(({ metric }) => metric !== 'kube_pod_status_phase'),
      'check-prometheus',
    );
    expect(ran.stdout).toMatch(/^metrics +failed +without a single series: kube_pod_status_phase$/m);
    expect(ran.code).toBe(2);
  });

  test('memory that is nearly full and has grown slowly for long is no memory that stays there', async () => {
    const two: MadePod[] = ['leaks', 'stays'].map((name) => ({ name }));
    // 98 % of the limit now; the one gains 0.2 % of it in a minute.
    const grows = (name: string, perSecond: number): MadeSeries => ({
      metric: 'container_memory_working_set_bytes',
      labels: { namespace: 'shop', pod: name, container: 'app', id: `/kubepods/${name}`, image: 'app', ...KUBELET },
      samples: HISTORY.map((t) => [t, Math.round(9.8e7 - perSecond * (AT - t))] as const),
    });
    const found = await scan([
      ...ksm(HISTORY, two, A, STARTED),
      ...nodes(HISTORY, ['node1'], A),
      ...cadvisor(HISTORY, two, KUBELET).filter(({ metric }) => !metric.includes('memory')),
      grows('leaks', 0.002 * (1e8 / 60)),
      grows('stays', 0),
    ]);
    const of = (wanted: string): Listed | undefined => found.pods.find(({ name }) => name === wanted);
    expect(of('leaks')?.features?.['memory_growing_percent']).toBeCloseTo(98, 0);
    expect(of('stays')?.features).toMatchObject({ memory_growing_percent: 0, memory_minutes_to_limit_15m: 60 });
    const risk = (name: string): number => (of(name)?.prediction as { risk: number } | undefined)?.risk ?? Number.NaN;
    expect(risk('leaks')).toBeGreaterThan(5 * risk('stays'));
  });

  test('what windows longer than the samples would say is missing', async () => {
    const young = times(AT - 600, AT - 5, 15);
    const series = [
      ...ksm(young, [{ name: 'cart', restarts: 3 }], A, STARTED),
      ...nodes(young, ['node1'], A),
      ...cadvisor(young, pods, KUBELET),
    ];
    const found = await scan(series, '--strict');
    expect(found.pods[0]?.features).toMatchObject({ restarts_5m: 0, restarts_15m: null, restarts_30m: null });
    expect(found.stderr).toMatch(
      /^warning: Prometheus has no samples of about 15m ago, when 1 pod was there already: .*restarts-15m-ago/m,
    );
    expect(found.code).toBe(3);
    const checked = await ask(series, 'check-prometheus', '--strict');
    expect(checked.stdout).toMatch(
      /^history +warning +Prometheus has no samples of about 15m ago: it had not begun, or scraping paused$/m,
    );
    expect(checked.code).toBe(3);
  });

  test('what a window would say of a pause that reaches into it is missing', async () => {
    const paused = async (endedAgo: number): Promise<Listed['features']> => {
      const before = times(AT - 3000, AT - 23 * 60, 15);
      const since = times(AT - endedAgo, AT - 5, 15);
      const series = [
        ...ksm(before, [{ ...cart, restarts: 3 }], A, STARTED),
        ...ksm(since, [{ ...cart, restarts: 7 }], A, STARTED).map((one) =>
          /_(started|terminated_timestamp)$/.test(one.metric)
            ? scraped(since, one.metric, one.labels, AT - endedAgo - 60)
            : one,
        ),
        ...nodes(since, ['node1'], A),
        ...cadvisor(since, [cart], KUBELET),
      ];
      return (await scan(series)).pods[0]?.features ?? null;
    };
    expect(await paused(400)).toMatchObject({ restarts_15m: null, ready_percent_15m: null, restarts_30m: 4 });
    expect(await paused(880)).toMatchObject({ restarts_15m: 0, ready_percent_15m: 100 });
  });

  test('where how the metrics lie could not be asked, check-prometheus says so, and excuses nothing', async () => {
    const folder = blocksOf(clean.filter(({ metric }) => metric !== 'kube_pod_container_status_running'));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const prometheus = await startPrometheus({ blocks: join(folder, 'tsdb') });
    after(() => prometheus.stop());
    const refusing = await proxy(prometheus.url, ({ query }, response) => {
      if (!query.includes('"history/900"')) return false;
      sendJson(response, '{"status":"error","errorType":"execution","error":"no"}', 422);
      return true;
    });
    const { stdout } = await kpfd(['check-prometheus', '--at', String(AT), '--prometheus-url', refusing.url]);
    expect(stdout).toMatch(/^metrics +warning +without a single series: kube_pod_container_status_running/m);
    expect(stdout).toMatch(/^history +warning +whether Prometheus knows the last half hour could not be asked$/m);
    expect(stdout).toMatch(
      /^answers +warning +a question was not answered: .* refused a query \(422 execution\): no$/m,
    );
  });

  test('an exporter of some of the same metrics, whose labels were renamed, changes nothing', async () => {
    const foreign = { namespace: 'cost', pod: 'cost-0', container: 'cost', job: 'opencost', instance: '10.0.0.9:9003' };
    const renamed = { exported_namespace: 'shop', exported_pod: 'cart', exported_container: 'app' };
    const found = await scan([
      ...clean,
      scraped(HISTORY, 'kube_pod_container_status_running', { ...foreign, ...renamed }),
    ]);
    expect(found.pods).toEqual((await scan(clean)).pods);
  });

  test('metrics of containers scraped apart, with labels renamed, are no exporter of another kind', async () => {
    const renamed = (series: MadeSeries): MadeSeries => {
      const { namespace = '', pod = '', container, ...rest } = series.labels;
      const own = { namespace: 'monitoring', pod: 'ksm-0', container: 'ksm', exported_namespace: namespace };
      const exported = { exported_pod: pod, ...(container === undefined ? {} : { exported_container: container }) };
      return { ...series, labels: { ...rest, ...own, ...exported } };
    };
    const made = ksm(HISTORY, pods, A, STARTED).map(renamed);
    const isOfContainers = ({ metric }: MadeSeries): boolean => metric.startsWith('kube_pod_container_');
    const apart = made.map((series) =>
      isOfContainers(series) ? { ...series, labels: { ...series.labels, job: 'containers' } } : series,
    );
    const found = await scan([...apart, ...nodes(HISTORY, ['node1'], A), ...cadvisor(HISTORY, pods, KUBELET)]);
    expect(found.pods).toEqual((await scan(clean)).pods);
  });

  test('where cAdvisor lacks the label of the cluster that was named, it is read', async () => {
    const labelled = clean.map((series) =>
      series.labels['job'] === A.job ? { ...series, labels: { ...series.labels, cluster: 'prod' } } : series,
    );
    const found = await scan(labelled, '--cluster', 'prod', '--strict');
    expect(found.pods.find(({ name }) => name === 'cart')?.features).toMatchObject({ memory_usage_percent: 50 });
    expect(found.code).toBe(0);
  });

  test('what waits for init containers whose metrics are dropped is told as unknown', async () => {
    const waits: MadePod[] = [{ name: 'cart', phase: 'Pending', waiting: 'PodInitializing' }];
    const found = await scan(
      [...ksm(HISTORY, waits, A, STARTED), ...nodes(HISTORY, ['node1'], A), ...cadvisor(HISTORY, pods, KUBELET)],
      '--strict',
    );
    expect(shown(found)).toEqual({ cart: '?' });
    expect(found.stderr).toMatch(/^warning: kube_pod_init_container_info is missing/m);
    expect(found.code).toBe(3);
  });

  test('a copy that exports no labels of pods has no say on them, whenever it was scraped', async () => {
    const label = (at: readonly number[], target: typeof A, more: object): MadeSeries =>
      scraped(at, 'kube_pod_labels', { namespace: 'shop', pod: 'cart', uid: 'uid-cart', ...target, ...more });
    for (const [labelled, bare] of [
      [HISTORY, times(AT - 3003, AT - 8, 15)],
      [times(AT - 3003, AT - 8, 15), HISTORY],
    ] as const) {
      const found = await scan(
        [...clean, label(labelled, A, { label_app: 'cart' }), label(bare, B, {})],
        '-l',
        'app=cart',
      );
      expect(found.pods.map(({ name }) => name)).toEqual(['cart']);
    }
  });

  test('of copies that export labels of pods the newest says which ones a pod has', async () => {
    const label = (at: readonly number[], target: typeof A, pod: string, more: object): MadeSeries =>
      scraped(at, 'kube_pod_labels', { namespace: 'shop', pod, uid: `uid-${pod}`, ...target, ...more });
    const ended = times(AT - 3003, AT - 120, 15);
    const series = [
      ...clean,
      label(ended, B, 'cart', { label_app: 'cart' }),
      label(HISTORY, A, 'cart', {}),
      label(HISTORY, A, 'mail', { label_app: 'mail' }),
    ];
    expect((await scan(series, '-l', 'app=cart')).pods).toEqual([]);
    expect((await scan(series, '-l', '!app')).pods.map(({ name }) => name)).toEqual(['cart']);
    // A shard none of whose pods has the label: its pods have none, whatever it is configured to export.
    const shards = [
      ...ksm(HISTORY, [cart], A, STARTED),
      ...ksm(times(AT - 3003, AT - 8, 15), [mail], B, STARTED),
      ...nodes(HISTORY, ['node1'], A),
      label(HISTORY, A, 'cart', { label_app: 'cart' }),
      label(times(AT - 3003, AT - 8, 15), B, 'mail', {}),
    ];
    expect((await scan(shards, '-l', 'app!=cart')).pods.map(({ name }) => name)).toEqual(['mail']);
  });
});
