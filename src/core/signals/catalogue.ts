import { scrapeTimeWhere, by, over, type Matcher } from './promql.ts';
import { perSecond, shareOver, type QueryWriter } from './query-writer.ts';
import type { Exporter, Subject, Unit } from './signal.ts';

const IS_READY: Matcher = { label: 'condition', op: '=', value: 'true' };

/** How long ago a pod may have been seen last to be called gone (NotFound) rather than never seen. */
export const PRESENCE_LOOKBACK_SECONDS = 3600;

/**
 * Every signal that kpfd asks Prometheus for: one closed table. Signals with the same `request` travel in one HTTP
 * request, told apart by the label `fact`; the number of requests therefore depends on nothing but this table.
 *
 * Two shapes of value:
 * - `scrape time`: the row exists while the fact is true, and its value is the moment of the scrape that said so. The
 *   moments tell the newest copy of kube-state-metrics from an older one and from a ghost (core/pods/pod-signals.ts).
 * - a measured value in its unit, of the newest copy only.
 *
 * No sums over kube-state-metrics (a second copy would double them) but for the share of one in another, no joins in PromQL
 * but against an aggregate, `== 1` wherever a metric has rows with 0.
 */
const table = [
  // Who there is
  {
    name: 'pod-info',
    request: 'pods',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: ['node', 'created_by_kind', 'created_by_name', 'host_network', 'job', 'instance'],
    unit: 'scrape time',
    metric: 'kube_pod_info',
    expect: 'pod',
    feeds: 'which pods exist, their node and owner, which copy of kube-state-metrics counts',
    expression: (q) => `timestamp(${q.series('kube_pod_info')})`,
  },
  {
    name: 'pod-created',
    request: 'created',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'unix seconds',
    metric: 'kube_pod_created',
    expect: 'pod',
    feeds: 'AGE; which of two uids of one name is the newer',
    expression: (q) => q.series('kube_pod_created'),
  },
  {
    name: 'pod-scheduled',
    request: 'created',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'unix seconds',
    metric: 'kube_pod_status_scheduled_time',
    expect: 'nothing',
    expression: (q) => {
      const pending = q.series('kube_pod_status_phase', { label: 'phase', op: '=', value: 'Pending' });
      return `${q.series('kube_pod_status_scheduled_time')} and on (${q.keys('pod').join(',')}) ${pending} == 1`;
    },
  },
  // What kubectl would print
  {
    name: 'phase',
    request: 'pod-state',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: ['phase'],
    unit: 'scrape time',
    metric: 'kube_pod_status_phase',
    expect: 'pod',
    feeds: 'NOW',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_status_phase'), '== 1'),
  },
  {
    name: 'ready-condition',
    request: 'pod-state',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: ['condition'],
    unit: 'scrape time',
    metric: 'kube_pod_status_ready',
    expect: 'running container',
    feeds: 'NOW (the rule for Completed)',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_status_ready'), '== 1'),
  },
  {
    name: 'initialized',
    request: 'pod-state',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_status_initialized_time',
    expect: 'nothing',
    withoutSeries: 'untold',
    feeds: 'NOW (whether containers count while an init container runs again)',
    expression: (q) => `timestamp(${q.series('kube_pod_status_initialized_time')})`,
  },
  {
    name: 'status-reason',
    request: 'pod-marks',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: ['reason'],
    unit: 'scrape time',
    metric: 'kube_pod_status_reason',
    expect: 'nothing',
    feeds: 'NOW: Evicted, NodeLost, SchedulingGated and the like',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_status_reason'), '== 1'),
  },
  {
    name: 'unschedulable',
    request: 'pod-marks',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_status_unschedulable',
    expect: 'nothing',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_status_unschedulable'), '== 1'),
  },
  {
    name: 'deletion',
    request: 'pod-marks',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_deletion_timestamp',
    expect: 'nothing',
    feeds: 'NOW: Terminating',
    // kube_pod_deleted is what kube-state-metrics 1 called it.
    expression: (q) =>
      `timestamp(${q.series('kube_pod_deletion_timestamp')}) or timestamp(${q.series('kube_pod_deleted')})`,
  },
  {
    name: 'container-running',
    request: 'container-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_container_status_running',
    expect: 'running pod',
    withoutSeries: 'missing',
    feeds: 'NOW, total containers',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_container_status_running'), '== 1'),
  },
  {
    name: 'container-waiting',
    request: 'container-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_container_status_waiting',
    expect: 'nothing',
    feeds: 'NOW, total containers',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_container_status_waiting'), '== 1'),
  },
  {
    name: 'container-waiting-reason',
    request: 'container-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: ['reason'],
    unit: 'scrape time',
    metric: 'kube_pod_container_status_waiting_reason',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'NOW',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_container_status_waiting_reason'), '> 0'),
  },
  {
    name: 'container-terminated',
    request: 'container-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_container_status_terminated',
    expect: 'nothing',
    feeds: 'NOW, total containers',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_container_status_terminated'), '== 1'),
  },
  {
    name: 'container-terminated-reason',
    request: 'container-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: ['reason'],
    unit: 'scrape time',
    metric: 'kube_pod_container_status_terminated_reason',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'NOW',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_container_status_terminated_reason'), '> 0'),
  },
  {
    name: 'container-ready',
    request: 'container-ready',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_container_status_ready',
    expect: 'some pod',
    withoutSeries: 'missing',
    feeds: 'READY, NOW (the rule for Completed)',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_container_status_ready'), '== 1'),
  },
  {
    name: 'init-info',
    request: 'init-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: ['restart_policy'],
    unit: 'scrape time',
    metric: 'kube_pod_init_container_info',
    expect: 'nothing',
    feeds: 'NOW (Init:i/N), which init containers are sidecars',
    expression: (q) => `timestamp(${q.series('kube_pod_init_container_info')})`,
  },
  {
    name: 'init-running',
    request: 'init-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_init_container_status_running',
    expect: 'nothing',
    feeds: 'NOW',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_init_container_status_running'), '== 1'),
  },
  {
    name: 'init-waiting',
    request: 'init-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_init_container_status_waiting',
    expect: 'nothing',
    feeds: 'NOW',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_init_container_status_waiting'), '== 1'),
  },
  {
    name: 'init-waiting-reason',
    request: 'init-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: ['reason'],
    unit: 'scrape time',
    metric: 'kube_pod_init_container_status_waiting_reason',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'NOW: Init:CrashLoopBackOff and the like',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_init_container_status_waiting_reason'), '> 0'),
  },
  {
    name: 'init-terminated',
    request: 'init-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_init_container_status_terminated',
    expect: 'nothing',
    feeds: 'NOW',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_init_container_status_terminated'), '== 1'),
  },
  {
    name: 'init-terminated-reason',
    request: 'init-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: ['reason'],
    unit: 'scrape time',
    metric: 'kube_pod_init_container_status_terminated_reason',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'NOW: Init:Error, Init:OOMKilled and the like',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_init_container_status_terminated_reason'), '> 0'),
  },
  {
    name: 'init-ready',
    request: 'init-state',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_pod_init_container_status_ready',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'NOW (which init containers are done), READY (sidecars)',
    expression: (q) => scrapeTimeWhere(q.series('kube_pod_init_container_status_ready'), '== 1'),
  },
  // Restarts and ends
  {
    name: 'restarts',
    request: 'restarts',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'count',
    metric: 'kube_pod_container_status_restarts_total',
    expect: 'running container',
    withoutSeries: 'missing',
    feeds: 'RESTARTS',
    expression: (q) => q.newest('kube_pod_container_status_restarts_total'),
  },
  {
    name: 'init-restarts',
    request: 'restarts',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'count',
    metric: 'kube_pod_init_container_status_restarts_total',
    expect: 'nothing',
    feeds: 'RESTARTS (init containers and sidecars)',
    expression: (q) => q.newest('kube_pod_init_container_status_restarts_total'),
  },
  {
    name: 'restarts-5m-ago',
    request: 'restarts-before',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'count',
    windowSeconds: 300,
    metric: 'kube_pod_container_status_restarts_total',
    expect: 'nothing',
    raw: (q, seconds) => q.lowerBefore('restarts_total', seconds),
  },
  {
    name: 'restarts-15m-ago',
    request: 'restarts-before',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'count',
    windowSeconds: 900,
    metric: 'kube_pod_container_status_restarts_total',
    expect: 'nothing',
    raw: (q, seconds) => q.lowerBefore('restarts_total', seconds),
  },
  {
    name: 'restarts-30m-ago',
    request: 'restarts-before',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'count',
    windowSeconds: 1800,
    metric: 'kube_pod_container_status_restarts_total',
    expect: 'nothing',
    raw: (q, seconds) => q.lowerBefore('restarts_total', seconds),
  },
  {
    name: 'running-share-30m',
    request: 'rhythm',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'share',
    windowSeconds: 1800,
    metric: 'kube_pod_container_status_running',
    expect: 'nothing',
    raw: (q, seconds) => shareOver(q.series('kube_pod_container_status_running'), seconds, q.keys('container')),
  },
  {
    // When the first life within the window began, of containers that had another since.
    name: 'earliest-start-30m',
    request: 'rhythm',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'unix seconds',
    windowSeconds: 1800,
    metric: 'kube_pod_container_state_started',
    expect: 'nothing',
    raw: (q, seconds) => q.lowerWithin('kube_pod_container_state_started', seconds),
  },
  {
    // The first end that was known within the window, where there was another since.
    name: 'earliest-end-30m',
    request: 'rhythm',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'unix seconds',
    windowSeconds: 1800,
    metric: 'kube_pod_container_status_last_terminated_timestamp',
    expect: 'nothing',
    raw: (q, seconds) => q.lowerWithin('kube_pod_container_status_last_terminated_timestamp', seconds),
  },
  {
    name: 'ready-share-5m',
    request: 'rhythm',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'share',
    windowSeconds: 300,
    metric: 'kube_pod_status_ready',
    expect: 'nothing',
    raw: (q, seconds) => shareOver(q.series('kube_pod_status_ready', IS_READY), seconds, q.keys('pod')),
  },
  {
    name: 'ready-share-15m',
    request: 'rhythm',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'share',
    windowSeconds: 900,
    metric: 'kube_pod_status_ready',
    expect: 'nothing',
    raw: (q, seconds) => shareOver(q.series('kube_pod_status_ready', IS_READY), seconds, q.keys('pod')),
  },
  {
    name: 'ready-changes-15m',
    request: 'rhythm',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'count',
    windowSeconds: 900,
    metric: 'kube_pod_status_ready',
    expect: 'nothing',
    expression: (q, seconds) => `changes(${over(q.series('kube_pod_status_ready', IS_READY), seconds)})`,
  },
  {
    name: 'owner-restarts-30m',
    request: 'siblings',
    exporter: 'kube-state-metrics',
    subject: 'owner',
    labels: ['created_by_kind', 'created_by_name', 'container'],
    unit: 'count',
    windowSeconds: 1800,
    metric: 'kube_pod_container_status_restarts_total',
    expect: 'nothing',
    raw: (q, seconds) => q.ofRestartedByOwner(seconds, (restarted) => restarted),
  },
  {
    // With the one before the rhythm of a pod that has none of its own.
    name: 'owner-running-30m',
    request: 'siblings',
    exporter: 'kube-state-metrics',
    subject: 'owner',
    labels: ['created_by_kind', 'created_by_name', 'container'],
    unit: 'samples',
    windowSeconds: 1800,
    metric: 'kube_pod_container_status_running',
    expect: 'nothing',
    raw: (q, seconds) => q.ofRestartedByOwner(seconds, (restarted, running) => `${running} and ${restarted}`),
  },
  {
    name: 'last-terminated-reason',
    request: 'last-termination',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: ['reason'],
    unit: 'scrape time',
    metric: 'kube_pod_container_status_last_terminated_reason',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'last termination',
    expression: (q) =>
      `${scrapeTimeWhere(q.series('kube_pod_container_status_last_terminated_reason'), '> 0')} or ` +
      scrapeTimeWhere(q.series('kube_pod_init_container_status_last_terminated_reason'), '> 0'),
  },
  {
    name: 'last-exit-code',
    request: 'last-termination',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'exit code',
    metric: 'kube_pod_container_status_last_terminated_exitcode',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'last termination',
    expression: (q) =>
      `${q.newest('kube_pod_container_status_last_terminated_exitcode')} or ${q.newest('kube_pod_init_container_status_last_terminated_exitcode')}`,
  },
  {
    name: 'last-terminated-at',
    request: 'last-termination',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'unix seconds',
    metric: 'kube_pod_container_status_last_terminated_timestamp',
    expect: 'some container',
    withoutSeries: 'untold',
    feeds: 'RESTARTS (how long ago)',
    expression: (q) =>
      `${q.series('kube_pod_container_status_last_terminated_timestamp')} or ${q.series('kube_pod_init_container_status_last_terminated_timestamp')}`,
  },
  {
    name: 'container-started',
    request: 'started',
    exporter: 'kube-state-metrics',
    subject: 'container',
    labels: [],
    unit: 'unix seconds',
    metric: 'kube_pod_container_state_started',
    expect: 'running container',
    feeds: 'which cAdvisor samples are of the living container',
    expression: (q) => q.series('kube_pod_container_state_started'),
  },
  // What the pod may use, and who owns it
  {
    name: 'limits',
    request: 'resources',
    exporter: 'kube-state-metrics',
    subject: 'resource',
    labels: [],
    unit: 'cores or bytes',
    metric: 'kube_pod_container_resource_limits',
    expect: 'some pod',
    withoutSeries: 'missing',
    expression: (q) => q.resources('limits'),
  },
  {
    name: 'requests',
    request: 'resources',
    exporter: 'kube-state-metrics',
    subject: 'resource',
    labels: [],
    unit: 'cores or bytes',
    metric: 'kube_pod_container_resource_requests',
    expect: 'some pod',
    withoutSeries: 'missing',
    expression: (q) => q.resources('requests'),
  },
  {
    name: 'sidecar-limits',
    request: 'resources',
    exporter: 'kube-state-metrics',
    subject: 'resource',
    labels: [],
    unit: 'cores or bytes',
    metric: 'kube_pod_init_container_resource_limits',
    expect: 'nothing',
    feeds: 'CPU and memory of sidecars',
    expression: (q) => q.initResources('limits'),
  },
  {
    name: 'sidecar-requests',
    request: 'resources',
    exporter: 'kube-state-metrics',
    subject: 'resource',
    labels: [],
    unit: 'cores or bytes',
    metric: 'kube_pod_init_container_resource_requests',
    expect: 'nothing',
    feeds: 'CPU of sidecars',
    expression: (q) => q.initResources('requests'),
  },
  {
    name: 'replicaset-owner',
    request: 'owners',
    exporter: 'kube-state-metrics',
    subject: 'owner',
    labels: ['replicaset', 'owner_kind', 'owner_name'],
    unit: 'scrape time',
    metric: 'kube_replicaset_owner',
    expect: 'nothing',
    feeds: 'the owner of the owner (Deployment)',
    expression: (q) => `timestamp(${q.ownerSeries('kube_replicaset_owner')})`,
  },
  {
    name: 'job-owner',
    request: 'owners',
    exporter: 'kube-state-metrics',
    subject: 'owner',
    labels: ['job_name', 'owner_kind', 'owner_name'],
    unit: 'scrape time',
    metric: 'kube_job_owner',
    expect: 'nothing',
    feeds: 'the owner of the owner (CronJob)',
    expression: (q) => `timestamp(${q.ownerSeries('kube_job_owner')})`,
  },
  // Nodes
  {
    name: 'node-condition',
    request: 'nodes',
    exporter: 'kube-state-metrics',
    subject: 'node',
    labels: ['condition', 'status'],
    unit: 'scrape time',
    metric: 'kube_node_status_condition',
    expect: 'node',
    feeds: 'the node and its conditions',
    expression: (q) =>
      scrapeTimeWhere(
        q.nodeSeries('kube_node_status_condition', {
          label: 'condition',
          op: '=~',
          value: 'Ready|MemoryPressure|DiskPressure|PIDPressure',
        }),
        '== 1',
      ),
  },
  {
    name: 'node-cordoned',
    request: 'nodes',
    exporter: 'kube-state-metrics',
    subject: 'node',
    labels: [],
    unit: 'scrape time',
    metric: 'kube_node_spec_unschedulable',
    expect: 'some pod',
    withoutSeries: 'missing',
    feeds: 'the node and its conditions',
    expression: (q) => scrapeTimeWhere(q.nodeSeries('kube_node_spec_unschedulable'), '== 1'),
  },
  {
    name: 'node-allocatable',
    request: 'nodes',
    exporter: 'kube-state-metrics',
    subject: 'node',
    labels: ['resource'],
    unit: 'cores or bytes',
    metric: 'kube_node_status_allocatable',
    expect: 'nothing',
    feeds: 'CPU and memory where there is no limit',
    expression: (q) =>
      q.nodeSeries('kube_node_status_allocatable', { label: 'resource', op: '=~', value: 'cpu|memory' }),
  },
  {
    name: 'kubelet-version',
    request: 'nodes',
    exporter: 'kube-state-metrics',
    subject: 'node',
    labels: ['kubelet_version'],
    unit: 'scrape time',
    metric: 'kube_node_info',
    expect: 'nothing',
    feeds: 'NOW (the rule for Completed changed in Kubernetes 1.35)',
    expression: (q) => `timestamp(${q.nodeSeries('kube_node_info')})`,
  },
  // Pods that were there
  {
    name: 'gone',
    request: 'gone',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: ['job', 'instance', 'node', 'created_by_kind', 'created_by_name'],
    unit: 'count',
    windowSeconds: PRESENCE_LOOKBACK_SECONDS,
    metric: 'kube_pod_info',
    expect: 'nothing',
    feeds: 'NotFound: seen within the lookback, gone now; its node and owner',
    raw: (q, seconds) => {
      const labels = [...q.keys('pod'), 'job', 'instance', ...q.keys('node'), 'created_by_kind', 'created_by_name'];
      const seen = by('max', labels, `last_over_time(${over(q.series('kube_pod_info'), seconds)})`);
      return `${seen} unless on (${q.keys('pod').join(',')}) ${q.series('kube_pod_info')}`;
    },
  },
  {
    name: 'gone-finished',
    request: 'gone',
    exporter: 'kube-state-metrics',
    subject: 'pod',
    labels: [],
    unit: 'count',
    windowSeconds: PRESENCE_LOOKBACK_SECONDS,
    metric: 'kube_pod_status_phase',
    expect: 'nothing',
    feeds: 'which of the pods that are gone had finished (they are listed with --completed only)',
    raw: (q, seconds) => {
      const succeeded = q.series('kube_pod_status_phase', { label: 'phase', op: '=', value: 'Succeeded' });
      const seen = by('max', q.keys('pod'), `last_over_time(${over(succeeded, seconds)}) == 1`);
      return `${seen} unless on (${q.keys('pod').join(',')}) ${q.series('kube_pod_info')}`;
    },
  },
  {
    name: 'copy-history',
    request: 'copy-history',
    exporter: 'kube-state-metrics',
    subject: 'owner',
    labels: ['job', 'instance', 'of'],
    unit: 'count',
    windowSeconds: PRESENCE_LOOKBACK_SECONDS,
    metric: 'kube_pod_info',
    expect: 'nothing',
    feeds: 'whether a copy of kube-state-metrics fell silent, which is no proof that its pods are gone',
    raw: (q, seconds) => {
      // Over the whole cluster, whatever the scope: a copy is judged by all its pods.
      const all = q.everywhere('kube_pod_info');
      const ever = by('max', [...q.keys('pod'), 'job', 'instance'], `last_over_time(${over(all, seconds)})`);
      const gone = `${ever} unless on (${q.keys('pod').join(',')}) ${all}`;
      const count = (of: string, rows: string): string =>
        `label_replace(${by('count', ['job', 'instance'], rows)},"of","${of}","","")`;
      return `${count('seen', ever)} or ${count('gone', gone)}`;
    },
  },
  // What it uses
  {
    name: 'cpu-usage',
    request: 'cpu',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'cores',
    windowSeconds: 300,
    metric: 'container_cpu_usage_seconds_total',
    expect: 'running container',
    expression: (q, seconds) => q.ofLivingContainer('container_cpu_usage_seconds_total', (s) => perSecond(s, seconds)),
  },
  {
    name: 'cpu-usage-15m',
    request: 'cpu',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'cores',
    windowSeconds: 900,
    metric: 'container_cpu_usage_seconds_total',
    expect: 'running container',
    expression: (q, seconds) => q.ofLivingContainer('container_cpu_usage_seconds_total', (s) => perSecond(s, seconds)),
  },
  {
    name: 'cpu-usage-of-pod',
    request: 'cpu',
    exporter: 'cadvisor',
    subject: 'pod',
    labels: [],
    unit: 'cores',
    windowSeconds: 300,
    metric: 'container_cpu_usage_seconds_total',
    expect: 'nothing',
    feeds: 'CPU where the runtime has rows for the pod only (cri-dockerd)',
    raw: (q, seconds) => q.wherePodRowsOnly('container_cpu_usage_seconds_total', (s) => perSecond(s, seconds)),
  },
  {
    name: 'memory-working-set',
    request: 'memory',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes',
    metric: 'container_memory_working_set_bytes',
    expect: 'running container',
    expression: (q) => q.ofLivingContainer('container_memory_working_set_bytes', (s) => s),
  },
  {
    name: 'memory-sampled-at',
    request: 'memory',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'scrape time',
    metric: 'container_memory_working_set_bytes',
    expect: 'running container',
    feeds: 'whether the cAdvisor samples are of the living container or of the one before',
    expression: (q) => `timestamp(${q.containers('container_memory_working_set_bytes')})`,
  },
  {
    name: 'memory-samples-150s',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    // No windowSeconds: one sample says enough. Of containers that have no sample to be read now.
    unit: 'samples',
    metric: 'container_memory_working_set_bytes',
    expect: 'nothing',
    feeds: 'whether the node of a container without a sample has fallen silent, or one scrape failed',
    expression: (q) => {
      const series = q.containers('container_memory_working_set_bytes');
      return `count_over_time(${series}[150s]) unless ${series}`;
    },
  },
  {
    name: 'memory-of-pod',
    request: 'memory',
    exporter: 'cadvisor',
    subject: 'pod',
    labels: [],
    unit: 'bytes',
    metric: 'container_memory_working_set_bytes',
    expect: 'nothing',
    feeds: 'memory where the runtime has rows for the pod only (cri-dockerd)',
    raw: (q) => q.wherePodRowsOnly('container_memory_working_set_bytes', (s) => s),
  },
  {
    name: 'memory-mean-5m',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes',
    windowSeconds: 300,
    metric: 'container_memory_working_set_bytes',
    expect: 'running container',
    expression: (q, seconds) =>
      q.ofLivingContainer('container_memory_working_set_bytes', (s) => `avg_over_time(${over(s, seconds)})`),
  },
  {
    name: 'memory-slope-1m',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes per second',
    windowSeconds: 60,
    metric: 'container_memory_working_set_bytes',
    expect: 'nothing',
    expression: (q, seconds) =>
      q.ofLivingContainer('container_memory_working_set_bytes', (s) => `deriv(${over(s, seconds)})`),
  },
  {
    name: 'memory-slope-2m',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes per second',
    windowSeconds: 120,
    metric: 'container_memory_working_set_bytes',
    expect: 'nothing',
    expression: (q, seconds) =>
      q.ofLivingContainer('container_memory_working_set_bytes', (s) => `deriv(${over(s, seconds)})`),
  },
  {
    name: 'memory-slope-5m',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes per second',
    windowSeconds: 300,
    metric: 'container_memory_working_set_bytes',
    expect: 'running container',
    expression: (q, seconds) =>
      q.ofLivingContainer('container_memory_working_set_bytes', (s) => `deriv(${over(s, seconds)})`),
  },
  {
    name: 'memory-slope-15m',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes per second',
    windowSeconds: 900,
    metric: 'container_memory_working_set_bytes',
    expect: 'running container',
    expression: (q, seconds) =>
      q.ofLivingContainer('container_memory_working_set_bytes', (s) => `deriv(${over(s, seconds)})`),
  },
  {
    // Together with the next one the peak of 30 minutes. No windowSeconds: one sample says enough.
    name: 'memory-peak-5m',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes',
    metric: 'container_memory_working_set_bytes',
    expect: 'nothing',
    expression: (q) => `max_over_time(${q.containers('container_memory_working_set_bytes')}[5m])`,
  },
  {
    name: 'memory-earlier-peak',
    request: 'memory-trend',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'bytes',
    windowSeconds: 1800,
    metric: 'container_memory_working_set_bytes',
    expect: 'nothing',
    expression: (q) => `max_over_time(${q.containers('container_memory_working_set_bytes')}[25m] offset 5m)`,
  },
  {
    name: 'cpu-throttled-periods',
    request: 'throttling',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'periods',
    windowSeconds: 300,
    metric: 'container_cpu_cfs_throttled_periods_total',
    expect: 'nothing',
    expression: (q, seconds) =>
      q.ofLivingContainer('container_cpu_cfs_throttled_periods_total', (s) => `increase(${over(s, seconds)})`),
  },
  {
    name: 'cpu-periods',
    request: 'throttling',
    exporter: 'cadvisor',
    subject: 'container',
    labels: [],
    unit: 'periods',
    windowSeconds: 300,
    metric: 'container_cpu_cfs_periods_total',
    expect: 'nothing',
    expression: (q, seconds) =>
      q.ofLivingContainer('container_cpu_cfs_periods_total', (s) => `increase(${over(s, seconds)})`),
  },
  {
    name: 'network-receive-drops',
    request: 'network',
    exporter: 'cadvisor',
    subject: 'pod',
    labels: [],
    unit: 'packets per second',
    windowSeconds: 300,
    metric: 'container_network_receive_packets_dropped_total',
    expect: 'nothing',
    raw: (q, seconds) => q.overInterfaces('container_network_receive_packets_dropped_total', seconds),
  },
  {
    name: 'network-transmit-drops',
    request: 'network',
    exporter: 'cadvisor',
    subject: 'pod',
    labels: [],
    unit: 'packets per second',
    windowSeconds: 300,
    metric: 'container_network_transmit_packets_dropped_total',
    expect: 'nothing',
    raw: (q, seconds) => q.overInterfaces('container_network_transmit_packets_dropped_total', seconds),
  },
] as const satisfies readonly SignalEntry[];

