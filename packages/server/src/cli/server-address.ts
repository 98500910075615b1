import type { ServerConfig } from '../config.ts';

/** Reads an address such as http://127.0.0.1:8005; null where it is none. */
export function parseServerUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) ? url : null;
}

/** Where a server of this configuration listens, as seen from this machine. */
export function configuredUrl({ host, port }: Pick<ServerConfig, 'host' | 'port'>): URL {
  if (host === '0.0.0.0' || host === '::') return new URL(`http://127.0.0.1:${port}`);
  return new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

/** A resource of the server, which may be behind a proxy that gives it a path of its own. */
export function resourceUrl(server: URL, path: string): URL {
  const base = new URL(server);
  base.search = '';
  base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return new URL(path.replace(/^\//, ''), base);
}

/** The server's WebSocket address. */
export function webSocketUrl(server: URL): URL {
  const url = resourceUrl(server, '/ws');
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}
