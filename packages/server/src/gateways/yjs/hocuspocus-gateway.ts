import { pathOf } from '../../gate/upgrades.ts';
import { createWebSockets, type WebSockets } from '../../gate/web-sockets.ts';
import { ForeignSocket } from './foreign-socket.ts';
import { documentChannel, largestMessage, messageUnits, type YjsGatewayOptions } from './gateway-options.ts';
import { HocuspocusClient, type HocuspocusOptions } from './hocuspocus-client.ts';
import { createRounds } from './rounds.ts';

/** Where the providers of Hocuspocus come in. */
export const HOCUSPOCUS_PATH = '/hocuspocus';

/** Where `HocuspocusProvider` connects to; the documents are named in its messages. */
export function createHocuspocusGateway(options: YjsGatewayOptions): WebSockets {
  const { upgrades, door, node, clock, rate, names, loginTimeoutMs } = options;
  const rounds = createRounds<HocuspocusClient>(clock);
  const shared: HocuspocusOptions = {
    maker: { node, clock, rate, transport: 'hocuspocus' },
    messageUnits: messageUnits(options),
    loginTimeoutMs,
    channelOf: (name) => documentChannel(name, names),
    enter: (address) => door.enter(address),
    leave: (address) => door.leave(address),
  };

  return createWebSockets({
    upgrades,
    door,
    messageBytes: largestMessage(options),
    // Providers take a slash at the end off, unless they are told not to.
    takes: (path) => path === HOCUSPOCUS_PATH || path === `${HOCUSPOCUS_PATH}/`,
    subprotocolOf: () => false,
    open(opened) {
      const { url = '' } = opened.request;
      const user = new URLSearchParams(url.slice(pathOf({ url }).length)).get('user');
      const socket = new ForeignSocket(opened, rate, clock);
      const client = new HocuspocusClient(opened.id, socket, user, shared);
      rounds.add(client);
      socket.drive({
        heard: (data) => client.heard(data),
        drained: () => client.drained(),
        answered: () => client.answered(),
        gone(goodbye) {
          rounds.remove(client);
          client.gone(goodbye);
        },
      });
      return socket;
    },
  });
}
