import type { ColumnsProblem, RowPlace, RowsProblem } from '../core/rows/rows-problem.ts';
import type { Words } from './failure-text.ts';
import { bytes, clean, enumerate, plural } from './text.ts';

/** Rows that cannot be predicted, in words; with how many before them were. */
export function rowsWords(name: string, problem: RowsProblem, predicted: number): Words {
  const { what, advice } = problemWords(clean(name), problem);
  if (predicted === 0) return { what, advice };
  return {
    what: `${what} (${plural(predicted, 'row')} before it ${predicted === 1 ? 'was' : 'were'} predicted)`,
    advice,
  };
}

function problemWords(name: string, problem: RowsProblem): Words {
  switch (problem.kind) {
    case 'no-header':
      return { what: `${name} is empty`, advice: 'its first line must name the columns' };
    case 'columns':
      return columnsWords(name, problem);
    case 'ragged':
      return raggedWords(name, problem);
    case 'not-a-number':
      return {
        what: `${placed(problem.place, name)} has ${quoted(problem.text)} in the column ${quoted(problem.column)}, which is no number`,
        advice: problem.place.unit === 'line' ? 'a missing value is empty or NaN' : 'a missing value is null',
      };
    case 'not-a-row':
      return {
        what: `${placed(problem.place, name)} is no row`,
        advice: 'a row is an object by column names, or a list in the order of the model',
      };
    case 'quote-misplaced':
      return {
        what: `${placed(problem.place, name)} has a quote in the middle of a field`,
        advice: 'quote the whole field, and write a quote within it twice',
      };
    case 'quote-open':
      return { what: `${placed(problem.place, name)} opens a quote that is never closed` };
    case 'row-too-long':
      return {
        what: `${placed(problem.place, name)} is longer than ${bytes(problem.limitBytes)}`,
        advice: 'look for a quote or a bracket that is never closed',
      };
    case 'not-json':
      return {
        what: `${placed(problem.place, name)} is no JSON, or is cut off`,
        advice: 'rows are a list of objects or lists, or one of them a line; a missing value is null',
      };
    case 'gzip-damaged':
      return { what: `${name} is packed with gzip, and cut off or damaged` };
  }
}

function columnsWords(name: string, problem: ColumnsProblem): Words {
  const { missing, extra, twice, place } = problem;
  const parts = [
    ...(missing.length === 0 ? [] : [`lacks ${columns(missing.map((column) => column.name))}`]),
    ...(twice.length === 0 ? [] : [`has ${columns(twice)} twice`]),
    ...(extra.length === 0 ? [] : [`has ${columns(extra)}, which the model does not know`]),
  ];
  return { what: `${placed(place, name)} ${parts.join(', and ')}`, advice: columnsAdvice(problem) };
}

function columnsAdvice({
  missing,
  extra,
  twice,
  wanted,
  nameless,
  numeric,
  place,
}: ColumnsProblem): string | undefined {
  if (numeric && place === undefined) return 'if its first line is a row already, give --no-header-row';
  if (missing.length === 0) {
    return twice.length > 0
      ? 'leave one of them out'
      : `leave ${extra.length === 1 ? 'it' : 'them'} out, or give --ignore-extra-columns`;
  }
  if (nameless) {
    const names = wanted.length === 1 ? 'f0' : `f0 to f${wanted.length - 1}`;
    return `the model has no names: call the columns ${names}, or give rows without names (CSV with --no-header-row, lists of JSON)`;
  }
  const near = missing.flatMap((column) => (column.near === undefined ? [] : [column]));
  const [first] = near;
  if (first?.near !== undefined) return `is ${quoted(first.near)} meant to be ${quoted(first.name)}?`;
  return `the model takes ${enumerate(wanted.map(clean))}`;
}

function raggedWords(
  name: string,
  { place, found, wanted, wantedBy }: Extract<RowsProblem, { kind: 'ragged' }>,
): Words {
  const cells = place.unit === 'line' ? 'field' : 'value';
  return {
    what: `${placed(place, name)} has ${plural(found, cells)}, and the ${wantedBy} has ${wantedBy === 'header' ? wanted : plural(wanted, 'feature')}`,
  };
}

/** "line 3 of rows.csv" */
function placed(place: RowPlace | undefined, name: string): string {
  return place === undefined ? name : `${place.unit} ${place.number} of ${name}`;
}

function columns(names: readonly string[]): string {
  return `the column${names.length === 1 ? '' : 's'} ${enumerate(names.map(quoted))}`;
}

function quoted(text: string): string {
  return `"${clean(text)}"`;
}
