import { exportDataset as exportRows } from '../pipeline/export-dataset.ts';
import { DATASET_FORMATS } from '../render/dataset-rows.ts';
import { exportNotes } from '../render/export-notes.ts';
import { exitCode, withSource, type Context, type ExitCode } from './context.ts';
import type { ExportOptions } from './history-options.ts';
import type { Options } from './options.ts';
import { StepProgress } from './progress.ts';

/** kpfd export-dataset: feature rows of the past with what became of them, to train a model on. */
export async function exportDataset(context: Context, options: Options, wanted: ExportOptions): Promise<ExitCode> {
  const format = DATASET_FORMATS[wanted.output];
  const namespace = options.allNamespaces ? undefined : options.namespace;
  const dataset = await context.openDataset(wanted.to, {
    heading: options.headings ? format.heading : '',
    timeOf: (line) => timeOf(format.read(line), wanted, namespace),
  });
  const span = { ...wanted.span, start: dataset.resumeAt ?? wanted.span.start };
  const progress = new StepProgress(context, options.quiet);
  const polls = wanted.labelsFile === undefined ? undefined : context.openPolls(wanted.labelsFile);
  const summary = await withSource(context, (source) =>
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
      },
    ),
  ).finally(async () => {
    progress.end();
    await dataset.close();
  });
  if (!options.quiet)
    context.stderr.write(exportNotes(summary, span.start > wanted.span.start ? span.start : undefined));
  return exitCode({ partial: options.strict && summary.silentSteps > 0 });
}

/**
 * When a row of a file that is to be gone on with was made, or why it is not from this command: half a file of one run and
 * half of another would look like one. (A row does not tell the horizon, nor a file which namespaces or finer steps were left out.)
 */
function timeOf(
  row: ReturnType<(typeof DATASET_FORMATS)['csv']['read']>,
  { run, span }: ExportOptions,
  namespace: string | undefined,
): number | string {
  if (row === undefined) return 'it holds lines that are no rows of this format';
  if (row.run !== run) return `it holds rows of the run ${JSON.stringify(row.run)}`;
  if (namespace !== undefined && row.namespace !== namespace) return `it holds rows of namespace ${row.namespace}`;
  const { unixSeconds } = row;
  if (unixSeconds >= span.start && unixSeconds <= span.end && (unixSeconds - span.start) % span.step === 0) {
    return unixSeconds;
  }
  return `it holds a row of ${unixSeconds}, which is no step of this span`;
}
