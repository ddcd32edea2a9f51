/** Judges mutants one after the other, and tells by shared memory which it is at: the other thread watches the time. */
import { parentPort, workerData } from 'node:worker_threads';
import { Campaign } from './campaign.ts';

export interface Task {
  readonly seed: number;
  /** Mutants [first, end). */
  readonly first: number;
  readonly end: number;
  readonly seconds: number;
  /** The number of the mutant that is being judged, written by the worker. */
  readonly current: Int32Array;
}

/** Mutants of a kind. */
export interface Tally {
  mutants: number;
  loaded: number;
  refused: number;
  findings: number;
}

export type Report =
  | { readonly what: 'progress' | 'end'; readonly tallies: ReadonlyMap<string, Tally> }
  | { readonly what: 'finding'; readonly number: number; readonly finding: string };

const MILLISECONDS_BETWEEN_REPORTS = 2000;

/** The kind and how many mutants of it there were, whether they were read, and whether that was wrong. */
function count(tallies: Map<string, Tally>, kind: string, isLoaded: boolean, isFinding: boolean): void {
  const tally = tallies.get(kind) ?? { mutants: 0, loaded: 0, refused: 0, findings: 0 };
  tallies.set(kind, tally);
  tally.mutants++;
  tally[isLoaded ? 'loaded' : 'refused']++;
  if (isFinding) tally.findings++;
}

function run({ seed, first, end, seconds, current }: Task, tell: (report: Report) => void): void {
  const campaign = new Campaign(seed);
  const tallies = new Map<string, Tally>();
  const last = performance.now() + 1000 * seconds;
  let nextReport = 0;
  for (let number = first; number < end; number++) {
    const now = performance.now();
    if (now > last) break;
    if (now > nextReport) {
      tell({ what: 'progress', tallies });
      nextReport = now + MILLISECONDS_BETWEEN_REPORTS;
    }
    Atomics.store(current, 0, number);
    const mutant = campaign.mutant(number);
    const { isLoaded, finding } = campaign.judge(mutant);
    count(tallies, mutant.kind, isLoaded, finding !== undefined);
    if (finding !== undefined) tell({ what: 'finding', number, finding });
  }
  tell({ what: 'end', tallies });
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin, a window has
run(workerData as Task, (report) => parentPort?.postMessage(report));
