/** The formats that each command writes, the one that is meant where none is asked for first. */
export const POD_OUTPUTS = ['table', 'wide', 'json', 'yaml', 'csv', 'name'] as const;
/** A check has no list of names and no rows. */
export const CHECK_OUTPUTS = ['table', 'wide', 'json', 'yaml'] as const;
export const BACKTEST_OUTPUTS = ['table', 'json'] as const;
export const DATASET_OUTPUTS = ['csv', 'jsonl'] as const;
export const SHOW_OUTPUTS = ['table', 'json'] as const;
export const ROW_OUTPUTS = ['csv', 'json', 'jsonl'] as const;

/** All that a setting may name: a command that does not write it keeps its own. */
export const OUTPUTS = [...new Set([...POD_OUTPUTS, ...DATASET_OUTPUTS])];

export type PodOutput = (typeof POD_OUTPUTS)[number];
export type CheckOutput = (typeof CHECK_OUTPUTS)[number];
export type BacktestOutput = (typeof BACKTEST_OUTPUTS)[number];
export type DatasetOutput = (typeof DATASET_OUTPUTS)[number];
