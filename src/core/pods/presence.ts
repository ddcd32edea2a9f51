import { copyKey, copyKeyOf, type ExporterCopy, type FormerCopy } from '../signals/copies.ts';
import { isStale, staleSeconds, type Layout } from '../signals/layout.ts';
import { rowsOf, type Readings } from '../signals/readings.ts';
import type { SignalRow } from '../signals/signal.ts';

/**
 * Which pods there are. kube_pod_info says so, but several copies of kube-state-metrics may say it: replicas, shards,
 * and for up to five minutes the ghost of one that was replaced. The newest coherent copy decides.
 */
export interface Sighting {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
  readonly presence: 'present' | 'gone' | 'untold';
  /** The labels of kube_pod_info; of a pod that is not present, its node and owner only. */
  readonly labels: Readonly<Record<string, string>>;
  /** The scrape that counts for this pod. */
  readonly scrapedAtUnixSeconds: number | undefined;
}

/** A silent copy of whose pods no more than this part is known to any other was a shard, not a replaced replica. */
const SILENT_SHARD_GONE = 0.9;
/**
 * Series of one scrape share its time to the millisecond. Rows that are older by so many scrape intervals are ghosts; by less,
 * they may be of another replica of Prometheus behind one deduplicating query (Thanos), which goes on with one that has
 * stopped for two scrapes.
 */
const GHOST_AGE_INTERVALS = 2.5;
/** Where the scrape interval could not be measured. */
export const ASSUMED_INTERVAL_SECONDS = 60;

/** The same in seconds. */
export function ghostAgeSeconds({ scrapeIntervalSeconds }: Layout): number {
  return GHOST_AGE_INTERVALS * (scrapeIntervalSeconds['kube-state-metrics'] ?? ASSUMED_INTERVAL_SECONDS);
}

export function podKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** Every pod of the scope, present or seen within the lookback. */
export function sightings(readings: Readings): Sighting[] {
  const rows = rowsOf(readings, 'pod-info');
  const overruled = overruledRows(readings, rows);
  const createdAt = creationTimes(readings);
  const present = new Map<string, SignalRow>();
  const overruledOnly = new Map<string, SignalRow>();
  for (const row of rows) {
    const target = overruled.has(row) ? overruledOnly : present;
    const key = keyOf(row);
    const known = target.get(key);
    if (known === undefined || isNewer(row, known, createdAt)) target.set(key, row);
  }

  const found: Sighting[] = [];
  for (const row of present.values()) found.push(sighting(row, 'present', row.value));

  const isUntold = untoldCopies(readings);
  const absent = new Map<string, Sighting>();
  const addAbsent = (row: SignalRow): void =>
    void absent.set(keyOf(row), sighting(row, isUntold(copyOf(row)) ? 'untold' : 'gone', undefined));
  for (const row of overruledOnly.values()) addAbsent(row);
  const finished = new Set(rowsOf(readings, 'gone-finished').map(identityOf));
  for (const row of rowsOf(readings, 'gone')) {
    // Of two that had the name nobody knows which went last: one that had not finished must not be lost.
    const known = absent.get(keyOf(row));
    if (known !== undefined && finished.has(identityOf(row))) continue;
    // It was seen before it got its node as well.
    if (known?.uid === row.labels['uid'] && (row.labels['node'] ?? '') === '') continue;
    addAbsent(row);
  }
  for (const [key, pod] of absent) if (!present.has(key)) found.push(pod);
  return found;
}

/** A pod that is made anew under its old name has taken its place for so long. */
export const REPLACED_SECONDS = 600;

/**
 * Names under which two pods live at once, of which the younger one was made long ago. In one cluster no two pods have a name:
 * this Prometheus holds several, and no label that kpfd knows tells them apart.
 */
export function namesakes(readings: Readings): string[] {
  const createdAt = creationTimes(readings);
  const uids = new Map<string, Set<string>>();
  for (const row of rowsOf(readings, 'pod-info')) {
    const created = createdAt.get(identityOf(row)) ?? Number.POSITIVE_INFINITY;
    if (readings.unixSeconds - created < REPLACED_SECONDS) continue;
    uids.set(keyOf(row), (uids.get(keyOf(row)) ?? new Set()).add(row.labels['uid'] ?? ''));
  }
  return [...uids].filter(([, own]) => own.size > 1).map(([key]) => key);
}

/** Identity -> when the pod was made, in Unix seconds. */
function creationTimes(readings: Readings): ReadonlyMap<string, number> {
  return new Map(rowsOf(readings, 'pod-created').map((row) => [identityOf(row), row.value]));
}

