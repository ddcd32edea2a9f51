import { missingTools } from './tools.ts';

/** vitest's reporter does not print the titles of what it skips, and a skip without a reason looks green. */
export function setup(): void {
  const missing = missingTools();
  if (missing.length > 0) {
    console.log(
      `This machine has no ${missing.join(', no ')}: tests that need them are skipped, and say so in their titles.`,
    );
  }
}
