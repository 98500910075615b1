/** The SDK of apps that use presence alone: `createClient` as that of `@carillon/client`, without channels and calls. */
import type { DefaultField } from './core/friends.ts';
import type { ConnectionOptions } from './options.ts';
import { hostPlatform } from './platform.ts';
import { type PresenceClient, createPresenceConnection } from './presence-client.ts';

export { type CarillonErrorCode, CarillonError } from './carillon-error.ts';
export type { ConnectionChange, ConnectionReason, ConnectionStatus } from './core/events.ts';
export type { DefaultField, Friend, FriendChange } from './core/friends.ts';
export type { ConnectionOptions } from './options.ts';
export type { OwnPresence } from './own-presence.ts';
export type { Codec, WebSocketConstructor, WebSocketLike } from './platform.ts';
export type { PresenceClient } from './presence-client.ts';
export type { Presence } from './presence-store.ts';
export type { StorageLike } from './resume-keeper.ts';
export type { TabSharing } from './tabs/tab-sharing.ts';

/**
 * Makes a client; `connect()` starts it.
 *
 * @throws CarillonError `url_invalid`, `fields_invalid` or `no_websocket`
 */
export function createClient<const Field extends string = DefaultField>(
  options: ConnectionOptions<Field>,
): PresenceClient<Field> {
  return createPresenceConnection(hostPlatform(), options).client;
}
