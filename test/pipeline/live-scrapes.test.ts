import { expect, test } from 'vitest';
import { after } from '../support/cleanup.ts';
import { serve } from '../support/http.ts';
import { cadvisor, exposition, ksm, nodes, type MadePod, type MadeSeries } from '../support/openmetrics.ts';
import { startPrometheus, type RunningPrometheus } from '../support/prometheus.ts';
import { kpfd } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

const pods: readonly MadePod[] = [
  { name: 'cart' },
  { name: 'mail', waiting: 'CrashLoopBackOff', restarts: 7 },
  { name: 'new', phase: 'Pending', node: '', waiting: 'ContainerCreating' },
];
const STARTED = Math.floor(Date.now() / 1000) - 500;

/** An exporter whose page may change or fail while it is scraped. */
async function exporter(
  series: readonly MadeSeries[],
): Promise<{ target: string; page: { text: string; status: number } }> {
  const page = { text: exposition(series), status: 200 };
  const { url } = await serve((_, response) => {
    response.writeHead(page.status, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(page.text);
  });
  return { target: url.replace('http://', ''), page };
}

/** Scrapes each second, until six scrapes are in. */
async function scrape(jobs: string): Promise<RunningPrometheus> {
  const prometheus = await startPrometheus({
    config: `global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n${jobs}`,
  });
  after(() => prometheus.stop());
  await until(async () => (await valueOf(prometheus, 'min(count_over_time(kube_pod_info[1m]))')) >= 6);
  return prometheus;
}

async function valueOf(prometheus: RunningPrometheus, query: string): Promise<number> {
  const response = await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? 0);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error('it did not happen within a minute');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function shown(
  prometheus: RunningPrometheus,
  ...argv: string[]
): Promise<{ now: Record<string, string>; stderr: string; complete: boolean }> {
  const { stdout, stderr } = await kpfd(['scan', '-A', '-o', 'json', '--prometheus-url', prometheus.url, ...argv]);
  const document = JSON.parse(stdout === '' ? '{"pods":[]}' : stdout) as {
    complete: boolean;
    pods: { name: string; node: string | null; now: { kubectl: string } }[];
  };
  const now = Object.fromEntries(
    document.pods.map(({ name, node, now: { kubectl } }) => [name, `${kubectl} on ${String(node)}`]),
  );
  return { now, stderr, complete: document.complete };
}

const TRUTH = { cart: 'Running on node1', mail: 'CrashLoopBackOff on node1', new: 'ContainerCreating on null' };
const kubeStateMetrics = [...ksm([0], pods, {}, STARTED), ...nodes([0], ['node1'], {})];

describeWith(['prometheus'], 'a real Prometheus that scrapes', () => {
  test('two replicas, and cAdvisor through two jobs, give the answer of one', async () => {
    const [a, b, kubelet] = [
      await exporter(kubeStateMetrics),
      await exporter(kubeStateMetrics),
      await exporter(cadvisor([0], pods, {})),
    ];
    const prometheus = await scrape(`
  - {job_name: ksm, honor_labels: true, static_configs: [{targets: ['${a.target}', '${b.target}']}]}
  - {job_name: kubelet, honor_labels: true, static_configs: [{targets: ['${kubelet.target}']}]}
  - {job_name: cadvisor-again, honor_labels: true, static_configs: [{targets: ['${kubelet.target}']}]}`);
    const found = await shown(prometheus, '-v');
    expect(found.now).toEqual(TRUTH);
    expect(found.stderr).toMatch(/^note: kube-state-metrics is scraped 2 times; the newest copy counts$/m);
  });

  test('labels renamed to exported_* are read', async () => {
    const [a, kubelet] = [await exporter(kubeStateMetrics), await exporter(cadvisor([0], pods, {}))];
    const target = 'labels: {namespace: monitoring, pod: ksm-0, container: ksm, node: node9}';
    const prometheus = await scrape(`
  - {job_name: ksm, static_configs: [{targets: ['${a.target}'], ${target}}]}
  - {job_name: kubelet, static_configs: [{targets: ['${kubelet.target}'], labels: {namespace: kube-system}}]}`);
    expect((await shown(prometheus, '--strict')).now).toEqual(TRUTH);
    const check = await kpfd(['check-prometheus', '--prometheus-url', prometheus.url]);
    expect(check.stdout).toMatch(
      /^label layout +warning +labels were renamed: exported_namespace, exported_pod, exported_container and exported_node$/m,
    );
    expect(check.stdout).toContain('set honor_labels: true');
  });

  test('one job that honours labels beside one that does not', async () => {
    const a = await exporter(kubeStateMetrics);
    const prometheus = await scrape(`
  - {job_name: honest, honor_labels: true, static_configs: [{targets: ['${a.target}'], labels: {pod: ksm-0, namespace: monitoring}}]}
  - {job_name: renaming, static_configs: [{targets: ['${a.target}'], labels: {pod: ksm-0, namespace: monitoring}}]}`);
    expect((await shown(prometheus)).now).toEqual(TRUTH);
  });

  test('a pod that is deleted is gone at the next scrape; kube-state-metrics that fails is "cannot tell" at once', async () => {
    const a = await exporter(kubeStateMetrics);
    const prometheus = await scrape(`
  - {job_name: ksm, honor_labels: true, static_configs: [{targets: ['${a.target}']}]}`);
    a.page.text = exposition([...ksm([0], pods.slice(1), {}, STARTED), ...nodes([0], ['node1'], {})]);
    await until(async () => (await valueOf(prometheus, 'count(kube_pod_info)')) === 2);
    expect((await shown(prometheus)).now).toEqual({ ...TRUTH, cart: 'NotFound on node1' });
    a.page.status = 500;
    await until(async () => (await valueOf(prometheus, 'count(kube_pod_info)')) === 0);
    const silent = await kpfd(['predict', 'mail', '-n', 'shop', '--prometheus-url', prometheus.url]);
    expect(silent).toMatchObject({ code: 2, stdout: '' });
    expect(silent.stderr).toMatch(/^error: cannot tell: /);
  });

  test('a short history is one, not a slow scrape', async () => {
    const prometheus = await scrape(`
  - {job_name: ksm, honor_labels: true, static_configs: [{targets: ['${(await exporter(kubeStateMetrics)).target}']}]}
  - {job_name: kubelet, honor_labels: true, static_configs: [{targets: ['${(await exporter(cadvisor([0], pods, {}))).target}']}]}`);
    const found = await shown(prometheus);
    expect(found.stderr).not.toContain('too rarely');
    // Nothing is predicted from a minute: trends and rhythms would be those of the scraping.
    expect(found).toMatchObject({ now: TRUTH, complete: false });
    expect(found.stderr).toMatch(
      /^warning: 3 pods not evaluated: Prometheus knows nothing of four to nine minutes ago/m,
    );
  });
});
