/** Ways to change what a model says, as a forger or a faulty program would. Each changes the document in place. */
import { copyOf, Members, NumberList, numbersOf, type Value } from './document.ts';
import type { Random } from './random.ts';
import { modelIn } from './seeds.ts';

interface Change {
  readonly root: Value;
  readonly random: Random;
  /** Another model's document, not to be changed. */
  readonly donor: Value;
}

/** False where the document has nothing of the kind. */
type DocumentMutator = (change: Change) => boolean;

/** A member, where it stands. */
interface Slot {
  readonly members: Members;
  readonly place: number;
  readonly key: string;
  readonly value: Value;
}

const SPECIAL_FLOATS = [
  Number.NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1e-45,
  -1e-45,
  1.1754942e-38,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  1e39,
  1e300,
  16777216,
  16777217,
  0.1,
  5.960464477539063e-8,
];
const SPECIAL_INTEGERS = [
  -1, 0, 1, 2, -2, 31, 32, 255, 256, 65535, 16777215, 16777216, 2147483647, -2147483647, -2147483648, 2147483648,
  4294967295, 4294967296, 0.5, 1e18,
];
const SPECIAL_COUNTS = [
  '0',
  '1',
  '2',
  '3',
  '-1',
  '',
  ' 1',
  '1.0',
  '1e3',
  '0x2',
  '00',
  '01',
  '4294967296',
  '2147483647',
  '1048576',
  '16777216',
  '999999999999999',
  '9'.repeat(30),
  'NaN',
  'null',
];
const BASE_SCORES = [
  '0',
  '-0',
  '-0E0',
  '1',
  '5E-1',
  '[5E-1]',
  '[1,2]',
  '[1,2,3]',
  '[0,0,0,0]',
  '[]',
  '[1,]',
  '',
  '[',
  'NaN',
  'nan',
  'Infinity',
  '1e39',
  '1e-60',
  '-1',
  '2',
  '0x10',
  '1_0',
  '1e',
  ' 1 ',
  '[ 1 ]',
  '[[1]]',
  '1,2',
  'true',
];
const VERSIONS: readonly Value[] = [
  [1, 0, 0],
  [1, 2, 1],
  [1, 3, 0],
  [1, 7, 4],
  [3, 1, 0],
  [3, 2, 0],
  [3, 3, 9],
  [3, 4, 0],
  [99, 0, 0],
  [0, 0, 0],
  [1, 2],
  [],
  [1, 2, 3, 4],
  [-1, 0, 0],
  [1.5, 0, 0],
  ['1', '2', '1'],
  [[1], [2], [1]],
  [true, 0, 0],
  [null, null, null],
  '1.2.1',
  null,
];
const OBJECTIVES = [
  'reg:squarederror',
  'reg:linear',
  'binary:logistic',
  'reg:logistic',
  'binary:hinge',
  'count:poisson',
  'survival:aft',
  'multi:softprob',
  'multi:softmax',
  'reg:quantileerror',
  'reg:expectileerror',
  'rank:ndcg',
  'reg:tweedie',
  '',
  'reg:mine',
  '__proto__',
  'constructor',
];
const OTHER_VALUES: readonly Value[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  Number.NaN,
  '',
  '1',
  'gbtree',
  [],
  [[]],
  [0],
  ['0'],
  [null],
  new Members(),
  new Members([['name', 'x']]),
];
const FLOAT_LISTS = [
  'split_conditions',
  'base_weights',
  'leaf_weights',
  'loss_changes',
  'sum_hessian',
  'weights',
  'weight_drop',
];
const DEEP = [10, 200, 2000];

/** Changes after which the model must be read, and give the same answers. */
export const HARMLESS: ReadonlyMap<string, DocumentMutator> = new Map<string, DocumentMutator>([
  ['reorder members', reorder],
  ['add unknown members', addUnknown],
  ['write in the other format', () => true],
]);

