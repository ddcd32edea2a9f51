import { dirname, resolve } from 'node:path';
import type { Options } from '../commands/options.ts';
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
  const program = buildProgram(
    version,
    { writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text), width: stdout.width },
    async (invocation) => {
      code = await run(world, version, invocation);
    },
  );
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (interrupted.aborted) return interrupted.reason === 'SIGTERM' ? 143 : 130;
    return await explain(error, stderr, argv.includes('-v') || argv.includes('--verbose')).catch((worse: unknown) => {
      stderr.write(`${lastWords(worse)}\n`);
      return 2;
    });
  }
}

async function run(world: World, version: string, invocation: Invocation): Promise<number> {
  const { command } = invocation;
  if (command === 'model show' || command === 'model predict') return runModel(world, command, invocation);
  // Loaded while the options are read, and the first request is on its way before the command is loaded.
  if (invocation.flags['replay'] === undefined) loadHttp().catch(() => undefined);
  const options = await readOptions(world, invocation);
  const context = createContext(world, version, asked(invocation, options), options);
  await context.opened.catch(() => undefined);
  switch (command) {
    case 'scan': {
      const { scan } = await import('../commands/scan.ts');
      return scan(context, options);
    }
    case 'predict': {
      const { predict } = await import('../commands/predict.ts');
      return predict(context, options, invocation.names);
    }
    case 'backtest': {
      const { backtest } = await import('../commands/backtest.ts');
      const { resolveBacktestOptions } = await import('../commands/history-options.ts');
      return backtest(context, options, await resolveBacktestOptions(invocation.flags, world.now(), options.output));
    }
    case 'export-dataset': {
      const { exportDataset } = await import('../commands/export-dataset.ts');
      const { resolveExportOptions } = await import('../commands/history-options.ts');
      return exportDataset(context, options, await resolveExportOptions(invocation.flags, world.now()));
    }
    case 'check-prometheus': {
      const { checkPrometheus } = await import('../commands/check-prometheus.ts');
      return checkPrometheus(context, options);
    }
  }
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
    typeof value === 'string' && value !== '' ? [name, /^[\w./=,:-]+$/.test(value) ? value : `'${value}'`] : [];
  const namespaced = options.allNamespaces ? ['-A'] : given('-n', options.namespace);
  const scope = command === 'check-prometheus' ? [] : namespaced;
  return [
    'kpfd',
    command,
    ...names,
    ...scope,
    ...given('-l', flags['selector']),
    ...given('--cluster', options.cluster),
    ...given('--ksm-selector', options.ksmSelector),
    ...given('--cadvisor-selector', options.cadvisorSelector),
  ].join(' ');
}

async function readOptions(world: World, { command, flags }: Invocation): Promise<Options> {
  const { BACKTEST_OUTPUTS, CHECK_OUTPUTS, resolveOptions } = await import('../commands/options.ts');
  const path = configPath(world.env);
  const isHistory = command === 'backtest' || command === 'export-dataset';
  return resolveOptions({
    // These have formats of their own (history-options.ts), and read for as long as the past takes.
    flags: isHistory ? { ...flags, output: undefined } : flags,
    ...(isHistory ? { defaultTimeout: '0' } : {}),
    ...(command === 'check-prometheus' ? { outputs: CHECK_OUTPUTS } : {}),
    ...(command === 'backtest' ? { outputs: BACKTEST_OUTPUTS, everywhere: true } : {}),
    env: world.env,
    config: { path, values: await readConfig(path) },
    besideConfig: (file) => resolve(dirname(path), file),
    now: world.now(),
  });
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
