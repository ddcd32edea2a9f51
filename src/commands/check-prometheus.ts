import { FailureError } from '../core/failure.ts';
import { checkSignals } from '../pipeline/check-signals.ts';
import { exitCode, lookOf, show, withSource, type Context, type ExitCode } from './context.ts';
import { CHECK_OUTPUTS, type Options } from './options.ts';

/** kpfd check-prometheus: every layer from the name to the samples. */
export async function checkPrometheus(context: Context, options: Options): Promise<ExitCode> {
  const asked = options.output ?? 'table';
  const format = CHECK_OUTPUTS.find((output) => output === asked);
  if (format === undefined) {
    throw new FailureError({
      kind: 'usage',
      problem: `check-prometheus writes table, wide, json or yaml, not ${asked}`,
      advice: 'choose one with -o',
    });
  }
  const { diagnosis, address } = await withSource(context, async (source, instant) => ({
    diagnosis: await checkSignals(source, options, instant),
    address: source.address,
  }));
  const { checkOutput } = await import('../render/check-table.ts');
  show(context, await checkOutput(diagnosis, address, format, lookOf(context, options)));
  const has = (outcome: string): boolean => diagnosis.checks.some((check) => check.outcome === outcome);
  return exitCode({ failed: has('failed'), partial: options.strict && has('warning') });
}
