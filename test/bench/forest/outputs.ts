/** Are the outputs equal? That comes before how fast they are. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kpfdEntrant, openingOf, WHOLE_ROWS, type Contest, type Entrant } from './contests.ts';
import { FEATURES, ROWS, type Models } from './models.ts';
import type { Opening } from './player.ts';

/** One row, some rows and all rows at once: kpfd chooses another way for each. */
const CHECKED: readonly Asked[] = [
  [1, 300],
  [12, 40],
  [100, 20],
  [ROWS, 1],
];
const PEER_ROWS = 1000;

type Asked = readonly [count: number, blocks: number];

export interface Checked {
  /** Values that were compared. */
  readonly values: number;
  readonly differences: readonly string[];
  /** Who had no answer, and why. */
  readonly notes: readonly string[];
}

export interface Difference {
  readonly values: number;
  readonly differing: number;
  readonly largest: number;
}

/** What kpfd answers against what each XGBoost answers for a model. */
export async function check(
  contest: Contest,
  built: string,
  kernels: readonly string[],
  models: Models,
): Promise<Checked> {
  const opening = openingOf(contest, models);
  const notes: string[] = [];
  const answersOf = async (entrant: Entrant, asked: readonly Asked[]): Promise<Float32Array[]> => {
    const answers = await ask(entrant, opening, asked);
    if (typeof answers !== 'string') return answers;
    notes.push(`${contest.model}: ${entrant.name}: ${answers}`);
    return [];
  };
  const truths = await inTurn(contest.natives, async (native) => ({
    native: native.name,
    answers: await answersOf(native, [[ROWS, 1]]),
  }));
  let values = 0;
  const differences: string[] = [];
  for (const kernel of kernels) {
    const answers = await answersOf(kpfdEntrant(built, kernel), CHECKED);
    for (const [i, found] of answers.entries()) {
      for (const { native, answers: wanted } of truths) {
        if (wanted[0] === undefined) continue;
        const { differing, largest } = compare(found, wanted[0].subarray(0, found.length));
        values += found.length;
        if (differing === 0) continue;
        const how = `${differing} of ${found.length} values differ, by ${largest} at most`;
        differences.push(`${contest.model}: ${kernel}, ${CHECKED[i]?.[0]} rows at once, against ${native}: ${how}`);
      }
    }
  }
  return { values, differences, notes };
}

/** What a peer answers against the first XGBoost there is; or why there is nothing. */
export async function checkPeer(contest: Contest, peer: Entrant, models: Models): Promise<Difference | string> {
  const native = contest.natives[0];
  if (native === undefined) return 'there is no XGBoost to compare with';
  const truth = await ask(native, openingOf(contest, models, peer.rows), [[PEER_ROWS, 1]]);
  if (typeof truth === 'string') return truth;
  const answers = await ask(peer, openingOf(contest, models, peer.rows), [[PEER_ROWS, 1]]);
  return typeof answers === 'string' ? answers : compare(answers[0] as Float32Array, truth[0] as Float32Array);
}

/** The rows in which every value is there, again and again until there are as many as before. */
export function writeWholeRows({ folder }: Models): void {
  const rows = new Float32Array(Uint8Array.from(readFileSync(join(folder, 'rows.bin'))).buffer);
  const whole: Float32Array[] = [];
  for (let start = 0; start < rows.length; start += FEATURES) {
    const row = rows.subarray(start, start + FEATURES);
    if (!row.some(Number.isNaN)) whole.push(row);
  }
  const repeated = new Float32Array(rows.length);
  for (let row = 0; row < ROWS; row++) repeated.set(whole[row % whole.length] as Float32Array, row * FEATURES);
  writeFileSync(join(folder, WHOLE_ROWS), repeated);
}

async function ask(entrant: Entrant, opening: Opening, asked: readonly Asked[]): Promise<Float32Array[] | string> {
  const player = entrant.start();
  try {
    await player.open(opening);
    return await inTurn(asked, async ([count, blocks]) => player.predict(count, blocks));
  } catch (error) {
    return (error as Error).message;
  } finally {
    await player.close();
  }
}

async function inTurn<T, U>(items: readonly T[], act: (item: T) => Promise<U>): Promise<U[]> {
  const done: U[] = [];
  for (const item of items) done.push(await act(item));
  return done;
}

/** Bit for bit. */
function compare(found: Float32Array, wanted: Float32Array): Difference {
  const foundBits = new Int32Array(found.buffer, found.byteOffset, found.length);
  const wantedBits = new Int32Array(wanted.buffer, wanted.byteOffset, wanted.length);
  const both = Math.min(found.length, wanted.length);
  let differing = Math.max(found.length, wanted.length) - both;
  let largest = 0;
  for (let i = 0; i < both; i++) {
    if (foundBits[i] === wantedBits[i]) continue;
    differing++;
    largest = Math.max(largest, Math.abs((found[i] as number) - (wanted[i] as number)));
  }
  return { values: wanted.length, differing, largest };
}
