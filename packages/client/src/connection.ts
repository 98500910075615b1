import type { UnderWay } from './core/channels/channels.ts';
import type { ConnectionChange, Transport } from './core/events.ts';
import type { CoreSettings } from './core/state.ts';
import { CarillonError } from './carillon-error.ts';
import { INSPECT, type Inspection, type WireListener } from './inspection.ts';
import { createListeners } from './listeners.ts';
import { type LinkOptions, webSocketUrl } from './options.ts';
import type { Platform } from './platform.ts';
import { createResumeKeeper } from './resume-keeper.ts';
import { type Shell, type ShellParts, createShell } from './shell.ts';
import { type MakeLines, OPEN_TIMEOUT_MS } from './transports/ways.ts';

/** One user's connection to a Carillon server, whatever it is for. */
export interface ConnectedClient {
  readonly username: string;
  /** Where the connection stands, with the reason, and when the next attempt is made. A new object for each change. */
  readonly connection: ConnectionChange;
  /** The session's id for logs and support; null without one. */
  readonly session: string | null;
  /** Connects, and keeps connected until `disconnect`, `logout` or a reason to stop. While it waits: tries at once. */
  connect(): void;
  /** Ends the connection. The session can be gone on with by `connect` within the grace; friends see nothing until then. */
  disconnect(): void;
  /** Ends the session: friends see the user go offline at once. Resolves when the server said so or the line is gone. */
  logout(): Promise<void>;
  /**
   * Calls the listener when `connection` changes. `disconnected` comes with the reason and with `retryInMs`; where that is
   * null the client does not come back by itself.
   *
   * @returns removes the listener again
   */
  onConnection(listener: (change: ConnectionChange) => void): () => void;
}

/** What is built on a connection. */
export type ConnectionParts = Required<Pick<CoreSettings, 'fields'>> &
  Pick<ShellParts, 'own' | 'presence' | 'follow'> & {
    /** The ways to the server that this client knows, the best first. */
    readonly transports: readonly Transport[];
    readonly lines: MakeLines;
    /** What a change of the line would cost. */
    readonly underWay: () => UnderWay;
  };

/** A connection, and the way to build on it. */
export type Connection = {
  readonly client: ConnectedClient;
  readonly shell: Shell;
  readonly inspection: Inspection;
};

/** @throws CarillonError `url_invalid` or `no_websocket` */
export function createConnection(
  platform: Platform,
  options: LinkOptions,
  { own, fields, presence, follow, transports: known, lines, underWay }: ConnectionParts,
): Connection {
  const { username, token, device = null, onWire } = options;
  const url = webSocketUrl(options.url, platform.baseUrl);
  const socket = options.WebSocket ?? platform.webSocket;
  const fetch = options.fetch ?? platform.fetch;
  const transports = known.filter((name) => (name === 'websocket' ? socket !== null : fetch !== null));
  if (transports.length === 0) throw new CarillonError('no_websocket', '');
  const WebSocket = socket && (options.codec?.(socket) ?? socket);
  const storage = options.storage === undefined ? platform.storage : options.storage;
  const listeners = createListeners<ConnectionChange>(platform.report);
  const wire = new Set<WireListener>(onWire && [onWire]);
  const shell = createShell({
    platform,
    lines: (line) => lines({ platform, url, WebSocket, fetch, transports, storage, line, underWay }),
    settings: {
      username,
      device,
      renewable: typeof token === 'function',
      fields,
      ...(transports.length > 1 ? { openTimeoutMs: OPEN_TIMEOUT_MS } : {}),
    },
    getToken: async () => (typeof token === 'function' ? token() : token),
    keeper: createResumeKeeper(storage, `carillon:${url}:${username}:${device ?? ''}`),
    own,
    presence,
    wire,
    onConnection: (change) => listeners.tell(change),
    follow,
  });
  const inspection: Inspection = {
    wire,
    state: shell.state,
    changedAtMs: shell.changedAtMs,
    nowMs: platform.nowMs,
    probe: () => shell.dispatch({ type: 'visible' }),
  };
  const client: ConnectedClient & { readonly [INSPECT]: Inspection } = {
    [INSPECT]: inspection,
    username,
    get connection() {
      return shell.connection();
    },
    get session() {
      return shell.state().session;
    },
    connect: shell.connect,
    disconnect: () => shell.dispatch({ type: 'stop' }),
    logout: shell.logout,
    onConnection: listeners.add,
  };
  return { client, shell, inspection };
}
