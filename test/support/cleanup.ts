import { afterEach } from 'vitest';

const pending: (() => unknown)[] = [];

/** Runs when the test that calls it has ended, however it ended; the last first. */
export function after(work: () => unknown): void {
  pending.push(work);
}

afterEach(async () => {
  for (let work = pending.pop(); work !== undefined; work = pending.pop()) await work();
});
