import type { Failure } from '../core/failure.ts';
import type { Check, Diagnosis, MetricCount } from '../core/signals/diagnosis.ts';
import { painter, type Painter } from './colour.ts';
import { failureText, failureWords, tlsAdvice } from './failure-text.ts';
import type { Look, Output } from './formats.ts';
import { exporterName } from './gap-text.ts';
import { grid } from './grid.ts';
import { age, clean, enumerate, jsonText, plural, rfc3339, span } from './text.ts';

/** What a check found, in words. */
interface CheckText {
  readonly found: string;
  /** Which predictions suffer; empty where none does. */
  readonly suffers: string;
  /** What to do; empty where nothing is to be done. */
  readonly advice: string;
}

const NAMES: Readonly<Record<Check['name'], string>> = {
  name: 'name',
  tcp: 'TCP',
  tls: 'TLS',
  http: 'HTTP',
  login: 'login',
  api: 'API',
  version: 'version',
  clock: 'clock',
  pods: 'pods',
  cadvisor: 'cAdvisor',
  metrics: 'metrics',
  freshness: 'freshness',
  history: 'history',
  copies: 'duplicates',
  labels: 'label layout',
  interval: 'scrape interval',
  warnings: 'answers',
};

const ALL_PREDICTIONS = 'all predictions: kpfd cannot work';

