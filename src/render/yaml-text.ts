import { Document, Scalar, visit } from 'yaml';
import { escapeUnsafe, isUnsafe } from './text.ts';

/**
 * YAML in which no control or format character stands raw: strings that hold one are quoted, and it is escaped. Many readers
 * speak YAML 1.1, for which `no` is false and 2026-11-23 a date: strings that look like that are quoted as well.
 */
export function yamlText(value: unknown): string {
  const document = new Document(value, { version: '1.1' });
  visit(document, {
    Scalar: (_, node) => {
      // And 0o7 is a number to those that speak YAML 1.2.
      if (typeof node.value === 'string' && (isUnsafe(node.value) || /^[-+]?0o/.test(node.value))) {
        node.type = Scalar.QUOTE_DOUBLE;
      }
    },
  });
  return escapeUnsafe(document.toString(), (codePoint) => `\\U${codePoint.toString(16).padStart(8, '0')}`);
}
