import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import {
  freePorts,
  removeFolder,
  serverProgram,
  startChild,
  temporaryFolder,
  untilAnswers,
} from './child-server.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** What the Sentinels call the primary. */
const NAME = 'main';

/** A primary without an answer for so many ms is taken for dead. */
const DOWN_AFTER_MS = 500;

/** A real primary with a replica, watched by three real Sentinels. */
export type SentinelGroup = {
  readonly name: string;
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinelPorts: readonly number[];
  /** `redis+sentinel://…/main`, naming all three. */
  readonly url: string;
  /** The port of the primary, as the first Sentinel sees it now. */
  primaryPort(): Promise<number>;
  /** Has the replica take over while the primary lives. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
};

export async function startSentinel(): Promise<SentinelGroup> {
  const program = serverProgram('CARILLON_REDIS_SERVER', ['redis-server']);
  const primary = await startRedis();
  const replica = await startRedis({
    settings: [
      ['replicaof', `127.0.0.1 ${primary.port}`],
      ['repl-diskless-sync-delay', '0'],
    ],
  });
  await untilText(() => replica.run('INFO', 'replication'), 'master_link_status:up');
  const sentinelPorts = await freePorts(3);
  const folder = temporaryFolder('sentinel');
  const sentinels = sentinelPorts.map((port) => {
    const file = join(folder, `${port}.conf`);
    writeFileSync(
      file,
      `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 2
sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}
sentinel failover-timeout ${NAME} 5000
sentinel parallel-syncs ${NAME} 1
`,
    );
    return { port, server: startChild(program, [file, '--sentinel']) };
  });
  for (const { port, server } of sentinels) {
    // It answers once it knows the other two and the replica, without which it fails nothing over.
    await untilAnswers(server, `sentinel on port ${port}`, async () => {
      const others = (await ask(port, 'SENTINEL', 'SENTINELS', NAME)) as readonly unknown[];
      const replicas = (await ask(port, 'SENTINEL', 'REPLICAS', NAME)) as readonly unknown[];
      return others.length === sentinelPorts.length - 1 && replicas.length === 1;
    });
  }

  const primaryPort = async (): Promise<number> => {
    const address = await ask(sentinelPorts[0]!, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
    return Number((address as readonly string[])[1]);
  };

  return {
    name: NAME,
    primary,
    replica,
    sentinelPorts,
    url: `redis+sentinel://${sentinelPorts.map((port) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    primaryPort,
    async failOver() {
      await ask(sentinelPorts[0]!, 'SENTINEL', 'FAILOVER', NAME);
    },
    async stop() {
      await Promise.all(sentinels.map(({ server }) => server.end('SIGKILL')));
      await Promise.all([primary.stop(), replica.stop()]);
      removeFolder(folder);
    },
  };
}

async function ask(port: number, ...command: readonly string[]): Promise<unknown> {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false } });
  client.on('error', () => undefined); // `connect` rejects with it.
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    client.destroy();
  }
}

async function untilText(read: () => Promise<unknown>, text: string): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!String(await read()).includes(text)) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
