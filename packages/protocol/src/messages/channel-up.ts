import {
  MAX_CALL_MS,
  MAX_GRANT_LENGTH,
  MAX_NAME_LENGTH,
  MAX_PAGE_SIZE,
  MAX_PUBLICATION_ID_LENGTH,
  MAX_REQUEST_ID,
} from '../limits.ts';
import { optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';
import { bytes, channel, clientId, epoch, json, key, whole } from './channel-parts.ts';

const request = { kind: 'integer', min: 0, max: MAX_REQUEST_ID } as const;
const pageSize = { kind: 'integer', min: 1, max: MAX_PAGE_SIZE } as const;

export const subscribe = {
  about:
    'Subscribes to a channel, or renews a subscription; with a position, what was missed since is replayed.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'sub' }, 'message type'),
    i: required(request, 'request id; the `ok` carries the position'),
    c: required(channel, 'channel'),
    e: optional(epoch, 'epoch of the last position that the client has applied; goes with `o`'),
    o: optional(whole, 'offset of that position; 0 stands before the first publication'),
    last: optional({ kind: 'integer', min: 0, max: MAX_PAGE_SIZE }, 'stream: begin with the last so many'),
    since: optional(whole, 'stream: begin with those taken at or after this time, ms since the epoch'),
    n: optional(pageSize, 'map: entries of the first page'),
    g: optional(
      { kind: 'string', minLength: 1, maxLength: MAX_GRANT_LENGTH },
      'grant: the signed right to subscribe',
    ),
    sv: optional(bytes, 'document: the state vector of what the client has; absent: nothing'),
    cl: optional(
      { kind: 'list', of: clientId },
      "document: the client ids by which the session's user changes it, 16 at most",
    ),
  },
} as const;
export type Subscribe = MessageOf<typeof subscribe>;

export const ticket = {
  about: 'Asks for a ticket: the right of whoever holds it to follow a channel by `GET /sse`.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'ticket' }, 'message type'),
    i: required(
      request,
      'request id; the `ok` carries the ticket in `g`, and in `until` when it must have been used',
    ),
    c: required(channel, 'channel'),
  },
} as const;
export type TicketRequest = MessageOf<typeof ticket>;

export const unsubscribe = {
  about: 'Ends a subscription.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'unsub' }, 'message type'),
    c: required(channel, 'channel'),
    i: optional(request, 'request id'),
  },
} as const;
export type Unsubscribe = MessageOf<typeof unsubscribe>;

export const publish = {
  about: 'Publishes on a channel.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'pub' }, 'message type'),
    c: required(channel, 'channel'),
    d: optional(json, 'payload; absent only with `del`'),
    k: optional(key, 'map: the key; signal: what conflates with what, beside the session'),
    del: optional({ kind: 'boolean' }, 'map: deletes the key'),
    ver: optional(whole, 'map: version of the value; one that is not higher than what is there is dropped'),
    ttl: optional(whole, 'map: the key is deleted after so many ms'),
    id: optional(
      { kind: 'string', minLength: 1, maxLength: MAX_PUBLICATION_ID_LENGTH },
      'idempotency id: the same id publishes once',
    ),
    q: optional(
      { kind: 'string', minLength: 1, maxLength: MAX_PUBLICATION_ID_LENGTH },
      'queue: the lane of this user on this channel; goes with `n`',
    ),
    n: optional(
      { kind: 'integer', min: 1, max: MAX_REQUEST_ID },
      'number in the lane: what is not above the highest taken is not published again',
    ),
    e: optional(epoch, 'expected epoch; goes with `o`'),
    o: optional(whole, 'expected offset of the top: otherwise `conflict`, with the present one'),
    echo: optional({ kind: 'boolean' }, "whether the publisher's own session is sent the payload too"),
    i: optional(request, 'request id; the `ok` carries the position'),
  },
} as const;
export type Publish = MessageOf<typeof publish>;

export const history = {
  about: 'Reads a page of the history.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'hist' }, 'message type'),
    i: required(request, 'request id'),
    c: required(channel, 'channel'),
    e: optional(epoch, 'epoch of the position to read from; goes with `o`'),
    o: optional(
      whole,
      'read behind this offset, with `rev` before it; absent: from the oldest, with `rev` from the newest',
    ),
    rev: optional({ kind: 'boolean' }, 'newest first'),
    n: optional(pageSize, 'publications of the page'),
  },
} as const;
export type History = MessageOf<typeof history>;

export const page = {
  about: "Reads a page of a map's entries, in the order of their keys.",
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'page' }, 'message type'),
    i: required(request, 'request id'),
    c: required(channel, 'channel'),
    k: optional(key, 'the page begins behind this key'),
    n: optional(pageSize, 'entries of the page'),
  },
} as const;
export type Page = MessageOf<typeof page>;

export const members = {
  about: 'Asks who is in a channel. Only subscribers may ask.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'members' }, 'message type'),
    i: required(request, 'request id'),
    c: required(channel, 'channel'),
    k: optional(key, 'the page begins behind this user'),
    n: optional(pageSize, 'users of the page'),
  },
} as const;
export type Members = MessageOf<typeof members>;

export const call = {
  about: 'Calls a function of the app: from the client one of the server, from the server one of the client.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'call' }, 'message type'),
    i: required(request, 'request id; the reply names it'),
    n: required({ kind: 'string', minLength: 1, maxLength: MAX_NAME_LENGTH }, 'name of the call'),
    d: optional(json, 'input'),
    ms: optional(
      { kind: 'integer', min: 1, max: MAX_CALL_MS },
      'how long the caller waits for the answer, ms',
    ),
    id: optional(
      { kind: 'string', minLength: 1, maxLength: MAX_PUBLICATION_ID_LENGTH },
      'from the client: idempotency key, handed to the function',
    ),
  },
} as const;
export type Call = MessageOf<typeof call>;

export const cancel = {
  about: 'The caller no longer waits for the answer.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'cancel' }, 'message type'),
    r: required(request, 'the `call` that is called off'),
  },
} as const;
export type Cancel = MessageOf<typeof cancel>;

export const reply = {
  about: "Answers a `call` of the server: with output, or with a code of the app's.",
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 're' }, 'message type'),
    r: required(request, 'the `call` that is answered'),
    d: optional(json, "output, or the error's data"),
    code: optional(
      { kind: 'string', minLength: 1, maxLength: MAX_NAME_LENGTH },
      'it failed: the code of the error',
    ),
    m: optional({ kind: 'string', maxLength: 512 }, 'what went wrong, for people'),
  },
} as const;
export type Reply = MessageOf<typeof reply>;
