import type { IncomingMessage } from 'node:http';

/** What proxies add to say for whom they ask (RFC 7239; RFC 9110, section 7.6.3; and what is merely usual). */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/**
 * Whether a request seems to come from a program on this machine, directly. A proxy on the same machine also connects
 * from loopback; most say for whom, but not all are told to, so this is no authentication.
 */
export function isLocalCaller(incoming: IncomingMessage): boolean {
  if (PROXY_HEADERS.some((name) => incoming.headers[name] !== undefined)) return false;
  return isLoopbackAddress(incoming.socket.remoteAddress ?? '');
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
