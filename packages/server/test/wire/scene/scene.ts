import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { type BareClient, type ConnectOptions, connectBare } from './bare-client.ts';
import { takeMisfits } from './frame-check.ts';
import { type Exit, serve, type ServerProcess } from './server-process.ts';
import { WAIT_LIMIT_MS, within } from './within.ts';

// A wait that is in vain must say what it waited for before the test is cut off.
vi.setConfig({ testTimeout: 3 * WAIT_LIMIT_MS, hookTimeout: 2 * WAIT_LIMIT_MS });

/** A server with a folder of its own, and the clients of a test. */
export type Scene = {
  readonly server: ServerProcess;
  readonly folder: string;
  readonly databasePath: string;
  connect(options?: ConnectOptions): Promise<BareClient>;
  /** A client that is logged in and has taken its first messages. */
  logIn(user: string, extra?: object, options?: ConnectOptions): Promise<BareClient>;
  /** Lets viewers follow, `viewer,subject` each; creates whoever is not there. */
  follow(...edges: readonly (readonly [string, string])[]): Promise<void>;
  /** Sends the server a signal and waits for its end. */
  stop(signal: NodeJS.Signals): Promise<Exit>;
  /** Starts the server again: same folder, same port. */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** Ends everything; fails where the server died by itself or sent a frame that does not fit the schema. */
  close(): Promise<void>;
};

export type SceneOptions = {
  /** What the server's configuration file says, for what no variable can. */
  readonly config?: object;
  /** The configuration file itself, as a module: for what holds functions. */
  readonly configModule?: string;
  /** Whether what the server holds in memory will be looked at. */
  readonly inspect?: boolean;
};

/** @param settings environment variables of the server */
export async function openScene(
  settings: Readonly<Record<string, string>> = {},
  { config, configModule, inspect = false }: SceneOptions = {},
): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-wire-'));
  const module = config === undefined ? configModule : `export default ${JSON.stringify(config)};\n`;
  if (module !== undefined) await writeFile(join(folder, 'carillon.config.mjs'), module);
  let server = await serve({ folder, settings, inspect });
  const clients: BareClient[] = [];
  let stopped = false;

  const scene: Scene = {
    get server() {
      return server;
    },
    folder,
    databasePath: join(folder, 'carillon.sqlite'),
    async connect(options) {
      const client = await connectBare(server.port, options);
      clients.push(client);
      return client;
    },
    async logIn(user, extra, options) {
      const client = await scene.connect(options);
      await client.logIn(user, extra);
      client.take();
      return client;
    },
    async follow(...edges) {
      const csv = edges
        .map((edge) => edge.map((user) => `"${user.replaceAll('"', '""')}"`).join(','))
        .join('\n');
      const reply = await server.api('POST', '/v1/import', csv);
      if (reply.status !== 200) throw new Error(`the import was refused: ${JSON.stringify(reply)}`);
    },
    async stop(signal) {
      stopped = true;
      server.signal(signal);
      return within(server.exited, `the server ends after ${signal}`, () => server.log.join('\n'));
    },
    async restart(changed = {}) {
      server = await serve({ folder, settings: { ...settings, ...changed }, port: server.port, inspect });
      stopped = false;
    },
    async close() {
      const died = stopped ? null : server.exit;
      for (const client of clients) client.drop();
      if (server.exit === null) await scene.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      if (died !== null)
        throw new Error(`the server ended by itself (${JSON.stringify(died)}):\n${server.log.join('\n')}`);
      const misfits = takeMisfits();
      if (misfits.length > 0)
        throw new Error(`frames that do not fit the schema:\n${misfits.slice(0, 10).join('\n')}`);
    },
  };
  return scene;
}
