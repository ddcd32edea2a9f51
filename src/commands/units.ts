/** What a flag's text must be, when it is not: the rest of a sentence that begins with the flag. */
export class UnitError extends Error {
  override readonly name = 'UnitError';
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration as Go writes it (`30s`, `1m30s`, `1.5h`, `0`), in milliseconds. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new UnitError('takes a duration like 30s, 2m or 1m30s');
  }
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (DURATION_UNITS[unit ?? ''] ?? 0), 0);
  // Timers count in 32 bits.
  if (ms > 2 ** 31 - 1) throw new UnitError('takes at most 596h');
  // They count whole milliseconds, and 0 would mean no limit.
  return ms === 0 ? 0 : Math.max(1, Math.round(ms));
}

/** RFC 3339 or Unix seconds, as Unix seconds. */
export function parseTime(text: string): number {
  if (/^\d{13}$/.test(text)) throw new UnitError(`takes Unix seconds, here ${text.slice(0, 10)}`);
  if (/^\d{1,11}(\.\d{1,3})?$/.test(text)) return Number(text);
  const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.test(text);
  const ms = rfc3339 && isDay(text) ? Date.parse(text.toUpperCase().replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(ms)) throw new UnitError('takes RFC 3339 (2026-11-23T05:30:00Z) or Unix seconds (1795411800)');
  return ms / 1000;
}

/** Date.parse takes February 30th for March 2nd. */
function isDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

/** `0.5` or `50%`, as a share. */
export function parseShare(text: string): number {
  const match = /^(\d+\.?\d*|\.\d+)(%?)$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(share >= 0 && share <= 1)) throw new UnitError('takes a probability like 0.5 or 50%');
  return share;
}
