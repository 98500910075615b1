import { MAX_REQUEST_ID, MAX_USER_ID_LENGTH } from '../limits.ts';
import { ROLES } from '../role.ts';
import { optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';
import { bytes, channel, clientId, json, whole } from './channel-parts.ts';

const part = { kind: 'integer', min: 1, max: 65_536 } as const;

export const documentState = {
  about: 'A part of the state of a document, behind the `ok` of a `sub` or of a `doc` that asked for one.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'ds' }, 'message type'),
    c: required(channel, 'channel'),
    i: required({ kind: 'integer', min: 0, max: MAX_REQUEST_ID }, 'the number that the `ok` gave the state'),
    n: required(part, 'which part this is, from 1'),
    of: required(part, 'how many parts there are'),
    o: optional(whole, 'reply to `sub`: the offset up to which everything is in the state'),
    d: required(bytes, 'the part of an update of Yjs, format 1'),
  },
} as const;
export type DocumentState = MessageOf<typeof documentState>;

const awarenessItem = {
  about: 'Where one client id is.',
  presenceFields: false,
  fields: {
    cl: required(clientId, 'client id'),
    n: required(whole, 'clock of the state'),
    by: optional({ kind: 'string', maxLength: MAX_USER_ID_LENGTH }, 'its user; absent where it is over'),
    d: optional(json, 'the state; absent: it is over'),
  },
} as const;

export const awarenessDown = {
  about: "Where people are in a document since the last `aw`, the receiver's own included.",
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'aw' }, 'message type'),
    c: required(channel, 'channel'),
    ss: required({ kind: 'list', of: awarenessItem }, 'the latest of each'),
    all: optional({ kind: 'boolean' }, 'this is everybody: whom it does not name is gone'),
  },
} as const;
export type AwarenessDown = MessageOf<typeof awarenessDown>;

export const roleChanged = {
  about: 'What the receiver may do with a document has changed.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'role' }, 'message type'),
    c: required(channel, 'channel'),
    role: required({ kind: 'oneOf', values: ROLES }, 'what they may do from now on'),
    m: optional({ kind: 'string', maxLength: 512 }, 'why, for people'),
  },
} as const;
export type RoleChanged = MessageOf<typeof roleChanged>;
