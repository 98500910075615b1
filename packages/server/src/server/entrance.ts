import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { UpgradeSource } from '../gate/owed-responses.ts';
import { type ForeignUpgrades, upgradesTo } from './foreign-upgrades.ts';
import { bind, type BoundAddress, originsOf, unbind } from './listening.ts';
import { StartError } from './start-error.ts';

/** Where WebSocket clients come in. */
export const WEBSOCKET_PATH = '/ws';

/** What takes the clients; `close` waits for those who are leaving. */
export type Gateways = { close(): Promise<void> };

export type EntranceOptions = {
  /** The HTTP server of our own. */
  readonly http: Server;
  readonly host: string;
  readonly port: number;
  /** Whether a path takes WebSockets: on somebody else's server the others stay theirs. */
  isOurPath(path: string): boolean;
  /** Takes up what an earlier life of the process left. */
  begin(): Promise<void>;
  /** @param origins of pages that the same HTTP server serves; which those are is known once it listens, for the port may be any */
  openGateways(source: UpgradeSource, origins: readonly string[]): Gateways;
};

/** How clients come in: on an HTTP server of our own, or on somebody else's. One of the two, once. */
export type Entrance = {
  /** Where our own server listens; null before, after, and on somebody else's. */
  readonly address: BoundAddress | null;
  /**
   * Goes before `listen` and `attach`.
   *
   * @throws StartError where it was done before
   */
  enter(): void;
  /** @throws StartError where the address cannot be had */
  listen(): Promise<BoundAddress>;
  attach(server: Server | HttpsServer): Promise<void>;
  /** Lets nobody in any more, waits for those who are leaving, and lets go of the server. */
  close(): Promise<void>;
};

export function createEntrance({
  http,
  host,
  port,
  isOurPath,
  begin,
  openGateways,
}: EntranceOptions): Entrance {
  let entered = false;
  let closed = false;
  let address: BoundAddress | null = null;
  let gateways: Gateways | null = null;
  let upgrades: ForeignUpgrades | null = null;
  let stopWaiting: (() => void) | null = null;

  function openOn(server: Server | HttpsServer): void {
    upgrades = upgradesTo(isOurPath, server);
    gateways = openGateways(upgrades.source, originsOf(server));
  }

  return {
    get address() {
      return address;
    },
    enter() {
      if (entered)
        throw new StartError(
          'the server takes clients already: listen or attach once, and make another for more',
        );
      entered = true;
    },
    async listen() {
      // The address first: a second server started by mistake fails before it touches anybody's session.
      const bound = await bind(http, host, port);
      await begin();
      gateways = openGateways(http, bound.origins);
      address = bound;
      return bound;
    },
    async attach(server) {
      await begin();
      if (closed) return;
      if (server.listening) {
        openOn(server);
        return;
      }
      const open = (): void => openOn(server);
      server.once('listening', open);
      stopWaiting = () => server.removeListener('listening', open);
    },
    async close() {
      closed = true;
      address = null;
      stopWaiting?.();
      // Nobody new while those who are there go: who knocks is sent elsewhere, by the balancer or among the workers.
      const unbound = unbind(http);
      await gateways?.close();
      upgrades?.release();
      await unbound;
    },
  };
}
