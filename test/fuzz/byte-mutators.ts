/** Ways to damage a file without a look at what it means. Each changes the bytes and returns the new ones. */
import { NUMBER_SIZES } from './document.ts';
import type { Random } from './random.ts';

interface Damage {
  readonly bytes: Buffer;
  readonly random: Random;
  /** Another model, to take parts of. */
  readonly donor: Uint8Array;
}

type ByteMutator = (damage: Damage) => Uint8Array;

const INTERESTING_BYTES = Buffer.from('\0\x01\x7f\x80\xff"{}[],:-+.0129eE\\#$NSZTFCiUIlLdD ', 'latin1');
const NUMBERS = [
  'NaN',
  '-Infinity',
  '1e999',
  '-1',
  '0',
  '-0',
  '4294967296',
  '2147483648',
  '1e-45',
  '1.',
  '.5',
  '00',
  '1e',
  '7.038531E-26',
  '1.e5',
  '3.4028236E38',
  '-0E0',
  '1e-9999999999999999999',
  '9'.repeat(401),
];
/** What a hostile file claims to hold. */
const COUNTS = [
  0n,
  1n,
  -1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n,
  2n ** 62n,
  -(2n ** 63n),
];
const TYPES = Buffer.from('iUIlLdDSCZTFN[{', 'latin1');
const COUNT_TYPES = Buffer.from('iUIlLdDZ', 'latin1');

export const BYTE_MUTATORS: ReadonlyMap<string, ByteMutator> = new Map<string, ByteMutator>([
  ['flip a bit', flipBit],
  ['set a byte', setByte],
  ['truncate', ({ bytes, random }) => bytes.subarray(0, random.below(bytes.length))],
  ['cut off the start', ({ bytes, random }) => bytes.subarray(random.below(bytes.length))],
  ['insert bytes', insertBytes],
  ['delete a range', deleteRange],
  ['duplicate a range', duplicateRange],
  ['splice another model', spliceDonor],
  ['swap two ranges', swapRanges],
  ['replace a digit', replaceDigit],
  ['replace a number', replaceNumber],
  ['append', ({ bytes, random, donor }) => Buffer.concat([bytes, range(random, donor)])],
  ['change a claimed count', changeCount],
  ['change a type', changeType],
  ['change the type of a count', changeCountType],
  ['change a word', changeWord],
  ['nest deeply', nestDeeply],
]);

/** [start, end), mostly short. */
function span(random: Random, length: number): [number, number] {
  const start = random.below(length);
  const most = random.chance(0.7) ? 16 : length;
  return [start, Math.min(length, start + 1 + random.below(most))];
}

function range(random: Random, bytes: Uint8Array): Uint8Array {
  return bytes.subarray(...span(random, bytes.length));
}

