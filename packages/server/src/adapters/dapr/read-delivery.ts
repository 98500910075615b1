import type { EventContent, SourceEvent } from '../../ports/source.ts';
import { readCutBulk } from './cut-bulk.ts';
import type { DaprSettings } from './dapr-settings.ts';
import { type Headers, headersOfEntry, headersOfRequest } from './headers.ts';

/** One of several events of a request. */
export type BulkEntry = {
  readonly entryId: string;
  /** Of it as it came, where it could be too large; else 0. */
  readonly bytes: number;
  readonly event: SourceEvent;
};

export type Delivery =
  | { readonly kind: 'single'; readonly event: SourceEvent }
  | { readonly kind: 'bulk'; readonly entries: readonly BulkEntry[] };

export type DeliveryOptions = Pick<DaprSettings, 'topics' | 'eventBytes' | 'escapedHeaders'> & {
  /** Unique for all practical purposes. */
  id(): string;
};

type Fields = Readonly<Record<string, unknown>>;

const CLOUD_EVENT = 'application/cloudevents+json';

/** What Dapr says of a payload of which it knows nothing. */
const UNKNOWN_TYPE = 'application/octet-stream';

/**
 * Reads what a sidecar posted. A sidecar labels all that it sends alone as a CloudEvent, also what is none: the payload of an event in
 * binary form, whose attributes are headers then, and whatever else a topic holds. So the content is looked at, and not its label.
 *
 * @param headers of the request, names in lower case
 */
export function readDelivery(
  topic: string,
  headers: Headers,
  body: Uint8Array,
  options: DeliveryOptions,
): Delivery {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const about = { topic, headers: headersOfRequest(headers, options.escapedHeaders), options };
  // Binary mode of HTTP: the attributes are headers, the body is the payload and has its own type.
  if (about.headers['ce-specversion'] !== undefined || !/[/+]json$/.test(type || CLOUD_EVENT))
    return { kind: 'single', event: eventOf(about, { kind: 'bytes', bytes: body, type: type || null }) };
  const value = parsed(body);
  if (value === undefined) {
    // Dapr hands on the payload of a binary CloudEvent that is no JSON; for all others the intake says what is wrong with it.
    const isBinary = about.headers['ce_specversion'] !== undefined;
    const content: EventContent = { kind: 'bytes', bytes: body, type: isBinary ? UNKNOWN_TYPE : null };
    return { kind: 'single', event: eventOf(about, content) };
  }
  const entries = entriesOf(value);
  if (entries === null) return { kind: 'single', event: fromValue(about, value) };
  // None can be larger than all of them.
  const atMost = body.byteLength > options.eventBytes ? body.byteLength : 0;
  return { kind: 'bulk', entries: entries.map((entry) => fromEntry(topic, entry, atMost, options)) };
}

/** What a request with several events held before it became too large. */
export type CutDelivery = {
  readonly entries: readonly BulkEntry[];
  /** The entry in which it was cut, where that is larger by itself than any may be. */
  readonly tooLarge: { readonly entryId: string; readonly bytes: number } | null;
};

/**
 * The same of the beginning of a request with several events; null where it is none.
 *
 * @param entryBytes what an entry may have with all that stands around its event
 */
export function readCutDelivery(
  topic: string,
  first: Uint8Array,
  entryBytes: number,
  options: DeliveryOptions,
): CutDelivery | null {
  const cut = readCutBulk(first);
  if (cut === null) return null;
  const entries = entriesOf({ entries: cut.entries.map(parsed) });
  if (entries === null) return null;
  return {
    entries: entries.map((entry) => fromEntry(topic, entry, first.byteLength, options)),
    tooLarge: cut.rest.byteLength > entryBytes ? nameOf(cut.rest) : null,
  };
}

