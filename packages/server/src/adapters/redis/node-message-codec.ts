import type { AwarenessNotice, NodeMessage, PublicationNotice } from '../../ports/broker.ts';
import type { Publication } from '../../ports/log.ts';
import { toldText } from './log-text.ts';
import { readHeader } from './node-message-header.ts';

/**
 * How messages between nodes are written on a pub/sub channel:
 *
 * - A header: one line of JSON, an object with its `kind`. Fields that are not known are ignored, kinds that are not known
 *   dropped, so that versions N and N-1 understand each other.
 * - Where the message carries a payload (publication, signal, awareness, broadcast): a newline behind the header, and then the payload's
 *   JSON text as it is, which may hold newlines itself. It is neither escaped nor parsed on its way. A publication without a
 *   newline has no payload: a key was deleted.
 *
 * | kind | header, beside `kind` |
 * |---|---|
 * | publication | `epoch`, `offset`, `at` (ms), and where there is one `by`, `ref`, `key`, `version`, `silent` (`[session, request or null]`), `event` (ms) |
 * | signal | `session`, and where there is one `by`, `key` |
 * | awareness | `node`, `items`: `[[client, clock, user, length of its state in UTF-16 units, or -1 where it is over]]`, and where it is so `all`, `ask`; the payload is the states one behind the other |
 * | broadcast | `name` |
 * | member | `user`, `joined`, `version`, `prev` |
 * | every other | the fields of the message, as ports/broker.ts names them |
 *
 * Publications, signals, awareness and member notices do not name their channel: the topic does.
 *
 * Scripts publish in the step that changes, and put messages together themselves, from the files in lua/ that are shared:
 *
 * - `publication-message.lua`: `publication_message(epoch, offset, tail, data)`, where `tail` is `publicationTail(…)` of this
 *   file and `data` the payload, '' where there is none; `deletion_message(epoch, offset, at, key)` for a key that ran out.
 * - `presence-message.lua`: `presence_message(prev, record)`, where `record` is the JSON text of a `PresenceRecord`.
 * - `member-message.lua`: `member_message(user, joined, version, prev)`, where `user` is JSON text (`JSON.stringify(user)`).
 * - `taken-message.lua`: `taken_message(user, session, generation)`, where `user` and `session` are JSON text.
 */

/** The text that carries a message on its topic's channel. */
export function encodeNodeMessage(message: NodeMessage): string {
  switch (message.kind) {
    case 'publication':
      return encodePublication(message);
    case 'signal': {
      const { kind, session, by, key, data } = message;
      const header = { kind, session, by: by ?? undefined, key: key ?? undefined };
      return `${JSON.stringify(header)}\n${data}`;
    }
    case 'awareness':
      return encodeAwareness(message);
    case 'broadcast': {
      const { kind, name, data } = message;
      return `${JSON.stringify({ kind, name })}\n${data}`;
    }
    case 'member': {
      const { kind, user, joined, version, prev } = message;
      return JSON.stringify({ kind, user, joined, version, prev });
    }
    case 'presence':
    case 'edge':
    case 'roster':
    case 'end':
    case 'subscription':
    case 'taken':
    case 'status':
    case 'ask':
    case 'answer':
    case 'node':
      return JSON.stringify(message);
  }
}

/** What a text on a topic's channel says; null where it is damaged, or of a kind that this version does not know. */
export function decodeNodeMessage(topic: string, text: string): NodeMessage | null {
  const newline = text.indexOf('\n');
  const data = newline === -1 ? null : text.slice(newline + 1);
  try {
    return readHeader(topic, JSON.parse(newline === -1 ? text : text.slice(0, newline)), data);
  } catch {
    return null; // No JSON: damaged, and not ours to repair.
  }
}

/**
 * What follows epoch and offset in the message of a publication, up to its payload. A script that appends is given it, for it
 * learns the two only then.
 *
 * @param told as `toldText` makes it
 */
export function publicationTail(
  { atMs, by, ref, key, version, data }: Omit<Publication, 'offset'>,
  told: string,
): string {
  let tail = `,"at":${atMs}`;
  if (by !== null) tail += `,"by":${JSON.stringify(by)}`;
  // Before the key: a deletion of one that ran out takes over what stands from there on, of every version (log-expire.lua).
  if (ref !== null) tail += `,"ref":${JSON.stringify(ref)}`;
  if (key !== null) tail += `,"key":${JSON.stringify(key)}`;
  if (version !== null) tail += `,"version":${version}`;
  tail += told;
  return data === null ? `${tail}}` : `${tail}}\n`;
}

function encodeAwareness({ kind, node, items, all, ask }: AwarenessNotice): string {
  const header = {
    kind,
    node,
    items: items.map(({ client, clock, user, state }) => [client, clock, user, state?.length ?? -1]),
    all: all || undefined,
    ask: ask || undefined,
  };
  return `${JSON.stringify(header)}\n${items.map(({ state }) => state ?? '').join('')}`;
}

function encodePublication(notice: PublicationNotice): string {
  const { epoch, publication } = notice;
  const tail = publicationTail(publication, toldText(notice));
  return `{"kind":"publication","epoch":${JSON.stringify(epoch)},"offset":${publication.offset}${tail}${publication.data ?? ''}`;
}