/** The bytes with [start, end) replaced. */
function replaced(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

function flipBit({ bytes, random }: Damage): Buffer {
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  return bytes;
}

function setByte({ bytes, random }: Damage): Buffer {
  bytes[random.below(bytes.length)] = INTERESTING_BYTES[random.below(INTERESTING_BYTES.length)] as number;
  return bytes;
}

function insertBytes({ bytes, random }: Damage): Buffer {
  const at = random.below(bytes.length + 1);
  const count = 1 + random.below(random.chance(0.9) ? 4 : 200);
  const isOne = random.chance(0.3);
  const first = INTERESTING_BYTES[random.below(INTERESTING_BYTES.length)] as number;
  const inserted = Buffer.from({ length: count }).map(() =>
    isOne ? first : (INTERESTING_BYTES[random.below(INTERESTING_BYTES.length)] as number),
  );
  return replaced(bytes, at, at, inserted);
}

function deleteRange({ bytes, random }: Damage): Buffer {
  const [start, end] = span(random, bytes.length);
  return replaced(bytes, start, end, Buffer.alloc(0));
}

function duplicateRange({ bytes, random }: Damage): Buffer {
  const [start, end] = span(random, bytes.length);
  return replaced(bytes, end, end, Buffer.from(bytes.subarray(start, end)));
}

function spliceDonor({ bytes, random, donor }: Damage): Buffer {
  const [start, end] = span(random, bytes.length);
  return replaced(bytes, start, end, range(random, donor));
}

function swapRanges({ bytes, random }: Damage): Buffer {
  const [a, b] = [random.below(bytes.length), random.below(bytes.length)].sort((x, y) => x - y) as [number, number];
  const length = Math.min(1 + random.below(24), b - a, bytes.length - b);
  const first = Buffer.from(bytes.subarray(a, a + length));
  bytes.copyWithin(a, b, b + length);
  bytes.set(first, b);
  return bytes;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Where a digit stands, from a random place on; undefined in files without any. */
function digitPlace({ bytes, random }: Damage): number | undefined {
  const start = random.below(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const at = (start + i) % bytes.length;
    if (isDigit(bytes[at])) return at;
  }
  return undefined;
}

function replaceDigit(damage: Damage): Buffer {
  const at = digitPlace(damage);
  if (at !== undefined) damage.bytes[at] = 0x30 + damage.random.below(10);
  return damage.bytes;
}

function replaceNumber(damage: Damage): Buffer {
  const at = digitPlace(damage);
  if (at === undefined) return damage.bytes;
  const { bytes, random } = damage;
  const isOfNumber = (place: number): boolean => /[-+.\dE]/.test(String.fromCharCode(bytes[place] ?? 0));
  let [start, end] = [at, at];
  while (isOfNumber(start - 1)) start--;
  while (isOfNumber(end)) end++;
  return replaced(bytes, start, end, Buffer.from(random.pick(NUMBERS)));
}

/** The place of a byte, from a random place on; -1 where it is nowhere. */
function placeOf({ bytes, random }: Damage, byte: number): number {
  const found = bytes.indexOf(byte, random.below(bytes.length));
  return found >= 0 ? found : bytes.indexOf(byte);
}

function changeCount(damage: Damage): Buffer {
  const { bytes, random } = damage;
  const at = placeOf(damage, 0x4c);
  if (at < 0 || at + 9 > bytes.length) return bytes;
  const old = bytes.readBigInt64BE(at + 1);
  const near = BigInt.asIntN(64, old + BigInt(random.below(5) - 2));
  bytes.writeBigInt64BE(random.chance(0.5) ? near : random.pick(COUNTS), at + 1);
  return bytes;
}

function changeType(damage: Damage): Buffer {
  const { bytes, random } = damage;
  const at = placeOf(damage, 0x24);
  if (at >= 0 && at + 1 < bytes.length) bytes[at + 1] = TYPES[random.below(TYPES.length)] as number;
  return bytes;
}

/** Writes a count in another width: right, or cut to it. */
function changeCountType(damage: Damage): Buffer {
  const { bytes, random } = damage;
  const at = placeOf(damage, 0x4c);
  if (at < 0 || at + 9 > bytes.length) return bytes;
  const type = COUNT_TYPES[random.below(COUNT_TYPES.length)] as number;
  const size = NUMBER_SIZES[String.fromCharCode(type)] ?? 0;
  const digits = Buffer.from(bytes.subarray(at + 9 - size, at + 9));
  return replaced(bytes, at, at + 9, Buffer.concat([Buffer.from([type]), digits]));
}

/** 4 bytes as one number: most of a UBJSON file is such. */
function changeWord({ bytes, random }: Damage): Buffer {
  if (bytes.length < 4) return bytes;
  const at = random.below(bytes.length - 3);
  const words = [0, 0xffffffff, 0x7fffffff, 0x80000000, 0x7fc00000, 0x7f800000, 0xff800000, 1, 0x100];
  bytes.writeUInt32BE(random.pick(words), at);
  return bytes;
}

/** Deeper than any stack, where a value begins. */
function nestDeeply(damage: Damage): Buffer {
  const { bytes, random } = damage;
  const opening = bytes.includes(0) ? random.pick(['[', '{i\x01x', '[#i\x01']) : random.pick(['[', '{"x":', '[[1],']);
  const colon = placeOf(damage, 0x3a);
  const at = colon >= 0 && random.chance(0.8) ? colon + 1 : random.below(bytes.length);
  return replaced(bytes, at, at, Buffer.from(opening.repeat(random.pick([3990, 4001, 20_000])), 'latin1'));
}