export const DOCUMENT_MUTATORS: ReadonlyMap<string, DocumentMutator> = new Map<string, DocumentMutator>([
  ['delete a member', (change) => withSlot(change, ({ members, place }) => members.entries.splice(place, 1))],
  ['repeat a member', (change) => withSlot(change, (slot) => repeat(change, slot))],
  ['rename a member', (change) => withSlot(change, (slot) => rename(change, slot))],
  ['retype a value', (change) => withSlot(change, (slot) => put(slot, retyped(change.random, slot.value)))],
  ['take a value of another model', takeFromDonor],
  ['move a member', moveMember],
  ['make a list longer', (change) => withList(change, (items) => lengthen(change.random, items))],
  ['make a list shorter', (change) => withList(change, (items) => shorten(change.random, items))],
  ['swap items', (change) => withList(change, (items) => swap(change.random, items))],
  ['repeat an item', (change) => withList(change, (items) => items.push(copyOf(change.random.pick(items))))],
  ['retype an item', (change) => withList(change, (items) => retypeItem(change.random, items))],
  ['change floats', (change) => withNumbers(change, FLOAT_LISTS, SPECIAL_FLOATS)],
  [
    'change thresholds',
    (change) => withNumbers(change, ['split_conditions', 'split_condition', 'leaf'], SPECIAL_FLOATS),
  ],
  ['change integers', changeIntegers],
  ['change children', (change) => withNumbers(change, ['left_children', 'right_children'], SPECIAL_INTEGERS)],
  ['make a cycle', makeCycle],
  ['leave the tree', leaveTree],
  ['swap children', swapChildren],
  ['move a subtree', moveSubtree],
  ['cut a subtree', cutSubtree],
  ['change features', (change) => withNumbers(change, ['split_indices'], SPECIAL_INTEGERS)],
  ['flip default directions', flipDefaults],
  [
    'change categories',
    (change) =>
      withNumbers(
        change,
        ['categories', 'categories_nodes', 'categories_segments', 'categories_sizes', 'split_type', 'split_condition'],
        SPECIAL_INTEGERS,
      ),
  ],
  ['share categories', shareCategories],
  ['change tree weights', (change) => withNumbers(change, ['weight_drop'], SPECIAL_FLOATS)],
  ['change tree_info', (change) => withNumbers(change, ['tree_info'], SPECIAL_INTEGERS)],
  ['change iterations', (change) => withNumbers(change, ['iteration_indptr'], SPECIAL_INTEGERS)],
  ['change counts', changeCounts],
  ['change the base score', (change) => putNamed(change, 'base_score', change.random.pick(BASE_SCORES))],
  ['change the version', (change) => putNamed(change, 'version', copyOf(change.random.pick(VERSIONS)))],
  ['change the objective', changeObjective],
  ['change the booster', changeBooster],
  ['change leaf vectors', changeVectors],
  [
    'change node ids',
    (change) =>
      withNumbers(change, ['nodeid', 'yes', 'no', 'missing', 'id'], [0, 1, 2, 3, -1, 2147483647, 2147483648, 0.5]),
  ],
  ['change splits of a dump', changeDumpedSplit],
  ['repeat a tree soundly', repeatTree],
  ['nest deeply', nestDeeply],
]);

/** All members of all objects, the lists of trees and nodes included. */
function slotsOf(value: Value, slots: Slot[] = []): Slot[] {
  if (value instanceof Members) {
    for (const [place, [key, own]] of value.entries.entries()) {
      slots.push({ members: value, place, key, value: own });
      slotsOf(own, slots);
    }
  } else if (Array.isArray(value) && typeof value[0] !== 'number') {
    for (const item of value) if (typeof item === 'object') slotsOf(item, slots);
  }
  return slots;
}

/** A member by chance: each name is as likely, however often it is there. */
function pickSlot({ root, random }: Change, wanted: (slot: Slot) => boolean = () => true): Slot | undefined {
  const slots = slotsOf(root).filter(wanted);
  if (slots.length === 0) return undefined;
  const key = random.pick([...new Set(slots.map((slot) => slot.key))]);
  return random.pick(slots.filter((slot) => slot.key === key));
}

function withSlot(change: Change, act: (slot: Slot) => unknown): boolean {
  const slot = pickSlot(change);
  if (slot !== undefined) act(slot);
  return slot !== undefined;
}

function put({ members, place, key }: Slot, value: Value): void {
  members.entries[place] = [key, value];
}

function putNamed(change: Change, key: string, value: Value): boolean {
  const slot = pickSlot(change, (found) => found.key === key);
  if (slot !== undefined) put(slot, value);
  return slot !== undefined;
}

