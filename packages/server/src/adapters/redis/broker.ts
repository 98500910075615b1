import type { HearingBroker, NodeMessage } from '../../ports/broker.ts';
import { createBeat } from './broker-beat.ts';
import { createKeys } from './keys.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { decodeNodeMessage, encodeNodeMessage } from './node-message-codec.ts';
import { errorWord, reasonOf, redisRefusal } from './redis-errors.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisSettings } from './redis-settings.ts';
import { createSubscriptions } from './subscriptions.ts';

/**
 * The broker over Redis's sharded pub/sub: what is published goes through the link, what comes in on connections of its own.
 *
 * `subscribe` rejects with `storeUnavailable` where the line is down; the topic is subscribed all the same as soon as it stands
 * again, until `unsubscribe`. A gap is told once for each time the line was down.
 */
export type RedisBroker = HearingBroker & {
  /** Connects. Rejects with `storeUnavailable`, or with a `RedisRefusal` where a right is missing. The link is open by then. */
  open(): Promise<void>;
  close(): Promise<void>;
  /**
   * Whatever was published before this stamp (µs since the epoch, by the clock given) has come, but for what was on its way to
   * Redis then. It stands still from when messages may have been lost until they were made good: until `onGap` has returned, or
   * what it returned has resolved. 0 before the first beat is back.
   */
  seen(): number;
  /** Whether messages come: every line stands, and what was subscribed is. */
  readonly settled: boolean;
  /** Messages that could not be read, or that this version does not know, so far. */
  readonly dropped: number;
};

/** No message: who sends it wants to know how many it reaches. */
const LOOK = '';

/**
 * @param node this node's name, which no other has
 * @param deps.clock stamps beats: the cluster's time
 */
export function createRedisBroker(
  link: RedisLink,
  settings: RedisSettings,
  deps: RedisLinkDeps,
  node: string,
): RedisBroker {
  const keys = createKeys(settings.prefix);
  /** Topics by their channel. */
  const topics = new Map<string, string>();
  let listener: ((topic: string, message: NodeMessage) => void) | undefined;
  let tellGap: (() => void) | (() => Promise<void>) | undefined;
  let tellLost: (() => void) | undefined;
  let dropped = 0;
  let opened = false;
  let settled = false;
  /** Counts the times the line was lost, so that what was done about an earlier one does not count for a later. */
  let gaps = 0;

  const subscriptions = createSubscriptions(settings, deps, {
    onMessage(channel, text) {
      const topic = topics.get(channel);
      if (topic === undefined) beat.received(channel, text);
      else receive(topic, text);
    },
    onUnsettled() {
      settled = false;
      gaps++;
      beat.hold();
      tellLost?.();
    },
    onSettled() {
      settled = true;
      if (opened) void makeGood(gaps);
      else {
        opened = true;
        beat.release();
      }
    },
  });
  const beat = createBeat(link, subscriptions, deps, (n) => keys.channel(`beat:${node}:${n}`));

  function receive(topic: string, text: string): void {
    // Somebody only looked whether anybody is here.
    if (text === LOOK) return;
    const message = decodeNodeMessage(topic, text);
    if (message === null) {
      dropped++;
      return;
    }
    try {
      listener?.(topic, message);
    } catch (error) {
      // Within the client's reading it would look as if the line had broken.
      deps.warn('message_failed', { kind: message.kind, error: reasonOf(error) });
    }
  }

  async function makeGood(gap: number): Promise<void> {
    try {
      await tellGap?.();
    } catch (error) {
      deps.warn('gap_failed', { error: reasonOf(error) });
    }
    if (gap === gaps) beat.release();
  }

  /** Finds out at once whether the user may use pub/sub: later nobody would hear of it. */
  async function mayPublish(): Promise<void> {
    const channel = keys.channel(`opened:${node}`);
    try {
      await subscriptions.add(channel);
      await link.command(channel, 'SPUBLISH', channel, '');
    } catch (error) {
      if (errorWord(error) !== 'NOPERM') throw error;
      throw redisRefusal(
        `CARILLON_REDIS_URL: a right is missing (docs/redis.md names them): ${reasonOf(error)}`,
        error,
      );
    } finally {
      subscriptions.remove(channel);
    }
  }

  // Where the primary is another one now, messages come from there.
  link.onUp(async () => {
    if (opened) subscriptions.lines.relocate();
  });

  return {
    async publish(topic, message) {
      const channel = keys.channel(topic);
      await link.command(channel, 'SPUBLISH', channel, encodeNodeMessage(message));
    },
    async isHeard(topic) {
      const channel = keys.channel(topic);
      // What publishing answers needs no other right than publishing.
      return Number(await link.command(channel, 'SPUBLISH', channel, LOOK)) > 0;
    },
    subscribe(topic) {
      const channel = keys.channel(topic);
      topics.set(channel, topic);
      return subscriptions.add(channel);
    },
    unsubscribe(topic) {
      const channel = keys.channel(topic);
      topics.delete(channel);
      subscriptions.remove(channel);
    },
    listen(receiver, onGap, onLost) {
      listener = receiver;
      tellGap = onGap;
      tellLost = onLost;
    },
    async open() {
      await subscriptions.lines.open();
      await mayPublish();
    },
    async close() {
      beat.stop();
      subscriptions.lines.close();
    },
    seen: () => beat.seen(),
    get settled() {
      return settled;
    },
    get dropped() {
      return dropped;
    },
  } satisfies RedisBroker;
}
