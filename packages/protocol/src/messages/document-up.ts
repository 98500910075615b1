import { MAX_NAME_LENGTH, MAX_PAGE_SIZE, MAX_REQUEST_ID } from '../limits.ts';
import { optional, required } from '../shape.ts';
import type { MessageOf } from '../shape-types.ts';
import { bytes, channel, clientId, json, whole } from './channel-parts.ts';

const request = { kind: 'integer', min: 0, max: MAX_REQUEST_ID } as const;
const part = { kind: 'integer', min: 1, max: 65_536 } as const;
const versionId = { kind: 'string', minLength: 1, maxLength: 64 } as const;

export const updateDocument = {
  about: 'Changes a document: an update of Yjs, whole or in parts.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'upd' }, 'message type'),
    c: required(channel, 'channel'),
    i: optional(
      request,
      'request id, of the last part; the `ok` comes once the update is kept at the level of the channel',
    ),
    d: required(bytes, 'the update, or the part of it, in format 1'),
    n: optional(part, 'which part this is, from 1; goes with `of`'),
    of: optional(part, 'how many parts there are'),
    full: optional(
      { kind: 'boolean' },
      'it is made against a state vector, so that it repeats deletions that are known',
    ),
  },
} as const;
export type UpdateDocument = MessageOf<typeof updateDocument>;

export const awarenessUp = {
  about: 'Says where the sender is in a document: a cursor, a name, a colour.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'aw' }, 'message type'),
    c: required(channel, 'channel'),
    i: optional(request, 'request id'),
    cl: required(clientId, 'the client id that it is of: one that the session has named'),
    n: required(whole, 'clock of the state: a higher one takes the place of a lower'),
    d: optional(json, 'the state, an object; absent: it is over'),
  },
} as const;
export type AwarenessUp = MessageOf<typeof awarenessUp>;

export const DOCUMENT_REQUESTS = ['versions', 'save', 'view', 'diff', 'restore', 'authors'] as const;

export const documentRequest = {
  about: 'Asks about the versions of a document and who wrote it.',
  presenceFields: false,
  fields: {
    t: required({ kind: 'literal', value: 'doc' }, 'message type'),
    c: required(channel, 'channel'),
    i: required(request, 'request id'),
    do: required({ kind: 'oneOf', values: DOCUMENT_REQUESTS }, 'what is asked'),
    v: optional(versionId, '`view`, `diff`, `restore`: the version'),
    w: optional(versionId, '`diff`: the version to compare with; absent: the document as it is'),
    m: optional({ kind: 'string', minLength: 1, maxLength: MAX_NAME_LENGTH }, '`save`: its name'),
    k: optional(versionId, '`versions`: go on behind this one'),
    n: optional({ kind: 'integer', min: 1, max: MAX_PAGE_SIZE }, '`versions`: so many of them'),
  },
} as const;
export type DocumentRequest = MessageOf<typeof documentRequest>;
