import type { Failure } from '../core/failure.ts';
import { FEATURES } from '../core/features/catalogue.ts';
import { settledContainers } from '../core/features/memory-growth.ts';
import { missingFeatures } from '../core/features/missing.ts';
import type { ContainerSnapshot, NodeSnapshot, PodSnapshot } from '../core/pods/snapshot.ts';
import { STATUSES } from '../core/pods/status.ts';
import { cpuShare, memoryShare, runningContainers, throttledPercent, type Share } from '../core/pods/usage.ts';
import type { NotEvaluated, PodPrediction } from '../core/predictions/prediction.ts';
import { painter, type Painter } from './colour.ts';
import { failureText } from './failure-text.ts';
import { FORMATS, type Answer, type Look, type Output } from './formats.ts';
import { memoryName, reasonLines } from './reason-text.ts';
import { gapText, warningLines } from './gap-text.ts';
import { grid } from './grid.ts';
import { ageText, readyText, restartsText } from './table.ts';
import { age, bytes, clean, enumerate, percent, plural, significant, span } from './text.ts';

interface PageOptions {
  readonly unixSeconds: number;
  readonly horizonSeconds: number;
  /** All inputs of the model as well. */
  readonly wide: boolean;
  readonly paint: Painter;
}

const BAR_CELLS = 30;
const INDENT = '  ';
const SLOW_WINDOW_SECONDS = 900;
/** More features than this are told by their topics. */
const NAMED_FEATURES = 3;

const NOT_EVALUATED: Readonly<Record<NotEvaluated, string>> = {
  terminating: 'not evaluated: the pod is being deleted',
  finished: 'not evaluated: the pod has finished',
  untold:
    'not evaluated: the copy of kube-state-metrics that knew the pod has fallen silent, or Prometheus did not answer everything',
  'no-phase': 'not evaluated: kube-state-metrics gives no phase for the pod',
  'ksm-silent': 'not evaluated: kube-state-metrics was not scraped for three intervals or more',
  'no-history': 'not evaluated: Prometheus knows nothing of a few minutes ago',
  'node-lost': 'not evaluated: nobody hears from its node',
  'node-silent': 'not evaluated: cAdvisor on its node has fallen silent',
};

/** Explained pods: a page each, or the format that was asked for; and why some of the names have no answer. */
export async function explanationOutput(
  answer: Answer,
  failures: readonly Failure[],
  format: keyof typeof FORMATS | undefined,
  look: Look,
): Promise<Output> {
  const pages = format === undefined || format === 'wide';
  const { text: stdout, note } = pages
    ? { text: writePages(answer, format === 'wide', look) }
    : await FORMATS[format](answer, look);
  const below = note === undefined || look.quiet ? '' : `note: ${note}\n`;
  const errors = failures.map((failure) => `error: ${failureText(failure)}\n`).join('');
  return { stdout, stderr: warningLines(answer.warnings, look) + below + errors };
}

function writePages({ pods, unixSeconds, model }: Answer, wide: boolean, { colour }: Look): string {
  const options = { unixSeconds, horizonSeconds: model.horizonSeconds, wide, paint: painter(colour) };
  return pods.map((prediction) => podPage(prediction, options)).join('\n---\n\n');
}

/** One pod as a page: statuses, distribution, usage, activity, node, and what is missing and why. */
function podPage(prediction: PodPrediction, options: PageOptions): string {
  const { pod, features } = prediction;
  const sections = [heading(prediction, options), statuses(prediction, options), distribution(prediction, options)];
  sections.push(section('WHY', why(prediction), options));
  if (pod.presence === 'present') {
    sections.push(section('USAGE', usage(pod), options));
    sections.push(section('CONTAINERS', containers(pod, options.unixSeconds), options));
    sections.push(section('NODE', node(pod.node), options));
  }
  if (features !== undefined) {
    if (options.wide) sections.push(section('FEATURES', inputs(features), options));
    sections.push(section('MISSING', missing(pod, features, options.wide), options));
  }
  return sections.filter((text) => text !== '').join('\n');
}

function heading(prediction: PodPrediction, { unixSeconds, paint }: PageOptions): string {
  const { pod } = prediction;
  const owner = pod.rootOwner ?? pod.owner;
  const facts = [
    owner === undefined ? undefined : `of ${clean(owner.kind)} ${clean(owner.name)}`,
    pod.node === undefined ? undefined : `${pod.presence === 'present' ? '' : 'was '}on ${clean(pod.node.name)}`,
    pod.createdAtUnixSeconds === undefined ? undefined : `${ageText(prediction, unixSeconds)} old`,
  ].filter((fact) => fact !== undefined);
  const title = paint.strong(`${clean(pod.namespace)}/${clean(pod.name)}`);
  return `${title}${facts.length === 0 ? '' : `, ${facts.join(', ')}`}\n`;
}

