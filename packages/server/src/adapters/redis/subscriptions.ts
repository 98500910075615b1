import { storeUnavailable } from '../../ports/unavailable.ts';
import type { Line } from './line.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { commandError, isElsewhere, reasonOf } from './redis-errors.ts';
import type { RedisSettings } from './redis-settings.ts';
import { createSubscriberLines, type SubscriberLines } from './subscriber-lines.ts';

/** Channels in one SSUBSCRIBE: so many that round trips do not count, and so few that others get their turn in Redis. */
const BATCH = 500;

/** Channels of Redis's sharded pub/sub. */
export type Subscriptions = {
  readonly lines: SubscriberLines;
  /**
   * Resolves once the channel is subscribed; undefined where it is already. Rejects with `storeUnavailable` where the line is
   * down or breaks; the channel is subscribed all the same as soon as it stands again, until `remove`.
   */
  add(channel: string): Promise<void> | undefined;
  remove(channel: string): void;
};

export type SubscriptionEvents = {
  /** Not called for a channel that was removed. */
  onMessage(channel: string, text: string): void;
  /** From now on messages may be lost. */
  onUnsettled(): void;
  /** All lines stand, and whatever had been subscribed is again. Called behind `open`, and behind each `onUnsettled`. */
  onSettled(): void;
};

type Channel = {
  readonly name: string;
  wanted: boolean;
  /** The line it is subscribed on, or was asked for on; null: none. */
  line: Line | null;
  phase: 'none' | 'subscribing' | 'subscribed' | 'unsubscribing';
  /** It was lost, or could not be had: nothing is settled before it is there. */
  awaited: boolean;
  waiters: PromiseWithResolvers<void>[];
};

