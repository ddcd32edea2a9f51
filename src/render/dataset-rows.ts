import { FEATURE_NAMES } from '../core/features/schema.ts';
import type { PodRow } from '../core/predictions/pod-row.ts';
import { csv } from './csv.ts';
import { float32Text } from './float32-text.ts';
import { jsonLine } from './text.ts';

const FACTS = ['run', 'time', 'namespace', 'pod', 'uid', 'owner', 'now', 'status', 'horizon_seconds', 'label'];
const COLUMNS = [...FACTS, ...FEATURE_NAMES];

/** How rows of a dataset are written; `heading` stands at the start of a file, and is empty where there is none. */
export interface DatasetFormat {
  readonly heading: string;
  rows(run: string, rows: readonly PodRow[]): string;
  /** The time of a line's row, in Unix seconds; undefined where it is no row of this format. */
  timeOf(line: string): number | undefined;
}

/** One closed table. Numbers are the shortest decimals that give the same float32; what is missing is empty, or null. */
export const DATASET_FORMATS: Readonly<Record<'csv' | 'jsonl', DatasetFormat>> = {
  csv: {
    heading: csv([COLUMNS]),
    rows: (run, rows) =>
      csv(
        rows.map((row) => [
          ...facts(run, row),
          ...[...row.features].map((value) => (Number.isNaN(value) ? undefined : float32Text(value))),
        ]),
      ),
    // The run may hold commas, and is quoted then.
    timeOf: (line) => numberOf(/^(?:"(?:[^"]|"")*"|[^",]*),(\d+),/.exec(line)?.[1]),
  },
  jsonl: {
    heading: '',
    rows: (run, rows) =>
      rows
        .map((row) => {
          const values = [
            ...facts(run, row).map((value) => value ?? null),
            ...[...row.features].map((value) => (Number.isNaN(value) ? null : Number(float32Text(value)))),
          ];
          return `${jsonLine(Object.fromEntries(COLUMNS.map((name, i) => [name, values[i]])))}\n`;
        })
        .join(''),
    timeOf: (line) => numberOf(/^\{"run":"(?:[^"\\]|\\.)*","time":(\d+),/.exec(line)?.[1]),
  },
};

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

function facts(
  run: string,
  { unixSeconds, pod, now, status, horizonSeconds, label }: PodRow,
): (string | number | undefined)[] {
  const owner = pod.rootOwner ?? pod.owner;
  const ownerText = owner === undefined ? undefined : `${owner.kind}/${owner.name}`;
  return [run, unixSeconds, pod.namespace, pod.name, pod.uid, ownerText, now, status, horizonSeconds, label];
}
