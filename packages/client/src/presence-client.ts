import { DEFAULT_PRESENCE_FIELDS } from '@carillon/protocol';
import { CarillonError } from './carillon-error.ts';
import {
  type ConnectedClient,
  type Connection,
  type ConnectionParts,
  createConnection,
} from './connection.ts';
import type { DefaultField } from './core/friends.ts';
import { ownStatus } from './core/own-status-part.ts';
import { wanted } from './core/own-status.ts';
import { extend } from './extend.ts';
import { createLines } from './lines.ts';
import { type ConnectionOptions, lengthsOf } from './options.ts';
import { type OwnPresence, fromWire, toWire } from './own-presence.ts';
import type { Platform } from './platform.ts';
import { type Presence, createPresenceStore } from './presence-store.ts';
import { rejected } from './quiet.ts';
import { createStatusTickets } from './status-tickets.ts';
import type { LinesOn, SharedLines } from './tabs/tab-sharing.ts';
import { TRANSPORTS } from './transports/ways.ts';

/** One user's connection to a Carillon server, with presence. */
export interface PresenceClient<Field extends string = DefaultField> extends ConnectedClient {
  /** The friends. Their last known state stays while the line is down. */
  readonly presence: Presence<Field>;
  /** What the user wants to be seen as; kept and restated by the client. */
  readonly own: OwnPresence<Field>;
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
}

/** What is built on a connection with presence: it follows every transition, and says what a change of the line would cost. */
export type Beside = Pick<ConnectionParts, 'underWay'> & Required<Pick<ConnectionParts, 'follow'>>;

/** A connection with presence, and the way to build on it. */
export type PresenceConnection<Field extends string> = Omit<Connection, 'client'> & {
  readonly client: PresenceClient<Field>;
};

/**
 * @param beside what is built on the connection
 * @throws CarillonError `url_invalid`, `fields_invalid` or `no_websocket`
 */
export function createPresenceConnection<const Field extends string = DefaultField>(
  platform: Platform,
  options: ConnectionOptions<Field>,
  beside?: Beside,
): PresenceConnection<Field> {
  // Where no fields are named, `Field` is the default.
  const fields = options.fields ?? (DEFAULT_PRESENCE_FIELDS as readonly string[] as readonly Field[]);
  const lengths = lengthsOf(fields, options.fieldLengths);
  const store = createPresenceStore(fields, (run) => platform.later(run), platform.report);
  const tickets = createStatusTickets();
  let shared: SharedLines | null = null;
  const { client, shell, inspection } = createConnection(platform, options, {
    own: ownStatus,
    fields,
    presence: { ...store, settle: tickets.settle },
    transports: options.transports ?? TRANSPORTS,
    lines(parts) {
      const { username, device = null } = options;
      const make: LinesOn = (line, underWay) => createLines({ ...parts, line, underWay });
      shared = options.tabs?.({ ...parts, username, device, fields, make }) ?? null;
      return shared ?? createLines(parts);
    },
    underWay: () => beside?.underWay() ?? null,
    follow(event, state, effects) {
      beside?.follow?.(event, state, effects);
      shared?.hear(event);
    },
  });
  const presence: Omit<PresenceClient<Field>, keyof ConnectedClient> = {
    presence: store.presence,
    get own() {
      return fromWire<Field>(wanted(shell.state().own));
    },
    setStatus(change) {
      const patch = toWire(change, lengths);
      if (patch instanceof CarillonError) return rejected(patch);
      if (Object.keys(patch).length === 0) return Promise.resolve();
      const { ticket, settled } = tickets.take(shell.connection().status !== 'connected');
      shell.dispatch({ type: 'setStatus', patch, ticket });
      return settled;
    },
  };
  return { client: extend(client, presence), shell, inspection };
}
