/**
 * The names that the members of an object may have. They repeat thousands of times in a model, nearly always in one
 * order: so the name that followed the last time is tried first, by its bytes, before any text is made of them.
 */

const LONGEST_SPELLING = 40;
/** XGBoost's objects have under twenty members; a hostile file could have any number. */
const MOST_NAMES = 64;

/** A name that was met, as this file spells it: with its quotes in JSON, behind its length in UBJSON. */
interface Name {
  /** As MemberNames numbers it; -1 where nobody wants that member. */
  readonly number: number;
  /** Bytes of the spelling. */
  readonly size: number;
  /** The spelling by fours of bytes, without those that are left over … */
  readonly words: Int32Array;
  /** … which are in its last four. */
  readonly lastWord: number;
  /** The name that came after it the last time. */
  follower: Name | undefined;
}

export class MemberNames {
  readonly wanted: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #met = new Map<string, Name>();
  /** Stands before the first member. */
  readonly start: Name = { number: -1, size: 0, words: new Int32Array(0), lastWord: 0, follower: undefined };
  /** The name that was met last in the object that is being read. */
  last = this.start;

  /** Their numbers are their places in the list. */
  constructor(wanted: readonly string[]) {
    this.wanted = wanted;
    this.#numbers = new Map(wanted.map((name, number) => [name, number]));
  }

  /** Notes that this name came next, spelled by the bytes [start, end), and returns its number. */
  meet(text: string, view: DataView, start: number, end: number): number {
    const number = this.#numbers.get(text) ?? -1;
    const name = this.#met.get(text) ?? this.#remember(text, number, view, start, end);
    if (name !== undefined) this.last = this.last.follower = name;
    return number;
  }

  /** Undefined where it is not worth it: too short for words, too long, or one of too many. */
  #remember(text: string, number: number, view: DataView, start: number, end: number): Name | undefined {
    const size = end - start;
    if (size < 4 || size > LONGEST_SPELLING || this.#met.size >= MOST_NAMES) return undefined;
    const words = Int32Array.from({ length: Math.floor(size / 4) }, (_, i) => view.getInt32(start + 4 * i));
    const name: Name = { number, size, words, lastWord: view.getInt32(end - 4), follower: undefined };
    this.#met.set(text, name);
    return name;
  }
}
