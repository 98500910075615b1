import { MAX_GRANT_LENGTH, MAX_NAME_LENGTH, MAX_REQUEST_ID, MAX_USER_ID_LENGTH } from '../limits.ts';
import { ROLES } from '../role.ts';
import { MAX_INTEGER, optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';
import { bytes, entryItem, epoch, json, key, publicationItem, whole } from './channel-parts.ts';

/** Why a subscription begins without what was missed. */
export const LOSS_REASONS = ['epoch', 'trimmed', 'ahead'] as const;
/**
 * `epoch`: the channel began anew. `trimmed`: what was missed is no longer kept. `ahead`: the position lies in the
 * future of the channel, which is another one then. Each time what the client knew of the channel counts no more.
 */
export type LossReason = (typeof LOSS_REASONS)[number];

export const ok = {
  about: 'A request was carried out.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'ok' }, 'message type'),
    i: required({ kind: 'integer', min: 0, max: MAX_REQUEST_ID }, 'the request'),
    exp: optional(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'reply to `auth`: when the new login token runs out, ms since the epoch',
    ),
    e: optional(epoch, 'the epoch of the channel'),
    o: optional(whole, 'reply to `sub` and `hist`: the top of the channel; to `pub`: the offset that it got'),
    rec: optional(
      { kind: 'boolean' },
      'reply to a `sub` that named a position: whether all that was missed follows',
    ),
    why: optional({ kind: 'oneOf', values: LOSS_REASONS }, 'why not'),
    dup: optional({ kind: 'boolean' }, 'reply to `pub`: it had been published before, at this position'),
    old: optional(
      { kind: 'boolean' },
      'reply to `pub`: dropped, for the key has this version or a newer one',
    ),
    ps: optional(
      { kind: 'list', of: publicationItem },
      'reply to `hist`: publications, in the order asked for',
    ),
    more: optional({ kind: 'boolean' }, 'reply to `hist`: there are more in that direction'),
    es: optional(
      { kind: 'list', of: entryItem },
      'reply to `sub` of a map and to `page`: entries by their keys',
    ),
    ids: optional(
      { kind: 'list', of: { kind: 'string', maxLength: MAX_USER_ID_LENGTH } },
      'reply to `members`: users in their order',
    ),
    next: optional(
      key,
      'reply to `sub`, `page` and `members`: ask for the page behind this; absent: it was the last',
    ),
    n: optional(whole, 'reply to `sub` and `members`: how many are in the channel'),
    g: optional(
      { kind: 'string', maxLength: MAX_GRANT_LENGTH },
      'reply to `sub`: a grant to name at the next `sub`',
    ),
    until: optional(whole, 'reply to `sub`: when the right to be subscribed runs out, ms since the epoch'),
    d: optional(json, 'reply to `call`: output; to `doc`: what was asked'),
    sv: optional(bytes, 'reply to `sub` of a document: the state vector of what the server has'),
    role: optional({ kind: 'oneOf', values: ROLES }, 'reply to `sub` of a document: what the client may do'),
    ds: optional(whole, 'the state of a document follows in `ds` messages of this number'),
  },
} as const;
export type Ok = MessageOf<typeof ok>;

export const err = {
  about:
    'A request was refused, or a message could not be understood. The connection goes on unless a `bye` or a close follows.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'err' }, 'message type'),
    code: required({ kind: 'string', maxLength: 64 }, 'a code of docs/errors.md'),
    m: required({ kind: 'string', maxLength: 512 }, 'what to do, for people; nothing may parse it'),
    i: optional({ kind: 'integer', min: 0, max: MAX_REQUEST_ID }, 'the request, where one was named'),
    retryAfterMs: optional(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'when to try again; absent: do not repeat the same message',
    ),
    path: optional(
      { kind: 'string', maxLength: 256 },
      '`payload_invalid`: where in the payload, as a JSON Pointer',
    ),
    e: optional(epoch, '`conflict`: the present epoch'),
    o: optional(whole, '`conflict`: the present top'),
    n: optional({ kind: 'string', maxLength: MAX_NAME_LENGTH }, "`call_failed`: the app's code of the error"),
    d: optional(json, "`call_failed`: the error's data"),
  },
} as const;
export type Err = MessageOf<typeof err>;

export const ADVICE = ['resume', 'reconnect', 'stop'] as const;
/** What a client does after a close: `resume` with its token, `reconnect` after a pause, or `stop` and ask the user. */
export type Advice = (typeof ADVICE)[number];

export const bye = {
  about: 'The server is about to close this connection, and says what to do then.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'bye' }, 'message type'),
    code: required({ kind: 'string', maxLength: 64 }, 'a close reason of docs/errors.md'),
    advice: required({ kind: 'oneOf', values: ADVICE }, 'resume, reconnect or stop'),
    afterMs: optional(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'how long to wait before the next attempt',
    ),
    m: optional({ kind: 'string', maxLength: 512 }, 'what to do, for people'),
  },
} as const;
export type Bye = MessageOf<typeof bye>;
