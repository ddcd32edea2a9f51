import { Readable } from 'node:stream';
import { main } from '../../src/cli/main.ts';
import type { World } from '../../src/cli/world.ts';
import { folder } from './files.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Unix seconds; the real clock where missing. */
  readonly now?: number;
  /** Columns of a terminal on stdout; a pipe where missing. */
  readonly width?: number;
  /** What stdin gives; nothing where missing. */
  readonly stdin?: Iterable<string | Uint8Array>;
  readonly interrupted?: AbortSignal;
}

/** Runs kpfd in this process, in a world of its own: no config file, no environment but the given one. */
export async function kpfd(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written): World['stdout'] => ({
    write: (text) => {
      written[name] += text;
    },
    ready: async () => true,
    width: name === 'stdout' ? options.width : undefined,
    mayColour: name === 'stdout' && options.width !== undefined && options.env?.['NO_COLOR'] === undefined,
  });
  const code = await main(argv, {
    stdin: () => Readable.from(options.stdin ?? []),
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: { XDG_CONFIG_HOME: folder(), ...options.env },
    now: () => options.now ?? Date.now() / 1000,
    random: () => 0,
    interrupted: options.interrupted ?? new AbortController().signal,
    heard: () => undefined,
  });
  return { code, ...written };
}
