import { assemblePods } from '../core/pods/assemble.ts';
import type { PodSnapshot } from '../core/pods/snapshot.ts';
import { ASSUMED_KUBERNETES_MINOR, kubernetesMinor } from '../core/pods/kubernetes-version.ts';
import type { StatusRules } from '../core/pods/status.ts';
import type { RequestName } from '../core/signals/catalogue.ts';
import type { MetricSource } from '../core/signals/metric-source.ts';
import type { Naming, NamingOptions } from '../core/signals/naming.ts';
import { rowsOf, type Readings } from '../core/signals/readings.ts';
import type { Scope } from '../core/signals/signal.ts';
import { Journal } from './journal.ts';
import { findNaming } from './read-layout.ts';
import { readEverything } from './read-signals.ts';

/** The requests that STATUS needs, without usage, history and owners. */
export const STATUS_REQUESTS: readonly RequestName[] = [
  'pods',
  'created',
  'pod-state',
  'pod-marks',
  'container-state',
  'container-ready',
  'init-state',
  'nodes',
];
/** Which pods, and how this Prometheus names things; everything, and as it tells, where nothing is said. */
export interface PodsRequest {
  readonly scope: Scope;
  readonly naming: NamingOptions;
  readonly kubernetesVersion: string | undefined;
}

const EVERYTHING: PodsRequest = {
  scope: { namespace: undefined, pods: undefined },
  naming: { cluster: undefined, ksmSelector: '', cadvisorSelector: '' },
  kubernetesVersion: undefined,
};

/** The pods in scope at one instant, as far as the requests tell, and when kube-state-metrics was last scraped. */
export async function podsAt(
  source: MetricSource,
  unixSeconds: number,
  requests: readonly RequestName[],
  { scope, naming, kubernetesVersion }: PodsRequest = EVERYTHING,
  journal = new Journal(),
): Promise<{
  pods: PodSnapshot[];
  scrapedAt: number;
  scrapeIntervalSeconds: number | undefined;
  rules: StatusRules;
  naming: Naming;
}> {
  const found = await findNaming(source, unixSeconds, naming, journal);
  const readings = await readEverything(source, unixSeconds, found, scope, journal, requests);
  return {
    pods: assemblePods(readings),
    scrapedAt: Math.max(...found.copies.map((copy) => copy.scrapedAtUnixSeconds)),
    scrapeIntervalSeconds: readings.layout.scrapeIntervalSeconds['kube-state-metrics'],
    rules: statusRules(readings, kubernetesVersion),
    naming: found.naming,
  };
}

/** The rules of the user's version, of the newest kubelet's, or the newest that kpfd knows. */
export function statusRules(readings: Readings, version: string | undefined): StatusRules {
  if (version !== undefined) return { kubernetesMinor: kubernetesMinor(version) ?? ASSUMED_KUBERNETES_MINOR };
  const minors = rowsOf(readings, 'kubelet-version')
    .map((row) => kubernetesMinor(row.labels['kubelet_version'] ?? ''))
    .filter((minor) => minor !== undefined);
  return { kubernetesMinor: minors.length === 0 ? ASSUMED_KUBERNETES_MINOR : Math.max(...minors) };
}
