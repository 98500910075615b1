import { MAX_REQUEST_ID } from '../limits.ts';
import { MAX_INTEGER, optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';

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
