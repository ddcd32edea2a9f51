/** One requirement of a label selector, as kubectl has them. All requirements of a selector must hold. */
export interface Requirement {
  readonly key: string;
  readonly op: 'in' | 'notin' | 'exists' | 'absent';
  /** For `in` and `notin`; `a=b` is `a in (b)`. */
  readonly values: readonly string[];
}

/** Text that is no selector. The message says where it stops making sense. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

const KEY = /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\/[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?)\s*/;
const VALUE = /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|)\s*/;

/** Parses `app=cart,tier!=web,env in (a,b),track notin (x),canary,!legacy`. Empty text requires nothing. */
export function parseLabelSelector(text: string): Requirement[] {
  const requirements: Requirement[] = [];
  if (text.trim() === '') return requirements;
  let rest = text;
  const take = (pattern: RegExp, what: string): string => {
    const match = pattern.exec(rest);
    if (match === null)
      throw new SelectorError(`expected ${what} at ${rest === '' ? 'its end' : JSON.stringify(rest)}`);
    rest = rest.slice(match[0].length);
    return match[1] ?? '';
  };
  const values = (): string[] => {
    take(/^\s*\(/, '(');
    if (/^\s*\)/.test(rest)) throw new SelectorError('there is no value between ( and )');
    const found = [take(VALUE, 'a value')];
    while (/^\s*,/.test(rest)) {
      take(/^\s*,/, ',');
      found.push(take(VALUE, 'a value'));
    }
    take(/^\s*\)/, ')');
    return found;
  };
  for (;;) {
    if (/^\s*!/.test(rest)) {
      take(/^\s*!/, '!');
      requirements.push({ key: take(KEY, 'a label'), op: 'absent', values: [] });
    } else {
      const key = take(KEY, 'a label');
      const operator = /^(==|=|!=|notin(?=[\s(])|in(?=[\s(]))/.exec(rest)?.[1];
      if (operator !== undefined) rest = rest.slice(operator.length);
      if (operator === undefined) requirements.push({ key, op: 'exists', values: [] });
      else if (operator === 'in' || operator === 'notin') requirements.push({ key, op: operator, values: values() });
      else requirements.push({ key, op: operator === '!=' ? 'notin' : 'in', values: [take(VALUE, 'a value')] });
    }
    if (/^\s*$/.test(rest)) return requirements;
    take(/^\s*,/, 'a comma');
  }
}

/** Whether a pod's labels meet every requirement. As in Kubernetes, a label that is not there is not any value. */
export function matchesLabels(
  requirements: readonly Requirement[],
  valueOf: (key: string) => string | undefined,
): boolean {
  return requirements.every(({ key, op, values }) => {
    const value = valueOf(key);
    switch (op) {
      case 'exists':
        return value !== undefined;
      case 'absent':
        return value === undefined;
      case 'in':
        return value !== undefined && values.includes(value);
      case 'notin':
        return value === undefined || !values.includes(value);
    }
  });
}

/**
 * What kube-state-metrics calls a pod label: everything but letters, digits and _ becomes _, and camelCase becomes
 * snake_case (`app.kubernetes.io/partOf` → `label_app_kubernetes_io_part_of`). The unlinted spelling is kept as a
 * second candidate, for exporters that do not.
 */
export function mangledLabels(key: string): string[] {
  const sanitized = key.replace(/[^A-Za-z0-9_]/g, '_');
  const linted = sanitized.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return [...new Set([`label_${linted}`, `label_${sanitized}`])];
}
