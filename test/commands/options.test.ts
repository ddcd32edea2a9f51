import { describe, expect, test } from 'vitest';
import { resolveOptions as resolve, SETTINGS, type Options, type OptionSources } from '../../src/commands/options.ts';
import { POD_OUTPUTS } from '../../src/commands/outputs.ts';
import { parseDuration, parseShare, parseTime, UnitError } from '../../src/commands/units.ts';
import { FailureError, type Failure } from '../../src/core/failure.ts';

const CONFIG = '/home/ann/.config/kpfd/config.yaml';

function sources(flags: object = {}, env: object = {}, config: object = {}): OptionSources {
  return {
    flags: flags as OptionSources['flags'],
    env: env as OptionSources['env'],
    config: { path: CONFIG, values: config as Record<string, unknown> },
    besideConfig: (path) => `/home/ann/.config/kpfd/${path}`,
    now: 1_800_000_000,
  };
}

const TRAITS = { outputs: POD_OUTPUTS, timeout: '2m', everywhere: false };

async function resolveOptions(own: OptionSources): Promise<Options> {
  return resolve(own, TRAITS);
}

async function failureOf(own: OptionSources): Promise<Failure | undefined> {
  try {
    await resolveOptions(own);
  } catch (error) {
    if (error instanceof FailureError) return error.failure;
    throw error;
  }
  return undefined;
}

describe('precedence: flag, environment, config file, default', () => {
  test('of the namespace', async () => {
    const at = async (own: OptionSources): Promise<string> => (await resolveOptions(own)).namespace;
    const [flags, env, config] = [{ namespace: 'flag' }, { KPFD_NAMESPACE: 'env' }, { namespace: 'config' }];
    expect(await at(sources(flags, env, config))).toBe('flag');
    expect(await at(sources({}, env, config))).toBe('env');
    expect(await at(sources({}, {}, config))).toBe('config');
    expect(await at(sources())).toBe('default');
  });

  test('of the address, where PROMETHEUS_URL is read too', async () => {
    const at = async (own: OptionSources): Promise<string> => (await resolveOptions(own)).connection.url.href;
    expect(await at(sources({ prometheusUrl: 'http://a' }, { KPFD_PROMETHEUS_URL: 'http://b' }))).toBe('http://a/');
    expect(await at(sources({}, { KPFD_PROMETHEUS_URL: 'http://b', PROMETHEUS_URL: 'http://c' }))).toBe('http://b/');
    expect(await at(sources({}, { PROMETHEUS_URL: 'http://c' }, { 'prometheus-url': 'http://d' }))).toBe('http://c/');
    expect(await at(sources({}, {}, { 'prometheus-url': 'http://d' }))).toBe('http://d/');
    expect(await at(sources())).toBe('http://localhost:9090/');
  });

  test('an empty variable is none', async () => {
    expect((await resolveOptions(sources({}, { KPFD_NAMESPACE: '' }))).namespace).toBe('default');
  });

  test('a format of the environment or the config file is meant for the commands that write it', async () => {
    const output = async (own: OptionSources): Promise<string | undefined> =>
      (await resolve(own, { ...TRAITS, outputs: ['table', 'json'] })).output;
    expect(await output(sources({}, { KPFD_OUTPUT: 'csv' }))).toBeUndefined();
    expect(await output(sources({}, {}, { output: 'name' }))).toBeUndefined();
    expect(await output(sources({}, {}, { output: 'json' }))).toBe('json');
    // What was asked of this very command is not passed over.
    await expect(output(sources({ output: 'csv' }, {}, { output: 'json' }))).rejects.toMatchObject({
      failure: { kind: 'usage', problem: '--output takes table or json, not "csv"' },
    });
  });

  test('a path in the config file is relative to it, one in a flag is not', async () => {
    const own = await resolveOptions(sources({ model: 'models/x' }, {}, { 'ca-file': 'ca.pem' }));
    expect(own).toMatchObject({ model: 'models/x', connection: { caFile: '/home/ann/.config/kpfd/ca.pem' } });
  });

  test('every setting is understood in all three places', async () => {
    const values: Record<(typeof SETTINGS)[number], string> = {
      'prometheus-url': 'http://p',
      namespace: 'n',
      cluster: 'c',
      'ksm-selector': 'job="k"',
      'cadvisor-selector': 'job="c"',
      'kubernetes-version': '1.34',
      model: 'm',
      'bearer-token-file': 't',
      username: '',
      'password-file': '',
      header: 'A: b',
      'ca-file': 'ca',
      'request-timeout': '5s',
      timeout: '1m',
      output: 'json',
      color: 'never',
    };
    const set = SETTINGS.filter((name) => values[name] !== '');
    const camel = (name: string): string => name.replace(/-(\w)/g, (_, c: string) => c.toUpperCase());
    const variable = (name: string): string => `KPFD_${name.toUpperCase().replaceAll('-', '_')}`;
    const byFlag = await resolveOptions(
      sources(Object.fromEntries(set.map((n) => [camel(n), n === 'header' ? [values[n]] : values[n]]))),
    );
    const byEnv = await resolveOptions(sources({}, Object.fromEntries(set.map((n) => [variable(n), values[n]]))));
    const byConfig = await resolveOptions(
      sources({}, {}, Object.fromEntries(set.map((n) => [n, n === 'header' ? [values[n]] : values[n]]))),
    );
    expect(byEnv).toEqual(byFlag);
    const beside = (path: string): string => `/home/ann/.config/kpfd/${path}`;
    expect(byConfig).toEqual({
      ...byFlag,
      model: beside('m'),
      connection: {
        ...byFlag.connection,
        caFile: beside('ca'),
        bearerToken: { file: beside('t'), role: 'bearer token file' },
      },
    });
  });
});