function sighting(row: SignalRow, presence: Sighting['presence'], scrapedAt: number | undefined): Sighting {
  return {
    namespace: row.labels['namespace'] ?? '',
    name: row.labels['pod'] ?? '',
    uid: row.labels['uid'],
    presence,
    labels: row.labels,
    scrapedAtUnixSeconds: scrapedAt,
  };
}

function keyOf(row: SignalRow): string {
  return podKey(row.labels['namespace'] ?? '', row.labels['pod'] ?? '');
}

function copyOf(row: SignalRow): string {
  return copyKeyOf(row.labels);
}

/**
 * The later scrape; of two pods of one name in one scrape (a StatefulSet makes its pod anew) the one made later; of two
 * rows of one pod (it has just got its node) the row that names the node.
 */
function isNewer(row: SignalRow, known: SignalRow, createdAt: ReadonlyMap<string, number>): boolean {
  if (row.value !== known.value) return row.value > known.value;
  if (row.labels['uid'] !== known.labels['uid']) {
    return (createdAt.get(identityOf(row)) ?? 0) > (createdAt.get(identityOf(known)) ?? 0);
  }
  return (known.labels['node'] ?? '') === '' && (row.labels['node'] ?? '') !== '';
}

/**
 * Rows of pods that are gone though a series of them can still be read: a newer coherent replica of the copy lacks the
 * pod of a namespace that it looks at, or the copy itself was scraped again without it while Prometheus was away and could
 * leave no staleness marker.
 */
function overruledRows(readings: Readings, rows: readonly SignalRow[]): ReadonlySet<SignalRow> {
  const { layout } = readings;
  const scrapedAt = new Map(layout.copies.map((copy) => [copyKey(copy), copy.scrapedAtUnixSeconds]));
  const ghostAge = ghostAgeSeconds(layout);
  const oldestOfNow = readings.unixSeconds - staleSeconds(layout);
  const isRescraped = (row: SignalRow): boolean => {
    const newest = scrapedAt.get(copyOf(row)) ?? row.value;
    return row.value < newest - ghostAge || (row.value < oldestOfNow && newest >= oldestOfNow);
  };
  const rescraped = new Set(rows.filter(isRescraped));
  const known = new Set(rows.filter((row) => !rescraped.has(row)).map((row) => `${copyOf(row)} ${identityOf(row)}`));
  return new Set(
    rows.filter((row) => {
      const authority = layout.authorities.get(copyOf(row));
      const lacking =
        authority !== undefined &&
        !known.has(`${copyKey(authority)} ${identityOf(row)}`) &&
        layout.namespacesOf.get(copyKey(authority))?.has(row.labels['namespace'] ?? '') !== false;
      return rescraped.has(row) || (lacking && row.value < authority.scrapedAtUnixSeconds);
    }),
  );
}

function identityOf(row: SignalRow): string {
  return `${keyOf(row)}/${row.labels['uid'] ?? ''}`;
}

/**
 * Of which copies nobody can tell what became of their pods: those that have no series any more and whose pods nobody took
 * over, or all that have none where nothing tells of that. And what a part of Prometheus did not answer may be the very
 * series of the pod.
 */
function untoldCopies(readings: Readings): (copy: string) => boolean {
  // What nobody hears from cannot say what is gone, either.
  if (readings.isPartial || isStale(readings.layout, readings.unixSeconds)) return () => true;
  const { copies } = readings.layout;
  if (readings.gaps.has('copy-history')) return (copy) => !copies.some((living) => copyKey(living) === copy);
  const silent = new Set(silentShards(rowsOf(readings, 'copy-history'), copies).map(copyKey));
  return (copy) => silent.has(copy);
}

/**
 * By the rows of the signal copy-history: the copies that have no series any more and whose pods nobody took over, with how
 * many pods they knew.
 */
export function silentShards(history: readonly SignalRow[], living: readonly ExporterCopy[]): FormerCopy[] {
  const alive = new Set(living.map(copyKey));
  const gone = new Map(history.filter(({ labels }) => labels['of'] === 'gone').map((row) => [copyOf(row), row.value]));
  return history
    .filter((row) => row.labels['of'] === 'seen' && !alive.has(copyOf(row)))
    .filter((row) => (gone.get(copyOf(row)) ?? 0) > row.value * SILENT_SHARD_GONE)
    .map(({ labels, value }) => ({ job: labels['job'] ?? '', instance: labels['instance'] ?? '', pods: value }));
}
