import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPrometheus, type RunningPrometheus } from '../support/prometheus.ts';
import { startRewritten } from '../support/rewritten-recording.ts';
import { kpfd } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

/** The real cluster of run-a behind a Prometheus whose storage begins at BEGIN, and then breaks twice. Unix seconds. */
const BEGIN = 1_795_412_400;
/** The last scrape of kube-state-metrics before this moment failed. */
const HICCUP = 1_795_412_860;
const SCRAPE_SECONDS = 15;
/** The last scrape of cAdvisor on node2 before this moment failed. */
const CADVISOR_HICCUP = 1_795_413_100;
/** From here on nothing comes from cAdvisor on node1. */
const NODE_SILENT = 1_795_413_300;
/** From here on nothing comes from kube-state-metrics, and nobody notes that its scrapes fail (a remote write that ended). */
const KSM_SILENT = 1_795_414_200;

interface Scan {
  readonly code: number;
  readonly stderr: string;
  readonly pods: readonly {
    name: string;
    node: string | null;
    now: { kubectl: string };
    prediction: { risk: number } | null;
  }[];
  readonly notEvaluated: readonly { name: string; reason: string }[];
}

describeWith(['prometheus', 'tar with xz'], 'monitoring that breaks is not a pod that fails', () => {
  let prometheus: RunningPrometheus;
  /** The same cluster, seen by a Prometheus that did not break. */
  let whole: RunningPrometheus;

  beforeAll(async () => {
    whole = await startPrometheus({ recording: 'fixtures/recordings/run-a' });
    prometheus = await startRewritten('fixtures/recordings/run-a', {
      fate: (labels, t) => {
        if (t < BEGIN) return 'lost';
        const isKsm = labels.includes('job="kube-state-metrics"');
        if (isKsm && t > HICCUP - SCRAPE_SECONDS && t <= HICCUP) return 'failed';
        const isCadvisor = labels.startsWith('{__name__="container_');
        if (isCadvisor && labels.includes('node="node1"') && t >= NODE_SILENT) return 'lost';
        if (isCadvisor && labels.includes('node="node2"') && t > CADVISOR_HICCUP - 20 && t <= CADVISOR_HICCUP)
          return 'failed';
        return isKsm && t >= KSM_SILENT ? 'lost' : 'kept';
      },
    });
  }, 180_000);

  afterAll(async () => {
    await prometheus?.stop();
    await whole?.stop();
  });

  async function scan(at: number, ...more: string[]): Promise<Scan> {
    const argv = ['scan', '-A', '-o', 'json', '--at', String(at), '--prometheus-url', prometheus.url, ...more];
    const { code, stdout, stderr } = await kpfd(argv);
    const document = JSON.parse(stdout) as Pick<Scan, 'pods' | 'notEvaluated'>;
    return { code, stderr, ...document };
  }

  test('a Prometheus that has just begun predicts nothing and raises no alarm, though pods crash', async () => {
    const found = await scan(BEGIN + 60, '--fail-on', '0.01');
    expect(found.pods.filter(({ now }) => now.kubectl === 'CrashLoopBackOff').length).toBeGreaterThan(3);
    expect(found.pods.filter(({ prediction, now }) => prediction !== null && now.kubectl !== 'NotFound')).toEqual([]);
    expect(found.notEvaluated.filter(({ reason }) => reason === 'no-history').length).toBeGreaterThan(50);
    expect(found.code).toBe(0);
    expect(found.stderr).toMatch(
      /^warning: \d+ pods not evaluated: Prometheus knows nothing of four to nine minutes ago/m,
    );
    expect((await scan(BEGIN + 60, '--strict')).code).toBe(3);
  });

  test('minutes later it does', async () => {
    const found = await scan(BEGIN + 420);
    expect(found.pods.filter(({ prediction }) => prediction !== null).length).toBeGreaterThan(50);
    expect(found.notEvaluated.filter(({ reason }) => reason === 'no-history')).toEqual([]);
  });

  test('one scrape that failed four minutes ago is no beginning', async () => {
    const found = await scan(HICCUP + 240);
    expect(found.notEvaluated.filter(({ reason }) => reason === 'no-history')).toEqual([]);
    expect(found.pods.filter(({ prediction }) => prediction !== null).length).toBeGreaterThan(50);
  });

  test('one scrape of cAdvisor that failed leaves the pods of its node to be evaluated, and says what was not seen', async () => {
    const found = await scan(CADVISOR_HICCUP);
    const there = found.pods.filter(({ node, now }) => node === 'node2' && now.kubectl === 'Running');
    expect(there.length).toBeGreaterThan(20);
    expect(there.filter(({ prediction }) => prediction === null)).toEqual([]);
    expect(found.notEvaluated.filter(({ reason }) => reason === 'node-silent')).toEqual([]);
    expect(found.stderr).toMatch(/^warning: cAdvisor has no samples of /m);
    // Less is seen, and no alarm is made of that.
    const atRisk = ({ pods }: Scan): string[] =>
      pods.filter(({ prediction }) => (prediction?.risk ?? 0) >= 0.7).map(({ name }) => name);
    const sound = await scan(CADVISOR_HICCUP, '--prometheus-url', whole.url);
    expect(atRisk(found).filter((name) => !atRisk(sound).includes(name))).toEqual([]);
  });

  test.each([200, 400, 700])(
    'with cAdvisor of one node silent for %i s its running pods are not evaluated, and those of the other are',
    async (seconds) => {
      const found = await scan(NODE_SILENT + seconds);
      const silent = new Set(
        found.notEvaluated.filter(({ reason }) => reason === 'node-silent').map(({ name }) => name),
      );
      const running = found.pods.filter(({ now }) => now.kubectl === 'Running');
      const [here, there] = ['node1', 'node2'].map((node) => running.filter((pod) => pod.node === node));
      expect(silent.size).toBeGreaterThan(20);
      expect(here?.filter(({ name, prediction }) => silent.has(name) && prediction !== null)).toEqual([]);
      expect(there?.filter(({ name }) => silent.has(name))).toEqual([]);
      expect(there?.filter(({ prediction }) => prediction !== null).length).toBeGreaterThan(20);
      expect(found.stderr).toMatch(/^warning: \d+ pods not evaluated: cAdvisor on node node1 has fallen silent$/m);
    },
  );

  test('check-prometheus names the node whose cAdvisor fell silent', async () => {
    const check = async (at: number): Promise<string> => {
      const argv = ['check-prometheus', '--at', String(at), '--prometheus-url', prometheus.url];
      return (await kpfd(argv)).stdout;
    };
    expect(await check(NODE_SILENT - 30)).toMatch(/^cAdvisor +ok +job /m);
    expect(await check(NODE_SILENT + 200)).toMatch(/^cAdvisor +warning +job .*; nothing new from /m);
  });

  test('kube-state-metrics that fell silent leaves NOW as of then, and no prediction', async () => {
    const found = await scan(KSM_SILENT + 120, '--fail-on', '0.01');
    expect(found.pods.filter(({ prediction, now }) => prediction !== null && now.kubectl !== 'NotFound')).toEqual([]);
    expect(found.notEvaluated.filter(({ reason }) => reason === 'ksm-silent').length).toBeGreaterThan(50);
    expect(found.code).toBe(0);
    const later = await kpfd(['scan', '-A', '--prometheus-url', prometheus.url, '--at', String(KSM_SILENT + 400)]);
    expect(later).toMatchObject({ code: 2, stdout: '' });
    expect(later.stderr).toMatch(/^error: cannot tell: /);
  });

  test('a backtest over all of it counts no alarm of what it could not see', async () => {
    const span = ['--start', String(NODE_SILENT), '--end', String(NODE_SILENT + 900)];
    const [broken, sound] = await Promise.all(
      [prometheus, whole].map(async ({ url }) => {
        const { stdout } = await kpfd(['backtest', ...span, '-o', 'json', '--prometheus-url', url]);
        return (JSON.parse(stdout) as { summary: { falseAlarms: number; healthyPodHours: number } }).summary;
      }),
    );
    // What was not evaluated counts neither as watched nor as an alarm.
    expect(broken?.healthyPodHours).toBeLessThan(0.8 * (sound?.healthyPodHours ?? 0));
    expect(broken?.falseAlarms).toBeLessThanOrEqual(sound?.falseAlarms ?? 0);
  });

  test('pods on a node that stopped are not evaluated, though kubectl still calls them Running', async () => {
    // actions.jsonl: node2's kubelet was stopped at this moment.
    const stopped = 1_795_414_434;
    const found = await scan(stopped + 90, '--prometheus-url', whole.url);
    const lost = new Set(found.notEvaluated.filter(({ reason }) => reason === 'node-lost').map(({ name }) => name));
    expect(lost.size).toBeGreaterThan(10);
    const there = found.pods.filter(({ name }) => lost.has(name));
    expect(there.filter(({ node }) => node !== 'node2')).toEqual([]);
    expect(there.filter(({ prediction }) => prediction !== null)).toEqual([]);
    expect(there.filter(({ now }) => now.kubectl === 'Running').length).toBeGreaterThan(10);
    expect(found.stderr).toMatch(/^warning: \d+ pods not evaluated: the control plane does not hear from node node2$/m);
  });
});
