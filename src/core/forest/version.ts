import { ModelError } from './model-error.ts';

/** A version of XGBoost: [major, minor, patch]. Files carry the one that wrote them, and some arithmetic depends on it. */
export type XgboostVersion = readonly [number, number, number];

export function isBefore(version: XgboostVersion, other: XgboostVersion): boolean {
  const place = version.findIndex((part, i) => part !== other[i]);
  return place !== -1 && (version[place] as number) < (other[place] as number);
}

/** The version that a text such as "3.4.1" or "2.1.0-dev" begins with, or a ModelError. */
export function versionOf(text: string): XgboostVersion {
  const match = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})/.exec(text);
  if (match === null) throw new ModelError(`${JSON.stringify(text)} is no version of XGBoost`);
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}
