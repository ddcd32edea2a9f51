import { FailureError } from '../core/failure.ts';
import { copiesQuery, overlapsQuery, readCopies, type ExporterCopy } from '../core/signals/copies.ts';
import { intervalsQuery, readLayout, type Layout } from '../core/signals/layout.ts';
import type { MetricSource, Series } from '../core/signals/metric-source.ts';
import {
  CADVISOR_PROBE,
  jobsQuery,
  namesQuery,
  plainNamesQuery,
  readNaming,
  type Naming,
  type NamingOptions,
} from '../core/signals/naming.ts';
import { selector } from '../core/signals/promql.ts';
import { askOrNote } from './ask-or-note.ts';
import { expectedFailure } from './expected-failure.ts';
import { inPart } from './in-part.ts';
import type { Journal } from './journal.ts';

/** What must be known before anything else can be asked. */
export interface Found {
  readonly naming: Naming;
  readonly copies: readonly ExporterCopy[];
}

/** Finds out how this Prometheus names things. Rejects where there are no pods to speak of, and says why. */
export async function findNaming(
  source: MetricSource,
  unixSeconds: number,
  options: NamingOptions,
  journal: Journal,
): Promise<Found> {
  return inPart(source, journal, async () => askNaming(source, unixSeconds, options, journal));
}

async function askNaming(
  source: MetricSource,
  unixSeconds: number,
  options: NamingOptions,
  journal: Journal,
): Promise<Found> {
  const ask = async (promql: string): Promise<readonly Series[]> =>
    journal.answered(await source.query(promql, unixSeconds));
  // One answer does not need the other unless the user named a cluster, whose label must be known first.
  const early = options.cluster === undefined ? ask(namesQuery(options, undefined)) : undefined;
  early?.catch(() => undefined);
  const { copies, cluster } = readCopies(await ask(copiesQuery(options)), options);
  if (copies.length === 0) throw await silence(source, unixSeconds, options, journal);
  const names = await (early ?? ask(namesQuery(options, cluster)));
  const plainQuery = plainNamesQuery(options, cluster, names);
  const further = [plainQuery, jobsQuery(options, cluster, names)].filter((query) => query !== undefined);
  const told = await Promise.all(further.map(ask));
  return { naming: readNaming(options, cluster, [...names, ...told.flat()]), copies };
}

/** Measures how often exporters are scraped and which copies of kube-state-metrics are replicas of each other. */
export async function measureLayout(
  source: MetricSource,
  unixSeconds: number,
  { naming, copies }: Found,
  journal: Journal,
): Promise<Layout> {
  const promql = overlapsQuery(copies, naming);
  const [intervals, overlaps] = await Promise.all([
    askOrNote(source, unixSeconds, journal, 'scrape-interval', intervalsQuery(naming)),
    promql === undefined ? undefined : askOrNote(source, unixSeconds, journal, 'copies', promql),
  ]);
  return readLayout(naming, copies, intervals, overlaps);
}

/** kube_pod_info has no series: was it ever there, and is cAdvisor? */
async function silence(
  source: MetricSource,
  unixSeconds: number,
  options: NamingOptions,
  journal: Journal,
): Promise<FailureError> {
  const info = selector('kube_pod_info', [], options.ksmSelector);
  // 0: there is none; undefined: nobody could tell.
  const value = async (promql: string): Promise<number | undefined> => {
    try {
      const found = journal.answered(await source.query(promql, unixSeconds))[0]?.value;
      return found !== undefined && Number.isFinite(found) ? found : 0;
    } catch (error) {
      expectedFailure(error);
      return undefined;
    }
  };
  const [seenAt, cadvisorSeries, phaseSeries] = await Promise.all([
    value(`max(max_over_time(timestamp(${info})[1h:15s]))`),
    value(`count(${CADVISOR_PROBE})`),
    value(`count(${selector('kube_pod_status_phase', [], options.ksmSelector)})`),
  ]);
  return new FailureError({
    kind: 'pods-silent',
    address: source.address,
    atUnixSeconds: unixSeconds,
    selector: options.ksmSelector,
    lastSeenAgeSeconds: seenAt === 0 ? 'an hour or more' : seenAt === undefined ? undefined : unixSeconds - seenAt,
    cadvisorSeries,
    phaseSeries,
  });
}
