import { STATUSES, type Status } from '../core/pods/status.ts';
import type { PodPrediction } from '../core/predictions/prediction.ts';
import type { Painter } from './colour.ts';
import { reasonLines } from './reason-text.ts';
import { grid, widthOf, type GridColumn } from './grid.ts';
import { age, clean, percent } from './text.ts';

export interface TableOptions {
  readonly headings: boolean;
  readonly wide: boolean;
  /** Columns of the terminal; undefined into a pipe or a file, where nothing is left out. */
  readonly width: number | undefined;
  readonly paint: Painter;
  readonly unixSeconds: number;
}

interface Column extends GridColumn {
  readonly text: (prediction: PodPrediction, unixSeconds: number) => string;
  readonly colour?: (prediction: PodPrediction) => Status | undefined;
  readonly wideOnly?: true;
}

/** Headings of the seven probabilities, short enough to stand side by side. */
export const STATUS_HEADINGS: Readonly<Record<Status, string>> = {
  CrashLoopBackOff: 'CRASH',
  Error: 'ERROR',
  Unknown: 'UNKN',
  Pending: 'PEND',
  ContainerCreating: 'CREATE',
  Running: 'RUN',
  NotFound: 'GONE',
};

const COLUMNS: readonly Column[] = [
  { heading: 'NAMESPACE', align: 'left', text: ({ pod }) => clean(pod.namespace) },
  { heading: 'POD', align: 'left', text: ({ pod }) => clean(pod.name) },
  { heading: 'READY', align: 'left', text: readyText },
  { heading: 'NOW', align: 'left', text: ({ now }) => clean(now.now), colour: ({ now }) => now.status },
  {
    heading: 'PREDICTED',
    align: 'left',
    text: ({ prediction }) => prediction?.status ?? '-',
    colour: ({ prediction }) => prediction?.status,
  },
  { heading: 'CONFIDENCE', align: 'right', text: ({ prediction }) => optionalPercent(prediction?.confidence) },
  { heading: 'RISK', align: 'right', text: ({ prediction }) => optionalPercent(prediction?.risk) },
  { heading: 'RESTARTS', align: 'left', text: restartsText },
  { heading: 'AGE', align: 'right', text: ageText },
  ...STATUSES.map((status): Column => ({
    heading: STATUS_HEADINGS[status],
    align: 'right',
    text: ({ prediction }) => optionalPercent(prediction?.probabilities[status]),
  })),
  { heading: 'NODE', align: 'left', wideOnly: true, text: ({ pod }) => clean(pod.node?.name ?? '<none>') },
  { heading: 'OWNER', align: 'left', wideOnly: true, text: ownerText },
  { heading: 'WHY', align: 'left', wideOnly: true, text: whyText },
];

/**
 * The order in which columns step back on a narrow terminal: first what kubectl has as well, then the distribution from
 * its least alarming end. POD, NOW, PREDICTED and RISK never do.
 */
export const STEP_BACK: readonly string[] = [
  'GONE',
  'AGE',
  'READY',
  'RESTARTS',
  'CREATE',
  'PEND',
  'UNKN',
  'RUN',
  'ERROR',
  'CRASH',
  'CONFIDENCE',
  'NAMESPACE',
];

/** The table of a scan, and the headings of the columns that found no room. */
export function podTable(
  predictions: readonly PodPrediction[],
  options: TableOptions,
): { text: string; hidden: string[] } {
  const candidates = COLUMNS.filter(({ wideOnly }) => wideOnly !== true || options.wide);
  const texts = candidates.map((column) => predictions.map((p) => column.text(p, options.unixSeconds)));
  const widths = candidates.map((column, i) =>
    Math.max(options.headings ? column.heading.length : 0, ...lengths(texts[i] as string[])),
  );
  const hidden = options.wide ? [] : stepBack(candidates, widths, options.width);
  const shown = candidates.map((column, i) => ({ column, i })).filter(({ column }) => !hidden.includes(column.heading));
  const rows = predictions.map((prediction, row) =>
    shown.map(({ column, i }) => {
      const text = (texts[i] as string[])[row] as string;
      return column.colour === undefined ? text : options.paint.status(text, column.colour(prediction));
    }),
  );
  return {
    text: grid(
      shown.map(({ column }) => column),
      rows,
      options.headings,
    ),
    hidden,
  };
}

/** The two facts that count most, and which way they moved RISK. */
function whyText(prediction: PodPrediction): string {
  const way = (logOdds: number): string => (logOdds > 0 ? 'raised' : 'lowered');
  const [first, second] = reasonLines(prediction);
  if (first === undefined) return '';
  const text = `${way(first.logOdds)}: ${first.text}`;
  if (second === undefined) return text;
  return `${text}; ${way(first.logOdds) === way(second.logOdds) ? '' : `${way(second.logOdds)}: `}${second.text}`;
}

/** Math.max of many arguments overflows the stack: the longest only. */
function lengths(texts: readonly string[]): number[] {
  return [texts.reduce((widest, text) => Math.max(widest, widthOf(text)), 0)];
}

function stepBack(columns: readonly Column[], widths: readonly number[], width: number | undefined): string[] {
  const hidden: string[] = [];
  if (width === undefined) return hidden;
  const total = (): number => {
    const shown = widths.filter((_, i) => !hidden.includes((columns[i] as Column).heading));
    return shown.reduce((sum, own) => sum + own, 0) + 2 * (shown.length - 1);
  };
  for (const heading of STEP_BACK) {
    if (total() <= width) break;
    hidden.push(heading);
  }
  return hidden;
}

export function readyText({ now, pod }: PodPrediction): string {
  return pod.presence === 'present' ? `${now.readyContainers ?? '?'}/${now.totalContainers ?? '?'}` : '-';
}

/** As kubectl: the count, and how long ago the last one was. */
export function restartsText({ now }: PodPrediction, unixSeconds: number): string {
  if (now.restarts === undefined) return '-';
  if (now.restarts === 0 || now.restartedAtUnixSeconds === undefined) return String(now.restarts);
  return `${now.restarts} (${age(unixSeconds - now.restartedAtUnixSeconds)} ago)`;
}

export function ageText({ pod }: PodPrediction, unixSeconds: number): string {
  return pod.createdAtUnixSeconds === undefined ? '-' : age(unixSeconds - pod.createdAtUnixSeconds);
}

function ownerText({ pod }: PodPrediction): string {
  const owner = pod.rootOwner ?? pod.owner;
  return owner === undefined ? '<none>' : clean(`${owner.kind}/${owner.name}`);
}

function optionalPercent(share: number | undefined): string {
  return share === undefined ? '-' : percent(share);
}
