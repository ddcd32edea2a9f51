/** Goes to the line's start and clears it. */
export const WITHOUT_PROGRESS = '\r\u001b[K';

/** "1,234,567 rows predicted", over the line before it. */
export function progressLine(rows: number): string {
  return `${WITHOUT_PROGRESS}${rows.toLocaleString('en-US')} rows predicted`;
}

/** "120 of 400 steps", over the line before it. */
export function stepLine(done: number, all: number): string {
  return `${WITHOUT_PROGRESS}${done.toLocaleString('en-US')} of ${all.toLocaleString('en-US')} steps`;
}
