import { expect, test } from 'vitest';
import { numberOfText } from '../../../src/core/rows/number-text.ts';

test.each([
  ['1', 1, 'a whole number'],
  ['-0.5', -0.5, 'a negative number'],
  ['+5', 5, 'a sign that says nothing'],
  ['.5', 0.5, 'no digit before the point'],
  ['5.', 5, 'no digit behind the point'],
  ['1e-3', 0.001, 'an exponent'],
  ['0e5', 0, 'a zero with an exponent'],
  ['0E5', 0, 'a zero with a capital exponent'],
  [' 7\t', 7, 'spaces around, as float() takes them'],
  ['-0', -0, 'a negative zero'],
  ['inf', Number.POSITIVE_INFINITY, 'as numpy writes it'],
  ['-Infinity', Number.NEGATIVE_INFINITY, 'as JavaScript writes it'],
])('%j is %d: %s', (text, number) => {
  expect(numberOfText(text)).toBe(number);
});

test.each(['', ' ', '\t', 'NaN', 'nan', '-nan', 'NA', ' na '])('%j is missing', (text) => {
  expect(numberOfText(text)).toBeNaN();
});

test.each([
  'abc',
  '1,5',
  '1.2.3',
  '0x10',
  ' 0x10',
  '0b1',
  '0o7',
  '0X1F',
  '1_000',
  '--1',
  '1 2',
  'null',
  'true',
  '1n',
  '5%',
])('%j is no number', (text) => {
  expect(numberOfText(text)).toBeUndefined();
});