export function createSubscriptions(
  settings: RedisSettings,
  deps: RedisLinkDeps,
  events: SubscriptionEvents,
): Subscriptions {
  const channels = new Map<string, Channel>();
  /** What has to be looked at in this turn's flush. */
  const touched = new Set<Channel>();
  let flushing = false;
  let awaited = 0;
  let settled = false;

  const lines = createSubscriberLines(settings, deps, {
    onLocated() {
      for (const channel of channels.values()) {
        const { line } = channel;
        if (line !== null && lines.lineFor(channel.name) !== line) {
          unsettle();
          // Its slot went elsewhere. What still comes on the old line is dropped, for nothing may come twice.
          if (line.open && channel.phase === 'subscribed')
            line.unsubscribe([channel.name]).catch(() => undefined);
          leave(channel);
        }
        if (channel.phase === 'none') touch(channel);
      }
      settle();
    },
    onFailed(error) {
      for (const channel of channels.values())
        if (channel.phase === 'none') refuse(channel, commandError(error));
    },
    onLost(line, reason) {
      unsettle();
      const error = storeUnavailable(`Redis: ${reason}`);
      for (const channel of channels.values()) {
        if (channel.line !== line) continue;
        leave(channel);
        refuse(channel, error);
      }
    },
    onTakenBack(line, name) {
      const channel = channels.get(name);
      // While something is in flight the client takes such a notice for an answer, so that it is not known what was taken.
      if (channel?.phase !== 'subscribed' || channel.line !== line) {
        line.close('a subscription was taken back');
        return;
      }
      unsettle();
      leave(channel);
      lines.relocate();
    },
  });

  function touch(channel: Channel): void {
    touched.add(channel);
    if (flushing) return;
    flushing = true;
    deps.clock.defer(flush);
  }

  /** Sends what was asked for in this turn: one command for all of it, in a Cluster one for each slot. */
  function flush(): void {
    flushing = false;
    const adding: Channel[] = [];
    const removing: Channel[] = [];
    for (const channel of touched) {
      if (channel.phase === 'none' && channel.wanted) adding.push(channel);
      else if (channel.phase === 'none') forget(channel);
      else if (channel.phase === 'subscribed' && !channel.wanted) removing.push(channel);
    }
    touched.clear();
    inBatches(adding, (channel) => lines.lineFor(channel.name), subscribe);
    inBatches(removing, (channel) => channel.line ?? undefined, unsubscribe);
  }

  function inBatches(
    list: readonly Channel[],
    lineOf: (channel: Channel) => Line | undefined,
    send: (line: Line, part: readonly Channel[]) => Promise<void>,
  ): void {
    const groups = new Map<Line, Map<number, Channel[]>>();
    for (const channel of list) {
      const line = lineOf(channel);
      if (line === undefined) {
        leave(channel);
        refuse(channel, storeUnavailable('Redis: there is no connection for messages'));
        continue;
      }
      const ofLine = groups.get(line) ?? new Map<number, Channel[]>();
      groups.set(line, ofLine);
      const group = lines.groupOf(channel.name);
      const there = ofLine.get(group);
      if (there === undefined) ofLine.set(group, [channel]);
      else there.push(channel);
    }
    for (const [line, ofLine] of groups)
      for (const part of ofLine.values())
        for (let i = 0; i < part.length; i += BATCH) void send(line, part.slice(i, i + BATCH));
  }

  async function subscribe(line: Line, part: readonly Channel[]): Promise<void> {
    for (const channel of part) {
      channel.phase = 'subscribing';
      channel.line = line;
    }
    const isOurs = (channel: Channel): boolean => channel.line === line && channel.phase === 'subscribing';
    try {
      await line.subscribe(
        part.map(({ name }) => name),
        (text, name) => {
          const channel = channels.get(name);
          if (channel?.wanted === true && channel.line === line) events.onMessage(name, text);
        },
      );
    } catch (error) {
      // What was on a line that ended has been dealt with by then.
      const left = part.filter(isOurs);
      for (const channel of left) {
        leave(channel);
        if (!isElsewhere(error)) refuse(channel, error);
      }
      if (left.length > 0) {
        unsettle();
        lines.relocate();
      }
      return;
    }
    for (const channel of part) {
      if (!isOurs(channel)) continue;
      channel.phase = 'subscribed';
      stopAwaiting(channel);
      for (const { resolve } of channel.waiters.splice(0)) resolve();
      if (!channel.wanted) touch(channel);
    }
    settle();
  }

  async function unsubscribe(line: Line, part: readonly Channel[]): Promise<void> {
    for (const channel of part) channel.phase = 'unsubscribing';
    try {
      await line.unsubscribe(part.map(({ name }) => name));
    } catch (error) {
      // A line that does not even let go is made anew.
      line.close(reasonOf(error));
      return;
    }
    for (const channel of part) {
      if (channel.line !== line || channel.phase !== 'unsubscribing') continue;
      channel.phase = 'none';
      channel.line = null;
      touch(channel);
    }
  }

  /** It is on no line any more. */
  function leave(channel: Channel): void {
    channel.phase = 'none';
    channel.line = null;
    if (channel.wanted && !channel.awaited) {
      channel.awaited = true;
      awaited++;
    }
    if (!channel.wanted) forget(channel);
  }

  /** Another of the same name may have come since. */
  function forget(channel: Channel): void {
    if (channels.get(channel.name) === channel) channels.delete(channel.name);
  }

  function stopAwaiting(channel: Channel): void {
    if (!channel.awaited) return;
    channel.awaited = false;
    awaited--;
  }

  function refuse(channel: Channel, error: unknown): void {
    for (const { reject } of channel.waiters.splice(0)) reject(error);
  }

  function settle(): void {
    if (settled || awaited > 0 || !lines.complete) return;
    settled = true;
    lines.steady();
    events.onSettled();
  }

  function unsettle(): void {
    if (!settled) return;
    settled = false;
    events.onUnsettled();
  }

  return {
    lines,
    add(name) {
      let channel = channels.get(name);
      if (channel === undefined) {
        channel = { name, wanted: true, line: null, phase: 'none', awaited: false, waiters: [] };
        channels.set(name, channel);
      }
      channel.wanted = true;
      if (channel.phase === 'subscribed') return undefined;
      const waiter = Promise.withResolvers<void>();
      channel.waiters.push(waiter);
      touch(channel);
      return waiter.promise;
    },
    remove(name) {
      const channel = channels.get(name);
      if (channel === undefined || !channel.wanted) return;
      channel.wanted = false;
      stopAwaiting(channel);
      // Whoever waited for it has thought better of it.
      for (const { resolve } of channel.waiters.splice(0)) resolve();
      touch(channel);
      settle();
    },
  };
}
