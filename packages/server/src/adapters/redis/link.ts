import type { Timer } from '../../ports/clock.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { backoffMs } from './backoff.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { openingProblem, serverProblem } from './preflight.ts';
import { isRedisRefusal, reasonOf, redisRefusal } from './redis-errors.ts';
import type { RedisLink, Reply } from './redis-link.ts';
import { addressText, type RedisAddress, type RedisSettings } from './redis-settings.ts';
import { changesOf, isWhole, type ShardMap, shardMapReader } from './shard-map.ts';
import { createShards, type Shard } from './shards.ts';
import { createSlotTurns, type Send } from './slot-turns.ts';
import { slotOf } from './slot.ts';
import { createUpGate } from './up-gate.ts';

/** Who serves what is looked at so long behind a refusal, ms: while nobody serves a slot every command is refused. */
const LOOK_AFTER_MS = 50;

/**
 * The line to Redis as the settings name it: one server, the one that Sentinels name, or all primaries of a Cluster.
 *
 * It is up while there is a connection to every primary: one that is lost brings it down as a whole, for what that server held
 * may be gone, and then leases are renewed before anything else.
 */
export function createRedisLink(settings: RedisSettings, deps: RedisLinkDeps): RedisLink {
  const readMap = shardMapReader(settings, deps);
  const gate = createUpGate();
  const downListeners: ((reason: string) => void)[] = [];
  let map: ShardMap | null = null;
  /** What redirections told since the map was read. */
  const moved = new Map<number, RedisAddress>();
  let state: 'new' | 'connecting' | 'up' | 'waiting' | 'closed' = 'new';
  let attempt = 0;
  let retry: Timer | null = null;
  let refreshing = false;
  let lookTimer: Timer | null = null;
  const takeoverListeners: ((replaced: boolean) => void)[] = [];

  const shards = createShards(
    settings,
    deps,
    (info, address) => {
      const problem = serverProblem(info, address, settings.topology.kind);
      if (problem !== null) throw problem;
    },
    (address, reason) => {
      // Lines to servers that serve nothing any more may go.
      if (map?.primaries.some((primary) => addressText(primary) === addressText(address)) === true)
        down(`${addressText(address)}: ${reason}`);
    },
  );

  const turns = createSlotTurns({
    clock: deps.clock,
    limitMs: settings.commandTimeoutMs,
    serving(slot) {
      const address = moved.get(slot) ?? map?.ofSlot(slot) ?? null;
      return address === null ? undefined : shards.at(address);
    },
    async reach(address) {
      try {
        return await shards.open(address);
      } catch (error) {
        throw storeUnavailable(`Redis at ${addressText(address)}: ${reasonOf(error)}`, error);
      }
    },
    moved(slot, address) {
      const before = moved.get(slot) ?? map?.ofSlot(slot) ?? null;
      moved.set(slot, address);
      if (before === null || addressText(before) !== addressText(address)) tellTakeover(false);
      refresh();
    },
    unserved: look,
  });

  async function connect(): Promise<void> {
    if (state === 'closed') throw noConnection();
    state = 'connecting';
    try {
      map = await readMap();
      moved.clear();
      if (map.clustered && !isWhole(map)) throw unserved();
      await Promise.all(map.primaries.map((address) => shards.open(address)));
      stillConnecting();
      await gate.settle();
      stillConnecting();
      state = 'up';
      attempt = 0;
    } catch (error) {
      gate.shut();
      shards.closeAll(reasonOf(error));
      throw error;
    }
  }

  /** Lines may have ended while others were made. */
  function stillConnecting(): void {
    if (state !== 'connecting' || map?.primaries.every((address) => shards.at(address)?.line.open) !== true)
      throw storeUnavailable('Redis: the connection broke while it was made');
  }

  function down(reason: string): void {
    gate.shut();
    turns.drop(reason);
    if (state !== 'up') return;
    state = 'waiting';
    shards.closeAll(reason);
    for (const listener of downListeners) listener(reason);
    reconnect();
  }

  function reconnect(): void {
    state = 'waiting';
    retry = deps.clock.setTimer(backoffMs(attempt++, deps.fraction()), () => {
      retry = null;
      connect().catch((error: unknown) => {
        if (state === 'closed') return;
        deps.warn(isRedisRefusal(error) ? 'redis_refused' : 'redis_unreachable', {
          error: reasonOf(error),
          attempt,
        });
        reconnect();
      });
    });
  }

  /** Reads again who serves what, once there was a sign that it has changed. */
  function refresh(): void {
    if (refreshing) return;
    refreshing = true;
    readMap()
      .then(async (changed) => {
        if (changed.clustered && !isWhole(changed)) throw unserved();
        await Promise.all(changed.primaries.map((address) => shards.open(address)));
        // It may have been closed, or be connecting anew, which reads everything by itself.
        if (state === 'closed') shards.closeAll('the link is closed');
        if (state !== 'up' || map === null) return;
        const { moved: elsewhere, replaced } = changesOf(map, changed);
        if (elsewhere) tellTakeover(replaced);
        map = changed;
        moved.clear();
      })
      // Commands of that slot have nowhere to go: everything is looked for anew.
      .catch((error: unknown) => down(reasonOf(error)))
      .finally(() => (refreshing = false));
  }

  function look(): void {
    if (state !== 'up' || lookTimer !== null) return;
    lookTimer = deps.clock.setTimer(LOOK_AFTER_MS, () => {
      lookTimer = null;
      if (state === 'up') refresh();
    });
  }

  function tellTakeover(replaced: boolean): void {
    for (const listener of takeoverListeners) listener(replaced);
  }

  function exchange(key: string | null, send: Send): Promise<Reply> {
    if (map === null || !gate.passes()) return Promise.reject(noConnection());
    if (map.clustered) return turns.call(key === null ? 0 : slotOf(key), send);
    const shard: Shard | undefined = shards.at(map.primaries[0] as RedisAddress);
    return shard === undefined ? Promise.reject(noConnection()) : send(shard.commands, false);
  }

  function readMany(keys: readonly string[]): Promise<Reply> {
    return exchange(keys[0] ?? null, (commands, asking) => commands.send(['MGET', ...keys], asking));
  }

  return {
    get up() {
      return state === 'up';
    },
    prefix: settings.prefix,
    run: (script, keys, args) =>
      exchange(keys[0] ?? null, (commands, asking) => commands.run(script, keys, args, asking)),
    runReplicated: (script, keys, args, waitMs) =>
      exchange(keys[0] ?? null, async (commands, asking) => {
        const reply = await commands.run(script, keys, args, asking);
        // On the same line: another one has written nothing, and would be told at once that all of that is there.
        await commands.replicated(waitMs);
        return reply;
      }),
    bytes: async (key, ...args) =>
      (await exchange(key, (commands, asking) =>
        commands.sendForBytes(args, asking),
      )) as unknown as readonly (Buffer | null)[],
    command: (key, ...args) => exchange(key, (commands, asking) => commands.send(args, asking)),
    async getMany(keys) {
      if (keys.length === 0) return [];
      if (map?.clustered !== true) return (await readMany(keys)) as readonly (string | null)[];
      const bySlot = new Map<number, number[]>();
      for (const [i, key] of keys.entries()) {
        const slot = slotOf(key);
        const there = bySlot.get(slot);
        if (there === undefined) bySlot.set(slot, [i]);
        else there.push(i);
      }
      const values: (string | null)[] = Array.from({ length: keys.length }, () => null);
      await Promise.all(
        [...bySlot.values()].map(async (places) => {
          const part = await readMany(places.map((i) => keys[i] as string));
          for (const [n, i] of places.entries()) values[i] = (part as readonly (string | null)[])[n] ?? null;
        }),
      );
      return values;
    },
    onUp: (listener) => gate.listen(listener),
    onDown: (listener) => void downListeners.push(listener),
    onTakeover: (listener) => void takeoverListeners.push(listener),
    async open() {
      try {
        await connect();
      } catch (error) {
        state = 'closed';
        throw isRedisRefusal(error) ? error : redisRefusal(openingProblem(error, settings), error);
      }
    },
    async close() {
      state = 'closed';
      retry?.cancel();
      lookTimer?.cancel();
      gate.shut();
      turns.drop('the link is closed');
      shards.closeAll('the link is closed');
    },
  } satisfies RedisLink;
}

function noConnection(): Error {
  return storeUnavailable('Redis: there is no connection');
}

function unserved(): Error {
  return storeUnavailable('Redis Cluster: some slots are served by nobody');
}
