import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { takeMisfits } from '../../wire/scene/frame-check.ts';
import { type ApiReply, type Exit, serve, type ServerProcess } from '../../wire/scene/server-process.ts';
import { WAIT_LIMIT_MS, within } from '../../wire/scene/within.ts';

// Faults last up to a minute, and a grace has to pass behind them.
vi.setConfig({ testTimeout: 8 * WAIT_LIMIT_MS, hookTimeout: 2 * WAIT_LIMIT_MS });

/** One of the nodes: a process at a port that stays the same when it is started again. */
export type ClusterNode = {
  readonly process: ServerProcess;
  readonly port: number;
  readonly isUp: boolean;
  /** Sends a signal that ends it, and waits for its end. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit>;
  start(settings?: Readonly<Record<string, string>>): Promise<void>;
};

/** Several nodes over one real Redis. Clients go to any of them. */
export type ClusterScene = {
  /** Throws where there is none. */
  readonly redis: RedisServer;
  readonly nodes: readonly ClusterNode[];
  readonly folder: string;
  /** The next node in turn among those that are up, as a balancer without stickiness picks them. */
  pick(): ClusterNode;
  /** Calls the HTTP API of any node. */
  api(method: string, path: string, body?: object | string): Promise<ApiReply>;
  follow(...edges: readonly (readonly [string, string])[]): Promise<void>;
  close(): Promise<void>;
};

export type ClusterOptions = {
  readonly nodes?: number;
  readonly configModule?: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Behind `serve` on the command line of each. */
  readonly args?: readonly string[];
  /** Environment of one node alone, by its number. */
  readonly settingsOf?: (node: number) => Readonly<Record<string, string>>;
  /** The command that a node is started by, where that is another version's. */
  readonly mainOf?: (node: number) => string | undefined;
  /** A Redis of the test's own, which it ends itself; null: what `redisUrl` names is no single server. */
  readonly redis?: RedisServer | null;
  /** Unless given, that of `redis`. */
  readonly redisUrl?: string;
};

export async function openClusterScene({
  nodes: count = 3,
  configModule,
  settings = {},
  args = [],
  settingsOf = () => ({}),
  mainOf = () => undefined,
  redis: given,
  redisUrl,
}: ClusterOptions = {}): Promise<ClusterScene> {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-cluster-'));
  if (configModule !== undefined) await writeFile(join(folder, 'carillon.config.mjs'), configModule);
  const redis = given === undefined ? await startRedis() : given;
  const common = {
    CARILLON_REDIS_URL: redisUrl ?? redis!.url,
    CARILLON_LIMITS_NEW_SESSION_BURST: '1000',
    ...settings,
  };

  async function openNode(number: number): Promise<ClusterNode> {
    const own = { ...common, ...settingsOf(number) };
    let server = await serve({ folder, settings: own, main: mainOf(number), args });
    let isUp = true;
    return {
      get process() {
        return server;
      },
      port: server.port,
      get isUp() {
        return isUp;
      },
      async end(signal) {
        // Nobody is sent to a node that is told to end, as by a balancer that asks for its health.
        isUp = false;
        server.signal(signal);
        return within(server.exited, `the node ends after ${signal}`, () => server.log.join('\n'));
      },
      async start(changed = {}) {
        server = await serve({
          folder,
          settings: { ...own, ...changed },
          port: server.port,
          main: mainOf(number),
          args,
        });
        isUp = true;
      },
    };
  }

  const nodes: ClusterNode[] = [];
  for (let number = 0; number < count; number++) nodes.push(await openNode(number));
  let turn = 0;

  const scene: ClusterScene = {
    get redis() {
      return redis!;
    },
    nodes,
    folder,
    pick() {
      for (let tried = 0; tried < nodes.length; tried++) {
        const node = nodes[turn++ % nodes.length]!;
        if (node.isUp) return node;
      }
      return nodes[0]!;
    },
    api: (method, path, body) => scene.pick().process.api(method, path, body),
    async follow(...edges) {
      const reply = await scene.api('POST', '/v1/import', edges.map((edge) => edge.join(',')).join('\n'));
      if (reply.status !== 200) throw new Error(`the import was refused: ${JSON.stringify(reply)}`);
    },
    async close() {
      const died = nodes.filter(({ process, isUp }) => isUp && process.exit !== null);
      for (const node of nodes) if (node.process.exit === null) await node.end('SIGKILL');
      if (given === undefined) await redis!.stop();
      await rm(folder, { recursive: true, force: true });
      if (died.length > 0) throw new Error(`a node ended by itself:\n${died[0]!.process.log.join('\n')}`);
      const misfits = takeMisfits();
      if (misfits.length > 0)
        throw new Error(`frames that do not fit the schema:\n${misfits.slice(0, 10).join('\n')}`);
    },
  };
  return scene;
}
