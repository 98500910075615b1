import type { Bench } from '../bench.ts';
import { type LineProcess, numberIn, startLineProcess } from './line-process.ts';

export const PEERS = [
  'socket.io',
  'socket.io-rooms',
  'socket.io-recovery',
  'socket.io-redis',
  'socket.io-sharded',
  'ws',
  'y-websocket',
  'hocuspocus',
  'bare-state',
] as const;
export type PeerName = (typeof PEERS)[number];

export type Peer = {
  readonly pid: number;
  readonly port: number;
  /** Tells it what to do, a line. */
  tell(line: string): void;
  end(): Promise<void>;
};

/**
 * Starts a peer in a process of its own on the server's core, by this program's own `peer` command.
 *
 * @param given what some need: the URL of a Redis, or sizes
 */
export function startPeer(bench: Bench, name: PeerName, given = ''): Promise<Peer> {
  const [, main = ''] = process.argv;
  return listening(
    startLineProcess(bench.cores.server([process.execPath, ...process.execArgv, main, 'peer', name, given]), {
      ...process.env,
      NODE_ENV: 'production',
    }),
  );
}

/** Starts the bare `send()` loop in C. */
export function startFloor(bench: Bench): Promise<Peer> {
  return listening(startLineProcess(bench.cores.server([bench.programs.floor])));
}

async function listening(child: LineProcess): Promise<Peer> {
  const line = await child.next(({ event }) => event === 'listening');
  return { pid: child.pid, port: numberIn(line, 'port'), tell: child.tell, end: () => child.end('SIGKILL') };
}
