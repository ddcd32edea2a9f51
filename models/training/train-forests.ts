import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainingFacts } from './card.ts';
import { runPython } from './run-python.ts';

/** Trains both forests on rows.csv and schema.json in `scratch`, writes them into the folder `out`, and says what they are. */
export function trainForests(scratch: string, out: string): TrainingFacts {
  runPython('models/training/train.py', [join(scratch, 'rows.csv'), join(scratch, 'schema.json'), out]);
  const factsPath = join(out, 'training.json');
  const facts = JSON.parse(readFileSync(factsPath, 'utf8')) as TrainingFacts;
  rmSync(factsPath);
  return facts;
}
