import type { IncomingMessage } from 'node:http';

/**
 * Whether a request comes from a program on this machine, directly: a proxy on the same machine also connects from
 * loopback, but says for whom.
 */
export function isLocalCaller(incoming: IncomingMessage): boolean {
  if (incoming.headers['x-forwarded-for'] !== undefined || incoming.headers['forwarded'] !== undefined)
    return false;
  return isLoopbackAddress(incoming.socket.remoteAddress ?? '');
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
