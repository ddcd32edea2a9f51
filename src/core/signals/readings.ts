import type { SignalName } from './catalogue.ts';
import { SIGNALS } from './catalogue.ts';
import type { Layout } from './layout.ts';
import type { GapReason, SignalRow } from './signal.ts';

/** Everything that was read at one instant: the rows of each signal, or why there are none. */
export interface Readings {
  readonly unixSeconds: number;
  readonly layout: Layout;
  readonly rows: ReadonlyMap<SignalName, readonly SignalRow[]>;
  /** Signals that are missing as a whole. */
  readonly gaps: ReadonlyMap<SignalName, GapReason>;
}

export function rowsOf(readings: Readings, signal: SignalName): readonly SignalRow[] {
  return readings.gaps.has(signal) ? [] : (readings.rows.get(signal) ?? []);
}

/**
 * The signals that cannot be read at all in this layout, whatever the answers say: the exporter is not there, or it
 * is scraped so rarely that fewer than four samples fall into the window (a rate over fewer is noise).
 */
export function gapsOfLayout(layout: Layout): Map<SignalName, GapReason> {
  const gaps = new Map<SignalName, GapReason>();
  for (const signal of SIGNALS) {
    const interval = layout.scrapeIntervalSeconds[signal.exporter];
    if (signal.exporter === 'cadvisor' && layout.cadvisorJobs.length === 0) {
      gaps.set(signal.name, { kind: 'exporter-absent', exporter: 'cadvisor' });
    } else if (signal.windowSeconds !== undefined && interval !== undefined && interval > signal.windowSeconds / 4) {
      gaps.set(signal.name, {
        kind: 'window-too-short',
        windowSeconds: signal.windowSeconds,
        intervalSeconds: interval,
      });
    }
  }
  return gaps;
}