function repeat({ random }: Change, { members, key, value }: Slot): void {
  const again = random.chance(0.5) ? copyOf(value) : retyped(random, value);
  members.entries.splice(random.below(members.entries.length + 1), 0, [key, again]);
}

function rename({ root, random }: Change, { members, place, key, value }: Slot): void {
  const other = random.chance(0.5)
    ? random.pick(slotsOf(root)).key
    : random.pick([`${key}x`, key.slice(1), key.toUpperCase(), '', '__proto__', `${key}\0`, 'toString']);
  members.entries[place] = [other, value];
}

function retyped(random: Random, value: Value): Value {
  const ways: Value[] = [copyOf(random.pick(OTHER_VALUES))];
  if (typeof value === 'string') ways.push(Number(value), [value], value.split(''));
  if (typeof value === 'number') ways.push(String(value), [value], value !== 0);
  if (value instanceof Members) ways.push(value.entries.map(([, own]) => copyOf(own)));
  const numbers = numbersOf(value);
  if (numbers !== undefined) {
    ways.push(numbers.map(String), numbers.map(Boolean), numbers[0] ?? null, JSON.stringify(numbers));
    ways.push(new NumberList(random.pick(['i', 'U', 'I', 'l', 'L', 'd', 'D']), [...numbers]));
    ways.push(new Members(numbers.map((number, i) => [String(i), number])));
  }
  return random.pick(ways);
}

function takeFromDonor(change: Change): boolean {
  return withSlot(change, (slot) => {
    const donors = slotsOf(change.donor).filter(({ key }) => key === slot.key);
    if (donors.length > 0) put(slot, copyOf(change.random.pick(donors).value));
  });
}

function moveMember(change: Change): boolean {
  return withSlot(change, ({ members, place, key, value }) => {
    const holders = slotsOf(change.root).map((slot) => slot.members);
    members.entries.splice(place, 1);
    change.random.pick(holders).entries.push([key, value]);
  });
}

/** A list that is some member's, to change; items of a NumberList are its numbers. */
function withList(change: Change, act: (items: Value[]) => unknown): boolean {
  const slot = pickSlot(change, ({ value }) => listOf(value).length > 0);
  if (slot !== undefined) act(listOf(slot.value));
  return slot !== undefined;
}

function listOf(value: Value): Value[] {
  if (value instanceof NumberList) return value.values;
  return Array.isArray(value) ? value : [];
}

function lengthen(random: Random, items: Value[]): void {
  const count = random.chance(0.8) ? 1 : 1 + random.below(300);
  for (let i = 0; i < count; i++) items.push(copyOf(items.at(-1) as Value));
}

function shorten(random: Random, items: Value[]): void {
  if (random.chance(0.2)) items.length = 0;
  else items.splice(random.below(items.length), 1);
}

function swap(random: Random, items: Value[]): void {
  const [a, b] = [random.below(items.length), random.below(items.length)];
  [items[a], items[b]] = [items[b] as Value, items[a] as Value];
}

function retypeItem(random: Random, items: Value[]): void {
  const place = random.below(items.length);
  items[place] = retyped(random, items[place] as Value);
}

/** Changes one or a few numbers of a list or the number itself; half of the time to another one of the list. */
function withNumbers(change: Change, keys: readonly string[], special: readonly number[]): boolean {
  const { random } = change;
  const slot = pickSlot(
    change,
    ({ key, value }) => keys.includes(key) && (typeof value === 'number' || listOf(value).length > 0),
  );
  if (slot === undefined) return false;
  if (typeof slot.value === 'number') put(slot, random.pick(special));
  const items = listOf(slot.value);
  for (let i = random.chance(0.7) ? 1 : 1 + random.below(5); i > 0 && items.length > 0; i--) {
    const place = random.below(items.length);
    const old = items[place];
    const near = typeof old === 'number' ? old + random.pick([-1, 1]) : 0;
    items[place] = random.pick([random.pick(items), near, random.pick(special), random.pick(special)]);
  }
  return true;
}

const INTEGER_LISTS = [
  'left_children',
  'right_children',
  'split_indices',
  'tree_info',
  'iteration_indptr',
  'categories',
  'categories_nodes',
  'categories_segments',
  'categories_sizes',
  'default_left',
  'split_type',
  'parents',
];

function changeIntegers(change: Change): boolean {
  return withNumbers(change, INTEGER_LISTS, SPECIAL_INTEGERS);
}

