/**
 * npm run train -- [RECORDING…]: from recordings to models/default (model.json, metadata.json, MODEL_CARD.md). Needs
 * Prometheus, and Python with models/training/requirements.txt (in .venv, or named by KPFD_PYTHON).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { python } from '../../test/support/python.ts';

const RECORDINGS = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'kpfd-train-'));
const rows = join(scratch, 'rows.csv');
try {
  const recordings = RECORDINGS.length === 0 ? ['fixtures/recordings/run-a'] : RECORDINGS;
  run(process.execPath, ['--import', 'tsx', 'models/training/rows.ts', rows, ...recordings]);
  run(python(), ['models/training/train.py', rows, 'models/default']);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${String(status)}`);
}
