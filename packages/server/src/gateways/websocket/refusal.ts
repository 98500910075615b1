import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, type ErrorCode } from '@carillon/protocol';

/** How long a client waits before it asks again, in seconds (RFC 9110, section 10.2.3). */
const RETRY_AFTER_S = 1;

/** Answers an upgrade with an HTTP error in place of a WebSocket, and ends the socket. */
export function refuseUpgrade(socket: Duplex, code: ErrorCode): void {
  const { http, help, retry } = ERRORS[code];
  const body = JSON.stringify({ error: { code, message: help } });
  // The HTTP server has let go of the socket: a peer that keeps its half open would hold it for good.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${http} ${STATUS_CODES[http] ?? ''}\r\n` +
      'Content-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      (retry ? `Retry-After: ${RETRY_AFTER_S}\r\n` : '') +
      `Connection: close\r\n\r\n${body}`,
  );
}
