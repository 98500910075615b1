import type { RedisLink } from './redis-link.ts';

/** What this node holds of a channel: Redis may lose it. */
export type HeldChannel = {
  /** Users that are in it by this node. */
  readonly users: Set<string>;
  /**
   * Of whom Redis is being told, or could not be told: it may hold them or not, until that is repeated. The channel stays in
   * the index meanwhile. '' stands for the node's own subscription.
   */
  readonly unsure: Set<string>;
  /** Whether somebody is subscribed here. */
  occupied: boolean;
  /** In which life of the list that was; '' before the first answer. */
  incarnation: string;
  /** Operations under way. */
  pending: number;
  /** Counts the operations. */
  changes: number;
  /** Resolves once the index names the channel; null: that was not tried, or failed. */
  indexed: Promise<unknown> | null;
};

/** What this node holds, and the index by which others find it when the node is dead. */
export type HeldMembers = {
  /**
   * Does something about a channel that this node holds, or is about to.
   *
   * @param index whether the channel has to be in the index first
   */
  use<T>(channel: string, index: boolean, work: (at: HeldChannel) => Promise<T>): Promise<T>;
  get(channel: string): HeldChannel | undefined;
  /** The channels that the index names, or should: they will be put into it with their next use. */
  indexed(): Promise<readonly string[]>;
};

/** @param indexKey of this node's index */
export function createHeldMembers(link: RedisLink, indexKey: string): HeldMembers {
  const held = new Map<string, HeldChannel>();

  function heldIn(channel: string): HeldChannel {
    const there = held.get(channel);
    if (there !== undefined) return there;
    const at: HeldChannel = {
      users: new Set(),
      unsure: new Set(),
      occupied: false,
      incarnation: '',
      pending: 0,
      changes: 0,
      indexed: null,
    };
    held.set(channel, at);
    return at;
  }

  function release(channel: string, at: HeldChannel): void {
    at.pending--;
    if (at.pending > 0 || at.users.size > 0 || at.unsure.size > 0 || at.occupied) return;
    held.delete(channel);
    if (at.indexed === null) return;
    // The line keeps the order: whoever comes to hold the channel next writes it down behind this. Where it fails, whoever
    // sweeps this node finds a channel of which nothing is held.
    link.command(indexKey, 'SREM', indexKey, channel).catch(() => undefined);
  }

  function index(channel: string, at: HeldChannel): Promise<unknown> {
    at.indexed ??= link.command(indexKey, 'SADD', indexKey, channel).catch((error: unknown) => {
      at.indexed = null;
      throw error;
    });
    return at.indexed;
  }

  return {
    async use(channel, toIndex, work) {
      const at = heldIn(channel);
      at.pending++;
      at.changes++;
      try {
        if (toIndex) await index(channel, at);
        return await work(at);
      } finally {
        release(channel, at);
      }
    },
    get: (channel) => held.get(channel),
    async indexed() {
      const named = (await link.command(indexKey, 'SMEMBERS', indexKey)) as string[];
      for (const at of held.values()) at.indexed = null;
      return [...new Set([...named, ...held.keys()])];
    },
  };
}
