/** What a caller in plain JavaScript passed: typed arrays of other kinds answer otherwise, without a word. */

/** Whether it is a typed array of that kind, of whatever window or worker. */
export function isTyped(value: unknown, kind: 'Uint8Array' | 'Float32Array'): boolean {
  // By its tag, and not by its class: each window has classes of its own.
  return ArrayBuffer.isView(value) && (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === kind;
}

/** "a Float64Array", "a string", "nothing": for a message. */
export function nameOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`;
}
