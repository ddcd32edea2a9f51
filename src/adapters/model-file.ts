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
import { composeModel, SchemaMismatch, type Model, type SchemaDifference } from '../core/predictions/model.ts';
import { readMetadata } from '../core/predictions/model-metadata.ts';
import { codeOf } from './error-code.ts';

/** A small file can unpack to more than memory holds. */
const LARGEST_UNPACKED = 2 * 1024 ** 3;

/** Loads a model's folder: metadata.json and the files that it names. Rejects with a FailureError. */
export async function loadModel(folder: string, statistics = false): Promise<Model> {
  const metadataPath = join(folder, 'metadata.json');
  let path = metadataPath;
  let risk: { bytes: Buffer; path: string } | undefined;
  // A name, not a path: a model's folder does not reach out of itself.
  const read = async (file: string): Promise<Buffer> => readBytes((path = join(folder, basename(file))));
  try {
    const metadata = readMetadata((await readBytes(metadataPath)).toString('utf8'));
    if (metadata.risk !== undefined) risk = { bytes: await read(metadata.risk.file), path };
    const model = await read(metadata.file);
    const bytes = { model: unpacked(model), risk: risk === undefined ? undefined : unpacked(risk.bytes) };
    const changed = [metadata, metadata.risk].find(
      (own, i) =>
        own?.sha256 !== undefined && own.sha256 !== sha256(i === 0 || risk === undefined ? model : risk.bytes),
    );
    if (changed !== undefined) {
      // Say what is wrong with the file where it is plainly broken, before saying that it is another one.
      composeModel(metadata, bytes);
      path = join(folder, basename(changed.file));
      throw new ModelError('it was changed after metadata.json was written: their SHA-256 differ');
    }
    return composeModel(metadata, bytes, statistics);
  } catch (error) {
    if (error instanceof SchemaMismatch) {
      throw new FailureError(
        schemaFailure(error.difference, error.difference.kind === 'forest' ? path : folder),
        error,
      );
    }
    if (!(error instanceof ModelError)) throw error;
    if (risk !== undefined && problemOf(risk.bytes) === error.message) path = risk.path;
    throw new FailureError({ kind: 'model-invalid', path, problem: error.message }, error);
  }
}

function schemaFailure(difference: SchemaDifference, path: string): Failure {
  switch (difference.kind) {
    case 'features': {
      const { hash, features } = difference;
      const unknown = features.filter((name) => !FEATURE_NAMES.includes(name));
      const expected = schemaHash(features.map((name) => FEATURE_NAMES.indexOf(name)).filter((i) => i >= 0));
      return { kind: 'model-schema', path, expected, found: hash, unknown };
    }
    case 'lookback':
      return { kind: 'model-lookback', path, expectedSeconds: LOOKBACK_SECONDS, foundSeconds: difference.seconds };
    case 'forest':
      return { kind: 'model-columns', path };
  }
}

/** What is wrong with the bytes of a forest, to tell which of two files is broken. */
function problemOf(bytes: Uint8Array): string | undefined {
  try {
    readForest(unpacked(bytes));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
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
