import type { AddressProblem, Failure, NeverSeen } from '../core/failure.ts';
import { rowsWords } from './rows-problem-text.ts';
import { age, clean, enumerate, plural, rfc3339, span } from './text.ts';

/** A failure in words: what happened, then what to try. One sentence, no secrets, no control characters. */
export function failureText(failure: Failure): string {
  const { what, advice } = failureWords(failure);
  return advice === undefined ? what : `${what}; ${advice}`;
}

export interface Words {
  readonly what: string;
  readonly advice?: string | undefined;
}

/** The same in its two parts. */
export function failureWords(failure: Failure): Words {
  switch (failure.kind) {
    case 'usage':
      return { what: clean(failure.problem), advice: failure.advice };
    case 'config-invalid':
      return {
        what: `the config file ${clean(failure.path)} is not usable: ${clean(failure.problem)}`,
        advice: failure.advice,
      };
    case 'file-unreadable':
      return {
        what: `cannot read the ${failure.role} ${clean(failure.path)}: ${errorCode(failure.code)}`,
        advice: failure.code === 'EACCES' ? 'give the user that runs kpfd the right to read it' : undefined,
      };
    case 'file-unwritable':
      return { what: `cannot write the ${failure.role} ${clean(failure.path)}: ${errorCode(failure.code)}` };
    case 'address-invalid':
      return addressWords(failure.address, failure.from, failure.reason);
    case 'connection-refused':
      return {
        what: `nothing listens at ${clean(failure.address)} (connection refused)`,
        advice: isLocal(failure.address)
          ? 'if Prometheus runs in the cluster, try `kubectl port-forward -n monitoring svc/prometheus-operated 9090` in another terminal, or name it with --prometheus-url'
          : 'check that Prometheus runs, and the port in --prometheus-url',
      };
    case 'host-unknown':
      return {
        what: `the host ${clean(failure.host)} of ${clean(failure.address)} has no address`,
        advice: 'check the spelling in --prometheus-url; names that end in .svc exist only inside the cluster',
      };
    case 'connection-lost':
      return {
        what: `the connection to ${clean(failure.address)} broke (${clean(failure.code)})`,
        advice: 'try again; if it happens each time, look for a proxy or TLS between kpfd and Prometheus',
      };
    case 'tls':
      return {
        what: `the TLS connection to ${clean(failure.address)} failed: ${clean(failure.reason)} (${clean(failure.code)})`,
        advice: tlsAdvice(failure.code),
      };
    case 'request-timeout':
      return {
        what: `${clean(failure.address)} did not answer a request within ${span(failure.limitMs / 1000)}`,
        advice: 'allow more with --request-timeout, or ask for less at once (one namespace)',
      };
    case 'run-timeout':
      return {
        what: `the run took longer than ${span(failure.limitMs / 1000)}`,
        advice: 'allow more with --timeout, or ask for less at once (one namespace)',
      };
    case 'interrupted':
      return { what: 'interrupted' };
    case 'redirected':
      return {
        what: `${clean(failure.address)} redirects to ${failure.location === '' ? 'nowhere' : clean(failure.location)}, which looks like a login page or another server; kpfd sends no credentials there`,
        advice:
          'log in with --bearer-token-file or --username, or give the address behind the redirect as --prometheus-url',
      };
    case 'http-status':
      return statusWords(failure);
    case 'not-json':
      return {
        what: `${clean(failure.address)} answered with ${failure.contentType === '' ? 'something' : clean(failure.contentType.split(';')[0] ?? '')} that is not JSON (${excerptWords(failure.excerpt)})`,
        advice:
          'that is a web page or a login, not the API of Prometheus: check the path of --prometheus-url and the credentials',
      };
    case 'answer-cut':
      return {
        what: `an answer of ${clean(failure.address)} is cut or damaged after ${failure.bytes} bytes`,
        advice: 'try again; if it happens each time, a proxy in between limits the size of answers',
      };
    case 'answer-too-large':
      return {
        what: `an answer of ${clean(failure.address)} is larger than ${Math.round(failure.limitBytes / 1024 / 1024)} MiB`,
        advice: 'ask for less at once (one namespace)',
      };
    case 'answer-malformed':
      return {
        what: `an answer of ${clean(failure.address)} is not one of Prometheus' API: ${clean(failure.problem)}`,
        advice: 'check the path of --prometheus-url',
      };
    case 'query-refused':
      return refusedWords(failure);
    case 'pods-silent':
      return silentWords(failure);
    case 'answered-in-part': {
      const warned = failure.warnings.map((text) => `“${shorten(clean(text), 400)}”`).join(', ');
      const lacking = failureWords(failure.lacking).what.replace(/^cannot tell: /, '');
      return {
        what: `cannot tell: ${clean(failure.address)} did not answer everything (${warned}); as far as it did, ${lacking}`,
        advice: 'see that what the warning names can be reached, and ask again',
      };
    }
    case 'names-lost':
      return {
        what: `kube_pod_info tells of ${plural(failure.pods, 'pod')} by ${plural(failure.names, 'name')}: its labels namespace and pod were overwritten, and pods cannot be told apart`,
        advice:
          'set honor_labels: true in the scrape job of kube-state-metrics (honorLabels in a ServiceMonitor), or keep exported_namespace and exported_pod; of clusters whose pods have the same names choose one with --ksm-selector',
      };
    case 'pod-never-seen':
      return neverSeenWords(failure.pod, failure.lookbackSeconds, failure.namespaces);
    case 'pods-untold': {
      const what = `cannot tell how ${enumerate(failure.pods.map(clean))} in namespace ${clean(failure.namespace)} fares`;
      return failure.because === 'copy-silent'
        ? {
            what: `${what}: the copy of kube-state-metrics that knew it has fallen silent`,
            advice: 'look at the copies with `kpfd check-prometheus`',
          }
        : { what: `${what}: Prometheus did not answer all that would tell`, advice: 'see the warnings, and ask again' };
    }
    case 'namespace-never-seen':
      return {
        what: `Prometheus knows no namespace ${quoted(failure.namespace)}`,
        advice: `${didYouMean(failure.nearest)}there are ${enumerate(failure.namespaces.map(clean))}`,
      };
    case 'cluster-ambiguous':
      return {
        what: `this Prometheus holds several clusters (label ${clean(failure.label)}: ${enumerate(failure.values.map(named))})`,
        advice: 'choose one with --cluster',
      };
    case 'cluster-unknown':
      return {
        what:
          failure.label === undefined
            ? `there is no cluster ${quoted(failure.cluster)}: the samples of this Prometheus carry no cluster label`
            : `there is no cluster ${quoted(failure.cluster)} (label ${clean(failure.label)}: ${enumerate(failure.values.map(named))})`,
        advice: failure.label === undefined ? 'leave out --cluster' : 'choose one of these with --cluster',
      };
    case 'labels-not-exported':
      return {
        what: `kube-state-metrics exports no pod label ${enumerate(failure.keys.map(clean), 'or')}, so -l cannot select by it`,
        advice: `add ${failure.keys.length === 1 ? 'it' : 'them'} to what it exports already: --metric-labels-allowlist=pods=[…,${failure.keys.map(clean).join(',')}]`,
      };
    case 'forest-unusable':
      return { what: `cannot use the model ${clean(failure.path)}: ${clean(failure.problem)}` };
    case 'rows-unusable':
      return rowsWords(failure.name, failure.problem, failure.predicted);
    case 'dataset-other':
      return {
        what: `${clean(failure.path)} cannot be gone on with: ${clean(failure.problem)}`,
        advice: 'write to another file with --to',
      };
    case 'labels-unusable':
      return {
        what: `line ${failure.line} of the labels file ${clean(failure.path)} is not usable: ${clean(failure.problem)}`,
        advice:
          'give JSON Lines like {"t": 1795411800, "pods": {"shop/cart-0": ["1/1", "Running", 0]}}, in order of time',
      };
    case 'model-invalid':
      return {
        what: `the model ${clean(failure.path)} is not usable: ${clean(failure.problem)}`,
        advice: 'restore the file, or name another model with --model',
      };
    case 'model-lookback':
      return {
        what: `the model ${clean(failure.path)} was trained on features of the last ${span(failure.foundSeconds)}, and those of this kpfd are of the last ${span(failure.expectedSeconds)}`,
        advice: TRAIN_AGAIN,
      };
    case 'model-columns':
      return {
        what: `the forest ${clean(failure.path)} has other columns than metadata.json beside it says`,
        advice: TRAIN_AGAIN,
      };
    case 'model-schema':
      return schemaWords(failure);
    case 'recording-invalid':
      return {
        what: `the recording ${clean(failure.path)} is not usable: ${clean(failure.problem)}`,
        advice: 'record it again with --record',
      };
    case 'recording-lacks':
      return {
        what: `the recording ${clean(failure.path)} was made by \`${clean(failure.command)}\` and lacks a question of this run`,
        advice: `replay it with the same command and flags, and the same kpfd (it lacks ${clean(shorten(failure.question))})`,
      };
  }
}

