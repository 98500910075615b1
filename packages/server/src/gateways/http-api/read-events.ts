import type { Context } from 'hono';
import { jsonOf } from '../../runtime/channels/validating.ts';
import type { Outcome } from '../../runtime/node-api.ts';
import type { SourceEvent } from '../../ports/source.ts';
import { MAX_EVENTS, plainEvent } from './event-schemas.ts';
import { readJsonValue } from './json-body.ts';
import { misfitDetail } from './json-misfit.ts';
import type { ApiEnv } from './replies.ts';

export type EventLimits = {
  /** Of the whole body. */
  readonly eventsBytes: number;
  /** Of one event. */
  readonly eventBytes: number;
};

/** An event, or why this one is none: others of its request are not spoilt. */
export type ReadEvent = SourceEvent | { readonly misfit: string };

export type ReadEvents = {
  readonly events: readonly ReadEvent[];
  /** Whoever sends CloudEvents looks at the status of the answer alone. */
  readonly areCloudEvents: boolean;
};

const CLOUD_EVENT = 'application/cloudevents+json';
const CLOUD_EVENTS = 'application/cloudevents-batch+json';

/**
 * Reads the events of a request: the app's own form, or CloudEvents 1.0 alone, in a batch, or in the binary form of HTTP.
 *
 * @param topic of those that name none
 * @param request names the request, and nothing else ever: no two events may have the same place
 */
export async function readEvents(
  context: Context<ApiEnv>,
  topic: string | undefined,
  request: string,
  { eventsBytes, eventBytes }: EventLimits,
): Promise<Outcome<ReadEvents>> {
  const read = await readJsonValue(context.req.raw, eventsBytes);
  if (!read.ok) return read;
  const { value, bytes } = read;
  const fill: Filling = { topic, request, measures: bytes > eventBytes };
  const type = (context.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (context.req.header('ce-specversion') !== undefined)
    return cloudEvents([binary(value, attributeHeaders(context), fill)]);
  if (type === CLOUD_EVENT) return cloudEvents([structured(value, 0, fill)]);
  const isBatch = type === CLOUD_EVENTS;
  const list = isBatch ? value : isObject(value) ? value['events'] : undefined;
  const name = isBatch ? 'the body' : 'events';
  if (!Array.isArray(list) || list.length === 0)
    return { ok: false, code: 'bad_message', detail: `${name}: expected a list of at least 1 items` };
  if (list.length > MAX_EVENTS)
    return { ok: false, code: 'bad_message', detail: `${name}: at most ${MAX_EVENTS} items` };
  if (isBatch) return cloudEvents(list.map((event, at) => structured(event, at, fill)));
  return {
    ok: true,
    value: { events: list.map((event, at) => plain(event, at, fill)), areCloudEvents: false },
  };
}

/** What all events of a request have in common. */
type Filling = {
  readonly topic: string | undefined;
  readonly request: string;
  /** Whether one of them could be too large: then the intake is given bytes, which it counts. */
  readonly measures: boolean;
};

function plain(given: unknown, at: number, fill: Filling): ReadEvent {
  const read = plainEvent.safeParse(given);
  if (!read.success) return { misfit: misfitDetail(read.error) };
  const { topic = fill.topic ?? '', key, id, time, headers = {}, data } = read.data;
  const content = contentOf(data, fill, null);
  if (content === undefined) return TOO_DEEP;
  return {
    ...common(topic, at, fill),
    key: key ?? null,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name.toLowerCase(), text])),
    id: id ?? null,
    atMs: time === undefined ? null : typeof time === 'number' ? time : Date.parse(time),
    content,
  };
}

function structured(envelope: unknown, at: number, fill: Filling): ReadEvent {
  const { topic, partitionkey } = isObject(envelope) ? envelope : {};
  const content = contentOf(envelope, fill, CLOUD_EVENT);
  if (content === undefined) return TOO_DEEP;
  return {
    ...common(fill.topic ?? (typeof topic === 'string' ? topic : ''), at, fill),
    key: typeof partitionkey === 'string' ? partitionkey : null,
    headers: { 'content-type': CLOUD_EVENT },
    id: null,
    atMs: null,
    content,
  };
}

function binary(data: unknown, headers: Readonly<Record<string, string>>, fill: Filling): ReadEvent {
  const content = contentOf(data, fill, null);
  if (content === undefined) return TOO_DEEP;
  return {
    ...common(fill.topic ?? headers['ce-topic'] ?? '', 0, fill),
    key: headers['ce-partitionkey'] ?? null,
    headers,
    id: null,
    atMs: null,
    content,
  };
}

function common(
  topic: string,
  at: number,
  { request }: Filling,
): Pick<SourceEvent, 'source' | 'topic' | 'place' | 'lane'> {
  // One lane: what a request names later is never kept earlier.
  return { source: 'http', topic, place: `${request}#${at}`, lane: `http ${request}` };
}

const TOO_DEEP: ReadEvent = { misfit: 'it is nested too deeply' };

/** Undefined where it cannot be measured: what is parsed may be nested more deeply than can be written. */
function contentOf(
  value: unknown,
  { measures }: Filling,
  type: string | null,
): SourceEvent['content'] | undefined {
  if (!measures) return { kind: 'value', value };
  const text = jsonOf(value);
  return text === undefined ? undefined : { kind: 'bytes', bytes: Buffer.from(text), type };
}

function attributeHeaders(context: Context<ApiEnv>): Readonly<Record<string, string>> {
  return Object.fromEntries([...context.req.raw.headers].filter(([name]) => name.startsWith('ce-')));
}

function cloudEvents(events: readonly ReadEvent[]): Outcome<ReadEvents> {
  return { ok: true, value: { events, areCloudEvents: true } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
