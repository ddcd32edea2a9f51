import { access, open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { FailureError } from '../core/failure.ts';
import { isLastingFile } from './lasting-file.ts';
import { codeOf } from './error-code.ts';

/** What a file must be like to be gone on with; see commands/context.ts. */
interface Shape {
  readonly heading: string;
  readonly options: Readonly<Record<string, string>>;
  timeOf(line: string): number | undefined;
}

interface DatasetFile {
  readonly resumeAt: number | undefined;
  readonly wasPartial: boolean;
  markPartial(): Promise<void>;
  write(text: string): Promise<boolean>;
  close(isComplete: boolean): Promise<void>;
}

const READ_BYTES = 256 * 1024;
const LINE_END = 0x0a;

/**
 * Opens a file of rows to write to its end. While it is not complete, a file beside it says of which options it is, since rows
 * cannot say what was left out. One that a cut left behind is gone on with by the same options: the rows of its last time, of
 * which some may be missing, are written anew, and `resumeAt` names that time; `wasPartial` says that it had been marked as
 * lacking rows. A file of anything else is left as it is. Rejects with a FailureError.
 */
export async function openDataset(path: string, shape: Shape): Promise<DatasetFile> {
  // A pipe or a device has nothing to go on with.
  const isFile = await isLastingFile(path);
  const isNew = isFile && !(await exists(path));
  const file = await open(path, isFile ? 'a+' : 'w').catch((error: unknown) => {
    throw unwritable(path, error);
  });
  const begun = begunBeside(path);
  try {
    let isPartial = isFile && (await assertOwn(file, path, begun, shape.options));
    const wasPartial = isPartial;
    const found = isFile ? await lastTime(file, path, shape) : undefined;
    let isHeaded = found !== undefined;
    const noteBeginning = async (): Promise<void> => {
      if (!isFile) return;
      const told = isPartial ? { ...shape.options, [PARTIAL]: 'true' } : shape.options;
      // In one step: a cut in the middle must not leave one that cannot be read.
      const fresh = `${begun}.new`;
      await writeFile(fresh, `${JSON.stringify(told)}\n`)
        .then(async () => rename(fresh, begun))
        .catch((error: unknown) => {
          throw unwritable(begun, error);
        });
    };
    const head = async (): Promise<void> => {
      if (isHeaded) return;
      await noteBeginning();
      await file.appendFile(shape.heading);
      isHeaded = true;
    };
    // Only once there is something to put in their place: who opened it may yet find that it is not the file for this.
    let stale = found?.offset;
    return {
      resumeAt: found?.time,
      wasPartial,
      markPartial: async () => {
        if (isPartial) return;
        isPartial = true;
        if (isHeaded) await noteBeginning();
      },
      write: async (text) => {
        try {
          if (stale !== undefined) await file.truncate(stale);
          stale = undefined;
          await head();
          await file.appendFile(text);
        } catch (error) {
          throw unwritable(path, error);
        }
        return true;
      },
      close: async (isComplete) => {
        let isEmpty = false;
        try {
          if (isComplete && stale !== undefined) await file.truncate(stale);
          if (isComplete) await head();
          isEmpty = isNew && (await file.stat()).size === 0;
        } catch (error) {
          throw unwritable(path, error);
        } finally {
          await file.close();
        }
        if (isFile && isComplete) await rm(begun, { force: true });
        // What was not begun leaves nothing behind: the next try may be by other options.
        if (isEmpty) await rm(path, { force: true });
      },
    };
  } catch (error) {
    await file.close();
    throw unwritable(path, error);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Stands beside the options that an unfinished file was begun with where it lacks rows. */
const PARTIAL = 'partial';

/** Rejects a file that other options made, or of which nobody knows; tells whether it was marked as partial. */
async function assertOwn(file: FileHandle, path: string, begun: string, options: Shape['options']): Promise<boolean> {
  if ((await file.stat()).size === 0) return false;
  const told = await readFile(begun, 'utf8').catch(() => undefined);
  if (told === undefined) throw other(path, 'it is complete, or kpfd did not begin it');
  let known: Shape['options'];
  try {
    // Read by hand it may be anything.
    known = { ...(JSON.parse(told) as Shape['options'] | null) };
  } catch {
    throw other(path, `${begun}, which says how it was begun, is not readable`);
  }
  const changed = Object.keys(options).find((option) => known[option] !== options[option]);
  if (changed !== undefined) {
    throw other(path, `it was begun with ${changed} ${known[changed] ?? ''}, not ${options[changed]}`);
  }
  return known[PARTIAL] === 'true';
}

/**
 * The last time of a row (undefined where there is none yet) and where its rows begin, in bytes; undefined of a file without
 * a whole line, which is begun anew.
 */
async function lastTime(
  file: FileHandle,
  path: string,
  shape: Shape,
): Promise<{ time: number | undefined; offset: number } | undefined> {
  let found: { time: number | undefined; offset: number } | undefined;
  for await (const { line, offset } of wholeLines(file)) {
    if (found === undefined && shape.heading !== '') {
      if (`${line}\n` !== shape.heading) throw other(path, 'its first line names other columns');
      found = { time: undefined, offset: Buffer.byteLength(shape.heading) };
      continue;
    }
    const time = shape.timeOf(line);
    if (time === undefined) throw other(path, 'it holds lines that are no rows of this format');
    if (time !== found?.time) found = { time, offset };
  }
  if (found === undefined) await file.truncate(0);
  return found;
}

/** Lines that have their end, and where each begins, in bytes. */
async function* wholeLines(file: FileHandle): AsyncGenerator<{ line: string; offset: number }> {
  let rest = Buffer.alloc(0);
  let offset = 0;
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    let bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END)) {
      yield { line: bytes.subarray(0, end).toString('utf8'), offset };
      offset += end + 1;
      bytes = bytes.subarray(end + 1);
    }
    rest = bytes;
  }
}

function other(path: string, problem: string): FailureError {
  return new FailureError({ kind: 'dataset-other', path, problem });
}

/** What failed already with words of its own keeps them. */
function unwritable(path: string, error: unknown): FailureError {
  if (error instanceof FailureError) return error;
  return new FailureError({ kind: 'file-unwritable', role: 'dataset', path, code: codeOf(error) }, error);
}

/** The file that stands beside an export until it is complete, and says how it was begun. */
export function begunBeside(path: string): string {
  return `${path}.begun`;
}
