import { afterAll, beforeAll, expect, test } from 'vitest';
import { FEATURE_NAMES } from '../../src/core/features/schema.ts';
import { REQUESTS, requestQuery } from '../../src/core/signals/requests.ts';
import type { HistorySource, Series, Steps } from '../../src/core/signals/metric-source.ts';
import { History } from '../../src/pipeline/history.ts';
import { Journal } from '../../src/pipeline/journal.ts';
import { podRows, type HistoryRequest } from '../../src/pipeline/pod-rows.ts';
import { podsAt } from '../../src/pipeline/pods-at.ts';
import { clientOf, startPrometheus, type RunningPrometheus } from '../support/prometheus.ts';
import { kpfd } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

const START = 1_795_413_000;
/** When the first applications of run-a were about to start. */
const BIRTH = 1_795_411_660;
const SPAN = { start: START, end: START + 300, step: 30 };
const ALL = { namespace: undefined, pods: undefined };
const REQUEST = {
  span: SPAN,
  horizonSeconds: 600,
  scope: ALL,
  naming: { cluster: undefined, ksmSelector: '', cadvisorSelector: '' },
  kubernetesVersion: undefined,
  maxSamples: 200_000,
  withRivals: false,
};

describeWith(['prometheus', 'tar with xz'], 'the past, read by range queries', () => {
  let prometheus: RunningPrometheus;
  /** One that refuses what would load more than a few samples. */
  let small: RunningPrometheus;

  beforeAll(async () => {
    const recording = 'fixtures/recordings/run-a';
    prometheus = await startPrometheus({ recording });
    small = await startPrometheus({ recording, flags: ['--query.max-samples=4000'] });
  }, 60_000);
  afterAll(async () => {
    await prometheus?.stop();
    await small?.stop();
  });

  /** A client that counts what it is asked, and how many values it answers. */
  function counting(url: string): HistorySource & { ranges: (Steps & { promql: string; values: number })[] } {
    const client = clientOf(url);
    const ranges: (Steps & { promql: string; values: number })[] = [];
    return {
      ranges,
      address: client.address,
      query: (promql, t) => client.query(promql, t),
      queryRange: async (promql, steps) => {
        const asked = { ...steps, promql, values: 0 };
        ranges.push(asked);
        const answer = await client.queryRange(promql, steps);
        for (const { present } of answer.series) asked.values += present.filter((isHere) => isHere === 1).length;
        return answer;
      },
      server: () => client.server(),
      connect: () => client.connect(),
    };
  }

  function sorted(series: readonly Series[]): string[] {
    return series
      .map(
        ({ labels, value }) =>
          `${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))} ${value}`,
      )
      .sort();
  }

  test('forgets a question that is asked no more', async () => {
    const source = counting(prometheus.url);
    const history = new History(source, SPAN, 200_000);
    for (const t of [0, 30, 60]) await history.query('count(kube_pod_info)', START + t);
    for (const t of [90, 120, 150, 180, 210, 240, 270]) await history.query('vector(1)', START + t);
    await history.query('count(kube_pod_info)', START + 300);
    const counts = source.ranges.filter(({ promql }) => promql.startsWith('count')).map(({ count }) => count);
    // One step, eight times as many, and one again.
    expect(counts).toEqual([1, 8, 1]);
  }, 60_000);

  test('is at every step what an instant query says, for every request of the catalogue', async () => {
    const client = clientOf(prometheus.url);
    const { naming } = await podsAt(client, START, ['pods']);
    const history = new History(client, SPAN, 200_000);
    for (const request of REQUESTS) {
      const promql = requestQuery(request, naming, ALL);
      let rows = 0;
      for (let t = SPAN.start; t <= SPAN.end; t += SPAN.step) {
        const [own, instant] = [await history.query(promql, t), await client.query(promql, t)];
        expect(sorted(own.series)).toEqual(sorted(instant.series));
        rows += own.series.length;
      }
      expect(rows).toBeGreaterThan(0);
    }
  }, 60_000);

  async function rowsOf(source: HistorySource, change: Partial<HistoryRequest> = {}): Promise<string[]> {
    const rows: string[] = [];
    for await (const batch of podRows(source, { ...REQUEST, ...change }, new Journal())) {
      for (const { unixSeconds, pod, now, label, features } of batch.rows) {
        rows.push([unixSeconds, pod.namespace, pod.name, now, label, ...features].join(' '));
      }
    }
    return rows;
  }

  test('asks the less often the more values one answer may have, and says the same', async () => {
    const [much, little] = [counting(prometheus.url), counting(prometheus.url)];
    const rows = await rowsOf(much);
    expect(rows.length).toBeGreaterThan(500);
    expect(await rowsOf(little, { maxSamples: 300 })).toEqual(rows);
    expect(little.ranges.length).toBeGreaterThan(2 * much.ranges.length);
  }, 60_000);

  test('gets no more values at once than were allowed, also while a cluster is being filled', async () => {
    const source = counting(prometheus.url);
    const maxSamples = 1000;
    await rowsOf(source, { span: { start: BIRTH, end: BIRTH + 300, step: 30 }, maxSamples });
    const several = source.ranges.filter(({ count }) => count > 1);
    expect(several.length).toBeGreaterThan(5);
    expect(several.filter(({ values }) => values > maxSamples)).toEqual([]);
  }, 60_000);

  test('is read in smaller pieces from a Prometheus that refuses large ones', async () => {
    const source = counting(small.url);
    const scope = { namespace: 'shop', pods: undefined };
    const rows = await rowsOf(source, { scope });
    expect(rows.length).toBeGreaterThan(100);
    expect(rows).toEqual(await rowsOf(clientOf(prometheus.url), { scope }));
    // Refused at first: the same question was asked again for half of the steps.
    const again = source.ranges.filter((own) =>
      source.ranges.some((other) => {
        const isSame = other.promql === own.promql && other.start === own.start;
        return isSame && own.count === Math.ceil(other.count / 2);
      }),
    );
    expect(again.length).toBeGreaterThan(0);
  }, 60_000);

  test('gives the features that `kpfd scan --at` gives', async () => {
    const at = START + 90;
    const ran = await kpfd(['scan', '-A', '-o', 'json', '--at', String(at), '--prometheus-url', prometheus.url]);
    const { pods } = JSON.parse(ran.stdout) as {
      pods: { namespace: string; name: string; features: Record<string, number | null> | null }[];
    };
    const shown = new Map(pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod.features]));
    let compared = 0;
    for await (const { unixSeconds, rows } of podRows(clientOf(prometheus.url), REQUEST, new Journal())) {
      if (unixSeconds !== at) continue;
      for (const { pod, features } of rows) {
        const own = shown.get(`${pod.namespace}/${pod.name}`);
        for (const [i, name] of FEATURE_NAMES.entries()) {
          const value = own?.[name] ?? Number.NaN;
          // JSON has nine digits of a float32, which give it back.
          expect({ name, value: Math.fround(value) }).toEqual({ name, value: features[i] });
          compared += 1;
        }
      }
    }
    expect(compared).toBeGreaterThan(50 * FEATURE_NAMES.length);
  }, 60_000);
});
