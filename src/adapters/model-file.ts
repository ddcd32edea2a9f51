import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isGzip } from './gzip.ts';
import { FailureError, type Failure } from '../core/failure.ts';
import { FEATURE_NAMES, LOOKBACK_SECONDS, schemaHash } from '../core/features/schema.ts';
import { ModelError } from '../core/forest/model-error.ts';
import { readForest, type ReadForestOptions } from '../core/forest/read-forest.ts';
import type { ForestFile } from '../core/predictions/forest-file.ts';
import {
  composeModel,
  ForestFileError,
  SchemaMismatch,
  type Model,
  type SchemaDifference,
} from '../core/predictions/model.ts';
import { readMetadata } from '../core/predictions/model-metadata.ts';
import { codeOf } from './error-code.ts';

/** A small file can unpack to more than memory holds. */
const LARGEST_UNPACKED = 2 * 1024 ** 3;

const METADATA_FILE = 'metadata.json';

/** Loads a model's folder: metadata.json and the files that it names. Rejects with a FailureError. */
export async function loadModel(folder: string, statistics = false): Promise<Model> {
  try {
    const metadata = readMetadata((await readBytes(join(folder, METADATA_FILE))).toString('utf8'));
    const model = await readPart(folder, metadata);
    const risk = metadata.risk === undefined ? undefined : await readPart(folder, metadata.risk);
    const composed = composeModel(metadata, { model: model.unpacked, risk: risk?.unpacked }, statistics, folder);
    // Last: what is wrong with a file that is plainly broken says more than that it is another one.
    for (const part of [model, risk]) if (part !== undefined) assertUnchanged(part);
    return composed;
  } catch (error) {
    if (error instanceof SchemaMismatch) throw new FailureError(schemaFailure(error.difference, folder), error);
    if (!(error instanceof ModelError)) throw error;
    const path = pathIn(folder, error instanceof ForestFileError ? error.file : METADATA_FILE);
    throw new FailureError({ kind: 'model-invalid', path, problem: error.message }, error);
  }
}

/** A file that metadata.json names, as it is on the disk, and unpacked. */
interface Part {
  readonly file: string;
  readonly sha256: string | undefined;
  readonly bytes: Uint8Array;
  readonly unpacked: Uint8Array;
}

async function readPart(folder: string, { file, sha256 }: Pick<Part, 'file' | 'sha256'>): Promise<Part> {
  const bytes = await readBytes(pathIn(folder, file));
  try {
    return { file, sha256, bytes, unpacked: unpacked(bytes) };
  } catch (error) {
    throw error instanceof ModelError ? new ForestFileError(file, error) : error;
  }
}

/** A name, not a path: a model's folder does not reach out of itself. */
function pathIn(folder: string, file: string): string {
  return join(folder, basename(file));
}

function assertUnchanged({ file, sha256, bytes }: Part): void {
  if (sha256 === undefined || sha256 === createHash('sha256').update(bytes).digest('hex')) return;
  const changed = new ModelError('it was changed after metadata.json was written: their SHA-256 differ');
  throw new ForestFileError(file, changed);
}

function schemaFailure(difference: SchemaDifference, folder: string): Failure {
  switch (difference.kind) {
    case 'features': {
      const { hash, features } = difference;
      const unknown = features.filter((name) => !FEATURE_NAMES.includes(name));
      const expected = schemaHash(features.map((name) => FEATURE_NAMES.indexOf(name)).filter((i) => i >= 0));
      return { kind: 'model-schema', path: folder, expected, found: hash, unknown };
    }
    case 'lookback':
      return {
        kind: 'model-lookback',
        path: folder,
        expectedSeconds: LOOKBACK_SECONDS,
        foundSeconds: difference.seconds,
      };
    case 'forest':
      return { kind: 'model-columns', path: pathIn(folder, difference.file) };
  }
}

/** Loads any model of XGBoost, or the folder of a model of kpfd. Rejects with a FailureError. */
export async function loadForest(path: string, options: ReadForestOptions): Promise<ForestFile> {
  if (await isFolder(path)) {
    if (options.dump !== undefined || options.version !== undefined) {
      throw new FailureError({
        kind: 'usage',
        problem: `the folder ${path} is a model of kpfd, whose metadata.json tells all that its file lacks`,
        advice: 'leave out --xgboost-version and the other options for a dump',
      });
    }
    const model = await loadModel(path, options.statistics ?? true);
    return { path, forest: model.forest, model };
  }
  const bytes = await readBytes(path);
  try {
    return { path, forest: readForest(unpacked(bytes), options), model: undefined };
  } catch (error) {
    if (error instanceof ModelError) {
      throw new FailureError({ kind: 'forest-unusable', path, problem: error.message }, error);
    }
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Reading it tells what is wrong.
    return false;
  }
}

/** The bytes themselves, or what gzip made of them. */
function unpacked(bytes: Uint8Array): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST_UNPACKED });
  } catch (error) {
    const isTooLarge = codeOf(error) === 'ERR_BUFFER_TOO_LARGE';
    throw new ModelError(
      isTooLarge ? 'it unpacks to more than 2 GB' : 'it is packed with gzip, and cut off or damaged',
    );
  }
}

/** A text file with the names of a model's features. Rejects with a FailureError. */
export async function readNames(path: string): Promise<string> {
  return (await readBytes(path, 'list of feature names')).toString('utf8');
}

async function readBytes(path: string, role = 'model'): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FailureError({ kind: 'file-unreadable', role, path, code: codeOf(error) }, error);
  }
}
