import { MAX_PRESENCE_VALUE_LENGTH, MAX_REQUEST_ID, MAX_USER_ID_LENGTH } from '../limits.ts';
import { MAX_INTEGER, optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';
import { STATUSES, VISIBLE_STATUSES } from '../status.ts';

const userId = { kind: 'string', minLength: 1, maxLength: MAX_USER_ID_LENGTH } as const;
const value = { kind: 'string', maxLength: MAX_PRESENCE_VALUE_LENGTH } as const;
const visibleStatus = { kind: 'oneOf', values: VISIBLE_STATUSES } as const;
const stamp = { kind: 'integer', min: 0, max: MAX_INTEGER } as const;

export const statusUpdate = {
  about: "Sets what of the device's presence is named; an empty string clears a field.",
  presenceFields: true,
  fields: {
    t: required({ kind: 'literal', value: 'statusUpdate' }, 'message type'),
    s: optional({ kind: 'oneOf', values: STATUSES }, 'status'),
    a: optional(value, 'activity'),
    p: optional(value, 'project'),
    l: optional(value, 'language'),
    i: optional(
      { kind: 'integer', min: 0, max: MAX_REQUEST_ID },
      'request id; asks for an `ok` once the change would survive a crash',
    ),
  },
} as const;
export type StatusUpdate = MessageOf<typeof statusUpdate>;

export const friend = {
  about: 'One friend as the viewer may see them.',
  presenceFields: true,
  fields: {
    username: required(userId, 'user id'),
    s: required(visibleStatus, 'status'),
    a: optional(value, 'activity'),
    p: optional(value, 'project'),
    l: optional(value, 'language'),
    ts: optional(stamp, 'offline friends: last seen, ms since the epoch, where the viewer may see it'),
  },
} as const;
export type Friend = MessageOf<typeof friend> & Readonly<Record<string, unknown>>;

export const sync = {
  about:
    'The friends and their state: all of them, or with `delta` only those that changed since the named stamp.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'sync' }, 'message type'),
    users: required({ kind: 'list', of: friend }, 'friends, in no order'),
    delta: optional(
      { kind: 'boolean' },
      'true: friends that are not named are unchanged; absent: they are no friends any more',
    ),
    gone: optional({ kind: 'list', of: userId }, 'with `delta`: who is no friend any more'),
  },
} as const;
export type Sync = MessageOf<typeof sync>;

export const update = {
  about: 'A friend who is online changed; only what changed is named.',
  presenceFields: true,
  fields: {
    t: required({ kind: 'literal', value: 'u' }, 'message type'),
    id: required(userId, 'user id'),
    s: optional(visibleStatus, 'status'),
    a: optional(value, 'activity'),
    p: optional(value, 'project'),
    l: optional(value, 'language'),
  },
} as const;
export type Update = MessageOf<typeof update>;

export const online = {
  about: 'A friend came online.',
  presenceFields: true,
  fields: {
    t: required({ kind: 'literal', value: 'o' }, 'message type'),
    id: required(userId, 'user id'),
    s: required(visibleStatus, 'status'),
    a: optional(value, 'activity'),
    p: optional(value, 'project'),
    l: optional(value, 'language'),
  },
} as const;
export type Online = MessageOf<typeof online>;

export const offline = {
  about: 'A friend went offline.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'x' }, 'message type'),
    id: required(userId, 'user id'),
    ts: optional(stamp, 'last seen, ms since the epoch, where the viewer may see it'),
  },
} as const;
export type Offline = MessageOf<typeof offline>;
