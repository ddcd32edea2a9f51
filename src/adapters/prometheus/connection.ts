import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { ConnectionStep } from '../../core/signals/metric-source.ts';
import { codeOf } from '../error-code.ts';

const DEFAULT_LIMIT_MS = 10_000;

/** Connects to the address layer by layer and stops at the first that fails; nothing is sent over the connection. */
export async function connectByLayers(url: URL, ca: string | undefined, limitMs: number): Promise<ConnectionStep[]> {
  const timeoutMs = limitMs > 0 ? limitMs : DEFAULT_LIMIT_MS;
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port === '' ? (secure ? 443 : 80) : url.port);
  const reports: ConnectionStep[] = [];
  const failed = (): boolean => reports.some((report) => report.outcome === 'failed');

  reports.push(await attempt('name', () => resolveName(host)));
  if (!failed()) {
    reports.push(await attempt('tcp', () => tcp(host, port, timeoutMs)));
  }
  if (!failed()) {
    reports.push(
      secure
        ? await attempt('tls', () => tls(host, port, ca, timeoutMs))
        : { layer: 'tls', outcome: 'skipped', detail: 'plain HTTP: nothing is encrypted' },
    );
  }
  return reports;
}

async function attempt(layer: ConnectionStep['layer'], step: () => Promise<string>): Promise<ConnectionStep> {
  try {
    return { layer, outcome: 'ok', detail: await step() };
  } catch (error) {
    return { layer, outcome: 'failed', detail: codeOf(error) };
  }
}

async function resolveName(host: string): Promise<string> {
  if (isIP(host) !== 0) return `${host} is an address`;
  const addresses = await lookup(host, { all: true });
  return `${host} is ${addresses.map(({ address }) => address).join(', ')}`;
}

async function tcp(host: string, port: number, timeoutMs: number): Promise<string> {
  const socket = connectTcp({ host, port });
  await opened(socket, 'connect', timeoutMs);
  socket.destroy();
  return `port ${port} is open`;
}

async function tls(host: string, port: number, ca: string | undefined, timeoutMs: number): Promise<string> {
  const socket: TLSSocket = connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
  await opened(socket, 'secureConnect', timeoutMs);
  const validTo = socket.getPeerCertificate().valid_to;
  const protocol = socket.getProtocol() ?? 'TLS';
  socket.destroy();
  return `${protocol}, certificate valid until ${new Date(validTo).toISOString().slice(0, 10)}`;
}

async function opened(socket: Socket, event: 'connect' | 'secureConnect', timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => {
      socket.destroy();
      reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    });
    socket.once(event, resolve);
    socket.once('error', reject);
  });
}
