import type { Swept } from '../../ports/cluster.ts';
import type { LeasedDevice } from '../../ports/presence.ts';
import { holdDevice } from './held-user.ts';
import type { Holders } from './holders.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './redis-link.ts';
import { listOf, textOf } from './reply-values.ts';
import { loadScript } from './script.ts';
import { type UserScripts, loadUserScript } from './user-scripts.ts';

const OVERDUE = loadScript('cluster-overdue', ['cluster-leases']);
const SWEEP = loadUserScript('presence-sweep');
const ADOPT = loadUserScript('presence-adopt');

const NOTHING: Swept = Object.freeze({ overdue: true, holders: 0, ended: 0, leases: Object.freeze([]) });
const NOT_YET: Swept = Object.freeze({ ...NOTHING, overdue: false });

export type SweepOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly scripts: UserScripts;
  readonly holders: Holders;
  readonly nextChange: () => number;
  /**
   * Deals with what else the dead node has left, at most `limit` of it, and says how much that was. Asked once no user is
   * left; while it finds anything the lease stays, so that whoever sweeps next goes on.
   */
  readonly sweepRest: (node: string, limit: number) => Promise<number>;
};

/**
 * Ends what a dead node has left, a number of its users at a time. Every step may be repeated, and done by several nodes at
 * once: a user leaves the dead node's index only behind the script that dealt with them.
 */
export function createSweep(options: SweepOptions): (node: string, limit: number) => Promise<Swept> {
  const { link, keys, scripts, holders, nextChange } = options;
  const leases = keys.cluster('leases');

  async function sweepUser(dead: string, user: string): Promise<Omit<Swept, 'overdue'>> {
    const [ended, shown, leased] = await scripts.run(SWEEP, user, [dead, holders.node]);
    scripts.shown(shown, holders.get(user));
    return {
      holders: Math.max(1, Number(ended)),
      ended: Number(ended),
      leases: leased === 1 ? await adopt(dead, user) : [],
    };
  }

  /** Noted in this node's index first: should it die as well, the next one finds them. */
  async function adopt(dead: string, user: string): Promise<readonly LeasedDevice[]> {
    const held = holders.enter(user);
    try {
      const args = [dead, holders.node, String(nextChange())];
      const reply = await holders.noted(held, () => scripts.run(ADOPT, user, args));
      const taken: LeasedDevice[] = [];
      for (let i = 0; i < reply.length; i += 3) {
        const device = textOf(reply[i]);
        const expiresAtMs = Number(reply[i + 1]);
        holdDevice(held, device, textOf(reply[i + 2]), { leaseUntilMs: expiresAtMs });
        taken.push({ user, device, expiresAtMs });
      }
      return taken;
    } finally {
      holders.exit(held);
    }
  }

  return async (node, limit) => {
    const index = keys.node(node, 'holders');
    if ((await link.run(OVERDUE, [leases], [node, '0'])) !== 1) return NOT_YET;
    // Any of them, so that nodes which sweep at once mostly take different ones.
    const members = await link.command(index, 'SRANDMEMBER', index, String(limit));
    const users = listOf(members).map(textOf);
    if (users.length === 0) {
      const rest = await options.sweepRest(node, limit);
      if (rest > 0) return { ...NOTHING, holders: rest };
      await link.run(OVERDUE, [leases], [node, '1']);
      return NOTHING;
    }
    const swept = await Promise.all(users.map((user) => sweepUser(node, user)));
    await link.command(index, 'SREM', index, ...users);
    return {
      overdue: true,
      holders: swept.reduce((sum, { holders: dealt }) => sum + dealt, 0),
      ended: swept.reduce((sum, { ended }) => sum + ended, 0),
      leases: swept.flatMap(({ leases: taken }) => taken),
    };
  };
}
