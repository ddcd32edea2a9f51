import { FailureError } from '../core/failure.ts';
import { kubernetesMinor } from '../core/pods/kubernetes-version.ts';
import { SORT_KEYS, type SortKey } from '../core/predictions/sort-keys.ts';
import type { Requirement } from '../core/signals/label-selector.ts';
import { chosen, UnknownName, usage, withNearest } from './choice.ts';
import { parsed, textOf, type Flags } from './flags.ts';
import { OUTPUTS } from './outputs.ts';
import { parseDuration, parseShare, parseTime } from './units.ts';

/** Where a value came from, for messages: `--timeout`, `KPFD_TIMEOUT`, `timeout in ~/.config/kpfd/config.yaml`. */
interface Raw {
  readonly value: unknown;
  readonly from: string;
}

/** How Prometheus is reached, or which recording stands for it. */
export interface Connection {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly bearerToken: SecretSource | undefined;
  readonly username: string | undefined;
  readonly password: SecretSource | undefined;
  readonly caFile: string | undefined;
  readonly requestTimeoutMs: number;
  readonly runTimeoutMs: number;
  readonly record: string | undefined;
  readonly replay: string | undefined;
  /** Durations of requests go to stderr. */
  readonly verbose: boolean;
}

type SecretSource = { readonly file: string; readonly role: string } | { readonly value: string };

const COLOURS = ['auto', 'always', 'never'] as const;

/** Every option of a command that asks Prometheus, resolved; `O`: the formats that it writes. */
export interface Options<O extends string = string> {
  readonly connection: Connection;
  readonly model: string | undefined;
  /** The share of well pods that fails within the horizon; undefined: as the model assumes. */
  readonly prior: number | undefined;
  readonly namespace: string;
  readonly allNamespaces: boolean;
  readonly labels: readonly Requirement[] | undefined;
  readonly cluster: string | undefined;
  readonly ksmSelector: string;
  readonly cadvisorSelector: string;
  readonly kubernetesVersion: string | undefined;
  readonly at: number | undefined;
  readonly output: O | undefined;
  readonly headings: boolean;
  readonly sortBy: SortKey;
  readonly colour: (typeof COLOURS)[number];
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly strict: boolean;
  /** `default`: the model's own threshold. */
  readonly failOn: number | 'default' | undefined;
  readonly atRisk: boolean;
  readonly minRisk: number | undefined;
  readonly completed: boolean;
}

/**
 * Options that may also stand in the environment (KPFD_ and the flag in capitals) and in the config file (under the
 * flag's name). Precedence: flag, environment, config file, default.
 */
export const SETTINGS = [
  'prometheus-url',
  'namespace',
  'cluster',
  'ksm-selector',
  'cadvisor-selector',
  'kubernetes-version',
  'model',
  'bearer-token-file',
  'username',
  'password-file',
  'header',
  'ca-file',
  'request-timeout',
  'timeout',
  'output',
  'color',
] as const;
type Setting = (typeof SETTINGS)[number];

/** In what the commands differ. */
export interface CommandTraits<O extends string> {
  readonly outputs: readonly O[];
  /** The --timeout where none is given. */
  readonly timeout: string;
  /** Without a namespace from anywhere all are meant: how good a model is one asks of the whole cluster. */
  readonly everywhere: boolean;
}

export interface OptionSources {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: { readonly path: string; readonly values: Readonly<Record<string, unknown>> };
  /** Resolves a path that stands in the config file, relative to that file. */
  readonly besideConfig: (path: string) => string;
  /** Unix seconds. */
  readonly now: number;
}

const DEFAULT_ADDRESS = 'http://localhost:9090';

/** Rejects with a FailureError (usage, config-invalid, address-invalid) for the first option that is not right. */
export async function resolveOptions<O extends string>(
  sources: OptionSources,
  traits: CommandTraits<O>,
): Promise<Options<O>> {
  return withNearest(async () => {
    const selector = textOf(sources.flags, 'selector');
    return {
      ...readOptions(sources, traits),
      labels: selector === undefined ? undefined : await readLabels(selector),
    };
  });
}

