import type { EventContent, PoisonCode, SourceEvent } from '../../ports/source.ts';
import { readAttributes, readStructured, type CloudEventAttributes } from './cloud-event.ts';
import { isJsonType, textOf } from './content.ts';

/** An event as the app's mapping is given it. `data` is what its schema makes of it. */
export type FeedEvent<Data = unknown> = {
  readonly topic: string;
  readonly key: string | null;
  /** Null: it has none that could be found. Of a CloudEvent its `source` and `id`, which only together are unique. */
  readonly id: string | null;
  /** `type` of a CloudEvent; null: it is none. */
  readonly type: string | null;
  /** `subject` of a CloudEvent; null: none. */
  readonly subject: string | null;
  /** When it happened, ms since the epoch; null: nobody said. */
  readonly atMs: number | null;
  readonly headers: Readonly<Record<string, string>>;
  /** The payload; null where there is none, as of a tombstone in Kafka. */
  readonly data: Data;
};

export type Decoded =
  | { readonly ok: true; readonly event: FeedEvent }
  | { readonly ok: false; readonly code: PoisonCode; readonly detail: string };

/** Where an event that is no CloudEvent may say what its id is, in this order. */
const ID_HEADERS = ['event-id', 'id', 'message-id'] as const;
const ID_FIELDS = ['id', 'eventId'] as const;

/**
 * Reads an event: JSON, or a CloudEvent (version 1.0) in its structured or binary form.
 *
 * @param maxBytes of its content
 */
export function decodeEvent(raw: SourceEvent, maxBytes: number): Decoded {
  const size = raw.content.kind === 'bytes' ? raw.content.bytes.byteLength : 0;
  if (size > maxBytes)
    return {
      ok: false,
      code: 'event_too_large',
      detail: `it has ${size} bytes, and at most ${maxBytes} are taken`,
    };
  const type = typeOf(raw.content, raw.headers);
  if (type?.startsWith('application/cloudevents+json') === true) return fromStructured(raw);
  const attributes = readAttributes(raw.headers);
  if (attributes === null) return fromPlain(raw, type);
  if (!attributes.ok) return unreadable(attributes.detail);
  const data = dataOf(raw.content, attributes.attributes.dataType ?? type);
  return data.ok ? fromCloudEvent(raw, attributes.attributes, data.value) : unreadable(data.detail);
}

type Read = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string };

function fromStructured(raw: SourceEvent): Decoded {
  const envelope = dataOf(raw.content, 'application/json');
  if (!envelope.ok) return unreadable(envelope.detail);
  const read = readStructured(envelope.value);
  return read.ok ? fromCloudEvent(raw, read.attributes, read.data) : unreadable(read.detail);
}

function fromCloudEvent(raw: SourceEvent, attributes: CloudEventAttributes, data: unknown): Decoded {
  const { id, source, type, subject, timeMs } = attributes;
  const { topic, key, headers, atMs } = raw;
  return {
    ok: true,
    event: { topic, key, headers, id: `${source} ${id}`, type, subject, atMs: timeMs ?? atMs, data },
  };
}

function fromPlain(raw: SourceEvent, type: string | null): Decoded {
  const read = dataOf(raw.content, type);
  if (!read.ok) return unreadable(read.detail);
  const { topic, key, headers, atMs } = raw;
  const id = raw.id ?? idAmong(headers, ID_HEADERS) ?? idAmong(read.value, ID_FIELDS);
  return { ok: true, event: { topic, key, headers, id, type: null, subject: null, atMs, data: read.value } };
}

/** @param type where it is none of JSON, the content is text */
function dataOf(content: EventContent, type: string | null): Read {
  if (content.kind === 'value') return { ok: true, value: content.value };
  if (content.bytes.byteLength === 0) return { ok: true, value: null };
  const text = textOf(content.bytes);
  if (text === undefined) return { ok: false, detail: 'it is not UTF-8' };
  if (type !== null && !isJsonType(type)) return { ok: true, value: text };
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    // The parser's message would quote the content, and details go to logs.
    return { ok: false, detail: 'it is no JSON' };
  }
}

function typeOf(content: EventContent, headers: Readonly<Record<string, string>>): string | null {
  const said = (content.kind === 'bytes' ? content.type : null) ?? headers['content-type'];
  return said?.trim().toLowerCase() ?? null;
}

/** The first of the names that holds a text or a whole number. */
function idAmong(value: unknown, names: readonly string[]): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const name of names) {
    if (!Object.hasOwn(value, name)) continue;
    const id = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof id === 'string' && id !== '') return id;
    if (Number.isSafeInteger(id)) return String(id);
  }
  return null;
}

function unreadable(detail: string): Decoded {
  return { ok: false, code: 'event_unreadable', detail };
}