function checkText(check: Check): CheckText {
  const fine = (found: string): CheckText => ({ found, suffers: '', advice: '' });
  switch (check.name) {
    case 'name':
    case 'tcp':
    case 'tls':
      if (check.outcome !== 'failed') return fine(clean(check.detail));
      return {
        found: check.detail === 'ECONNREFUSED' ? 'nothing listens there (ECONNREFUSED)' : clean(check.detail),
        suffers: ALL_PREDICTIONS,
        advice: connectionAdvice(check.name, check.detail),
      };
    case 'http':
    case 'login':
    case 'api': {
      if (check.failure === undefined) return fine(API_FOUND[check.name]);
      return failedText(check.failure);
    }
    case 'version':
      return fine(versionText(check.version));
    case 'clock': {
      const ahead = check.aheadSeconds ?? 0;
      const found = `this machine is ${age(Math.abs(ahead))} ${ahead >= 0 ? 'ahead of' : 'behind'} Prometheus`;
      if (check.outcome === 'ok') return fine(found);
      return { found, suffers: 'none: kpfd uses the time of Prometheus', advice: 'set the clock of this machine' };
    }
    case 'pods':
      if (check.failure === undefined) return fine(`kube-state-metrics knows ${plural(check.pods, 'pod')}`);
      return failedText(check.failure);
    case 'cadvisor': {
      if (check.jobs.length > 0) {
        const found = check.jobs.map(({ job, series }) => `job ${clean(job)}: ${series} series`).join(', ');
        const { silent, namesContainers } = check.told;
        if (silent.length > 0) {
          return {
            found: `${found}; nothing new from ${enumerate(silent.map(clean))}`,
            suffers: 'pods on these nodes are not evaluated while they run',
            advice: 'check that their kubelets run and are scraped',
          };
        }
        if (namesContainers !== false) return fine(found);
        return {
          found: `${found}, none of which names a container`,
          suffers: 'memory and CPU are those of whole pods, and how they grew is not seen',
          advice:
            "the kubelet's cAdvisor does not see the runtime: give it the socket (--containerd=…); cri-dockerd has no such series",
        };
      }
      return {
        found: `there are no samples of cAdvisor${check.isPartial ? ' in what was answered' : ''}`,
        suffers: 'memory leaks, CPU starvation and throttling are not seen coming',
        advice: check.isPartial ? '' : "scrape the kubelet's /metrics/cadvisor",
      };
    }
    case 'metrics':
      if (check.failure !== undefined) {
        return {
          found: `the series of each metric could not be counted: ${failureText(check.failure)}`,
          suffers: 'whether a metric is missing is not known',
          advice: '',
        };
      }
      if (check.absent.length === 0) return fine('every metric that pods should have is there');
      return {
        found: `without a single series${check.isPartial ? ' in what was answered' : ''}: ${enumerate(check.absent.map(({ metric }) => metric))}`,
        suffers:
          check.outcome === 'failed'
            ? ALL_PREDICTIONS
            : check.absent.map((absent) => `${absent.metric}: ${feedsText(absent)}`).join('; '),
        advice: check.isPartial
          ? ''
          : 'look for metric relabelling or allow-lists that drop them, and for the version of the exporter',
      };
    case 'freshness': {
      const found = `the newest sample of kube-state-metrics is ${age(check.ageSeconds)} old`;
      if (check.outcome === 'ok') return fine(found);
      if (check.stale.length > 0) {
        const silent = check.stale.map(({ instance, pods }) => `${clean(instance)} (${plural(pods, 'pod')})`);
        return {
          found: `${found}, but nothing is heard any more of copies of it, nor of their pods from others: ${enumerate(silent)}`,
          suffers: 'their pods are not evaluated, and whether they are gone is not told',
          advice:
            'check that these copies run and are scraped; where they were replaced with all their pods it passes within an hour',
        };
      }
      return {
        found,
        suffers: 'NOW is as of then, and no pod is evaluated',
        advice: 'check that kube-state-metrics runs and is scraped',
      };
    }
    case 'history': {
      if (check.tooLong === undefined) {
        return {
          found: 'whether Prometheus knows the last half hour could not be asked',
          suffers: 'restarts and readiness over 15m and 30m may be too low',
          advice: '',
        };
      }
      const [shortest] = check.tooLong;
      if (shortest === undefined) return fine('Prometheus knows the last half hour');
      if (shortest === 0) {
        return {
          found: 'Prometheus knows nothing of four to nine minutes ago: it or its scraping has just begun, or paused',
          suffers: 'no pod is evaluated',
          advice: 'wait some minutes; where it is so after each restart, give Prometheus a volume that lasts',
        };
      }
      return {
        found: `Prometheus has no samples of about ${span(shortest)} ago: it had not begun, or scraping paused`,
        suffers: `restarts and readiness over ${enumerate(check.tooLong.map(span))} count as missing for older pods`,
        advice: 'wait until the samples go back so far',
      };
    }
    case 'copies': {
      const copies = check.copies.map(
        ({ job, instance, pods }) => `${clean(job)} ${clean(instance)} (${plural(pods, 'pod')})`,
      );
      const found = enumerate(copies);
      if (check.toldTimes > 1) {
        return {
          found: `each pod is told ${check.toldTimes} times by one copy of kube-state-metrics: ${found}`,
          suffers: 'windows mix what replicas of Prometheus saw',
          advice:
            'the label that tells the replicas apart is not removed: give it to Thanos with --query.replica-label, or choose one replica with --ksm-selector and --cadvisor-selector',
        };
      }
      if (check.replicas === 0)
        return fine(
          check.copies.length === 1
            ? `one copy of kube-state-metrics: ${found}`
            : `shards of kube-state-metrics: ${found}`,
        );
      return {
        found: `${check.replicas} of ${check.copies.length} copies of kube-state-metrics ${check.replicas === 1 ? 'says' : 'say'} what another one says as well: ${found}`,
        suffers: 'none: the newest copy counts',
        advice: 'right after a rollout this is normal; else scrape one',
      };
    }
    case 'labels': {
      const cluster =
        check.cluster === undefined
          ? ''
          : `cluster ${clean(check.cluster.value)} (label ${clean(check.cluster.label)}); `;
      const renamed = [...check.renamed['kube-state-metrics'], ...check.renamed.cadvisor].map(
        (label) => `exported_${label}`,
      );
      if (check.namesakes !== undefined && check.namesakes > 0) {
        return {
          found: `${cluster}${plural(check.namesakes, 'name')} ${check.namesakes === 1 ? 'is' : 'are'} of two pods that both live: this Prometheus seems to hold several clusters`,
          suffers: 'only one of two such pods is shown',
          advice: 'choose one cluster with --ksm-selector and --cadvisor-selector',
        };
      }
      if (renamed.length === 0) return fine(`${cluster}namespace, pod and container stand where they should`);
      return {
        found: `${cluster}labels were renamed: ${enumerate([...new Set(renamed)])}`,
        suffers: 'none: kpfd reads the renamed labels',
        advice: 'set honor_labels: true in the scrape job (honorLabels in a ServiceMonitor)',
      };
    }
    case 'warnings':
      return {
        found: [
          ...check.failures.map((failure) => `a question was not answered: ${failureText(failure)}`),
          ...check.texts.map((text) => `Prometheus warns: ${clean(text)}`),
        ].join('; '),
        suffers: 'answers may be partial: what was not answered looks as if it were not there',
        advice: 'see to what is named here first, then check again',
      };
    case 'interval': {
      const name = exporterName(check.exporter);
      if (check.seconds === undefined) {
        return {
          found: `how often ${name} is scraped could not be measured`,
          suffers: 'features over windows may be wrong',
          advice: '',
        };
      }
      const found = `${name} is scraped every ${Math.round(check.seconds)}s or oftener`;
      if (check.signals.length === 0) return fine(found);
      return {
        found: `${found}, too rarely for windows that need four samples`,
        suffers: `${enumerate(check.signals)} count as missing`,
        advice: 'scrape each minute or oftener',
      };
    }
  }
}

function versionText(version: string | undefined): string {
  if (version === undefined) return 'the server does not tell (a proxy, Cortex or the like)';
  // Prometheus has been above 1 since 2016; Thanos tells its own, others that of the Prometheus that they are like.
  return version.startsWith('0.') ? `${clean(version)}, of Thanos or the like` : clean(version);
}

function failedText(failure: Failure): CheckText {
  const { what, advice = '' } = failureWords(failure);
  return { found: what, suffers: ALL_PREDICTIONS, advice };
}

