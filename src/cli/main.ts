import { dirname, resolve } from 'node:path';
import type { Context } from '../commands/context.ts';
import type { CommandTraits, Options } from '../commands/options.ts';
import { BACKTEST_OUTPUTS, CHECK_OUTPUTS, DATASET_OUTPUTS, POD_OUTPUTS } from '../commands/outputs.ts';
import { buildProgram, type Invocation } from './program.ts';
import {
  configPath,
  createContext,
  createModelContext,
  lastWords,
  loadHttp,
  packageVersion,
  processWorld,
  readConfig,
  readNames,
  type World,
} from './world.ts';

/** kpfd's command line: from arguments to an exit code. Everything that can go wrong is told on stderr. */
export async function main(argv: readonly string[], world: World = processWorld()): Promise<number> {
  const { stdout, stderr, interrupted } = world;
  const version = packageVersion();
  let code = 0;
  let verbose = false;
  const program = buildProgram(
    version,
    { writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text), width: stdout.width },
    async (invocation) => {
      verbose = invocation.flags['verbose'] === true;
      code = await run(world, version, invocation);
    },
  );
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (interrupted.aborted) return interrupted.reason === 'SIGTERM' ? 143 : 130;
    return await explain(error, stderr, verbose).catch((worse: unknown) => {
      stderr.write(`${lastWords(worse)}\n`);
      return 2;
    });
  }
}

const MINUTES: Pick<CommandTraits<string>, 'timeout' | 'everywhere'> = { timeout: '2m', everywhere: false };
/** These read for as long as the past takes. */
const HOURS = { ...MINUTES, timeout: '0' };

/** Options are resolved before Prometheus is asked anything: what is wrong with them costs no request. */
async function run(world: World, version: string, invocation: Invocation): Promise<number> {
  const { command, names, flags } = invocation;
  if (command === 'model show' || command === 'model predict') return runModel(world, command, invocation);
  // Loaded while the options are read, and the first request is on its way before the command is loaded.
  if (flags['replay'] === undefined) loadHttp().catch(() => undefined);
  const contextFor = (options: Options): Context => createContext(world, version, asked(invocation, options), options);
  switch (command) {
    case 'scan': {
      const options = await readOptions(world, flags, { ...MINUTES, outputs: POD_OUTPUTS });
      const context = contextFor(options);
      await openEarly(context);
      const { scan } = await import('../commands/scan.ts');
      return scan(context, options);
    }
    case 'predict': {
      const options = await readOptions(world, flags, { ...MINUTES, outputs: POD_OUTPUTS });
      const { podNames } = await import('../commands/pod-names.ts');
      const pods = podNames(names);
      const context = contextFor(options);
      await openEarly(context);
      const { predict } = await import('../commands/predict.ts');
      return predict(context, options, pods);
    }
    case 'check-prometheus': {
      const options = await readOptions(world, flags, { ...MINUTES, outputs: CHECK_OUTPUTS });
      const context = contextFor(options);
      await openEarly(context);
      const { checkPrometheus } = await import('../commands/check-prometheus.ts');
      return checkPrometheus(context, options);
    }
    case 'backtest': {
      const options = await readOptions(world, flags, { ...HOURS, outputs: BACKTEST_OUTPUTS, everywhere: true });
      const { resolveBacktestOptions } = await import('../commands/history-options.ts');
      const wanted = resolveBacktestOptions(flags, world.now());
      const { backtest } = await import('../commands/backtest.ts');
      return backtest(contextFor(options), options, wanted);
    }
    case 'export-dataset': {
      const options = await readOptions(world, flags, { ...HOURS, outputs: DATASET_OUTPUTS });
      const { resolveExportOptions } = await import('../commands/history-options.ts');
      const wanted = resolveExportOptions(flags, world.now());
      const { exportDataset } = await import('../commands/export-dataset.ts');
      return exportDataset(contextFor(options), options, wanted);
    }
  }
}

/** Sends the first request before the command is loaded. Whoever opens it again is told what went wrong. */
async function openEarly(context: Context): Promise<void> {
  await context.open().catch(() => undefined);
}

/** The commands about a model file: they ask no Prometheus, and no settings bear on them. */
async function runModel(
  world: World,
  command: 'model show' | 'model predict',
  { names, flags }: Invocation,
): Promise<number> {
  const [path = ''] = names;
  const { resolveShowOptions, resolvePredictOptions } = await import('../commands/model-options.ts');
  const context = createModelContext(world);
  switch (command) {
    case 'model show': {
      const { modelShow } = await import('../commands/model-show.ts');
      return modelShow(context, await resolveShowOptions(flags, readNames), path);
    }
    case 'model predict': {
      const { modelPredict } = await import('../commands/model-predict.ts');
      return modelPredict(context, await resolvePredictOptions(flags, readNames), path);
    }
  }
}

/** The command with the flags that decide what is asked, for whoever replays its recording. No flag of a login. */
function asked({ command, names, flags }: Invocation, options: Options): string {
  const given = (name: string, value: unknown): string[] =>
    typeof value === 'string' && value !== '' ? [name, quoted(value)] : [];
  const scope = options.allNamespaces ? ['-A'] : given('-n', options.namespace);
  return [
    'kpfd',
    command,
    ...names.map(quoted),
    ...(command === 'check-prometheus' ? [] : scope),
    ...given('-l', flags['selector']),
    ...given('--cluster', options.cluster),
    ...given('--ksm-selector', options.ksmSelector),
    ...given('--cadvisor-selector', options.cadvisorSelector),
    ...['start', 'end', 'step', 'horizon'].flatMap((name) => given(`--${name}`, flags[name])),
    ...given('--max-samples', flags['maxSamples']),
    ...['labels', 'model'].flatMap((name) => given(`--${name}`, flags[name])),
  ].join(' ');
}

function quoted(word: string): string {
  return /^[\w./=,:-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

async function readOptions<O extends string>(
  world: World,
  flags: Invocation['flags'],
  traits: CommandTraits<O>,
): Promise<Options<O>> {
  const { resolveOptions } = await import('../commands/options.ts');
  const path = configPath(world.env);
  return resolveOptions(
    {
      flags,
      env: world.env,
      config: { path, values: await readConfig(path) },
      besideConfig: (file) => resolve(dirname(path), file),
      now: world.now(),
    },
    traits,
  );
}

/** Usage errors are commander's words, failures are ours; anything else is a bug and keeps its stack. */
async function explain(error: unknown, stderr: World['stderr'], verbose: boolean): Promise<number> {
  const { CommanderError } = await import('commander');
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { FailureError } = await import('../core/failure.ts');
  if (error instanceof FailureError) {
    const { reportFailure } = await import('../commands/report.ts');
    stderr.write(reportFailure(error, verbose));
  } else stderr.write(`${lastWords(error)}\n`);
  return 2;
}
