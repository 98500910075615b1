import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createClient } from '@redis/client';
import { createKeys, type Keys } from '../../src/adapters/redis/keys.ts';
import { type RedisLogLimits, createRedisLog } from '../../src/adapters/redis/log.ts';
import type { Replicas } from '../../src/adapters/redis/replicated.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { PublishingLog } from '../../src/ports/log.ts';
import { type OpenLog, T0 } from '../../src/testing/log-subject.ts';

/** A node's log, with a line to Redis of its own. */
export type LogNode = { readonly log: PublishingLog; readonly link: RedisLink; readonly keys: Keys };

export type LogNodeOptions = {
  readonly prefix: string;
  readonly limits?: Partial<RedisLogLimits> | undefined;
  readonly nowMs?: () => number;
  readonly replicas?: Replicas | null;
};

export function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}

export function openLogNode(
  link: RedisLink,
  { prefix, limits, nowMs = () => T0, replicas = null }: LogNodeOptions,
): LogNode {
  const keys = createKeys(prefix);
  return { log: createRedisLog({ link, keys, newEpoch, nowMs, limits, replicas }), link, keys };
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

/** What is published on a channel, as it passes the wire: the header, read, and the payload's text. */
export type Heard = { readonly header: Record<string, unknown>; readonly data: string | null };

export type Listener = {
  readonly heard: readonly Heard[];
  /** Resolves once so many were heard. */
  count(least: number): Promise<void>;
  close(): void;
};

/** Subscribes as any client of Redis would, with none of our code. */
export async function listenTo(port: number, channel: string): Promise<Listener> {
  const client = createClient({ RESP: 3, socket: { host: '127.0.0.1', port, reconnectStrategy: false } });
  // A server that is killed ends it; what it heard until then stays.
  client.on('error', () => undefined);
  await client.connect();
  const heard: Heard[] = [];
  const events = new EventEmitter();
  await client.sSubscribe(channel, (text) => {
    const newline = text.indexOf('\n');
    const header = newline === -1 ? text : text.slice(0, newline);
    heard.push({
      header: JSON.parse(header) as Record<string, unknown>,
      data: newline === -1 ? null : text.slice(newline + 1),
    });
    events.emit('heard');
  });
  return {
    heard,
    async count(least) {
      while (heard.length < least) await once(events, 'heard');
    },
    close: () => client.destroy(),
  };
}

/** A link that asks before each script, by its name, and each command: a test counts them, or holds its node up between two. */
export function tappedLink(link: RedisLink, before: (what: string) => Promise<void> | undefined): RedisLink {
  return {
    ...link,
    get up() {
      return link.up;
    },
    async run(script, keys, args) {
      await before(script.name);
      return link.run(script, keys, args);
    },
    async command(key, ...args) {
      await before(String(args[0]));
      return link.command(key, ...args);
    },
  };
}
