import { compareText } from '../core/compare-text.ts';

const SHOWN = 3;

/**
 * The names that somebody who wrote `wanted` may have meant, nearest first: those that begin with it (a Deployment's
 * name in place of its pod's), then those within a few typing errors; upper case is none.
 */
export async function nearest(wanted: string, names: readonly string[], shown = SHOWN): Promise<string[]> {
  // Needed only where something was not found: not worth its time at every start.
  const { distance } = await import('fastest-levenshtein');
  const allowed = Math.max(2, Math.ceil(wanted.length / 3));
  const lower = wanted.toLowerCase();
  return names
    .map((name) => {
      const own = name.toLowerCase();
      return { name, starts: lower.length > 1 && own.startsWith(lower), far: distance(lower, own) };
    })
    .filter(({ starts, far }) => starts || far <= allowed)
    .sort((a, b) => Number(b.starts) - Number(a.starts) || a.far - b.far || compareText(a.name, b.name))
    .slice(0, shown)
    .map(({ name }) => name);
}
