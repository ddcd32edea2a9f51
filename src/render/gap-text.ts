import type { LayoutRequest, Warning } from '../core/predictions/completeness.ts';
import type { Exporter, GapReason } from '../core/signals/signal.ts';
import { failureText } from './failure-text.ts';
import { age, clean, enumerate, plural, span } from './text.ts';

/** Why a signal is missing, in a few words. */
export function gapText(reason: GapReason): string {
  switch (reason.kind) {
    case 'request-failed':
      return `the request failed: ${failureText(reason.failure)}`;
    case 'exporter-absent':
      return `this Prometheus has no samples of ${exporterName(reason.exporter)}`;
    case 'metric-absent':
      return `no pod that was asked for has a sample of ${reason.metric}`;
    case 'window-too-short':
      return `scraped each ${span(reason.intervalSeconds)}, too rarely for a window of ${span(reason.windowSeconds)} (four samples are needed)`;
    case 'history-too-short':
      return `Prometheus has no samples of about ${span(reason.windowSeconds)} ago`;
    case 'pod-not-sampled':
      return `${exporterName(reason.exporter)} has no sample of this pod`;
    case 'metric-not-sampled':
      return `there is no sample of ${reason.metric} of this pod`;
    case 'older-than-container':
      return 'the newest sample is of the container before the last restart';
    case 'not-running':
      return 'the containers of the pod are not running';
    case 'not-scheduled':
      return 'the pod is on no node';
    case 'host-network':
      return "the pod is on the host's network, whose counters are the node's";
    case 'no-limit':
      return 'the containers have no limit';
  }
}

/** Warnings, one to a line. What does not make the answer incomplete is a note, for -v. */
export function warningLines(warnings: readonly Warning[], { verbose }: { readonly verbose: boolean }): string {
  return warnings
    .filter(({ incomplete }) => incomplete || verbose)
    .map((warning) => `${warning.incomplete ? 'warning' : 'note'}: ${warningText(warning)}\n`)
    .join('');
}

const LAYOUT_REQUESTS: Readonly<Record<LayoutRequest, string>> = {
  'scrape-interval': 'the scrape interval',
  cadvisor: 'which nodes cAdvisor tells of',
  copies: 'which copies of kube-state-metrics tell the same',
};

/** A warning in one sentence: what happened, what suffers, what to do. */
export function warningText(warning: Warning): string {
  switch (warning.kind) {
    case 'request-failed': {
      const failure = failureText(warning.failure);
      if (warning.signals.length === 0)
        return `${LAYOUT_REQUESTS[warning.request as LayoutRequest]} could not be measured: ${failure}`;
      return `${enumerate(warning.signals)} could not be read and count as missing: ${failure}`;
    }
    case 'exporter-absent':
      return `there are no samples of ${exporterName(warning.exporter)}: CPU, memory, throttling and network count as missing, and predictions are less sure`;
    case 'window-too-short':
      return `${exporterName(warning.exporter)} is scraped each ${span(warning.intervalSeconds)}, too rarely for ${enumerate(warning.signals)}, which count as missing`;
    case 'metric-absent':
      return `${warning.metric} is missing for all ${plural(warning.pods, 'pod')} that should have it: ${enumerate(warning.signals)} count as missing`;
    case 'history-too-short':
      return `Prometheus has no samples of about ${span(warning.windowSeconds)} ago, when ${plural(warning.pods, 'pod')} ${warning.pods === 1 ? 'was' : 'were'} there already: ${enumerate(warning.signals)} count as missing`;
    case 'node-not-sampled':
      return `${exporterName(warning.exporter)} has no samples of node ${clean(warning.node)}: usage of its ${plural(warning.pods, 'pod')} counts as missing`;
    case 'pods-not-sampled':
      return `${exporterName(warning.exporter)} has no samples of ${plural(warning.pods, 'pod')} where it should: ${enumerate(warning.signals)} count as missing`;
    case 'silence':
      return silenceText(warning);
    case 'namesakes':
      return `${plural(warning.names, 'name')} (${clean(warning.example)}) ${warning.names === 1 ? 'is' : 'are'} of two pods that both live: this Prometheus seems to hold several clusters, and only one of the two is shown; choose one cluster with --ksm-selector and --cadvisor-selector`;
    case 'pods-untold':
      return `nothing can be told of ${plural(warning.pods, 'pod')}: the copy of kube-state-metrics that knew them has fallen silent, or Prometheus did not answer everything`;
    case 'copies':
      return `kube-state-metrics is scraped ${warning.copies} times; the newest copy counts`;
    case 'stale':
      return `the newest sample of ${exporterName(warning.exporter)} is ${age(warning.ageSeconds)} old: NOW is as of then, and no pod is evaluated`;
    case 'clock':
      return `the clock of this machine is ${age(Math.abs(warning.aheadSeconds))} ${warning.aheadSeconds > 0 ? 'ahead of' : 'behind'} that of Prometheus, whose time was used`;
    case 'prometheus-warning':
      return `Prometheus warns: ${clean(warning.text)}`;
    case 'split':
      return `the answer to ${warning.request} was too big and was asked for in ${warning.parts} parts`;
    case 'retried':
      return `${plural(warning.retries, 'request')} had to be sent again`;
  }
}

/** The exporters by the names that people know. */
export function exporterName(exporter: Exporter): string {
  return exporter === 'cadvisor' ? 'cAdvisor' : exporter;
}

function silenceText({ silence, pods, nodes }: Extract<Warning, { kind: 'silence' }>): string {
  const what = `${plural(pods, 'pod')} not evaluated: `;
  const where = `${nodes.length === 1 ? 'node' : 'nodes'} ${enumerate(nodes.map(clean), 'and')}`;
  switch (silence) {
    case 'ksm-silent':
      return `${what}the copy of kube-state-metrics that knows them was not scraped for a while`;
    case 'no-history':
      return `${what}Prometheus knows nothing of four to nine minutes ago: it or its scraping has just begun, or paused`;
    case 'node-lost':
      return `${what}the control plane does not hear from ${where}`;
    case 'node-silent':
      return `${what}cAdvisor on ${where} has fallen silent`;
  }
}
