/** The Carillon SDK: presence for browsers and Node.js. */
export { type Client, createClient } from './client.ts';
export { type CarillonErrorCode, CarillonError } from './carillon-error.ts';
export type { ConnectionChange, ConnectionReason, ConnectionStatus } from './core/events.ts';
export type { DefaultField, Friend, FriendChange } from './core/friends.ts';
export type { ClientOptions } from './options.ts';
export type { OwnPresence } from './own-presence.ts';
export type { WebSocketConstructor, WebSocketLike } from './platform.ts';
export type { Presence } from './presence-store.ts';
export type { StorageLike } from './resume-keeper.ts';
