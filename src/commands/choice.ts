import { FailureError } from '../core/failure.ts';

/** A name that is none of the known ones; the failure gets the nearest of them as advice. */
export class UnknownName extends Error {
  readonly unknown: string;
  readonly known: readonly string[];
  readonly failure: (advice: string | undefined) => FailureError;

  constructor(unknown: string, known: readonly string[], failure: (advice: string | undefined) => FailureError) {
    super('unknown name');
    this.unknown = unknown;
    this.known = known;
    this.failure = failure;
  }
}

/** Reads options; a name that is not known fails with the nearest one. */
export async function withNearest<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof UnknownName)) throw error;
    const { nearest } = await import('../pipeline/nearest.ts');
    const [meant] = await nearest(error.unknown, error.known);
    throw error.failure(meant === undefined ? undefined : `did you mean ${meant}?`);
  }
}

export function usage(problem: string, advice?: string): FailureError {
  return new FailureError({ kind: 'usage', problem, ...(advice === undefined ? {} : { advice }) });
}

/** The choice that the text names; `name` is the flag or variable, for the message. */
export function chosen<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const known = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}`;
  throw new UnknownName(text, choices, (meant) => usage(`${name} takes ${known}, not ${JSON.stringify(text)}`, meant));
}
