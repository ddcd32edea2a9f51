import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { peek } from './byte-chunks.ts';

/** Whether bytes begin as gzip does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The bytes themselves, or what is packed in them; ends with the error of the one who reads or unpacks. */
export async function* unpacked(bytes: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const { found, chunks } = await peek(bytes, (start) => (start.length < 2 ? undefined : isGzip(start)));
  yield* found === true ? gunzipped(chunks) : chunks;
}

async function* gunzipped(packed: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const source = Readable.from(packed);
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of source.pipe(gunzip)) yield chunk as Buffer;
  } finally {
    source.destroy();
  }
}
