import { STATUSES, type Status } from '../pods/status.ts';
import { RowScore, type RowFigures } from './row-score.ts';

/**
 * What a rule without probabilities would say if it knew, for each thing that it can say, what becomes of such rows: the
 * shares in the very rows that it is measured on, which is more than a rule can know, and so in its favour.
 */
export class CellScore {
  readonly #cells = new Map<string, Map<Status, number>>();

  add(cell: string, label: Status): void {
    const own = this.#cells.get(cell) ?? new Map<Status, number>();
    own.set(label, (own.get(label) ?? 0) + 1);
    this.#cells.set(cell, own);
  }

  figures(): RowFigures {
    const score = new RowScore();
    for (const labels of this.#cells.values()) {
      const total = [...labels.values()].reduce((sum, count) => sum + count, 0);
      const shares = Object.fromEntries(STATUSES.map((status) => [status, (labels.get(status) ?? 0) / total]));
      for (const [label, count] of labels) score.add(shares as Record<Status, number>, label, count);
    }
    return score.figures();
  }
}
