import { VISIBLE_STATUSES } from '@carillon/protocol';
import {
  type AwarenessNotice,
  type AwarenessOf,
  channelTopic,
  type NodeMessage,
  type PublicationNotice,
} from '../../ports/broker.ts';
import type { PresenceRecord } from '../../ports/presence.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What begins the topics of channels. */
const CHANNEL = channelTopic('');

const END_REASONS: readonly unknown[] = ['user_erased', 'logged_out', 'revoked'];

/**
 * Reads a message off its header; null where a field is missing or of another type than it has to be.
 *
 * @param data the payload behind the header; null where there is none
 */
export function readHeader(topic: string, header: unknown, data: string | null): NodeMessage | null {
  if (!isFields(header)) return null;
  switch (header['kind']) {
    case 'publication':
      return publication(topic, header, data);
    case 'signal': {
      const { session, by = null, key = null } = header;
      const channel = channelOf(topic);
      if (channel === null || data === null) return null;
      if (typeof session !== 'string' || !isTextOrNull(by) || !isTextOrNull(key)) return null;
      return { kind: 'signal', channel, session, by, key, data };
    }
    case 'awareness':
      return awareness(topic, header, data ?? '');
    case 'broadcast': {
      const { name } = header;
      return typeof name === 'string' && data !== null ? { kind: 'broadcast', name, data } : null;
    }
    case 'member': {
      const { user, joined, version, prev } = header;
      const channel = channelOf(topic);
      if (channel === null || typeof user !== 'string' || typeof joined !== 'boolean') return null;
      if (!isCount(version) || !isCount(prev)) return null;
      return { kind: 'member', channel, user, joined, version, prev };
    }
    case 'presence': {
      const record = presenceRecord(header['record']);
      const { prev } = header;
      return record !== null && isCount(prev) ? { kind: 'presence', prev, record } : null;
    }
    case 'edge': {
      const { viewer, user } = header;
      return typeof viewer === 'string' && typeof user === 'string' ? { kind: 'edge', viewer, user } : null;
    }
    case 'roster': {
      const { user } = header;
      return typeof user === 'string' ? { kind: 'roster', user } : null;
    }
    case 'end': {
      const { user, reason, tokenId } = header;
      if (typeof user !== 'string' || !isEndReason(reason) || !isTextOrNull(tokenId)) return null;
      return { kind: 'end', user, reason, tokenId };
    }
    case 'subscription': {
      const { user, channel, grant } = header;
      if (typeof user !== 'string' || typeof channel !== 'string' || !isTextOrNull(grant)) return null;
      return { kind: 'subscription', user, channel, grant };
    }
    case 'taken': {
      const { user, session, generation } = header;
      if (typeof user !== 'string' || typeof session !== 'string' || !isCount(generation)) return null;
      return { kind: 'taken', user, session, generation };
    }
    case 'status': {
      const { user, device } = header;
      return typeof user === 'string' && typeof device === 'string' ? { kind: 'status', user, device } : null;
    }
    case 'ask': {
      const { from, id, request } = header;
      return typeof from === 'string' && isCount(id) ? { kind: 'ask', from, id, request } : null;
    }
    case 'answer': {
      const { id, answer } = header;
      return isCount(id) ? { kind: 'answer', id, answer } : null;
    }
    case 'node': {
      const { node, joined } = header;
      return typeof node === 'string' && typeof joined === 'boolean' ? { kind: 'node', node, joined } : null;
    }
    default:
      return null;
  }
}

function publication(topic: string, header: Fields, data: string | null): PublicationNotice | null {
  const { epoch, offset, at, by = null, ref = null, key = null, version = null, event = null } = header;
  const channel = channelOf(topic);
  const silent = silence(header['silent']);
  if (channel === null || typeof epoch !== 'string' || !isCount(offset) || silent === undefined) return null;
  if (typeof at !== 'number' || !isTextOrNull(by) || !isTextOrNull(ref) || !isTextOrNull(key)) return null;
  if (version !== null && typeof version !== 'number') return null;
  if (event !== null && typeof event !== 'number') return null;
  return {
    kind: 'publication',
    channel,
    epoch,
    publication: { offset, atMs: at, by, data, key, version, ref },
    silent,
    eventMs: event,
  };
}

function awareness(topic: string, header: Fields, states: string): AwarenessNotice | null {
  const { node, items, all = false, ask = false } = header;
  const channel = channelOf(topic);
  if (channel === null || typeof node !== 'string' || !Array.isArray(items)) return null;
  if (typeof all !== 'boolean' || typeof ask !== 'boolean') return null;
  const told: AwarenessOf[] = [];
  let at = 0;
  for (const item of items as unknown[]) {
    if (!Array.isArray(item)) return null;
    const [client, clock, user, length] = item as unknown[];
    if (!isCount(client) || !isCount(clock) || typeof user !== 'string') return null;
    if (length === -1) {
      told.push({ client, clock, user, state: null });
      continue;
    }
    if (!isCount(length) || length === 0 || at + length > states.length) return null;
    told.push({ client, clock, user, state: states.slice(at, at + length) });
    at += length;
  }
  // Damaged: one state could have been taken for the next.
  return at === states.length ? { kind: 'awareness', channel, node, items: told, all, ask } : null;
}

/** Undefined where it cannot be read. */
function silence(value: unknown): PublicationNotice['silent'] | undefined {
  if (value === undefined) return null;
  if (!Array.isArray(value)) return undefined;
  const [session, request] = value as unknown[];
  if (typeof session !== 'string' || (request !== null && !isCount(request))) return undefined;
  return { session, request };
}

function presenceRecord(value: unknown): PresenceRecord | null {
  if (!isFields(value)) return null;
  const { user, version, s, fields, lastSeenMs = null } = value;
  if (typeof user !== 'string' || !isCount(version) || !isStatus(s) || !isTexts(fields)) return null;
  if (lastSeenMs !== null && typeof lastSeenMs !== 'number') return null;
  return { user, version, s, fields, lastSeenMs };
}

function channelOf(topic: string): string | null {
  return topic.startsWith(CHANNEL) ? topic.slice(CHANNEL.length) : null;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  if (!isFields(value)) return false;
  for (const name in value) if (typeof value[name] !== 'string') return false;
  return true;
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

/** Offsets, versions, generations, ids: whole, and exact as a JavaScript number. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isStatus(value: unknown): value is PresenceRecord['s'] {
  return (VISIBLE_STATUSES as readonly unknown[]).includes(value);
}

function isEndReason(value: unknown): value is 'user_erased' | 'logged_out' | 'revoked' {
  return END_REASONS.includes(value);
}