/* Trees. */

interface TreeLists {
  readonly tree: Members;
  readonly left: number[];
  readonly right: number[];
  /** Nodes that have children. */
  readonly splits: readonly number[];
}

function pickTree({ root, random }: Change): TreeLists | undefined {
  const trees = modelIn(root)?.entries.find(([key]) => key === 'trees')?.[1];
  const tree = Array.isArray(trees) && trees.length > 0 ? random.pick(trees) : undefined;
  if (!(tree instanceof Members)) return undefined;
  const [left, right] = ['left_children', 'right_children'].map((key) =>
    numbersOf(tree.entries.find(([name]) => name === key)?.[1]),
  );
  if (left === undefined || right === undefined) return undefined;
  return { tree, left, right, splits: left.flatMap((child, node) => (child >= 0 ? [node] : [])) };
}

function withTree(change: Change, act: (tree: TreeLists) => void): boolean {
  const tree = pickTree(change);
  if (tree === undefined || tree.splits.length === 0) return false;
  act(tree);
  return true;
}

function makeCycle(change: Change): boolean {
  const { random } = change;
  return withTree(change, ({ left, right, splits }) => {
    const node = random.pick(splits);
    const ancestor = random.pick([0, node, random.pick(splits)]);
    (random.chance(0.5) ? left : right)[node] = ancestor;
    if (random.chance(0.2)) [left[node], right[node]] = [ancestor, ancestor];
  });
}

/** A child just beyond the nodes, which in a forest is another tree's. */
function leaveTree(change: Change): boolean {
  const { random } = change;
  return withTree(change, ({ left, right, splits }) => {
    const child = random.pick([left.length, left.length + 1, -2, left.length - 1]);
    (random.chance(0.5) ? left : right)[random.pick(splits)] = child;
  });
}

function swapChildren(change: Change): boolean {
  return withTree(change, ({ left, right, splits }) => {
    const node = change.random.pick(splits);
    [left[node], right[node]] = [right[node] as number, left[node] as number];
  });
}

/** Two children change places: still a tree, unless one is above the other. */
function moveSubtree(change: Change): boolean {
  const { random } = change;
  return withTree(change, ({ left, right, splits }) => {
    const [from, to] = [random.pick(splits), random.pick(splits)];
    [left[from], right[to]] = [right[to] as number, left[from] as number];
  });
}

/** A split becomes a leaf; what was below it stays, as XGBoost's pruned nodes do. */
function cutSubtree(change: Change): boolean {
  return withTree(change, ({ left, right, splits }) => {
    const node = change.random.pick(splits);
    left[node] = -1;
    right[node] = change.random.chance(0.8) ? -1 : change.random.below(left.length);
  });
}

function flipDefaults(change: Change): boolean {
  const slot = pickSlot(change, ({ key }) => key === 'default_left');
  const flags = slot === undefined ? [] : listOf(slot.value);
  for (const [i, flag] of flags.entries()) {
    if (change.random.chance(0.3)) flags[i] = typeof flag === 'number' ? 1 - flag : !flag;
  }
  return flags.length > 0;
}

/** Many sets that are one and the same part of a list. */
function shareCategories(change: Change): boolean {
  return withTree(change, ({ tree }) => {
    const of = (key: string): Value[] => listOf(tree.entries.find(([name]) => name === key)?.[1] ?? null);
    const [segments, sizes, values] = [of('categories_segments'), of('categories_sizes'), of('categories')];
    for (let i = 0; i < segments.length; i++) {
      segments[i] = 0;
      sizes[i] = Math.max(1, values.length - change.random.below(3));
    }
  });
}

function changeVectors(change: Change): boolean {
  const { random } = change;
  return withTree(change, ({ tree, left, right }) => {
    const parameters = tree.entries.find(([key]) => key === 'tree_param')?.[1];
    if (random.chance(0.3) && parameters instanceof Members) {
      parameters.set('size_leaf_vector', random.pick(SPECIAL_COUNTS));
    }
    const leaves = left.flatMap((child, node) => (child < 0 ? [node] : []));
    right[random.pick(leaves)] = random.pick([random.below(leaves.length), leaves.length, ...SPECIAL_INTEGERS]);
  });
}

/* What is beside the trees. */

