import { Forest } from './forest.ts';
import { isRecord, parseLooseJson, toFloat32 } from './loose-json.ts';
import { ModelError } from './model-error.ts';
import type { Objective } from './objective.ts';
import { TreesBuilder, type TreeColumns } from './trees-builder.ts';
import type { XgboostVersion } from './version.ts';

/** What a dump loses and somebody must say. */
export interface DumpFacts {
  readonly objective: Objective;
  readonly outputCount: number;
  /** As XGBoost's own file would have it: see ForestShape. */
  readonly baseScore: readonly number[];
  /** The columns in training order; a dump names them or writes f0, f1, …. */
  readonly featureNames: readonly string[];
  /** The XGBoost that made the dump. */
  readonly version: XgboostVersion;
}

/**
 * Reads what `get_dump(dump_format='json')` and `dump_model(…, dump_format='json')` give: a list of trees, a list of
 * strings with a tree each, or trees one after the other. Dumps since XGBoost 0.80 keep nine digits, which make exact
 * float32 again. Trees are taken for round-robin over the outputs (num_parallel_tree = 1).
 */
export function readDumpJson(text: string, facts: DumpFacts): Forest {
  const columns = new Map(facts.featureNames.map((name, i) => [name, i]));
  for (let i = 0; i < facts.featureNames.length; i++) if (!columns.has(`f${i}`)) columns.set(`f${i}`, i);
  const trees = readTrees(text);
  if (trees.length === 0 || trees.length % facts.outputCount !== 0) {
    throw new ModelError(`its ${trees.length} trees do not divide among ${facts.outputCount} outputs`);
  }
  const builder = new TreesBuilder(facts.featureNames.length);
  for (const [i, tree] of trees.entries()) builder.add(readTree(tree, i, columns), i % facts.outputCount);
  return new Forest({
    featureCount: facts.featureNames.length,
    outputCount: facts.outputCount,
    featureNames: facts.featureNames,
    objective: facts.objective,
    baseScore: facts.baseScore,
    version: facts.version,
    trees: builder.build(),
  });
}

function readTrees(text: string): unknown[] {
  const trimmed = text.trim();
  // Trees one after the other, as files of dump text joined by hand are.
  const joined = trimmed.startsWith('{') ? `[${trimmed.replace(/\}\s*\{/g, '},{')}]` : trimmed;
  const document = parseLooseJson(joined);
  if (!Array.isArray(document)) throw new ModelError('it is no list of trees');
  return document.map((tree) => (typeof tree === 'string' ? parseLooseJson(tree) : tree));
}

/** Numbers the nodes anew, in the order in which they are met; the dump's ids have holes where XGBoost pruned. */
function readTree(root: unknown, number: number, columns: ReadonlyMap<string, number>): TreeColumns {
  const fail = (problem: string): never => {
    throw new ModelError(`its tree ${number} ${problem}`);
  };
  const left: number[] = [];
  const right: number[] = [];
  const feature: number[] = [];
  const value: number[] = [];
  const defaultLeft: boolean[] = [];
  const pending: { node: unknown; parent: number; side: number[] }[] = [{ node: root, parent: -1, side: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, parent, side } = next;
    if (!isRecord(node)) return fail('holds something that is no node');
    const index = left.length;
    if (parent >= 0) side[parent] = index;
    const children = node['children'];
    left.push(-1);
    right.push(-1);
    if (!Array.isArray(children)) {
      feature.push(0);
      value.push(toFloat32(node['leaf']) ?? fail(`has no leaf at node ${String(node['nodeid'])}`));
      defaultLeft.push(false);
      continue;
    }
    if (children.length !== 2) return fail(`has ${children.length} children at node ${String(node['nodeid'])}`);
    const split = readSplit(node, children, fail);
    const column = columns.get(split.feature);
    if (column === undefined)
      return fail(`splits on ${JSON.stringify(split.feature)}, which is no feature of the schema`);
    feature.push(column);
    value.push(split.condition);
    defaultLeft.push(split.defaultLeft);
    pending.push({ node: children[1], parent: index, side: right }, { node: children[0], parent: index, side: left });
  }
  return { left, right, feature, value, defaultLeft };
}

function readSplit(
  node: Record<string, unknown>,
  children: readonly unknown[],
  fail: (problem: string) => never,
): { feature: string; condition: number; defaultLeft: boolean } {
  const id = String(node['nodeid']);
  const feature = String(node['split']);
  const [first, second] = children.map((child) => (isRecord(child) ? child['nodeid'] : undefined));
  if ('split_condition' in node) {
    if (Array.isArray(node['split_condition'])) return fail(`has a categorical split at node ${id}`);
    const condition = toFloat32(node['split_condition']) ?? fail(`has no split condition at node ${id}`);
    const { missing } = node;
    if (node['yes'] !== first || node['no'] !== second || (missing !== first && missing !== second)) {
      return fail(`names children at node ${id} that it does not have`);
    }
    return { feature, condition, defaultLeft: missing === first };
  }
  // An indicator (feature type "i") has neither threshold nor `missing`: `no` is where a missing value goes.
  if (node['no'] !== first && node['no'] !== second) return fail(`has no split condition at node ${id}`);
  return { feature, condition: 1, defaultLeft: node['no'] === first };
}
