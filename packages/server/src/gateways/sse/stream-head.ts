import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { refused } from '../../gate/line-answer.ts';
import type { LineHttp } from '../../gate/line-http.ts';

/** The socket that a stream may be written to; null where there is none: then the request has been answered, or ended, or its client has gone. */
export function streamSocket(
  http: LineHttp,
  request: IncomingMessage,
  response: ServerResponse,
): Socket | null {
  if (request.httpVersionMajor !== 1) {
    http.answer(
      response,
      refused('bad_message', 'a stream needs HTTP/1.1: let a proxy speak HTTP/2 in front of it'),
    );
    return null;
  }
  // Sent behind another request whose answer is still owed (pipelining): no stream can stand there.
  if (response.socket === null) request.socket.destroy();
  // It may have closed while the request was looked at: no `close` would follow, and the stream would be kept for good.
  return response.socket?.writable === true ? response.socket : null;
}

/**
 * The head of a response that ends with the connection, so that it has neither length nor chunks, and what keeps proxies from
 * holding it back or packing it (`X-Accel-Buffering`: nginx).
 */
export function beginStream(socket: Socket, response: ServerResponse): void {
  socket.on('end', onEnd);
  socket.setTimeout(0);
  socket.setNoDelay(true);
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  });
  response.flushHeaders();
}

/** A client that has ended its half reads nothing more; the server would wait with its own until all is written. */
function onEnd(this: Socket): void {
  this.destroy();
}
