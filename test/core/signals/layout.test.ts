import { expect, test } from 'vitest';
import { scrapeInterval } from '../../../src/core/signals/layout.ts';

/** 900 s and 300 s divided by what a steady scrape leaves in them. */
test.each([
  ['15 s', 20, 60, 15],
  ['30 s', 10, 30, 30],
  ['60 s', 5, 15, 60],
  ['90 s: the short window has three samples or four', 4, 10, 90],
  ['120 s', 3, 8, 112.5],
  ['15 s, seven minutes of history: the long window is not full', 20, 28, 15],
  ['15 s, one minute of history: it is at most 75 s, which will do', 4, 4, 75],
  ['15 s, half a minute of history: two samples tell nothing', 2, 2, undefined],
  ['not measured', undefined, undefined, undefined],
])('a scrape interval of %s', (_, short, long, seconds) => {
  expect(scrapeInterval(short, long)).toBe(seconds);
});
