import type { Failure } from '../core/failure.ts';
import { signalNamesOf, type Warning } from '../core/predictions/completeness.ts';
import type { RequestName } from '../core/signals/catalogue.ts';
import type { Answer, Series } from '../core/signals/metric-source.ts';

/** What is asked: a request of signals, or one about the layout. */
export type Asked = Extract<Warning, { kind: 'request-failed' }>['request'];

/** Something that a reader of the answer must know of how it came about. */
type Notice =
  | FailedRequest
  | { kind: 'prometheus-warning'; text: string }
  | { kind: 'split'; request: RequestName; parts: number }
  | { kind: 'retried'; retries: number };

interface FailedRequest {
  readonly kind: 'request-failed';
  readonly request: Asked;
  readonly failure: Failure;
}

/** Collects what happens while questions are asked; what happens again and again is told once. */
export class Journal {
  readonly #failures = new Map<string, FailedRequest>();
  readonly #warnings = new Set<string>();
  readonly #parts = new Map<RequestName, number>();
  #retries = 0;

  /** Keeps the warnings of an answer and passes its series on. */
  answered(answer: Answer): readonly Series[] {
    for (const warning of answer.warnings) this.#warnings.add(warning);
    this.#retries += answer.retries;
    return answer.series;
  }

  /** Whether a warning speaks of the answer (a store that could not be reached), and not of the question (PromQL). */
  get isPartial(): boolean {
    return [...this.#warnings].some((text) => !text.startsWith('PromQL '));
  }

  /** Whether an answer is a partial one for what is kept here. */
  get isIncomplete(): boolean {
    return this.#failures.size + this.#warnings.size > 0;
  }

  failed(request: Asked, failure: Failure): void {
    this.#keep({ kind: 'request-failed', request, failure });
  }

  /** Of failures of one kind one is told, whichever came first: their texts carry numbers and ids of the one request. */
  #keep(notice: FailedRequest): void {
    const { request, failure } = notice;
    const key = JSON.stringify([request, failure.kind, 'status' in failure ? failure.status : '']);
    const known = this.#failures.get(key);
    if (known === undefined || JSON.stringify(notice) < JSON.stringify(known)) this.#failures.set(key, notice);
  }

  /** What was collected at one instant of many. */
  include(other: Journal): void {
    for (const notice of other.#failures.values()) this.#keep(notice);
    for (const warning of other.#warnings) this.#warnings.add(warning);
    for (const [request, parts] of other.#parts)
      this.#parts.set(request, Math.max(this.#parts.get(request) ?? 1, parts));
    this.#retries += other.#retries;
  }

  /** One question became so many; its parts may be split again. */
  split(request: RequestName, into: number): void {
    this.#parts.set(request, (this.#parts.get(request) ?? 1) + into - 1);
  }

  /** What whoever reads the answer is told of it. */
  warnings(): Warning[] {
    return this.#notices().map((notice) =>
      notice.kind === 'request-failed'
        ? { ...notice, signals: signalNamesOf(notice.request), incomplete: true }
        : { ...notice, incomplete: notice.kind === 'prometheus-warning' },
    );
  }

  /** In an order that does not depend on which answer came first. */
  #notices(): Notice[] {
    const retried: Notice[] = this.#retries === 0 ? [] : [{ kind: 'retried', retries: this.#retries }];
    const warned = [...this.#warnings].sort().map((text): Notice => ({ kind: 'prometheus-warning', text }));
    const split = [...this.#parts].map(([request, parts]): Notice => ({ kind: 'split', request, parts }));
    const failed = [...this.#failures.values()];
    const rest = [...failed, ...split].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    return [...rest, ...warned, ...retried];
  }
}
