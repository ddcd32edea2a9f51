import { FailureError } from '../core/failure.ts';
import { podKey } from '../core/pods/presence.ts';
import { PRESENCE_LOOKBACK_SECONDS } from '../core/signals/catalogue.ts';
import { copyKeyOf } from '../core/signals/copies.ts';
import { mangledLabels, matchesLabels, type Requirement } from '../core/signals/label-selector.ts';
import type { MetricSource, Series } from '../core/signals/metric-source.ts';
import { canonicalLabels, exporterSeries, type Naming } from '../core/signals/naming.ts';
import { by, over, tagged, type Matcher } from '../core/signals/promql.ts';
import type { Scope } from '../core/signals/signal.ts';
import type { Journal } from './journal.ts';

/**
 * The keys (podKey) of the pods in scope whose labels meet the requirements, from kube_pod_labels. Rejects where
 * kube-state-metrics exports none of a label: an empty table would look like an answer.
 */
export async function selectByLabels(
  source: MetricSource,
  unixSeconds: number,
  naming: Naming,
  scope: Scope,
  requirements: readonly Requirement[],
  journal: Journal,
): Promise<ReadonlySet<string>> {
  const names = naming.labels['kube-state-metrics'];
  const select = (...more: Matcher[]): string => exporterSeries(naming, 'kube-state-metrics', 'kube_pod_labels', more);
  const keys = [...new Set(requirements.map(({ key }) => key))];
  const candidates = keys.flatMap((key) => mangledLabels(key).map((label) => ({ key, label })));

  // Over the whole cluster, whatever the scope: a namespace may well hold no pod with the label.
  const exported = journal.answered(
    await source.query(
      tagged(
        candidates.map(({ label }) => ({
          fact: label,
          expression: by('count', ['job', 'instance'], select({ label, op: '!=', value: '' })),
        })),
      ),
      unixSeconds,
    ),
  );
  const isExported = new Set(exported.map((series) => series.labels['fact']));
  const labelOf = new Map(
    candidates.filter(({ label }) => isExported.has(label)).map(({ key, label }) => [key, label]),
  );
  const missing = keys.filter((key) => !labelOf.has(key));
  if (missing.length > 0) {
    throw new FailureError({ kind: 'labels-not-exported', keys: missing, exported: [...labelOf.keys()] });
  }

  const inScope: Matcher[] =
    scope.namespace === undefined ? [] : [{ label: names.namespace, op: '=', value: scope.namespace }];
  const group = [names.namespace, names.pod, 'job', 'instance', ...labelOf.values()];
  const series = journal.answered(
    await source.query(
      // Also pods that are gone: they keep the labels that they had.
      tagged([
        { fact: 'now', expression: by('max', group, `timestamp(${select(...inScope)})`) },
        {
          fact: 'before',
          expression: by('max', group, `last_over_time(${over(select(...inScope), PRESENCE_LOOKBACK_SECONDS)})`),
        },
      ]),
      unixSeconds,
    ),
  );
  // A copy that carries none of the labels on any pod may not be configured to export them, and has no say on pods of which one
  // tells that is. Of others, those of a shard, it says that they have none.
  const configured = new Set(exported.map(({ labels }) => copyKeyOf(labels)));
  const copiesNow = series.filter(({ labels }) => labels['fact'] === 'now').map(({ labels }) => copyKeyOf(labels));
  const unconfigured = new Set(copiesNow.filter((copy) => !configured.has(copy)));
  // Of copies that disagree (one lags) the newest scrape counts.
  const present = new Map<string, { matches: boolean; scrapedAt: number }>();
  const before = new Map<string, boolean>();
  const keyOf = (labels: Series['labels']): string => {
    const own = canonicalLabels(naming, 'kube-state-metrics', labels);
    return podKey(own['namespace'] ?? '', own['pod'] ?? '');
  };
  const isUnconfigured = ({ labels }: Series): boolean => unconfigured.has(copyKeyOf(labels));
  const told = new Set(series.filter((one) => !isUnconfigured(one)).map(({ labels }) => keyOf(labels)));
  for (const one of series) {
    const { labels, value } = one;
    const key = keyOf(labels);
    if (isUnconfigured(one) && told.has(key)) continue;
    const matches = matchesLabels(requirements, (label) => labels[labelOf.get(label) ?? ''] || undefined);
    const known = present.get(key);
    if (labels['fact'] !== 'now') before.set(key, matches || before.get(key) === true);
    else if (known === undefined || value > known.scrapedAt) present.set(key, { matches, scrapedAt: value });
    else if (value === known.scrapedAt) known.matches ||= matches;
  }
  const gone = [...before].filter(([key, matches]) => matches && !present.has(key)).map(([key]) => key);
  return new Set([...gone, ...[...present].filter(([, own]) => own.matches).map(([key]) => key)]);
}