function addressWords(address: string, from: string, reason: AddressProblem): Words {
  const shown = quoted(address);
  if (address === '') return { what: `the address (${from}) is empty`, advice: 'write it like http://localhost:9090' };
  switch (reason) {
    case 'no-scheme':
      return {
        what: `the address ${shown} (${from}) has no scheme`,
        advice: `write http://${clean(address)} or https://${clean(address)}`,
      };
    case 'scheme':
      return {
        what: `the address ${shown} (${from}) is neither http nor https`,
        advice: 'write http://HOST:PORT or https://HOST:PORT',
      };
    case 'unparsable':
      return { what: `the address ${shown} (${from}) is no URL`, advice: 'write it like http://localhost:9090' };
    case 'query':
      return {
        what: `the address ${shown} (${from}) has a query or a fragment`,
        advice: 'give the address without ? and #; parameters of a tenant go into --header',
      };
    case 'credentials-on-command-line':
      return {
        what: `the address ${shown} (${from}) holds a user or password, which every user of this machine can read in the process list`,
        advice: 'use --username with --password-file, or put the whole address into KPFD_PROMETHEUS_URL',
      };
  }
}

function statusWords(failure: Extract<Failure, { kind: 'http-status' }>): Words {
  const { address, status, statusText, excerpt } = failure;
  const said = excerpt === '' || excerpt === statusText ? '' : `: ${excerptWords(excerpt)}`;
  const what = `${clean(address)} answered ${status} ${clean(statusText)}${said}`;
  switch (status) {
    case 401:
      if (/no org id/i.test(excerpt)) {
        return { what, advice: "name the tenant: --header 'X-Scope-OrgID: TENANT'" };
      }
      return { what, advice: 'log in with --bearer-token-file, or with --username and --password-file' };
    case 403:
      return {
        what,
        advice: 'the login is known but may not ask this: check its rights, or a tenant header (--header)',
      };
    case 404:
      return {
        what,
        advice:
          "there is no Prometheus API at this path: check the path of --prometheus-url (Mimir's is /prometheus, Thanos' and VictoriaMetrics' have their own)",
      };
    case 429:
      return { what, advice: 'it has too many requests at the moment: try again in a minute' };
    case 503:
      return { what, advice: 'Prometheus is starting (it replays its log) or overloaded: try again in a minute' };
    case 502:
    case 504:
      return { what, advice: 'the proxy does not reach Prometheus: check the server behind it' };
    default:
      return { what, advice: status >= 500 ? 'try again, and look into its log' : undefined };
  }
}

