import Table from 'cli-table3';
import stringWidth from 'string-width';

const STYLE = { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true };

export interface GridColumn {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

const GAP = '  ';
const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: GAP,
} as const;

/**
 * Longer tables are padded here: cli-table3 takes half a millisecond for a row of sixteen cells, and a time that grows
 * with the square of the rows (15 s for 5,000). A test holds that both look the same.
 */
const DRAWN_ROWS = 100;

/** Rows in kubectl's look: no borders, two spaces between columns, nothing after the last. Ends with a newline. */
export function grid(columns: readonly GridColumn[], rows: readonly (readonly string[])[], headings: boolean): string {
  const all = headings ? [columns.map(({ heading }) => heading), ...rows] : rows;
  const lines = all.length <= DRAWN_ROWS ? draw(columns, all) : pad(columns, all);
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function draw(columns: readonly GridColumn[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const table = new Table({ chars: NO_BORDERS, style: STYLE, colAligns: columns.map(({ align }) => align) });
  for (const row of rows) table.push([...row]);
  return table.toString().split('\n');
}

function pad(columns: readonly GridColumn[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((_, i) => rows.reduce((widest, row) => Math.max(widest, widthOf(row[i] ?? '')), 0));
  return rows.map((row) =>
    columns
      .map(({ align }, i) => {
        const text = row[i] ?? '';
        const space = ' '.repeat((widths[i] as number) - widthOf(text));
        return align === 'right' ? space + text : text + space;
      })
      .join(GAP),
  );
}

/** Columns of a terminal that a text takes: colours none, East Asian letters two. */
export function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text);
}