describe('logins', () => {
  test('the environment holds secrets themselves, or their files', async () => {
    expect((await resolveOptions(sources({}, { KPFD_BEARER_TOKEN: 's3cret' }))).connection.bearerToken).toEqual({
      value: 's3cret',
    });
    expect((await resolveOptions(sources({}, { KPFD_BEARER_TOKEN_FILE: '/t' }))).connection.bearerToken).toMatchObject({
      file: '/t',
    });
  });

  test('a login by flag replaces one from the config file', async () => {
    const own = await resolveOptions(
      sources({ username: 'ann', passwordFile: '/p' }, {}, { 'bearer-token-file': 't' }),
    );
    expect(own.connection).toMatchObject({ bearerToken: undefined, username: 'ann' });
  });

  test.each<[string, OptionSources, RegExp]>([
    [
      'a token and a user',
      sources({ bearerTokenFile: '/t', username: 'ann', passwordFile: '/p' }),
      /exclude each other/,
    ],
    ['a user without a password', sources({ username: 'ann' }), /needs a password/],
    ['a password without a user', sources({ passwordFile: '/p' }), /without a --username/],
    [
      'a login beside one in the address',
      sources({ bearerTokenFile: '/t' }, { PROMETHEUS_URL: 'http://a:b@p' }),
      /another login/,
    ],
    ['a secret header on the command line', sources({ header: ['Authorization: Bearer s3cret'] }), /process list/],
    ['a header that is none', sources({ header: ['s3cret without colon'] }), /Name: value/],
    ['a header with a line end', sources({ header: ['A: b\r\nC: d'] }), /Name: value/],
  ])('%s is refused, and no secret is repeated', async (_, own, problem) => {
    const failure = await failureOf(own);
    expect(failure).toMatchObject({ kind: 'usage', problem: expect.stringMatching(problem) });
    expect(JSON.stringify(failure)).not.toContain('s3cret');
  });

  test('an Authorization from the environment is sent', async () => {
    expect(
      (await resolveOptions(sources({}, { KPFD_HEADER: 'Authorization: x\nX-Scope-OrgID: a' }))).connection.headers,
    ).toEqual({
      Authorization: 'x',
      'X-Scope-OrgID': 'a',
    });
  });
});

describe('addresses', () => {
  test('a path prefix stays', async () => {
    expect(
      (await resolveOptions(sources({ prometheusUrl: 'https://p/select/0/prometheus' }))).connection.url.pathname,
    ).toBe('/select/0/prometheus');
  });

  test('user and password may stand in the environment', async () => {
    expect((await resolveOptions(sources({}, { PROMETHEUS_URL: 'http://ann:pw@p' }))).connection.url.username).toBe(
      'ann',
    );
  });

  test.each<[string, string, string]>([
    ['localhost:9090', 'no-scheme', 'localhost:9090'],
    ['prometheus', 'no-scheme', 'prometheus'],
    ['ftp://p', 'scheme', 'ftp://p'],
    ['http://', 'unparsable', 'http://'],
    ['http://p:99999', 'unparsable', 'http://p:99999'],
    ['http://p/?token=s3cret', 'query', 'http://p/'],
    ['http://ann:s3cret@p', 'credentials-on-command-line', 'http://p'],
    ['http://ann:s3/cret@p', 'unparsable', 'http://p'],
    ['ann:s3cret@p:9090', 'no-scheme', 'p:9090'],
  ])('%s is refused without its secrets', async (address, reason, shown) => {
    expect(await failureOf(sources({ prometheusUrl: address }))).toEqual({
      kind: 'address-invalid',
      address: shown,
      from: '--prometheus-url',
      reason,
    });
  });
});

