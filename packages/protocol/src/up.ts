import {
  type Call,
  type Cancel,
  type History,
  type Members,
  type Page,
  type Publish,
  type Reply,
  type Subscribe,
  type TicketRequest,
  type Unsubscribe,
  call,
  cancel,
  history,
  members,
  page,
  publish,
  reply,
  subscribe,
  ticket,
  unsubscribe,
} from './messages/channel-up.ts';
import {
  type AwarenessUp,
  type DocumentRequest,
  type UpdateDocument,
  awarenessUp,
  documentRequest,
  updateDocument,
} from './messages/document-up.ts';
import { type Auth, type Login, type Logout, auth, login, logout } from './messages/login.ts';
import { type Heartbeat, heartbeat } from './messages/heartbeat.ts';
import { type StatusUpdate, statusUpdate } from './messages/presence.ts';

/** What a client sends about channels and calls. */
export type ChannelUpMessage =
  | Subscribe
  | TicketRequest
  | Unsubscribe
  | Publish
  | UpdateDocument
  | AwarenessUp
  | DocumentRequest
  | History
  | Page
  | Members
  | Call
  | Cancel
  | Reply;

/** Every message a client may send. */
export type UpMessage = Login | Logout | Auth | StatusUpdate | Heartbeat | ChannelUpMessage;

export const UP_SHAPES = {
  login,
  logout,
  auth,
  statusUpdate,
  hb: heartbeat,
  sub: subscribe,
  ticket,
  unsub: unsubscribe,
  pub: publish,
  upd: updateDocument,
  aw: awarenessUp,
  doc: documentRequest,
  hist: history,
  page,
  members,
  call,
  cancel,
  re: reply,
} as const;
