import type { Warning } from '../core/predictions/completeness.ts';
import type { MetricSource } from '../core/signals/metric-source.ts';
import { expectedFailure } from './expected-failure.ts';

/** When to look: at a time that the user named, or now by this machine's clock. Unix seconds. */
export type Instant = { readonly at: number } | { readonly now: number };

/** Clocks nearer than this are the same: Date has whole seconds, and a scrape takes its time. */
const TOLERATED_SKEW_SECONDS = 30;

/**
 * The one instant of the run. "Now" is by Prometheus' clock where the two differ: asked by a clock that runs ahead, it
 * would have no samples yet.
 */
export async function chooseInstant(
  source: MetricSource,
  instant: Instant,
): Promise<{ unixSeconds: number; skew: Warning[] }> {
  if ('at' in instant) return { unixSeconds: instant.at, skew: [] };
  const now = nowOf(instant);
  const server = await serverClock(source);
  const skew = skewOf(now, server);
  if (server === undefined || skew === undefined || skew.tolerable) return { unixSeconds: now, skew: [] };
  return { unixSeconds: server, skew: [{ kind: 'clock', aheadSeconds: skew.aheadSeconds, incomplete: false }] };
}

/** To the millisecond, which is as finely as Prometheus tells times apart. */
export function nowOf(instant: Instant): number {
  return 'at' in instant ? instant.at : Math.floor(instant.now * 1000) / 1000;
}

/** How far this machine's clock runs ahead of the server's; undefined where the server did not tell its own. */
export function skewOf(
  now: number,
  server: number | undefined,
): { aheadSeconds: number; tolerable: boolean } | undefined {
  if (server === undefined) return undefined;
  // The server's Date has whole seconds.
  const aheadSeconds = Math.floor(now) - server;
  return { aheadSeconds, tolerable: Math.abs(aheadSeconds) <= TOLERATED_SKEW_SECONDS };
}

/** Whatever is wrong with this first request, the questions that follow will say it better. */
async function serverClock(source: MetricSource): Promise<number | undefined> {
  try {
    return (await source.server()).unixSeconds;
  } catch (error) {
    expectedFailure(error);
    return undefined;
  }
}
