import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { FailureError } from '../core/failure.ts';
import { codeOf } from './error-code.ts';

/**
 * The config file's mapping. Rejects what is no YAML mapping.
 */
export async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new FailureError({ kind: 'file-unreadable', role: 'config file', path, code: codeOf(error) }, error);
  }
  let document: unknown;
  try {
    // The library would print its warnings, with an excerpt. Scalars stay texts: 1.40 is a version, 007 may be a user.
    document = parse(text, { logLevel: 'error', schema: 'failsafe', customTags: ['null'] });
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
