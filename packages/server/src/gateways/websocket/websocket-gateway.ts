import { JSON_SUBPROTOCOL, PACKED_SUBPROTOCOL } from '@carillon/protocol';
import type { Door } from '../../gate/door.ts';
import type { Upgrades } from '../../gate/upgrades.ts';
import { createWebSockets, type WebSockets } from '../../gate/web-sockets.ts';
import type { RealtimeNode } from '../../runtime/node-api.ts';
import { SocketConnection } from './socket-connection.ts';

export type WebSocketGatewayOptions = {
  readonly upgrades: Upgrades;
  readonly path: string;
  readonly node: Pick<RealtimeNode, 'open'>;
  readonly door: Door;
  readonly messageBytes: number;
};

/** Where WebSocket clients enter: `/ws`, RFC 6455, JSON or MessagePack, no compression. */
export function createWebSocketGateway(options: WebSocketGatewayOptions): WebSockets {
  const { upgrades, path, node, door, messageBytes } = options;
  return createWebSockets({
    ...{ upgrades, door, messageBytes, subprotocolOf },
    takes: (asked) => asked === path,
    open({ id, address, webSocket, socket }) {
      const connection = new SocketConnection(id, address, webSocket, socket);
      connection.drive(node.open(connection));
      return connection;
    },
  });
}

/**
 * The first that we speak, in the order of the client's wishes. Left to itself `ws` agrees to whatever is asked for
 * first; a client that insists on another fails.
 */
function subprotocolOf(asked: ReadonlySet<string>): string | false {
  for (const name of asked) if (name === PACKED_SUBPROTOCOL || name === JSON_SUBPROTOCOL) return name;
  return false;
}
