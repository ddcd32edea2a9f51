import { readFile } from 'node:fs/promises';
import { FailureError } from '../core/failure.ts';
import { codeOf } from './prometheus/error-code.ts';

/**
 * The config file's mapping; empty where the file does not exist. Rejects what is no YAML mapping. yaml is loaded only
 * where there is a file: most runs have none.
 */
export async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new FailureError({ kind: 'file-unreadable', role: 'config file', path, code }, error);
  }
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    // The library's message goes on with an excerpt of the file, which may hold a secret.
    const problem = error instanceof Error ? error.message.split('\n')[0]?.replace(/:$/, '') : undefined;
    throw new FailureError({ kind: 'config-invalid', path, problem: problem ?? 'it is no YAML' }, error);
  }
  if (document === null || document === undefined) return {};
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new FailureError({ kind: 'config-invalid', path, problem: 'it is no mapping of names to values' });
  }
  return document as Record<string, unknown>;
}
