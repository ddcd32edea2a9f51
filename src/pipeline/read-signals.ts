import { FailureError, isFatal, isOverflow, type Failure } from '../core/failure.ts';
import {
  REQUESTS,
  requestQuery,
  signalRows,
  signalsOf,
  type Part,
  type RequestName,
  type SignalName,
} from '../core/signals/catalogue.ts';
import {
  copiesQuery,
  intervalsQuery,
  namesQuery,
  overlapsQuery,
  readCopies,
  readLayout,
  type Layout,
  type LayoutOptions,
} from '../core/signals/layout.ts';
import type { MetricSource, Series } from '../core/signals/metric-source.ts';
import { by, selector } from '../core/signals/promql.ts';
import { gapsOfLayout, type Readings } from '../core/signals/readings.ts';
import type { GapReason, Scope, SignalRow } from '../core/signals/signal.ts';
import { Journal } from './journal.ts';

/** Finds out how this Prometheus names things. Rejects where there are no pods to speak of, and says why. */
export async function readLayoutOf(
  source: MetricSource,
  unixSeconds: number,
  options: LayoutOptions,
  journal: Journal,
): Promise<Layout> {
  const ask = async (promql: string): Promise<readonly Series[]> =>
    journal.answered(await source.query(promql, unixSeconds));
  const found = readCopies(await ask(copiesQuery(options)), options);
  if (found.copies.length === 0) throw await silence(source, unixSeconds, options);
  const [names, intervals] = await Promise.all([
    ask(namesQuery(options, found.cluster)),
    ask(intervalsQuery(options, found.cluster)).catch((error: unknown) => {
      const failure = expected(error);
      if (isFatal(failure)) throw error;
      journal.failed('scrape-interval', failure);
      return undefined;
    }),
  ]);
  const overlaps = overlapsQuery(options, found, names);
  return readLayout(options, found, names, intervals, overlaps === undefined ? undefined : await ask(overlaps));
}

/** kube_pod_info has no series: was it ever there, and is cAdvisor? */
async function silence(source: MetricSource, unixSeconds: number, options: LayoutOptions): Promise<FailureError> {
  const info = selector('kube_pod_info', [], options.ksmSelector);
  const value = async (promql: string): Promise<number | undefined> => {
    try {
      return (await source.query(promql, unixSeconds)).series[0]?.value;
    } catch (error) {
      if (isFatal(expected(error))) throw error;
      return undefined;
    }
  };
  const [seenAt, cadvisorSeries] = await Promise.all([
    value(`max(max_over_time(timestamp(${info})[1h:1m]))`),
    value('count(container_memory_working_set_bytes)'),
  ]);
  return new FailureError({
    kind: 'pods-silent',
    address: source.address,
    lastSeenAgeSeconds: seenAt === undefined ? undefined : unixSeconds - seenAt,
    cadvisorSeries,
  });
}

/** Asks for every signal, all at one instant. A request that fails leaves gaps; without the pods there is no answer. */
export async function readSignals(
  source: MetricSource,
  unixSeconds: number,
  layout: Layout,
  scope: Scope,
  journal: Journal,
  requests: readonly RequestName[] = REQUESTS,
): Promise<Readings> {
  const gaps = gapsOfLayout(layout);
  const rows = new Map<SignalName, SignalRow[]>();
  const splitter = new Splitter(source, unixSeconds, layout, scope, journal);
  const wanted = requests.filter((request) => signalsOf(request).some(({ name }) => !gaps.has(name)));
  await Promise.all(
    wanted.map(async (request) => {
      const result = await splitter.ask(request);
      if (Array.isArray(result)) {
        for (const [signal, found] of signalRows(layout, result)) rows.set(signal, found);
        return;
      }
      for (const { name } of signalsOf(request)) if (!gaps.has(name)) gaps.set(name, result);
    }),
  );
  const base = gaps.get('pod-info');
  if (base?.kind === 'request-failed') throw new FailureError(base.failure);
  return { unixSeconds, layout, rows, gaps };
}

