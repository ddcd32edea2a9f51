import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveIn } from '../../test/support/archive.ts';
import { evaluate, type Evaluation } from './evaluation.ts';
import { heldOutPredictions } from './held-out.ts';
import { refuse } from './refuse.ts';
import { recordingRows, trainingRows, type TrainingRow } from './rows.ts';

/** What the model that ships is made of. */
export const RECORDINGS: readonly string[] = ['run-a', 'run-b', 'run-c'].map((run) => `fixtures/recordings/${run}`);

/** Reads recordings, and measures the model on what was held out of each training. `use` gets the folder with rows.csv. */
export async function evaluateRecordings<T>(
  recordings: readonly string[],
  use: (scratch: string, evaluation: Evaluation) => T | Promise<T>,
): Promise<T> {
  const wanted = recordings.length === 0 ? RECORDINGS : recordings;
  for (const recording of wanted) assertRecording(recording);
  const [metrics, kubectl]: [TrainingRow[], TrainingRow[]] = [[], []];
  for (const recording of wanted) {
    console.error(`reading ${recording}`);
    // kpfd waits for Prometheus half of the time.
    const [told, printed] = await Promise.all([trainingRows(recording), recordingRows(recording, 'kubectl')]);
    metrics.push(...told);
    kubectl.push(...printed);
  }
  const scratch = mkdtempSync(join(tmpdir(), 'kpfd-train-'));
  try {
    console.error(`training on ${metrics.length} rows without what is then asked`);
    return await use(scratch, evaluate(metrics, kubectl, heldOutPredictions(metrics, scratch)));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function assertRecording(recording: string): void {
  const lacks = (file: string): never => refuse(`${recording} is no recording: it has no ${file}`);
  for (const file of ['status.jsonl.gz', 'faults.json']) if (!existsSync(join(recording, file))) lacks(file);
  if (archiveIn(recording) === undefined) lacks('tsdb.tar.gz and no tsdb.tar.xz');
}
