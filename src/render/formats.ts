import type { Warning } from '../core/predictions/completeness.ts';
import type { Model } from '../core/predictions/model.ts';
import type { PodPrediction } from '../core/predictions/prediction.ts';
import { painter } from './colour.ts';
import { podTable } from './table.ts';
import { clean, enumerate, jsonText } from './text.ts';

/** Pods and what goes with them, ready to be written in any format. */
export interface Answer {
  readonly unixSeconds: number;
  readonly model: Model;
  readonly pods: readonly PodPrediction[];
  readonly warnings: readonly Warning[];
  readonly complete: boolean;
  readonly neverSeen: readonly { readonly namespace: string; readonly name: string }[];
  /** All pods in scope, where not all of them are shown: the document names every one without a prediction. */
  readonly inScope?: readonly PodPrediction[];
}

export interface Look {
  readonly headings: boolean;
  readonly colour: boolean;
  /** Columns of the terminal; undefined into a pipe or a file. */
  readonly width: number | undefined;
  /** No notes and no summary. */
  readonly quiet: boolean;
  /** Also what is of interest only when something is odd. */
  readonly verbose: boolean;
}

/** What goes to stdout and what to stderr. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** What goes to stdout, and a note for stderr. */
interface Written {
  readonly text: string;
  readonly note?: string;
}

type Writer = (answer: Answer, look: Look) => Promise<Written>;

/** One closed table of formats. Each loads what only it needs when it is chosen. */
export const FORMATS: Readonly<Record<'table' | 'wide' | 'json' | 'yaml' | 'csv' | 'name', Writer>> = {
  table: async (answer, look) => writeTable(answer, look, false),
  wide: async (answer, look) => writeTable(answer, look, true),
  json: async (answer) => ({ text: jsonText(await documentOf(answer)) }),
  yaml: async (answer) => ({ text: (await import('./yaml-text.ts')).yamlText(await documentOf(answer)) }),
  // Headings of nothing would be mail from cron, which asked for silence.
  csv: async ({ pods, unixSeconds }, { headings, quiet }) => ({
    text: (await import('./csv.ts')).podCsv(pods, headings && !(quiet && pods.length === 0), unixSeconds),
  }),
  name: async ({ pods }) => ({ text: pods.map(({ pod }) => `pod/${clean(pod.name)}\n`).join('') }),
};

async function documentOf(answer: Answer): Promise<Record<string, unknown>> {
  return (await import('./document.ts')).scanDocument(answer);
}

function writeTable(answer: Answer, look: Look, wide: boolean): Written {
  if (answer.pods.length === 0) return { text: '' };
  const { headings, width } = look;
  const paint = painter(look.colour);
  const { text, hidden } = podTable(answer.pods, { headings, wide, width, paint, unixSeconds: answer.unixSeconds });
  if (hidden.length === 0) return { text };
  const columns = enumerate(hidden, 'and', hidden.length);
  return { text, note: `this terminal is too narrow for ${columns}: -o wide or a pipe has all columns` };
}
