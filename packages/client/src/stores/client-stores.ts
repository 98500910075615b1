import type { ConnectionChange } from '../core/events.ts';
import type { Friend } from '../core/friends.ts';
import type { PresenceClient } from '../presence-client.ts';
import { type Store, createStore, createStoreCache } from './store.ts';

const ofClient = createStoreCache<object>();

const NOT_CONNECTED: ConnectionChange = { status: 'disconnected', reason: null, retryInMs: null };
const NO_FRIENDS: readonly never[] = [];

/** Where the connection stands. Looking does not connect. */
export function connectionStore(
  client: Pick<PresenceClient, 'connection' | 'onConnection'>,
): Store<ConnectionChange> {
  return ofClient(client, 'connection', () =>
    storeOf(NOT_CONNECTED, () => client.connection, client.onConnection),
  );
}

/** All friends; the same array until one of them changes. */
export function presenceStore<Field extends string>(
  client: Pick<PresenceClient<Field>, 'presence'>,
): Store<readonly Friend<Field>[]> {
  const { presence } = client;
  return ofClient(client, 'presence', () =>
    storeOf<readonly Friend<Field>[]>(NO_FRIENDS, presence.getSnapshot, presence.subscribe),
  );
}

/** One friend; undefined while they are none, or not known yet. A new store for each call: an app looks at many people in its life. */
export function friendStore<Field extends string>(
  client: Pick<PresenceClient<Field>, 'presence'>,
  id: string,
): Store<Friend<Field> | undefined> {
  const { presence } = client;
  return storeOf<Friend<Field> | undefined>(
    undefined,
    () => presence.get(id),
    (changed) => presence.on(id, changed),
  );
}

/** Listening costs nobody anything, so nothing lingers. */
function storeOf<T>(initial: T, read: () => T, start: (changed: () => void) => () => void): Store<T> {
  return createStore(initial, { read, peek: read, start }, 0);
}
