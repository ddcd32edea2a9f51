import { Ajv } from 'ajv';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../../src/commands/options.ts';
import { file, folder, withoutRoot } from '../support/files.ts';
import { sendJson, serve, vectorBody } from '../support/http.ts';
import { kpfd, type Ran } from '../support/run.ts';

/** One sentence on stderr, nothing on stdout, exit code 2, no stack. */
function expectOneSentence(ran: Ran, sentence: RegExp | string): void {
  expect(ran.stdout).toBe('');
  expect(ran.stderr).toMatch(/^error: [^\n]+\n$/);
  expect(ran.stderr).toMatch(typeof sentence === 'string' ? `error: ${sentence}\n` : sentence);
  expect(ran.stderr).not.toMatch(/\n\s+at /);
  expect(ran.code).toBe(2);
}

describe('the command line', () => {
  test.each<[string[], RegExp]>([
    [['scna'], /unknown command 'scna'; did you mean scan\?/],
    [['help', 'scna'], /unknown command 'scna'; see `kpfd --help`/],
    [['model', 'help', 'shwo'], /unknown command 'shwo'; see `kpfd model --help`/],
    [['scan', '--at', '1795413664000'], /--at takes Unix seconds, here 1795413664, not "1795413664000"/],
    [['scan', '--record', '-'], /--record writes a file, and - is none: stdout is for the answer; name a file/],
    [['--frobnicate'], /unknown option '--frobnicate'; see `kpfd --help`/],
    [['--at-risk', 'scan'], /unknown option '--at-risk'; did you mean to put it behind the command\?/],
    [['scan', '--at-rsk'], /unknown option '--at-rsk'; did you mean --at-risk\?/],
    [['scan', '-o', 'jsno'], /--output takes table, .* not "jsno"; did you mean json\?/],
    [['scan', 'my-pod'], /too many arguments/],
    [['predict'], /missing required argument 'pod'/],
    [['predict', 'deploy/cart'], /kpfd predicts pods, and "deploy\/cart" is the name of none; .*kpfd scan -l/],
    [['predict', 'shop/cart'], /"shop\/cart" is the name of none; for pod cart .* write `kpfd predict cart -n shop`/],
    [['predict', 'pod/'], /"pod\/" is the name of none/],
    [['check-prometheus', '-o', 'csv'], /--output takes table, wide, json or yaml, not "csv"/],
    [['scan', '--timeout', '5'], /--timeout takes a duration like 30s, 2m or 1m30s, not "5"/],
  ])('%j', async (argv, sentence) => {
    expectOneSentence(await kpfd(argv), sentence);
  });

  const [start, end] = ['--start', '--end'].map((name) => [name, '2026-11-23T00:00:00Z']) as [string[], string[]];
  test.each<[string[], RegExp]>([
    [['predict', 'a/b/c'], /is the name of none/],
    [['check-prometheus', '-o', 'csv'], /--output takes/],
    [['backtest', ...start, '--end', 'nonsense'], /--end takes/],
    [['export-dataset', ...start, ...end, '--step', '7s'], /--step takes a multiple of 15s/],
    [['export-dataset', ...start, ...end, '--to', '.'], /cannot write the dataset/],
  ])('%j asks Prometheus nothing', async (argv, sentence) => {
    const silent = await serve(() => undefined);
    expectOneSentence(await kpfd([...argv, '--prometheus-url', silent.url]), sentence);
    expect(silent.asked).toEqual([]);
  });

  test('help and version go to stdout and are no failure', async () => {
    expect(await kpfd(['--version'])).toMatchObject({
      code: 0,
      stdout: `${JSON.parse(readFileSync('package.json', 'utf8')).version}\n`,
    });
    expect((await kpfd([])).stdout).toContain('Usage: kpfd');
    const help = await kpfd(['scan', '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Examples:');
  });

  test('the help names every setting that may stand in the environment and the config file', async () => {
    const { stdout } = await kpfd(['scan', '--help']);
    const settings = stdout.slice(stdout.indexOf('Settings:')).replace(/\s+/g, ' ');
    for (const setting of SETTINGS) expect(settings).toMatch(new RegExp(`[ (]${setting}[,) ]`));
  });
});

describe('the address of Prometheus', () => {
  test('without a scheme', async () => {
    const ran = await kpfd(['scan', '--prometheus-url', 'localhost:9090']);
    expectOneSentence(
      ran,
      'the address "localhost:9090" (--prometheus-url) has no scheme; write http://localhost:9090 or https://localhost:9090',
    );
  });

  test('with credentials on the command line', async () => {
    const ran = await kpfd(['scan', '--prometheus-url', 'http://ann:s3cret@prometheus']);
    expectOneSentence(ran, /holds a user or password, which every user of this machine can read/);
    expect(ran.stderr).not.toContain('s3cret');
  });

  test('where nothing listens: the default suggests port-forward', async () => {
    const ran = await kpfd(['scan', '--prometheus-url', 'http://localhost:1']);
    expectOneSentence(ran, /nothing listens at http:\/\/localhost:1 \(connection refused\); .*kubectl port-forward/);
  });

  test('with a host that does not exist', async () => {
    const ran = await kpfd(['scan', '--prometheus-url', 'http://prometheus.invalid']);
    expectOneSentence(ran, /the host prometheus.invalid of http:\/\/prometheus.invalid has no address/);
  });
});

describe('what answers in place of Prometheus', () => {
  const page = '<!doctype html><html><head><title>Sign in</title></head><body>Sign in</body></html>';

  test.each<[string, number, string, string, RegExp]>([
    ['401', 401, 'text/plain', 'Unauthorized', /answered 401 Unauthorized; log in with --bearer-token-file/],
    ['403', 403, 'text/plain', 'Forbidden', /answered 403 Forbidden; the login is known but may not ask this/],
    [
      '404',
      404,
      'text/plain',
      '404 page not found',
      /answered 404 Not Found: “404 page not found”; there is no Prometheus API at this path/,
    ],
    [
      '200 with HTML',
      200,
      'text/html; charset=utf-8',
      page,
      /answered with text\/html that is not JSON \(“Sign in Sign in”\); that is a web page or a login/,
    ],
    [
      '503 while starting',
      503,
      'text/plain',
      'Service Unavailable',
      /answered 503 Service Unavailable; Prometheus is starting/,
    ],
    [
      '502 of a proxy',
      502,
      'text/html',
      '<h1>Bad Gateway</h1>',
      /answered 502 Bad Gateway; the proxy does not reach Prometheus/,
    ],
    ['500', 500, 'text/plain', 'boom', /answered 500 Internal Server Error: “boom”; try again/],
    ['garbage', 200, 'application/octet-stream', '\u0000\u0001\u0002', /that is not JSON/],
    ['half a JSON', 200, 'application/json', '{"status":"success","data":{"resu', /is cut or damaged after 33 bytes/],
    [
      'JSON of something else',
      200,
      'application/json',
      '{"ok":true}',
      /is not one of Prometheus' API: it has no "status"/,
    ],
    ['escapes in an error', 500, 'text/plain', '\u001b[2Jboo', /“\ufffd\[2Jboo”/],
  ])('%s', async (_, status, type, body, sentence) => {
    const server = await serve((__, response) => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    });
    expectOneSentence(await kpfd(['scan', '--prometheus-url', server.url]), sentence);
  });

  test('302 to a login page', async () => {
    const server = await serve((_, response) => {
      response.writeHead(302, { location: 'https://sso.example/login?state=s3cret' }).end();
    });
    const ran = await kpfd(['scan', '--prometheus-url', server.url], { env: { KPFD_BEARER_TOKEN: 'hunter2' } });
    expectOneSentence(ran, /redirects to https:\/\/sso\.example\/login, which looks like a login page/);
    expect(ran.stderr).not.toMatch(/s3cret|hunter2/);
  });

  test('a stalled server', async () => {
    const server = await serve(() => undefined);
    expectOneSentence(
      await kpfd(['scan', '--prometheus-url', server.url, '--request-timeout', '200ms']),
      `${server.url} did not answer a request within 200ms; allow more with --request-timeout, or ask for less at once (one namespace)`,
    );
  });

  test('check-prometheus shows what it had found when its time is over', async () => {
    const server = await serve(() => undefined);
    const ran = await kpfd(['check-prometheus', '--prometheus-url', server.url, '--timeout', '500ms']);
    expect(ran.stdout).toMatch(/^TCP +ok /m);
    expect(ran.stdout).toMatch(/^HTTP +failed +the run took longer than/m);
    expect(ran.code).toBe(2);
  });

  test('a setting that is wrong is named by where it stands', async () => {
    const version = await kpfd(['scan'], { env: { KPFD_KUBERNETES_VERSION: 'new' } });
    expectOneSentence(version, /KPFD_KUBERNETES_VERSION takes a version like 1\.34, not "new"/);
    const matchers = await kpfd(['scan'], { env: { KPFD_KSM_SELECTOR: 'job' } });
    expectOneSentence(matchers, /KPFD_KSM_SELECTOR "job" is no list of matchers/);
  });

  test('a Prometheus without anything', async () => {
    const server = await serve((_, response) => sendJson(response, vectorBody()));
    expectOneSentence(
      await kpfd(['scan', '-A', '--prometheus-url', server.url]),
      /cannot tell: .* has no samples of kube-state-metrics nor of cAdvisor and has had none for an hour/,
    );
  });

  test('a Prometheus that did not answer everything: what it lacks may be in the rest', async () => {
    const warned = vectorBody().replace('{', '{"warnings":["store 10.0.0.7 down"],');
    const server = await serve((_, response) => sendJson(response, warned));
    const scan = ['scan', '-A', '--prometheus-url', server.url];
    const part = /^error: cannot tell: \S+ did not answer everything \(“store 10\.0\.0\.7 down”\); as far as it did, /;
    const all = await kpfd(scan);
    expectOneSentence(all, part);
    expect(all.stderr).toMatch(/has no samples of kube-state-metrics nor of cAdvisor/);
    const prod = await kpfd([...scan, '--cluster', 'prod']);
    expectOneSentence(prod, part);
    expect(prod.stderr).toMatch(/there is no cluster "prod"/);
  });

  test('a Prometheus that refuses what would tell since when there are no pods', async () => {
    const server = await serve(({ body }, response) =>
      body.includes('max_over_time') || body.includes('count%28container') || body.includes('kube_pod_status_phase%29')
        ? sendJson(response, '{"status":"error","errorType":"execution","error":"no"}', 422)
        : sendJson(response, vectorBody()),
    );
    expectOneSentence(
      await kpfd(['scan', '-A', '--prometheus-url', server.url]),
      /has no samples of kube-state-metrics, so nothing is known of any pod; see that kube-state-metrics runs/,
    );
  });

  test('a tenant that was not named', async () => {
    const server = await serve((_, response) => {
      response.writeHead(401, { 'content-type': 'text/plain' });
      response.end('no org id\n');
    });
    expectOneSentence(
      await kpfd(['scan', '-A', '--prometheus-url', server.url]),
      /answered 401 Unauthorized: “no org id”; name the tenant: --header 'X-Scope-OrgID: TENANT'$/m,
    );
  });

  test('cAdvisor without kube-state-metrics', async () => {
    const server = await serve(({ body }, response) =>
      sendJson(
        response,
        body.includes('count%28container_memory_working_set_bytes%29&')
          ? vectorBody({ metric: {}, value: '42' })
          : vectorBody(),
      ),
    );
    expectOneSentence(
      await kpfd(['scan', '-A', '--prometheus-url', server.url]),
      /no samples of kube-state-metrics \(cAdvisor is there, with 42 series\)/,
    );
    expectOneSentence(await kpfd(['predict', 'x', '--prometheus-url', server.url]), /cannot tell/);
  });
});

test('the clock of the server is asked for once', async () => {
  const server = await serve((_, response) => sendJson(response, vectorBody()));
  await kpfd(['scan', '--prometheus-url', server.url]);
  expect(server.asked.filter(({ url }) => url.includes('buildinfo'))).toHaveLength(1);
});

describe('files', () => {
  test('a broken config file', async () => {
    const config = folder();
    mkdirSync(join(config, 'kpfd'));
    writeFileSync(join(config, 'kpfd', 'config.yaml'), 'namespace: [shop\n');
    expectOneSentence(
      await kpfd(['scan'], { env: { XDG_CONFIG_HOME: config } }),
      /the config file .*config\.yaml is not usable: .* at line 2/,
    );
  });

  test('a config file that cannot be looked at is not taken for none', async () => {
    const looped = folder();
    mkdirSync(join(looped, 'kpfd'));
    symlinkSync('config.yaml', join(looped, 'kpfd', 'config.yaml'));
    expectOneSentence(await kpfd(['scan'], { env: { XDG_CONFIG_HOME: looped } }), /its links lead in a circle/);
    const closed = folder();
    mkdirSync(join(closed, 'kpfd'));
    chmodSync(join(closed, 'kpfd'), 0);
    const ran = await withoutRoot(async () => kpfd(['scan'], { env: { XDG_CONFIG_HOME: closed } }));
    expectOneSentence(ran, /permission denied; give the user that runs kpfd the right to read it/);
  });

  test('an unknown name in the config file', async () => {
    const config = folder();
    mkdirSync(join(config, 'kpfd'));
    writeFileSync(join(config, 'kpfd', 'config.yaml'), 'prometheus_url: http://p\n');
    expectOneSentence(
      await kpfd(['scan'], { env: { XDG_CONFIG_HOME: config } }),
      /has an unknown name "prometheus_url"; did you mean prometheus-url\?/,
    );
  });

  test('a recording that is cut', async () => {
    const path = file('r.json', readFileSync('fixtures/recordings/demo/scan.json.gz').subarray(0, 2000));
    expectOneSentence(
      await kpfd(['scan', '-A', '--replay', path]),
      /the recording .*r\.json is not usable: it is cut or is no JSON; record it again/,
    );
  });

  test('a recording of another command', async () => {
    const ran = await kpfd(['check-prometheus', '--replay', 'fixtures/recordings/demo/scan.json.gz']);
    expectOneSentence(
      ran,
      /was made by `kpfd scan -A` and lacks a question of this run; replay it with the same command and flags/,
    );
  });

  test('the JSON of check-prometheus is what its schema says, also where nothing listens', async () => {
    const validate = new Ajv().compile(JSON.parse(readFileSync('docs/check-output.schema.json', 'utf8')) as object);
    for (const from of [
      ['--replay', 'fixtures/recordings/demo/check-prometheus.json.gz'],
      ['--prometheus-url', 'http://127.0.0.1:1'],
    ]) {
      const { stdout } = await kpfd(['check-prometheus', '-o', 'json', ...from]);
      validate(JSON.parse(stdout));
      expect(validate.errors ?? []).toEqual([]);
    }
  });

  test('check-prometheus goes on where the series cannot be counted, and passes on what Prometheus warns of', async () => {
    type Exchange = {
      question: { parameters: { query?: string } };
      reply: { status: number; json: Record<string, unknown> };
    };
    const packed = readFileSync('fixtures/recordings/demo/check-prometheus.json.gz');
    const recording = JSON.parse(gunzipSync(packed).toString()) as { exchanges: Exchange[] };
    const asking = (text: string): Exchange | undefined =>
      recording.exchanges.find(({ question }) => question.parameters.query?.includes(text) === true);
    const count = asking('container_cpu_cfs_throttled_periods_total') as Exchange;
    count.reply.status = 500;
    count.reply.json = { status: 'error', errorType: 'internal', error: 'shard down' };
    (asking('kube_pod_info') as Exchange).reply.json['warnings'] = ['partial response'];
    const ran = await kpfd(['check-prometheus', '--strict', '--replay', file('r.json', JSON.stringify(recording))]);
    expect(ran.stdout).toMatch(/^metrics +warning +the series of each metric could not be counted: .*shard down/m);
    expect(ran.stdout).toMatch(/^freshness +ok /m);
    expect(ran.stdout).toMatch(/^answers +warning +Prometheus warns: partial response$/m);
    expect(ran.stdout).not.toContain('kpfd cannot work');
    expect(ran.code).toBe(3);
  });

  test('a recording that may not be read', async () => {
    const path = file('r.json', '{}');
    chmodSync(path, 0);
    await withoutRoot(async () => {
      expectOneSentence(await kpfd(['scan', '--replay', path]), /cannot read the recording .*: permission denied/);
    });
  });

  test('a recording that cannot be written is told before anything is asked', async () => {
    const server = await serve((_, response) => sendJson(response, vectorBody()));
    const ran = await kpfd(['scan', '--prometheus-url', server.url, '--record', '/nowhere/r.json']);
    expectOneSentence(ran, 'cannot write the recording /nowhere/r.json: there is no such file or folder');
    expect(server.asked).toEqual([]);
  });

  test('a CA file that does not exist, or holds no certificate', async () => {
    const empty = await kpfd([
      'scan',
      '--prometheus-url',
      'https://127.0.0.1:1',
      '--ca-file',
      file('ca.pem', 'none\n'),
    ]);
    expectOneSentence(empty, /ca\.pem holds no certificate in PEM form/);
    const ran = await kpfd(['scan', '--prometheus-url', 'https://127.0.0.1:1', '--ca-file', '/nowhere/ca.pem']);
    expectOneSentence(ran, 'cannot read the certificate authority /nowhere/ca.pem: there is no such file or folder');
  });

  test.each<[string, (text: string) => string, RegExp]>([
    [
      'truncated',
      (text) => text.slice(0, 1000),
      /the model .*model\.json is not usable: it is cut off or is no JSON; restore the file/,
    ],
    [
      'edited',
      (text) => text.replace('"version":[3,2,0]', '"version":[3,1,0]'),
      /model\.json is not usable: it was changed after metadata\.json was written/,
    ],
    [
      'foreign',
      () => readFileSync('fixtures/forests/xgboost-3.2.0/multi.model.json', 'utf8'),
      /the forest .*model\.json has other columns than metadata\.json beside it says; train it again/,
    ],
  ])('a model that is %s', async (_, change, sentence) => {
    const path = join(folder(), 'model');
    cpSync('models/default', path, { recursive: true });
    writeFileSync(join(path, 'model.json'), change(readFileSync(join(path, 'model.json'), 'utf8')));
    expectOneSentence(
      await kpfd(['scan', '-A', '--model', path, '--replay', 'fixtures/recordings/demo/scan.json.gz']),
      sentence,
    );
  });

  test('a model whose leaves sum to no number', async () => {
    const path = join(folder(), 'model');
    cpSync('models/default', path, { recursive: true });
    const huge = (numbers: string): string => numbers.replace(/-?\d[\d.]*(?:E[-+]?\d+)?/g, '3E38');
    const model = readFileSync(join(path, 'model.json'), 'utf8').replace(/"split_conditions":\[[^\]]*\]/g, huge);
    writeFileSync(join(path, 'model.json'), model);
    const { sha256: _, ...named } = JSON.parse(readFileSync(join(path, 'metadata.json'), 'utf8')).model;
    const metadata = { ...JSON.parse(readFileSync(join(path, 'metadata.json'), 'utf8')), model: named };
    writeFileSync(join(path, 'metadata.json'), JSON.stringify(metadata));
    expectOneSentence(
      await kpfd(['scan', '-A', '--model', path, '--replay', 'fixtures/recordings/demo/scan.json.gz']),
      /the model \S*\/model is not usable: its leaves sum to what is no probability/,
    );
  });

  test('a model with another schema', async () => {
    const path = join(folder(), 'model');
    cpSync('models/default', path, { recursive: true });
    const metadata = readFileSync(join(path, 'metadata.json'), 'utf8');
    writeFileSync(join(path, 'metadata.json'), metadata.replace('"memory_trend_5m"', '"memory_trend_7m"'));
    expectOneSentence(
      await kpfd(['scan', '-A', '--model', path, '--replay', 'fixtures/recordings/demo/scan.json.gz']),
      /was trained on other features: it knows memory_trend_7m, which this kpfd has not; train it again/,
    );
  });
});

