import type { SignalName } from './catalogue.ts';
import { SIGNALS } from './catalogue.ts';
import { namesOf, type Layout } from './layout.ts';
import type { Naming } from './naming.ts';
import type { PodIndex } from './pod-index.ts';
import type { GapReason, SignalRow } from './signal.ts';

/** Everything that was read at one instant: the rows of each signal, or why there are none. */
export interface Readings {
  readonly unixSeconds: number;
  readonly layout: Layout;
  readonly rows: ReadonlyMap<SignalName, readonly SignalRow[]>;
  /** The same rows by pod; those of signals that are missing among them. */
  readonly byPod: PodIndex;
  /** Signals that are missing as a whole. */
  readonly gaps: ReadonlyMap<SignalName, GapReason>;
  /** Prometheus said that some of its answers may lack series. */
  readonly isPartial: boolean;
}

export function rowsOf(readings: Readings, signal: SignalName): readonly SignalRow[] {
  return readings.gaps.has(signal) ? [] : (readings.rows.get(signal) ?? []);
}

/** What was answered, before it is known how often the exporters are scraped. */
export interface SignalAnswers {
  readonly rows: ReadonlyMap<SignalName, readonly SignalRow[]>;
  readonly byPod: PodIndex;
  readonly gaps: ReadonlyMap<SignalName, GapReason>;
}

export function composeReadings(
  unixSeconds: number,
  layout: Layout,
  { rows, byPod, gaps }: SignalAnswers,
  isPartial = false,
): Readings {
  return { unixSeconds, layout, rows, byPod, gaps: new Map([...gaps, ...gapsOfLayout(layout)]), isPartial };
}

/** The signals of an exporter that is not there. */
export function gapsOfNaming({ cadvisorJobs }: Naming): Map<SignalName, GapReason> {
  const absent = cadvisorJobs.length > 0 ? [] : SIGNALS.filter(({ exporter }) => exporter === 'cadvisor');
  return new Map(absent.map(({ name, exporter }) => [name, { kind: 'exporter-absent', exporter }]));
}

/** Windows of one and two minutes are for those who scrape often; the model knows that others have none. */
export const FAST_WINDOW_SECONDS = 120;

/** A scrape that failed now and then makes the measured interval longer than it is. */
const INTERVAL_TOLERANCE = 1.05;

/**
 * The signals that are worth nothing here, whatever the answers say. Some exporter is scraped so rarely that fewer than
 * four samples fall into the window (a rate over fewer is noise). Or no pod anywhere has a series: then the metric is
 * dropped on its way, and nothing tells which pods have a limit, or are ready.
 */
export function gapsOfLayout({
  scrapeIntervalSeconds,
  cadvisorJobs,
  absentMetrics,
}: Layout): Map<SignalName, GapReason> {
  const gaps = new Map<SignalName, GapReason>();
  for (const { name, exporter, windowSeconds, metric, withoutSeries } of SIGNALS) {
    const intervalSeconds = scrapeIntervalSeconds[exporter];
    if (exporter === 'cadvisor' && cadvisorJobs.length === 0) continue;
    if (
      windowSeconds !== undefined &&
      intervalSeconds !== undefined &&
      intervalSeconds > (INTERVAL_TOLERANCE * windowSeconds) / 4
    ) {
      gaps.set(name, { kind: 'window-too-short', windowSeconds, intervalSeconds });
    }
    if (withoutSeries === 'missing' && namesOf(metric).every((one) => absentMetrics.has(one))) {
      gaps.set(name, { kind: 'metric-absent', metric });
    }
  }
  return gaps;
}
