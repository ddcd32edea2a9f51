import type { Coefficients, ForestFacts, Importance } from '../core/predictions/forest-facts.ts';
import { float32Text } from './float32-text.ts';
import type { Look, Output } from './formats.ts';
import { grid, type GridColumn } from './grid.ts';
import { caveatText, partText } from './prediction-rows.ts';
import { clean, enumerate, jsonText, plural } from './text.ts';

/** A model in the chosen format; a table shows so many features. */
export function forestOutput(facts: ForestFacts, format: 'table' | 'json', shown: number, look: Look): Output {
  if (format === 'json') return { stdout: jsonText(forestDocument(facts)), stderr: '' };
  const { importance } = facts;
  const [text, hidden] =
    importance.kind === 'splits' ? scoreGrid(importance, shown, look) : coefficientGrid(importance, shown, look);
  const more = [caveatText(facts.file.forest), partText(facts.file)].filter((note) => note !== undefined);
  const notes = [
    ...(hidden === 0 ? [] : [`${plural(hidden, 'more feature')} not shown (--top)`]),
    ...(importance.kind === 'splits' && !importance.scores.has('gain')
      ? ['the model has no statistics at its nodes, so there is no importance by gain and by cover']
      : []),
    ...more,
  ];
  return {
    stdout: `${factLines(facts)}${text === '' ? '' : `\n${text}`}`,
    stderr: look.quiet ? '' : notes.map((note) => `note: ${note}\n`).join(''),
  };
}

function factLines({ file: { forest, model }, classes }: ForestFacts): string {
  const { bestIteration } = forest;
  const facts: readonly (readonly [string, string] | undefined)[] = [
    model === undefined ? undefined : ['MODEL', `${clean(model.name)} ${clean(model.version)}`],
    ['BOOSTER', forest.booster],
    ['OBJECTIVE', forest.objective],
    ['XGBOOST', forest.version],
    ['BASE SCORE', enumerate(forest.baseScore.map(float32Text), 'and', 16)],
    ['FEATURES', String(forest.featureCount)],
    classes === undefined ? undefined : ['CLASSES', classText(classes)],
    ['OUTPUTS', String(forest.outputCount)],
    ...(forest.booster === 'gblinear'
      ? []
      : ([
          ['TREES', `${forest.treeCount} in ${plural(forest.iterationCount, 'iteration')}`],
          ['NODES', String(forest.nodeCount)],
          ['DEPTH', String(forest.depth)],
        ] as const)),
    bestIteration === undefined ? undefined : ['BEST ITERATION', String(bestIteration)],
  ];
  return grid(
    [
      { heading: '', align: 'left' },
      { heading: '', align: 'left' },
    ],
    facts.filter((fact) => fact !== undefined),
    false,
  );
}

function classText({ count, names }: NonNullable<ForestFacts['classes']>): string {
  return names === undefined ? String(count) : `${count}: ${names.map(clean).join(', ')}`;
}

/** The grid, and how many features it leaves out. */
function scoreGrid({ scores, chosen }: Importance, shown: number, { headings }: Look): [string, number] {
  const all = scores.get(chosen) ?? [];
  const columns: readonly GridColumn[] = [
    { heading: 'FEATURE', align: 'left' },
    { heading: chosen.toUpperCase().replace('_', ' '), align: 'right' },
  ];
  const rows = all.slice(0, shown).map(([feature, score]) => [clean(feature), scoreText(score)]);
  return [rows.length === 0 ? '' : grid(columns, rows, headings), all.length - rows.length];
}

function coefficientGrid(
  { coefficients, intercepts }: Coefficients,
  shown: number,
  { headings }: Look,
): [string, number] {
  const columns: readonly GridColumn[] = [
    { heading: 'FEATURE', align: 'left' },
    ...intercepts.map((_, output) => ({
      heading: intercepts.length === 1 ? 'COEFFICIENT' : `OUTPUT ${output}`,
      align: 'right' as const,
    })),
  ];
  const rows = coefficients.slice(0, shown).map(([feature, byOutput]) => [clean(feature), ...byOutput.map(scoreText)]);
  const all = [...rows, ['(all missing)', ...intercepts.map(scoreText)]];
  return [grid(columns, all, headings), coefficients.length - rows.length];
}

/** Six digits are enough to look at; JSON has all. */
function scoreText(score: number): string {
  return String(Number(score.toPrecision(6)));
}

/** The answer for programs. Numbers are float32, and exact; what is not known is null. */
function forestDocument({ file: { forest, model }, classes, importance }: ForestFacts): Record<string, unknown> {
  return {
    schemaVersion: 1,
    model: model === undefined ? null : { name: model.name, version: model.version },
    booster: forest.booster,
    objective: forest.objective,
    xgboostVersion: forest.version,
    baseScore: forest.baseScore.map(numberOrNull),
    featureCount: forest.featureCount,
    featureNames: forest.featureNames.length === 0 ? null : forest.featureNames,
    outputCount: forest.outputCount,
    classCount: classes?.count ?? null,
    classNames: classes?.names ?? null,
    treeCount: forest.treeCount,
    iterationCount: forest.iterationCount,
    bestIteration: forest.bestIteration ?? null,
    nodeCount: forest.nodeCount,
    depth: forest.depth,
    caveat: forest.caveat ?? null,
    ...(importance.kind === 'splits' ? { importance: scoreDocument(importance) } : coefficientDocument(importance)),
  };
}

function scoreDocument({ scores }: Importance): Record<string, unknown> {
  return Object.fromEntries(
    [...scores].map(([kind, all]) => [
      kind,
      Object.fromEntries(all.map(([feature, score]) => [feature, numberOrNull(score)])),
    ]),
  );
}

function coefficientDocument({ coefficients, intercepts }: Coefficients): Record<string, unknown> {
  const numbers = (byOutput: readonly number[]): (number | null)[] => byOutput.map(numberOrNull);
  return {
    coefficients: Object.fromEntries(coefficients.map(([feature, byOutput]) => [feature, numbers(byOutput)])),
    intercepts: numbers(intercepts),
  };
}

function numberOrNull(value: number): number | null {
  return Number.isFinite(value) ? Number(float32Text(value)) : null;
}
