import Table from 'cli-table3';

export interface GridColumn {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

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
  middle: '  ',
} as const;

/** Rows in kubectl's look: no borders, two spaces between columns, nothing after the last. Ends with a newline. */
export function grid(columns: readonly GridColumn[], rows: readonly (readonly string[])[], headings: boolean): string {
  if (rows.length === 0 && !headings) return '';
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: columns.map(({ align }) => align),
  });
  if (headings) table.push(columns.map(({ heading }) => heading));
  for (const row of rows) table.push([...row]);
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}
