/** Words for numbers that JavaScript writes otherwise or has no word for, in small letters. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['+nan', Number.NaN],
  ['-nan', Number.NaN],
  ['na', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * The number that a field of CSV holds: NaN where it is missing (empty, NaN, NA), undefined where it is none. The
 * float64 that Python's float() reads; a Float32Array rounds it as numpy.float32() does.
 */
export function numberOfText(text: string): number | undefined {
  const number = Number(text);
  if (Number.isNaN(number)) return WORDS.get(text.trim().toLowerCase());
  if (number === 0 && text.trim() === '') return Number.NaN;
  return isOtherBase(text) ? undefined : number;
}

/** 0x1f, 0o17, 0b11: numbers of JavaScript, and of no CSV. */
function isOtherBase(text: string): boolean {
  const start = text.charCodeAt(0) === ZERO ? text : text.trimStart();
  if (start.length < 3 || start.charCodeAt(0) !== ZERO) return false;
  const second = start.charCodeAt(1);
  return second >= CAPITAL_A && second !== CAPITAL_E && second !== SMALL_E;
}

const ZERO = 0x30;
const CAPITAL_A = 0x41;
const CAPITAL_E = 0x45;
const SMALL_E = 0x65;
