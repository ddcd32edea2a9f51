import { Command, Option } from 'commander';
import { CHECK_OUTPUTS, POD_OUTPUTS } from '../commands/outputs.ts';

/** What the user asked for: a command, its arguments, and the flags that were given (camelCase, undefined elsewhere). */
export interface Invocation {
  readonly command:
    | 'scan'
    | 'predict'
    | 'check-prometheus'
    | 'backtest'
    | 'export-dataset'
    | 'model show'
    | 'model predict';
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

const MODEL_EXIT_CODES = `
Exit codes:
  0    it ran
  2    it could not run: bad usage, no model, a row that is wrong (the rows before it are printed)`;

const ROWS = `
Rows: CSV as RFC 4180 has it, or JSON: a list of objects or of lists, or one of them a line. Names (a header, the members
of an object) are matched to the model's features, in any order; lists go by position, and so does CSV with
--no-header-row. A model without names has f0, f1, and so on. What is empty, NaN or NA in CSV, or null in JSON, is
missing; text that is no number is an error, and an empty line is no row. Numbers are rounded to float32 as numpy does,
and printed so that they give the same float32 again. Rows are predicted while they are read, in constant memory.
`;

const STATUS_COLUMNS = `
The last seven columns are the probabilities of the worst status within the horizon (10 minutes with the model that
ships); PREDICTED is the likeliest of them. Reasons fold to a status: ImagePullBackOff to Error, unschedulable to Pending.
  CRASH CrashLoopBackOff, ERROR Error, UNKN Unknown, PEND Pending, CREATE ContainerCreating, RUN Running,
  GONE NotFound. RISK is CRASH + ERROR + UNKN. NOW is what kubectl would print.
With -o wide WHY has the two facts that moved RISK most, and whether they raised or lowered it.
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
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: output.writeOut,
      writeErr: output.writeErr,
      getOutHelpWidth: () => output.width ?? 100,
      getErrHelpWidth: () => output.width ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      // Commander puts its suggestion on a line of its own.
      outputError: (text, write) =>
        write(usageError(text, 'kpfd', isOfCommand(program, text) ? 'to put it behind the command?' : undefined)),
    })
    .addHelpText('after', EXIT_CODES);

  const scan = program
    .command('scan')
    .description('List every pod in scope, worst first, with what is expected of it within the horizon.')
    .action(async (_, command: Command) => run({ command: 'scan', names: [], flags: command.optsWithGlobals() }));
  group(scan, 'Scope:', [
    namespaceOption(),
    allNamespacesOption(),
    new Option('-l, --selector <selector>', "only pods with these labels, e.g. 'app=cart,tier in (web,api),!canary'"),
    new Option('--completed', 'list pods that completed as well (those that failed are always listed)'),
    new Option(
      '--at-risk',
      "only pods at or above the model's risk threshold (or that of --fail-on), and those that fail but could not be evaluated",
    ),
    new Option('--min-risk <p>', 'the same with another threshold (0.3 or 30%)'),
    ...selectionOptions(),
    ...timeOptions(),
  ]);
  group(scan, 'Output:', [
    ...outputOptions(POD_OUTPUTS),
    new Option(
      '--sort-by <key>',
      'risk, confidence and restarts (the most first), predicted (the worst first), age (the youngest first), name, namespace, now or node',
    ),
    ...exitOptions(),
  ]);
  finish(
    scan,
    [
      'kpfd scan -A                                  # the whole cluster, worst first',
      'kpfd scan -n shop -l app=cart                 # the pods of one application',
      'kpfd scan -A --at-risk -q --fail-on           # for cron: silent and 0 while all is well',
      "kpfd scan -A -o json | jq '.pods[0]'          # for programs",
      'kpfd scan -A --record today.json.gz           # keep the answers of Prometheus, e.g. for a bug report',
    ],
    { more: STATUS_COLUMNS },
  );

  const predict = program
    .command('predict')
    .description('Explain one pod or several: now, expected, how sure, what was measured and what was missing.')
    .argument('<pod...>', 'names of pods: my-pod or pod/my-pod')
    .action(async (names: string[], _, command: Command) =>
      run({ command: 'predict', names, flags: command.optsWithGlobals() }),
    );
  group(predict, 'Scope:', [namespaceOption(), ...selectionOptions(), ...timeOptions()]);
  group(predict, 'Output:', [
    ...outputOptions(POD_OUTPUTS, 'without -o a page for each pod, wide: with all inputs of the model'),
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
  group(check, 'Scope:', [...selectionOptions(), ...timeOptions()]);
  group(check, 'Output:', [...outputOptions(CHECK_OUTPUTS), new Option('--strict', 'exit with 3 on warnings')]);
  finish(
    check,
    [
      'kpfd check-prometheus',
      'kpfd check-prometheus --prometheus-url https://prometheus.example/prom --ca-file ca.pem',
    ],
    { exitCodes: CHECK_EXIT_CODES },
  );
  addHistoryCommands(program, run);
  addModelCommands(program, run);
  addHelpCommand(program);
  return program;
}

/** What looks at a Prometheus' past. */
function addHistoryCommands(program: Command, run: (invocation: Invocation) => Promise<void>): void {
  const backtest = program
    .command('backtest')
    .description(
      "How the model would have done on this Prometheus' past, beside alerts and rules that people have today.",
    )
    .action(async (_, command: Command) => run({ command: 'backtest', names: [], flags: command.optsWithGlobals() }));
  group(backtest, 'Time:', spanOptions());
  group(backtest, 'Scope:', [
    new Option('-n, --namespace <name>', 'only this namespace (KPFD_NAMESPACE; default: all)'),
    allNamespacesOption(),
    ...selectionOptions(),
    ...recordOptions(),
  ]);
  group(backtest, 'Model:', [
    ...modelOptions(),
    new Option('--threshold <p>', "the RISK from which an alarm is raised (default: the model's)"),
  ]);
  group(backtest, 'Output:', [
    new Option('-o, --output <format>', 'table (default) or json, which has everything'),
    ...historyOutputOptions(),
  ]);
  finish(
    backtest,
    [
      'kpfd backtest --start 2026-11-23T00:00:00Z --end 2026-11-23T06:00:00Z',
      'kpfd backtest --start 1795411660 --end 1795415615 --labels status.jsonl.gz -o json',
    ],
    { more: BACKTEST, ...HISTORY },
  );

  const dataset = program
    .command('export-dataset')
    .description('Feature rows of every pod in the past, with what became of it: to train a model on.')
    .action(async (_, command: Command) =>
      run({ command: 'export-dataset', names: [], flags: command.optsWithGlobals() }),
    );
  group(dataset, 'Time:', [
    ...spanOptions(),
    new Option('--step <duration>', 'a multiple of 15s (default: 30s)'),
    new Option('--horizon <duration>', 'how far the label looks ahead (default: 10m)'),
  ]);
  group(dataset, 'Scope:', [namespaceOption(), allNamespacesOption(), ...selectionOptions(), ...recordOptions()]);
  group(dataset, 'Output:', [
    new Option('-o, --output <format>', 'csv (default) or jsonl'),
    new Option('--to <file>', 'write to a file; the same command goes on with one that a cut left behind'),
    new Option('--run <name>', 'the name of this run in each row (default: export)'),
    ...historyOutputOptions(),
  ]);
  finish(
    dataset,
    [
      'kpfd export-dataset -A --start 2026-11-23T00:00:00Z --end 2026-11-24T00:00:00Z --to rows.csv',
      'kpfd export-dataset -n shop --start 1795411660 --end 1795415615 -o jsonl | head',
    ],
    { more: DATASET, ...HISTORY },
  );
}

const HISTORY = {
  timeout: 'none',
  exitCodes: `
Exit codes:
  0    it ran
  2    it could not run: bad usage, no connection, no model, a labels file that is not usable
  3    something could not be read, or at some step no pod could be evaluated (only with --strict)`,
};

const BACKTEST = `
An alarm is up while at least two of the last three evaluations, 30 s apart, are at or above the threshold. FOUND are the
failures after two minutes of health before which it was up, within the horizon; LEAD is how long before, at most the
horizon. FALSE are alarms of healthy pods that then did not fail within the horizon; BELOW is the rate that they stay below
with 95 % certainty. Rivals have no probabilities: theirs are the shares in these very rows, which flatters them.
`;

const DATASET = `
The label is the worst status that the pod shows within the horizon; a restart that nobody saw counts as Error. Rows whose
future is cut off by a pause of the scrapes or by the end are left out, and of pods that were deleted those that had not
failed before.
`;

function spanOptions(): Option[] {
  return [
    new Option('--start <time>', 'RFC 3339 or Unix seconds').makeOptionMandatory(),
    new Option('--end <time>', 'RFC 3339 or Unix seconds').makeOptionMandatory(),
    new Option('--labels <file>', 'what kubectl printed, as JSON Lines, perhaps .gz (default: STATUS from metrics)'),
    new Option('--max-samples <n>', 'how many values (series x steps) one request may answer with (default: 500000)'),
  ];
}

function historyOutputOptions(): Option[] {
  return [
    new Option('--no-headers', 'leave the headings out'),
    new Option('-q, --quiet', 'only the answer, and warnings that it is incomplete'),
    new Option('-v, --verbose', 'what each request took'),
    new Option('--strict', 'exit with 3 if something could not be read, or at some step no pod could be evaluated'),
  ];
}

/** What concerns a file of XGBoost and no cluster. */
function addModelCommands(program: Command, run: (invocation: Invocation) => Promise<void>): void {
  const model = program
    .command('model')
    .description('Look into a model file of XGBoost, or predict rows of a file with it; no Prometheus is asked.')
    .helpCommand(false);
  model.configureOutput({ outputError: (text, write) => write(usageError(text, 'kpfd model')) });

  const show = model
    .command('show')
    .description('Show what a model is made of: objective, trees, features, and how much each of them counts.')
    .argument('<file>', FILE)
    .action(async (file: string, _, command: Command) =>
      run({ command: 'model show', names: [file], flags: command.optsWithGlobals() }),
    );
  group(show, 'Output:', [
    new Option('-o, --output <format>', 'table (default) or json, which has all features and kinds of importance'),
    new Option('--importance <kind>', 'gain, weight, cover, total_gain or total_cover (default: gain, or weight)'),
    new Option('--top <n>', 'so many features in the table (default: 10)'),
    ...modelOutputOptions(),
  ]);
  finishModel(show, 'model show', [
    'kpfd model show model.json',
    'kpfd model show model.ubj.gz --importance weight --top 30',
    'kpfd model show models/default -o json        # the folder of a model of kpfd',
    'kpfd model show dump.json --objective binary:logistic --base-score 0.5 --feature-names @names.txt --xgboost-version 3.4.1',
  ]);

  const predict = model
    .command('predict')
    .description("Predict the rows of a file, with XGBoost's numbers to the last bit.")
    .argument('<file>', FILE)
    .action(async (file: string, _, command: Command) =>
      run({ command: 'model predict', names: [file], flags: command.optsWithGlobals() }),
    );
  group(predict, 'Rows:', [
    new Option('--rows <file>', '.csv, .json or .jsonl, perhaps .gz; - for stdin').makeOptionMandatory(),
    new Option('--rows-format <format>', 'csv or json (default: by the name, or the first character)'),
    new Option('--no-header-row', 'the first line of CSV is a row, and columns are in the order of the model'),
    new Option('--ignore-extra-columns', 'pass over columns that the model does not know'),
    new Option('--missing <number>', 'a number that stands for missing, e.g. -999'),
  ]);
  group(predict, 'Answer:', [
    new Option('--margin', 'the sums of leaves, before the objective makes predictions of them'),
    new Option('--contributions', 'by how much each feature moved the margin (SHAP), and the bias'),
    new Option('--leaves', 'the number of the leaf in each tree'),
    new Option('--iteration-range <begin:end>', 'only these iterations; an end of 0 is the last'),
  ]);
  group(predict, 'Output:', [
    new Option('-o, --output <format>', 'csv (default), json (a list) or jsonl (an object a line)'),
    ...modelOutputOptions(),
  ]);
  finishModel(
    predict,
    'model predict',
    [
      'kpfd model predict model.json --rows rows.csv',
      'kpfd model predict model.json --rows rows.jsonl --contributions -o jsonl',
      'zcat rows.csv.gz | kpfd model predict model.ubj --rows - > predictions.csv',
    ],
    ROWS,
  );
  addHelpCommand(model);
}

/** Commander's own has no word for a name that is no command. */
function addHelpCommand(parent: Command): void {
  parent
    .command('help')
    .argument('[command]')
    .description('print the help of a command')
    .action((name: string | undefined) => {
      const meant = name === undefined ? parent : parent.commands.find((command) => command.name() === name);
      if (meant === undefined) parent.error(`error: unknown command '${name}'`);
      else meant.help();
    });
}

const FILE = 'model.json or model.ubj, perhaps .gz; a dump as JSON; or the folder of a model of kpfd';

function modelOutputOptions(): Option[] {
  return [
    new Option('--no-headers', 'leave the headings out'),
    new Option('-q, --quiet', 'only the answer'),
    new Option('-v, --verbose', 'also what was underneath an error'),
  ];
}

/** What a dump loses. */
function dumpOptions(): Option[] {
  return [
    new Option('--objective <name>', "XGBoost's name, e.g. binary:logistic"),
    new Option('--base-score <numbers>', 'one, or one for each output: 0.5 or 0.2,0.5,0.3'),
    new Option('--feature-names <names>', 'of all features in training order: a,b,c or @FILE with one a line'),
    new Option('--xgboost-version <version>', 'the XGBoost that wrote the file; also where it names another'),
    new Option('--outputs <n>', 'classes or targets (default: 1)'),
    new Option('--parallel-trees <n>', 'trees of an output in an iteration (default: 1)'),
    new Option('--weight-drop <numbers>', "dart's weight of each tree: 0.8,1,0.5 (without it no tree has one)"),
  ];
}

function finishModel(command: Command, name: string, examples: readonly string[], more = ''): void {
  command.configureOutput({ outputError: (text, write) => write(usageError(text, `kpfd ${name}`)) });
  group(command, 'What a dump of trees lacks:', dumpOptions());
  command.addHelpText('after', `${more}${exampleText(examples)}\n${MODEL_EXIT_CODES}`);
}

/** Names of pods are what predict takes. */
function hintFor(command: string, text: string): string | undefined {
  return command === 'scan' && text.includes('too many arguments') ? '`kpfd predict POD`?' : undefined;
}

/** Whether the option that kpfd itself does not know is one of its commands. */
function isOfCommand(program: Command, text: string): boolean {
  const [, flag = ''] = /unknown option '([^'=]*)/.exec(text) ?? [];
  return program.commands.some(({ options }) => options.some(({ short, long }) => flag === short || flag === long));
}

/** Commander puts its suggestion on a line of its own, and has none for what is missing. */
function usageError(text: string, command: string, hint?: string): string {
  const [, problem = '', meant = hint] = /^(.*?)(?:\n\(Did you mean (.*)\))?\s*$/s.exec(text) ?? [];
  const safe = problem.replace(/[^\P{C}\n]/gu, '\ufffd').replace(/\.$/, '');
  return `${safe}; ${meant === undefined ? `see \`${command} --help\`` : `did you mean ${meant}`}\n`;
}

function exampleText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`;
}

