import type { IncomingMessage } from 'node:http';
import { pathOf } from '../../gate/upgrades.ts';
import { createWebSockets, type WebSockets } from '../../gate/web-sockets.ts';
import { ForeignSocket, type SocketOwner } from './foreign-socket.ts';
import {
  documentChannel,
  type DocumentNames,
  largestMessage,
  messageUnits,
  type YjsGatewayOptions,
} from './gateway-options.ts';
import { createRounds } from './rounds.ts';
import { type Login, loginOf } from './token-user.ts';
import { YWebsocketClient } from './y-websocket-client.ts';

/** Where clients of y-websocket come in; what follows is the document's name. */
export const YJS_PATH = '/yjs/';

/**
 * A client that can send no header and wants no token in its address asks for these two subprotocols. Only the first is answered, so that
 * no token stands in an answer.
 */
export const YJS_SUBPROTOCOL = 'carillon.yjs';
const TOKEN_SUBPROTOCOL = 'carillon.token.';

/** The document, or the right to it, is not there. */
const UNAUTHORIZED = 4401;

/** Where the provider of y-websocket connects to: `/yjs/{doc}`. */
export function createYWebsocketGateway(options: YjsGatewayOptions): WebSockets {
  const { upgrades, door, node, clock, rate, names } = options;
  const maker = { node, clock, rate, transport: 'yjs' } as const;
  const rounds = createRounds<YWebsocketClient>(clock);
  const units = messageUnits(options);

  return createWebSockets({
    upgrades,
    door,
    messageBytes: largestMessage(options),
    takes: (path) => path.startsWith(YJS_PATH) && channelOf(path, names) !== null,
    subprotocolOf: (asked) => (asked.has(YJS_SUBPROTOCOL) ? YJS_SUBPROTOCOL : false),
    open(opened) {
      const socket = new ForeignSocket(opened, rate, clock);
      const channel = channelOf(pathOf(opened.request), names);
      const login = loginIn(opened.request);
      if (channel === null || login === null) {
        // Refused behind the upgrade: of an upgrade that fails a page learns nothing, and would try for ever.
        socket.close(UNAUTHORIZED, 'token_invalid');
        return socket;
      }
      const client = new YWebsocketClient(opened.id, socket, {
        ...{ maker, channel, user: login.user, messageUnits: units },
      });
      socket.drive(inRounds(client));
      rounds.add(client);
      client.logIn(login);
      return socket;
    },
  });

  function inRounds(client: YWebsocketClient): SocketOwner {
    return {
      heard: (data) => client.heard(data),
      drained: () => client.drained(),
      answered: () => client.answered(),
      gone(goodbye) {
        rounds.remove(client);
        client.gone(goodbye);
      },
    };
  }
}

/** @returns null where the path names no document that could be */
function channelOf(path: string, names: DocumentNames): string | null {
  try {
    return documentChannel(decodeURIComponent(path.slice(YJS_PATH.length)), names);
  } catch {
    // Not percent-encoded UTF-8.
    return null;
  }
}

/** By the query (`token`), by a subprotocol, or as a bearer token (RFC 6750, section 2.1). `user` in the query names whom an opaque token is of. */
function loginIn({ url = '', headers }: IncomingMessage): Login | null {
  const query = new URLSearchParams(url.slice(pathOf({ url }).length));
  const { authorization = '' } = headers;
  const subprotocol = (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(TOKEN_SUBPROTOCOL));
  const token =
    subprotocol?.slice(TOKEN_SUBPROTOCOL.length) ??
    (/^bearer /i.test(authorization) ? authorization.slice('bearer '.length) : query.get('token'));
  return loginOf(token ?? '', query.get('user'));
}
