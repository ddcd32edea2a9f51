import { usage } from './choice.ts';

/** What kubectl calls other kinds of objects, in its three spellings: no namespaces. */
const OTHER_KINDS =
  /^(?:deploy|deployments?|rs|replicasets?|sts|statefulsets?|ds|daemonsets?|jobs?|cj|cronjobs?|rc|replicationcontrollers?|no|nodes?|svc|services?)$/;

/** As kubectl takes them, each once: `a b`, `pod/a pod/b` or `pod a b`. Throws a FailureError for what is none. */
export function podNames(names: readonly string[]): string[] {
  const isTyped = names.length > 1 && /^(?:pods?|po)$/.test(names[0] ?? '');
  return [...new Set((isTyped ? names.slice(1) : names).map(podName))];
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
  throw usage(`kpfd predicts pods, and ${JSON.stringify(argument)} is the name of none`, advice);
}
