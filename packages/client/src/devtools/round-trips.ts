import type { WireDirection } from '../inspection.ts';
import type { Redacted } from './redact.ts';

/** Requests whose answers are waited for, at most: those that a line took with it are never answered. */
const MOST_REQUESTS = 1_000;

/** Round trips that the median is taken of. */
const MOST_TRIPS = 50;

/** What a message answers. */
export type Answer = { readonly type: string; readonly channel: string | null; readonly tripMs: number };

/** Which request each answer belongs to, and how long it took. */
export type RoundTrips = {
  /** @returns what the message answers; null: nothing that was seen */
  take(direction: WireDirection, message: Redacted): Answer | null;
  /** The newest, and the median of the last fifty, ms; null: none was seen. */
  seen(): { readonly lastMs: number; readonly medianMs: number } | null;
};

/** @param nowMs a clock that never steps back */
export function createRoundTrips(nowMs: () => number): RoundTrips {
  const asked = new Map<
    string,
    { readonly type: string; readonly channel: string | null; readonly atMs: number }
  >();
  const trips: number[] = [];
  return {
    take(direction, { type, channel, request, probe }) {
      const isReply = type === 'ok' || type === 'err';
      // What a heartbeat asks it is answered with; numbers of requests are others.
      const key = type === 'hb' ? probe && `hb ${probe}` : request;
      // Calls of the server are numbered by the server, and replies to them go up.
      if (key === null || (direction === 'up' ? isReply : !isReply && type !== 'hb')) return null;
      const name = String(key);
      if (direction === 'up') {
        asked.set(name, { type, channel, atMs: nowMs() });
        for (const oldest of asked.keys()) {
          if (asked.size <= MOST_REQUESTS) break;
          asked.delete(oldest);
        }
        return null;
      }
      const question = asked.get(name);
      if (question === undefined) return null;
      asked.delete(name);
      const tripMs = nowMs() - question.atMs;
      trips.push(tripMs);
      if (trips.length > MOST_TRIPS) trips.shift();
      return { type: question.type, channel: question.channel, tripMs };
    },
    seen() {
      const lastMs = trips.at(-1);
      const medianMs = [...trips].sort((a, b) => a - b)[trips.length >> 1];
      return lastMs === undefined || medianMs === undefined ? null : { lastMs, medianMs };
    },
  };
}
