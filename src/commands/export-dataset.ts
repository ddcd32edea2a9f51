import { exportDataset as exportRows, type ExportSummary } from '../pipeline/export-dataset.ts';
import { DATASET_FORMATS } from '../render/dataset-rows.ts';
import { exportNotes } from '../render/export-notes.ts';
import { exitCode, withSource, type Context, type ExitCode } from './context.ts';
import type { ExportOptions } from './history-options.ts';
import type { Options } from './options.ts';
import type { DatasetOutput } from './outputs.ts';
import { StepProgress } from './progress.ts';

/** kpfd export-dataset: feature rows of the past with what became of them, to train a model on. */
export async function exportDataset(
  context: Context,
  options: Options<DatasetOutput>,
  wanted: ExportOptions,
): Promise<ExitCode> {
  const output = options.output ?? 'csv';
  const format = DATASET_FORMATS[output];
  const namespace = options.allNamespaces ? undefined : options.namespace;
  const dataset = await context.openDataset(wanted.to, {
    heading: options.headings ? format.heading : '',
    options: decisive(options, wanted),
    timeOf: (line) => format.timeOf(line),
  });
  const span = { ...wanted.span, start: dataset.resumeAt ?? wanted.span.start };
  const progress = new StepProgress(context, options.quiet);
  const polls = wanted.labelsFile === undefined ? undefined : context.openPolls(wanted.labelsFile);
  let isComplete = false;
  let summary: ExportSummary;
  try {
    summary = await withSource(context, (source) =>
      exportRows(
        source,
        {
          span,
          horizonSeconds: wanted.horizonSeconds,
          scope: { namespace, pods: undefined },
          naming: options,
          kubernetesVersion: options.kubernetesVersion,
          maxSamples: wanted.maxSamples,
        },
        polls,
        {
          take: (rows) => dataset.write(format.rows(wanted.run, rows)),
          step: (done, all) => progress.show(done, all),
          lacks: () => dataset.markPartial(),
        },
      ),
    );
    isComplete = true;
  } finally {
    progress.end();
    await dataset.close(isComplete);
  }
  const resumed = span.start > wanted.span.start ? { at: span.start, wasPartial: dataset.wasPartial } : undefined;
  context.stderr.write(exportNotes(summary, namespace, resumed, options));
  const isPartial =
    resumed?.wasPartial === true || summary.silentSteps > 0 || summary.warnings.some(({ incomplete }) => incomplete);
  return exitCode({ partial: options.strict && isPartial });
}

/** The options that decide which rows there are, and what is in them. */
function decisive(
  options: Options<DatasetOutput>,
  { span, horizonSeconds, run, labelsFile }: ExportOptions,
): Record<string, string> {
  const time = (unixSeconds: number): string => new Date(unixSeconds * 1000).toISOString();
  return {
    '--output': options.output ?? 'csv',
    '--no-headers': String(!options.headings),
    '--run': run,
    '--start': time(span.start),
    '--end': time(span.end),
    '--step': `${span.step}s`,
    '--horizon': `${horizonSeconds}s`,
    '--namespace': options.allNamespaces ? '(all)' : options.namespace,
    '--cluster': options.cluster ?? '(none)',
    '--ksm-selector': options.ksmSelector,
    '--cadvisor-selector': options.cadvisorSelector,
    '--kubernetes-version': options.kubernetesVersion ?? '(none)',
    '--labels': labelsFile ?? '(none)',
  };
}
