import { FailureError, type Failure } from '../core/failure.ts';
import { featuresFrom } from '../core/features/catalogue.ts';
import { REPLACED_SECONDS, silentShards } from '../core/pods/presence.ts';
import { requestQuery, signalRows } from '../core/signals/requests.ts';
import { SIGNALS } from '../core/signals/catalogue.ts';
import {
  apiChecks,
  cadvisorQuery,
  connectionCheck,
  metricCounts,
  namesakesExpression,
  NOTHING_TOLD,
  readCadvisor,
  sampleChecks,
  type Check,
  type Counted,
  type Diagnosis,
  type MetricCount,
  type ToldByCadvisor,
} from '../core/signals/diagnosis.ts';
import { countPods, type Layout } from '../core/signals/layout.ts';
import type { MetricSource } from '../core/signals/metric-source.ts';
import { exporterSeries, type NamingOptions } from '../core/signals/naming.ts';
import { tagged } from '../core/signals/promql.ts';
import { askOrNote } from './ask-or-note.ts';
import { expectedFailure } from './expected-failure.ts';
import { nowOf, skewOf, type Instant } from './instant.ts';
import { Journal } from './journal.ts';
import { findNaming, measureLayout } from './read-layout.ts';

/** Checks layer by layer and stops where nothing further can be known. Rejects only what is no finding (Ctrl-C). */
export async function checkSignals(source: MetricSource, options: NamingOptions, instant: Instant): Promise<Diagnosis> {
  const unixSeconds = nowOf(instant);
  const checks: Check[] = (await source.connect()).map(connectionCheck);
  const metrics: MetricCount[] = [];
  try {
    await checkAnswers(source, options, instant, checks, metrics);
  } catch (error) {
    // What was found before the time was over stays found.
    if (!(error instanceof FailureError) || error.failure.kind !== 'run-timeout') throw error;
    const { failure } = error;
    const isDone = (name: Check['name']): boolean => checks.some((check) => check.name === name);
    if (!isDone('http')) checks.push({ name: 'http', outcome: 'failed', failure });
    else if (!isDone('pods')) checks.push({ name: 'pods', outcome: 'failed', failure, pods: 0 });
    else checks.push({ name: 'metrics', outcome: 'failed', failure, absent: [], isPartial: false });
  }
  return { unixSeconds, checks, metrics };
}

/** What is asked of the server itself, layer by layer, added to `checks` and `metrics`. */
async function checkAnswers(
  source: MetricSource,
  options: NamingOptions,
  instant: Instant,
  checks: Check[],
  metrics: MetricCount[],
): Promise<void> {
  const unixSeconds = nowOf(instant);
  const goOn = (): boolean => checks.every(({ outcome }) => outcome !== 'failed');
  if (goOn()) checks.push(...apiChecks(await failureOf(source.query('vector(1)', unixSeconds))));
  if (goOn()) checks.push(...(await serverChecks(source, instant)));
  if (goOn()) {
    const journal = new Journal();
    const found = await layoutOrFailure(source, unixSeconds, options, journal);
    checks.push(podsCheck(found));
    if (found.layout !== undefined) {
      const counted = await countMetrics(source, unixSeconds, found.layout, journal).catch(expectedFailure);
      if (!('kind' in counted)) metrics.push(...counted.metrics);
      const namesakes = 'kind' in counted ? undefined : counted.namesakes;
      const failure = 'kind' in counted ? counted : undefined;
      const told = await askCadvisor(source, unixSeconds, found.layout, journal);
      const silent = await askSilentShards(source, unixSeconds, found.layout, journal);
      checks.push(...warningsCheck(journal));
      const { isPartial } = journal;
      const all = { metrics, namesakes, failure, told, silentShards: silent, isPartial };
      checks.push(...sampleChecks(found.layout, all, unixSeconds));
    } else checks.push(...warningsCheck(journal));
  }
}

