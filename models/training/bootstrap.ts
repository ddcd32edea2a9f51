/** How sure a figure is: the same figure over applications drawn again, for rows and pods of one application are much alike. */

const SKILL_DRAWS = 2000;

/** 95 % of the draws lie within. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/** 1 - loss / loss of what it is held against, with a 95 % interval over applications drawn again. */
export interface Skill {
  readonly skill: number;
  readonly interval: Interval;
}

/** A skill with its interval. `of`: the skill where each application counts so many times. */
export function skillOf(applications: readonly string[], of: (times: ReadonlyMap<string, number>) => number): Skill {
  const draws = drawsOf(applications.toSorted(), SKILL_DRAWS).map(of);
  return { skill: of(new Map(applications.map((name) => [name, 1]))), interval: intervalOf(draws) };
}

/** Applications drawn again with replacement: how often each came. */
export function drawsOf(applications: readonly string[], draws: number): Map<string, number>[] {
  const random = mulberry32(20261127);
  return Array.from({ length: draws }, () => {
    const times = new Map<string, number>();
    for (let i = 0; i < applications.length; i++) {
      const name = applications[Math.floor(random() * applications.length)] as string;
      times.set(name, (times.get(name) ?? 0) + 1);
    }
    return times;
  });
}

/** Of figures of draws. */
export function intervalOf(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number;
  return { lower: at(0.025), upper: at(0.975) };
}

/** A small seeded generator (Tommy Ettinger's Mulberry32): the same draws on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
