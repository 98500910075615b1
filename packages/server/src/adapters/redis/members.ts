import { channelTopic } from '../../ports/broker.ts';
import type { MemberCount, MembersPage, SharedMembers } from '../../ports/members.ts';
import { type HeldChannel, createHeldMembers } from './held-members.ts';
import {
  INDEX_PART,
  MEMBER_SCRIPTS,
  type RedisMembersOptions,
  memberKeys,
  nodesKey,
  quitMembers,
  userArguments,
} from './member-keys.ts';
import { sweepMembers } from './sweep-members.ts';
import { fromOrdered, toOrdered } from './utf16-order.ts';

/** Users that one script puts back, at a few microseconds each. */
const USERS_A_SCRIPT = 500;

/** Channels that are put back at a time. */
const CHANNELS_AT_ONCE = 50;

/**
 * Who is in the channels of all nodes, in Redis. Of a channel, in its slot: a zset of the users, a set of those that each node
 * holds, a hash of those that several nodes hold, and a set of the nodes that have subscribers. In a slot of its node's own:
 * the channels that a node holds anything of.
 */
export function createRedisMembers(options: RedisMembersOptions): SharedMembers {
  const { link, keys, node, nowMs, occupancy } = options;
  const held = createHeldMembers(link, keys.node(node, INDEX_PART));

  /** Puts users in who are not; what is told depends on the incarnation that is given (see members-enter.lua). */
  async function enter(channel: string, at: HeldChannel, incarnation: string, users: readonly string[]) {
    const reply = await link.run(MEMBER_SCRIPTS.enter, memberKeys(keys, channel, node), [
      keys.channel(channelTopic(channel)),
      String(nowMs()),
      incarnation,
      ...users.flatMap(userArguments),
    ]);
    at.incarnation = String(reply);
  }

  async function setOccupied(channel: string, command: 'SADD' | 'SREM'): Promise<number> {
    const [, nodes] = (await link.run(
      MEMBER_SCRIPTS.occupancy,
      [nodesKey(keys, channel)],
      [node, command],
    )) as Pair;
    return nodes;
  }

  async function restoreChannel(channel: string, at: HeldChannel): Promise<void> {
    if (at.occupied) await setOccupied(channel, 'SADD');
    // Who joins meanwhile does so by itself, and who leaves does behind this.
    const users = [...at.users];
    const { incarnation } = at;
    for (let from = 0; from < users.length; from += USERS_A_SCRIPT) {
      const slice = users.slice(from, from + USERS_A_SCRIPT).filter((user) => at.users.has(user));
      await enter(channel, at, incarnation, slice);
    }
  }

  return {
    join: (channel, user) =>
      held.use(channel, true, async (at) => {
        await enter(channel, at, '', [user]);
        at.users.add(user);
      }),
    leave: (channel, user) =>
      held.use(channel, false, async (at) => {
        // At once: what is put back from here on is put back without them.
        at.users.delete(user);
        await quitMembers(options, channel, node, [user]);
      }),
    async count(channel): Promise<MemberCount> {
      const [order, more] = memberKeys(keys, channel, node);
      const [count, version] = (await link.run(MEMBER_SCRIPTS.count, [order, more], [])) as Pair;
      return { count, version };
    },
    async page(channel, after, limit): Promise<MembersPage> {
      const [order] = memberKeys(keys, channel, node);
      const from = after === null ? '-' : `(${toOrdered(after)}`;
      // One more shows whether there are more.
      const reply = await link.run(MEMBER_SCRIPTS.page, [order], [from, String(limit + 1)]);
      const [count, ordered] = reply as readonly [number, readonly string[]];
      const users = ordered.slice(0, limit).map(fromOrdered);
      return { users, count, next: ordered.length > limit ? (users.at(-1) ?? null) : null };
    },
    occupied(channel) {
      if (!occupancy) return false;
      return held.use(channel, true, async (at) => {
        const nodes = await setOccupied(channel, 'SADD');
        at.occupied = true;
        return nodes === 1;
      });
    },
    vacated(channel) {
      if (!occupancy) return false;
      return held.use(channel, false, async (at) => {
        at.occupied = false;
        return (await setOccupied(channel, 'SREM')) === 0;
      });
    },
    sweepNode: (dead, limit) => sweepMembers(options, dead, limit),
    async restore() {
      await held.indexAll();
      const channels = [...held.channels()];
      for (let from = 0; from < channels.length; from += CHANNELS_AT_ONCE) {
        const slice = channels.slice(from, from + CHANNELS_AT_ONCE);
        await Promise.all(slice.map(([channel, at]) => restoreChannel(channel, at)));
      }
    },
  } satisfies SharedMembers;
}

/** What a script answers that counts. */
type Pair = readonly [number, number];
