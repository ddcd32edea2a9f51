import { progressLine, WITHOUT_PROGRESS } from '../render/progress-line.ts';
import type { ModelContext } from './context.ts';

/** So often a terminal is told, in seconds. */
const INTERVAL = 0.5;

/** How many rows are done, on stderr where that is a terminal: a line that is written over and goes away. */
export class RowProgress {
  readonly #context: Pick<ModelContext, 'stderr' | 'now'>;
  readonly #isShown: boolean;
  #rows = 0;
  #shownAt: number;
  #hasShown = false;

  constructor(context: Pick<ModelContext, 'stderr' | 'now'>, quiet: boolean) {
    this.#context = context;
    this.#isShown = !quiet && context.stderr.width !== undefined;
    this.#shownAt = context.now();
  }

  add(rows: number): void {
    if (!this.#isShown) return;
    this.#rows += rows;
    const now = this.#context.now();
    if (now - this.#shownAt < INTERVAL) return;
    this.#shownAt = now;
    this.#hasShown = true;
    this.#context.stderr.write(progressLine(this.#rows));
  }

  end(): void {
    if (this.#hasShown) this.#context.stderr.write(WITHOUT_PROGRESS);
  }
}
