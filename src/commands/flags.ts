import { usage } from './choice.ts';
import { UnitError } from './units.ts';

/** As commander gives them: camelCase names. */
export type Flags = Readonly<Record<string, unknown>>;

/** undefined where the flag was not given, or takes no value. */
export function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}

/** What the text says; `name` is the flag, variable or setting, for the message. Throws a FailureError (usage). */
export function parsed<T>(name: string, given: string | undefined, parse: (text: string) => T): T | undefined {
  if (given === undefined) return undefined;
  try {
    return parse(given);
  } catch (error) {
    if (error instanceof UnitError) throw usage(`${name} ${error.message}, not ${JSON.stringify(given)}`);
    throw error;
  }
}

/** A whole number of at most nine digits, from `least` on. Throws a FailureError (usage). */
export function wholeNumber(name: string, given: string | undefined, least: number): number | undefined {
  if (given === undefined) return undefined;
  const number = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
  if (number >= least) return number;
  throw usage(`${name} takes a whole number from ${least} on, not ${JSON.stringify(given)}`);
}
