import { SIGNALS, type Signal, type SignalName } from '../signals/catalogue.ts';
import { rowsOf, type Readings } from '../signals/readings.ts';
import type { SignalRow } from '../signals/signal.ts';
import type { ContainerSnapshot, NodeSnapshot, Owner } from './snapshot.ts';

/** What pods have in common: their nodes and owners. */
export class Surroundings {
  readonly #nodes = new Map<string, NodeSnapshot>();
  readonly #rootOwners = new Map<string, Owner>();
  readonly #siblings: ReadonlyMap<string, ContainerSnapshot['siblings']> | undefined;
  /** The signals that a pod may lack. */
  readonly expected: readonly Signal[];

  constructor(readings: Readings) {
    this.expected = SIGNALS.filter(
      ({ name, expect }) => (expect !== 'nothing' && expect !== 'some pod') || readings.gaps.has(name),
    );
    this.#readNodes(readings);
    this.#readOwners(readings);
    this.#siblings = this.#readSiblings(readings);
  }

  node(name: string | undefined): NodeSnapshot | undefined {
    if (name === undefined || name === '') return undefined;
    return (
      this.#nodes.get(name) ?? {
        name,
        conditions: new Map(),
        cordoned: undefined,
        allocatable: { cpuCores: undefined, memoryBytes: undefined },
      }
    );
  }

  rootOwner(namespace: string, owner: Owner): Owner | undefined {
    return this.#rootOwners.get(ownerKey(namespace, owner));
  }

  /** Containers of other names, and owners none of whose pods restarted, have no row: that is 0, once there is an answer. */
  siblings(namespace: string, owner: Owner, container: string): ContainerSnapshot['siblings'] {
    if (this.#siblings === undefined) return undefined;
    const key = `${ownerKey(namespace, owner)}/${container}`;
    return this.#siblings.has(key) ? this.#siblings.get(key) : { restartsIn30m: 0, runningSeconds: 0 };
  }

  #readSiblings(readings: Readings): Map<string, ContainerSnapshot['siblings']> | undefined {
    if (readings.gaps.has('owner-restarts-30m') || readings.gaps.has('owner-running-30m')) return undefined;
    const interval = readings.layout.scrapeIntervalSeconds['kube-state-metrics'];
    if (interval === undefined) return undefined;
    const keyOf = ({ labels }: SignalRow): string => {
      const owner = { kind: labels['created_by_kind'] ?? '', name: labels['created_by_name'] ?? '' };
      return `${ownerKey(labels['namespace'] ?? '', owner)}/${labels['container'] ?? ''}`;
    };
    const running = new Map(rowsOf(readings, 'owner-running-30m').map((row) => [keyOf(row), row.value * interval]));
    return new Map(
      rowsOf(readings, 'owner-restarts-30m').map((row) => {
        const key = keyOf(row);
        return [key, { restartsIn30m: row.value, runningSeconds: running.get(key) }];
      }),
    );
  }

  #readNodes(readings: Readings): void {
    const conditions = new Map<string, Map<string, SignalRow>>();
    for (const row of rowsOf(readings, 'node-condition')) {
      const node = row.labels['node'] ?? '';
      const own = conditions.get(node) ?? new Map<string, SignalRow>();
      const condition = row.labels['condition'] ?? '';
      const known = own.get(condition);
      if (known === undefined || row.value > known.value) own.set(condition, row);
      conditions.set(node, own);
    }
    const cordonedAt = new Map(rowsOf(readings, 'node-cordoned').map((row) => [row.labels['node'], row.value]));
    const allocatable = new Map<string, Map<string, number>>();
    for (const row of rowsOf(readings, 'node-allocatable')) {
      const own = allocatable.get(row.labels['node'] ?? '') ?? new Map<string, number>();
      own.set(row.labels['resource'] ?? '', row.value);
      allocatable.set(row.labels['node'] ?? '', own);
    }
    for (const [name, own] of conditions) {
      const at = cordonedAt.get(name) ?? Number.NEGATIVE_INFINITY;
      this.#nodes.set(name, {
        name,
        conditions: new Map([...own].map(([condition, row]) => [condition, row.labels['status'] ?? ''])),
        // By the newest copy: a lagging one has not heard yet that the node was uncordoned.
        cordoned: readings.gaps.has('node-cordoned') ? undefined : [...own.values()].every((row) => at >= row.value),
        allocatable: {
          cpuCores: allocatable.get(name)?.get('cpu'),
          memoryBytes: allocatable.get(name)?.get('memory'),
        },
      });
    }
  }

  #readOwners(readings: Readings): void {
    const read = (signal: SignalName, kind: string, nameLabel: string): void => {
      for (const row of rowsOf(readings, signal)) {
        const owner = ownerOf({
          created_by_kind: row.labels['owner_kind'] ?? '',
          created_by_name: row.labels['owner_name'] ?? '',
        });
        const name = row.labels[nameLabel] ?? '';
        if (owner !== undefined) this.#rootOwners.set(ownerKey(row.labels['namespace'] ?? '', { kind, name }), owner);
      }
    };
    read('replicaset-owner', 'ReplicaSet', 'replicaset');
    read('job-owner', 'Job', 'job_name');
  }
}

export function ownerOf(labels: Readonly<Record<string, string>>): Owner | undefined {
  const kind = labels['created_by_kind'] ?? '';
  const name = labels['created_by_name'] ?? '';
  // kube-state-metrics before 2.8 writes "<none>" where there is no owner.
  return kind === '' || kind === '<none>' || name === '' ? undefined : { kind, name };
}

export function ownerKey(namespace: string, owner: Owner): string {
  return `${namespace}/${owner.kind}/${owner.name}`;
}
