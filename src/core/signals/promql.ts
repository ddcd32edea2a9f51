/** A matcher of a selector. The value is raw text: it is escaped here and nowhere else. */
export interface Matcher {
  readonly label: string;
  readonly op: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** `metric{label="value"}`. Label values are data from users and clusters: quotes and control characters are escaped. */
export function selector(metric: string, matchers: readonly Matcher[], extra = ''): string {
  const parts = matchers.map((m) => `${m.label}${m.op}${quote(m.value)}`);
  if (extra !== '') parts.push(extra);
  return parts.length === 0 ? metric : `${metric}{${parts.join(',')}}`;
}

/** A PromQL string literal (Go's escapes). */
export function quote(text: string): string {
  // eslint-disable-next-line no-control-regex
  const escaped = text.replace(/[\\"]|[\u0000-\u001f\u007f]/g, (c) =>
    c === '\\' || c === '"' ? `\\${c}` : c === '\n' ? '\\n' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

/** An RE2 pattern that matches exactly one of the texts (Prometheus anchors patterns by itself). */
export function anyOf(texts: readonly string[]): string {
  return texts.map((text) => text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')).join('|');
}

/** `series[5m]`: the range vector of the last so many seconds. */
export function over(series: string, seconds: number): string {
  const [size, unit]: [number, string] = seconds % 3600 === 0 ? [3600, 'h'] : seconds % 60 === 0 ? [60, 'm'] : [1, 's'];
  return `${series}[${seconds / size}${unit}]`;
}

/** `max by (a,b)(expression)`. */
export function by(
  aggregation: 'max' | 'min' | 'sum' | 'count',
  labels: readonly string[],
  expression: string,
): string {
  return `${aggregation} by (${labels.join(',')})(${expression})`;
}

/**
 * Several expressions in one request: each result carries its name in the label `fact`. (A regular expression
 * over metric names would be shorter, but `rate` drops the name, and then equal label sets collide or merge.)
 */
export function tagged(facts: readonly { fact: string; expression: string }[]): string {
  return facts.map(({ fact, expression }) => `label_replace(${expression},"fact","${fact}","","")`).join(' or ');
}

/** The scrape time of every series of the selector whose value passes the comparison, as the result's value. */
export function scrapeTimeWhere(series: string, comparison: '== 1' | '> 0'): string {
  return `timestamp(${series}) and (${series} ${comparison})`;
}

/**
 * Keeps, per group, only the results whose series has the newest sample: the copy of kube-state-metrics that was
 * scraped last, and the container that lives now. A dead container's series stays readable for up to five minutes
 * after a restart, and the sum or the maximum with it would count its memory twice or name the wrong one.
 * The right side is aggregated, so duplicates cannot make the join ambiguous.
 */
export function newestOf(result: string, series: string, group: readonly string[]): string {
  return `${result} and (timestamp(${series}) == on (${group.join(',')}) group_left() ${by('max', group, `timestamp(${series})`)})`;
}
