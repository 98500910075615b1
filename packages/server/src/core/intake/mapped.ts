import { channelName, MAX_KEY_LENGTH, MAX_REF_LENGTH } from '@carillon/protocol';

/** What a mapping made of an event, one publication of it. Its payload is not yet checked. */
export type MappedPublication = {
  readonly channel: string;
  readonly key: string | undefined;
  readonly value: unknown;
  readonly del: boolean;
  readonly version: number | undefined;
  readonly ttlMs: number | undefined;
  /** In place of the event's own id. */
  readonly id: string | undefined;
  readonly ref: string | undefined;
};

export type Mapped =
  | { readonly kind: 'publications'; readonly publications: readonly MappedPublication[] }
  /** The mapping knows no such event. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'invalid'; readonly detail: string };

/** Publications that one event may be mapped to. */
export const PUBLICATIONS_PER_EVENT = 100;

/** The longest id of an event; of a CloudEvent its source and id with a space between. */
export const MAX_EVENT_ID_LENGTH = 512;

const FIELDS: ReadonlySet<string> = new Set([
  ...['channel', 'params', 'key', 'value', 'delete', 'version', 'ttlMs', 'id', 'ref'],
]);

/** Reads what a mapping returned: a publication, a list of them, or null for an event that it does not know. */
export function readMapped(returned: unknown): Mapped {
  if (returned === null || returned === undefined) return { kind: 'unknown' };
  const list: readonly unknown[] = Array.isArray(returned) ? returned : [returned];
  if (list.length > PUBLICATIONS_PER_EVENT)
    return invalid(`${list.length} publications, and an event may be mapped to ${PUBLICATIONS_PER_EVENT}`);
  const publications: MappedPublication[] = [];
  for (const [at, item] of list.entries()) {
    const read = readOne(item);
    if (typeof read === 'string') return invalid(list.length === 1 ? read : `publication ${at}: ${read}`);
    publications.push(read);
  }
  return { kind: 'publications', publications };
}

/** What is wrong with it, where something is. */
function readOne(item: unknown): MappedPublication | string {
  if (typeof item !== 'object' || item === null) return 'expected an object with a channel';
  const fields = item as Readonly<Record<string, unknown>>;
  const stray = Object.keys(fields).find((name) => !FIELDS.has(name));
  if (stray !== undefined) return `${stray}: there is no such field; there are ${[...FIELDS].join(', ')}`;
  const { channel: pattern, params, key, value, version, ttlMs, id, ref } = fields;
  if (typeof pattern !== 'string') return 'channel: expected a pattern of the contract';
  const given = paramsOf(params);
  if (given === undefined) return 'params: expected an object of texts';
  const named = channelName(pattern, given);
  if (!named.ok) return `channel: ${named.detail}`;
  if (key !== undefined && !isText(key, MAX_KEY_LENGTH))
    return `key: expected a text of 1 to ${MAX_KEY_LENGTH} characters`;
  if (fields['delete'] !== undefined && typeof fields['delete'] !== 'boolean')
    return 'delete: expected a boolean';
  const del = fields['delete'] === true;
  if (del !== (value === undefined)) return 'value: expected a payload, or delete and no payload';
  if (version !== undefined && !isWhole(version)) return 'version: expected a whole number';
  if (ttlMs !== undefined && !isWhole(ttlMs)) return 'ttlMs: expected a whole number of milliseconds';
  if (id !== undefined && !isText(id, MAX_EVENT_ID_LENGTH))
    return `id: expected a text of 1 to ${MAX_EVENT_ID_LENGTH} characters`;
  if (ref !== undefined && !isText(ref, MAX_REF_LENGTH))
    return `ref: expected a text of 1 to ${MAX_REF_LENGTH} characters`;
  return { channel: named.name, key, value, del, version, ttlMs, id, ref };
}

function paramsOf(params: unknown): Readonly<Record<string, string>> | undefined {
  if (params === undefined) return {};
  if (typeof params !== 'object' || params === null) return undefined;
  return Object.values(params).every((value) => typeof value === 'string')
    ? (params as Readonly<Record<string, string>>)
    : undefined;
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function invalid(detail: string): Mapped {
  return { kind: 'invalid', detail };
}
