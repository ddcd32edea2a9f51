import { spawnSync } from 'node:child_process';
import { python } from '../../test/support/python.ts';

/** Runs a script to its end; throws where it fails, after it has said why on stderr. */
export function runPython(script: string, args: readonly string[]): void {
  const { status, error } = spawnSync(python(), [script, ...args], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${script} ended with ${String(status)}`);
}
