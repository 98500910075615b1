import { DEFAULT_PRESENCE_FIELDS } from '@carillon/protocol';
import { CarillonError } from './carillon-error.ts';
import type { Channels, UnderWay } from './core/channels/channels.ts';
import type { ConnectionChange } from './core/events.ts';
import { wanted } from './core/own-status.ts';
import { INSPECT, type Inspection, type WireListener } from './inspection.ts';
import { createLines } from './lines.ts';
import { createListeners } from './listeners.ts';
import type { DefaultField } from './core/friends.ts';
import { type ConnectionOptions, lengthsOf, webSocketUrl } from './options.ts';
import { type OwnPresence, fromWire, toWire } from './own-presence.ts';
import type { Platform } from './platform.ts';
import { type Presence, createPresenceStore } from './presence-store.ts';
import { rejected } from './quiet.ts';
import { createResumeKeeper } from './resume-keeper.ts';
import { type Shell, type ShellParts, createShell } from './shell.ts';
import type { LinesOn, SharedLines } from './tabs/tab-sharing.ts';
import { OPEN_TIMEOUT_MS, TRANSPORTS } from './transports/ways.ts';

/** One user's connection to a Carillon server. */
export interface PresenceClient<Field extends string = DefaultField> {
  readonly username: string;
  /** Where the connection stands, with the reason, and when the next attempt is made. A new object for each change. */
  readonly connection: ConnectionChange;
  /** The session's id for logs and support; null without one. */
  readonly session: string | null;
  /** The friends. Their last known state stays while the line is down. */
  readonly presence: Presence<Field>;
  /** What the user wants to be seen as; kept and restated by the client. */
  readonly own: OwnPresence<Field>;
  /** Connects, and keeps connected until `disconnect`, `logout` or a reason to stop. While it waits: tries at once. */
  connect(): void;
  /** Ends the connection. The session can be gone on with by `connect` within the grace; friends see nothing until then. */
  disconnect(): void;
  /** Ends the session: friends see the user go offline at once. Resolves when the server said so or the line is gone. */
  logout(): Promise<void>;
  /**
   * Changes the own status, or fields of it; an empty string clears a field. Kept while disconnected, the newest value
   * of each field wins.
   *
   * @returns resolves when the server has stored the change. Rejects with a CarillonError when it was refused
   * (`bad_message`), and with the connection's reason where the client has stopped, or stops before; need not be waited
   * for. `disconnect` leaves it open. Calls made while not connected share one promise, that of the latest of them, and so
   * do calls beyond a hundred that wait
   */
  setStatus(change: OwnPresence<Field>): Promise<void>;
  /**
   * Calls the listener when `connection` changes. `disconnected` comes with the reason and with `retryInMs`; where that is
   * null the client does not come back by itself.
   *
   * @returns removes the listener again
   */
  onConnection(listener: (change: ConnectionChange) => void): () => void;
}

/** What is built on a connection: it follows every transition, and says what a change of the line would cost. */
export type Beside = Pick<Channels, 'underWay'> & Required<Pick<ShellParts<string>, 'follow'>>;

/** A connection with presence, and the way to build on it. */
export type Connection<Field extends string> = {
  readonly client: PresenceClient<Field>;
  readonly shell: Shell;
  readonly inspection: Inspection;
};

/**
 * @param beside what is built on the connection
 * @throws CarillonError `url_invalid`, `fields_invalid` or `no_websocket`
 */
export function createConnection<const Field extends string = DefaultField>(
  platform: Platform,
  options: ConnectionOptions<Field>,
  beside?: Beside,
): Connection<Field> {
  const { username, token, device = null, onWire } = options;
  // Where no fields are named, `Field` is the default.
  const fields = options.fields ?? (DEFAULT_PRESENCE_FIELDS as readonly string[] as readonly Field[]);
  const lengths = lengthsOf(fields, options.fieldLengths);
  const url = webSocketUrl(options.url, platform.baseUrl);
  const WebSocket = options.WebSocket ?? platform.webSocket;
  const fetch = options.fetch ?? platform.fetch;
  const transports = (options.transports ?? TRANSPORTS).filter((name) =>
    name === 'websocket' ? WebSocket !== null : fetch !== null,
  );
  if (transports.length === 0) throw new CarillonError('no_websocket', 'pass one as the option `WebSocket`');

  const store = createPresenceStore(fields, (run) => platform.later(run), platform.report);
  const connectionListeners = createListeners<ConnectionChange>(platform.report);
  const storage = options.storage === undefined ? platform.storage : options.storage;
  const wire = new Set<WireListener>(onWire && [onWire]);
  let shared: SharedLines | null = null;
  const shell = createShell({
    platform,
    lines(keeper) {
      const make: LinesOn = (line, underWay) =>
        createLines({
          platform,
          url,
          WebSocket: WebSocket === null ? null : (options.codec?.(WebSocket) ?? WebSocket),
          fetch,
          transports,
          storage,
          line,
          underWay,
        });
      const underWay = (): UnderWay => beside?.underWay() ?? null;
      shared =
        options.tabs?.({ platform, url, username, device, fields, line: keeper, underWay, make }) ?? null;
      return shared ?? make(keeper, underWay);
    },
    settings: {
      username,
      device,
      renewable: typeof token === 'function',
      fields,
      ...(transports.length > 1 ? { openTimeoutMs: OPEN_TIMEOUT_MS } : {}),
    },
    getToken: async () => (typeof token === 'function' ? token() : token),
    keeper: createResumeKeeper(storage, `carillon:${url}:${username}:${device ?? ''}`),
    store,
    wire,
    onConnection: (change) => connectionListeners.tell(change),
    follow(event, state, effects) {
      beside?.follow?.(event, state, effects);
      shared?.hear(event);
    },
  });

  const inspection: Inspection = {
    wire,
    state: shell.state,
    changedAtMs: shell.changedAtMs,
    nowMs: platform.nowMs,
    probe: () => shell.dispatch({ type: 'visible' }),
  };
  const client: PresenceClient<Field> & { readonly [INSPECT]: Inspection } = {
    [INSPECT]: inspection,
    username,
    presence: store.presence,
    get connection() {
      return shell.connection();
    },
    get session() {
      return shell.state().session;
    },
    get own() {
      return fromWire<Field>(wanted(shell.state().own));
    },
    connect: () => shell.connect(),
    disconnect: () => shell.dispatch({ type: 'stop' }),
    logout: () => shell.logout(),
    setStatus(change) {
      const patch = toWire(change, lengths);
      if (patch instanceof CarillonError) return rejected(patch);
      return Object.keys(patch).length === 0 ? Promise.resolve() : shell.setStatus(patch);
    },
    onConnection: (listener) => connectionListeners.add(listener),
  };
  return { client, shell, inspection };
}
