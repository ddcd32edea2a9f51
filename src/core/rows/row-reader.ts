import { numberOfText } from './number-text.ts';
import type { RowBlock } from './row-source.ts';
import { RowsError, type ColumnsProblem, type RowPlace } from './rows-problem.ts';

interface RowReaderOptions {
  readonly ignoreExtraColumns: boolean;
  /** False: the first line of CSV is a row, and columns are taken by position. */
  readonly headerRow: boolean;
}

/** What a model takes: how many columns, and their names where it has any. */
interface WantedColumns {
  readonly featureCount: number;
  readonly featureNames: readonly string[];
}

/** Names and where the model's features stand among them. */
interface Layout {
  readonly names: readonly string[];
  /** By feature: its place. */
  readonly places: Int32Array;
}

/** The longest piece of a field that a message repeats. */
const LONGEST_EXCERPT = 60;

/**
 * Puts rows as they were read into the columns of a model. Names decide where there are any (a header, the members of
 * an object), in any order; lists of JSON and CSV without a header go by position.
 */
export class RowReader {
  readonly #names: readonly string[];
  readonly #nameless: boolean;
  readonly #options: RowReaderOptions;
  /** Of the header; undefined until it was read. */
  #header: Layout | undefined;
  #hasTexts = false;
  /** Of the last object: most have the same members in the same order. */
  #object: Layout | undefined;

  constructor({ featureCount, featureNames }: WantedColumns, options: RowReaderOptions) {
    this.#nameless = featureNames.length === 0;
    this.#names = this.#nameless ? Array.from({ length: featureCount }, (_, i) => `f${i}`) : featureNames;
    this.#options = options;
    if (!options.headerRow) this.#header = { names: this.#names, places: Int32Array.from(this.#names.keys()) };
  }

  /** Looks at a block before its rows are read; the last of CSV may be empty. */
  begin({ kind }: RowBlock): void {
    this.#hasTexts ||= kind === 'texts';
  }

  /** After the last block: a CSV file has a header at least. */
  end(): void {
    if (this.#hasTexts && this.#header === undefined) throw new RowsError({ kind: 'no-header' });
  }

  /** Writes row i of the block to `into` from `offset` on; false where it is no row but the header. */
  read(block: RowBlock, i: number, into: Float32Array, offset: number): boolean {
    if (block.kind === 'texts') {
      return this.#readTexts(block.rows[i] as readonly string[], block.lines[i] as number, into, offset);
    }
    this.#readValue(block.rows[i], { unit: 'row', number: block.first + i }, into, offset);
    return true;
  }

  #readTexts(texts: readonly string[], line: number, into: Float32Array, offset: number): boolean {
    const header = this.#header;
    if (header === undefined) {
      this.#header = this.#layoutOf(texts, undefined);
      return false;
    }
    const wanted = header.names.length;
    if (texts.length !== wanted) {
      const wantedBy = this.#options.headerRow ? 'header' : 'model';
      throw new RowsError({ kind: 'ragged', place: lineOf(line), found: texts.length, wanted, wantedBy });
    }
    const { places } = header;
    for (let feature = 0; feature < places.length; feature++) {
      const text = texts[places[feature] as number] as string;
      const number = numberOfText(text);
      if (number === undefined) throw this.#notANumber(lineOf(line), feature, text);
      into[offset + feature] = number;
    }
    return true;
  }

  #readValue(value: unknown, place: RowPlace, into: Float32Array, offset: number): void {
    if (typeof value !== 'object' || value === null) throw new RowsError({ kind: 'not-a-row', place });
    const cells: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    const places = Array.isArray(value) ? this.#positions(cells, place) : this.#members(Object.keys(value), place);
    for (let feature = 0; feature < this.#names.length; feature++) {
      const cell = cells[places === undefined ? feature : (places[feature] as number)];
      if (typeof cell === 'number') into[offset + feature] = cell;
      else if (cell === null) into[offset + feature] = Number.NaN;
      else throw this.#notANumber(place, feature, JSON.stringify(cell));
    }
  }

  #positions(cells: readonly unknown[], place: RowPlace): undefined {
    const wanted = this.#names.length;
    if (cells.length === wanted) return;
    throw new RowsError({ kind: 'ragged', place, found: cells.length, wanted, wantedBy: 'model' });
  }

  #members(names: readonly string[], place: RowPlace): Int32Array {
    if (this.#object === undefined || !isSame(this.#object.names, names)) this.#object = this.#layoutOf(names, place);
    return this.#object.places;
  }

  #layoutOf(names: readonly string[], place: RowPlace | undefined): Layout {
    const places = new Map(names.map((name, i) => [name, i]));
    const known = new Set(this.#names);
    const strangers = this.#options.ignoreExtraColumns ? [] : names.filter((name) => !known.has(name));
    const problem: ColumnsProblem = {
      kind: 'columns',
      place,
      missing: this.#names.filter((name) => !places.has(name)).map((name) => ({ name })),
      extra: [...new Set(strangers)],
      twice: [...new Set(names.filter((name, i) => known.has(name) && places.get(name) !== i))],
      wanted: [...this.#names],
      nameless: this.#nameless,
      numeric: names.every((name) => numberOfText(name) !== undefined),
    };
    if (problem.missing.length + problem.extra.length + problem.twice.length > 0) throw new RowsError(problem);
    return { names, places: Int32Array.from(this.#names, (name) => places.get(name) as number) };
  }

  #notANumber(place: RowPlace, feature: number, text: string): RowsError {
    const shown = text.length <= LONGEST_EXCERPT ? text : `${text.slice(0, LONGEST_EXCERPT)}…`;
    return new RowsError({ kind: 'not-a-number', place, column: this.#names[feature] as string, text: shown });
  }
}

function lineOf(number: number): RowPlace {
  return { unit: 'line', number };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
