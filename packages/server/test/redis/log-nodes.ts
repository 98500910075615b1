import { randomBytes, randomUUID } from 'node:crypto';
import { createKeys, type Keys } from '../../src/adapters/redis/keys.ts';
import { type RedisLogLimits, createRedisLog } from '../../src/adapters/redis/log.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { PublishingLog } from '../../src/ports/log.ts';
import { type OpenLog, T0 } from '../../src/testing/log-subject.ts';

/** A node's log, with a line to Redis of its own. */
export type LogNode = { readonly log: PublishingLog; readonly link: RedisLink; readonly keys: Keys };

export type LogNodeOptions = {
  readonly prefix: string;
  readonly limits?: Partial<RedisLogLimits> | undefined;
  readonly nowMs?: () => number;
};

export function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}

export function openLogNode(link: RedisLink, { prefix, limits, nowMs = () => T0 }: LogNodeOptions): LogNode {
  const keys = createKeys(prefix);
  return { log: createRedisLog({ link, keys, newEpoch, nowMs, limits }), link, keys };
}

/** Opens empty logs that share one server, apart by their prefix. A log that is opened again is another node's. */
export function openLogOn(openLink: (prefix: string) => Promise<RedisLink>): OpenLog {
  return async (limits) => {
    const prefix = `t${randomUUID().slice(0, 8)}:`;
    let link = await openLink(prefix);
    const { log } = openLogNode(link, { prefix, limits });
    return {
      log,
      async reopen() {
        await link.close();
        link = await openLink(prefix);
        return openLogNode(link, { prefix, limits }).log;
      },
      close: () => link.close(),
    };
  };
}
