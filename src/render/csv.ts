import { STATUSES } from '../core/pods/status.ts';
import type { PodPrediction } from '../core/predictions/prediction.ts';
import { clean } from './text.ts';

type Field = string | number | undefined;

const COLUMNS: readonly {
  readonly heading: string;
  readonly value: (p: PodPrediction, unixSeconds: number) => Field;
}[] = [
  { heading: 'namespace', value: ({ pod }) => pod.namespace },
  { heading: 'pod', value: ({ pod }) => pod.name },
  { heading: 'node', value: ({ pod }) => pod.node?.name },
  { heading: 'ready', value: ({ now }) => now.readyContainers },
  { heading: 'total', value: ({ now }) => now.totalContainers },
  { heading: 'now', value: ({ now }) => now.now },
  { heading: 'status', value: ({ now }) => now.status },
  { heading: 'predicted', value: ({ prediction }) => prediction?.status },
  { heading: 'confidence', value: ({ prediction }) => digits(prediction?.confidence) },
  { heading: 'risk', value: ({ prediction }) => digits(prediction?.risk) },
  { heading: 'restarts', value: ({ now }) => now.restarts },
  {
    heading: 'age_seconds',
    value: ({ pod }, unixSeconds) =>
      pod.createdAtUnixSeconds === undefined ? undefined : Math.floor(unixSeconds - pod.createdAtUnixSeconds),
  },
  ...STATUSES.map((status) => ({
    heading: `p_${status}`,
    value: ({ prediction }: PodPrediction) => digits(prediction?.probabilities[status]),
  })),
  { heading: 'not_evaluated', value: ({ notEvaluated }) => notEvaluated },
];

/** RFC 4180, with a plain newline at each end of line. A field that is not known is empty. */
export function podCsv(predictions: readonly PodPrediction[], headings: boolean, unixSeconds: number): string {
  const rows = predictions.map((p) => COLUMNS.map(({ value }) => value(p, unixSeconds)));
  return csv(headings ? [COLUMNS.map(({ heading }) => heading), ...rows] : rows);
}

export function csv(rows: readonly (readonly Field[])[]): string {
  return rows.map((row) => `${row.map(field).join(',')}\n`).join('');
}

function field(value: Field): string {
  const text = value === undefined ? '' : clean(String(value));
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function digits(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toPrecision(9));
}