function namespaceOption(): Option {
  return new Option('-n, --namespace <name>', 'the namespace (KPFD_NAMESPACE; default: default)');
}

function allNamespacesOption(): Option {
  return new Option('-A, --all-namespaces', 'all namespaces');
}

function selectionOptions(): Option[] {
  return [
    new Option('--cluster <name>', 'which cluster, where this Prometheus holds several'),
    new Option('--kubernetes-version <version>', 'of the API server, where kube_node_info does not tell'),
    new Option('--ksm-selector <matchers>', 'more matchers for kube-state-metrics, e.g. \'job="ksm"\''),
    new Option('--cadvisor-selector <matchers>', 'more matchers for cAdvisor, e.g. \'job="kubelet"\''),
  ];
}

function timeOptions(): Option[] {
  return [new Option('--at <time>', 'look at an earlier instant (RFC 3339 or Unix seconds)'), ...recordOptions()];
}

function recordOptions(): Option[] {
  return [
    new Option(
      '--record <file>',
      'keep every question and answer in a file (.gz: compressed); it holds no credentials',
    ),
    new Option('--replay <file>', 'answer from a recording in place of Prometheus'),
  ];
}

function outputOptions(formats: readonly string[], more = ''): Option[] {
  return [
    new Option(`-o, --output <format>`, `${formats.join(', ')}${more === '' ? '' : ` (${more})`}`),
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
    ...modelOptions(),
  ];
}

