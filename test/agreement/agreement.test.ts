import { expect, test } from 'vitest';
import { describeWith } from '../support/tools.ts';
import { causeOf, comparePolls, sharesOf, type Pair } from './agreement.ts';

const pair: Pair = {
  pod: 'shop/cart',
  unixSeconds: 0,
  kubectl: 'Running',
  kpfd: 'Running',
  outsideWindows: true,
  equalAtScrape: true,
  changedAroundScrape: false,
};

test.each([
  ['they agree', {}, undefined],
  ['kubectl moved on since the scrape', { kubectl: 'Error' }, 'changed since the scrape'],
  [
    'a state that no poll saw',
    { kpfd: 'Error', equalAtScrape: false, changedAroundScrape: true },
    'changed around the scrape',
  ],
  ['nothing changed, and they differ', { kpfd: 'Error', equalAtScrape: false }, 'not explained'],
])('the cause of a difference: %s', (_, difference, cause) => {
  expect(causeOf({ ...pair, ...difference })).toBe(cause);
});

describeWith(['prometheus', 'tar with xz'], 'on a recorded cluster', () => {
  /** The shares of a recording, and how many pairs could not be told; every difference must have its cause. */
  async function compared(recording: string): Promise<ReturnType<typeof sharesOf> & { untold: number }> {
    const { pairs, untold } = await comparePolls(`fixtures/recordings/${recording}`);
    expect(pairs.filter((own) => causeOf(own) === 'not explained')).toEqual([]);
    const shares = sharesOf(pairs);
    expect(shares.agreementOutsideWindows).toBeGreaterThanOrEqual(0.9995);
    return { ...shares, untold };
  }

  // How many pairs there are is what fixtures/recordings/README.md says.
  test(
    'NOW is what kubectl printed, but for what changed since or around the scrape',
    { timeout: 300_000 },
    async () => {
      const shares = await compared('run-a');
      expect([shares.pairs, shares.untold]).toEqual([96_728, 0]);
      // What a plain rule of 40 lines reached on this recording at the scrape, and over all.
      expect(shares.agreementAtScrape).toBeGreaterThan(0.9985);
      expect(shares.agreement).toBeGreaterThan(0.9845);
    },
  );

  test('the same of another cluster, but for a time without kube-state-metrics', { timeout: 300_000 }, async () => {
    const { pairs, untold, agreementAtScrape } = await compared('run-b');
    expect(pairs + untold).toBe(117_695);
    // It was stopped for 68 of 4556 seconds, and needs a scrape to be seen again.
    expect(untold / (pairs + untold)).toBeGreaterThan(0.01);
    expect(untold / (pairs + untold)).toBeLessThan(0.03);
    expect(agreementAtScrape).toBeGreaterThanOrEqual(0.999);
  });

  test('the same of a third, of more pods', { timeout: 300_000 }, async () => {
    const { pairs, untold, agreementAtScrape } = await compared('run-c');
    expect([pairs, untold]).toEqual([156_443, 0]);
    expect(agreementAtScrape).toBeGreaterThanOrEqual(0.999);
  });
});
