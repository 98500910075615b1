import { channelTopic } from '../../ports/broker.ts';
import type { MemberCount, MembersPage, SharedMembers } from '../../ports/members.ts';
import { type HeldChannel, createHeldMembers } from './held-members.ts';
import {
  INDEX_PART,
  MEMBER_SCRIPTS,
  NO_INCARNATION,
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
  async function enter(channel: string, incarnation: string, users: readonly string[]): Promise<string> {
    const reply = await link.run(MEMBER_SCRIPTS.enter, memberKeys(keys, channel, node), [
      keys.channel(channelTopic(channel)),
      String(nowMs()),
      incarnation,
      ...users.flatMap(userArguments),
    ]);
    return reply as string;
  }

  async function setOccupied(channel: string, command: 'SADD' | 'SREM'): Promise<number> {
    const [, nodes] = (await link.run(
      MEMBER_SCRIPTS.occupancy,
      [nodesKey(keys, channel)],
      [node, command],
    )) as Pair;
    return nodes;
  }

  async function countIn(channel: string): Promise<Counted> {
    const reply = await link.run(MEMBER_SCRIPTS.count, memberKeys(keys, channel, node), [String(nowMs())]);
    const [count, version, holds, incarnation] = reply as readonly [number, number, number, string];
    return { count, version, holds, incarnation };
  }

  /** Makes the list hold of this node what this node holds; costs no more than a look where it does. */
  async function checkChannel(channel: string, at: HeldChannel): Promise<void> {
    if (occupancy) await setOccupied(channel, at.occupied ? 'SADD' : 'SREM');
    const { changes } = at;
    const known = await countIn(channel);
    if (at.changes !== changes || !isWhole(at, known)) await restoreChannel(channel, at);
  }

  async function restoreChannel(channel: string, at: HeldChannel): Promise<void> {
    // Who joins meanwhile does so by itself, and who leaves does behind this.
    const users = [...at.users];
    const known = at.incarnation === '' ? NO_INCARNATION : at.incarnation;
    let { incarnation } = at;
    for (let from = 0; from < users.length; from += USERS_A_SCRIPT) {
      const slice = users.slice(from, from + USERS_A_SCRIPT).filter((user) => at.users.has(user));
      if (slice.length > 0) incarnation = await enter(channel, known, slice);
    }
    await letSurplusGo(channel, at, known);
    at.incarnation = incarnation;
  }

  /** An older copy of the list holds users who have left since. */
  async function letSurplusGo(channel: string, at: HeldChannel, known: string): Promise<void> {
    const { changes } = at;
    const heldKey = memberKeys(keys, channel, node)[2];
    const there = ((await link.command(heldKey, 'SMEMBERS', heldKey)) as string[]).map(fromOrdered);
    // Whoever comes or goes meanwhile may be there or not. The next time that this is looked at will do.
    if (at.changes !== changes) return;
    const surplus = there.filter((user) => !at.users.has(user) && !at.unsure.has(user));
    for (let from = 0; from < surplus.length; from += USERS_A_SCRIPT)
      await quitMembers(options, channel, node, surplus.slice(from, from + USERS_A_SCRIPT), known);
  }

  return {
    join: (channel, user) =>
      held.use(channel, true, async (at) => {
        at.unsure.add(user);
        const incarnation = await enter(channel, '', [user]);
        at.unsure.delete(user);
        // Of the others it is not known yet whether they are held in this one too.
        if (at.users.size === 0) at.incarnation = incarnation;
        at.users.add(user);
      }),
    leave: (channel, user) =>
      held.use(channel, false, async (at) => {
        // At once: what is put back from here on is put back without them.
        at.users.delete(user);
        at.unsure.add(user);
        await quitMembers(options, channel, node, [user]);
        at.unsure.delete(user);
      }),
    async count(channel): Promise<MemberCount> {
      const at = held.get(channel);
      const asked = at?.changes;
      const known = await countIn(channel);
      // Of a channel that something is under way in, the answer may be older than what is held.
      const isSettled = at !== undefined && at.pending === 0 && at.changes === asked;
      if (!isSettled || isWhole(at, known)) return { count: known.count, version: known.version };
      // The list was lost, or is older, or this node was swept: what it holds is put right where that is found.
      at.indexed = null;
      await held.use(channel, true, (now) => checkChannel(channel, now));
      const { count, version } = await countIn(channel);
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
        at.unsure.add('');
        const nodes = await setOccupied(channel, 'SADD');
        at.unsure.delete('');
        at.occupied = true;
        return nodes === 1;
      });
    },
    vacated(channel) {
      if (!occupancy) return false;
      return held.use(channel, false, async (at) => {
        at.occupied = false;
        at.unsure.add('');
        const nodes = await setOccupied(channel, 'SREM');
        at.unsure.delete('');
        return nodes === 0;
      });
    },
    sweepNode: (dead, limit) => sweepMembers(options, dead, limit),
    async restore() {
      const channels = await held.indexed();
      for (let from = 0; from < channels.length; from += CHANNELS_AT_ONCE) {
        const slice = channels.slice(from, from + CHANNELS_AT_ONCE);
        await Promise.all(slice.map((channel) => held.use(channel, true, (at) => checkChannel(channel, at))));
      }
    },
  } satisfies SharedMembers;
}

/** What a script answers that counts. */
type Pair = readonly [number, number];

/** How many are in a channel, how many of them by this node, and in which life of the list. */
type Counted = MemberCount & { readonly holds: number; readonly incarnation: string };

/** Whether the list holds what this node does: what was acknowledged is lost only together with the incarnation. */
function isWhole({ users, incarnation }: HeldChannel, known: Counted): boolean {
  return known.holds === users.size && (users.size === 0 || known.incarnation === incarnation);
}
