import type { StampSource } from '../../core/presence/stamp.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { Directory, LastSeen } from '../../ports/directory.ts';
import type { PresenceStore, ReplacedStatus } from '../../ports/presence.ts';
import type { SharedSessionStore } from '../../ports/sessions.ts';
import { createRedisCluster } from './cluster.ts';
import { type ClusterTime, createClusterTime } from './cluster-time.ts';
import { createGivenUp } from './given-up.ts';
import { createHolders } from './holders.ts';
import type { Keys } from './keys.ts';
import { createMissing } from './missing.ts';
import { createRedisPresence } from './presence.ts';
import { createRebuild } from './rebuild.ts';
import type { RedisLink } from './redis-link.ts';
import { listOf, textOf } from './reply-values.ts';
import { createRedisSessions } from './sessions.ts';
import { createUserScripts, type UserScriptsOptions } from './user-scripts.ts';

/** Renewals in the life of a lease. */
const RENEWALS_A_LEASE = 3;

/** Renewals within which every other node has put back what it holds. */
const RENEWALS_TO_SETTLE = 2;

export type RedisUserStoresOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  /** This node's name, a new one for each life of the process. */
  readonly node: string;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** How long a session waits for its client. */
  readonly graceMs: number;
  /** Whether Redis is a Cluster: what belongs together lies on several servers, of which one may lose what it holds. */
  readonly clustered: boolean;
  /** A name that was never given. */
  readonly newId: () => string;
  /** The node's one source of stamps. */
  readonly stamps: StampSource;
  readonly lastSeen: Pick<Directory, 'lastSeen'>;
  /** Takes when somebody was last seen; not awaited. */
  readonly recordLastSeen: (seen: LastSeen) => void;
  /** Deals with what else a dead node has left (`SweepOptions.sweepRest`). */
  readonly sweepRest: (node: string, limit: number) => Promise<number>;
  /** Puts back what else this node holds in Redis, which lost it. */
  readonly onLost: () => Promise<void>;
  /** Told of statuses over HTTP that another node looks after: taken away or set anew over this one. Not awaited. */
  readonly onReplaced: (status: ReplacedStatus) => void;
  /** Told of each change that others see and that this node caused. */
  readonly onShown: UserScriptsOptions['onShown'];
};

export type RedisUserStores = {
  readonly sessions: SharedSessionStore;
  readonly presence: PresenceStore;
  readonly cluster: Cluster;
  readonly time: ClusterTime;
  /** What this node holds, and what is yet to be put right. */
  readonly size: { readonly users: number; readonly unsettled: number; readonly givenUp: number };
  /** Users of whom this node holds something. */
  users(): Iterable<string>;
  /** Nodes that Redis knows: that live, or are yet to be swept. */
  nodes(): Promise<readonly string[]>;
  /** Ends the timers. */
  stop(): void;
};

/** Sessions, presence and leases in one Redis: they share what this node holds, and how it is put back. */
export function createRedisUserStores(options: RedisUserStoresOptions): RedisUserStores {
  const { link, keys, node, clock, leaseMs, clustered, newId, lastSeen } = options;
  const time = createClusterTime(clock);
  let change = 0;
  let soon: Timer | null = null;
  let stopped = false;

  const shared = {
    ...options,
    time,
    steadyMs: time.steadyMs,
    nextChange: () => ++change,
    scripts: createUserScripts({ ...options, nowMs: time.nowMs }),
    holders: createHolders({ link, keys, node, clustered }),
    missing: createMissing(renewSoon),
    renewSoon,
    newLife: newId,
  };
  const rebuild = createRebuild({
    ...shared,
    settleMs: Math.ceil((RENEWALS_TO_SETTLE * leaseMs) / RENEWALS_A_LEASE),
  });
  const givenUp = createGivenUp(shared.holders);
  const sessions = createRedisSessions({ ...shared, givenUp });
  const cluster = createRedisCluster({ ...shared, rebuild, givenUp });

  /** Something was lost: why, and what else, only a renewal tells. */
  function renewSoon(): void {
    if (soon !== null || stopped) return;
    soon = clock.setTimer(0, () => {
      soon = null;
      // Where it fails, the next one finds the same.
      cluster.renew().catch(() => undefined);
    });
  }

  return {
    sessions,
    presence: createRedisPresence({ ...shared, sessions, lastSeen }),
    cluster,
    time,
    get size() {
      return { users: shared.holders.size, unsettled: rebuild.unsettled, givenUp: givenUp.size };
    },
    *users() {
      for (const { user } of shared.holders.all()) yield user;
    },
    async nodes() {
      const leases = keys.cluster('leases');
      return listOf(await link.command(leases, 'HKEYS', leases)).map(textOf);
    },
    stop() {
      stopped = true;
      soon?.cancel();
      rebuild.stop();
    },
  };
}
