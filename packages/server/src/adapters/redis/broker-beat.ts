import type { Timer } from '../../ports/clock.ts';
import type { Line } from './line.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import type { RedisLink } from './redis-link.ts';
import type { Subscriptions } from './subscriptions.ts';

/** ms between the beats of a line, and the longest one may be on its way. */
const BEAT_MS = 2_000;
const LOST_MS = 6_000;

/** Names tried until one lies on a given server: with a hundred shards one in a hundred does. */
const MOST_NAMES = 100_000;

/**
 * What has come. Each line is sent a beat through Redis: once it is back, whatever was published before it on that server has
 * come as well.
 */
export type Beat = {
  /** When the last beat that is back on every line was sent, µs since the epoch; 0 before the first. */
  seen(): number;
  received(channel: string, text: string): void;
  /** Messages may be lost from now on: what was seen stays as it is. */
  hold(): void;
  /** Nothing is missing any more: beats count that are sent from now on. */
  release(): void;
  stop(): void;
};

type LineBeat = {
  /** Its channel lies on the line's server, or did. */
  readonly channel: string;
  readonly line: Line;
  timer: Timer | null;
  /** Sent and not back, oldest first: when, by the monotonic clock. */
  readonly under: { readonly text: string; readonly sentMs: number; readonly stamp: number }[];
  seen: number | null;
};

/**
 * @param channelOf a name for the `n`th beat of this node
 */
export function createBeat(
  link: RedisLink,
  subscriptions: Subscriptions,
  { clock }: RedisLinkDeps,
  channelOf: (n: number) => string,
): Beat {
  const beats = new Map<string, LineBeat>();
  /** What was seen when it was last certain. */
  let held = 0;
  let holding = true;
  let count = 0;

  function seen(): number {
    if (holding || beats.size === 0) return held;
    let lowest = Number.POSITIVE_INFINITY;
    for (const beat of beats.values()) lowest = Math.min(lowest, beat.seen ?? held);
    return Math.max(held, lowest);
  }

  function start(line: Line): void {
    const channel = channelOn(line);
    if (channel === null) return;
    const beat: LineBeat = { channel, line, timer: null, under: [], seen: null };
    beats.set(channel, beat);
    const subscribed = subscriptions.add(channel);
    // Where that fails the line is made anew, and this begins again.
    if (subscribed === undefined) send(beat);
    else
      subscribed.then(
        () => send(beat),
        () => undefined,
      );
  }

  function channelOn(line: Line): string | null {
    for (let n = 0; n < MOST_NAMES; n++) {
      const channel = channelOf(n);
      if (subscriptions.lines.lineFor(channel) === line) return channel;
    }
    return null; // It serves next to nothing.
  }

  function send(beat: LineBeat): void {
    if (beats.get(beat.channel) !== beat) return;
    const [oldest] = beat.under;
    if (oldest !== undefined && clock.monotonicMs() - oldest.sentMs >= LOST_MS) {
      beat.line.close('a beat did not come back');
      return;
    }
    const sent = {
      text: String(count++),
      sentMs: clock.monotonicMs(),
      stamp: Math.floor(clock.nowMs() * 1_000),
    };
    link.command(beat.channel, 'SPUBLISH', beat.channel, sent.text).catch(() => {
      // It is not on its way: the other line is down, and says so.
      const place = beat.under.indexOf(sent);
      if (place !== -1) beat.under.splice(place, 1);
    });
    beat.under.push(sent);
    beat.timer = clock.setTimer(BEAT_MS, () => send(beat));
  }

  function clear(): void {
    for (const beat of beats.values()) beat.timer?.cancel();
    beats.clear();
  }

  return {
    seen,
    received(channel, text) {
      const beat = beats.get(channel);
      const place = beat?.under.findIndex((sent) => sent.text === text) ?? -1;
      // Of another life of this line: it says nothing about this one.
      if (beat === undefined || place === -1) return;
      beat.seen = beat.under[place]?.stamp ?? null;
      beat.under.splice(0, place + 1);
    },
    hold() {
      held = seen();
      holding = true;
    },
    release() {
      const before = new Set(beats.keys());
      clear();
      holding = false;
      for (const line of subscriptions.lines.all()) start(line);
      for (const channel of before) if (!beats.has(channel)) subscriptions.remove(channel);
    },
    stop: clear,
  };
}
