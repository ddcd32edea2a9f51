import { existsSync } from 'node:fs';

/** The Python that has models/training/requirements.txt: KPFD_PYTHON, the project's .venv, or the machine's. */
export function python(): string {
  const own = process.env['KPFD_PYTHON'];
  if (own !== undefined && own !== '') return own;
  return existsSync('.venv/bin/python') ? '.venv/bin/python' : 'python3';
}
