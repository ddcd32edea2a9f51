import { backtestModel } from '../pipeline/backtest-model.ts';
import { backtestOutput } from '../render/backtest-output.ts';
import { exitCode, modelFor, show, withSource, type Context, type ExitCode } from './context.ts';
import type { BacktestOptions } from './history-options.ts';
import type { Options } from './options.ts';
import type { BacktestOutput } from './outputs.ts';
import { StepProgress } from './progress.ts';

/** kpfd backtest: how the model would have done on this Prometheus' past, beside what people have today. */
export async function backtest(
  context: Context,
  options: Options<BacktestOutput>,
  wanted: BacktestOptions,
): Promise<ExitCode> {
  const progress = new StepProgress(context, options.quiet);
  const polls = wanted.labelsFile === undefined ? undefined : context.openPolls(wanted.labelsFile);
  const found = await withSource(context, (source) =>
    backtestModel(
      source,
      () => modelFor(context, options),
      {
        span: wanted.span,
        scope: { namespace: options.allNamespaces ? undefined : options.namespace, pods: undefined },
        naming: options,
        kubernetesVersion: options.kubernetesVersion,
        maxSamples: wanted.maxSamples,
      },
      wanted.threshold,
      polls,
      (done, all) => progress.show(done, all),
    ),
  ).finally(() => progress.end());
  show(context, backtestOutput(found, options.output ?? 'table', options));
  const isPartial = found.steps.told < found.steps.all || found.warnings.some(({ incomplete }) => incomplete);
  return exitCode({ partial: options.strict && isPartial });
}
