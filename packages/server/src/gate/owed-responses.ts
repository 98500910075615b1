import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** An HTTP server, or what is handed on of another's: its `request` events, and the `upgrade` events that are meant. */
export type UpgradeSource = Pick<EventEmitter, 'on' | 'removeListener'>;

/** Which sockets an HTTP server still owes a response. */
export type OwedResponses = {
  owes(socket: Duplex): boolean;
  stop(): void;
};

/**
 * A client may send an upgrade right behind another request, without waiting for the answer (HTTP/1.1 pipelining). Node
 * then hands over a socket to which the HTTP server goes on writing that answer, in the middle of the WebSocket.
 */
export function watchOwedResponses(server: UpgradeSource): OwedResponses {
  const owed = new WeakMap<Duplex, number>();

  function onRequest({ socket }: IncomingMessage, response: ServerResponse): void {
    owed.set(socket, (owed.get(socket) ?? 0) + 1);
    response.once('close', () => owed.set(socket, (owed.get(socket) ?? 1) - 1));
  }

  server.on('request', onRequest);
  return {
    owes: (socket) => (owed.get(socket) ?? 0) > 0,
    stop: () => void server.removeListener('request', onRequest),
  };
}
