/** Ends the program with one sentence for who called it. */
export function refuse(problem: string): never {
  console.error(`error: ${problem}`);
  process.exit(2);
}
