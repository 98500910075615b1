import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@carillon/protocol';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Door } from './door.ts';
import { type UpgradeSource, watchOwedResponses } from './owed-responses.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';

/** One who asked for a WebSocket, and is let in by the door. The socket has a listener for its errors: `acceptUpgrade` takes it off. */
export type Upgrade = {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  /** The peer's address, trusted proxies resolved. */
  readonly address: string;
};

/** A gateway's part of the paths. */
export type UpgradeRoute = {
  takes(path: string): boolean;
  accept(upgrade: Upgrade): void;
};

export type UpgradesOptions = {
  readonly server: UpgradeSource;
  readonly telemetry: Telemetry;
  readonly door: Door;
};

/** Where all who ask for a WebSocket come in: what is refused is refused here, as HTTP, before any gateway sees it. */
export type Upgrades = {
  /** @returns takes the route away again: who asks for its paths is then answered 404 */
  route(route: UpgradeRoute): () => void;
  refuse(socket: Duplex, code: ErrorCode, message?: string, retryAfterMs?: number): void;
  /** Nobody is let in any more. */
  close(): void;
};

export function createUpgrades({ server, telemetry, door }: UpgradesOptions): Upgrades {
  const owed = watchOwedResponses(server);
  const routes = new Set<UpgradeRoute>();

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until a gateway has taken it over nobody listens, and a reset would end the process.
    socket.on('error', ignoreReset);
    if (owed.owes(socket) || !(socket instanceof Socket)) {
      // Neither a WebSocket nor a refusal would stand where the client expects it.
      socket.destroy();
      return;
    }
    const path = pathOf(request);
    const route = [...routes].find((one) => one.takes(path));
    if (route === undefined) {
      refuse(socket, 'not_found');
      return;
    }
    // Version 8, which `ws` still takes, names its origin in another header, so that the door would not see it.
    if (request.headers['sec-websocket-version'] === '8') {
      refuse(socket, 'bad_message');
      return;
    }
    const knock = door.knock(request);
    if (!knock.ok) {
      refuse(socket, knock.code, undefined, knock.retryAfterMs);
      return;
    }
    route.accept({ request, socket, head, address: knock.address });
  }

  function refuse(socket: Duplex, code: ErrorCode, message?: string, retryAfterMs?: number): void {
    telemetry.error(code);
    refuseUpgrade(socket, code, message, retryAfterMs);
  }

  server.on('upgrade', upgrade);

  return {
    route(route) {
      routes.add(route);
      return () => void routes.delete(route);
    },
    refuse,
    close() {
      server.removeListener('upgrade', upgrade);
      owed.stop();
    },
  };
}

/** The path of a request, without its query. */
export function pathOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** The gateway listens from here on. */
export function acceptUpgrade(socket: Socket): void {
  socket.removeListener('error', ignoreReset);
}

/** The socket ends anyway. */
function ignoreReset(): void {
  return undefined;
}
