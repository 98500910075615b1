import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { type Carillon, loginMessage } from './carillon.ts';
import { type Line, type LineProcess, numberIn, startLineProcess } from './line-process.ts';

/** Each user has so many, on different nodes where there are several. */
export const DEVICES_EACH = 3;

/** A process may hold 20,000 descriptors on the machines this is run on; some are the program's own. */
const USERS_A_PROCESS = 5_000;

/** The devices of users who watch their tasks. */
export type FeedDevices = {
  readonly connections: number;
  /** Forgets what was counted. */
  begin(): Promise<void>;
  /** A line for each process: `complete`, `deliveries`, `closed`, `latencies`, `maxMs`. */
  figures(): Promise<readonly Line[]>;
  end(): Promise<void>;
};

let plans = 0;

export async function startFeedDevices(
  bench: Bench,
  nodes: readonly Carillon[],
  users: number,
): Promise<FeedDevices> {
  const [, main = ''] = process.argv;
  const processes: LineProcess[] = [];
  const askAll = (command: string, event: string): Promise<readonly Line[]> =>
    Promise.all(
      processes.map((child) => {
        child.tell(command);
        return child.next((line) => line['event'] === event);
      }),
    );
  let connections = 0;
  for (let from = 0; from < users; from += USERS_A_PROCESS) {
    const lines: string[] = [];
    for (let user = from; user < Math.min(users, from + USERS_A_PROCESS); user++)
      for (let device = 0; device < DEVICES_EACH; device++) {
        const node = nodes[(user + device) % nodes.length];
        lines.push(`${node?.port}\t${loginMessage(`u${user}`)}\ttasks:u${user}\n`);
      }
    const plan = join(bench.folder, `devices-${++plans}`);
    writeFileSync(plan, lines.join(''));
    const child = startLineProcess(
      bench.cores.load([process.execPath, ...process.execArgv, main, 'devices', plan, String(DEVICES_EACH)]),
    );
    processes.push(child);
    connections += numberIn(await child.next((line) => line['event'] === 'ready'), 'connections');
  }
  return {
    connections,
    async begin() {
      await askAll('begin', 'begun');
    },
    figures: () => askAll('figures', 'figures'),
    async end() {
      for (const child of processes) await child.end('SIGKILL');
    },
  };
}
