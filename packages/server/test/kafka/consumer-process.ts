import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { KafkaSettings } from '../../src/adapters/kafka/kafka-settings.ts';

const PROGRAM = fileURLToPath(new URL('consumer-program.ts', import.meta.url));

/** What a consumer of its own process is told. */
export type ConsumerOrders = Pick<KafkaSettings, 'brokers' | 'topics' | 'groupId' | 'inFlight'> & {
  /** Of so many events after another each gets its verdict but the last, which never does; 0: all do. */
  readonly withholdEvery: number;
};

/** An event that it was brought, or gave its verdict of. */
export type Said = {
  readonly done: boolean;
  readonly lane: string;
  readonly offset: number;
  readonly value: string;
};

/** A source in a process of its own, so that it can be killed. */
export type ConsumerProcess = {
  readonly said: readonly Said[];
  until(holds: (said: readonly Said[]) => boolean): Promise<void>;
  /** Ends it in the middle of whatever it does. */
  kill(): Promise<void>;
};

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export function startConsumer(orders: ConsumerOrders): ConsumerProcess {
  const child = spawn(
    process.execPath,
    [
      '--conditions=carillon-source',
      '--disable-warning=ExperimentalWarning',
      PROGRAM,
      JSON.stringify(orders),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.add(child);
  const said: Said[] = [];
  let waiting: { holds: (said: readonly Said[]) => boolean; resolve: () => void }[] = [];
  const { stdout } = child;
  createInterface(stdout).on('line', (line) => {
    const [what, lane = '', offset, value = ''] = line.split(' ');
    said.push({ done: what === 'done', lane, offset: Number(offset), value });
    waiting = waiting.filter(({ holds, resolve }) => {
      if (!holds(said)) return true;
      resolve();
      return false;
    });
  });
  return {
    said,
    until: (holds) =>
      new Promise((resolve) => {
        if (holds(said)) resolve();
        else waiting.push({ holds, resolve });
      }),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) {
        // What it said before is read to its end first.
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
      }
      children.delete(child);
    },
  };
}
