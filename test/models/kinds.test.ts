import { expect, test } from 'vitest';
import { isHealthy, natureOf } from '../../models/training/kinds.ts';

test('kinds that are listed are what they are, whatever they did', () => {
  expect(natureOf('steady', true)).toBe('plain');
  expect(natureOf('plateau', false)).toBe('hard');
  expect(natureOf('hang', false)).toBe('rhythmic');
  expect(natureOf('disk-fill', true)).toBe('unannounced');
});

test('of a kind that nobody listed, what it did tells: false alarms on it count, and so do the failures it hid', () => {
  expect(natureOf('new-kind', false)).toBe('hard');
  expect(natureOf('new-kind', true)).toBe('announced');
});

test('healthy are those that no fault was given', () => {
  expect((['plain', 'hard', 'announced', 'rhythmic', 'unannounced'] as const).filter(isHealthy)).toEqual([
    'plain',
    'hard',
  ]);
});
