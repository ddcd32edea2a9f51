import { Command, Option } from 'commander';

/** What the user asked for: a command, its arguments, and the flags that were given (camelCase, undefined elsewhere). */
export interface Invocation {
  readonly command: 'scan' | 'predict' | 'check-prometheus';
  readonly names: readonly string[];
  readonly flags: Readonly<Record<string, unknown>>;
}

const EXIT_CODES = `
Exit codes:
  0    it ran
  1    it ran, and a pod is at or above --fail-on (only with that flag)
  2    it could not run: bad usage, no connection, no model, a pod that was never seen
  3    it ran on partial data (only with --strict)`;

const CHECK_EXIT_CODES = `
Exit codes:
  0    kpfd can work with this Prometheus
  2    it cannot, or could not look
  3    it can, but a check warns (only with --strict)`;

const STATUS_COLUMNS = `
The last seven columns are the probabilities of the worst status within the horizon (10 minutes with the model that
ships); PREDICTED is the likeliest of them. Reasons fold to a status: ImagePullBackOff to Error, unschedulable to Pending.
  CRASH CrashLoopBackOff, ERROR Error, UNKN Unknown, PEND Pending, CREATE ContainerCreating, RUN Running,
  GONE NotFound. RISK is CRASH + ERROR + UNKN. NOW is what kubectl would print.
A pod that is gone is listed as NotFound for an hour. -l works from kube_pod_labels, which kube-state-metrics exports for
the labels in its --metric-labels-allowlist.
On a narrow terminal columns step back in this order: GONE AGE READY RESTARTS CREATE PEND UNKN RUN ERROR CRASH
CONFIDENCE NAMESPACE.`;

/** Commander's program. `run` gets the invocation once everything was parsed; nothing is asked before. */
export function buildProgram(
  version: string,
  output: {
    readonly writeOut: (text: string) => void;
    readonly writeErr: (text: string) => void;
    readonly width: number | undefined;
  },
  run: (invocation: Invocation) => Promise<void>,
): Command {
  const program = new Command('kpfd')
    .description(
      'Predicts, from Prometheus alone, which Kubernetes pods are failing and which will fail in the next minutes.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: output.writeOut,
      writeErr: output.writeErr,
      getOutHelpWidth: () => output.width ?? 100,
      getErrHelpWidth: () => output.width ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      // Commander puts its suggestion on a line of its own.
      outputError: (text, write) => write(usageError(text, 'kpfd')),
    })
    .addHelpText('after', EXIT_CODES);

  const scan = program
    .command('scan')
    .description('List every pod in scope, worst first, with what is expected of it within the horizon.')
    .action(async (_, command: Command) => run({ command: 'scan', names: [], flags: command.optsWithGlobals() }));
  group(scan, 'Scope:', [
    namespaceOption(),
    new Option('-A, --all-namespaces', 'all namespaces'),
    new Option('-l, --selector <selector>', "only pods with these labels, e.g. 'app=cart,tier in (web,api),!canary'"),
    new Option('--completed', 'list pods that completed as well (those that failed are always listed)'),
    new Option('--at-risk', "only pods at or above the model's risk threshold"),
    new Option('--min-risk <p>', 'only pods with at least this risk (0.3 or 30%)'),
    ...layoutOptions(),
    ...timeOptions(),
  ]);
  group(scan, 'Output:', [
    ...outputOptions('table|wide|json|yaml|csv|name'),
    new Option('--sort-by <key>', 'risk, confidence, name, namespace, now, predicted, restarts, age or node'),
    ...exitOptions(),
  ]);
  finish(
    scan,
    [
      'kpfd scan -A                                  # the whole cluster, worst first',
      'kpfd scan -n shop -l app=cart                 # the pods of one application',
      'kpfd scan -A --at-risk -q --fail-on           # for cron: silent and 0 while nothing is at risk',
      "kpfd scan -A -o json | jq '.pods[0]'          # for programs",
      'kpfd scan -A --record today.json.gz           # keep the answers of Prometheus, e.g. for a bug report',
    ],
    STATUS_COLUMNS,
  );

  const predict = program
    .command('predict')
    .description('Explain one pod or several: now, expected, how sure, what was measured and what was missing.')
    .argument('<pod...>', 'names of pods: my-pod or pod/my-pod')
    .action(async (names: string[], _, command: Command) =>
      run({ command: 'predict', names, flags: command.optsWithGlobals() }),
    );
  group(predict, 'Scope:', [namespaceOption(), ...layoutOptions(), ...timeOptions()]);
  group(predict, 'Output:', [
    ...outputOptions(
      'table|wide|json|yaml|csv|name',
      'without -o a page for each pod, wide: with all inputs of the model',
    ),
    ...exitOptions(),
  ]);
  finish(predict, [
    'kpfd predict my-pod -n default',
    'kpfd predict pod/a b -n shop -o json',
    'kpfd predict my-pod --at 2026-11-23T05:30:00Z # as it looked then',
  ]);

  const check = program
    .command('check-prometheus')
    .description('Check layer by layer whether kpfd can work with this Prometheus, and what to do where it cannot.')
    .action(async (_, command: Command) =>
      run({ command: 'check-prometheus', names: [], flags: command.optsWithGlobals() }),
    );
  group(check, 'Scope:', [...layoutOptions(), ...timeOptions()]);
  group(check, 'Output:', [
    ...outputOptions('table|wide|json|yaml'),
    new Option('--strict', 'exit with 3 on warnings'),
  ]);
  finish(
    check,
    [
      'kpfd check-prometheus',
      'kpfd check-prometheus --prometheus-url https://prometheus.example/prom --ca-file ca.pem',
    ],
    '',
    CHECK_EXIT_CODES,
  );
  return program;
}

