import { ModelError } from './model-error.ts';

/**
 * XGBoost's JSON is not always JSON: split conditions and leaves may be NaN, Infinity or -Infinity, bare. Outside of
 * strings they become strings here, which toFloat32 reads back.
 */
export function parseLooseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity|inf|nan)\b/g, (token) =>
      token.startsWith('"') ? token : `"${token}"`,
    );
    try {
      return JSON.parse(quoted);
    } catch {
      throw new ModelError('it is cut off or is no JSON');
    }
  }
}

/** The one float32 whose shortest decimal form, read as a double, rounds to its neighbour. */
const TWICE_ROUNDED_DECIMAL = 7.038531e-26;
const TWICE_ROUNDED_FLOAT = 0x15c87fa * 2 ** -108;

/** The float32 that XGBoost wrote; undefined for what is no number. */
export function toFloat32(value: unknown): number | undefined {
  if (typeof value === 'number') {
    if (Math.abs(value) === TWICE_ROUNDED_DECIMAL) return Math.sign(value) * TWICE_ROUNDED_FLOAT;
    return Math.fround(value);
  }
  switch (value) {
    case 'NaN':
    case '-NaN':
    case 'nan':
    case '-nan':
      return Number.NaN;
    case 'Infinity':
    case 'inf':
      return Number.POSITIVE_INFINITY;
    case '-Infinity':
    case '-inf':
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
