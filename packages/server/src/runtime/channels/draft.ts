import { MAX_KEY_LENGTH, MAX_REF_LENGTH, type Publish, isUserId } from '@carillon/protocol';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import type { Append, Position } from '../../ports/log.ts';

/** What is to be published, whoever publishes it. The payload is not yet checked. */
export type Draft = {
  readonly channel: string;
  readonly data: unknown;
  readonly del: boolean;
  readonly key: string | undefined;
  readonly version: number | undefined;
  readonly ttlMs: number | undefined;
  readonly id: string | undefined;
  /** Queue and number; both or neither. */
  readonly queue: string | undefined;
  readonly number: number | undefined;
  readonly expect: Position | undefined;
  /** Null: the server. */
  readonly by: { readonly user: string; readonly session: string; readonly request: number | null } | null;
  readonly echo: boolean | undefined;
  /** What the publication answers, of the server's side alone ([PUB8]). */
  readonly ref: string | undefined;
  /** When what it tells of happened, ms since the epoch. */
  readonly eventMs: number | undefined;
  /**
   * In which scope `id` is known again, for publishers that are no user, such as feeds (`FEED_SCOPE`); undefined: its
   * publisher's own. Where one is given, the id alone stands for the publication: its payload is not compared.
   */
  readonly scope: string | undefined;
};

/** A scope that no client can have, for no user's id holds a control character ([LIM4]). */
export const FEED_SCOPE = '\u0001feed';

/** Why it is none that its channel could ever take. */
export type RefusedDraft = {
  readonly ok: false;
  readonly code: 'bad_message' | 'kind_mismatch';
  readonly detail: string;
};

/** What a client asks to publish. */
export function draftOf(message: Publish, user: string, session: string): Draft {
  const { e, o } = message;
  return {
    channel: message.c,
    data: message.d,
    del: message.del === true,
    key: message.k,
    version: message.ver,
    ttlMs: message.ttl,
    id: message.id,
    queue: message.q,
    number: message.n,
    expect: e === undefined || o === undefined ? undefined : { epoch: e, offset: o },
    by: { user, session, request: message.i ?? null },
    echo: message.echo,
    ref: undefined,
    eventMs: undefined,
    scope: undefined,
  };
}

/** @param taken the payload as the schema left it */
export function silentOf(
  { by, echo, data }: Draft,
  spec: ChannelSpec,
  taken: string | null,
): Append['silent'] {
  if (by === null || (echo ?? spec.echo)) return null;
  // The publisher knows what it sent, and not what the schema made of it.
  if (taken !== null && taken !== JSON.stringify(data)) return null;
  return { session: by.session, request: by.request };
}

/** Whatever somebody took for a time: what is none is not known. */
export function eventMsOf({ eventMs }: Draft): number | null {
  return eventMs !== undefined && Number.isFinite(eventMs) ? eventMs : null;
}

/** @param publishes whether the log does: then it is told who is spared the payload */
export function toAppend(
  draft: Draft,
  spec: ChannelSpec,
  data: string | null,
  nowMs: number,
  publishes: boolean,
): Append {
  const { queue, number, by, key, version } = draft;
  return {
    channel: draft.channel,
    kind: spec.kind === 'map' ? 'map' : 'stream',
    retention: spec.retention,
    by: by?.user ?? null,
    data,
    key: key ?? null,
    version: version ?? null,
    ref: draft.ref ?? null,
    eventMs: eventMsOf(draft),
    ttlMs: data === null ? null : (draft.ttlMs ?? spec.ttlMs),
    expect: draft.expect ?? null,
    once: onceOf(draft, data),
    lane: queue === undefined || number === undefined ? null : { scope: by?.user ?? '', queue, number },
    silent: publishes ? silentOf(draft, spec, data) : null,
    nowMs,
  };
}

function onceOf(draft: Draft, data: string | null): Append['once'] {
  const { id, scope, by } = draft;
  if (id === undefined) return null;
  if (scope !== undefined) return { scope, id, print: '' };
  return { scope: by?.user ?? '', id, print: printOf(draft, data) };
}

/** What makes one publication another than the one that the same id stood for. */
function printOf({ key, version, ttlMs }: Draft, data: string | null): string {
  if (key === undefined && version === undefined && ttlMs === undefined) return data ?? '';
  return JSON.stringify([key, version, ttlMs, data]);
}

/** What is wrong with it, whatever its payload holds; undefined: nothing. */
export function wrongDraft(draft: Draft, { kind }: ChannelSpec): RefusedDraft | undefined {
  const { data, del, key } = draft;
  if (del && data !== undefined) return bad('d: not beside del');
  if (!del && data === undefined) return bad('d: expected a payload');
  if ((draft.queue === undefined) !== (draft.number === undefined)) return bad('q and n go together');
  if (draft.queue !== undefined && draft.id !== undefined) return bad('id: not beside q and n');
  if (kind === 'document') return mismatch('a document is changed by upd');
  if (kind === 'map') return key === undefined ? bad('k: expected the key') : undefined;
  if (del) return mismatch('only maps have keys to delete');
  if (draft.version !== undefined || draft.ttlMs !== undefined)
    return mismatch('only maps have versions and times to live');
  if (kind === 'stream') return key === undefined ? undefined : mismatch('a stream has no keys');
  if (draft.id !== undefined || draft.expect !== undefined || draft.queue !== undefined)
    return mismatch('a signal has no position to expect, no ids and no lanes');
  if (draft.ref !== undefined) return mismatch('a signal answers nothing: it has no ref');
  return undefined;
}

/**
 * What is wrong with the values of a draft that no message and no request was checked for: a function of the configuration made
 * it. Undefined: nothing.
 */
export function wrongValues({ key, version, ttlMs, ref }: Draft): RefusedDraft | undefined {
  if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > MAX_KEY_LENGTH))
    return bad(`key: expected 1 to ${MAX_KEY_LENGTH} characters`);
  if (version !== undefined && !isWhole(version)) return bad('version: expected a whole number, not below 0');
  if (ttlMs !== undefined && !isWhole(ttlMs)) return bad('ttlMs: expected a whole number, not below 0');
  // What a user id may hold is kept and told as it is by every log.
  if (ref !== undefined && !(isUserId(ref) && ref.length <= MAX_REF_LENGTH))
    return bad(
      `ref: expected 1 to ${MAX_REF_LENGTH} characters, none of them a control character or a lone surrogate`,
    );
  return undefined;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function bad(detail: string): RefusedDraft {
  return { ok: false, code: 'bad_message', detail };
}

function mismatch(detail: string): RefusedDraft {
  return { ok: false, code: 'kind_mismatch', detail };
}
