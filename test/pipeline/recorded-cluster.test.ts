import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { podStatus } from '../../src/core/pods/status.ts';
import { REQUESTS } from '../../src/core/signals/requests.ts';
import { podsAt } from '../../src/pipeline/pods-at.ts';
import { folder } from '../support/files.ts';
import { clientOf, startPrometheus, type RunningPrometheus } from '../support/prometheus.ts';
import { proxy } from '../support/proxy.ts';
import { kpfd } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

const RECORDING = 'fixtures/recordings/run-a';
const AT = '1795413664';

type Printed = [ready: string, status: string, restarts: number, node: string];

/** What kubectl printed, each 5 s. */
const polls = gunzipSync(readFileSync(join(RECORDING, 'status.jsonl.gz')))
  .toString('utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { t: number; pods: Record<string, Printed> });

/** Pods that printed the same READY, STATUS and RESTARTS from 20 s before the poll until 20 s after it. */
function steadyAt(i: number): Map<string, Printed> {
  const around = polls.slice(Math.max(0, i - 4), i + 5);
  const own = Object.entries(polls[i]?.pods ?? {});
  return new Map(
    own.filter(([pod, printed]) => around.every(({ pods }) => JSON.stringify(pods[pod]) === JSON.stringify(printed))),
  );
}

const validate = new Ajv({ allowUnionTypes: true }).compile(
  JSON.parse(readFileSync('docs/output.schema.json', 'utf8')) as object,
);

function expectValid(json: string): Record<string, never> {
  const document = JSON.parse(json) as Record<string, never>;
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
  return document;
}

describeWith(['prometheus', 'tar with xz'], 'a recorded cluster behind a real Prometheus', () => {
  let prometheus: RunningPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus({ recording: RECORDING });
  });
  afterAll(async () => prometheus.stop());

  const scan = async (...argv: string[]): ReturnType<typeof kpfd> =>
    kpfd(['scan', '--prometheus-url', prometheus.url, '--at', AT, ...argv]);

  /** Stands before Prometheus and answers 500 to some queries. */
  const refusing = async (queries: RegExp, words: string): ReturnType<typeof proxy> =>
    proxy(prometheus.url, (asked, response) => {
      if (!queries.test(asked.query)) return false;
      response.writeHead(500).end(words);
      return true;
    });

  // One poll in each phase of the run: start, rollouts, late applications, a lost node, its return.
  test.each([30, 130, 250, 330, 400, 560, 640, 700, 760])(
    'STATUS, READY and RESTARTS are what kubectl printed at poll %d',
    async (i) => {
      const poll = polls[i] as (typeof polls)[number];
      const { pods, rules } = await podsAt(clientOf(prometheus.url), poll.t, REQUESTS);
      const steady = steadyAt(i);
      expect(steady.size).toBeGreaterThan(40);
      const seen = new Map(
        pods
          .filter(({ presence }) => presence === 'present')
          .map((pod): [string, unknown] => {
            const { now, readyContainers, totalContainers, restarts } = podStatus(pod, rules);
            return [
              `${pod.namespace}/${pod.name}`,
              [`${readyContainers}/${totalContainers ?? '?'}`, now, restarts, pod.node?.name ?? '<none>'],
            ];
          }),
      );
      expect(Object.fromEntries([...steady.keys()].map((pod) => [pod, seen.get(pod)]))).toEqual(
        Object.fromEntries(steady),
      );
    },
  );

  test('a scan of any size asks the same few questions, four at a time, all at one instant', async () => {
    const asked = async (
      ...argv: string[]
    ): Promise<{ queries: number; most: number; times: Set<string | undefined> }> => {
      const between = await proxy(prometheus.url);
      expect(await kpfd([...argv, '--prometheus-url', between.url, '--at', AT])).toMatchObject({ code: 0 });
      const queries = between.passed.filter(({ path }) => path.startsWith('/api/v1/query'));
      return { queries: queries.length, most: between.mostAtOnce(), times: new Set(queries.map(({ time }) => time)) };
    };
    const all = await asked('scan', '-A');
    const one = await asked('scan', '-n', 'shop');
    const pod = await asked('predict', 'pricing-6489b7fc5f-6h6d4', '-n', 'data');
    expect(all.queries).toBeLessThanOrEqual(40);
    expect([one.queries, pod.queries]).toEqual([all.queries, all.queries]);
    expect(all.most).toBeLessThanOrEqual(4);
    expect([...all.times]).toEqual([AT]);
  });

  test('no request of the plan is refused, and the data are complete', async () => {
    const { stderr, code } = await scan('-A', '--strict', '-v');
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/warning:/);
  });

  test('a model that is not there is told in one sentence, whatever is still asked', async () => {
    // As a process of its own: what breaks here is an event that nobody listens to.
    const argv = ['bin/kpfd.js', 'scan', '-A', '--at', AT, '--prometheus-url', prometheus.url, '--model', '/nowhere'];
    const ran = await promisify(execFile)(process.execPath, argv).catch((error: unknown) => error);
    expect(ran).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'error: cannot read the model /nowhere/metadata.json: there is no such file or folder\n',
    });
  });

  test('the JSON of a scan and of a prediction is what the schema says', async () => {
    const document = expectValid((await scan('-A', '-o', 'json', '--completed')).stdout);
    expect(document).toMatchObject({ complete: true, generatedAt: '2026-11-23T06:01:04Z' });
    const predicted = await kpfd([
      'predict',
      'nope',
      'notify-5b7b49f6c6-jrndj',
      '-n',
      'infra',
      '-o',
      'json',
      '--at',
      AT,
      '--prometheus-url',
      prometheus.url,
    ]);
    expectValid(predicted.stdout);
    expect(predicted.code).toBe(2);
  });

  test('every pod that kubectl listed is listed, and besides them only pods that are gone', async () => {
    const document = JSON.parse((await scan('-A', '-o', 'json', '--completed')).stdout) as {
      pods: { namespace: string; name: string; now: { kubectl: string } }[];
    };
    const listed = document.pods
      .filter(({ now }) => now.kubectl !== 'NotFound')
      .map(({ namespace, name }) => `${namespace}/${name}`);
    const i = polls.findIndex(({ t }) => t > Number(AT));
    expect(new Set(listed)).toEqual(new Set(Object.keys(polls[i]?.pods ?? {})));
  });

  test.each([
    ['scan', ['scan', '-A', '-o', 'table']],
    ['scan as JSON', ['scan', '-n', 'shop', '-o', 'json']],
    ['scan by label', ['scan', '-A', '-l', 'app in (cart,checkout)', '-o', 'csv']],
    ['predict', ['predict', 'pricing-6489b7fc5f-6h6d4', 'no-such-pod', '-n', 'data']],
    ['check-prometheus', ['check-prometheus']],
  ])('a recording of %s gives the same bytes again', async (_, argv) => {
    const path = join(folder(), 'r.json.gz');
    const live = await kpfd([...argv, '--prometheus-url', prometheus.url, '--at', AT, '--record', path]);
    expect(await kpfd([...argv, '--replay', path])).toEqual(live);
    expect(live.stdout.length).toBeGreaterThan(100);
  });

  test('labels select, equal and by sets', async () => {
    const names = async (selector: string): Promise<string[]> =>
      (await scan('-A', '-q', '-o', 'name', '-l', selector)).stdout.trim().split('\n').sort();
    const cart = await names('app=cart');
    expect(cart).toHaveLength(2);
    expect(cart.every((name) => name.startsWith('pod/cart-'))).toBe(true);
    expect(await names('app in (cart),app!=checkout')).toEqual(cart);
    expect((await names('app')).length).toBeGreaterThan(100);
  });

  test('a label that is not exported is no empty table', async () => {
    const ran = await scan('-A', '-l', 'app.kubernetes.io/name=cart');
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('--metric-labels-allowlist=pods=[…,app.kubernetes.io/name]');
  });

  test('a pod that a rollout deleted is NotFound, one that never was is told with its neighbours', async () => {
    const { stdout, stderr, code } = await kpfd([
      'predict',
      'notify-5b7b49f6c6-jrndj',
      'notifi',
      'cart',
      '-n',
      'infra',
      '-o',
      'table',
      '--at',
      AT,
      '--prometheus-url',
      prometheus.url,
    ]);
    expect(stdout).toMatch(/notify-5b7b49f6c6-jrndj +- +NotFound +NotFound +100% +0%/);
    expect(stderr).toMatch(/^error: pod "notifi" was not seen in namespace infra within the last 1h; /m);
    expect(stderr).toMatch(/^error: pod "cart" was not seen .* did you mean cart-\S+/m);
    expect(code).toBe(2);
  });

  test('a pod of another namespace is told where it is', async () => {
    const ran = await kpfd(['predict', 'pricing-6489b7fc5f-6h6d4', '--at', AT, '--prometheus-url', prometheus.url]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(
      'was not seen in namespace default within the last 1h; there is one in namespace data',
    );
  });

  test('a name with a typing error in another namespace is told, where this one has none like it', async () => {
    const ran = await kpfd(['predict', 'pricing-6489b7fc5f-6h6d5', '--at', AT, '--prometheus-url', prometheus.url]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(
      /was not seen in namespace default within the last 1h; .*data\/pricing-6489b7fc5f-6h6d4/,
    );
  });

  test('names that are PromQL are names', async () => {
    const evil = ['x"} or kube_pod_info{pod=~".*', 'a\nb', '\\', '.*', '{}'];
    const ran = await kpfd(['predict', ...evil, '-n', 'data', '--at', AT, '--prometheus-url', prometheus.url]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr.split('\n').filter((line) => line.startsWith('error: pod "'))).toHaveLength(evil.length);
  });

  test('a namespace that does not exist is no healthy one, one without pods is', async () => {
    expect(await scan('-n', 'shopp')).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean shop?') });
    expect(await scan('-n', 'default')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('No pods found in namespace default'),
    });
    expect(await scan('-n', 'default', '-q')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('exit codes: 1 for a pod at or above --fail-on, with its default from the model', async () => {
    expect((await scan('-A', '-q', '--at-risk', '--fail-on')).code).toBe(1);
    expect((await scan('-A', '-q', '--fail-on', '1')).code).toBe(0);
    expect((await scan('-n', 'default', '-q', '--fail-on', '0')).code).toBe(0);
  });

  test('before the cluster was there nothing can be told', async () => {
    const ran = await kpfd(['scan', '-A', '--at', '1795000000', '--prometheus-url', prometheus.url]);
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('cannot tell') });
  });

  test('a clock that runs ahead is put right by that of Prometheus', async () => {
    const between = await proxy(prometheus.url);
    await kpfd(['scan', '-A', '--prometheus-url', between.url], { now: Date.now() / 1000 + 3600 });
    const times = new Set(between.passed.map(({ time }) => time).filter((time) => time !== undefined));
    expect(times.size).toBe(1);
    expect(Math.abs(Number([...times][0]) - Date.now() / 1000)).toBeLessThan(60);
  });

  test('one failing request leaves a gap that is shown, and 3 with --strict', async () => {
    const between = await refusing(/"memory-working-set"/, 'no memory today');
    const argv = ['scan', '-n', 'shop', '--prometheus-url', between.url, '--at', AT, '-q'];
    const ran = await kpfd([...argv, '--strict', '-o', 'json']);
    expect(ran.code).toBe(3);
    expect(ran.stderr).toMatch(
      /^warning: memory-working-set, .* could not be read and count as missing: .* answered 500/m,
    );
    const document = expectValid(ran.stdout) as unknown as {
      complete: boolean;
      pods: { features: Record<string, number | null> | null; gaps: { signal: string }[] }[];
    };
    expect(document.complete).toBe(false);
    const evaluated = document.pods.filter(({ features }) => features !== null);
    expect(evaluated.length).toBeGreaterThan(10);
    expect(evaluated.filter(({ features }) => features?.['memory_usage_percent'] !== null)).toEqual([]);
    expect((await kpfd(argv)).code).toBe(0);
    expect((await kpfd([...argv, '--strict', '--fail-on', '0.1'])).code).toBe(1);
  });

  test('where nothing tells which containers are ready, READY is unknown and not 0', async () => {
    const between = await refusing(/"container-ready"/, 'not today');
    const argv = ['scan', '-n', 'shop', '--prometheus-url', between.url, '--at', AT, '-q'];
    const document = expectValid((await kpfd([...argv, '-o', 'json'])).stdout) as unknown as {
      pods: { ready: number | null; now: { kubectl: string }; features: Record<string, number | null> | null }[];
    };
    const running = document.pods.filter(({ now }) => now.kubectl === 'Running');
    expect(running.length).toBeGreaterThan(10);
    expect(running.filter(({ ready, features }) => ready !== null || features?.['ready_containers'] !== null)).toEqual(
      [],
    );
    expect((await kpfd(argv)).stdout).toMatch(/ \?\/1 +Running /);
  });

  test('without the phase nobody is evaluated, and nobody vanishes', async () => {
    const between = await refusing(/"(phase|container-running|init-running)"/, '');
    const ran = await kpfd(['scan', '-n', 'shop', '--prometheus-url', between.url, '--at', AT, '-o', 'json']);
    const document = expectValid(ran.stdout) as unknown as { pods: unknown[]; notEvaluated: { reason: string }[] };
    expect(document.notEvaluated.length).toBeGreaterThan(10);
    expect(new Set(document.notEvaluated.map(({ reason }) => reason))).toEqual(new Set(['no-phase']));
  });

  test('a warning of Prometheus makes the answer a partial one', async () => {
    const between = await proxy(prometheus.url, (asked, response) => {
      if (!asked.query.includes('"network-receive-drops"')) return false;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          status: 'success',
          data: { resultType: 'vector', result: [] },
          warnings: ['store 3 is down'],
        }),
      );
      return true;
    });
    const ran = await kpfd([
      'scan',
      '-A',
      '-q',
      '--min-risk',
      '1',
      '--strict',
      '--prometheus-url',
      between.url,
      '--at',
      AT,
    ]);
    expect(ran).toMatchObject({ code: 3, stdout: '' });
    expect(ran.stderr).toMatch(/^warning: Prometheus warns: store 3 is down$/m);
    // What is not in a partial answer is not gone.
    expect(ran.stderr).toMatch(/^warning: nothing can be told of \d+ pods: /m);
    const again = ['scan', '-A', '-q', '-o', 'json', '--prometheus-url', between.url, '--at', AT];
    const { pods } = JSON.parse((await kpfd(again)).stdout) as { pods: { now: { kubectl: string } }[] };
    expect(pods.filter(({ now }) => now.kubectl === 'NotFound')).toEqual([]);
  });

  test('a question for the states of containers that fails leaves no NOW but where readiness tells that all run', async () => {
    const nowOf = async (url: string): Promise<Map<string, string>> => {
      const { stdout } = await kpfd(['scan', '-A', '-o', 'json', '--at', AT, '--prometheus-url', url]);
      const { pods } = JSON.parse(stdout) as { pods: { namespace: string; name: string; now: { kubectl: string } }[] };
      return new Map(pods.map(({ namespace, name, now }) => [`${namespace}/${name}`, now.kubectl]));
    };
    const without = (fact: string): ReturnType<typeof proxy> =>
      proxy(prometheus.url, (asked, response) => {
        if (!asked.query.includes(`"${fact}"`)) return false;
        response.writeHead(500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ status: 'error', errorType: 'internal', error: 'boom' }));
        return true;
      });
    const whole = await nowOf(prometheus.url);
    const lacking = await nowOf((await without('container-running')).url);
    expect(lacking.size).toBe(whole.size);
    const wrong = (seen: ReadonlyMap<string, string>): string[] =>
      [...seen].filter(([pod, now]) => now !== '?' && now !== whole.get(pod)).map(([pod]) => pod);
    const counted = (seen: ReadonlyMap<string, string>, now: string): number =>
      [...seen.values()].filter((own) => own === now).length;
    expect(wrong(lacking)).toEqual([]);
    expect(counted(whole, 'CrashLoopBackOff')).toBeGreaterThan(3);
    expect(counted(lacking, 'CrashLoopBackOff')).toBe(0);
    expect(counted(lacking, 'Running')).toBeGreaterThan(40);
    expect(wrong(await nowOf((await without('init-running')).url))).toEqual([]);
  });

  test('where the pods that were there are not answered for, a name that is not there is not "never seen"', async () => {
    const between = await proxy(prometheus.url, (asked, response) => {
      if (!asked.query.includes('"gone-finished"')) return false;
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: 'error', errorType: 'internal', error: 'boom' }));
      return true;
    });
    const ran = await kpfd(['predict', 'nobody', '-n', 'shop', '--prometheus-url', between.url, '--at', AT]);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(
      /^error: cannot tell how nobody in namespace shop fares: Prometheus did not answer all/m,
    );
  });
});

describeWith(['prometheus', 'tar with xz'], 'a Prometheus with a low limit of samples', () => {
  let tight: RunningPrometheus;
  beforeAll(async () => {
    // Enough for half of the namespaces, not for all: unsplit, phases of all pods are refused with 422.
    tight = await startPrometheus({ recording: RECORDING, flags: ['--query.max-samples=1000'] });
  });
  afterAll(async () => tight.stop());

  test('answers that are too big are asked for in parts, and the sum is the same', async () => {
    const free = await startPrometheus({ recording: RECORDING });
    try {
      const argv = ['scan', '-A', '--at', AT, '-o', 'csv'];
      const whole = await kpfd([...argv, '-q', '--prometheus-url', free.url]);
      const parts = await kpfd([...argv, '-v', '--prometheus-url', tight.url]);
      expect(parts.stderr).toMatch(/^note: the answer to pod-state was too big and was asked for in 3 parts$/m);
      expect(parts.stdout).toBe(whole.stdout);
    } finally {
      await free.stop();
    }
  });
});
