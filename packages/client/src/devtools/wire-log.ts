import type { WireDirection } from '../inspection.ts';
import { redact } from './redact.ts';
import { type Answer, type RoundTrips, createRoundTrips } from './round-trips.ts';

/** Messages kept unless the app says otherwise; the oldest go. */
export const DEFAULT_KEEP_COUNT = 1_000;

/** The bytes of their texts, unless the app says otherwise. */
export const DEFAULT_KEEP_BYTES = 1024 * 1024;

/** What is kept of one message, characters: a page of a large map must not push everything else out. */
export const MOST_OF_A_TEXT = 16 * 1024;

export type WireEntry = {
  /** Counts from 1. */
  readonly number: number;
  /** ms since the epoch. */
  readonly atMs: number;
  readonly direction: WireDirection;
  readonly type: string;
  /** Of the message, or of the request that it answers; null: none. */
  readonly channel: string | null;
  /** UTF-8 bytes of the text as it went over the wire. */
  readonly bytes: number;
  /** Without secrets; cut where it is long. */
  readonly text: string;
  /** UTF-8 bytes of what is kept of it. */
  readonly keptBytes: number;
  /** What it answers, and after how long; null: nothing that was seen. */
  readonly answer: Answer | null;
};

export type Traffic = { readonly messages: number; readonly bytes: number };

/** The last messages, and what can be told from all of them since the log began. */
export type WireLog = {
  /** Oldest first; changed in place. */
  readonly entries: readonly WireEntry[];
  readonly up: Traffic;
  readonly down: Traffic;
  /** When the server last asked for a heartbeat, ms since the epoch. */
  readonly heartbeatAtMs: number | null;
  readonly trips: Pick<RoundTrips, 'seen'>;
  add(direction: WireDirection, text: string): void;
  /** Forgets the messages; what was counted stays. */
  clear(): void;
};

export type WireLogSettings = {
  readonly keepCount: number;
  readonly keepBytes: number;
  /** A clock that never steps back, ms. */
  nowMs(): number;
  /** ms since the epoch. */
  wallMs(): number;
};

export function createWireLog({ keepCount, keepBytes, nowMs, wallMs }: WireLogSettings): WireLog {
  const entries: WireEntry[] = [];
  const trips = createRoundTrips(nowMs);
  const traffic = { up: { messages: 0, bytes: 0 }, down: { messages: 0, bytes: 0 } };
  let keptBytes = 0;
  let count = 0;
  let heartbeatAtMs: number | null = null;
  return {
    entries,
    trips,
    get up() {
      return traffic.up;
    },
    get down() {
      return traffic.down;
    },
    get heartbeatAtMs() {
      return heartbeatAtMs;
    },
    add(direction, raw) {
      const message = redact(raw);
      const answer = trips.take(direction, message);
      const { type, probe } = message;
      if (type === 'hb' && probe === null && direction === 'down') heartbeatAtMs = wallMs();
      const bytes = bytesOf(raw);
      const before = traffic[direction];
      traffic[direction] = { messages: before.messages + 1, bytes: before.bytes + bytes };
      const text = cut(message.text);
      const entry: WireEntry = {
        number: ++count,
        atMs: wallMs(),
        direction,
        type,
        channel: message.channel ?? answer?.channel ?? null,
        bytes,
        text,
        keptBytes: bytesOf(text),
        answer,
      };
      entries.push(entry);
      keptBytes += entry.keptBytes;
      while (entries.length > keepCount || keptBytes > keepBytes)
        keptBytes -= entries.shift()?.keptBytes ?? 0;
    },
    clear() {
      entries.length = 0;
      keptBytes = 0;
    },
  };
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

function cut(text: string): string {
  const more = text.length - MOST_OF_A_TEXT;
  return more > 0 ? `${text.slice(0, MOST_OF_A_TEXT)}… (${more} characters more)` : text;
}
