import { FailureError, isOverflow } from '../core/failure.ts';
import {
  SIGNALS_OF_NO_POD,
  PRESENCE_LOOKBACK_SECONDS,
  type RequestName,
  type SignalName,
} from '../core/signals/catalogue.ts';
import { REQUESTS, requestQuery, signalRows, signalsOf } from '../core/signals/requests.ts';
import type { Part } from '../core/signals/query-writer.ts';
import type { MetricSource, Series } from '../core/signals/metric-source.ts';
import { exporterSeries, type Naming } from '../core/signals/naming.ts';
import { by } from '../core/signals/promql.ts';
import { PodIndex } from '../core/signals/pod-index.ts';
import { composeReadings, gapsOfNaming, type Readings, type SignalAnswers } from '../core/signals/readings.ts';
import type { GapReason, Scope, SignalRow } from '../core/signals/signal.ts';
import { expectedFailure } from './expected-failure.ts';
import type { Journal } from './journal.ts';
import { measureLayout, type Found } from './read-layout.ts';

/** Asks for every signal, all at one instant. A request that fails leaves gaps; without the pods there is no answer. */
async function readSignals(
  source: MetricSource,
  unixSeconds: number,
  naming: Naming,
  scope: Scope,
  journal: Journal,
  requests: readonly RequestName[],
): Promise<SignalAnswers> {
  const gaps = gapsOfNaming(naming);
  const rows = new Map<SignalName, SignalRow[]>();
  const byPod = new PodIndex();
  const splitter = new Splitter(source, unixSeconds, naming, scope, journal);
  const wanted = requests.filter((request) => signalsOf(request).some(({ name }) => !gaps.has(name)));
  await Promise.all(
    wanted.map(async (request) => {
      const result = await splitter.ask(request);
      if (Array.isArray(result)) {
        for (const [signal, found] of signalRows(naming, result)) {
          rows.set(signal, found);
          if (!SIGNALS_OF_NO_POD.has(signal)) byPod.add(signal, found);
        }
        return;
      }
      for (const { name } of signalsOf(request)) gaps.set(name, result);
    }),
  );
  const pods = gaps.get('pod-info');
  if (pods?.kind === 'request-failed') throw new FailureError(pods.failure);
  return { rows, byPod, gaps };
}

/** Everything of the scope at one instant. */
export async function readEverything(
  source: MetricSource,
  unixSeconds: number,
  found: Found,
  scope: Scope,
  journal: Journal,
  requests: readonly RequestName[] = REQUESTS,
): Promise<Readings> {
  const [layout, answers] = await Promise.all([
    measureLayout(source, unixSeconds, found, journal),
    readSignals(source, unixSeconds, found.naming, scope, journal, requests),
  ]);
  return composeReadings(unixSeconds, layout, answers, journal.isPartial);
}

/** Requests beyond the plan that a run may spend on answers that were too big. */
const MAX_SPLIT_REQUESTS = 48;

/**
 * How the pods of one namespace are told apart: by the last character of their names, which Deployments draw at random. Each
 * class is about a quarter of them, and its own four parts are about as many each.
 */
const NAME_ENDS: Readonly<Record<string, readonly string[]>> = {
  '0-9': ['0-2', '3-5', '67', '89'],
  'a-h': ['ab', 'cd', 'ef', 'gh'],
  'i-q': ['ij', 'kl', 'mn', 'o-q'],
  'r-z': ['r-t', 'uv', 'wx', 'yz'],
};

/** Asks a request whole, and in parts where the answer is too big: by namespaces, then by how the names of pods end. */
class Splitter {
  readonly #source: MetricSource;
  readonly #unixSeconds: number;
  readonly #naming: Naming;
  readonly #scope: Scope;
  readonly #journal: Journal;
  #left = MAX_SPLIT_REQUESTS;
  #namespaces: Promise<readonly { name: string; pods: number }[]> | undefined;

  constructor(source: MetricSource, unixSeconds: number, naming: Naming, scope: Scope, journal: Journal) {
    this.#source = source;
    this.#unixSeconds = unixSeconds;
    this.#naming = naming;
    this.#scope = scope;
    this.#journal = journal;
  }

  /** The series, or the reason why there are none. */
  async ask(request: RequestName): Promise<Series[] | GapReason> {
    try {
      return await this.#askPart(request, undefined);
    } catch (error) {
      const failure = expectedFailure(error);
      this.#journal.failed(request, failure);
      return { kind: 'request-failed', failure };
    }
  }

  async #askPart(request: RequestName, part: Part | undefined): Promise<Series[]> {
    try {
      const promql = requestQuery(request, this.#naming, this.#scope, part);
      return [...this.#journal.answered(await this.#source.query(promql, this.#unixSeconds))];
    } catch (error) {
      if (!isOverflow(expectedFailure(error)) || !isDivisible(request)) throw error;
      const parts = await this.#divide(part);
      if (parts.length < 2 || this.#left < parts.length) throw error;
      this.#left -= parts.length;
      this.#journal.split(request, parts.length);
      const answers = await Promise.all(parts.map((smaller) => this.#askPart(request, smaller)));
      return answers.flat();
    }
  }

  /** Two halves of the namespaces with about as many pods each, or four parts of one. */
  async #divide(part: Part | undefined): Promise<Part[]> {
    if (part?.nameEnd !== undefined) {
      return (NAME_ENDS[part.nameEnd] ?? []).map((nameEnd) => ({ ...part, nameEnd }));
    }
    const all = await (this.#namespaces ??= this.#countNamespaces());
    const own = part?.namespaces === undefined ? all : all.filter(({ name }) => part.namespaces?.includes(name));
    if (own.length < 2) {
      return Object.keys(NAME_ENDS).map((nameEnd) => ({ namespaces: part?.namespaces, nameEnd }));
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
    return [first, second].map((namespaces) => ({ namespaces, nameEnd: undefined }));
  }

  async #countNamespaces(): Promise<readonly { name: string; pods: number }[]> {
    const label = this.#naming.labels['kube-state-metrics'].namespace;
    const info = exporterSeries(this.#naming, 'kube-state-metrics', 'kube_pod_info');
    // Also what was there: pods that are gone are listed too.
    const pods = by('count', [label], `last_over_time(${info}[${PRESENCE_LOOKBACK_SECONDS}s])`);
    const answer = { series: this.#journal.answered(await this.#source.query(pods, this.#unixSeconds)) };
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