interface SignalEntry {
  readonly name: string;
  readonly request: string;
  readonly exporter: Exporter;
  readonly subject: Subject;
  /** Labels of the row beyond those of its subject. */
  readonly labels: readonly string[];
  readonly unit: Unit;
  /** How far back the expression looks; instant where it is missing. */
  readonly windowSeconds?: number;
  /** The metric to name when rows are missing. */
  readonly metric: string;
  /**
   * What ought to have a row. `some pod`: at least one anywhere, else the metric was dropped on its way. `some container`:
   * the same, once there is a container to tell of. `nothing`: the fact holds for few pods, or exporters have it in some
   * versions only.
   */
  readonly expect: 'pod' | 'some pod' | 'some container' | 'running pod' | 'running container' | 'node' | 'nothing';
  /**
   * What follows where the metric, which is asked for apart, has no series of any pod: it is dropped on its way, or
   * kube-state-metrics is too old for it. `missing`: the signal is, for pods have the fact or have it not. `untold`: that
   * a pod has no row says nothing.
   */
  readonly withoutSeries?: 'missing' | 'untold';
  /** What it is for, beside the features that are computed from it. */
  readonly feeds?: string;
  /** PromQL before `max by (subject, labels)`. `seconds` is its window. */
  readonly expression?: (q: QueryWriter, seconds: number) => string;
  /** PromQL that aggregates by itself. */
  readonly raw?: (q: QueryWriter, seconds: number) => string;
}

