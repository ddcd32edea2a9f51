import type { Warning } from './completeness.ts';
import type { EventFigures } from './event-score.ts';
import type { RowFigures } from './row-score.ts';

/** How a model would have done on a Prometheus' past, beside what people have today. */
export interface Backtest {
  readonly model: { readonly name: string; readonly version: string; readonly horizonSeconds: number };
  /** Unix seconds, and seconds. */
  readonly span: { readonly start: number; readonly end: number; readonly step: number };
  readonly threshold: number;
  /** Steps at which kube-state-metrics told something, of all. */
  readonly steps: { readonly told: number; readonly all: number };
  /** Evaluations of pods, with a label or without. */
  readonly evaluations: number;
  /** What could not be read at some step, or not whole. */
  readonly warnings: readonly Warning[];
  readonly detectors: readonly DetectorFigures[];
}

export interface DetectorFigures {
  readonly name: string;
  readonly about: string;
  readonly events: EventFigures;
  /** All rows, those of pods that are well, and those of pods that fail already: to name the present is no forecast. */
  readonly rows: Readonly<Record<RowGroup, RowFigures>>;
}

export const ROW_GROUPS = ['all', 'well', 'failing'] as const;
export type RowGroup = (typeof ROW_GROUPS)[number];
