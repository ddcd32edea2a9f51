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
  test(
    'NOW is what kubectl printed, but for what changed since or around the scrape',
    { timeout: 300_000 },
    async () => {
      const { pairs, untold } = await comparePolls('fixtures/recordings/run-a');
      expect(untold).toBe(0);
      expect(pairs.filter((own) => causeOf(own) === 'not explained')).toEqual([]);
      const shares = sharesOf(pairs);
      expect(shares.pairs).toBe(96_728); // as fixtures/recordings/README.md says
      expect(shares.agreementOutsideWindows).toBeGreaterThanOrEqual(0.9995);
      // What a plain rule of 40 lines reached on this recording at the scrape, and over all.
      expect(shares.agreementAtScrape).toBeGreaterThan(0.9985);
      expect(shares.agreement).toBeGreaterThan(0.9845);
    },
  );

  test('the same of another cluster, but for a time without kube-state-metrics', { timeout: 300_000 }, async () => {
    const { pairs, untold } = await comparePolls('fixtures/recordings/run-b');
    expect(pairs.filter((own) => causeOf(own) === 'not explained')).toEqual([]);
    const shares = sharesOf(pairs);
    expect(shares.pairs + untold).toBe(117_695); // as fixtures/recordings/README.md says
    // It was stopped for 68 of 4556 seconds, and needs a scrape to be seen again.
    expect(untold / (shares.pairs + untold)).toBeGreaterThan(0.01);
    expect(untold / (shares.pairs + untold)).toBeLessThan(0.03);
    expect(shares.agreementOutsideWindows).toBeGreaterThanOrEqual(0.9995);
    expect(shares.agreementAtScrape).toBeGreaterThanOrEqual(0.999);
  });

  test('the same of a third, of more pods', { timeout: 300_000 }, async () => {
    const { pairs, untold } = await comparePolls('fixtures/recordings/run-c');
    expect(untold).toBe(0);
    expect(pairs.filter((own) => causeOf(own) === 'not explained')).toEqual([]);
    const shares = sharesOf(pairs);
    expect(shares.pairs).toBe(156_443); // as fixtures/recordings/README.md says
    expect(shares.agreementOutsideWindows).toBeGreaterThanOrEqual(0.9995);
    expect(shares.agreementAtScrape).toBeGreaterThanOrEqual(0.999);
  });
});
