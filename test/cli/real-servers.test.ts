import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { after } from '../support/cleanup.ts';
import { file, folder } from '../support/files.ts';
import { sendJson } from '../support/http.ts';
import { proxy } from '../support/proxy.ts';
import { freePort, startPrometheus, type PrometheusOptions, type RunningPrometheus } from '../support/prometheus.ts';
import { kpfd } from '../support/run.ts';
import { describeWith } from '../support/tools.ts';

const RECORDING = 'fixtures/recordings/run-a';
const AT = ['--at', '1795413664'];

async function running(options: PrometheusOptions): Promise<RunningPrometheus> {
  const prometheus = await startPrometheus(options);
  after(() => prometheus.stop());
  return prometheus;
}

/** bcrypt of "pass:word", as prometheus.io/docs/guides/basic-auth makes it. */
const LOGIN = 'basic_auth_users: {ann: "$2b$05$dAShxLHjRazOZIQUubY6Be0Pp.OXdGClT1PJmsn2wlvKxo1zc/2ue"}';

describeWith(['prometheus', 'tar with xz'], 'a real Prometheus', () => {
  test('below a path prefix', async () => {
    const prometheus = await running({
      recording: RECORDING,
      prefix: '/prom',
      flags: ['--web.external-url=http://localhost/prom'],
    });
    expect((await kpfd(['scan', '-A', ...AT, '--prometheus-url', prometheus.url])).code).toBe(0);
    expect((await kpfd(['scan', '-A', ...AT, '--prometheus-url', `${prometheus.url}/`])).code).toBe(0);
    const wrong = await kpfd(['scan', '-A', ...AT, '--prometheus-url', prometheus.url.replace('/prom', '/promm')]);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /answered 404 Not Found: “404 page not found”; there is no Prometheus API at this path/,
      ),
    });
    const check = await kpfd(['check-prometheus', '--prometheus-url', prometheus.url.replace('/prom', '/promm')]);
    expect(check.stdout).toMatch(/^API +failed +.*404 page not found/m);
    expect(check.code).toBe(2);
  });

  test('behind basic authentication', async () => {
    const prometheus = await running({ recording: RECORDING, webConfig: LOGIN, awaitReady: false });
    const scan = ['scan', '-A', ...AT, '--prometheus-url', prometheus.url];
    const password = file('password', 'pass:word\n');
    expect((await kpfd([...scan, '--username', 'ann', '--password-file', password])).code).toBe(0);
    expect((await kpfd(scan, { env: { KPFD_USERNAME: 'ann', KPFD_PASSWORD: 'pass:word' } })).code).toBe(0);
    expect(await kpfd(scan)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/answered 401 Unauthorized; log in with/),
    });
    const wrong = await kpfd(['check-prometheus', '--prometheus-url', prometheus.url], {
      env: { KPFD_USERNAME: 'ann', KPFD_PASSWORD: 'wr0ng' },
    });
    expect(wrong.stdout).toMatch(/^HTTP +ok/m);
    expect(wrong.stdout).toMatch(/^login +failed/m);
    expect(wrong.stdout + wrong.stderr).not.toContain('wr0ng');
  });

  test('that refuses what would only help with a name that was never seen', async () => {
    const prometheus = await running({ recording: RECORDING });
    const asked = ['predict', 'chat-84b9b5988-7rrf7', 'no-such-pod', '-n', 'media', ...AT, '-q'];
    const hints = ['count by (namespace,pod)(kube_pod_info', 'count by (namespace)(kube_pod_info'];
    for (const refused of [hints.slice(0, 1), hints.slice(1), hints]) {
      const refusing = await proxy(prometheus.url, ({ query }, response) => {
        if (!refused.some((hint) => query.startsWith(hint))) return false;
        sendJson(response, '{"status":"error","errorType":"execution","error":"no"}', 422);
        return true;
      });
      const ran = await kpfd([...asked, '--prometheus-url', refusing.url]);
      expect(ran.stdout).toMatch(/^media\/chat-84b9b5988-7rrf7/);
      expect(ran.code).toBe(2);
      // What was not told is not said: neither that nothing is like it, nor that the namespace is not there.
      expect(ran.stderr).toBe('error: pod "no-such-pod" was not seen in namespace media within the last 1h\n');
      expect(refused.every((hint) => refusing.passed.some(({ query }) => query.startsWith(hint)))).toBe(true);
    }
  });

  test('without any samples', async () => {
    const prometheus = await running({});
    expect(await kpfd(['scan', '-A', '--prometheus-url', prometheus.url])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: cannot tell: .* no samples of kube-state-metrics nor of cAdvisor/),
    });
    const check = await kpfd(['check-prometheus', '--prometheus-url', prometheus.url]);
    expect(check.stdout).toMatch(/^pods +failed/m);
    expect(check.code).toBe(2);
  });

  test('nothing at all: check-prometheus stops at the layer that fails', async () => {
    const port = await freePort();
    const check = await kpfd(['check-prometheus', '--prometheus-url', `http://127.0.0.1:${port}`]);
    expect(check.stdout).toMatch(/^TCP +failed +nothing listens there \(ECONNREFUSED\)$/m);
    expect(check.stdout).not.toContain('HTTP');
    const unknown = await kpfd(['check-prometheus', '--prometheus-url', 'http://no-such-host.invalid']);
    expect(unknown.stdout).toMatch(/^name +failed +(ENOTFOUND|EAI_AGAIN)$/m);
    expect([check.code, unknown.code]).toEqual([2, 2]);
  });
});

describeWith(['prometheus', 'tar with xz', 'openssl'], 'a real Prometheus with TLS', () => {
  test('of a private authority', async () => {
    const keys = folder();
    const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { cwd: keys, stdio: 'ignore' });
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=test authority',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
    );
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=prometheus',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      'key.pem',
      '-out',
      'request.pem',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      'request.pem',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      'cert.pem',
    );
    const webConfig = `tls_server_config: {cert_file: ${join(keys, 'cert.pem')}, key_file: ${join(keys, 'key.pem')}}`;
    const prometheus = await running({ recording: RECORDING, webConfig, awaitReady: false, scheme: 'https' });
    const scan = ['scan', '-A', ...AT, '--prometheus-url', prometheus.url];

    const stranger = await kpfd(scan);
    expect(stranger).toMatchObject({ code: 2, stdout: '' });
    expect(stranger.stderr).toMatch(
      /^error: the TLS connection to https:\/\/127\.0\.0\.1:\d+ failed: .* \([A-Z_]+\); if the certificate is of a private authority, name its file with --ca-file\n$/,
    );

    expect((await kpfd([...scan, '--ca-file', join(keys, 'ca.pem')])).code).toBe(0);
    expect((await kpfd(scan, { env: { KPFD_CA_FILE: join(keys, 'ca.pem') } })).code).toBe(0);

    const path = join(keys, 'r.json');
    const check = await kpfd([
      'check-prometheus',
      ...AT,
      '--prometheus-url',
      prometheus.url,
      '--ca-file',
      join(keys, 'ca.pem'),
      '--record',
      path,
    ]);
    expect(check.stdout).toMatch(/^TLS +ok +TLSv1\.3, certificate valid until \d{4}-\d\d-\d\d$/m);
    expect(await kpfd(['check-prometheus', '--replay', path])).toEqual(check);
    expect(readFileSync(path, 'utf8')).not.toContain('BEGIN');

    const plain = await kpfd(['scan', '-A', ...AT, '--prometheus-url', prometheus.url.replace('https', 'http')]);
    expect(plain).toMatchObject({ code: 2, stderr: expect.stringMatching(/answered 400 Bad Request/) });
  });
});
