import { checkSignals } from '../pipeline/check-signals.ts';
import { exitCode, lookOf, show, withSource, type Context, type ExitCode } from './context.ts';
import type { Options } from './options.ts';
import type { CheckOutput } from './outputs.ts';

/** kpfd check-prometheus: every layer from the name to the samples. */
export async function checkPrometheus(context: Context, options: Options<CheckOutput>): Promise<ExitCode> {
  const { diagnosis, address } = await withSource(context, async (source, instant) => ({
    diagnosis: await checkSignals(source, options, instant),
    address: source.address,
  }));
  const { checkOutput } = await import('../render/check-table.ts');
  show(context, await checkOutput(diagnosis, address, options.output ?? 'table', lookOf(context, options)));
  const has = (outcome: string): boolean => diagnosis.checks.some((check) => check.outcome === outcome);
  return exitCode({ failed: has('failed'), partial: options.strict && has('warning') });
}
