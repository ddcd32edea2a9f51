import { expect, test } from 'vitest';
import { drawsOf, intervalOf, skillOf } from '../../models/training/bootstrap.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

test('a draw has as many applications as there are, and draws differ', () => {
  const draws = drawsOf(NAMES, 200);
  for (const times of draws) {
    expect([...times.values()].reduce((sum, count) => sum + count, 0)).toBe(NAMES.length);
    for (const name of times.keys()) expect(NAMES).toContain(name);
  }
  // Each comes once on average; that one is left out of a draw of five has a chance of (4/5)^5.
  for (const name of NAMES) {
    const counts = draws.map((times) => times.get(name) ?? 0);
    expect(counts.reduce((sum, count) => sum + count, 0) / draws.length).toBeGreaterThan(0.8);
    expect(counts.filter((count) => count === 0).length / draws.length).toBeGreaterThan(0.25);
  }
});

test('an interval leaves two and a half percent out on each side', () => {
  expect(intervalOf(Array.from({ length: 1001 }, (_, i) => (i * 2) % 1001))).toEqual({ lower: 25, upper: 975 });
});

test('the skill is that of all, its interval that of the draws', () => {
  const share = (times: ReadonlyMap<string, number>): number => (times.get('a') ?? 0) / NAMES.length;
  const { skill, interval } = skillOf(NAMES, share);
  expect(skill).toBe(1 / 5);
  expect(interval.lower).toBe(0);
  expect(interval.upper).toBeGreaterThanOrEqual(3 / 5);
});
