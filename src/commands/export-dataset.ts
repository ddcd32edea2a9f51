import { FailureError } from '../core/failure.ts';
import { exportDataset as exportRows } from '../pipeline/export-dataset.ts';
import { DATASET_FORMATS } from '../render/dataset-rows.ts';
import { exportNotes } from '../render/export-notes.ts';
import { exitCode, withSource, type Context, type ExitCode } from './context.ts';
import type { ExportOptions } from './history-options.ts';
import type { Options } from './options.ts';
import { StepProgress } from './progress.ts';

/** kpfd export-dataset: feature rows of the past with what became of them, to train a model on. */
export async function exportDataset(context: Context, options: Options, wanted: ExportOptions): Promise<ExitCode> {
  const { heading, ...rest } = DATASET_FORMATS[wanted.output];
  const format = { ...rest, heading: options.headings ? heading : '' };
  const dataset = await context.openDataset(wanted.to, format);
  const span = { ...wanted.span, start: startOf(wanted, dataset.resumeAt) };
  const progress = new StepProgress(context, options.quiet);
  const polls = wanted.labelsFile === undefined ? undefined : context.openPolls(wanted.labelsFile);
  const summary = await withSource(context, (source) =>
    exportRows(
      source,
      {
        span,
        horizonSeconds: wanted.horizonSeconds,
        scope: { namespace: options.allNamespaces ? undefined : options.namespace, pods: undefined },
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

/** Where a file that a cut left behind is gone on with: its steps must be those that are asked for now. */
function startOf({ span, to }: ExportOptions, resumeAt: number | undefined): number {
  if (resumeAt === undefined) return span.start;
  if (resumeAt >= span.start && resumeAt <= span.end && (resumeAt - span.start) % span.step === 0) return resumeAt;
  const problem = `its last row is of ${resumeAt}, which is no step of this span`;
  throw new FailureError({ kind: 'dataset-other', path: to ?? '', problem });
}
