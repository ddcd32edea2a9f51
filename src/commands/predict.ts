import { FailureError } from '../core/failure.ts';
import { isAtRisk } from '../core/predictions/listing.ts';
import { explainPods, unansweredFailures } from '../pipeline/explain-pod.ts';
import { exitCode, lookOf, modelFor, show, showsReasons, withSource, type Context, type ExitCode } from './context.ts';
import type { Options } from './options.ts';

/** kpfd predict: one page for each named pod, or the named pods in another format. */
export async function predict(context: Context, options: Options, names: readonly string[]): Promise<ExitCode> {
  const pods = [...new Set(podNames(names))];
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

/** What kubectl calls other kinds of objects, in its three spellings: no namespaces. */
const OTHER_KINDS =
  /^(?:deploy|deployments?|rs|replicasets?|sts|statefulsets?|ds|daemonsets?|jobs?|cj|cronjobs?|rc|replicationcontrollers?|no|nodes?|svc|services?)$/;

/** As kubectl takes them: `a b`, `pod/a pod/b` or `pod a b`. */
function podNames(names: readonly string[]): string[] {
  const isTyped = names.length > 1 && /^(?:pods?|po)$/.test(names[0] ?? '');
  return (isTyped ? names.slice(1) : names).map(podName);
}

/** `my-pod`, or `pod/my-pod`. */
function podName(argument: string): string {
  const match = /^(?:(pods?|po)\/)?([^/]+)$/.exec(argument);
  const name = match?.[2];
  if (name !== undefined) return name;
  const [namespace, pod] = argument.split('/');
  // The pages name pods so.
  const advice =
    pod === undefined || pod === '' || OTHER_KINDS.test(namespace ?? '')
      ? 'give the name of a pod, or select pods by label with `kpfd scan -l`'
      : `for pod ${pod} of namespace ${namespace} write \`kpfd predict ${pod} -n ${namespace}\``;
  throw new FailureError({
    kind: 'usage',
    problem: `kpfd predicts pods, and ${JSON.stringify(argument)} is the name of none`,
    advice,
  });
}
