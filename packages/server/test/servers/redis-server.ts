import { createClient } from '@redis/client';
import {
  type ChildServer,
  freePorts,
  removeFolder,
  serverProgram,
  startChild,
  temporaryFolder,
  untilAnswers,
} from './child-server.ts';

export type RedisServerOptions = {
  /** Unless given a free one. */
  readonly port?: number;
  /** More settings, as in redis.conf: `['maxmemory-policy', 'allkeys-lru']`. */
  readonly settings?: readonly (readonly [string, string])[];
  /** Whether each write is kept in an append-only file (fsync always), so that `restart` finds it. */
  readonly durable?: boolean;
  /** What `run` logs in with, where `settings` ask for it. */
  readonly password?: string;
  /** CA, in PEM, that signed its certificate; the port speaks TLS then. */
  readonly ca?: string;
};

/** A real redis-server on the loopback, ended with the test's process. */
export type RedisServer = {
  readonly host: string;
  readonly port: number;
  /** `redis://…`, without password. */
  readonly url: string;
  readonly pid: number;
  readonly running: boolean;
  /** Its working folder: dump.rdb and the append-only file. */
  readonly folder: string;
  readonly log: readonly string[];
  /** Ends it at once and removes its folder. */
  stop(): Promise<void>;
  /** Ends the process in the middle of whatever it does; the folder stays. */
  kill9(): Promise<void>;
  /** Stops it with SIGSTOP: it keeps its connections and answers nothing. */
  pause(): void;
  resume(): void;
  /** Starts it again, at the same port and on the same folder; ends it first (SIGTERM) where it still runs. */
  restart(): Promise<void>;
  /** Ends it as an operator would; `restart` brings it back. */
  shutDown(): Promise<void>;
  /** Sends one command, on a connection of its own. */
  run(...args: readonly string[]): Promise<unknown>;
};

/** Starts a redis-server and waits until it answers. Without `durable` nothing is written to disk. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = serverProgram('CARILLON_REDIS_SERVER', ['redis-server']);
  // A Cluster's bus takes the port 10,000 above.
  const port = options.port ?? (await freePorts(1))[0]!;
  const folder = temporaryFolder('redis');
  const settings: (readonly [string, string])[] = [
    ['bind', '127.0.0.1'],
    options.ca === undefined ? ['port', String(port)] : ['tls-port', String(port)],
    ...(options.ca === undefined ? [] : ([['port', '0']] as const)),
    ['dir', folder],
    ['daemonize', 'no'],
    ['save', ''],
    ['appendonly', options.durable === true ? 'yes' : 'no'],
    ['appendfsync', 'always'],
    ['maxmemory-policy', 'noeviction'],
    ['loglevel', 'notice'],
    ...(options.settings ?? []),
  ];
  const args = settings.flatMap(([name, value]) => [`--${name}`, ...split(name, value)]);
  let server: ChildServer;

  async function start(): Promise<void> {
    server = startChild(program, args);
    await untilAnswers(server, `redis-server on port ${port}`, async () => {
      const reply = await run('PING');
      return reply === 'PONG';
    });
  }

  async function run(...command: readonly string[]): Promise<unknown> {
    const client = createClient({
      RESP: 3,
      ...(options.password === undefined ? {} : { password: options.password }),
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
      socket: {
        host: '127.0.0.1',
        port,
        reconnectStrategy: false,
        ...(options.ca === undefined ? {} : { tls: true as const, ca: options.ca }),
      },
    });
    // What `connect` and the command reject with is the same error.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(command);
    } finally {
      client.destroy();
    }
  }

  await start();
  return {
    host: '127.0.0.1',
    port,
    url: `${options.ca === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    folder,
    get pid() {
      return server.pid;
    },
    get running() {
      return server.running;
    },
    get log() {
      return server.log;
    },
    async stop() {
      await server.end('SIGKILL');
      removeFolder(folder);
    },
    kill9: () => server.end('SIGKILL'),
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    async restart() {
      await server.end('SIGTERM');
      await start();
    },
    shutDown: () => server.end('SIGTERM'),
    run,
  };
}

/** redis-server takes what belongs to one setting as several arguments; `save ""` is one empty one. */
function split(name: string, value: string): readonly string[] {
  return name === 'save' || value === '' ? [value] : value.split(' ');
}
