import type { Forest } from '../core/forest/forest.ts';
import type { ForestFile } from '../core/predictions/forest-file.ts';
import type { PredictedKind } from '../core/predictions/predicted-columns.ts';
import { csv } from './csv.ts';
import { float32Text } from './float32-text.ts';
import { clean, jsonLine } from './text.ts';

/** Predictions of some rows, row-major. */
interface PredictedRows {
  readonly rowCount: number;
  readonly values: Float32Array | Int32Array;
}

/** Writes predictions as they come: what goes before, the text of some rows, what goes behind. */
interface RowText {
  begin(): string;
  rows(predicted: PredictedRows): string;
  end(): string;
}

/** One closed table of formats. Numbers are the shortest decimals that give the same float32. */
const ROW_FORMATS: Readonly<
  Record<'csv' | 'json' | 'jsonl', (columns: readonly string[], headings: boolean) => RowText>
> = {
  csv: (columns, headings) => ({
    begin: () => (headings ? csv([columns]) : ''),
    rows: linesOf(columns.length, float32Text, { before: '', after: '\n', apart: '' }),
    end: () => '',
  }),
  jsonl: (columns) => ({
    begin: () => '',
    rows: linesOf(columns.length, member(columns), { before: '{', after: '}\n', apart: '' }),
    end: () => '',
  }),
  // One list, a row a line. It stays open where a row fails, so that nobody takes a part for the whole.
  json: (columns) => {
    const lines = linesOf(columns.length, member(columns), { before: '{', after: '}', apart: ',\n' });
    let isFirst = true;
    return {
      begin: () => '[',
      rows: (predicted) => {
        const start = isFirst ? '\n' : ',\n';
        isFirst = false;
        return start + lines(predicted);
      },
      end: () => (isFirst ? ']\n' : '\n]\n'),
    };
  },
};

interface RowWriter {
  begin(columns: readonly string[]): string;
  rows(predicted: PredictedRows): string;
  end(): string;
}

/** Writes predictions in a format; their columns are known when they begin. */
export function rowWriter(format: keyof typeof ROW_FORMATS, headings: boolean): RowWriter {
  let text = ROW_FORMATS[format]([], headings);
  return {
    begin: (columns) => {
      text = ROW_FORMATS[format](columns, headings);
      return text.begin();
    },
    rows: (predicted) => text.rows(predicted),
    end: () => text.end(),
  };
}

/** What is to be said beside the predictions. */
export function rowNotes(file: ForestFile, kind: PredictedKind, rowCount: number, name: string): string {
  const notes = [kind === 'prediction' ? caveatText(file.forest) : undefined, partText(file)];
  return (
    (rowCount === 0 ? `No rows found in ${clean(name)}\n` : '') +
    notes.map((note) => (note === undefined ? '' : `note: ${note}\n`)).join('')
  );
}

/** One forest of a model of two is not what kpfd says of a pod. */
export function partText({ model }: ForestFile): string | undefined {
  return model?.risk === undefined
    ? undefined
    : 'this is the status forest alone; what `kpfd scan` says is put together from it, the risk forest (risk.json) and metadata.json';
}

/** What a user of the model's predictions must know, if anything. */
export function caveatText({ caveat }: Forest): string | undefined {
  return caveat === undefined
    ? undefined
    : `predictions may differ from XGBoost's in the last bit, margins do not: ${clean(caveat)}`;
}

/** Writes rows of cells; `apart` stands between two rows. */
function linesOf(
  width: number,
  cell: (value: number, column: number) => string,
  { before, after, apart }: { readonly before: string; readonly after: string; readonly apart: string },
): (predicted: PredictedRows) => string {
  return ({ values, rowCount }) => {
    let text = '';
    for (let row = 0; row < rowCount; row++) {
      text += row === 0 ? before : apart + before;
      for (let column = 0; column < width; column++) {
        if (column > 0) text += ',';
        text += cell(values[row * width + column] as number, column);
      }
      text += after;
    }
    return text;
  };
}

/** A member of an object; JSON has neither NaN nor Infinity. */
function member(columns: readonly string[]): (value: number, column: number) => string {
  const keys = columns.map((name) => `${jsonLine(name)}:`);
  return (value, column) => (keys[column] as string) + (Number.isFinite(value) ? float32Text(value) : 'null');
}