/** Commander puts its suggestion on a line of its own, and has none for what is missing. */
function usageError(text: string, command: string): string {
  const [, problem = '', meant] = /^(.*?)(?:\n\(Did you mean (.*)\))?\s*$/s.exec(text) ?? [];
  const safe = problem.replace(/[^\P{C}\n]/gu, '\ufffd');
  return `${safe}; ${meant === undefined ? `see \`${command} --help\`` : `did you mean ${meant}`}\n`;
}

function namespaceOption(): Option {
  return new Option('-n, --namespace <name>', 'the namespace (KPFD_NAMESPACE; default: default)');
}

function layoutOptions(): Option[] {
  return [
    new Option('--cluster <name>', 'which cluster, where this Prometheus holds several'),
    new Option('--kubernetes-version <version>', 'of the API server, where kube_node_info does not tell'),
    new Option('--ksm-selector <matchers>', 'more matchers for kube-state-metrics, e.g. \'job="ksm"\''),
    new Option('--cadvisor-selector <matchers>', 'more matchers for cAdvisor, e.g. \'job="kubelet"\''),
  ];
}

function timeOptions(): Option[] {
  return [
    new Option('--at <time>', 'look at an earlier instant (RFC 3339 or Unix seconds)'),
    new Option(
      '--record <file>',
      'keep every question and answer in a file (.gz: compressed); it holds no credentials',
    ),
    new Option('--replay <file>', 'answer from a recording in place of Prometheus'),
  ];
}

function outputOptions(formats: string, more = ''): Option[] {
  return [
    new Option(`-o, --output <format>`, `${formats.replaceAll('|', ', ')}${more === '' ? '' : ` (${more})`}`),
    new Option('--no-headers', 'leave the headings out'),
    new Option('--color <when>', 'auto, always or never (auto: on a terminal, unless NO_COLOR is set)'),
    new Option('-q, --quiet', 'only the answer, and warnings that it is incomplete'),
    new Option('-v, --verbose', 'notes, and what each request took'),
  ];
}

function exitOptions(): Option[] {
  return [
    new Option('--fail-on [p]', "exit with 1 if a pod's risk is at least this (default: the model's threshold)"),
    new Option('--strict', 'exit with 3 if the data are incomplete'),
    new Option('--model <folder>', 'another model (KPFD_MODEL)'),
  ];
}

function connectionOptions(): Option[] {
  return [
    new Option(
      '--prometheus-url <url>',
      'with its path prefix (KPFD_PROMETHEUS_URL, PROMETHEUS_URL; default: http://localhost:9090)',
    ),
    new Option('--bearer-token-file <file>', 'read anew for each request (KPFD_BEARER_TOKEN, KPFD_BEARER_TOKEN_FILE)'),
    new Option('--username <name>', 'for basic authentication (KPFD_USERNAME)'),
    new Option('--password-file <file>', 'read anew for each request (KPFD_PASSWORD, KPFD_PASSWORD_FILE)'),
    new Option('--header <line>', "send 'Name: value' with each request; may be repeated (KPFD_HEADER)").argParser(
      (line: string, before: string[] | undefined) => [...(before ?? []), line],
    ),
    new Option('--ca-file <file>', 'trust the certificate authorities in this PEM file (KPFD_CA_FILE)'),
    new Option('--request-timeout <duration>', 'for each request with its body and retries (default: 30s, 0: none)'),
    new Option('--timeout <duration>', 'for the whole run (default: 2m, 0: none)'),
  ];
}

function group(command: Command, heading: string, options: readonly Option[]): void {
  for (const option of options) command.addOption(option.helpGroup(heading));
}

function finish(command: Command, examples: readonly string[], more = '', exitCodes = EXIT_CODES): void {
  command.configureOutput({ outputError: (text, write) => write(usageError(text, `kpfd ${command.name()}`)) });
  group(command, 'Prometheus:', connectionOptions());
  const text = `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`;
  const settings = `
Settings: these flags may also stand in the environment (KPFD_NAMESPACE for --namespace) and in the config file under
their own names: namespace, cluster, ksm-selector, cadvisor-selector, kubernetes-version, model, output, color, and all
of Prometheus (prometheus-url, bearer-token-file, username, password-file, header, ca-file, request-timeout, timeout).
A flag wins over the environment, that over the config file, which is $XDG_CONFIG_HOME/kpfd/config.yaml
(default: ~/.config/kpfd/config.yaml).`;
  command.addHelpText('after', `${more}${text}\n${settings}\n${exitCodes}`);
}
