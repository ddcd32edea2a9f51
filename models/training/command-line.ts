import { parseArgs, type ParseArgsConfig } from 'node:util';
import { refuse } from './refuse.ts';

/** The command line of a script; ends the program with how it is used where something else is given, and on --help. */
export function commandLine<T extends NonNullable<ParseArgsConfig['options']>>(
  options: T,
  usage: string,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>> {
  if (process.argv.includes('--help')) {
    console.log(`usage: ${usage}`);
    process.exit(0);
  }
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    const [problem] = (error as Error).message.split('. ');
    return refuse(`${problem}; usage: ${usage}`);
  }
}