function statuses(prediction: PodPrediction, { horizonSeconds, paint, unixSeconds }: PageOptions): string {
  const { now, pod } = prediction;
  const ready =
    pod.presence === 'present'
      ? `, ${readyText(prediction)} ready, restarts ${restartsText(prediction, unixSeconds)}`
      : '';
  const lines = [['NOW', `${paint.status(clean(now.now), now.status)}${ready}`]];
  if (prediction.notEvaluated !== undefined) lines.push(['PREDICTED', NOT_EVALUATED[prediction.notEvaluated]]);
  else if (pod.presence === 'gone') {
    lines.push([
      'PREDICTED',
      `${paint.status('NotFound', 'NotFound')}, by evidence: kube-state-metrics knew the pod within the last hour and no longer lists it`,
    ]);
  } else if (prediction.prediction !== undefined) {
    const { status, confidence, risk } = prediction.prediction;
    lines.push([
      'PREDICTED',
      `${paint.status(status, status)} within ${span(horizonSeconds)}, confidence ${percent(confidence)}, risk ${paint.strong(percent(risk))}`,
    ]);
  }
  return table(lines);
}

function distribution({ prediction }: PodPrediction, { paint }: PageOptions): string {
  if (prediction === undefined) return '';
  return table(
    STATUSES.map((status) => {
      const share = prediction.probabilities[status];
      const bar = '█'.repeat(Math.round(share * BAR_CELLS));
      return [`${INDENT}${status}`, percent(share).padStart(4), paint.status(bar, status)];
    }),
  );
}

/** The facts that moved the prediction, and which way. */
function why(prediction: PodPrediction): string[][] {
  return reasonLines(prediction).map(({ logOdds, text }) => [logOdds > 0 ? 'raises risk' : 'lowers risk', text]);
}

function usage(pod: PodSnapshot): string[][] {
  const rows: string[][] = [];
  const add = (name: string, amount: string | undefined, note = ''): void => {
    if (amount !== undefined) rows.push([name, amount, note]);
  };
  const cpu = cpuShare(pod);
  add(
    'CPU over 5m',
    cpu && `${significant(cpu.amount)} cores`,
    cpu && shareNote(cpu, (whole) => `${significant(whole)} cores`),
  );
  // Over a window that began before the containers did the rate is one of less time.
  const isYoung = runningContainers(pod).some(
    ({ startedAtUnixSeconds: since }) => since !== undefined && pod.readAtUnixSeconds - since < SLOW_WINDOW_SECONDS,
  );
  const slow = isYoung ? undefined : cpuShare(pod, (c) => c.usage.cpuCoresOver15m);
  add(
    'CPU over 15m',
    slow && `${significant(slow.amount)} cores`,
    slow && shareNote(slow, (whole) => `${significant(whole)} cores`),
  );
  const throttled = throttledPercent(pod);
  add('CPU throttled', throttled === undefined ? undefined : `${significant(throttled)}%`, 'of periods over 5m');
  const memory = memoryShare(pod);
  // The container that is nearest to its limit speaks for the pod.
  add(memoryName(pod, memory?.container), memory && bytes(memory.amount), memory && shareNote(memory, bytes));
  const mean = memoryShare(pod, (c) => c.usage.memoryMeanBytes);
  add(`${memoryName(pod, mean?.container)}, mean of 5m`, mean && bytes(mean.amount), mean && shareNote(mean, bytes));
  const slope = fastest(pod);
  add(
    'memory trend',
    slope === undefined ? undefined : `${slope < 0 ? '-' : '+'}${bytes(Math.abs(slope) * 60)}/min`,
    'over 5m',
  );
  const { receivePerSecond: received, transmitPerSecond: sent } = pod.networkDrops;
  add('network drops', received === undefined ? undefined : `${significant(received)}/s`, 'received, over 5m');
  add('', sent === undefined ? undefined : `${significant(sent)}/s`, 'sent, over 5m');
  return rows;
}

