import { isRecord } from '../../core/is-record.ts';
import { FailureError } from '../../core/failure.ts';
import type { Answer, RangeAnswer, RangeSeries, Series, Steps } from '../../core/signals/metric-source.ts';
import type { Reply } from './transport.ts';

/**
 * Reads what Prometheus replied to an instant query and trusts nothing: a proxy's login page, a cut body and a query
 * that was refused each become the failure that names them.
 */
export function decodeAnswer(reply: Reply, address: string): Answer {
  const document = decodeDocument(reply, address);
  const series = readResult(document, address, 'vector', readSeries);
  return { series, warnings: readWarnings(document), retries: reply.retries };
}

/** The same for a range query: every series on the steps that were asked for. */
export function decodeRange(reply: Reply, address: string, steps: Steps): RangeAnswer {
  const document = decodeDocument(reply, address);
  const series = readResult(document, address, 'matrix', (element) => readRangeSeries(element, steps));
  return { series, warnings: readWarnings(document), retries: reply.retries };
}

function readResult<T>(
  document: Record<string, unknown>,
  address: string,
  type: 'vector' | 'matrix',
  read: (element: unknown) => T | undefined,
): T[] {
  const malformed = (problem: string): FailureError => new FailureError({ kind: 'answer-malformed', address, problem });
  const data = document['data'];
  if (!isRecord(data)) throw malformed('it has no "data"');
  if (data['resultType'] !== type) throw malformed(`its result is ${shown(data['resultType'])}, not a ${type}`);
  if (!Array.isArray(data['result'])) throw malformed('its result is no list');
  return data['result'].map((element: unknown, i): T => {
    const one = read(element);
    if (one === undefined)
      throw malformed(`element ${i} of its result is no ${type === 'vector' ? 'sample' : 'series'}`);
    return one;
  });
}

/** The envelope that every answer of Prometheus' API has. */
export function decodeDocument(reply: Reply, address: string): Record<string, unknown> {
  const { status, statusText, contentType, body } = reply;
  const document = parse(body);
  if (document === undefined) {
    if (status < 200 || status > 299) {
      throw new FailureError({ kind: 'http-status', address, status, statusText, excerpt: excerpt(body) });
    }
    if (looksLikeJson(body)) throw new FailureError({ kind: 'answer-cut', address, bytes: body.length });
    throw new FailureError({ kind: 'not-json', address, contentType, excerpt: excerpt(body) });
  }
  if (isRecord(document) && document['status'] === 'success' && status >= 200 && status <= 299) return document;
  if (isRecord(document) && document['status'] === 'error') {
    throw new FailureError({
      kind: 'query-refused',
      address,
      status,
      errorType: textOf(document['errorType']),
      error: textOf(document['error']),
    });
  }
  if (status < 200 || status > 299) {
    throw new FailureError({ kind: 'http-status', address, status, statusText, excerpt: excerpt(body) });
  }
  throw new FailureError({ kind: 'answer-malformed', address, problem: 'it has no "status"' });
}

function readSeries(element: unknown): Series | undefined {
  if (!isRecord(element) || !isLabelSet(element['metric']) || !Array.isArray(element['value'])) return undefined;
  const text: unknown = element['value'][1];
  if (typeof text !== 'string') return undefined;
  const value = readValue(text);
  return value === undefined ? undefined : { labels: element['metric'], value };
}

function readRangeSeries(element: unknown, { start, step, count }: Steps): RangeSeries | undefined {
  if (!isRecord(element) || !isLabelSet(element['metric']) || !Array.isArray(element['values'])) return undefined;
  const values = new Float64Array(count);
  const present = new Uint8Array(count);
  for (const sample of element['values'] as readonly unknown[]) {
    if (!Array.isArray(sample) || typeof sample[0] !== 'number' || typeof sample[1] !== 'string') return undefined;
    const value = readValue(sample[1]);
    const i = Math.round((sample[0] - start) / step);
    // A sample beside the steps would be taken for that of another instant.
    if (value === undefined || !(i >= 0 && i < count) || Math.abs(start + i * step - sample[0]) > 0.001)
      return undefined;
    values[i] = value;
    present[i] = 1;
  }
  return { labels: element['metric'], values, present };
}

function isLabelSet(value: unknown): value is Record<string, string> {
  if (!isRecord(value)) return false;
  for (const name in value) if (typeof value[name] !== 'string') return false;
  return true;
}

/** Prometheus writes +Inf, -Inf and NaN beside decimal numbers. */
function readValue(text: string): number | undefined {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'NaN') return Number.NaN;
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? undefined : value;
}

function readWarnings(document: Record<string, unknown>): string[] {
  const warnings = document['warnings'];
  const texts = Array.isArray(warnings) ? warnings.filter((w): w is string => typeof w === 'string') : [];
  // VictoriaMetrics' cluster says so outside of the warnings.
  return document['isPartial'] === true ? [...texts, 'the response is partial'] : texts;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function looksLikeJson(body: string): boolean {
  return /^\s*[{[]/.test(body);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `a ${value}` : 'missing';
}

const EXCERPT_LENGTH = 200;

/** The start of a body that is no answer, in one line and without markup. */
function excerpt(body: string): string {
  const text = body
    .slice(0, 20 * EXCERPT_LENGTH)
    .replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return text.length <= EXCERPT_LENGTH ? text : `${text.slice(0, EXCERPT_LENGTH)}…`;
}
