import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import type { Bench } from '../bench.ts';
import { freePort } from './free-port.ts';
import { startLineProcess } from './line-process.ts';

export type Redis = {
  readonly pid: number;
  readonly url: string;
  /** What it counts (`INFO`): `used_memory`, `total_commands_processed`. */
  info(name: string): Promise<number>;
  end(): Promise<void>;
};

const RETRY_MS = 20;
const START_LIMIT_MS = 10_000;

/** Starts a redis-server that keeps nothing on disk, beside the load, so that its CPU is not the servers'. */
export async function startRedis(bench: Bench): Promise<Redis> {
  const port = await freePort();
  const program = process.env['CARILLON_REDIS_SERVER'] ?? 'redis-server';
  const settings = { bind: '127.0.0.1', port: String(port), save: '', appendonly: 'no' };
  const child = startLineProcess(
    bench.cores.load([program, ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])]),
    process.env,
    mkdtempSync(join(bench.folder, 'redis-')),
  );
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    socket: { reconnectStrategy: () => RETRY_MS },
  });
  // It is not there yet, or not any more; both show elsewhere.
  client.on('error', () => undefined);
  const limit = new AbortController();
  const started = client.connect().then(() => true);
  const inTime = sleep(START_LIMIT_MS, false, { signal: limit.signal }).catch(() => false);
  if (!(await Promise.race([started, inTime])))
    throw new Error(`no answer from ${program} (CARILLON_REDIS_SERVER names another)`);
  limit.abort();
  return {
    pid: child.pid,
    url: `redis://127.0.0.1:${port}`,
    async info(name) {
      const value = new RegExp(`^${name}:(\\d+)`, 'm').exec(await client.info())?.[1];
      if (value === undefined) throw new Error(`INFO of Redis has no ${name}`);
      return Number(value);
    },
    async end() {
      client.destroy();
      await child.end('SIGKILL');
    },
  };
}
