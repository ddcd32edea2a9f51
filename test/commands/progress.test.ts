import { expect, test } from 'vitest';
import { RowProgress } from '../../src/commands/progress.ts';

/** What goes to stderr while batches of 1000 rows end every 0.2 s. */
function told(width: number | undefined, quiet: boolean, batches: number): string {
  let written = '';
  let seconds = 100;
  const stderr = {
    write: (text: string) => {
      written += text;
    },
    ready: async () => true,
    width,
    mayColour: false,
  };
  const progress = new RowProgress({ stderr, now: () => seconds }, quiet);
  for (let i = 0; i < batches; i++) {
    seconds += 0.2;
    progress.add(1000);
  }
  progress.end();
  return written;
}

test('a terminal is told twice a second, and the line goes away', () => {
  const clear = '\r\u001b[K';
  expect(told(80, false, 7)).toBe(`${clear}3,000 rows predicted${clear}6,000 rows predicted${clear}`);
});

test.each([
  ['a run that is over at once', 80, false, 1],
  ['a file or a pipe', undefined, false, 20],
  ['whoever wants quiet', 80, true, 20],
])('%s is told nothing', (_, width, quiet, batches) => {
  expect(told(width, quiet, batches)).toBe('');
});
