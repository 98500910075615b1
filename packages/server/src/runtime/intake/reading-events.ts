import type { Patterns } from '../../core/channel/patterns.ts';
import { decodeEvent, type FeedEvent } from '../../core/intake/decode-event.ts';
import {
  type Mapped,
  type MappedPublication,
  MAX_EVENT_ID_LENGTH,
  readMapped,
} from '../../core/intake/mapped.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PoisonCode, SourceEvent, Verdict } from '../../ports/source.ts';
import { type Draft, FEED_SCOPE } from '../channels/draft.ts';
import type { Prepared, Publisher } from '../channels/publishing.ts';
import { check } from '../channels/validating.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import type { FeedTopic, Feeds } from './feeds.ts';

/** An event that nothing speaks against any more: what is to be appended, or the verdict at once. */
export type ReadEvent =
  | { readonly ready: true; readonly prepared: readonly Prepared[] }
  | { readonly ready: false; readonly verdict: Verdict };

/**
 * Reads events: decodes, checks, maps, and checks what came of it. Never rejects.
 *
 * @param publisher which prepares a publication without keeping it
 */
export function createEventReader(
  feeds: Feeds,
  clock: Clock,
  patterns: Patterns,
  publisher: Pick<Publisher, 'prepare'>,
): (raw: SourceEvent) => Promise<ReadEvent> {
  async function read(raw: SourceEvent): Promise<ReadEvent> {
    const topic = feeds.topics.get(raw.topic);
    if (topic === undefined) return poison('event_unknown', unknownTopic(raw.topic, feeds));
    const decoded = decodeEvent(raw, feeds.eventBytes);
    if (!decoded.ok) return poison(decoded.code, decoded.detail);
    let { event } = decoded;
    if (topic.validate !== null) {
      const checked = await check(clock, topic.validate, event.data);
      if (!checked.ok) {
        const { code, path, detail } = checked;
        return code === 'unavailable'
          ? notNow(detail)
          : poison('event_invalid', `${path || 'data'}: ${detail}`);
      }
      event = { ...event, data: checked.value };
    }
    return map(raw, event, topic);
  }

  async function map(raw: SourceEvent, event: FeedEvent, topic: FeedTopic): Promise<ReadEvent> {
    let mapped: Mapped;
    try {
      const returned = topic.map(event);
      hear(returned);
      mapped = readMapped(returned);
    } catch (error) {
      return poison('mapping_failed', error instanceof Error ? error.message : String(error));
    }
    if (mapped.kind === 'invalid') return poison('publication_invalid', mapped.detail);
    if (mapped.kind === 'unknown')
      return topic.unknown === 'dead-letter'
        ? poison('event_unknown', 'the mapping knows no such event')
        : { ready: false, verdict: { result: 'ignored' } };
    const id = topic.ids === 'place' ? raw.place : event.id;
    const prepared: Prepared[] = [];
    for (const [at, publication] of mapped.publications.entries()) {
      const known = publication.id ?? id;
      if (known === null || known.length > MAX_EVENT_ID_LENGTH)
        return poison('event_id_missing', idMissing(known));
      const one = await prepare(raw, event, publication, at === 0 ? known : `${known} ${at}`);
      if (!one.ready) return one;
      prepared.push(...one.prepared);
    }
    return prepared.length === 0
      ? { ready: false, verdict: { result: 'ignored' } }
      : { ready: true, prepared };
  }

  async function prepare(
    { topic }: SourceEvent,
    { atMs }: FeedEvent,
    publication: MappedPublication,
    id: string,
  ): Promise<ReadEvent> {
    const matched = patterns.match(publication.channel);
    if (!matched.ok) return poison('publication_invalid', matched.detail);
    const { channel, value, del, key, version, ttlMs, ref } = publication;
    if (matched.spec.kind === 'signal')
      return poison(
        'publication_invalid',
        `${channel}: a signal is not kept, so that its events could not be known again`,
      );
    const draft: Draft = {
      ...{ channel, del, key, version, ttlMs, id, ref },
      data: value,
      queue: undefined,
      number: undefined,
      expect: undefined,
      by: null,
      echo: undefined,
      eventMs: atMs ?? undefined,
      scope: `${FEED_SCOPE} ${topic}`,
    };
    const prepared = await publisher.prepare(draft, matched);
    if (prepared.ok) return { ready: true, prepared: [prepared] };
    const { code, detail, path } = prepared;
    if (code === 'unavailable') return notNow(detail);
    return poison(
      'publication_invalid',
      `${channel}: ${path === undefined ? '' : `${path || 'value'}: `}${detail}`,
    );
  }

  return read;
}

/** A mapping that is `async` is poison; were its rejection heard by nobody, it would end the process, at each redelivery anew. */
function hear(returned: unknown): void {
  const all: readonly unknown[] = Array.isArray(returned) ? returned : [returned];
  for (const one of all) if (one instanceof Promise) one.catch(() => undefined); // It is refused either way.
}

function poison(code: PoisonCode, detail: string): ReadEvent {
  return { ready: false, verdict: { result: 'poison', code, detail } };
}

function notNow(detail: string): ReadEvent {
  return { ready: false, verdict: { result: 'unavailable', detail, retryAfterMs: RETRY_UNAVAILABLE_MS } };
}

function unknownTopic(topic: string, { topics }: Feeds): string {
  const names = [...topics.keys()];
  return `nothing is mapped for the topic ${JSON.stringify(topic)}; feeds.topics has ${names.length === 0 ? 'none' : names.join(', ')}`;
}

function idMissing(id: string | null): string {
  return id === null
    ? 'it has no id: without one a repetition could not be known again'
    : `its id has ${id.length} characters, and at most ${MAX_EVENT_ID_LENGTH} are taken`;
}
