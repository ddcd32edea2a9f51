import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FailureError } from '../core/failure.ts';
import { FEATURE_NAMES, SCHEMA_HASH } from '../core/features/schema.ts';
import { ModelError } from '../core/forest/model-error.ts';
import { composeModel, readMetadata, SchemaMismatch, type Model } from '../core/predictions/model.ts';
import { codeOf } from './prometheus/error-code.ts';

/** Loads a model's folder: metadata.json and the file that it names. Rejects with a FailureError. */
export async function loadModel(folder: string): Promise<Model> {
  const metadataPath = join(folder, 'metadata.json');
  let path = metadataPath;
  try {
    const metadata = readMetadata(await readText(metadataPath));
    // A name, not a path: a model's folder does not reach out of itself.
    path = join(folder, basename(metadata.file));
    const text = await readText(path);
    const found = createHash('sha256').update(text).digest('hex');
    if (metadata.sha256 !== undefined && metadata.sha256 !== found) {
      // Say what is wrong with the file where it is plainly broken, before saying that it is another one.
      composeModel(metadata, text);
      throw new ModelError('it was changed after metadata.json was written: their SHA-256 differ');
    }
    return composeModel(metadata, text);
  } catch (error) {
    if (error instanceof SchemaMismatch) {
      const { hash, features } = error.found;
      const missing = FEATURE_NAMES.filter((name) => !features.includes(name));
      const unknown = features.filter((name) => !FEATURE_NAMES.includes(name));
      throw new FailureError(
        { kind: 'model-schema', path, expected: SCHEMA_HASH, found: hash, missing, unknown },
        error,
      );
    }
    if (error instanceof ModelError)
      throw new FailureError({ kind: 'model-invalid', path, problem: error.message }, error);
    throw error;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FailureError({ kind: 'file-unreadable', role: 'model', path, code: codeOf(error) }, error);
  }
}
