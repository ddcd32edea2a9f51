import { isAtRisk, listPods } from '../core/predictions/listing.ts';
import { scanPods } from '../pipeline/scan-pods.ts';
import { exitCode, lookOf, modelFor, show, showsReasons, withSource, type Context, type ExitCode } from './context.ts';
import type { Options } from './options.ts';
import type { PodOutput } from './outputs.ts';

/** kpfd scan: every pod in scope, worst first. */
export async function scan(context: Context, options: Options<PodOutput>): Promise<ExitCode> {
  const namespace = options.allNamespaces ? undefined : options.namespace;
  const withReasons = showsReasons(options.output);
  const scanning = withSource(context, (source, instant) =>
    scanPods(source, (statistics) => modelFor(context, options, statistics), {
      scope: { namespace, pods: undefined },
      labels: options.labels,
      naming: options,
      kubernetesVersion: options.kubernetesVersion,
      instant,
      withReasons,
    }),
  );
  // Loaded while Prometheus answers: the first request does not wait for what only the answer needs.
  const [found, { scanOutput }] = await Promise.all([scanning, import('../render/scan-output.ts')]);
  const { riskThreshold } = found.model;
  const failOn = options.failOn === 'default' ? riskThreshold : options.failOn;
  // What fails the run is at risk, and listed unless a higher --min-risk asks for less.
  const listing = listPods(found.pods, failOn ?? riskThreshold, options);
  const scope = { namespace, labelled: options.labels !== undefined };
  show(context, await scanOutput(found, listing, scope, options.output ?? 'table', lookOf(context, options)));
  return exitCode({
    alarm: failOn !== undefined && found.pods.some((pod) => isAtRisk(pod, failOn)),
    partial: options.strict && !found.complete,
  });
}
