import { expect, test } from 'vitest';
import { scrapeInterval } from '../../../src/core/signals/layout.ts';

/** What a scrape leaves in the last 5 and the last 15 minutes. */
test.each([
  ['15 s', 20, 60, 15],
  ['15 s, of which one scrape failed: the edge of a window counts as well', 21, 59, 300 / 21],
  ['30 s', 10, 30, 30],
  ['60 s', 5, 15, 60],
  ['90 s: the short window has three samples or four', 4, 10, 90],
  ['120 s', 3, 8, 112.5],
  ['300 s', 1, 3, 300],
  ['15 s, seven minutes of history', 20, 28, 15],
  ['15 s, ten minutes of history', 20, 40, 15],
  ['15 s, a pause of eight minutes that ended seven minutes ago', 20, 28, 15],
  ['15 s, a pause of four minutes that has just ended', 4, 44, 15],
  ['15 s, the exporter stopped four minutes ago', 5, 45, 15],
  ['15 s, the exporter stopped six minutes ago', 0, 36, 600 / 36],
  ['60 s, eight minutes of history', 5, 8, 60],
  ['15 s, one minute of history: it is at most 75 s, which will do', 4, 4, 75],
  ['15 s, half a minute of history: two samples tell nothing', 2, 2, undefined],
  ['30 s, 800 seconds of history', 10, 27, 30],
  ['any: a first sample says nothing', 1, 1, undefined],
  ['not measured', 0, 0, undefined],
])('a scrape interval of %s', (_, short, long, seconds) => {
  expect(scrapeInterval(short, long)).toBe(seconds);
});
