import {
  type Broadcast,
  type Gap,
  type Invitation,
  type Joined,
  type Left,
  type Signals,
  type Unsubscribed,
  broadcast,
  gap,
  invitation,
  joined,
  left,
  signals,
  unsubscribed,
} from './messages/channel-down.ts';
import { type PublicationMessage, type Replay, publication, replay } from './messages/channel-parts.ts';
import { type Call, call } from './messages/channel-up.ts';
import {
  type AwarenessDown,
  type DocumentState,
  type RoleChanged,
  awarenessDown,
  documentState,
  roleChanged,
} from './messages/document-down.ts';
import { type Token, token } from './messages/login.ts';
import { type Heartbeat, heartbeat } from './messages/heartbeat.ts';
import {
  type Offline,
  type Online,
  type Sync,
  type Update,
  offline,
  online,
  sync,
  update,
} from './messages/presence.ts';
import { type Bye, type Err, type Ok, bye, err, ok } from './messages/result.ts';

/** What a server sends about channels and calls of its own accord. */
export type ChannelDownMessage =
  | PublicationMessage
  | Replay
  | Signals
  | DocumentState
  | AwarenessDown
  | RoleChanged
  | Gap
  | Unsubscribed
  | Invitation
  | Joined
  | Left
  | Call
  | Broadcast;

/** Every message a server may send. */
export type DownMessage =
  | Token
  | Sync
  | Update
  | Online
  | Offline
  | Heartbeat
  | Ok
  | Err
  | Bye
  | ChannelDownMessage;

export const DOWN_SHAPES = {
  token,
  sync,
  u: update,
  o: online,
  x: offline,
  hb: heartbeat,
  ok,
  err,
  bye,
  p: publication,
  ps: replay,
  sig: signals,
  ds: documentState,
  aw: awarenessDown,
  role: roleChanged,
  gap,
  unsub: unsubscribed,
  sub: invitation,
  join: joined,
  leave: left,
  call,
  msg: broadcast,
} as const;
