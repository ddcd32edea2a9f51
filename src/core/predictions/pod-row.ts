import type { PodSnapshot } from '../pods/snapshot.ts';
import type { Status } from '../pods/status.ts';
import type { Observation } from './observation.ts';

/** A pod at one step, and what became of it. */
export interface PodRow {
  readonly unixSeconds: number;
  readonly pod: PodSnapshot;
  readonly now: string;
  readonly status: Status;
  /** In the order of the schema. */
  readonly features: Float32Array;
  /** How far the label looks ahead. */
  readonly horizonSeconds: number;
  /** undefined: the horizon was cut off. */
  readonly label: Status | undefined;
  /** A pause between observations longer than this hides what happened in it. */
  readonly longestGapSeconds: number;
  /** How the pod was seen from this step until the next one. */
  readonly seen: readonly Observation[];
  /** Which conditions of rivals hold (rivalsQuery). */
  readonly conditions: ReadonlySet<string>;
}