/** Requests beyond the plan that a run may spend on answers that were too big. */
const MAX_SPLIT_REQUESTS = 48;

/** Asks a request whole, and in parts where the answer is too big: by namespaces, then by the first letter of pods. */
class Splitter {
  readonly #source: MetricSource;
  readonly #unixSeconds: number;
  readonly #layout: Layout;
  readonly #scope: Scope;
  readonly #journal: Journal;
  #left = MAX_SPLIT_REQUESTS;
  #namespaces: Promise<readonly { name: string; pods: number }[]> | undefined;

  constructor(source: MetricSource, unixSeconds: number, layout: Layout, scope: Scope, journal: Journal) {
    this.#source = source;
    this.#unixSeconds = unixSeconds;
    this.#layout = layout;
    this.#scope = scope;
    this.#journal = journal;
  }

  /** The series, or the reason why there are none. */
  async ask(request: RequestName): Promise<Series[] | GapReason> {
    try {
      return await this.#askPart(request, undefined);
    } catch (error) {
      const failure = expected(error);
      if (isFatal(failure)) throw error;
      this.#journal.failed(request, failure);
      return { kind: 'request-failed', failure };
    }
  }

  async #askPart(request: RequestName, part: Part | undefined): Promise<Series[]> {
    try {
      const promql = requestQuery(request, this.#layout, this.#scope, part);
      return [...this.#journal.answered(await this.#source.query(promql, this.#unixSeconds))];
    } catch (error) {
      if (!isOverflow(expected(error)) || !isDivisible(request)) throw error;
      const parts = await this.#divide(part);
      if (parts.length < 2 || this.#left < parts.length) throw error;
      this.#left -= parts.length;
      this.#journal.split(request, parts.length);
      const answers = await Promise.all(parts.map((smaller) => this.#askPart(request, smaller)));
      return answers.flat();
    }
  }

  /** Two halves with about as many pods each. */
  async #divide(part: Part | undefined): Promise<Part[]> {
    if (part?.podPattern !== undefined) return [];
    const all = await (this.#namespaces ??= this.#countNamespaces());
    const own = part?.namespaces === undefined ? all : all.filter(({ name }) => part.namespaces?.includes(name));
    if (own.length < 2) {
      const namespaces = part?.namespaces;
      return ['[a-f0-9].*', '[g-m].*', '[n-r].*', '[s-z].*'].map((podPattern) => ({ namespaces, podPattern }));
    }
    const half = own.reduce((sum, { pods }) => sum + pods, 0) / 2;
    const first: string[] = [];
    const second: string[] = [];
    let pods = 0;
    for (const namespace of own) {
      const target = pods < half && first.length < own.length - 1 ? first : second;
      target.push(namespace.name);
      pods += namespace.pods;
    }
    return [first, second].map((namespaces) => ({ namespaces, podPattern: undefined }));
  }

  async #countNamespaces(): Promise<readonly { name: string; pods: number }[]> {
    const { labels, matchers, userMatchers } = this.#layout;
    const label = labels['kube-state-metrics'].namespace;
    const info = selector('kube_pod_info', matchers['kube-state-metrics'], userMatchers['kube-state-metrics']);
    const answer = await this.#source.query(by('count', [label], info), this.#unixSeconds);
    const counts = answer.series.map((s) => ({ name: s.labels[label] ?? '', pods: s.value }));
    const wanted = this.#scope.namespace;
    return counts
      .filter(({ name }) => wanted === undefined || name === wanted)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** Signals of nodes, and what is counted over the whole cluster, have no namespaces to split by. */
function isDivisible(request: RequestName): boolean {
  return signalsOf(request).every(
    ({ subject }) => subject === 'pod' || subject === 'container' || subject === 'resource',
  );
}

function expected(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  throw error;
}