function changeCounts(change: Change): boolean {
  const slot = pickSlot(change, ({ key }) => /^(?:num_|size_|best_)/.test(key));
  if (slot === undefined) return false;
  const old = Number(slot.value);
  const { random } = change;
  put(slot, random.chance(0.4) ? String(old + random.pick([-1, 1, 2, 31])) : random.pick(SPECIAL_COUNTS));
  return true;
}

function changeObjective(change: Change): boolean {
  const slot = pickSlot(change, ({ key }) => key === 'objective');
  if (!(slot?.value instanceof Members)) return false;
  slot.value.set('name', change.random.pick(OBJECTIVES));
  return true;
}

function changeBooster(change: Change): boolean {
  const slot = pickSlot(change, ({ key }) => key === 'gradient_booster');
  if (!(slot?.value instanceof Members)) return false;
  slot.value.set('name', change.random.pick(['gbtree', 'dart', 'gblinear', 'gbforest', '']));
  return true;
}

/** A tree once more, and everybody told: the model stays sound. */
function repeatTree({ root, random }: Change): boolean {
  const model = modelIn(root);
  const of = (key: string): Value[] => listOf(model?.entries.find(([name]) => name === key)?.[1] ?? null);
  const trees = of('trees');
  const parameters = model?.entries.find(([name]) => name === 'gbtree_model_param')?.[1];
  if (trees.length === 0 || !(parameters instanceof Members)) return false;
  const again = 1 + random.below(random.chance(0.9) ? 3 : 30);
  for (let i = 0; i < again; i++) {
    const place = random.below(trees.length);
    const tree = copyOf(trees[place] as Value);
    if (tree instanceof Members) tree.set('id', trees.length);
    trees.push(tree);
    of('tree_info').push(copyOf(of('tree_info')[place] ?? 0));
    for (const { key, value } of slotsOf(root)) {
      if (key === 'weight_drop' && listOf(value).length > 0) listOf(value).push(random.pick(listOf(value)));
    }
  }
  if (of('iteration_indptr').length > 0) of('iteration_indptr').push(trees.length);
  parameters.set('num_trees', String(trees.length));
  return true;
}

function changeDumpedSplit(change: Change): boolean {
  const { random } = change;
  const keys = new Set(['split', 'split_condition', 'children', 'leaf', 'yes', 'no', 'missing']);
  const slot = pickSlot(change, ({ key, members }) => keys.has(key) && members.entries[0]?.[0] === 'nodeid');
  if (slot === undefined) return false;
  if (slot.key === 'split')
    put(slot, random.pick<Value>(['f0', '0', 1, 'f99', ['f0'], null, 'null', 'f00', 'f1.0', -0]));
  else if (slot.key === 'children') random.shuffle(listOf(slot.value));
  else put(slot, retyped(random, slot.value));
  return true;
}

function nestDeeply(change: Change): boolean {
  return withSlot(change, (slot) => {
    // A copy: one value in two places could later be moved into itself.
    let nested: Value = change.random.chance(0.5) ? copyOf(slot.value) : [];
    const isObjects = change.random.chance(0.5);
    for (let depth = change.random.pick(DEEP); depth > 0; depth--) {
      nested = isObjects ? new Members([['x', nested]]) : [nested];
    }
    if (change.random.chance(0.5)) put(slot, nested);
    else slot.members.entries.push(['unknown', nested]);
  });
}

/* Harmless changes. */

function reorder({ root, random }: Change): boolean {
  for (const { members } of slotsOf(root)) random.shuffle(members.entries);
  return true;
}

function addUnknown(change: Change): boolean {
  const { random } = change;
  const holders = [...new Set(slotsOf(change.root).map(({ members }) => members))];
  for (let i = 1 + random.below(4); i > 0; i--) {
    const { entries } = random.pick(holders);
    const value = random.pick<Value>([
      [1, 2, 3],
      new Members([['learner', [1]]]),
      'text ] } \\ "',
      [],
      [[], [1]],
      ['"]'],
      [1, 'x]y'],
      [[1], '],"learner":{}'],
      null,
      new NumberList('I', [1, -2]),
    ]);
    entries.splice(random.below(entries.length + 1), 0, [
      random.pick(['zz_unknown', '', 'ünknown', 'a"b\\']) + i,
      value,
    ]);
  }
  return true;
}