function modelOptions(): Option[] {
  return [
    new Option('--model <folder>', 'another model (KPFD_MODEL)'),
    new Option(
      '--prior <p>',
      'the share of well pods that fails within the horizon here (default: as the model assumes)',
    ),
  ];
}

function connectionOptions(timeout: string): Option[] {
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
    new Option('--timeout <duration>', `for the whole run (default: ${timeout})`),
  ];
}

function group(command: Command, heading: string, options: readonly Option[]): void {
  for (const option of options) command.addOption(option.helpGroup(heading));
}

/** What the help of a command ends with. `timeout`: its default, in words. */
function finish(
  command: Command,
  examples: readonly string[],
  { more = '', exitCodes = EXIT_CODES, timeout = '2m, 0: none' } = {},
): void {
  command.configureOutput({
    outputError: (text, write) => {
      // --fail-on takes the next word for its value.
      const { failOn } = command.opts<{ failOn?: unknown }>();
      const hasTakenName =
        text.includes('missing required argument') && typeof failOn === 'string' && !/^[\d.]+%?$/.test(failOn);
      write(
        hasTakenName
          ? usageError(
              `${text.trimEnd()} (--fail-on has taken ${JSON.stringify(failOn)})`,
              'kpfd',
              'the pod first, --fail-on last?',
            )
          : usageError(text, `kpfd ${command.name()}`, hintFor(command.name(), text)),
      );
    },
  });
  group(command, 'Prometheus:', connectionOptions(timeout));
  const text = exampleText(examples);
  const settings = `
Settings: these flags may also stand in the environment (KPFD_NAMESPACE for --namespace) and in the config file under
their own names: namespace, cluster, ksm-selector, cadvisor-selector, kubernetes-version, model, output, color, and all
of Prometheus (prometheus-url, bearer-token-file, username, password-file, header, ca-file, request-timeout, timeout).
A flag wins over the environment, that over the config file, which is $XDG_CONFIG_HOME/kpfd/config.yaml
(default: ~/.config/kpfd/config.yaml).`;
  command.addHelpText('after', `${more}${text}\n${settings}\n${exitCodes}`);
}
