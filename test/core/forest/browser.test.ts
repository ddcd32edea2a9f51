import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folder } from '../../support/files.ts';
import { differingBits, float32sOf } from '../../support/float32s.ts';
import { describeWith } from '../../support/tools.ts';

/** dist/forest.js as a browser loads it, in a page and in a worker, with a model of which XGBoost told the margins. */
const MODEL = 'fixtures/forests/xgboost-3.2.0/multi.model.json';
const truth = JSON.parse(readFileSync(MODEL.replace('model.json', 'truth.json'), 'utf8')) as {
  rows: string;
  margins: string;
  predictions: string;
};

const PREDICT = `
  import { readForest } from '/dist/forest.js';
  export async function predict(url, rows) {
    const forest = readForest(new Uint8Array(await (await fetch(url)).arrayBuffer()));
    const count = rows.length / forest.featureCount;
    return [...forest.predictMargin(rows, count), ...forest.predict(rows, count)];
  }
`;
const WORKER = `
  import { predict } from '/predict.js';
  onmessage = async ({ data }) => postMessage(await predict(data.url, data.rows));
`;
const PAGE = `<!doctype html><script type="module">
  import { predict } from '/predict.js';
  const url = '/${MODEL}';
  const rows = Float32Array.from(${JSON.stringify([...float32sOf(truth.rows)])}, (x) => x ?? NaN);
  try {
    const page = await predict(url, rows);
    const worker = new Worker('/worker.js', { type: 'module' });
    const answer = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage({ url, rows });
    });
    await fetch('/answer', { method: 'POST', body: JSON.stringify({ page, worker: answer }) });
  } catch (error) {
    await fetch('/answer', { method: 'POST', body: JSON.stringify({ error: String(error) }) });
  }
</script>`;
const MADE: Readonly<Record<string, string>> = { '/': PAGE, '/predict.js': PREDICT, '/worker.js': WORKER };
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.json': 'application/json' };

let server: Server;
let answered: Promise<string>;

describeWith(['chromium'], 'in a browser', () => {
  beforeAll(async () => {
    answered = new Promise((resolve) => {
      server = createServer((request, response) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost');
        if (pathname === '/answer') return void text(request).then((body) => resolve(body));
        const made = MADE[pathname];
        const file = normalize(pathname);
        if (made === undefined && !/^\/(?:dist|fixtures)\//.test(file)) return void response.writeHead(404).end();
        response.setHeader('Content-Type', TYPES[extname(pathname)] ?? 'text/html');
        response.end(made ?? readFileSync(join('.', file)));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test('page and worker give the bits that XGBoost gives', async () => {
    const { port } = server.address() as AddressInfo;
    const profile = folder();
    const browser = spawn(
      'chromium',
      [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        `--user-data-dir=${profile}`,
        `http://127.0.0.1:${port}/`,
      ],
      // A group of its own, so that none of its processes outlives it.
      { stdio: 'ignore', detached: true },
    );
    try {
      const answer = JSON.parse(await answered) as { page?: number[]; worker?: number[]; error?: string };
      expect(answer.error).toBeUndefined();
      const wanted = [...float32sOf(truth.margins), ...float32sOf(truth.predictions)];
      expect(wanted.length).toBeGreaterThan(1000);
      expect(differingBits(Float32Array.from(answer.page ?? []), Float32Array.from(wanted))).toEqual([]);
      expect(answer.worker).toEqual(answer.page);
    } finally {
      const closed = new Promise((resolve) => browser.once('close', resolve));
      process.kill(-(browser.pid as number), 'SIGKILL');
      await closed;
    }
  }, 90_000);
});
