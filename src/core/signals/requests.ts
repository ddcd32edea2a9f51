import { SIGNALS, type RequestName, type Signal, type SignalName } from './catalogue.ts';
import type { Series } from './metric-source.ts';
import { canonicalLabels, type Naming } from './naming.ts';
import { by, tagged } from './promql.ts';
import { QueryWriter, type Part } from './query-writer.ts';
import type { Scope, SignalRow } from './signal.ts';

/**
 * The requests in the order in which they are sent: the pods first, because everything hangs on them, then what looks
 * back and takes Prometheus long, so that no long one is left alone at the end.
 */
export const REQUESTS: readonly RequestName[] = [...new Set(SIGNALS.map((signal) => signal.request))].sort(
  (a, b) => rank(a) - rank(b),
);

function rank(request: RequestName): number {
  if (request === 'pods') return 0;
  return signalsOf(request).some((signal) => signal.windowSeconds !== undefined) ? 1 : 2;
}

export function signalsOf(request: RequestName): Signal[] {
  return SIGNALS.filter((signal) => signal.request === request);
}

/** The PromQL of one request. `part` narrows it further; signals of nodes and owners have no parts. */
export function requestQuery(request: RequestName, naming: Naming, scope: Scope, part?: Part): string {
  return tagged(
    signalsOf(request).map((signal) => {
      const writer = new QueryWriter(signal.exporter, naming, scope, part);
      const labels = [...writer.keys(signal.subject), ...signal.labels.map((label) => writer.name(label))];
      const seconds = signal.windowSeconds ?? 0;
      const expression =
        signal.raw !== undefined
          ? signal.raw(writer, seconds)
          : by('max', labels, signal.expression?.(writer, seconds) ?? '');
      return { fact: signal.name, expression };
    }),
  );
}

/** Sorts an answer to `requestQuery` by signal, with every label under its canonical name. */
export function signalRows(naming: Naming, series: readonly Series[]): Map<SignalName, SignalRow[]> {
  const rows = new Map<SignalName, SignalRow[]>();
  for (const one of series) {
    const signal = SIGNALS_BY_NAME.get(one.labels['fact'] ?? '');
    if (signal === undefined) continue;
    const own = rows.get(signal.name);
    const labels = canonicalLabels(naming, signal.exporter, one.labels);
    // There are tens of thousands of them in a large cluster, and mostly nothing has another name.
    const row = labels === one.labels ? one : { labels, value: one.value };
    if (own === undefined) rows.set(signal.name, [row]);
    else own.push(row);
  }
  return rows;
}

const SIGNALS_BY_NAME: ReadonlyMap<string, Signal> = new Map(SIGNALS.map((signal) => [signal.name, signal]));
