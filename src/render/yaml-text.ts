import { Document, Scalar, visit } from 'yaml';
import { escapeUnsafe, isUnsafe } from './text.ts';

/** YAML in which no control or format character stands raw: strings that hold one are quoted, and it is escaped. */
export function yamlText(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && isUnsafe(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escapeUnsafe(document.toString(), (codePoint) => `\\U${codePoint.toString(16).padStart(8, '0')}`);
}
