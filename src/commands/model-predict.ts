import { predictRows } from '../pipeline/predict-rows.ts';
import { rowNotes, rowWriter } from '../render/prediction-rows.ts';
import { exitCode, type ExitCode, type ModelContext } from './context.ts';
import type { ModelPredictOptions } from './model-options.ts';
import { RowProgress } from './progress.ts';

/** kpfd model predict: what a model of XGBoost says of rows from a file, in their order, while they are read. */
export async function modelPredict(
  context: ModelContext,
  options: ModelPredictOptions,
  path: string,
): Promise<ExitCode> {
  const { stdout, stderr } = context;
  const file = await context.loadForest(path, options.reading);
  const source = await context.openRows(options.rows, options.rowsFormat);
  const writer = rowWriter(options.output, options.headings);
  const progress = new RowProgress(context, options.quiet);
  const rowCount = await predictRows(file, source, options, {
    begin: (columns) => stdout.write(writer.begin(columns)),
    take: (batch) => {
      stdout.write(writer.rows(batch));
      progress.add(batch.rowCount);
      return stdout.ready();
    },
    end: () => stdout.write(writer.end()),
  }).finally(() => progress.end());
  if (!options.quiet) stderr.write(rowNotes(file, options.kind, rowCount, source.name));
  return exitCode({});
}