describe('values that are not right name what would be', () => {
  test.each<[string, OptionSources, RegExp, string | undefined]>([
    ['an output', sources({ output: 'jsn' }), /--output takes table, .* not "jsn"/, 'did you mean json?'],
    ['an output far from any', sources({ output: 'xxxxxxxxx' }), /--output takes/, undefined],
    ['an output in the environment', sources({}, { KPFD_OUTPUT: 'tabel' }), /KPFD_OUTPUT takes/, 'did you mean table?'],
    ['an order', sources({ sortBy: 'rsik' }), /--sort-by takes/, 'did you mean risk?'],
    ['a colour', sources({ color: 'alway' }), /--color takes/, 'did you mean always?'],
    ['a duration', sources({ timeout: '30' }), /--timeout takes a duration like 30s/, undefined],
    ['a time', sources({ at: 'yesterday' }), /--at takes RFC 3339/, undefined],
    ['a time to come', sources({ at: '1900000000' }), /lies in the future/, undefined],
    ['a probability', sources({ minRisk: '1.5' }), /--min-risk takes a probability/, undefined],
    ['a probability that is a pod', sources({ failOn: 'my-pod' }), /--fail-on takes a probability/, undefined],
    [
      'a version',
      sources({ kubernetesVersion: 'latest' }),
      /--kubernetes-version takes a version like 1.34/,
      undefined,
    ],
    [
      'a selector',
      sources({ selector: 'app in' }),
      /-l "app in" is no label selector/,
      "write it like -l 'app=cart,tier in (web,api),!canary'",
    ],
    ['matchers', sources({ ksmSelector: 'job="x"} or vector(1) #' }), /no list of matchers/, undefined],
    [
      'recording and replaying at once',
      sources({ record: 'a', replay: 'b' }),
      /exclude each other/,
      'replay the recording alone, or record a new one',
    ],
  ])('%s', async (_, own, problem, advice) => {
    const failure = await failureOf(own);
    expect(failure).toMatchObject({ kind: 'usage', problem: expect.stringMatching(problem) });
    expect(failure).toMatchObject(advice === undefined ? {} : { advice });
  });

  test('an unknown name in the config file', async () => {
    expect(await failureOf(sources({}, {}, { namspace: 'x' }))).toMatchObject({
      kind: 'config-invalid',
      path: CONFIG,
      advice: 'did you mean namespace?',
    });
  });

  test('a value of the wrong kind in the config file', async () => {
    expect(await failureOf(sources({}, {}, { namespace: { a: 1 } }))).toMatchObject({
      problem: `namespace in ${CONFIG} must be a text`,
    });
  });
});

test('matchers go in as they are', async () => {
  expect(
    (await resolveOptions(sources({ cadvisorSelector: ' job="kubelet", team!~"a\\"b|c" ,' }))).cadvisorSelector,
  ).toBe('job="kubelet", team!~"a\\"b|c"');
});

/** Go's time.ParseDuration. */
test.each([
  ['30s', 30_000],
  ['2m', 120_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['500ms', 500],
  ['.5s', 500],
  ['0', 0],
  ['0s', 0],
  // Timers count whole milliseconds, and 0 would be no limit.
  ['1ns', 1],
  ['1500us', 2],
])('the duration %s', (text, ms) => {
  expect(parseDuration(text)).toBeCloseTo(ms);
});

test.each(['', '30', 's', '-1s', '1 s', '1d', '1s2', 'NaN', '1e3s', '999999h'])('%j is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow(UnitError);
});

test.each([
  ['1795411800', 1795411800],
  ['1795411800.25', 1795411800.25],
  ['2026-11-23T05:30:00Z', 1795411800],
  ['2026-11-23T06:30:00+01:00', 1795411800],
  ['2026-11-23t05:30:00.5z', 1795411800.5],
])('the time %s', (text, seconds) => {
  expect(parseTime(text)).toBe(seconds);
});

test.each([
  '',
  'now',
  '2026-11-23',
  '2026-11-23T05:30:00',
  '2026-13-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '-5',
  '1e9',
])('%j is no time', (text) => {
  expect(() => parseTime(text)).toThrow(UnitError);
});

test.each([
  ['0.5', 0.5],
  ['50%', 0.5],
  ['1', 1],
  ['.25', 0.25],
  ['0', 0],
])('the probability %s', (text, share) => {
  expect(parseShare(text)).toBe(share);
});
