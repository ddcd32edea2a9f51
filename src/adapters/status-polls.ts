import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { isRecord } from '../core/is-record.ts';
import { FailureError } from '../core/failure.ts';
import { foldStatus } from '../core/pods/status.ts';
import type { Observation, Poll } from '../core/predictions/observation.ts';
import { codeOf } from './error-code.ts';
import { unpacked } from './gzip.ts';

/**
 * What kubectl printed over time, from a file of JSON Lines, gzip or not, in order of time:
 * `{"t": unix seconds, "pods": {"namespace/name": [READY, STATUS, RESTARTS, …]}}`. It is read as a stream. The iterator
 * rejects with a FailureError.
 */
export async function* openPolls(path: string): AsyncGenerator<Poll> {
  let line = 0;
  let last = Number.NEGATIVE_INFINITY;
  const invalid = (problem: string, cause?: unknown): FailureError =>
    new FailureError({ kind: 'labels-unusable', path, line, problem }, cause);
  try {
    for await (const text of linesOf(path)) {
      line += 1;
      if (text.trim() === '') continue;
      const poll = readPoll(text);
      if (typeof poll === 'string') throw invalid(poll);
      if (poll.unixSeconds < last) throw invalid('it is earlier than the line before');
      last = poll.unixSeconds;
      yield poll;
    }
  } catch (error) {
    if (error instanceof FailureError) throw error;
    const code = codeOf(error);
    if (code.startsWith('Z_')) throw invalid('the file is packed with gzip, and cut off or damaged', error);
    throw new FailureError({ kind: 'file-unreadable', role: 'labels file', path, code }, error);
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const plain = Readable.from(unpacked(bytesOf(path)));
  // An error of the stream does not reach whoever reads its lines.
  const lines = createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY });
  let failure: Error | undefined;
  plain.once('error', (error) => {
    failure = error;
    lines.close();
  });
  try {
    yield* lines;
    if (failure !== undefined) throw failure;
  } finally {
    plain.destroy();
  }
}

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path)) yield chunk as Buffer;
}

/** The poll, or what is wrong with the line. */
function readPoll(text: string): Poll | string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return 'it is no JSON';
  }
  if (!isRecord(document) || typeof document['t'] !== 'number' || !isRecord(document['pods'])) {
    return 'it lacks "t" or "pods"';
  }
  const unixSeconds = document['t'];
  const pods = new Map<string, Observation>();
  for (const [key, printed] of Object.entries(document['pods'])) {
    if (!Array.isArray(printed) || typeof printed[1] !== 'string') return `${JSON.stringify(key)} has no STATUS`;
    const now = printed[1];
    const restarts = readRestarts(printed[2]);
    if (Number.isNaN(restarts)) return `${JSON.stringify(key)} has RESTARTS that are no number`;
    const leaving = now === 'Terminating';
    pods.set(key, { unixSeconds, uid: undefined, now, status: foldStatus(now, undefined), leaving, restarts });
  }
  return { unixSeconds, seenAtUnixSeconds: unixSeconds, pods };
}

/** A number, or as kubectl prints it: "4" or "4 (5m ago)". undefined where nothing is told, NaN where it is neither. */
function readRestarts(printed: unknown): number | undefined {
  if (printed === undefined || printed === null) return undefined;
  if (typeof printed === 'number') return printed;
  const [, count] = (typeof printed === 'string' && /^(\d+)(?: \(.*\))?$/.exec(printed)) || [];
  return count === undefined ? Number.NaN : Number(count);
}
