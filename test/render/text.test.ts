import { describe, expect, test } from 'vitest';
import { age, bytes, clean, enumerate, percent, significant, span } from '../../src/render/text.ts';

/** The table of apimachinery's duration_test.go (HumanDuration). */
test.each([
  [1, '1s'],
  [70, '70s'],
  [190, '3m10s'],
  [70 * 60, '70m'],
  [47 * 3600, '47h'],
  [49 * 3600, '2d1h'],
  [(8 * 24 + 2) * 3600, '8d'],
  [367 * 24 * 3600, '367d'],
  [(365 * 2 * 24 + 25) * 3600, '2y1d'],
  [(365 * 8 * 24 + 2) * 3600, '8y'],
  [0, '0s'],
  [-1.5, '0s'],
  [-3, '<invalid>'],
  [119, '119s'],
  [120, '2m'],
  [600, '10m'],
  [3 * 3600, '3h'],
  [3.5 * 3600, '3h30m'],
])('an age of %d seconds is %s', (seconds, text) => {
  expect(age(seconds)).toBe(text);
});

test.each([
  [0, '0%'],
  [1, '100%'],
  [0.004, '<1%'],
  [0.006, '1%'],
  [0.934, '93%'],
  [0.994, '99%'],
  [0.9999, '>99%'],
])('a share of %d is %s', (share, text) => {
  expect(percent(share)).toBe(text);
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [268435456, '256 MiB'],
  [1.5 * 1024 ** 3, '1.5 GiB'],
])('%d bytes are %s', (amount, text) => {
  expect(bytes(amount)).toBe(text);
});

test.each([
  [0.0123456, '0.0123'],
  [12.3456, '12.3'],
  [1234.5, '1235'],
  [0.5, '0.5'],
])('%d in three digits is %s', (value, text) => {
  expect(significant(value)).toBe(text);
});

test.each([
  [3600, '1h'],
  [600, '10m'],
  [90, '90s'],
  [0.25, '250ms'],
])('a span of %d seconds is %s', (seconds, text) => {
  expect(span(seconds)).toBe(text);
});

describe('text from outside', () => {
  test.each([
    ['an escape sequence', '\u001b[31mred\u001b[0m'],
    ['a newline', 'a\nb'],
    ['a carriage return', 'safe\rmalicious'],
    ['a C1 control', 'a\u009b31m'],
    ['a turn of the reading direction', 'a\u202egnp.exe'],
    ['a line separator', 'a\u2028b'],
  ])('%s loses what a terminal would obey', (_, text) => {
    expect(clean(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069]/);
    expect(clean(text).length).toBe(text.length);
  });

  test('letters of any script stay', () => {
    expect(clean('größe-日本')).toBe('größe-日本');
  });

  test('megabytes are cut, names of Kubernetes never', () => {
    expect(clean('x'.repeat(1_000_000)).length).toBeLessThan(400);
    expect(clean('x'.repeat(253))).toBe('x'.repeat(253));
  });
});

test.each([
  [[], ''],
  [['a'], 'a'],
  [['a', 'b'], 'a and b'],
  [['a', 'b', 'c'], 'a, b and c'],
])('%j is "%s"', (items, text) => {
  expect(enumerate(items)).toBe(text);
});
