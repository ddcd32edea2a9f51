/**
 * Just enough of an assembler for WebAssembly to write bit-slice-wasm.ts's few functions in TypeScript: code is a list
 * of bytes and of code, an instruction a function that returns some. The numbers are those of the WebAssembly core specification,
 * chapter 5 (binary format).
 */

export type Code = readonly (number | Code)[];

function bytesOf(code: Code): number[] {
  const bytes: number[] = [];
  write(code, bytes);
  return bytes;
}

function write(code: Code, bytes: number[]): void {
  for (const part of code) {
    if (typeof part === 'number') bytes.push(part);
    else write(part, bytes);
  }
}

/** An unsigned or (for constants) signed number in LEB128: seven bits a byte, lowest first. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value >>> 0; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const done = rest >= -0x40 && rest < 0x40;
    bytes.push(done ? rest & 0x7f : (rest & 0x7f) | 0x80);
    if (done) return bytes;
  }
}

const simd = (operation: number, ...operands: number[]): Code => [0xfd, ...unsigned(operation), ...operands];
/** Alignment is only a hint: 0 promises nothing. */
const at = (offset: number): number[] => [0, ...unsigned(offset)];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  load: (offset = 0): Code => [0x28, ...at(offset)],
  store: (offset = 0): Code => [0x36, ...at(offset)],
  store8: (offset = 0): Code => [0x3a, ...at(offset)],
  load8: (offset = 0): Code => [0x2d, ...at(offset)],
  load16: (offset = 0): Code => [0x2f, ...at(offset)],
  notEqual: [0x47],
  less: [0x48],
  lessOrEqual: [0x4c],
  greater: [0x4a],
  greaterOrEqual: [0x4e],
  add: [0x6a],
  sub: [0x6b],
  mul: [0x6c],
  and: [0x71],
  or: [0x72],
  shl: [0x74],
  shr: [0x76],
} as const;

export const f32 = {
  load: (offset = 0): Code => [0x2a, ...at(offset)],
  store: (offset = 0): Code => [0x38, ...at(offset)],
  lessOrEqual: [0x5f],
  add: [0x92],
} as const;

export const v128 = {
  load: (offset = 0): Code => simd(0, ...at(offset)),
  store: (offset = 0): Code => simd(11, ...at(offset)),
  /** Sixteen times the same byte. */
  splat: (byte: number): Code => simd(12, ...Array.from({ length: 16 }, () => byte)),
  splatFloat: simd(19),
  floatsGreaterOrEqual: simd(70),
  /** Two vectors of int32 into one of int16, two of int16 into one of int8. */
  narrow32: simd(133),
  narrow16: simd(101),
  and: simd(78),
  or: simd(80),
  xor: simd(81),
  bitselect: simd(82),
  load32Lane: (offset: number, lane: number): Code => simd(86, ...at(offset), lane),
  load32Zero: (offset: number): Code => simd(92, ...at(offset)),
  shl64: simd(203),
  shr64: simd(205),
  addFloats: simd(228),
} as const;

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const tee = (local: number): Code => [0x22, ...unsigned(local)];

/** `turn`, again as long as `condition` leaves something but 0. */
export function repeat(turn: Code, condition: Code): Code {
  return [0x03, 0x40, turn, condition, 0x0d, 0x00, 0x0b];
}

/** A function of int32 parameters without a result. Locals are numbered on from the parameters: i32, v128, f32. */
export interface Func {
  readonly name: string;
  readonly parameters: number;
  readonly i32Locals?: number;
  readonly v128Locals?: number;
  readonly f32Locals?: number;
  readonly code: Code;
}

/** The bytes of a module that works on a memory from outside (m.memory) and exports the functions. */
function assemble(functions: readonly Func[]): Uint8Array {
  const types = functions.map(({ parameters }) => [0x60, vector(Array.from({ length: parameters }, () => [0x7f])), 0]);
  const exported = functions.map(({ name }, i) => [text(name), 0, unsigned(i)]);
  const code = [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, vector(types)),
    section(2, vector([[text('m'), text('memory'), 2, 0, 0]])),
    section(3, vector(functions.map((_, i) => unsigned(i)))),
    section(7, vector(exported)),
    section(10, vector(functions.map(body))),
  ];
  return Uint8Array.from(bytesOf(code));
}

function body({ i32Locals = 0, v128Locals = 0, f32Locals = 0, code }: Func): Code {
  const locals = vector([
    [unsigned(i32Locals), 0x7f],
    [unsigned(v128Locals), 0x7b],
    [unsigned(f32Locals), 0x7d],
  ]);
  return sized([locals, code, 0x0b]);
}

function section(number: number, content: Code): Code {
  return [number, sized(content)];
}

function sized(content: Code): Code {
  const bytes = bytesOf(content);
  return [unsigned(bytes.length), bytes];
}

function vector(items: readonly Code[]): Code {
  return [unsigned(items.length), items];
}

function text(name: string): Code {
  return [unsigned(name.length), Array.from(name, (letter) => letter.charCodeAt(0))];
}

/** What this program needs of the global WebAssembly, which core's types (no DOM) do not have. */
interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  readonly Memory: new (limits: { initial: number }) => Memory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { m: { memory: Memory } },
  ) => { readonly exports: Readonly<Record<string, WasmFunction>> };
}

export interface Memory {
  readonly buffer: ArrayBuffer;
}

export type WasmFunction = (...parameters: number[]) => void;

const api = (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly;
const PAGE = 65_536;
/** Addresses stay positive as int32s. */
const MOST_BYTES = 2 ** 31 - PAGE;

/** A memory of so many bytes; undefined where there is no WebAssembly, or not so much memory. */
export function newMemory(bytes: number): Memory | undefined {
  if (api === undefined || bytes > MOST_BYTES) return undefined;
  try {
    return new api.Memory({ initial: Math.ceil(bytes / PAGE) });
  } catch {
    return undefined;
  }
}

/**
 * The functions, compiled, by their names; undefined where WebAssembly lacks the instructions (SIMD), or where a web
 * page's security policy forbids to compile.
 */
export function link(functions: readonly Func[], memory: Memory): Readonly<Record<string, WasmFunction>> | undefined {
  const bytes = assemble(functions);
  if (api === undefined || !api.validate(bytes)) return undefined;
  try {
    return new api.Instance(new api.Module(bytes), { m: { memory } }).exports;
  } catch {
    return undefined;
  }
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
