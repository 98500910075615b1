import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  accepts,
  type ChildServer,
  removeFolder,
  serverProgram,
  startChild,
  temporaryFolder,
  untilAnswers,
} from './child-server.ts';

/** A real nginx or HAProxy, ended with the test's process. */
export type ProxyServer = {
  readonly pid: number;
  /** Its working folder: relative paths of the configuration begin there. */
  readonly folder: string;
  readonly log: readonly string[];
  /** Reads the configuration again, as an operator would have it. */
  reload(configuration: string): void;
  stop(): Promise<void>;
};

/**
 * Starts nginx and waits until its port accepts connections.
 *
 * @param configuration all of nginx.conf but `daemon`, `pid` and `error_log`, which are set here
 * @param port one that it listens on (`freePorts`)
 */
export async function startNginx(configuration: string, port: number): Promise<ProxyServer> {
  const program = serverProgram('CARILLON_NGINX', ['nginx']);
  return start('nginx', configuration, port, 'SIGHUP', (folder, file) => [
    program,
    [
      '-p',
      folder,
      '-c',
      file,
      '-e',
      'stderr',
      '-g',
      `daemon off; pid ${folder}/nginx.pid; error_log stderr;`,
    ],
  ]);
}

/**
 * Starts HAProxy and waits until its port accepts connections.
 *
 * @param configuration all of haproxy.cfg
 * @param port one that it listens on (`freePorts`)
 */
export async function startHaproxy(configuration: string, port: number): Promise<ProxyServer> {
  const program = serverProgram('CARILLON_HAPROXY', ['haproxy']);
  // -W: a master that starts workers anew when it is told to reload; -db: in the foreground.
  return start('haproxy', configuration, port, 'SIGUSR2', (_folder, file) => [
    program,
    ['-W', '-db', '-f', file],
  ]);
}

async function start(
  name: string,
  configuration: string,
  port: number,
  reloadSignal: NodeJS.Signals,
  command: (folder: string, file: string) => readonly [string, readonly string[]],
): Promise<ProxyServer> {
  const folder = temporaryFolder(name);
  const file = join(folder, `${name}.conf`);
  writeFileSync(file, configuration);
  const [program, args] = command(folder, file);
  const server: ChildServer = startChild(program, args, { deathSignal: 'TERM' });
  await untilAnswers(server, `${name} on port ${port}`, () => accepts(port));
  return {
    pid: server.pid,
    folder,
    log: server.log,
    reload(changed) {
      writeFileSync(file, changed);
      server.signal(reloadSignal);
    },
    async stop() {
      // Its workers end with it: SIGTERM is its "at once".
      await server.end('SIGTERM');
      removeFolder(folder);
    },
  };
}
