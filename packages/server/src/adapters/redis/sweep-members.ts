import type { SweptMembers } from '../../ports/members.ts';
import {
  INDEX_PART,
  MEMBER_SCRIPTS,
  type RedisMembersOptions,
  memberKeys,
  nodesKey,
  quitMembers,
} from './member-keys.ts';
import { fromOrdered } from './utf16-order.ts';

/**
 * `SharedMembers.sweepNode`: lets go of users of a dead node, channel by channel, and takes each channel out of the node's
 * index behind its last one. Several nodes may do so at once: who is in a set no more is let go of no more.
 *
 * @param limit users and channels that one call deals with
 */
export async function sweepMembers(
  options: RedisMembersOptions,
  dead: string,
  limit: number,
): Promise<SweptMembers> {
  const { link, keys } = options;
  const indexKey = keys.node(dead, INDEX_PART);
  const channels = (await link.command(indexKey, 'SRANDMEMBER', indexKey, String(limit))) as string[];
  const vacated: string[] = [];
  let gone = 0;
  for (const channel of channels) {
    const wanted = limit - gone;
    if (wanted <= 0) break;
    const heldKey = memberKeys(keys, channel, dead)[2];
    const users = (await link.command(heldKey, 'SRANDMEMBER', heldKey, String(wanted))) as string[];
    if (users.length > 0) await quitMembers(options, channel, dead, users.map(fromOrdered));
    gone += users.length;
    // There may be more of them.
    if (users.length === wanted) break;
    const reply = await link.run(MEMBER_SCRIPTS.occupancy, [nodesKey(keys, channel)], [dead, 'SREM']);
    const [wasThere, nodes] = reply as readonly [number, number];
    if (wasThere === 1 && nodes === 0) vacated.push(channel);
    await link.command(indexKey, 'SREM', indexKey, channel);
    gone++;
  }
  return { gone, vacated };
}
