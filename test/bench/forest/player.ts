/**
 * Whoever is measured is a process of its own, so that none disturbs another's compiled code or memory, and answers the
 * same three questions (native.py says which), a JSON document a line. Between questions it waits and costs nothing:
 * that lets all of them take turns in one run.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Opening {
  readonly model: string;
  readonly rows: string;
  readonly featureCount: number;
  readonly rowCount: number;
}

export type Question =
  | ({ readonly do: 'open' } & Opening)
  | { readonly do: 'predict'; readonly count: number; readonly blocks: number }
  | { readonly do: 'time'; readonly count: number; readonly calls: number };

/** What the processor worked, and what passed by the clock; they differ where others want the processor, too. */
export interface Time {
  readonly cpu: number;
  readonly wall: number;
}

export class Player {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  #stderr = '';

  constructor(name: string, command: string, argv: readonly string[]) {
    this.name = name;
    this.#child = spawn(command, argv, {
      stdio: ['pipe', 'pipe', 'pipe'],
      // One thread, also of libraries that ask nobody.
      env: { ...process.env, OMP_NUM_THREADS: '1' },
    });
    this.#child.stderr?.on('data', (data: Buffer) => (this.#stderr += data.toString()));
    this.#child.stdin?.on('error', () => undefined);
    this.#answers = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  /** What the player says of itself. */
  async open(opening: Opening): Promise<Record<string, unknown>> {
    return this.#ask({ do: 'open', ...opening });
  }

  /** Of the first rows, row-major: so many calls of `count` rows. */
  async predict(count: number, blocks = 1): Promise<Float32Array> {
    const { values } = await this.#ask({ do: 'predict', count, blocks });
    const bytes = Uint8Array.from(Buffer.from(String(values), 'base64'));
    return new Float32Array(bytes.buffer);
  }

  /** Nanoseconds of a call, the mean of so many. */
  async time(count: number, calls: number): Promise<Time> {
    const { cpu, wall } = await this.#ask({ do: 'time', count, calls });
    return { cpu: Number(cpu) / calls, wall: Number(wall) / calls };
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    this.#child.kill();
    await ended;
  }

  async #ask(question: Question): Promise<Record<string, unknown>> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`${this.name} ended: ${reasonOf(this.#stderr)}`);
    return JSON.parse(answer.value) as Record<string, unknown>;
  }
}

/** The line that says what went wrong: a trace of calls may come behind it. */
function reasonOf(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '').trim().slice(0, 200);
}
