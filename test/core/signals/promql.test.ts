import { describe, expect, test } from 'vitest';
import { anyOf, quote, selector, tagged } from '../../../src/core/signals/promql.ts';

describe('label values cannot leave their string', () => {
  test.each([
    ['a quote', 'x"} or vector(1) #', String.raw`"x\"} or vector(1) #"`],
    ['a backslash', 'a\\', String.raw`"a\\"`],
    ['a newline', 'a\nb', String.raw`"a\nb"`],
    ['a control character', 'a\u0007b', String.raw`"a\u0007b"`],
    ['letters of any script', 'größe', '"größe"'],
  ])('%s', (_, text, literal) => {
    expect(quote(text)).toBe(literal);
  });

  test('in a pattern, signs of regular expressions are only themselves', () => {
    expect(anyOf(['a.b', 'c|d', '(e)'])).toBe(String.raw`a\.b|c\|d|\(e\)`);
  });
});

test('a selector without matchers has no braces', () => {
  expect(selector('up', [])).toBe('up');
  expect(selector('up', [{ label: 'job', op: '=~', value: 'a|b' }], 'team="x"')).toBe('up{job=~"a|b",team="x"}');
});

test('several facts travel in one query, each under its name', () => {
  expect(
    tagged([
      { fact: 'a', expression: 'x' },
      { fact: 'b', expression: 'y' },
    ]),
  ).toBe('label_replace(x,"fact","a","","") or label_replace(y,"fact","b","","")');
});
