import { describeForest } from '../pipeline/describe-forest.ts';
import { exitCode, show, type ExitCode, type ModelContext } from './context.ts';
import type { ModelShowOptions } from './model-options.ts';

/** kpfd model show: what a model of XGBoost is made of. */
export async function modelShow(context: ModelContext, options: ModelShowOptions, path: string): Promise<ExitCode> {
  const facts = describeForest(await context.loadForest(path, options.reading), options.importance);
  const { forestOutput } = await import('../render/forest-page.ts');
  const { headings, quiet } = options;
  const look = { headings, quiet, verbose: false, colour: false, width: context.stdout.width };
  show(context, forestOutput(facts, options.output, options.top, look));
  return exitCode({});
}