/** Dapr writes the id of an entry first, so that it is there of one that was cut. */
function nameOf(rest: Uint8Array): CutDelivery['tooLarge'] {
  const begin = Buffer.from(rest.subarray(0, 1_024)).toString('utf8');
  const [, text] = /^\{\s*"entryId"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(begin) ?? [];
  if (text === undefined) return null;
  return { entryId: JSON.parse(text) as string, bytes: rest.byteLength };
}

type About = {
  readonly topic: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly options: DeliveryOptions;
};

/** Of `com.dapr.event.sent.bulk`, whose entries have ids; null where the value is something else. */
function entriesOf(value: unknown): readonly Fields[] | null {
  if (!isObject(value) || value['specversion'] !== undefined) return null;
  const { entries } = value;
  if (!Array.isArray(entries)) return null;
  return entries.every((entry): entry is Fields => isObject(entry) && typeof entry['entryId'] === 'string')
    ? entries
    : null;
}

/** @param atMost bytes of the whole request; 0: none of it can be too large */
function fromEntry(topic: string, entry: Fields, atMost: number, options: DeliveryOptions): BulkEntry {
  const { entryId, event, metadata, contentType } = entry;
  const about = { topic, headers: headersOfEntry(metadata, options.escapedHeaders), options };
  if (typeof event !== 'string') {
    const bytes = atMost === 0 ? 0 : bytesOf(event, atMost);
    return { entryId: String(entryId), bytes, event: fromValue(about, event) };
  }
  // Without CloudEvents it is the payload in base64, and its type beside it.
  const bytes = Buffer.from(event, 'base64');
  const type = typeof contentType === 'string' && contentType !== UNKNOWN_TYPE ? contentType : null;
  const content: EventContent = { kind: 'bytes', bytes, type };
  return { entryId: String(entryId), bytes: bytes.byteLength, event: eventOf(about, content) };
}

/** What is parsed may be nested more deeply than can be written. Thrown, it would have the request sent again for ever, with all others in it. */
function bytesOf(value: unknown, atMost: number): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? '');
  } catch {
    return atMost; // Its own size nobody can tell: it counts as the whole.
  }
}

function fromValue(about: About, value: unknown): SourceEvent {
  if (!isObject(value) || value['specversion'] === undefined) return eventOf(about, { kind: 'value', value });
  const packed = value['data_base64'];
  const raw = about.options.topics.find(({ name }) => name === about.topic)?.rawPayload === true;
  if (typeof packed === 'string' && (raw || isWrapping(value)))
    return eventOf(about, { kind: 'bytes', bytes: Buffer.from(packed, 'base64'), type: null });
  return eventOf(about, { kind: 'value', value }, value);
}

/**
 * Whether a CloudEvent is the sidecar's own wrapping of a payload that was none. Its id is made up anew at each delivery, so that
 * whoever believed it would apply a redelivered event twice. What Dapr wraps for a publisher has a `time`.
 */
function isWrapping(envelope: Fields): boolean {
  return (
    envelope['source'] === 'Dapr' &&
    envelope['type'] === 'com.dapr.event.sent' &&
    envelope['datacontenttype'] === UNKNOWN_TYPE &&
    envelope['time'] === undefined
  );
}

/** @param envelope where the content is a CloudEvent in structured form */
function eventOf(
  { topic, headers, options }: About,
  content: EventContent,
  envelope: Fields = {},
): SourceEvent {
  // What Dapr's Kafka component says of where a message stood.
  const { __key, __partition, __offset, __timestamp } = headers;
  const key = __key ?? textOr(envelope['partitionkey'], null);
  const within = key ?? textOr(envelope['subject'], null);
  const { id, source } = envelope;
  const known = typeof id === 'string' && typeof source === 'string' ? `${source} ${id}` : options.id();
  const isPlaced = __partition !== undefined && __offset !== undefined;
  const structured = envelope['specversion'] === undefined ? {} : { 'content-type': CLOUD_EVENT };
  return {
    source: 'dapr',
    topic,
    // A topic may take its places for ids (`ids: 'place'`): no two events may ever share one.
    place: isPlaced ? `${topic}/${__partition}@${__offset}` : `${topic}#${known}`,
    lane: isPlaced
      ? `dapr ${topic}/${__partition}`
      : within === null
        ? `dapr ${topic}`
        : `dapr ${topic} ${within}`,
    key,
    headers: { ...headers, ...structured },
    id: null,
    atMs: __timestamp !== undefined && /^\d{1,16}$/.test(__timestamp) ? Number(__timestamp) : null,
    content,
  };
}

/** Undefined where it is no JSON in UTF-8. */
function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined; // Whoever looks into it says what is wrong.
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
