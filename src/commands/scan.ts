import { isAtRisk, listPods } from '../core/predictions/listing.ts';
import { scanPods } from '../pipeline/scan-pods.ts';
import { FORMATS } from '../render/formats.ts';
import { scanSummary, warningLines } from '../render/summary.ts';
import { exitCode, wantsColour, withSource, type Context, type ExitCode } from './context.ts';
import type { Options } from './options.ts';

/** kpfd scan: every pod in scope, worst first. */
export async function scan(context: Context, options: Options): Promise<ExitCode> {
  const namespace = options.allNamespaces ? undefined : options.namespace;
  const found = await withSource(context, options, 'kpfd scan', (source, instant) =>
    scanPods(source, () => context.loadModel(options.model), {
      scope: { namespace, pods: undefined },
      labels: options.labels,
      layout: options,
      kubernetesVersion: options.kubernetesVersion,
      instant,
    }),
  );
  const { model, unixSeconds, warnings, complete } = found;
  const threshold = options.minRisk ?? model.riskThreshold;
  const { pods, finishedHidden } = listPods(found.pods, {
    minRisk: options.atRisk || options.minRisk !== undefined ? threshold : undefined,
    completed: options.completed,
    sortBy: options.sortBy,
  });
  const written = await FORMATS[options.output ?? 'table'](
    { ...found, pods, neverSeen: [] },
    { headings: options.headings, colour: wantsColour(context.stdout, options), width: context.stdout.width },
  );
  context.stdout.write(written.text);
  context.stderr.write(warningLines(warnings, { notes: options.verbose }));
  if (!options.quiet) {
    if (written.note !== undefined) context.stderr.write(`note: ${written.note}\n`);
    context.stderr.write(
      scanSummary({
        pods: found.pods.length - finishedHidden,
        atRisk: found.pods.filter((pod) => isAtRisk(pod, threshold)).length,
        threshold,
        notEvaluated: found.pods.filter(({ notEvaluated }) => notEvaluated !== undefined).length - finishedHidden,
        finishedHidden,
        namespace,
        unixSeconds,
        horizonSeconds: model.horizonSeconds,
        model: `${model.name} ${model.version}`,
      }),
    );
  }
  const failOn = options.failOn === 'default' ? model.riskThreshold : options.failOn;
  return exitCode({
    alarm: failOn !== undefined && found.pods.some((pod) => isAtRisk(pod, failOn)),
    partial: options.strict && !complete,
  });
}