function refusedWords(failure: Extract<Failure, { kind: 'query-refused' }>): Words {
  const what = `${clean(failure.address)} refused a query (${failure.status} ${clean(failure.errorType)}): ${clean(failure.error)}`;
  if (failure.status === 401 || failure.status === 403) return { what, advice: 'check the login and its rights' };
  if (failure.status === 422 && /too many samples/i.test(failure.error)) {
    return { what, advice: 'ask for less at once (one namespace), or raise --query.max-samples of Prometheus' };
  }
  return { what };
}

function silentWords(failure: Extract<Failure, { kind: 'pods-silent' }>): Words {
  const { lastSeenAgeSeconds: seen, cadvisorSeries, phaseSeries, selector } = failure;
  if (phaseSeries !== undefined && phaseSeries > 0) {
    return {
      what: `cannot tell: at ${rfc3339(failure.atUnixSeconds)} ${clean(failure.address)} has no kube_pod_info (kube_pod_status_phase is there, with ${phaseSeries} series), so nothing is known of any pod`,
      advice: 'look for metric relabelling or an allow-list that drops kube_pod_info',
    };
  }
  const history =
    seen === undefined
      ? ''
      : seen === 'an hour or more'
        ? ' and has had none for an hour'
        : ` and had the last one ${age(seen)} ago`;
  const other =
    cadvisorSeries === undefined
      ? ''
      : cadvisorSeries === 0
        ? ' nor of cAdvisor'
        : ` (cAdvisor is there, with ${cadvisorSeries} series)`;
  return {
    what: `cannot tell: at ${rfc3339(failure.atUnixSeconds)} ${clean(failure.address)} has no samples of kube-state-metrics${selector === '' ? '' : ` with ${clean(selector)}`}${other}${history}, so nothing is known of any pod`,
    advice:
      selector === ''
        ? `see that kube-state-metrics runs and that it is among the targets of this Prometheus${cadvisorSeries === 0 ? ' (behind Thanos, Cortex or Mimir also that its stores, and the tenant in --header, are right)' : ''}, or look at another time (--at)`
        : 'see that --ksm-selector matches its series, or leave it out',
  };
}