function shareNote(share: Share, show: (whole: number) => string): string {
  if (share.untold !== undefined) return `whether it has a ${share.untold} is not known`;
  if (share.percent === undefined || share.whole === undefined) return 'no limit';
  const whole = share.of === 'allocatable' ? 'what the node can allocate' : `the ${share.of}`;
  return `${significant(share.percent)}% of ${whole}, ${show(share.whole)}`;
}

function fastest(pod: PodSnapshot): number | undefined {
  const slopes = settledContainers(pod)
    .map((c) => c.usage.memorySlope5m)
    .filter((slope) => slope !== undefined);
  return slopes.length === 0 ? undefined : Math.max(...slopes);
}

function containers(pod: PodSnapshot, unixSeconds: number): string[][] {
  return pod.containers.map((container) => [
    clean(container.name) + (container.role === 'container' ? '' : ` (${container.role})`),
    stateText(container, pod, unixSeconds),
    activityText(container, unixSeconds),
  ]);
}

function stateText(container: ContainerSnapshot, { phase }: PodSnapshot, unixSeconds: number): string {
  if (container.state === undefined) return phase === 'Pending' ? 'no status yet' : 'no status';
  const since = container.startedAtUnixSeconds;
  if (container.state === 'running') {
    const running = since === undefined ? 'running' : `running for ${age(unixSeconds - since)}`;
    return `${running}, ${container.ready === undefined ? 'ready or not is unknown' : container.ready ? 'ready' : 'not ready'}`;
  }
  return container.reason === undefined ? container.state : `${container.state}: ${clean(container.reason)}`;
}

function activityText(container: ContainerSnapshot, unixSeconds: number): string {
  const { restarts, restartsIn5m, restartsIn15m, lastTermination: last } = container;
  const facts: string[] = [];
  if (restarts !== undefined) {
    const recent =
      restarts === 0 ? [] : [count(restartsIn5m, '5m'), count(restartsIn15m, '15m')].filter((text) => text !== '');
    facts.push(`${plural(restarts, 'restart')}${recent.length === 0 ? '' : ` (${recent.join(', ')})`}`);
  }
  if (last !== undefined) {
    const reason = last.reason === undefined ? '' : `: ${clean(last.reason)}`;
    const code = last.exitCode === undefined ? '' : `, exit code ${last.exitCode}`;
    const when = last.atUnixSeconds === undefined ? '' : ` ${age(unixSeconds - last.atUnixSeconds)} ago`;
    facts.push(`last ended${when}${reason}${code}`);
  }
  return facts.join('; ');
}

function count(restarts: number | undefined, window: string): string {
  return restarts === undefined ? '' : `${restarts} in ${window}`;
}

function node(snapshot: NodeSnapshot | undefined): string[][] {
  if (snapshot === undefined) return [['none', 'the pod is not scheduled']];
  const conditions = [...snapshot.conditions].sort(([a], [b]) =>
    a === 'Ready' ? -1 : b === 'Ready' ? 1 : a < b ? -1 : 1,
  );
  const words = conditions.map(([condition, status]) => `${clean(condition)} ${clean(status)}`);
  if (snapshot.cordoned === true) words.push('cordoned');
  if (words.length === 0) words.push('conditions not known');
  else if (snapshot.cordoned === undefined) words.push('whether it is cordoned is not known');
  return [[clean(snapshot.name), words.join(', ')]];
}

function inputs(features: Float32Array): string[][] {
  return FEATURES.map(({ name, unit }, i) => {
    const value = features[i] as number;
    return [name, Number.isNaN(value) ? 'missing' : significant(value), unit];
  });
}

/** Why first, for what is missing may be a long list. */
function missing(pod: PodSnapshot, features: Float32Array, wide: boolean): string[][] {
  return missingFeatures(pod, features).map(({ reason, names }) => {
    if (wide || names.length <= NAMED_FEATURES) return [gapText(reason), enumerate(names, 'and', names.length)];
    const topics = new Set(FEATURES.filter(({ name }) => names.includes(name)).map(({ topic }) => topic));
    return [gapText(reason), `${names.length} features of ${enumerate([...topics])} (-o wide names them)`];
  });
}

function section(title: string, rows: readonly (readonly string[])[], { paint }: PageOptions): string {
  if (rows.length === 0) return '';
  return `${paint.strong(title)}\n${table(rows.map(([first = '', ...rest]) => [`${INDENT}${first}`, ...rest]))}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map((row) => row.length));
  const columns = Array.from({ length: width }, () => ({ heading: '', align: 'left' as const }));
  return grid(
    columns,
    rows.map((row) => Array.from({ length: width }, (_, i) => row[i] ?? '')),
    false,
  );
}
