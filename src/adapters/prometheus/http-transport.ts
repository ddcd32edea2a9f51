import { readFile } from 'node:fs/promises';
import type * as Http from 'node:http';
import type * as Https from 'node:https';
import type { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import fetch, { type Response } from 'node-fetch';
import pLimit from 'p-limit';
import { FailureError } from '../../core/failure.ts';
import { codeOf } from '../error-code.ts';
import type { ConnectionStep } from '../../core/signals/metric-source.ts';
import { shownAddress, type Question, type Reply, type Transport } from './transport.ts';

/** How to reach Prometheus. Durations in milliseconds; 0 means no limit. */
export interface HttpOptions {
  /** With path prefix; user and password in it are used and never shown. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly bearerToken: Secret | undefined;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  readonly caFile: string | undefined;
  readonly requestTimeoutMs: number;
  readonly runTimeoutMs: number;
  /** Ends everything: Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly userAgent: string;
  /** Uniform in [0, 1): spreads the retries of many kpfds. */
  readonly random: () => number;
  /** Told of each question when it has ended. */
  readonly observe?: ((ended: EndedQuestion) => void) | undefined;
}

export interface EndedQuestion {
  readonly question: Question;
  /** The HTTP status, or the kind of failure. */
  readonly outcome: string;
  readonly bytes: number;
  readonly ms: number;
}

/** A secret from a file is read again for each request: tokens are rotated under a running program. */
type Secret = { readonly file: string; readonly role: string } | { readonly value: string };

const MAX_CONCURRENT = 4;
const MAX_RETRIES = 3;
const MAX_REDIRECTS = 3;
/** The longest answer that is read, uncompressed. A phase for each of 200,000 pods fits; a runaway does not. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const RETRIED_STATUS = new Set([429, 502, 503, 504]);
const RETRIED_CODES = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);
/** 403 because OpenShift's tenancy port answers a POST so; 405 and 501 because they say so. */
const GET_INSTEAD = new Set([403, 405, 501]);

/** Carries questions over HTTP with node-fetch: at most four at a time, over kept connections. */
export class HttpTransport implements Transport {
  readonly address: string;
  readonly #options: HttpOptions;
  readonly #base: URL;
  readonly #slots = pLimit(MAX_CONCURRENT);
  readonly #deadline: AbortSignal | undefined;
  readonly #closed = new AbortController();
  #agent: Http.Agent | Https.Agent | undefined;
  #useGet = false;
  readonly #secrets = new Set<string>();
  /** What pipes held, which can be read once: `--bearer-token-file <(kubectl create token …)`. */
  readonly #piped = new Map<string, Promise<string>>();

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
    this.#base.username = '';
    this.#base.password = '';
    this.address = shownAddress(options.url);
    this.#deadline = options.runTimeoutMs > 0 ? AbortSignal.timeout(options.runTimeoutMs) : undefined;
  }

  async ask(question: Question): Promise<Reply> {
    return this.#slots(async () => {
      const startedAt = performance.now();
      const tell = (outcome: string, bytes: number): void =>
        this.#options.observe?.({ question, outcome, bytes, ms: performance.now() - startedAt });
      try {
        const reply = await this.#askWithRetries(question);
        tell(String(reply.status), reply.body.length);
        return reply;
      } catch (error) {
        tell(error instanceof FailureError ? error.failure.kind : 'bug', 0);
        throw error;
      }
    });
  }

  /** Ends what is under way: nobody waits for it any more. */
  close(): void {
    this.#closed.abort();
    this.#agent?.destroy();
  }

  async connect(): Promise<ConnectionStep[]> {
    const { connectByLayers } = await import('./connection.ts');
    return connectByLayers(this.#base, await this.#certificateAuthority(), this.#options.requestTimeoutMs);
  }

  /** The time limit of a request spans its body and its retries. */
  async #askWithRetries(question: Question): Promise<Reply> {
    const { requestTimeoutMs, interrupted } = this.#options;
    const limit = requestTimeoutMs > 0 ? AbortSignal.timeout(requestTimeoutMs) : undefined;
    const givenUpAt = requestTimeoutMs > 0 ? performance.now() + requestTimeoutMs : Number.POSITIVE_INFINITY;
    const joined = joinSignals([interrupted, limit, this.#deadline, this.#closed.signal]);
    try {
      for (let retries = 0; ; retries++) {
        const reply = await this.#sendUnlessLost(question, joined.signal, retries < MAX_RETRIES);
        const again = reply === undefined || isWorthRetrying(reply);
        const pauseMs = reply?.retryAfterMs ?? 100 * 2 ** retries * (1 + this.#options.random());
        // A server that asks for more patience than there is has answered: 429 says more than a timeout.
        const hopeless = retries === MAX_RETRIES || performance.now() + pauseMs > givenUpAt;
        if (reply !== undefined && (!again || hopeless)) return { ...reply, retries };
        await sleep(pauseMs, joined.signal);
      }
    } catch (error) {
      throw this.#asFailure(error, limit);
    } finally {
      joined.release();
    }
  }

  /** undefined: the connection was lost in a way that another attempt may mend. */
  async #sendUnlessLost(
    question: Question,
    signal: AbortSignal,
    forgiving: boolean,
  ): Promise<(Reply & { retryAfterMs: number | undefined }) | undefined> {
    try {
      return await this.#send(question, signal);
    } catch (error) {
      const lost = error instanceof FailureError && error.failure.kind === 'connection-lost';
      if (lost && forgiving && RETRIED_CODES.has(error.failure.code) && !signal.aborted) return undefined;
      throw error;
    }
  }

  async #send(question: Question, signal: AbortSignal): Promise<Reply & { retryAfterMs: number | undefined }> {
    const form = new URLSearchParams(question.parameters).toString();
    const post = form !== '' && !this.#useGet;
    let response = await this.#fetch(this.#url(question.path, post ? '' : form), post ? form : undefined, signal);
    if (post && GET_INSTEAD.has(response.status)) {
      const refused = response;
      const again = await this.#fetch(this.#url(question.path, form), undefined, signal);
      // Where GET is refused as well, the first refusal is the one to tell.
      if (again.status !== refused.status) {
        this.#useGet = true;
        response = again;
      }
      drop(response === refused ? again : refused);
    }
    const body = this.#masked(response, await this.#text(response));
    return {
      status: response.status,
      statusText: this.#masked(response, response.statusText),
      contentType: response.headers.get('content-type') ?? '',
      unixSeconds: parseDate(response.headers.get('date')),
      body,
      retries: 0,
      retryAfterMs: parseRetryAfter(response.headers.get('retry-after')),
    };
  }

  /** `new URL('/api', base)` would drop the base's path: the prefix of a Mimir or of a reverse proxy. */
  #url(path: string, query: string): URL {
    const url = new URL(this.#base);
    url.pathname = url.pathname.replace(/\/+$/, '') + path;
    url.search = query;
    return url;
  }

  /** Follows redirects within the origin only: headers with secrets never go anywhere else. */
  async #fetch(url: URL, form: string | undefined, signal: AbortSignal): Promise<Response> {
    let body = form;
    let target = url;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#fetchOnce(target, body, signal);
      if (response.status < 300 || response.status > 399 || response.status === 304) return response;
      const location = parseLocation(response.headers.get('location'), target);
      drop(response);
      if (location === undefined || location.origin !== target.origin || redirects === MAX_REDIRECTS) {
        throw new FailureError({
          kind: 'redirected',
          address: this.address,
          location: location === undefined ? '' : shownAddress(location),
        });
      }
      // 307 and 308 keep the method; the others mean GET, with the question in the URL.
      if (body !== undefined && response.status !== 307 && response.status !== 308) {
        if (location.search === '') location.search = body;
        body = undefined;
      }
      target = location;
    }
  }

  async #fetchOnce(url: URL, form: string | undefined, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = {
      'user-agent': this.#options.userAgent,
      // Names of headers have no case, and two of one name would both be sent.
      ...lowerCased(this.#options.headers),
      ...(await this.#authorization()),
      accept: 'application/json',
      'accept-encoding': 'gzip',
    };
    if (form !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
    this.#remember(headers);
    const agent = await this.#keptAgent();
    // node-fetch, given a signal that is aborted already, lets an 'error' event of the form go unhandled: a crash.
    signal.throwIfAborted();
    try {
      return await fetch(url, {
        method: form === undefined ? 'GET' : 'POST',
        headers,
        redirect: 'manual',
        agent,
        // Unpacked whole in #text: a stream of pieces costs more than all else that is done with an answer.
        compress: false,
        // node-fetch types its signal by its own copy of the DOM's.
        signal: signal,
        ...(form === undefined ? {} : { body: form }),
      });
    } catch (error) {
      throw this.#networkFailure(error);
    }
  }

  /** What must not be shown or recorded: whatever was sent to log in, and what the user sent beside it. */
  #remember(headers: Readonly<Record<string, string>>): void {
    for (const sent of [headers['authorization'] ?? '', ...Object.values(this.#options.headers)]) {
      this.#keepSecret(sent);
      // `Bearer` and `Basic` are none.
      this.#keepSecret(sent.replace(/^\S+ /, ''));
    }
  }

  /** As it is, and as others would repeat it. Shorter ones are no secrets, and masking them would garble the text. */
  #keepSecret(secret: string): void {
    if (secret.length < 4) return;
    const json = JSON.stringify(secret).slice(1, -1);
    // Go writes these three in JSON as \u0026 and so on.
    const ofGo = json.replaceAll(/[&<>]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);
    for (const form of [secret, encodeURIComponent(secret), json, ofGo]) this.#secrets.add(form);
  }

  #mask(text: string): string {
    return [...this.#secrets].reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
  }

  /** A server, or a proxy before it, may repeat what it was sent. */
  #masked(response: Response, text: string): string {
    const isAnswer = response.status === 200 && /json/.test(response.headers.get('content-type') ?? '');
    return isAnswer ? this.#maskedAnswer(text) : this.#mask(text);
  }

  /** Of an answer what is said in words; labels stay: the value of a header may be the name of a namespace as well. */
  #maskedAnswer(text: string): string {
    // Nearly all have nothing to mask, and may be large.
    if (this.#secrets.size === 0 || !/"(?:warnings|infos|error)"/.test(text) || this.#mask(text) === text) return text;
    try {
      const answer = JSON.parse(text) as Record<string, unknown>;
      for (const words of ['warnings', 'infos', 'error']) {
        if (answer[words] !== undefined) answer[words] = JSON.parse(this.#mask(JSON.stringify(answer[words])));
      }
      return JSON.stringify(answer);
    } catch {
      return this.#mask(text);
    }
  }

  async #text(response: Response): Promise<string> {
    const packed = await this.#bytes(response);
    if (!/^(x-)?gzip$/i.test(response.headers.get('content-encoding') ?? '')) return packed.toString('utf8');
    try {
      return gunzipSync(packed, { maxOutputLength: MAX_ANSWER_BYTES }).toString('utf8');
    } catch (error) {
      if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw this.#tooLarge(error);
      throw new FailureError({ kind: 'answer-cut', address: this.address, bytes: packed.length }, error);
    }
  }

  async #bytes(response: Response): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of response.body ?? []) {
        chunks.push(chunk as Buffer);
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) throw this.#tooLarge();
      }
    } catch (error) {
      throw this.#networkFailure(error);
    }
    return Buffer.concat(chunks);
  }

  #tooLarge(cause?: unknown): FailureError {
    return new FailureError({ kind: 'answer-too-large', address: this.address, limitBytes: MAX_ANSWER_BYTES }, cause);
  }

  async #authorization(): Promise<Record<string, string>> {
    const { bearerToken, username, password, url } = this.#options;
    if (bearerToken !== undefined) return { authorization: `Bearer ${await this.#secret(bearerToken)}` };
    if (username !== undefined) {
      return { authorization: this.#basic(username, password === undefined ? '' : await this.#secret(password)) };
    }
    if (url.username !== '' || url.password !== '') {
      return { authorization: this.#basic(decoded(url.username), decoded(url.password)) };
    }
    return {};
  }

  #basic(username: string, password: string): string {
    this.#keepSecret(password);
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  async #keptAgent(): Promise<Http.Agent | Https.Agent> {
    if (this.#agent === undefined) {
      const kept = { keepAlive: true, maxSockets: MAX_CONCURRENT };
      if (this.#base.protocol === 'https:') {
        const ca = await this.#certificateAuthority();
        const https = await import('node:https');
        this.#agent ??= new https.Agent({ ...kept, ...(ca === undefined ? {} : { ca }) });
      } else {
        const http = await import('node:http');
        this.#agent ??= new http.Agent(kept);
      }
    }
    return this.#agent;
  }

  async #certificateAuthority(): Promise<string | undefined> {
    const { caFile } = this.#options;
    if (caFile === undefined) return undefined;
    const text = await this.#fileText(caFile, 'certificate authority');
    if (/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(text)) return text;
    const problem = `the certificate authority ${caFile} holds no certificate in PEM form`;
    throw new FailureError({ kind: 'usage', problem, advice: 'it begins with -----BEGIN CERTIFICATE-----' });
  }

  /** Rejects what no header can carry, without showing it. */
  async #secret(secret: Secret): Promise<string> {
    const isFile = 'file' in secret;
    const text = isFile ? (await this.#fileText(secret.file, secret.role)).replace(/[\r\n]+$/, '') : secret.value;
    const name = isFile ? `the ${secret.role} ${secret.file}` : 'a login from the environment';
    if (text === '' && isFile) throw new FailureError({ kind: 'usage', problem: `${name} is empty` });
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
      const problem = `${name} holds a line end or another character that no HTTP header can carry`;
      throw new FailureError({ kind: 'usage', problem, advice: 'keep the secret alone in it' });
    }
    return text;
  }

  async #fileText(path: string, role: string): Promise<string> {
    const { isLastingFile } = await import('../lasting-file.ts');
    if (await isLastingFile(path)) return readTextFile(path, role);
    const text = this.#piped.get(path) ?? readTextFile(path, role);
    this.#piped.set(path, text);
    return text;
  }

  /** An abort tells only that it happened; which limit struck is known here. */
  #asFailure(error: unknown, limit: AbortSignal | undefined): unknown {
    const { interrupted, requestTimeoutMs, runTimeoutMs } = this.#options;
    const { address } = this;
    if (error instanceof FailureError && error.failure.kind !== 'connection-lost') return error;
    if (interrupted.aborted || this.#closed.signal.aborted) return new FailureError({ kind: 'interrupted' }, error);
    if (this.#deadline?.aborted === true) {
      return new FailureError({ kind: 'run-timeout', address, limitMs: runTimeoutMs }, error);
    }
    if (limit?.aborted === true) {
      return new FailureError({ kind: 'request-timeout', address, limitMs: requestTimeoutMs }, error);
    }
    return error;
  }

  #networkFailure(error: unknown): unknown {
    if (error instanceof FailureError) return error;
    const code = codeOf(error);
    const address = this.address;
    switch (code) {
      case 'ECONNREFUSED':
        return new FailureError({ kind: 'connection-refused', address }, error);
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return new FailureError({ kind: 'host-unknown', address, host: this.#base.hostname }, error);
      default:
        if (isTlsCode(code)) return new FailureError({ kind: 'tls', address, code, reason: reasonOf(error) }, error);
        return new FailureError({ kind: 'connection-lost', address, code }, error);
    }
  }
}

