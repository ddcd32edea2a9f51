import type { Failure, NeverSeen } from '../core/failure.ts';
import { compareText } from '../core/compare-text.ts';
import { PRESENCE_LOOKBACK_SECONDS } from '../core/signals/catalogue.ts';
import type { MetricSource, Series } from '../core/signals/metric-source.ts';
import { exporterSeries } from '../core/signals/naming.ts';
import { anyOf, by, type Matcher } from '../core/signals/promql.ts';
import { expectedFailure } from './expected-failure.ts';
import { nearest } from './nearest.ts';
import { knownNamespaces } from './namespaces.ts';
import { scanPods, type LoadModel, type Scan, type ScanRequest } from './scan-pods.ts';

/** A scan of named pods, and the names among them that Prometheus has never seen. */
export interface Explanation {
  readonly scan: Scan;
  readonly neverSeen: readonly NeverSeen[];
  /** undefined where they could not be asked for, or need not be. */
  readonly namespaces: readonly string[] | undefined;
}

/** Reads the pods of the given names in one namespace and predicts each, in the order of the names. */
export async function explainPods(
  source: MetricSource,
  loadModel: LoadModel,
  request: ScanRequest & { readonly scope: { readonly namespace: string; readonly pods: readonly string[] } },
): Promise<Explanation> {
  const { namespace, pods: names } = request.scope;
  const scan = await scanPods(source, loadModel, request);
  const place = new Map(names.map((name, i) => [name, i]));
  const pods = scan.pods.toSorted((a, b) => (place.get(a.pod.name) ?? 0) - (place.get(b.pod.name) ?? 0));
  const unseen = names.filter((name) => !pods.some(({ pod }) => pod.name === name));
  const { neverSeen, namespaces } = await describeUnseen(source, scan, namespace, unseen);
  return { scan: { ...scan, pods }, neverSeen, namespaces };
}

async function describeUnseen(
  source: MetricSource,
  { naming, unixSeconds }: Scan,
  namespace: string,
  names: readonly string[],
): Promise<Pick<Explanation, 'neverSeen' | 'namespaces'>> {
  if (names.length === 0) return { neverSeen: [], namespaces: undefined };
  const label = naming.labels['kube-state-metrics'];
  const pods = async (...matchers: Matcher[]): Promise<readonly Series[]> => {
    const info = exporterSeries(naming, 'kube-state-metrics', 'kube_pod_info', matchers);
    return (await source.query(by('count', [label.namespace, label.pod], info), unixSeconds)).series;
  };
  const [siblings, namesakes, namespaces] = await Promise.all([
    hints(pods({ label: label.namespace, op: '=', value: namespace })),
    hints(pods({ label: label.pod, op: '=~', value: anyOf(names) })),
    hints(knownNamespaces(source, unixSeconds, naming)),
  ]);
  const siblingNames = siblings?.map(({ labels }) => labels[label.pod] ?? '');
  // Nearly always one of the others helps, and all pods of a cluster are many.
  let everywhere: Promise<readonly Series[] | undefined> | undefined;
  const nearestElsewhere = async (name: string): Promise<string[] | undefined> => {
    everywhere ??= hints(pods());
    const all = await everywhere;
    if (all === undefined) return undefined;
    const namespacesOf = new Map<string, string[]>();
    for (const { labels } of all) {
      const own = namespacesOf.get(labels[label.pod] ?? '') ?? [];
      namespacesOf.set(labels[label.pod] ?? '', [...own, labels[label.namespace] ?? '']);
    }
    const found = await nearest(name, [...namespacesOf.keys()]);
    return found.flatMap((pod) => (namespacesOf.get(pod) ?? []).sort(compareText).map((other) => `${other}/${pod}`));
  };
  const neverSeen = await Promise.all(
    names.map(async (name) => {
      const near = siblingNames === undefined ? undefined : await nearest(name, siblingNames);
      const elsewhere = namesakes
        ?.filter(({ labels }) => labels[label.pod] === name)
        .map(({ labels }) => labels[label.namespace] ?? '')
        .sort(compareText);
      const helps = [...(near ?? []), ...(elsewhere ?? [])].length > 0;
      return { namespace, name, nearest: near, elsewhere, nearestElsewhere: helps ? [] : await nearestElsewhere(name) };
    }),
  );
  return { neverSeen, namespaces };
}

/** A hint that cannot be had (undefined) must not cost the answer. */
async function hints<T>(asked: Promise<readonly T[]>): Promise<readonly T[] | undefined> {
  return asked.catch((error: unknown) => {
    expectedFailure(error);
    return undefined;
  });
}

/** Why some of the names have no answer: never seen, or known only to a copy that fell silent. */
export function unansweredFailures({ scan, neverSeen, namespaces }: Explanation): Failure[] {
  const { isAbsenceTold } = scan;
  const lookbackSeconds = PRESENCE_LOOKBACK_SECONDS;
  const failures = (isAbsenceTold ? neverSeen : []).map((pod): Failure => ({
    kind: 'pod-never-seen',
    pod,
    lookbackSeconds,
    namespaces: namespaces === undefined ? undefined : [...namespaces],
  }));
  const known = scan.pods.filter(({ pod }) => pod.presence === 'untold').map(({ pod }) => pod);
  // A name that nobody has seen may be one of those that were not answered for.
  const untold = [...(isAbsenceTold ? [] : neverSeen), ...known];
  if (untold[0] !== undefined) {
    const { namespace } = untold[0];
    const because = isAbsenceTold ? 'copy-silent' : 'unanswered';
    failures.push({ kind: 'pods-untold', pods: untold.map(({ name }) => name), namespace, because });
  }
  return failures;
}