test('Ctrl-C while Prometheus is asked ends with 130, quietly, and keeps what was recorded', async () => {
  const path = join(folder(), 'r.json');
  const controller = new AbortController();
  const server = await serve(() => {
    controller.abort('SIGINT');
  });
  const ran = await kpfd(['scan', '--prometheus-url', server.url, '--record', path], {
    interrupted: controller.signal,
  });
  expect(ran).toEqual({ code: 130, stdout: '', stderr: '' });
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    format: 'kpfd-recording/1',
    command: 'kpfd scan -n default',
  });
});

test('no credentials reach a recording, an answer or a message', async () => {
  const path = join(folder(), 'r.json');
  const server = await serve((_, response) => sendJson(response, 'no', 401));
  const env = { KPFD_PROMETHEUS_URL: server.url.replace('//', '//ann:hunter2@'), KPFD_HEADER: 'X-Api-Key: s3cret' };
  const ran = await kpfd(['scan', '-v', '--record', path], { env });
  const everything = ran.stdout + ran.stderr + readFileSync(path, 'utf8');
  expect(ran.code).toBe(2);
  expect(everything).toContain(server.url);
  expect(everything).not.toMatch(/hunter2|s3cret|ann:|aHVudGVyMg/);
  expect(server.asked[0]?.headers['x-api-key']).toBe('s3cret');
});
