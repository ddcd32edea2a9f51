import type { Warning } from '../core/predictions/completeness.ts';
import type { Model } from '../core/predictions/model.ts';
import type { PodPrediction } from '../core/predictions/prediction.ts';
import { painter } from './colour.ts';
import { podCsv } from './csv.ts';
import { scanDocument } from './document.ts';
import { podTable, STEP_BACK } from './table.ts';
import { clean, enumerate } from './text.ts';

/** Pods and what goes with them, ready to be written in any format. */
export interface Answer {
  readonly unixSeconds: number;
  readonly model: Model;
  readonly pods: readonly PodPrediction[];
  readonly warnings: readonly Warning[];
  readonly complete: boolean;
  readonly neverSeen: readonly { readonly namespace: string; readonly name: string }[];
}

export interface Look {
  readonly headings: boolean;
  readonly colour: boolean;
  /** Columns of the terminal; undefined into a pipe or a file. */
  readonly width: number | undefined;
}

/** What goes to stdout, and a note for stderr. */
export interface Written {
  readonly text: string;
  readonly note?: string;
}

type Writer = (answer: Answer, look: Look) => Written | Promise<Written>;

/** One closed table of formats. */
export const FORMATS: Readonly<Record<'table' | 'wide' | 'json' | 'yaml' | 'csv' | 'name', Writer>> = {
  table: (answer, look) => writeTable(answer, look, false),
  wide: (answer, look) => writeTable(answer, look, true),
  json: (answer) => ({ text: `${JSON.stringify(scanDocument(answer), undefined, 2)}\n` }),
  yaml: async (answer) => ({ text: (await import('yaml')).stringify(scanDocument(answer)) }),
  csv: (answer, look) => ({ text: podCsv(answer.pods, look.headings, answer.unixSeconds) }),
  name: ({ pods }) => ({ text: pods.map(({ pod }) => `pod/${clean(pod.name)}\n`).join('') }),
};

function writeTable(answer: Answer, look: Look, wide: boolean): Written {
  if (answer.pods.length === 0) return { text: '' };
  const { headings, width } = look;
  const paint = painter(look.colour);
  const { text, hidden } = podTable(answer.pods, { headings, wide, width, paint, unixSeconds: answer.unixSeconds });
  if (hidden.length === 0) return { text };
  const shown = STEP_BACK.filter((heading) => hidden.includes(heading));
  return {
    text,
    note: `this terminal is too narrow for ${enumerate(shown, 'and', shown.length)}: -o wide or a pipe has all columns`,
  };
}
