/** Bytes as they come, and the start of them already looked at. */
interface Peeked<T> {
  /** undefined where there are too few bytes, or too many without an answer. */
  readonly found: T | undefined;
  /** All bytes, those looked at among them. */
  readonly chunks: AsyncGenerator<Buffer>;
}

/** Nobody puts so much white space before the first row. */
const LONGEST_START = 64 * 1024;

/** Reads as many bytes as `decide` needs to tell something; a pipe may give them one by one. */
export async function peek<T>(
  source: AsyncGenerator<Buffer>,
  decide: (start: Buffer) => T | undefined,
): Promise<Peeked<T>> {
  let found: T | undefined;
  let start: Buffer = Buffer.alloc(0);
  while (found === undefined && start.length < LONGEST_START) {
    const next = await source.next();
    if (next.done === true) break;
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
    found = decide(start);
  }
  return { found, chunks: again(start, source) };
}

async function* again(start: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (start.length > 0) yield start;
    yield* rest;
  } finally {
    // Whoever ends early, ends while `start` is given out, too.
    await rest.return(undefined);
  }
}
