import { expect, test } from 'vitest';
import { scrapeInterval } from '../../../src/core/signals/layout.ts';

/** What a scrape leaves in the last three five minutes, the newest first, and in all. */
test.each([
  ['15 s', [20, 20, 20], 60, 15],
  ['30 s', [10, 10, 10], 30, 30],
  ['15 s, of which one scrape failed: the edge of a window counts as well', [21, 19, 20], 59, 300 / 21],
  ['60 s', [5, 5, 5], 15, 60],
  ['90 s: a window has three samples or four', [4, 3, 3], 10, 90],
  ['120 s', [3, 2, 3], 8, 112.5],
  ['300 s', [1, 1, 1], 3, 300],
  ['15 s, seven minutes of history', [20, 8, 0], 28, 15],
  ['15 s, ten minutes of history', [20, 20, 0], 40, 15],
  ['15 s, a pause of eight minutes that ended seven minutes ago', [20, 8, 0], 28, 15],
  ['15 s, a pause of four minutes that has just ended', [4, 20, 20], 44, 15],
  ['15 s, the exporter stopped four minutes ago', [5, 20, 20], 45, 15],
  ['60 s, eight minutes of history', [5, 3, 0], 8, 60],
  ['15 s, one minute of history: it is at most 75 s, which will do', [4, 0, 0], 4, 75],
  ['15 s, half a minute of history: two samples tell nothing', [2, 0, 0], 2, undefined],
  ['not measured', [0, 0, 0], 0, undefined],
])('a scrape interval of %s', (_, counts, all, seconds) => {
  expect(scrapeInterval(counts, all)).toBe(seconds);
});
