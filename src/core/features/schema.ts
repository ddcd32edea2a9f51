import { FEATURES } from './catalogue.ts';

/** How far back any feature sees, in seconds. */
export const LOOKBACK_SECONDS = 1800;

/** The names of the columns, in order. */
export const FEATURE_NAMES: readonly string[] = FEATURES.map((feature) => feature.name);

/** Raised where what a name means has changed, though it is still the right name: older models then do not fit. */
const REVISION = 3;

/**
 * A fingerprint of names, units and their order (FNV-1a, 64 bits, over UTF-8 of `name:unit` lines after the revision) of some
 * columns, given by their places in the catalogue. A model carries the one of the columns that it was trained on.
 */
export function schemaHash(columns: readonly number[]): string {
  return fnv1a64([`${REVISION}`, ...columns.map((i) => `${FEATURES[i]?.name}:${FEATURES[i]?.unit}`), ''].join('\n'));
}

/** Offset basis and prime are those of the FNV specification. */
export function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}