/** Percent signs that stand for themselves stay. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Nobody reads it, and nothing bounds how long it is. */
function drop(response: Response): void {
  const { body } = response;
  if (body !== null && 'destroy' in body) (body as Readable).destroy();
}

/** A query that took Prometheus too long takes as long again. */
function isWorthRetrying(reply: Reply): boolean {
  return RETRIED_STATUS.has(reply.status) && !/"errorType"\s*:\s*"timeout"/.test(reply.body);
}

async function readTextFile(path: string, role: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FailureError({ kind: 'file-unreadable', role, path, code: codeOf(error) }, error);
  }
}

function parseDate(text: string | null): number | undefined {
  const ms = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** Retry-After in seconds, as RFC 9110 has it; its date form is rare and not worth a wrong clock. */
function parseRetryAfter(text: string | null): number | undefined {
  return text !== null && /^\d{1,4}$/.test(text) ? Number(text) * 1000 : undefined;
}

function parseLocation(location: string | null, base: URL): URL | undefined {
  if (location === null) return undefined;
  try {
    return new URL(location, base);
  } catch {
    return undefined;
  }
}

/** Of OpenSSL's `…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:…` the words. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const reason = error.message.replace(/^request to .* failed, reason: /, '');
  return /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/i.exec(reason)?.[1] ?? reason;
}

/** AbortSignal.any, which Node has since 20.3 only; released, it leaves no listener on the long-lived signals. */
function joinSignals(signals: readonly (AbortSignal | undefined)[]): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const joined = signals.filter((signal) => signal !== undefined);
  for (const signal of joined) {
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const signal of joined) signal.removeEventListener('abort', abort);
    },
  };
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { setTimeout: wait } = await import('node:timers/promises');
  await wait(ms, undefined, { signal });
}

/** True for what OpenSSL or Node say of a TLS connection that was refused on either side. */
function isTlsCode(code: string): boolean {
  return /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_VERIFY|EPROTO/.test(code);
}
