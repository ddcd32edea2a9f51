import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';
import { python } from './python.ts';

/** Programs that some tests need for real. A bare machine skips those tests; KPFD_REQUIRE_TOOLS=1 makes a skip a failure. */
const TOOLS = {
  prometheus: () => runs('prometheus', ['--version']),
  promtool: () => runs('promtool', ['--version']),
  openssl: () => runs('openssl', ['version']),
  'tar with xz': () => runs('tar', ['--version']) && runs('xz', ['--version']),
  bash: () => runs('bash', ['--version']),
  npx: () => runs('npx', ['--version']),
  chromium: () => runs('chromium', ['--version']),
  'python with xgboost': () => runs(python(), ['-c', 'import numpy, xgboost']),
} as const;
export type Tool = keyof typeof TOOLS;

/** Tools that this machine lacks. */
export function missingTools(tools: readonly Tool[] = Object.keys(TOOLS) as Tool[]): Tool[] {
  return tools.filter((tool) => !TOOLS[tool]());
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** A describe for tests that need the tools; without them it is skipped, and its title says why. */
export function describeWith(tools: readonly Tool[], title: string, tests: () => void): void {
  const missing = missingTools(tools);
  if (missing.length > 0 && process.env['KPFD_REQUIRE_TOOLS'] === '1') {
    throw new Error(`${title} needs ${missing.join(' and ')}, and KPFD_REQUIRE_TOOLS=1 allows no skip`);
  }
  const why = missing.length === 0 ? '' : ` (skipped: this machine has no ${missing.join(' and no ')})`;
  describe.skipIf(missing.length > 0)(`${title}${why}`, () => {
    tests();
  });
}
