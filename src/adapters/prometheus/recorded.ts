import { readFile, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { isGzip } from '../gzip.ts';
import { isRecord } from '../../core/is-record.ts';
import { FailureError, type Failure } from '../../core/failure.ts';
import type { ConnectionStep } from '../../core/signals/metric-source.ts';
import { codeOf } from '../error-code.ts';
import type { Question, Reply, Transport } from './transport.ts';

/**
 * A recording: the instant, each question of a run, and what Prometheus answered or how the transport failed. It is
 * the fixture format, the demo and the bug report. It keeps no header and no user or password, so no credentials;
 * it does keep names of pods, nodes and namespaces.
 */
interface Recording {
  readonly format: typeof FORMAT;
  readonly kpfd: string;
  readonly command: string;
  readonly address: string;
  /** The clock of the machine that ran kpfd, in Unix seconds; --at, where it was given. */
  readonly now: number;
  readonly at?: number | undefined;
  readonly connection: readonly ConnectionStep[] | undefined;
  readonly exchanges: readonly Exchange[];
}

interface Exchange {
  readonly question: Question;
  readonly reply?: RecordedReply;
  readonly failure?: Failure;
}

/** A body that is the JSON that JSON.stringify would write is kept as such: readable, and the same bytes again. */
type RecordedReply = Omit<Reply, 'body'> & ({ readonly json: unknown } | { readonly text: string });

const FORMAT = 'kpfd-recording/1';
/** Text of more than about this length JavaScript cannot hold. */
const MAX_RECORDING_BYTES = 512 * 1024 * 1024 - 1024;

/** Passes questions on and keeps what comes back. */
export class RecordingTransport implements Transport {
  readonly #inner: Transport;
  readonly #exchanges: Exchange[] = [];
  #connection: ConnectionStep[] | undefined;
  readonly address: string;

  constructor(inner: Transport) {
    this.#inner = inner;
    this.address = inner.address;
  }

  async ask(question: Question): Promise<Reply> {
    // The place in the list is that of the question: answers come in any order.
    const place = this.#exchanges.push({ question }) - 1;
    try {
      const reply = await this.#inner.ask(question);
      this.#exchanges[place] = { question, reply: record(reply) };
      return reply;
    } catch (error) {
      if (error instanceof FailureError) this.#exchanges[place] = { question, failure: error.failure };
      throw error;
    }
  }

  async connect(): Promise<ConnectionStep[]> {
    this.#connection = await this.#inner.connect();
    return this.#connection;
  }

  /** Writes the file in one step, so that a failure leaves an older recording as it was. */
  async save(path: string, run: Pick<Recording, 'kpfd' | 'command' | 'now' | 'at'>): Promise<void> {
    const recording: Recording = {
      format: FORMAT,
      ...run,
      address: this.address,
      connection: this.#connection,
      exchanges: this.#exchanges.filter(({ reply, failure }) => reply !== undefined || failure !== undefined),
    };
    const text = `${JSON.stringify(recording, undefined, 1)}\n`;
    await replaceFile(path, path.endsWith('.gz') ? gzipSync(text) : text);
  }
}

/** Fails early, before anything is asked, where the recording could not be written in the end. */
export async function assertWritable(path: string): Promise<void> {
  try {
    if (path === '') throw Object.assign(new Error('no name'), { code: 'ENOENT' });
    const { kind, temporary: probe } = await placeOf(path);
    if (kind === 'folder') throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    if (kind === 'special') return;
    await writeFile(probe, '', { mode: 0o600 });
    await unlink(probe);
  } catch (error) {
    throw new FailureError({ kind: 'file-unwritable', role: 'recording', path, code: codeOf(error) }, error);
  }
}

/** Where a recording goes: through a link to the file it leads to, so that the link stays one. */
async function placeOf(
  path: string,
): Promise<{ kind: 'file' | 'folder' | 'special'; target: string; temporary: string }> {
  const known = await stat(path).catch(() => undefined);
  const target = await realpath(path).catch(() => path);
  const kind = known === undefined || known.isFile() ? 'file' : known.isDirectory() ? 'folder' : 'special';
  return { kind, target, temporary: `${target}.${process.pid}.tmp` };
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const { kind, target, temporary } = await placeOf(path);
  try {
    if (kind !== 'file') {
      // A pipe or a device is written to; a file in its place would be a loss.
      await writeFile(path, content);
      return;
    }
    // Names of pods and namespaces are nobody else's business.
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new FailureError({ kind: 'file-unwritable', role: 'recording', path, code: codeOf(error) }, error);
  }
}

/** Answers from a recording. A question that it lacks is a failure, never an empty answer. */
export class ReplayTransport implements Transport {
  readonly #path: string;
  readonly #recording: Recording;
  readonly #exchanges: ReadonlyMap<string, Exchange>;
  readonly address: string;
  readonly now: number;
  readonly at: number | undefined;

  private constructor(path: string, recording: Recording) {
    this.#path = path;
    this.#recording = recording;
    this.#exchanges = new Map(recording.exchanges.map((exchange) => [keyOf(exchange.question), exchange]));
    this.address = recording.address;
    this.now = recording.now;
    this.at = recording.at;
  }

  static async open(path: string): Promise<ReplayTransport> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      throw new FailureError({ kind: 'file-unreadable', role: 'recording', path, code: codeOf(error) }, error);
    }
    return new ReplayTransport(path, parseRecording(path, bytes));
  }

  async ask(question: Question): Promise<Reply> {
    const exchange = this.#exchanges.get(keyOf(question));
    if (exchange?.failure !== undefined) throw new FailureError(exchange.failure);
    if (exchange?.reply === undefined) throw this.#lacks(question.parameters['query'] ?? question.path);
    const { status, statusText, contentType, unixSeconds, retries } = exchange.reply;
    const body = 'json' in exchange.reply ? JSON.stringify(exchange.reply.json) : exchange.reply.text;
    return { status, statusText, contentType, unixSeconds, body, retries };
  }

  async connect(): Promise<ConnectionStep[]> {
    if (this.#recording.connection === undefined) throw this.#lacks('how the connection was made');
    return [...this.#recording.connection];
  }

  #lacks(question: string): FailureError {
    return new FailureError({ kind: 'recording-lacks', path: this.#path, question, command: this.#recording.command });
  }
}

function record(reply: Reply): RecordedReply {
  const { body, ...rest } = reply;
  try {
    const json: unknown = JSON.parse(body);
    if (JSON.stringify(json) === body) return { ...rest, json };
  } catch {
    // Not JSON: kept as text.
  }
  return { ...rest, text: body };
}

function keyOf(question: Question): string {
  return JSON.stringify([question.path, Object.entries(question.parameters).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function parseRecording(path: string, bytes: Uint8Array): Recording {
  const invalid = (problem: string, cause?: unknown): FailureError =>
    new FailureError({ kind: 'recording-invalid', path, problem }, cause);
  let document: unknown;
  try {
    const plain = isGzip(bytes) ? gunzipSync(bytes, { maxOutputLength: MAX_RECORDING_BYTES }) : bytes;
    document = JSON.parse(Buffer.from(plain).toString('utf8'));
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw invalid('it unfolds to more than 512 MiB', error);
    throw invalid('it is cut or is no JSON', error);
  }
  if (
    !isRecord(document) ||
    typeof document['format'] !== 'string' ||
    !document['format'].startsWith('kpfd-recording/')
  ) {
    throw invalid('it is no recording of kpfd');
  }
  if (document['format'] !== FORMAT)
    throw invalid(`its format is ${document['format']}, and this kpfd reads ${FORMAT}`);
  const { address, now, at, exchanges, command, connection } = document;
  if (typeof address !== 'string' || typeof now !== 'number' || typeof command !== 'string') {
    throw invalid('its address, instant or command is missing');
  }
  if (at !== undefined && typeof at !== 'number') throw invalid('its instant is damaged');
  if (!Array.isArray(exchanges) || !exchanges.every(isExchange)) throw invalid('an exchange in it is damaged');
  if (connection !== undefined && !(Array.isArray(connection) && connection.every(isStep)))
    throw invalid('its connection is damaged');
  return document as unknown as Recording;
}

function isExchange(value: unknown): boolean {
  if (!isRecord(value) || !isRecord(value['question'])) return false;
  const { path, parameters } = value['question'];
  if (typeof path !== 'string' || !isRecord(parameters)) return false;
  const { reply, failure } = value;
  if (isRecord(failure)) return isTransportFailure(failure);
  return (
    isRecord(reply) &&
    hasFields(reply, { status: 'number', statusText: 'string', contentType: 'string', retries: 'number' }) &&
    ['number', 'undefined'].includes(typeof reply['unixSeconds']) &&
    ('json' in reply || typeof reply['text'] === 'string')
  );
}

function isStep(value: unknown): boolean {
  return isRecord(value) && hasFields(value, { layer: 'string', outcome: 'string', detail: 'string' });
}

/** The failures that a transport has, with their fields: the words for them are made from these. */
const TRANSPORT_FAILURES: Readonly<Record<string, Readonly<Record<string, 'string' | 'number'>>>> = {
  usage: { problem: 'string' },
  'file-unreadable': { role: 'string', path: 'string', code: 'string' },
  'connection-refused': { address: 'string' },
  'host-unknown': { address: 'string', host: 'string' },
  'connection-lost': { address: 'string', code: 'string' },
  tls: { address: 'string', code: 'string', reason: 'string' },
  'request-timeout': { address: 'string', limitMs: 'number' },
  'run-timeout': { address: 'string', limitMs: 'number' },
  interrupted: {},
  redirected: { address: 'string', location: 'string' },
  'answer-cut': { address: 'string', bytes: 'number' },
  'answer-too-large': { address: 'string', limitBytes: 'number' },
};

function isTransportFailure(failure: Record<string, unknown>): boolean {
  const kind = String(failure['kind']);
  return Object.hasOwn(TRANSPORT_FAILURES, kind) && hasFields(failure, TRANSPORT_FAILURES[kind] ?? {});
}

function hasFields(value: Record<string, unknown>, fields: Readonly<Record<string, 'string' | 'number'>>): boolean {
  return Object.entries(fields).every(([name, type]) => typeof value[name] === type);
}
