// The last line of CI: how many tests passed, failed and were skipped, from vitest's JSON report.
import { existsSync, readFileSync } from 'node:fs';

const path = process.argv[2];
if (path === undefined || !existsSync(path)) {
  console.log('0 passed, 1 failed (a check before the tests failed, or they left no report)');
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(path, 'utf8'));
// A file that cannot be loaded has no tests to count, and is one failure.
const unloaded = testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((own) => own.status === 'failed'),
).length;
const failed = numFailedTests + unloaded;
console.log(`${numPassedTests} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}`);
process.exit(failed > 0 || numPassedTests === 0 ? 1 : 0);
