import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createMemoryJournal } from '../../src/adapters/memory/journal.ts';
import type { Directory } from '../../src/ports/directory.ts';
import type { Journal } from '../../src/ports/journal.ts';

/**
 * A journal and last seen on one disk that writes in order, but only when told: what is written waits in a queue, and a
 * crash loses the queue. That is what a writer thread looks like to the stores.
 */
export type SlowDisk = {
  readonly journal: Journal;
  readonly lastSeen: Pick<Directory, 'lastSeen' | 'recordLastSeen'>;
  /** Writes the next few of the queue; their promises resolve. */
  write(count: number): Promise<void>;
  waiting(): number;
  /** The queue is lost; its promises never resolve. What was written is there for the next life. */
  crash(): void;
};

export function createSlowDisk(users: readonly string[]): SlowDisk {
  const journal = createMemoryJournal();
  const directory = createMemoryDirectory();
  for (const user of users) void directory.ensureUser(user);
  let queue: (() => Promise<void>)[] = [];

  function later(write: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    queue.push(() => write().then(resolve, reject));
    return promise;
  }

  return {
    journal: {
      putSession: (session) => later(() => journal.putSession(session)),
      dropSession: (id) => later(() => journal.dropSession(id)),
      putDevice: (device) => later(() => journal.putDevice(device)),
      dropDevice: (user, device) => later(() => journal.dropDevice(user, device)),
      alive: (nowMs, stamp, wallMs) => journal.alive(nowMs, stamp, wallMs),
      load: () => journal.load(),
    },
    lastSeen: {
      lastSeen: (asked) => directory.lastSeen(asked),
      recordLastSeen: (batch) => later(() => directory.recordLastSeen(batch)),
    },
    async write(count) {
      for (const write of queue.splice(0, count)) await write();
      // Lets those who waited for the writes go on before the next step.
      await new Promise(setImmediate);
    },
    waiting: () => queue.length,
    crash() {
      queue = [];
    },
  };
}
