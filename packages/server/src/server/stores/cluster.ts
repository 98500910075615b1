import { createRedisBroker } from '../../adapters/redis/broker.ts';
import { createRedisDocuments } from '../../adapters/redis/documents.ts';
import { createKeys } from '../../adapters/redis/keys.ts';
import { createLastSeenWriter } from '../../adapters/redis/last-seen.ts';
import { createRedisLink } from '../../adapters/redis/link.ts';
import { createRedisLog } from '../../adapters/redis/log.ts';
import { createRedisMembers } from '../../adapters/redis/members.ts';
import { claimPrefix, openingProblem } from '../../adapters/redis/preflight.ts';
import type { Replicas } from '../../adapters/redis/replicated.ts';
import { createRedisRevocations } from '../../adapters/redis/revocations.ts';
import { createRosterCache } from '../../adapters/redis/roster-cache.ts';
import type { ShownChange } from '../../adapters/redis/user-scripts.ts';
import { createRedisUserStores } from '../../adapters/redis/user-stores.ts';
import type { RedisConfig } from '../../config/redis-settings.ts';
import { createStampSource } from '../../core/presence/stamp.ts';
import { nodeTopic } from '../../ports/broker.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Members, SharedMembers } from '../../ports/members.ts';
import type { PresenceRecord, ReplacedStatus } from '../../ports/presence.ts';
import { reasonOf } from '../database-lock.ts';
import { StartError } from '../start-error.ts';
import type { StoreOptions, Stores } from './store-options.ts';
import { openWebhooks, UNHEARD } from '../webhooks.ts';
import type { Database } from './database.ts';
import { databaseProbe, redisProbe } from './probes.ts';
import { newEpoch } from './new-epoch.ts';

/** What several nodes share: Redis for what moves, a database for what lasts. */
export async function openCluster(
  database: Database,
  redis: RedisConfig,
  {
    graceMs,
    laneLimits,
    replicatesChannels,
    clock: machine,
    telemetry,
    secrets,
    webhooks: webhookConfig,
  }: StoreOptions,
): Promise<Stores> {
  const node = secrets.id();
  const keys = createKeys(redis.prefix);
  const deps = { clock: machine, fraction: secrets.fraction, warn: telemetry.warn };
  const link = createRedisLink(redis, deps);
  const stamps = createStampSource(0);
  const users = createRedisUserStores({
    link,
    keys,
    node,
    clock: machine,
    leaseMs: redis.leaseMs,
    graceMs,
    clustered: redis.topology.kind === 'cluster',
    newId: secrets.token,
    stamps,
    lastSeen: { lastSeen: (names) => lastSeen.lastSeen(names) },
    recordLastSeen: (seen) => void lastSeen.recordLastSeen([seen]),
    sweepRest: (dead, limit) => sweepRest(dead, limit),
    onLost: () => members.restore(),
    onReplaced: (status) => tellKeeper(status),
    onShown: (record, change) => shown(record, change),
  });
  // Everything goes by the time of Redis, whatever the machine's clock says.
  const clock: Clock = { ...machine, nowMs: users.time.nowMs };
  const { cluster } = users;
  const lastSeen = createLastSeenWriter({
    directory: database.directory,
    clock,
    users: users.users,
    presence: users.presence,
    warn: telemetry.warn,
  });
  const webhooks = await openWebhooks(database.eventsOf(node), {
    config: webhookConfig,
    graceMs,
    shared: users.nodes,
    clock,
    secrets,
    telemetry,
  });
  function shown({ user }: PresenceRecord, change: ShownChange): void {
    if (change === 'came') webhooks?.userOnline(user, clock.nowMs());
    if (change === 'gone') webhooks?.userOffline(user, clock.nowMs());
  }
  const members = createRedisMembers({
    link,
    keys,
    node,
    nowMs: clock.nowMs,
    occupancy: webhooks !== null,
  });
  const broker = createRedisBroker(link, redis, { ...deps, clock }, node);
  const replicas: Replicas | null = replicatesChannels
    ? { link: createRedisLink(redis, deps), waitMs: redis.replicaWaitMs }
    : null;
  const ofLogs = {
    link,
    keys,
    newEpoch: () => newEpoch(secrets),
    nowMs: clock.nowMs,
    limits: laneLimits,
  };
  const memoryLog = createRedisLog(ofLogs);
  const documents = createRedisDocuments({ link, keys, newId: secrets.id });
  const revocations = createRedisRevocations({
    kept: database.revocations,
    link,
    keys,
    clock,
    id: secrets.id,
    warn: telemetry.warn,
  });
  const directory = createRosterCache({
    directory: database.directory,
    link,
    keys,
    clock,
    id: secrets.id,
    warn: telemetry.warn,
  });

  function tellKeeper({ node: keeper, user, device }: ReplacedStatus): void {
    broker.publish(nodeTopic(keeper), { kind: 'status', user, device })?.catch((error: unknown) => {
      // It holds the status until that would have run out.
      telemetry.warn('status_untold', { error: String(error) });
    });
  }

  /** Behind its last session: members, and what it did not get around to tell, revocations to the others and events to the app. */
  async function sweepRest(dead: string, limit: number): Promise<number> {
    const { gone, vacated } = await members.sweepNode(dead, limit);
    for (const channel of vacated) webhooks?.channelVacated(channel, clock.nowMs());
    if (gone > 0) return gone;
    await revocations.doubt();
    await webhooks?.adopt(dead);
    return 0;
  }

  // Whatever came between: whose it is, then the lease, which brings the time, and then everything else.
  link.onUp(() => claimPrefix(link, database.id));
  link.onUp(async () => void (await cluster.renew()));
  link.onUp(() => members.restore());
  async function leave(): Promise<void> {
    await lastSeen.close();
    directory.close();
    revocations.close();
    users.stop();
    await broker.close();
    await replicas?.link.close();
    await link.close();
  }
  try {
    await link.open();
    await replicas?.link.open();
    await broker.open();
  } catch (error) {
    await leave();
    throw new StartError(openingProblem(error, redis));
  }
  try {
    await revocations.start();
  } catch (error) {
    await leave();
    throw new StartError(`the server cannot read what was revoked: ${reasonOf(error)}`);
  }

  return {
    clock,
    cluster,
    sessions: users.sessions,
    presence: users.presence,
    members: ofOneNode(members),
    directory,
    broker,
    // Without such channels nothing is ever asked of what is for them.
    documents: {
      memory: documents,
      replicated:
        replicas === null ? documents : createRedisDocuments({ link, keys, newId: secrets.id, replicas }),
      stored: database.storedDocuments ?? documents,
    },
    logs: {
      memory: memoryLog,
      replicated: replicas === null ? memoryLog : createRedisLog({ ...ofLogs, replicas }),
      stored: database.storedLog ?? memoryLog,
    },
    revocations,
    events: webhooks ?? UNHEARD,
    ownSecret: database.ownSecret,
    stamps,
    seen: broker.seen,
    steadyMs: users.time.steadyMs,
    beginLife() {
      lastSeen.start();
      void webhooks?.start(users.presence);
    },
    probes: [
      redisProbe(
        () => link.command(null, 'PING'),
        () => broker.settled,
      ),
      databaseProbe(() => database.probe(users.time.steadyMs(), stamps.last(), clock.nowMs())),
    ],
    async close() {
      await webhooks?.close();
      await leave();
      await database.close();
    },
  };
}

/** Without what the runtime would sweep: here they are swept with their node, before its lease is forgotten. */
function ofOneNode({ join, leave, page, count, occupied, vacated }: SharedMembers): Members {
  return { join, leave, page, count, occupied, vacated };
}
