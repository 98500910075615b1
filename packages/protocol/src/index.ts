/** The wire protocol of Carillon: messages, codes and limits. PROTOCOL.md is the normative text. */
export { type ChannelName, channelName, encodeParameter, isParameterValue } from './channel-name.ts';
export {
  isValueUnit,
  type ParsedPattern,
  parsePattern,
  type PatternResult,
  unfitText,
  USER_PARAMETER,
} from './channel-pattern.ts';
export {
  type CloseEntry,
  type CloseReason,
  CLOSES,
  type ErrorCode,
  type ErrorEntry,
  ERRORS,
  adviceForClose,
} from './codes.ts';
export { type Decoded, decodeDown, decodePackedUp, decodeUp } from './decode.ts';
export { type ChannelDownMessage, DOWN_SHAPES, type DownMessage } from './down.ts';
export { messagesSchema } from './json-schema.ts';
export * from './limits.ts';
export { pack } from './messagepack/pack.ts';
export { JSON_SUBPROTOCOL, PACKED_SUBPROTOCOL } from './messagepack/subprotocol.ts';
export { type Unpacked, unpack } from './messagepack/unpack.ts';
export {
  type Broadcast,
  GAP_REASONS,
  type Gap,
  type GapReason,
  type Invitation,
  type Joined,
  type Left,
  type Signals,
  type Unsubscribed,
} from './messages/channel-down.ts';
export type { EntryItem, PublicationItem, PublicationMessage, Replay } from './messages/channel-parts.ts';
export type {
  Call,
  Cancel,
  History,
  Members,
  Page,
  Publish,
  Reply,
  Subscribe,
  TicketRequest,
  Unsubscribe,
} from './messages/channel-up.ts';
export type { AwarenessDown, DocumentState, RoleChanged } from './messages/document-down.ts';
export {
  type AwarenessUp,
  DOCUMENT_REQUESTS,
  type DocumentRequest,
  type UpdateDocument,
} from './messages/document-up.ts';
export type { Heartbeat } from './messages/heartbeat.ts';
export type { Auth, Login, Logout, Token } from './messages/login.ts';
export type { Friend, Offline, Online, StatusUpdate, Sync, Update } from './messages/presence.ts';
export {
  ADVICE,
  type Advice,
  type Bye,
  type Err,
  LOSS_REASONS,
  type LossReason,
  type Ok,
} from './messages/result.ts';
export {
  DEFAULT_PRESENCE_FIELDS,
  STATUSES,
  type Status,
  VISIBLE_STATUSES,
  type VisibleStatus,
} from './status.ts';
export { isAtLeast, isRole, type Role, ROLES } from './role.ts';
export { RESERVED_FIELD_NAMES } from './reserved-fields.ts';
export { type ChannelUpMessage, UP_SHAPES, type UpMessage } from './up.ts';
export { isUserId } from './user-id.ts';
export { negotiateVersion, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from './version.ts';
