import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { UpgradeSource } from '../gate/owed-responses.ts';
import { pathOf } from '../gate/upgrades.ts';

/** The upgrades of another's HTTP server that are ours. */
export type ForeignUpgrades = {
  readonly source: UpgradeSource;
  /** Leaves the server as if nobody had been here. */
  release(): void;
};

/** Node's own property, which its types only know as an option: says whether a request may be an upgrade. */
type Upgradable = (Server | HttpsServer) & {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
};

/**
 * Hands on the WebSocket upgrades to our paths of an HTTP server that belongs to somebody else. Every other upgrade goes to its
 * other listeners, and where there are none it is the plain request that it would be without us.
 */
export function upgradesTo(
  isOurPath: (path: string) => boolean,
  server: Server | HttpsServer,
): ForeignUpgrades {
  const source = new EventEmitter();
  const upgradable = server as Upgradable;
  const theirs = upgradable.shouldUpgradeCallback;

  function isOurs(request: IncomingMessage): boolean {
    return isOurPath(pathOf(request)) && request.headers.upgrade?.toLowerCase() === 'websocket';
  }

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (isOurs(request)) source.emit('upgrade', request, socket, head);
  }

  /** The gateway must know which sockets are owed an answer, whoever gives it. */
  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    source.emit('request', request, response);
  }

  function shouldUpgrade(request: IncomingMessage): boolean {
    if (isOurs(request)) return true;
    // Left to itself, Node asks whether anybody listens, and would count us.
    return server.listenerCount('upgrade') > 1 && (theirs?.call(server, request) ?? true);
  }

  server.on('upgrade', onUpgrade);
  server.on('request', onRequest);
  upgradable.shouldUpgradeCallback = shouldUpgrade;

  return {
    source,
    release() {
      server.removeListener('upgrade', onUpgrade);
      server.removeListener('request', onRequest);
      if (upgradable.shouldUpgradeCallback !== shouldUpgrade) return;
      if (theirs === undefined) delete upgradable.shouldUpgradeCallback;
      else upgradable.shouldUpgradeCallback = theirs;
    },
  };
}
