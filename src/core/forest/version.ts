/** A version of XGBoost: [major, minor, patch]. Files carry the one that wrote them, and some arithmetic depends on it. */
export type XgboostVersion = readonly [number, number, number];

export function isBefore(version: XgboostVersion, other: XgboostVersion): boolean {
  const place = version.findIndex((part, i) => part !== other[i]);
  return place !== -1 && (version[place] as number) < (other[place] as number);
}
