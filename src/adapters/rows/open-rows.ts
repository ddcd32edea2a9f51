import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { FailureError } from '../../core/failure.ts';
import type { RowBlock, RowSource } from '../../core/rows/row-source.ts';
import { RowsError } from '../../core/rows/rows-problem.ts';
import { codeOf } from '../error-code.ts';
import { unpacked } from '../gzip.ts';
import { peek } from '../byte-chunks.ts';

type RowsFormat = 'csv' | 'json';

interface RowsRequest {
  /** "-": what `stdin` gives. */
  readonly path: string;
  /** undefined: by the file's name, or else by its first character. */
  readonly format: RowsFormat | undefined;
  readonly stdin: () => Readable;
  readonly interrupted: AbortSignal;
}

const READ_BYTES = 256 * 1024;

/** Opens a file of rows, which may be packed with gzip. Nothing is read before the first block is wanted. */
export function openRows(request: RowsRequest): RowSource {
  return { name: request.path === '-' ? 'stdin' : basename(request.path), blocks: blocksOf(request) };
}

async function* blocksOf(request: RowsRequest): AsyncGenerator<RowBlock> {
  const chunks = plainBytesOf(request);
  const named = request.format ?? formatNamed(request.path);
  const { found, chunks: all } = named === undefined ? await peek(chunks, formatShown) : { found: named, chunks };
  if (found === 'json') {
    const { jsonRows } = await import('./json-rows.ts');
    yield* jsonRows(all);
  } else {
    const { csvRows } = await import('./csv-rows.ts');
    yield* csvRows(all);
  }
}

async function* bytesOf({ path, stdin, interrupted }: RowsRequest): AsyncGenerator<Buffer> {
  const stream = path === '-' ? stdin() : createReadStream(path, { highWaterMark: READ_BYTES });
  try {
    // Ending early closes the stream, and whoever writes to it is told.
    for await (const chunk of addAbortSignal(interrupted, stream)) {
      yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as string);
    }
  } catch (error) {
    if (interrupted.aborted) throw new FailureError({ kind: 'interrupted' }, error);
    throw new FailureError({ kind: 'file-unreadable', role: 'rows', path, code: codeOf(error) }, error);
  }
}

async function* plainBytesOf(request: RowsRequest): AsyncGenerator<Buffer> {
  try {
    yield* unpacked(bytesOf(request));
  } catch (error) {
    throw error instanceof FailureError ? error : new RowsError({ kind: 'gzip-damaged' }, error);
  }
}

function formatNamed(path: string): RowsFormat | undefined {
  const [, extension] = /\.(csv|json|jsonl|ndjson)(?:\.gz)?$/i.exec(path) ?? [];
  if (extension === undefined) return undefined;
  return extension.toLowerCase() === 'csv' ? 'csv' : 'json';
}

/** JSON begins with a bracket, behind white space and the byte order mark. */
function formatShown(start: Buffer): RowsFormat | undefined {
  const first = start.find((byte) => !SPACES.has(byte));
  if (first === undefined) return undefined;
  return first === 0x5b || first === 0x7b ? 'json' : 'csv';
}

const SPACES: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);