/** A server that does not tell its version or time is none the worse. */
async function serverChecks(source: MetricSource, instant: Instant): Promise<Check[]> {
  const server = await source.server().catch((error: unknown) => {
    expectedFailure(error);
    return { version: undefined, unixSeconds: undefined };
  });
  const skew = 'at' in instant ? undefined : skewOf(instant.now, server.unixSeconds);
  const clock: Check[] =
    skew === undefined
      ? []
      : [{ name: 'clock', outcome: skew.tolerable ? 'ok' : 'warning', aheadSeconds: skew.aheadSeconds }];
  return [{ name: 'version', outcome: 'ok', version: server.version }, ...clock];
}

interface FoundLayout {
  readonly layout?: Layout;
  readonly failure?: Failure;
}

async function layoutOrFailure(
  source: MetricSource,
  unixSeconds: number,
  options: NamingOptions,
  journal: Journal,
): Promise<FoundLayout> {
  try {
    const found = await findNaming(source, unixSeconds, options, journal);
    return { layout: await measureLayout(source, unixSeconds, found, journal) };
  } catch (error) {
    return { failure: expectedFailure(error) };
  }
}

function podsCheck({ layout, failure }: FoundLayout): Check {
  const pods = layout === undefined ? 0 : countPods(layout);
  return { name: 'pods', outcome: failure === undefined ? 'ok' : 'failed', failure, pods };
}

/** What Prometheus said beside its answers: that it could not reach a part of what it knows, for one. */
function warningsCheck(journal: Journal): Check[] {
  const notices = journal.warnings();
  const texts = notices.flatMap((one) => (one.kind === 'prometheus-warning' ? [one.text] : []));
  const failures = notices.flatMap((one) => (one.kind === 'request-failed' ? [one.failure] : []));
  return texts.length + failures.length === 0 ? [] : [{ name: 'warnings', outcome: 'warning', texts, failures }];
}

const NAMESAKES = 'namesakes';

async function countMetrics(
  source: MetricSource,
  unixSeconds: number,
  layout: Layout,
  journal: Journal,
): Promise<{ metrics: MetricCount[]; namesakes: number }> {
  // Each metric by its exact name: some backends refuse a pattern over names.
  const metrics = new Map(SIGNALS.map(({ metric, exporter }) => [metric, exporter]));
  const promql = tagged([
    ...[...metrics].map(([metric, exporter]) => ({
      fact: metric,
      expression: `count(${exporterSeries(layout, exporter, metric)})`,
    })),
    { fact: NAMESAKES, expression: namesakesExpression(layout, REPLACED_SECONDS) },
  ]);
  const answer = await source.query(promql, unixSeconds);
  const counts = new Map(journal.answered(answer).map(({ labels, value }) => [labels['fact'] ?? '', value]));
  return { metrics: metricCounts(counts, featuresFrom), namesakes: counts.get(NAMESAKES) ?? 0 };
}

async function askCadvisor(
  source: MetricSource,
  unixSeconds: number,
  layout: Layout,
  journal: Journal,
): Promise<ToldByCadvisor> {
  const promql = cadvisorQuery(layout);
  if (promql === undefined) return NOTHING_TOLD;
  const series = await askOrNote(source, unixSeconds, journal, 'cadvisor', promql);
  return series === undefined ? NOTHING_TOLD : readCadvisor(series);
}

async function askSilentShards(
  source: MetricSource,
  unixSeconds: number,
  layout: Layout,
  journal: Journal,
): Promise<Counted['silentShards']> {
  const promql = requestQuery('copy-history', layout, { namespace: undefined, pods: undefined });
  const series = await askOrNote(source, unixSeconds, journal, 'copy-history', promql);
  // A store that was not reached may hold what seems to have fallen silent.
  if (series === undefined || journal.isPartial) return [];
  return silentShards(signalRows(layout, series).get('copy-history') ?? [], layout.copies);
}

async function failureOf(question: Promise<unknown>): Promise<Failure | undefined> {
  return question.then(() => undefined, expectedFailure);
}