const API_FOUND = {
  http: 'the server answers',
  login: 'the server lets kpfd ask',
  api: 'the API of Prometheus answers a query',
} as const;

function connectionAdvice(layer: 'name' | 'tcp' | 'tls', code: string): string {
  return layer === 'tls' ? tlsAdvice(code) : CONNECTION_ADVICE[layer];
}

const CONNECTION_ADVICE = {
  name: 'check the spelling in --prometheus-url; names that end in .svc exist only inside the cluster',
  tcp: 'check that Prometheus runs and the port is right; if it runs in the cluster, try `kubectl port-forward`',
} as const;

/** One closed table of the formats of a diagnosis. */
const CHECK_FORMATS: Readonly<
  Record<'table' | 'wide' | 'json' | 'yaml', (diagnosis: Diagnosis, address: string, look: Look) => Promise<string>>
> = {
  table: async (diagnosis, address, look) => checkPage(diagnosis, address, look, false),
  wide: async (diagnosis, address, look) => checkPage(diagnosis, address, look, true),
  json: async (diagnosis, address) => jsonText(checkDocument(diagnosis, address)),
  yaml: async (diagnosis, address) => (await import('./yaml-text.ts')).yamlText(checkDocument(diagnosis, address)),
};

/** A diagnosis in the chosen format, and its sum in one line. */
export async function checkOutput(
  diagnosis: Diagnosis,
  address: string,
  format: keyof typeof CHECK_FORMATS,
  look: Look,
): Promise<Output> {
  const stdout = await CHECK_FORMATS[format](diagnosis, address, look);
  return { stdout, stderr: look.quiet ? '' : checkSummary(diagnosis) };
}

/** The checks as a table, what to do below each that is not well, and the metrics with their series; wide: what they feed. */
function checkPage(diagnosis: Diagnosis, address: string, { colour, headings }: Look, wide: boolean): string {
  const paint = painter(colour);
  const rows: string[][] = [];
  for (const check of diagnosis.checks) {
    const { found, suffers, advice } = checkText(check);
    rows.push([NAMES[check.name], outcomeText(check, paint), found]);
    if (suffers !== '') rows.push(['', '', `suffers: ${suffers}`]);
    if (advice !== '') rows.push(['', '', `to do: ${advice}`]);
  }
  const checks = grid([left('CHECK'), left('RESULT'), left('FOUND')], rows, headings);
  const head = headings ? `${clean(address)} at ${rfc3339(diagnosis.unixSeconds)}\n\n` : '';
  if (diagnosis.metrics.length === 0) return head + checks;
  const columns = [left('METRIC'), { heading: 'SERIES', align: 'right' } as const, ...(wide ? [left('FEEDS')] : [])];
  const metrics = diagnosis.metrics.map((metric) => [
    metric.metric,
    seriesText(metric, paint),
    ...(wide ? [feedsText(metric)] : []),
  ]);
  return `${head}${checks}\n${grid(columns, metrics, headings)}`;
}

function outcomeText({ outcome }: Check, paint: Painter): string {
  switch (outcome) {
    case 'ok':
      return paint.good('ok');
    case 'warning':
      return paint.warn('warning');
    case 'failed':
      return paint.bad('failed');
    case 'skipped':
      return paint.dim('skipped');
  }
}

function seriesText({ series, expected }: MetricCount, paint: Painter): string {
  return series === 0 && expected ? paint.warn('0') : String(series);
}

function feedsText({ feeds, features }: MetricCount): string {
  const topics = [...new Set(features.map(({ topic }) => topic))];
  return [...feeds, ...(topics.length === 0 ? [] : [`features of ${enumerate(topics)}`])].join('; ');
}

function left(heading: string): { heading: string; align: 'left' } {
  return { heading, align: 'left' };
}

/** The same for programs. */
function checkDocument(diagnosis: Diagnosis, address: string): Record<string, unknown> {
  return {
    schemaVersion: 1,
    generatedAt: rfc3339(diagnosis.unixSeconds),
    address,
    checks: diagnosis.checks.map((check) => ({ check: check.name, outcome: check.outcome, ...checkText(check) })),
    metrics: diagnosis.metrics.map((counted) => ({
      metric: counted.metric,
      series: counted.series,
      expected: counted.expected,
      feeds: feedsText(counted),
      features: counted.features.map(({ name }) => name),
    })),
  };
}

/** One line: can kpfd work with this Prometheus? */
function checkSummary({ checks }: Diagnosis): string {
  const failed = checks.find(({ outcome }) => outcome === 'failed');
  if (failed !== undefined) return `kpfd cannot work with this Prometheus: ${NAMES[failed.name]} failed\n`;
  const warnings = checks.filter(({ outcome }) => outcome === 'warning').length;
  return `kpfd can work with this Prometheus${warnings === 0 ? '' : `, with ${plural(warnings, 'warning')}`}\n`;
}
