import type { Bench } from '../bench.ts';
import { type Carillon, startCarillon } from './carillon.ts';
import { type Redis, startRedis } from './redis.ts';
import { cpuMicros } from './usage.ts';

/** Several servers over one Redis, and one SQLite file, as they are on one machine. */
export type Nodes = {
  readonly all: readonly [Carillon, ...Carillon[]];
  readonly redis: Redis;
  /** CPU that all nodes have used so far, in µs. */
  cpuMicros(): number;
  end(): Promise<void>;
};

export async function startNodes(
  bench: Bench,
  count: number,
  database: string,
  settings: Readonly<Record<string, string>> = {},
  config: string | null = null,
): Promise<Nodes> {
  const redis = await startRedis(bench);
  const start = (): Promise<Carillon> =>
    startCarillon(bench, database, { CARILLON_REDIS_URL: redis.url, ...settings }, config);
  const all: [Carillon, ...Carillon[]] = [await start()];
  while (all.length < count) all.push(await start());
  return {
    all,
    redis,
    cpuMicros: () => all.reduce((sum, { pid }) => sum + cpuMicros(pid), 0),
    async end() {
      for (const node of all) await node.end();
      await redis.end();
    },
  };
}
