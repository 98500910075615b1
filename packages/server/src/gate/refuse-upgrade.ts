import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, type ErrorCode } from '@carillon/protocol';

/** How long a client waits before it asks again, unless the refusal knows better. */
const RETRY_AFTER_MS = 1_000;

/** How long a peer has to take a refusal before its socket is ended. */
const REFUSAL_TIMEOUT_MS = 2_000;

/**
 * Answers an upgrade with an HTTP error in place of a WebSocket, and ends the socket.
 *
 * @param message what was wrong in particular, in place of the code's own words
 * @param retryAfterMs said only where the code allows that the same request is sent again
 */
export function refuseUpgrade(
  socket: Duplex,
  code: ErrorCode,
  message: string = ERRORS[code].help,
  retryAfterMs = RETRY_AFTER_MS,
): void {
  const { http, retry } = ERRORS[code];
  const body = JSON.stringify({ error: { code, message, ...(retry ? { retryAfterMs } : {}) } });
  // The HTTP server has let go of the socket, its timeouts too: a peer that keeps its half open, or has not read what
  // it asked for before, would hold it for good.
  const impatient = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(impatient));
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${http} ${STATUS_CODES[http] ?? ''}\r\n` +
      'Content-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      // RFC 6455, section 4.4: says so to whom comes with another.
      (http === 400 ? 'Sec-WebSocket-Version: 13\r\n' : '') +
      // Whole seconds (RFC 9110, section 10.2.3).
      (retry ? `Retry-After: ${Math.ceil(retryAfterMs / 1000)}\r\n` : '') +
      `Connection: close\r\n\r\n${body}`,
  );
}
