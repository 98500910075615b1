import type { IncomingMessage } from 'node:http';

/**
 * The path of a request as it came. A parsed URL will not do: it resolves `%2E%2E`, which is a user id like any other
 * here, and hides which octets were encoded.
 */
export function rawPath(incoming: Pick<IncomingMessage, 'url'>): string {
  const target = incoming.url ?? '/';
  // Proxies may send the absolute form (RFC 9112, section 3.2.2).
  const path = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

/** The parameters of a request's query, in their order, each as often as it was given. */
export function queryOf(incoming: Pick<IncomingMessage, 'url'>): URLSearchParams {
  const target = incoming.url ?? '/';
  const query = target.indexOf('?');
  return new URLSearchParams(query === -1 ? '' : target.slice(query + 1));
}

/** Whether every percent sign of a path begins an octet, and the octets are UTF-8. */
export function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
