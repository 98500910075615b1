import { MAX_GRANT_LENGTH, MAX_NAME_LENGTH, MAX_USER_ID_LENGTH } from '../limits.ts';
import { optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';
import { channel, epoch, json, key, whole } from './channel-parts.ts';

const signalItem = {
  about: 'The latest of one session, or of one key of it.',
  presenceFields: false,
  fields: {
    id: required({ kind: 'string', maxLength: 64 }, 'the session that sent it; empty: the server'),
    by: optional({ kind: 'string', maxLength: MAX_USER_ID_LENGTH }, 'its user; absent: the server'),
    k: optional(key, 'key'),
    d: required(json, 'payload'),
  },
} as const;

export const signals = {
  about: "What was signalled on a channel since the last `sig`, the receiver's own included.",
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'sig' }, 'message type'),
    c: required(channel, 'channel'),
    ss: required({ kind: 'list', of: signalItem }, 'the latest of each'),
  },
} as const;
export type Signals = MessageOf<typeof signals>;

export const GAP_REASONS = ['conflated', 'dropped', 'resync', 'epoch'] as const;
/**
 * Why publications are missing here. `conflated`: what is left is complete, recover nothing. `dropped`: they are lost to
 * this connection, by the channel's policy. `resync`: nothing more comes until the client subscribes again with its
 * position. `epoch`: the channel began anew, and what was known of it counts no more.
 */
export type GapReason = (typeof GAP_REASONS)[number];

export const gap = {
  about: 'Publications are missing at this place, and why.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'gap' }, 'message type'),
    c: required(channel, 'channel'),
    why: required({ kind: 'oneOf', values: GAP_REASONS }, 'reason'),
    e: optional(epoch, 'the epoch that counts from here'),
    o: optional(whole, 'the offset behind which it goes on'),
  },
} as const;
export type Gap = MessageOf<typeof gap>;

export const unsubscribed = {
  about: 'The server ended a subscription.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'unsub' }, 'message type'),
    c: required(channel, 'channel'),
    code: required({ kind: 'string', maxLength: 64 }, 'a code of docs/errors.md'),
    m: optional({ kind: 'string', maxLength: 512 }, 'what to do, for people'),
  },
} as const;
export type Unsubscribed = MessageOf<typeof unsubscribed>;

export const invitation = {
  about: 'The server subscribes the client: it is to send `sub` with this grant.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'sub' }, 'message type'),
    c: required(channel, 'channel'),
    g: required({ kind: 'string', maxLength: MAX_GRANT_LENGTH }, 'grant'),
  },
} as const;
export type Invitation = MessageOf<typeof invitation>;

const userId = { kind: 'string', minLength: 1, maxLength: MAX_USER_ID_LENGTH } as const;

export const joined = {
  about: 'Somebody came into a channel: their first session subscribed.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'join' }, 'message type'),
    c: required(channel, 'channel'),
    id: required(userId, 'user id'),
  },
} as const;
export type Joined = MessageOf<typeof joined>;

export const left = {
  about: 'Somebody left a channel: their last session is not subscribed any more.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'leave' }, 'message type'),
    c: required(channel, 'channel'),
    id: required(userId, 'user id'),
  },
} as const;
export type Left = MessageOf<typeof left>;

export const broadcast = {
  about: 'A message to everyone.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'msg' }, 'message type'),
    n: required({ kind: 'string', minLength: 1, maxLength: MAX_NAME_LENGTH }, 'name'),
    d: optional(json, 'payload'),
  },
} as const;
export type Broadcast = MessageOf<typeof broadcast>;
