import { ModelError } from './model-error.ts';

/** A decoder costs more than a few characters are worth. */
const SHORT_TEXT = 24;
/** Texts are short, but for the trees of some dumps; no engine makes them of any length. */
const LONGEST_TEXT = 1 << 28;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of the bytes [start, end), in UTF-8. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_TEXT) {
    let text = '';
    let at = start;
    for (; at < end && (bytes[at] as number) < 0x80; at++) text += String.fromCharCode(bytes[at] as number);
    if (at === end) return text;
  }
  if (end - start > LONGEST_TEXT) throw new ModelError(`it has a text of ${end - start} bytes`);
  return decoder.decode(bytes.subarray(start, end));
}
