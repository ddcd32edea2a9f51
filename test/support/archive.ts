import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A recording's archive of Prometheus' blocks, packed in any way that tar unpacks by itself; undefined where there is none. */
export function archiveIn(recording: string): string | undefined {
  const name = readdirSync(recording).find((file) => /^tsdb\.tar\.(gz|xz|zst)$/.test(file));
  return name === undefined ? undefined : join(recording, name);
}

/** Unpacks the blocks of a recording to `folder`/tsdb. */
export function unpackBlocks(recording: string, folder: string): void {
  execFileSync('tar', ['xf', known(recording), '-C', folder]);
}

/** The text of the files of an archive whose names match the pattern, one after the other. */
export function readPacked(recording: string, pattern: string): string {
  return execFileSync('tar', ['xOf', known(recording), '--wildcards', pattern], { encoding: 'utf8' });
}

function known(recording: string): string {
  const archive = archiveIn(recording);
  if (archive === undefined) throw new Error(`${recording} has no tsdb.tar.gz and no tsdb.tar.xz`);
  return archive;
}
