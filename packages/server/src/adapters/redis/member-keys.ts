import { channelTopic } from '../../ports/broker.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './redis-link.ts';
import { type Script, loadScript } from './script.ts';
import { toOrdered } from './utf16-order.ts';

export const MEMBER_SCRIPTS = {
  enter: loadScript('members-enter', ['member-message', 'members-state'], true),
  quit: loadScript('members-quit', ['member-message', 'members-state'], true),
  count: loadScript('members-count', ['members-state'], true),
  page: loadScript('members-page'),
  occupancy: loadScript('members-occupancy'),
} satisfies Record<string, Script>;

export type RedisMembersOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  /** This node's name. */
  readonly node: string;
  /** The cluster's clock, ms since the epoch. */
  readonly nowMs: () => number;
  /** Whether anybody wants to hear which channels are occupied; else that costs no command, and is never true. */
  readonly occupancy: boolean;
};

/** An incarnation that never was. */
export const NO_INCARNATION = '-';

/** Of a node: the channels that it holds anything of. */
export const INDEX_PART = 'member-channels';

/** The users in their order; on how many further nodes each is; the users that a node holds. */
export function memberKeys(keys: Keys, channel: string, node: string): [string, string, string] {
  const topic = channelTopic(channel);
  return [keys.of(topic, 'members'), keys.of(topic, 'members:more'), keys.of(topic, `members:on:${node}`)];
}

/** The nodes that have subscribers. */
export function nodesKey(keys: Keys, channel: string): string {
  return keys.of(channelTopic(channel), 'members:nodes');
}

/**
 * Users whom a node held leave a channel.
 *
 * @param incarnation see members-quit.lua
 */
export async function quitMembers(
  { link, keys, nowMs }: RedisMembersOptions,
  channel: string,
  node: string,
  users: readonly string[],
  incarnation = '',
): Promise<void> {
  await link.run(MEMBER_SCRIPTS.quit, memberKeys(keys, channel, node), [
    keys.channel(channelTopic(channel)),
    String(nowMs()),
    incarnation,
    ...users.flatMap(userArguments),
  ]);
}

/** A user as the scripts take one. */
export function userArguments(user: string): [string, string] {
  return [toOrdered(user), JSON.stringify(user)];
}
