/**
 * Text out of bytes. A decoder costs more than a few characters are worth, and names of members repeat thousands of
 * times in a model, mostly in one order: each is made a string once, and tried first where it followed the last time.
 */
import { ModelError } from './model-error.ts';

const SHORT_TEXT = 24;
const LONGEST_NAME = 32;
/** XGBoost has about fifty; a hostile file could have one for each member. */
const MOST_NAMES = 1000;
/** Texts are short, but for the trees of some dumps; no engine makes them of any length. */
const LONGEST_TEXT = 1 << 28;

/** A name that was met: only ASCII, so that it has as many bytes as characters. */
interface Name {
  readonly text: string;
  /** Its bytes by fours, the last four of them at the end again; empty where it has fewer than four. */
  readonly words: Uint32Array;
  follower: Name | undefined;
}

export class TextReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #names = new Map<string, Name>();
  #last: Name | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The text of the bytes [start, end), in UTF-8. */
  text(start: number, end: number): string {
    const bytes = this.#bytes;
    if (end - start <= SHORT_TEXT) {
      let text = '';
      let at = start;
      for (; at < end && (bytes[at] as number) < 0x80; at++) text += String.fromCharCode(bytes[at] as number);
      if (at === end) return text;
    }
    if (end - start > LONGEST_TEXT) throw new ModelError(`it has a text of ${end - start} bytes`);
    return this.#decoder.decode(bytes.subarray(start, end));
  }

  /** The same, for a name that is likely to come again. */
  name(start: number, end: number): string {
    const text = this.text(start, end);
    const name = this.#names.get(text) ?? this.#remembered(text, start, end);
    if (this.#last !== undefined) this.#last.follower = name;
    this.#last = name;
    return name?.text ?? text;
  }

  /** The name that stands at `start`, where it is the one that followed the last time; what is behind it may go on. */
  guess(start: number): string | undefined {
    const name = this.#last?.follower;
    if (name === undefined) return undefined;
    const { words, text } = name;
    const end = start + text.length;
    if (end > this.#bytes.length) return undefined;
    const last = words.length - 1;
    if (last < 0) return this.text(start, end) === text ? text : undefined;
    for (let i = 0; i < last; i++) if (this.#view.getUint32(start + 4 * i) !== words[i]) return undefined;
    return this.#view.getUint32(end - 4) === words[last] ? text : undefined;
  }

  /** Takes the guess. */
  accept(): void {
    this.#last = this.#last?.follower;
  }

  #remembered(text: string, start: number, end: number): Name | undefined {
    const length = end - start;
    if (length > LONGEST_NAME || text.length !== length || this.#names.size >= MOST_NAMES) return undefined;
    const words = Uint32Array.from({ length: length < 4 ? 0 : Math.ceil(length / 4) }, (_, i) =>
      this.#view.getUint32(Math.min(start + 4 * i, end - 4)),
    );
    const name: Name = { text, words, follower: undefined };
    this.#names.set(text, name);
    return name;
  }
}
