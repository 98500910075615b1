import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Server as TlsServer } from 'node:tls';
import { StartError } from './start-error.ts';

export type BoundAddress = {
  readonly host: string;
  readonly port: number;
  /** Where a browser on this machine finds it. */
  readonly url: string;
  /** What a browser may call the origin of pages from here (RFC 6454). */
  readonly origins: readonly string[];
};

/** What this machine is called in its own browsers. */
const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/** How long requests under way may take once a server closes. Uploads and scrapes end well before. */
const REQUESTS_END_MS = 2_000;

/**
 * Binds a server to its address.
 *
 * @throws StartError where the address is taken, not this machine's, or not allowed
 */
export async function bind(server: Server, host: string, port: number): Promise<BoundAddress> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new StartError(bindProblem(error, host, port));
  }
  const address = server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;
  const url = `http://${urlHost(host)}:${boundPort}`;
  return { host, port: boundPort, url, origins: originsAt('http', host, boundPort) };
}

/** What a browser may call the origin of pages from a server that listens already. One on a socket file has none. */
export function originsOf(server: Server | HttpsServer): readonly string[] {
  const address = server.address();
  if (typeof address !== 'object' || address === null) return [];
  return originsAt(server instanceof TlsServer ? 'https' : 'http', address.address, address.port);
}

function originsAt(scheme: 'http' | 'https', host: string, port: number): readonly string[] {
  const hosts = new Set([urlHost(host), ...(isEveryOrLoopback(host) ? LOOPBACK_NAMES : [])]);
  return [...hosts].map((name) => new URL(`${scheme}://${name}:${port}`).origin);
}

/** Takes no more connections, lets requests under way end, then ends what is left. */
export async function unbind(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), REQUESTS_END_MS);
  await closed;
  clearTimeout(timer);
}

function bindProblem(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `PORT ${port} on ${host} is in use: stop what uses it, or set PORT to a free one`;
    case 'EACCES':
      return `PORT ${port} needs rights that this process has not: set PORT above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for every interface`;
    default:
      return `cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Addresses that mean "every interface" are no places to go to; IPv6 stands in brackets (RFC 3986, section 3.2.2). */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function isEveryOrLoopback(host: string): boolean {
  return (
    host === '0.0.0.0' || host === '::' || host === '::1' || host === 'localhost' || host.startsWith('127.')
  );
}
