/** By what a listing may be ordered; every order falls back on the worst first. */
export const SORT_KEYS = [
  'risk',
  'confidence',
  'name',
  'namespace',
  'now',
  'predicted',
  'restarts',
  'age',
  'node',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];
