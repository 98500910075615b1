import {
  MAX_DEVICE_LENGTH,
  MAX_LOGIN_TOKEN_LENGTH,
  MAX_PRESENCE_VALUE_LENGTH,
  MAX_REQUEST_ID,
  MAX_RESUME_TOKEN_LENGTH,
  MAX_USER_ID_LENGTH,
} from '../limits.ts';
import { MAX_INTEGER, optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';
import { STATUSES } from '../status.ts';

const value = { kind: 'string', maxLength: MAX_PRESENCE_VALUE_LENGTH } as const;

export const login = {
  about: 'The first message of a connection: who this is, and which session it goes on with.',
  presenceFields: true,
  fields: {
    t: required({ kind: 'literal', value: 'login' }, 'message type'),
    username: required(
      { kind: 'string', minLength: 1, maxLength: MAX_USER_ID_LENGTH },
      'the user id; equals the `sub` of the token',
    ),
    token: required(
      { kind: 'string', minLength: 1, maxLength: MAX_LOGIN_TOKEN_LENGTH },
      'login token (JWT, or what the authenticate hook takes)',
    ),
    resume: optional(
      { kind: 'string', minLength: 1, maxLength: MAX_RESUME_TOKEN_LENGTH },
      'resume token of the session to go on with',
    ),
    at: optional(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'the last low-water stamp seen (from `token` or `hb`); asks for a delta sync',
    ),
    device: optional(
      { kind: 'string', minLength: 1, maxLength: MAX_DEVICE_LENGTH },
      'device name; sessions of one device share its presence',
    ),
    v: optional(
      { kind: 'integer', min: 0, max: 65535 },
      'the newest protocol version the client speaks; absent means 1',
    ),
    s: optional({ kind: 'oneOf', values: STATUSES }, 'status to begin with; absent means Online'),
    i: optional({ kind: 'integer', min: 0, max: MAX_REQUEST_ID }, 'request id, repeated in an `err`'),
  },
} as const;
export type Login = MessageOf<typeof login>;

export const logout = {
  about: 'Ends the session at once: friends see the user go offline without the grace.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'logout' }, 'message type'),
    i: optional({ kind: 'integer', min: 0, max: MAX_REQUEST_ID }, 'request id, repeated in the `ok`'),
  },
} as const;
export type Logout = MessageOf<typeof logout>;

export const auth = {
  about: 'Replaces the login token of an open session before the old one runs out.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'auth' }, 'message type'),
    token: required(
      { kind: 'string', minLength: 1, maxLength: MAX_LOGIN_TOKEN_LENGTH },
      'the new login token, of the same user',
    ),
    i: optional(
      { kind: 'integer', min: 0, max: MAX_REQUEST_ID },
      'request id, repeated in the `ok` or `err`',
    ),
  },
} as const;
export type Auth = MessageOf<typeof auth>;

export const token = {
  about: 'The login worked: the resume token of the session, and how it will be kept.',
  presenceFields: true,
  fields: {
    t: required({ kind: 'literal', value: 'token' }, 'message type'),
    token: required(
      { kind: 'string', maxLength: MAX_RESUME_TOKEN_LENGTH },
      'resume token; replaces the one before',
    ),
    session: required({ kind: 'string', maxLength: 64 }, 'session id, for logs and support; no secret'),
    v: required({ kind: 'integer', min: 1, max: 65535 }, 'the protocol version of this connection'),
    s: optional({ kind: 'oneOf', values: STATUSES }, "status of the session's own device after this login"),
    a: optional(value, "activity of the session's own device"),
    p: optional(value, "project of the session's own device"),
    l: optional(value, "language of the session's own device"),
    resumed: required({ kind: 'boolean' }, 'true when the session named by `resume` goes on'),
    at: required(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'low-water stamp: the `sync` that follows covers everything up to it',
    ),
    graceMs: required(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'how long the session waits for a resume after its connection dropped',
    ),
    hbMs: required({ kind: 'integer', min: 1, max: MAX_INTEGER }, 'interval at which the server asks `hb`'),
    exp: optional(
      { kind: 'integer', min: 0, max: MAX_INTEGER },
      'when the login token runs out, ms since the epoch',
    ),
  },
} as const;
export type Token = MessageOf<typeof token>;
