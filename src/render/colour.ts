import picocolors from 'picocolors';
import type { Status } from '../core/pods/status.ts';

/** Paints text, or leaves it as it is where the stream gets no colour. Colour never carries what words do not. */
export interface Painter {
  status(text: string, status: Status | undefined): string;
  strong(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
}

export function painter(enabled: boolean): Painter {
  const { red, yellow, green, bold, dim } = picocolors.createColors(enabled);
  const byStatus: Readonly<Record<Status, (text: string) => string>> = {
    CrashLoopBackOff: red,
    Error: red,
    Unknown: red,
    Pending: yellow,
    ContainerCreating: yellow,
    Running: green,
    NotFound: dim,
  };
  return {
    status: (text, status) => (status === undefined ? dim(text) : byStatus[status](text)),
    strong: bold,
    dim,
    good: green,
    warn: yellow,
    bad: red,
  };
}