function readOptions<O extends string>(
  sources: OptionSources,
  { outputs, timeout, everywhere }: CommandTraits<O>,
): Omit<Options<O>, 'labels'> {
  const reader = new OptionReader(sources);
  reader.assertConfigKnown();
  const flag = (name: string): unknown => sources.flags[name];
  const given = (name: string): string | undefined => textOf(sources.flags, name);
  const share = (name: string, flagName: string): number | undefined => parsed(name, given(flagName), parseShare);
  const verbose = flag('verbose') === true;
  if (given('record') !== undefined && given('replay') !== undefined) {
    throw usage('--record and --replay exclude each other', 'replay the recording alone, or record a new one');
  }
  if (given('record') === '-') {
    throw usage('--record writes a file, and - is none: stdout is for the answer', 'name a file, like run.json.gz');
  }
  if (flag('atRisk') === true && given('minRisk') !== undefined) {
    throw usage(
      '--at-risk and --min-risk exclude each other',
      '--at-risk takes the threshold of the model, or that of --fail-on',
    );
  }
  // As kubectl, which takes an empty one for none.
  const namespace = reader.text('namespace') || undefined;
  return {
    connection: { ...reader.connection(timeout), record: given('record'), replay: given('replay'), verbose },
    model: reader.path('model'),
    prior: priorOf(share('--prior', 'prior')),
    namespace: namespace ?? 'default',
    allNamespaces: flag('allNamespaces') === true || (everywhere && namespace === undefined),
    cluster: reader.text('cluster'),
    ksmSelector: reader.matchers('ksm-selector'),
    cadvisorSelector: reader.matchers('cadvisor-selector'),
    kubernetesVersion: reader.kubernetesVersion(),
    at: reader.at(given('at')),
    output: reader.output(outputs),
    headings: flag('headers') !== false,
    // The column of names is headed POD.
    sortBy: chosen('--sort-by', given('sortBy') === 'pod' ? 'name' : given('sortBy'), SORT_KEYS) ?? 'risk',
    colour: reader.choice('color', COLOURS) ?? 'auto',
    quiet: flag('quiet') === true,
    verbose,
    strict: flag('strict') === true,
    failOn: flag('failOn') === true ? 'default' : share('--fail-on', 'failOn'),
    atRisk: flag('atRisk') === true,
    minRisk: share('--min-risk', 'minRisk'),
    completed: flag('completed') === true,
  };
}

function priorOf(prior: number | undefined): number | undefined {
  if (prior === undefined || (prior > 0 && prior < 1)) return prior;
  throw usage(
    `--prior takes a share between 0 and 1, not ${prior}`,
    'write 0.001 where one in a thousand well pods fails',
  );
}

/** As kubectl, which takes an empty selector for none. */
async function readLabels(text: string): Promise<Requirement[] | undefined> {
  const { parseLabelSelector, SelectorError } = await import('../core/signals/label-selector.ts');
  try {
    const requirements = parseLabelSelector(text);
    return requirements.length === 0 ? undefined : requirements;
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    throw usage(
      `-l ${JSON.stringify(text)} is no label selector: ${error.message}`,
      "write it like -l 'app=cart,tier in (web,api),!canary'",
    );
  }
}

class OptionReader {
  readonly #sources: OptionSources;

  constructor(sources: OptionSources) {
    this.#sources = sources;
  }

  assertConfigKnown(): void {
    const { config } = this.#sources;
    const unknown = Object.keys(config.values).find((key) => !(SETTINGS as readonly string[]).includes(key));
    if (unknown === undefined) return;
    const problem = `it has an unknown name ${JSON.stringify(unknown)}`;
    throw new UnknownName(unknown, SETTINGS, (meant) => {
      const advice = meant ?? `it may hold ${SETTINGS.join(', ')}`;
      return new FailureError({ kind: 'config-invalid', path: config.path, problem, advice });
    });
  }

