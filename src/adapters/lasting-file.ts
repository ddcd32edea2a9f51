import { stat } from 'node:fs/promises';

/** Whether a path is a file, or will be one: what a pipe or a device holds is there once. */
export async function isLastingFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => true,
  );
}