export type SignalName = (typeof table)[number]['name'];
/** The signals that are expected of `some container`. */
export type SomeContainer = Extract<(typeof table)[number], { expect: 'some container' }>['name'];
/** The signals that look back over a window. */
export type Windowed = Extract<(typeof table)[number], { windowSeconds: number }>['name'];
export type RequestName = (typeof table)[number]['request'];
export interface Signal extends SignalEntry {
  readonly name: SignalName;
  readonly request: RequestName;
}

export const SIGNALS: readonly Signal[] = table;

/** How far each of them looks back. */
export const WINDOW_SECONDS = Object.fromEntries(
  table.flatMap((signal) => ('windowSeconds' in signal ? [[signal.name, signal.windowSeconds]] : [])),
) as Readonly<Record<Windowed, number>>;

/** Those that compare with the beginning of their window, or share it out; of others what was seen of it is enough. */
export const WHOLE_WINDOWS = [
  'restarts-15m-ago',
  'ready-share-15m',
  'ready-changes-15m',
  'restarts-30m-ago',
] as const satisfies readonly Windowed[];

/** Those whose rows name no pod. */
export const SIGNALS_OF_NO_POD: ReadonlySet<SignalName> = new Set(
  SIGNALS.filter(({ subject }) => subject === 'node' || subject === 'owner').map(({ name }) => name),
);
