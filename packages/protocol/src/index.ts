/** The wire protocol of Carillon: messages, codes and limits. PROTOCOL.md is the normative text. */
export {
  type CloseEntry,
  type CloseReason,
  CLOSES,
  type ErrorCode,
  type ErrorEntry,
  ERRORS,
  adviceForClose,
} from './codes.ts';
export { type Decoded, decodeDown, decodeUp } from './decode.ts';
export { DOWN_SHAPES, type DownMessage } from './down.ts';
export { messagesSchema } from './json-schema.ts';
export * from './limits.ts';
export type { Heartbeat } from './messages/heartbeat.ts';
export type { Auth, Login, Logout, Token } from './messages/login.ts';
export type { Friend, Offline, Online, StatusUpdate, Sync, Update } from './messages/presence.ts';
export { ADVICE, type Advice, type Bye, type Err, type Ok } from './messages/result.ts';
export {
  DEFAULT_PRESENCE_FIELDS,
  RESERVED_FIELD_NAMES,
  STATUSES,
  type Status,
  VISIBLE_STATUSES,
  type VisibleStatus,
} from './status.ts';
export { UP_SHAPES, type UpMessage } from './up.ts';
export { isUserId } from './user-id.ts';
export { negotiateVersion, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from './version.ts';
