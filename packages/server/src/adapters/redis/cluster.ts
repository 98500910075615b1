import type { Clock } from '../../ports/clock.ts';
import type { Cluster, NodeLease, Renewal } from '../../ports/cluster.ts';
import type { ClusterTime } from './cluster-time.ts';
import { createSweep } from './cluster-sweep.ts';
import type { GivenUp } from './given-up.ts';
import type { Holders } from './holders.ts';
import type { Keys } from './keys.ts';
import type { Missing } from './missing.ts';
import type { Rebuild } from './rebuild.ts';
import type { RedisLink, Reply } from './redis-link.ts';
import { listOf, textOf } from './reply-values.ts';
import { loadScript } from './script.ts';
import type { UserScripts } from './user-scripts.ts';

const RENEW = loadScript('cluster-renew', ['cluster-leases'], true);
const HOLD = loadScript('cluster-hold', ['cluster-leases']);
const RECALL = loadScript('cluster-recall', ['cluster-leases']);
const RETIRE = loadScript('cluster-retire', ['cluster-leases']);

export type RedisClusterOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Whether Redis is a Cluster, where a server that lost what it held is not always the one that is asked to renew. */
  readonly clustered: boolean;
  /** How long a session waits for its client. */
  readonly graceMs: number;
  /** A name that was never given, for the life of a store that is empty. */
  readonly newLife: () => string;
  readonly time: ClusterTime;
  readonly holders: Holders;
  readonly scripts: UserScripts;
  readonly rebuild: Rebuild;
  readonly givenUp: GivenUp;
  readonly missing: Missing;
  readonly nextChange: () => number;
  /** Has this renew before its time. */
  readonly renewSoon: () => void;
  /** Called behind that, where Redis lost what it was told: whatever else this node holds there is to be put back. */
  readonly onLost: () => Promise<void>;
  readonly sweepRest: (node: string, limit: number) => Promise<number>;
};

/** What the script of a renewal answers. */
type Answer = {
  /** By the server's clock, ms since the epoch, to the microsecond. */
  readonly serverMs: number;
  readonly lostMs: number;
  /** Of the store's contents: another where they were lost. */
  readonly life: string;
  /** Of the server's process: another where it was started again, or another one took over. */
  readonly run: string;
  readonly known: boolean;
  /** How often the server's clock went back: what was known before that goes by another one. */
  readonly turns: number;
  readonly leases: readonly NodeLease[];
};

/** Leases of the nodes in Redis. */
export function createRedisCluster(options: RedisClusterOptions): Cluster {
  const { link, keys, clock, leaseMs, graceMs, newLife, time, holders, rebuild, givenUp, missing } = options;
  const { node } = holders;
  const leases = keys.cluster('leases');
  const state = keys.cluster('state');
  /** As the last renewal found the store; null before the first. */
  let before: Answer | null = null;
  let completeSinceMs = Infinity;
  /** How often the server's clock went back, by the last answer. */
  let turns = 0;
  /** Resolves once no renewal is under way. */
  let renewed: Promise<unknown> = Promise.resolve();
  /** In a Cluster, how often nobody knew what a server remembers: a line was down, or slots are served by another one. */
  let doubts = 0;
  /** Those that were looked into. */
  let cleared = 0;
  link.onDown(() => {
    if (options.clustered) doubts++;
  });
  link.onTakeover((replaced) => {
    doubts++;
    // Slots that are moved bring everything along, mostly, and there may be thousands: the next renewal will do.
    if (replaced) options.renewSoon();
  });

  async function ask(): Promise<Answer> {
    const sentMs = clock.monotonicMs();
    const args = [leaseMs, graceMs, newLife(), time.lostMs, time.renewedAtMs, turns];
    const answer = readAnswer(await link.run(RENEW, [leases, state], [node, ...args.map(String)]));
    time.answered(answer.serverMs, sentMs, answer.lostMs);
    turns = answer.turns;
    return answer;
  }

  /** The others' leases are as old as the store: what was seen of them last counts, where that is later. */
  async function recallLeases(seen: Answer, lostMs: number): Promise<void> {
    if (seen.leases.length === 0) return;
    const putOffMs = lostMs - seen.lostMs;
    const told = seen.leases.flatMap((lease) => [lease.node, String(lease.sweepAtMs + putOffMs)]);
    await link.run(RECALL, [leases], [String(leaseMs), String(graceMs), ...told]);
  }

  /** Makes the store and this node agree again, where one of them lost something. */
  async function reconcile({ life, run, known, lostMs }: Answer, inDoubt: boolean): Promise<void> {
    if (before === null) {
      completeSinceMs = time.nowMs();
      return;
    }
    if (before.life !== life || before.run !== run || inDoubt) {
      // By then whoever was lost with a node that died, too, is known to be gone.
      completeSinceMs = time.nowMs() + 2 * (graceMs + leaseMs);
      await recallLeases(before, lostMs);
      await rebuild.all();
      return options.onLost();
    }
    // Nothing was lost, so it was swept, and what it still holds is over.
    if (!known) holders.clear();
  }

  async function renewOnce(): Promise<Renewal> {
    const known = doubts;
    const answer = await ask();
    await reconcile(answer, known > cleared);
    // Only now: where that failed, the next renewal does it again; and what came up meanwhile is left to it as well.
    before = answer;
    cleared = known;
    await rebuild.some(missing.take());
    await holders.repair();
    await givenUp.lookAgain();
    return { nowMs: Math.floor(answer.serverMs), leases: answer.leases };
  }

  return {
    node,
    leaseMs,
    get completeSinceMs() {
      return completeSinceMs;
    },
    renew() {
      // One behind the other: an older answer, or what was put back for it, must not come behind a newer one.
      const mine = renewed.then(renewOnce);
      renewed = mine.catch(() => undefined);
      return mine;
    },
    async hold(nodes, sweepAtMs) {
      if (nodes.length > 0) await link.run(HOLD, [leases], [String(sweepAtMs), ...nodes]);
    },
    sweep: createSweep(options),
    async retire() {
      await link.run(RETIRE, [leases], [node, String(graceMs)]);
    },
  } satisfies Cluster;
}

function readAnswer(reply: Reply): Answer {
  const [seconds, micros, lost, life, run, known, turns, ...rest] = listOf(reply);
  const leases: NodeLease[] = [];
  for (let i = 0; i + 1 < rest.length; i += 2) {
    const [expiresAtMs, sweepAtMs, held] = JSON.parse(textOf(rest[i + 1])) as [number, number, number];
    leases.push({ node: textOf(rest[i]), expiresAtMs, sweepAtMs, held: held === 1 });
  }
  return {
    serverMs: Number(seconds) * 1_000 + Number(micros) / 1_000,
    lostMs: Number(lost),
    life: textOf(life),
    run: textOf(run),
    known: known === 1,
    turns: Number(turns),
    leases,
  };
}