function neverSeenWords(pod: NeverSeen, lookbackSeconds: number, namespaces: readonly string[] | undefined): Words {
  const { namespace, name, nearest, elsewhere, nearestElsewhere } = pod;
  const what = `pod ${quoted(name)} was not seen in namespace ${clean(namespace)} within the last ${span(lookbackSeconds)}`;
  const list = (names: readonly string[], last?: 'or'): string => enumerate(names.map(clean), last);
  if (elsewhere?.length) return { what, advice: `there is one in namespace ${list(elsewhere)}` };
  if (nearest?.length) return { what, advice: `did you mean ${list(nearest, 'or')}?` };
  const isThere = namespaces?.includes(namespace);
  if (nearestElsewhere?.length) {
    const other = `in other namespaces there is ${list(nearestElsewhere)}`;
    return { what, advice: isThere === false ? `there is no such namespace; ${other}` : other };
  }
  if (isThere === false) return { what, advice: `there is no such namespace, but ${list(namespaces ?? [])}` };
  const isSought = [isThere, nearest, elsewhere, nearestElsewhere].every((found) => found !== undefined);
  return isSought ? { what, advice: 'no pod there or elsewhere has a name like it' } : { what };
}

function schemaWords(failure: Extract<Failure, { kind: 'model-schema' }>): Words {
  const { unknown, found, expected } = failure;
  const difference =
    unknown.length > 0
      ? `it knows ${enumerate(unknown.map(clean), 'and', 3)}, which this kpfd has not`
      : `schema ${clean(found)} where this kpfd has ${expected} (they had another meaning)`;
  return {
    what: `the model ${clean(failure.path)} was trained on other features: ${difference}`,
    advice: TRAIN_AGAIN,
  };
}

const TRAIN_AGAIN = 'train it again with this version of kpfd, or use the model that ships with it';

/** What to do where TLS failed with a code of Node or OpenSSL. */
export function tlsAdvice(code: string): string {
  if (/EPROTO|WRONG_VERSION/.test(code)) return 'the server may speak plain HTTP: try http:// in --prometheus-url';
  if (/EXPIRED/.test(code)) return 'the certificate has expired: renew it';
  if (/ALTNAME/.test(code)) return 'the certificate is for another name: use that name in --prometheus-url';
  return 'if the certificate is of a private authority, name its file with --ca-file';
}

function errorCode(code: string): string {
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file or folder',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is no folder',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
    ELOOP: 'its links lead in a circle',
    EINVAL: 'it is no file for that',
    EMFILE: 'too many files are open (ulimit -n)',
    ENAMETOOLONG: 'its name is too long',
    EFBIG: 'it is too large',
    ERR_FS_FILE_TOO_LARGE: 'it is too large',
    RangeError: 'it is too large',
  };
  return known[code] ?? clean(code);
}

function isLocal(address: string): boolean {
  return /^https?:\/\/(localhost|127\.|\[::1\])/.test(address);
}

function quoted(text: string): string {
  return `"${clean(text)}"`;
}

function named(value: string): string {
  return value === '' ? '"" (no label)' : clean(value);
}

function didYouMean(nearest: readonly string[]): string {
  return nearest.length === 0 ? '' : `did you mean ${enumerate(nearest.map(clean), 'or')}? `;
}

function excerptWords(excerpt: string): string {
  return excerpt === '' ? 'an empty body' : `“${clean(excerpt)}”`;
}

function shorten(text: string, length = 120): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
