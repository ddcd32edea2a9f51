import { isAtRisk } from '../core/predictions/listing.ts';
import { explainPods, unansweredFailures } from '../pipeline/explain-pod.ts';
import { exitCode, lookOf, modelFor, show, showsReasons, withSource, type Context, type ExitCode } from './context.ts';
import type { Options } from './options.ts';
import type { PodOutput } from './outputs.ts';

/** kpfd predict: one page for each named pod, or the named pods in another format. */
export async function predict(
  context: Context,
  options: Options<PodOutput>,
  pods: readonly string[],
): Promise<ExitCode> {
  // The page has them, and it is what -o is not needed for.
  const withReasons = options.output === undefined || showsReasons(options.output);
  const explaining = withSource(context, (source, instant) =>
    explainPods(source, (statistics) => modelFor(context, options, statistics), {
      scope: { namespace: options.namespace, pods },
      labels: undefined,
      naming: options,
      kubernetesVersion: options.kubernetesVersion,
      instant,
      withReasons,
    }),
  );
  // Loaded while Prometheus answers: the first request does not wait for what only the answer needs.
  const [explained, { explanationOutput }] = await Promise.all([explaining, import('../render/explanation.ts')]);
  const { scan, neverSeen } = explained;
  const failures = unansweredFailures(explained);
  show(context, await explanationOutput({ ...scan, neverSeen }, failures, options.output, lookOf(context, options)));
  const failOn = options.failOn === 'default' ? scan.model.riskThreshold : options.failOn;
  return exitCode({
    failed: failures.length > 0,
    alarm: failOn !== undefined && scan.pods.some((pod) => isAtRisk(pod, failOn)),
    partial: options.strict && !scan.complete,
  });
}
