/**
 * Text from outside (label values, error bodies) may hold terminal escapes, newlines and characters that turn the
 * reading direction. Each becomes U+FFFD, and what no Kubernetes name can be long is cut.
 */
export function clean(text: string): string {
  const safe = text.replace(UNSAFE, '\ufffd');
  return safe.length <= LONGEST ? safe : `${safe.slice(0, LONGEST)}…`;
}

const LONGEST = 300;
// Controls (C0, DEL, C1), formats (bidirectional controls, zero-width marks, tags), line and paragraph separators.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** JSON on a terminal: its own escapes stand for what it would leave raw (C1 controls, bidirectional controls). */
export function jsonText(value: unknown): string {
  return `${escapedJson(JSON.stringify(value, undefined, 2))}\n`;
}

/** The same without a line end, in one line. */
export function jsonLine(value: unknown): string {
  return escapedJson(JSON.stringify(value));
}

function escapedJson(json: string): string {
  const hex = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;
  const escape = (codePoint: number): string =>
    String.fromCodePoint(codePoint)
      .split('')
      .map((unit) => hex(unit.charCodeAt(0)))
      .join('');
  return escapeUnsafe(json, escape);
}

export function isUnsafe(text: string): boolean {
  return text.search(UNSAFE) !== -1;
}

/** Each such character, line ends apart, as `escape` writes its code point. */
export function escapeUnsafe(text: string, escape: (codePoint: number) => string): string {
  return text.replace(UNSAFE, (character) => (character === '\n' ? character : escape(character.codePointAt(0) ?? 0)));
}

/** An age as kubectl prints it (apimachinery's duration.HumanDuration): 45s, 5m30s, 3h12m, 2d4h, 400d. */
export function age(seconds: number): string {
  const s = Math.trunc(seconds);
  if (s < -1) return '<invalid>';
  if (s < 0) return '0s';
  const [minutes, hours] = [Math.trunc(s / 60), Math.trunc(s / 3600)];
  const days = Math.trunc(hours / 24);
  const years = Math.trunc(hours / 24 / 365);
  const withRest = (whole: string, rest: number, unit: string): string =>
    rest === 0 ? whole : `${whole}${rest}${unit}`;
  if (s < 120) return `${s}s`;
  if (minutes < 10) return withRest(`${minutes}m`, s % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return withRest(`${hours}h`, minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (hours < 192) return withRest(`${days}d`, hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  if (hours < 24 * 365 * 8) return withRest(`${years}y`, days % 365, 'd');
  return `${years}y`;
}

/** 0.934 → "93%". What is not quite 0 or 1 never looks as if it were. */
export function percent(share: number): string {
  if (share === 0) return '0%';
  if (share === 1) return '100%';
  const rounded = Math.round(share * 100);
  if (rounded === 0) return '<1%';
  return rounded === 100 ? '>99%' : `${rounded}%`;
}

/** 268435456 → "256 MiB". */
export function bytes(amount: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = amount;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${significant(value)} ${units[unit] ?? ''}`;
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return String(Number(value.toFixed(Math.min(digits, 6))));
}

/** A span as one would write it on a command line: 3600 → "1h", 600 → "10m", 90 → "90s", 0.25 → "250ms". */
export function span(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds % 60 === 0) return `${seconds / 60}m`;
  return `${significant(seconds)}s`;
}

/** One, two and three. */
export function enumerate(items: readonly string[], last = 'and', shown = 10): string {
  const listed = items.length <= shown ? items : [...items.slice(0, shown), `${items.length - shown} more`];
  if (listed.length < 2) return listed.join('');
  return `${listed.slice(0, -1).join(', ')} ${last} ${listed.at(-1) ?? ''}`;
}

/** 2026-11-23T05:27:40Z */
export function rfc3339(unixSeconds: number): string {
  return new Date(Math.round(unixSeconds * 1000)).toISOString().replace(/\.000Z$/, 'Z');
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A threshold of risk as it was asked for: 99.95% is not 100%. One that a prior moved has many digits. */
export function thresholdText(share: number): string {
  return `${Number((100 * share).toPrecision(share > 0.99 ? 6 : 4))}%`;
}