  #flag(setting: Setting): Raw | undefined {
    const value = this.#sources.flags[setting.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    return value === undefined ? undefined : { value, from: `--${setting}` };
  }

  #environment(...names: string[]): Raw | undefined {
    for (const name of names) {
      const value = this.#sources.env[name];
      if (value !== undefined && value !== '') return { value, from: name };
    }
    return undefined;
  }

  #config(setting: Setting): Raw | undefined {
    const { config } = this.#sources;
    const value = config.values[setting];
    return value === undefined || value === null || value === ''
      ? undefined
      : { value, from: `${setting} in ${config.path}` };
  }

  /** In order of precedence: flag, environment, config file. */
  #levels(setting: Setting): (Raw | undefined)[] {
    const variables = [environmentName(setting), ...(setting === 'prometheus-url' ? ['PROMETHEUS_URL'] : [])];
    return [this.#flag(setting), this.#environment(...variables), this.#config(setting)];
  }

  #raw(setting: Setting): Raw | undefined {
    return this.#levels(setting).find((raw) => raw !== undefined);
  }

  #string({ value, from }: Raw): string {
    if (typeof value === 'string') return value;
    throw usage(`${from} must be a text`);
  }

  text(setting: Setting): string | undefined {
    return this.#named(setting)?.text;
  }

  /** The text, and where it stands. */
  #named(setting: Setting): { text: string; from: string } | undefined {
    const raw = this.#raw(setting);
    return raw === undefined ? undefined : { text: this.#string(raw), from: raw.from };
  }

  /** A path in the config file is relative to it, as in a kubeconfig. */
  path(setting: Setting): string | undefined {
    const raw = this.#raw(setting);
    return raw === undefined ? undefined : this.#pathOf(raw, setting);
  }

  #pathOf(raw: Raw, setting: Setting): string {
    const path = this.#string(raw);
    return raw.from === this.#config(setting)?.from ? this.#sources.besideConfig(path) : path;
  }

  at(text: string | undefined): number | undefined {
    const at = parsed('--at', text, parseTime);
    if (at !== undefined && at > this.#sources.now + 60) throw usage(`--at ${text ?? ''} lies in the future`);
    return at;
  }

  choice<T extends string>(setting: Setting, choices: readonly T[]): T | undefined {
    const named = this.#named(setting);
    return named === undefined ? undefined : chosen(named.from, named.text, choices);
  }

  /** A format that the environment or the config file asks for is meant for those commands that write it. */
  output<O extends string>(own: readonly O[]): O | undefined {
    const flag = this.#flag('output');
    if (flag !== undefined) return chosen(flag.from, this.#string(flag), own);
    const wanted = this.choice('output', OUTPUTS);
    return own.find((output) => output === wanted);
  }

  #duration(setting: Setting, fallback: string): number {
    const raw = this.#raw(setting);
    return parsed(raw?.from ?? setting, raw === undefined ? fallback : this.#string(raw), parseDuration) ?? 0;
  }

  /** Matchers of PromQL, which go into every query as they are: nothing else may get in. */
  matchers(setting: Setting): string {
    const named = this.#named(setting);
    if (named === undefined) return '';
    const { text, from } = named;
    const one = String.raw`[a-zA-Z_]\w*\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')`;
    if (!new RegExp(String.raw`^\s*${one}(\s*,\s*${one})*\s*,?\s*$`).test(text)) {
      throw usage(
        `${from} ${JSON.stringify(text)} is no list of matchers`,
        `write it like --${setting} 'job="${setting === 'ksm-selector' ? 'kube-state-metrics' : 'kubelet'}",team!="x"'`,
      );
    }
    return text.trim().replace(/\s*,$/, '');
  }

  kubernetesVersion(): string | undefined {
    const named = this.#named('kubernetes-version');
    if (named === undefined || kubernetesMinor(named.text) !== undefined) return named?.text;
    throw usage(`${named.from} takes a version like 1.34, not ${JSON.stringify(named.text)}`);
  }

  connection(defaultTimeout: string): Omit<Connection, 'record' | 'replay' | 'verbose'> {
    const url = this.#url();
    return {
      url,
      headers: this.#headers(),
      ...this.#login(url),
      caFile: this.path('ca-file'),
      requestTimeoutMs: this.#duration('request-timeout', '30s'),
      runTimeoutMs: this.#duration('timeout', defaultTimeout),
    };
  }

  #url(): URL {
    const raw = this.#raw('prometheus-url') ?? { value: DEFAULT_ADDRESS, from: 'the default' };
    const text = this.#string(raw);
    const invalid = (
      reason: 'no-scheme' | 'scheme' | 'unparsable' | 'query' | 'credentials-on-command-line',
    ): FailureError =>
      new FailureError({ kind: 'address-invalid', address: withoutCredentials(text), from: raw.from, reason });
    if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw invalid('no-scheme');
    if (!/^https?:/i.test(text)) throw invalid('scheme');
    if (!URL.canParse(text)) throw invalid('unparsable');
    const url = new URL(text);
    if (url.search !== '' || url.hash !== '') throw invalid('query');
    const secret = url.username !== '' || url.password !== '';
    // A password with a slash ends the host too early: the rest of it would pass for a path, and be shown.
    if (!secret && text.includes('@')) throw invalid('unparsable');
    if (secret && raw.from === '--prometheus-url') throw invalid('credentials-on-command-line');
    return url;
  }

  /** `Name: value`, from the first level that has any; a list in the config file, lines in the environment. */
  #headers(): Record<string, string> {
    const raw = this.#raw('header');
    if (raw === undefined) return {};
    const lines =
      typeof raw.value === 'string' ? raw.value.split('\n').filter((line) => line.trim() !== '') : raw.value;
    if (!Array.isArray(lines)) throw usage(`${raw.from} must be a list of "Name: value"`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(String(line));
      // The text may be a secret: it is not repeated.
      if (match === null)
        throw usage(`${raw.from} takes "Name: value"`, "write it like --header 'X-Scope-OrgID: team'");
      const [, name = '', value = ''] = match;
      if (raw.from === '--header' && name.toLowerCase() === 'authorization') {
        throw usage(
          '--header with an Authorization can be read by every user of this machine in the process list',
          'use --bearer-token-file, --username with --password-file, or KPFD_HEADER',
        );
      }
      headers[name] = value.trim();
    }
    return headers;
  }

  /** The login of the first level that names one. Two at one level contradict each other. */
  #login(url: URL): Pick<Connection, 'bearerToken' | 'username' | 'password'> {
    const tokens: (SecretSource | undefined)[] = [
      this.#secretFile('bearer-token-file', this.#flag('bearer-token-file')),
      this.#secretValue('KPFD_BEARER_TOKEN') ??
        this.#secretFile('bearer-token-file', this.#environment('KPFD_BEARER_TOKEN_FILE')),
      this.#secretFile('bearer-token-file', this.#config('bearer-token-file')),
    ];
    const names = this.#levels('username').map((raw) =>
      raw === undefined ? undefined : { from: raw.from, name: this.#string(raw) },
    );
    const passwords = [
      this.#secretFile('password-file', this.#flag('password-file')),
      this.#secretValue('KPFD_PASSWORD') ?? this.#secretFile('password-file', this.#environment('KPFD_PASSWORD_FILE')),
      this.#secretFile('password-file', this.#config('password-file')),
    ];
    const password = passwords.find((secret) => secret !== undefined);
    const inUrl = url.username !== '' || url.password !== '';
    for (const [i, token] of tokens.entries()) {
      const username = names[i];
      if (token !== undefined && username !== undefined) {
        throw usage('a bearer token and a username exclude each other', 'give one of the two');
      }
      if ((token !== undefined || username !== undefined) && inUrl) {
        throw usage(
          'the address of Prometheus holds a user or password, and another login is given as well',
          'give one of the two',
        );
      }
      if (token !== undefined) return { bearerToken: token, username: undefined, password: undefined };
      if (username !== undefined) {
        if (password === undefined) {
          throw usage(`${username.from} needs a password`, 'give --password-file or KPFD_PASSWORD');
        }
        return { bearerToken: undefined, username: username.name, password };
      }
    }
    if (password !== undefined && !inUrl) throw usage('a password is given without a --username');
    return { bearerToken: undefined, username: undefined, password: undefined };
  }

  #secretFile(setting: 'bearer-token-file' | 'password-file', raw: Raw | undefined): SecretSource | undefined {
    if (raw === undefined) return undefined;
    const role = setting === 'password-file' ? 'password file' : 'bearer token file';
    return { file: this.#pathOf(raw, setting), role };
  }

  #secretValue(variable: string): SecretSource | undefined {
    const value = this.#environment(variable)?.value;
    return typeof value === 'string' ? { value } : undefined;
  }
}

/** KPFD_REQUEST_TIMEOUT for request-timeout. */
function environmentName(setting: Setting): string {
  return `KPFD_${setting.toUpperCase().replaceAll('-', '_')}`;
}

/** An address as it may be shown, whether it is a URL or not. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, '');
}
