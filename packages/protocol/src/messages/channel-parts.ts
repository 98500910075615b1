import {
  MAX_BASE64_LENGTH,
  MAX_CHANNEL_LENGTH,
  MAX_EPOCH_LENGTH,
  MAX_KEY_LENGTH,
  MAX_REF_LENGTH,
  MAX_USER_ID_LENGTH,
} from '../limits.ts';
import { MAX_INTEGER, optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';

export const channel = { kind: 'string', minLength: 1, maxLength: MAX_CHANNEL_LENGTH } as const;
export const epoch = { kind: 'string', minLength: 1, maxLength: MAX_EPOCH_LENGTH } as const;
export const whole = { kind: 'integer', min: 0, max: MAX_INTEGER } as const;
export const key = { kind: 'string', minLength: 1, maxLength: MAX_KEY_LENGTH } as const;
export const json = { kind: 'json' } as const;
/** Bytes as base64 (RFC 4648, section 4), padded. What they are is for the receiver to check. */
export const bytes = { kind: 'string', maxLength: MAX_BASE64_LENGTH } as const;
/** What Yjs calls a client: an unsigned integer of 53 bits at most, 32 as a rule. */
export const clientId = { kind: 'integer', min: 0, max: MAX_INTEGER } as const;
const ref = optional(
  { kind: 'string', minLength: 1, maxLength: MAX_REF_LENGTH },
  'what it answers, as the server named it',
);

/** What a publication is, wherever it stands: in `p`, in `ps`, in a page of the history. */
const body = {
  o: required({ kind: 'integer', min: 1, max: MAX_INTEGER }, 'offset in the channel, from 1'),
  ts: optional(whole, 'when it was taken, ms since the epoch'),
  by: optional({ kind: 'string', maxLength: MAX_USER_ID_LENGTH }, 'who published it; absent: the server'),
  d: optional(json, 'the payload; absent where the key was deleted'),
  k: optional(key, 'map: the key that it sets or deletes'),
  del: optional({ kind: 'boolean' }, 'map: the key was deleted, or ran out'),
  ver: optional(whole, "map: the publisher's version of the value"),
  ref,
} as const;

export const publicationItem = {
  about: 'One publication of a replay or of the history.',
  presenceFields: false,
  fields: body,
} as const;
export type PublicationItem = MessageOf<typeof publicationItem>;

export const entryItem = {
  about: 'One key of a map.',
  presenceFields: false,
  fields: {
    k: required(key, 'key'),
    d: required(json, 'value'),
    o: required({ kind: 'integer', min: 1, max: MAX_INTEGER }, 'offset of the publication that set it'),
    ts: optional(whole, 'when it was set, ms since the epoch'),
    by: optional({ kind: 'string', maxLength: MAX_USER_ID_LENGTH }, 'who set it; absent: the server'),
    ver: optional(whole, "the publisher's version of the value"),
    ref,
  },
} as const;
export type EntryItem = MessageOf<typeof entryItem>;

export const publication = {
  about: 'A publication on a channel, live.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'p' }, 'message type'),
    c: required(channel, 'channel'),
    ...body,
    own: optional(
      { kind: 'boolean' },
      "the receiver's own publication, which is not echoed: the payload is left out",
    ),
    i: optional(whole, 'with `own`: the request, where it named one'),
  },
} as const;
export type PublicationMessage = MessageOf<typeof publication>;

export const replay = {
  about: 'Publications that were missed, oldest first, behind the `ok` of a `sub`.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'ps' }, 'message type'),
    c: required(channel, 'channel'),
    ps: required({ kind: 'list', of: publicationItem }, 'publications, oldest first'),
  },
} as const;
export type Replay = MessageOf<typeof replay>;
