import { isTyped, nameOf } from './arguments.ts';
import type { DumpFacts } from './dump-json.ts';
import { readDumpJson } from './dump-json.ts';
import { Forest } from './forest.ts';
import { JsonReader } from './json-reader.ts';
import { readModelDocument } from './model-document.ts';
import { ModelError } from './model-error.ts';
import { UbjsonReader } from './ubjson-reader.ts';
import { versionOf } from './version.ts';

export interface ReadForestOptions {
  /** The XGBoost whose arithmetic counts ("3.4.1"), in place of the one that the file names. */
  readonly version?: string;
  /** False leaves out what contributions and importance need, which saves time and memory. */
  readonly statistics?: boolean;
  /** What a dump (`get_dump(dump_format='json')`) loses; needed for dumps only. */
  readonly dump?: DumpFacts;
}

/**
 * Reads a model that XGBoost 1.0 to 3.4 saved (model.json, model.ubj, what a pickle holds) or dumped as JSON. Gzip is
 * for the caller to undo. Throws ModelError, whose message is a half sentence about the file ("it is cut off …"), and
 * TypeError for what is no Uint8Array.
 */
export function readForest(bytes: Uint8Array, options: ReadForestOptions = {}): Forest {
  if (!isTyped(bytes, 'Uint8Array')) {
    throw new TypeError(`a model is a Uint8Array of the file's bytes, not ${nameOf(bytes)}`);
  }
  try {
    return read(bytes, options);
  } catch (error) {
    // The engine's stack is smaller than what a hostile file may nest, and its arrays than what one may hold.
    if (error instanceof RangeError && /call stack/i.test(error.message)) {
      throw new ModelError('it is nested too deep');
    }
    if (error instanceof RangeError && /array length|allocation|maximum size/i.test(error.message)) {
      throw new ModelError('it is larger than this machine can hold');
    }
    throw error;
  }
}

/** Bytes that a node takes, about, in files of XGBoost. */
const NODE_BYTES = { json: 60, ubjson: 40, dump: 120 };

function read(file: Uint8Array, { version, statistics, dump }: ReadForestOptions): Forest {
  // A plain array of bytes: parts of a Buffer are slow to take.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const kind = kindOf(bytes);
  const reading = {
    version: version === undefined ? undefined : versionOf(version),
    statistics,
    expectedNodes: Math.ceil(bytes.length / NODE_BYTES[kind]),
  };
  switch (kind) {
    case 'json':
    case 'ubjson': {
      if (dump !== undefined) {
        throw new ModelError('it is a whole model, and only of a dump of trees must one tell what it lacks');
      }
      const reader = kind === 'json' ? new JsonReader(withoutMark(bytes)) : new UbjsonReader(bytes);
      const parts = readModelDocument(reader, reading);
      if (!reader.atEnd()) throw new ModelError('it has something behind its end');
      return new Forest(parts);
    }
    case 'dump':
      if (dump === undefined) {
        throw new ModelError(
          'it is a dump of trees, which lacks the objective and the base score: save the model with ' +
            "save_model('model.json'), or give what is lost as options",
        );
      }
      return new Forest(readDumpJson(withoutMark(bytes), dump, reading));
  }
}

const SAVE = "load it in XGBoost and save it with save_model('model.json')";

/** The beginnings of what people take for a model, as text or as bytes. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'it is empty'],
  [/^\x1f\x8b/, 'it is packed with gzip: unpack it first'],
  [
    /^\x80[\x02-\x05]/,
    `it is a pickle of Python, which only Python reads: unpickle it, and save the model with save_model('model.json')`,
  ],
  [
    /^PK\x03\x04/,
    'it is a ZIP archive (joblib, PyTorch, MLflow?): unpack it, and look for model.json or model.ubj in it',
  ],
  [/^(?:RD[AX]\d\n|[XAB]\n\0)/, "it is an object of R: save the model there with xgb.save(model, 'model.json')"],
  [/^(?:binf|bs64)/, `it is in XGBoost's old binary format: ${SAVE}`],
  [/^CONFIG-offset:/, `it is what a pickle of an old XGBoost holds, in the old binary format: ${SAVE}`],
  [
    /^booster\[\d+\]:|^\d+:(?:\[|leaf=)/,
    "it is a dump as text: dump with dump_format='json', or save the model with save_model('model.json')",
  ],
  [/^digraph\b/, "it is a dump for Graphviz: save the model with save_model('model.json')"],
  [/^tree\r?\nversion=/, 'it is a model of LightGBM, and kpfd reads those of XGBoost'],
  [/^CBM1/, 'it is a model of CatBoost, and kpfd reads those of XGBoost'],
  [
    /^<(?:\?xml|PMML)/,
    `it is XML (PMML?): take the model that it was made from, and save it with save_model('model.json')`,
  ],
  [
    /^\x08[\x03-\x20][\x12\x1a\x3a:]/,
    'it is an ONNX file: take the model of XGBoost that it was made from, and save it with ' +
      "save_model('model.json')",
  ],
  [/^(?:\xff\xfe|\xfe\xff)/, 'it is text in UTF-16: save it as UTF-8'],
];

/** Members with which other documents begin. */
const FOREIGN_MEMBERS: readonly (readonly [RegExp, string])[] = [
  [
    /"(?:bias|weight)"\s*:/,
    "it is the dump of a linear model, which keeps six digits: save the model with save_model('model.json')",
  ],
  [/"(?:oblivious_trees|features_info)"/, 'it is a model of CatBoost, and kpfd reads those of XGBoost'],
  [/"name"\s*:\s*"tree"/, 'it is a model of LightGBM, and kpfd reads those of XGBoost'],
];

function kindOf(bytes: Uint8Array): 'json' | 'ubjson' | 'dump' {
  // One character for each byte.
  const start = String.fromCharCode(...withoutMark(bytes).subarray(0, 512));
  for (const [pattern, sentence] of FOREIGN) if (pattern.test(start)) throw new ModelError(sentence);
  const text = start.trimStart();
  if (/^\{[LiUIl$#N}]/.test(start) && !/^\{\s*\}/.test(start)) return 'ubjson';
  if (text.startsWith('[')) return /^\[\s*(?:[{"\]]|$)/.test(text) ? 'dump' : foreign('it is no model of XGBoost');
  if (/^\{\s*"(?:nodeid|leaf|depth|split|children)"/.test(text)) return 'dump';
  if (/^\{\s*(?:["}]|$)/.test(text)) {
    if (/^\{\s*"(?:learner|version|Config|Model)"/.test(text)) return 'json';
    for (const [pattern, sentence] of FOREIGN_MEMBERS) if (pattern.test(text)) throw new ModelError(sentence);
    return 'json';
  }
  return foreign(
    bytes.length >= 136 && looksLikeOldBinary(bytes)
      ? `it seems to be in XGBoost's old binary format: ${SAVE}`
      : `it is no model that kpfd knows: kpfd reads what XGBoost's save_model('model.json') or ('model.ubj') writes`,
  );
}

function foreign(sentence: string): never {
  throw new ModelError(sentence);
}

/** The old format begins with its parameters: base_score, num_feature, num_class; 136 bytes in all. */
function looksLikeOldBinary(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const features = view.getUint32(4, true);
  const classes = view.getInt32(8, true);
  return Number.isFinite(view.getFloat32(0, true)) && features > 0 && features < 1e7 && classes >= 0 && classes < 1e6;
}

/** Without the byte order mark that some editors put before UTF-8. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
