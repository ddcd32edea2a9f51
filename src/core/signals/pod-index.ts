import type { SignalName } from './catalogue.ts';
import type { SignalRow } from './signal.ts';

type Signals = Map<SignalName, SignalRow[]>;

const NO_SIGNALS: ReadonlyMap<SignalName, readonly SignalRow[]> = new Map();

/** The rows of signals by pod, put in as answers come: while Prometheus works on the next ones there is time for it. */
export class PodIndex {
  /** namespace -> pod -> signal -> rows: a key of both names would have to be made and hashed for each row. */
  readonly #byNamespace = new Map<string, Map<string, Signals>>();

  add(signal: SignalName, rows: readonly SignalRow[]): void {
    for (const row of rows) {
      const signals = this.#signalsOf(row.labels['namespace'] ?? '', row.labels['pod'] ?? '');
      const own = signals.get(signal);
      if (own === undefined) signals.set(signal, [row]);
      else own.push(row);
    }
  }

  #signalsOf(namespace: string, pod: string): Signals {
    let pods = this.#byNamespace.get(namespace);
    if (pods === undefined) this.#byNamespace.set(namespace, (pods = new Map()));
    let signals = pods.get(pod);
    if (signals === undefined) pods.set(pod, (signals = new Map()));
    return signals;
  }

  /** Signal -> the rows of the pods of that name. */
  of(namespace: string, pod: string): ReadonlyMap<SignalName, readonly SignalRow[]> {
    return this.#byNamespace.get(namespace)?.get(pod) ?? NO_SIGNALS;
  }
}
