import { progressLine, stepLine, WITHOUT_PROGRESS } from '../render/progress-line.ts';
import type { ModelContext } from './context.ts';

/** So often a terminal is told, in seconds. */
const INTERVAL = 0.5;

/** How far it is, on stderr where that is a terminal: a line that is written over and goes away. */
class Progress {
  readonly #context: Pick<ModelContext, 'stderr' | 'now'>;
  readonly #isShown: boolean;
  #shownAt: number;
  #hasShown = false;

  constructor(context: Pick<ModelContext, 'stderr' | 'now'>, quiet: boolean) {
    this.#context = context;
    this.#isShown = !quiet && context.stderr.width !== undefined;
    this.#shownAt = context.now();
  }

  protected tell(line: () => string): void {
    if (!this.#isShown) return;
    const now = this.#context.now();
    if (now - this.#shownAt < INTERVAL) return;
    this.#shownAt = now;
    this.#hasShown = true;
    this.#context.stderr.write(line());
  }

  end(): void {
    if (this.#hasShown) this.#context.stderr.write(WITHOUT_PROGRESS);
  }
}

/** How many rows are done. */
export class RowProgress extends Progress {
  #rows = 0;

  add(rows: number): void {
    this.#rows += rows;
    this.tell(() => progressLine(this.#rows));
  }
}

/** How many steps of all are done. */
export class StepProgress extends Progress {
  show(done: number, all: number): void {
    this.tell(() => stepLine(done, all));
  }
}
