import {
  type MemoryCluster,
  type MemoryLog,
  type Snapshot,
  createMemoryCluster,
} from '@carillon/server/simulation';
import type { Random } from '../random.ts';
import { EPOCH_MS } from '../time/node-clock.ts';
import { type Owner, type VirtualTime, createOwner } from '../time/virtual-time.ts';

/** How long a lease lasts, ms. */
export const LEASE_MS = 30_000;

/** What happens to everything that nodes share. */
export type SharedStore = {
  readonly cluster: MemoryCluster;
  readonly owner: Owner;
  readonly state: 'up' | 'down' | 'hung';
  /** Something was sent to it: carried out at once, when it goes on, or never. */
  arrive(step: () => void): void;
  /** Lines are told that the server went away. */
  onLost(listener: () => void): void;
  /** Nobody is answered for this long; what came in is carried out then. */
  hang(forMs: number): void;
  /** The server is gone for this long, and comes back as it was, empty, or older. */
  stop(forMs: number, back: ComesBack): void;
  /** As FLUSHALL. */
  flush(): void;
  /** Of what nodes publish about people and channels this part is lost, for so long. */
  loseMessages(part: number, forMs: number): void;
  losesNext(): boolean;
  calm(): void;
  /** When it last came back with less than it had, ms; -Infinity for never. */
  readonly forgotAtMs: number;
};

export type ComesBack = 'as it was' | 'empty' | 'older';

/** How often a snapshot is taken that the server may come back with, ms. */
const SNAPSHOT_EVERY_MS = 20_000;

export function createSharedStore(
  time: VirtualTime,
  random: Random,
  graceMs: number,
  onChange: () => void,
  newLog?: (epoch: string) => MemoryLog,
): SharedStore {
  const owner = createOwner('shared store');
  const nowMs = (): number => Math.floor(EPOCH_MS + time.nowMs());
  const cluster = createMemoryCluster(nowMs, { leaseMs: LEASE_MS, graceMs }, newLog);
  const lost: (() => void)[] = [];
  let state: SharedStore['state'] = 'up';
  let waiting: (() => void)[] = [];
  let older: Snapshot = cluster.snapshot();
  let nextOlder: Snapshot = older;
  let losing = { part: 0, untilMs: 0 };
  let forgotAtMs = -Infinity;
  let changes = 0;

  function keepSnapshot(): void {
    older = nextOlder;
    nextOlder = cluster.snapshot();
    time.plan(SNAPSHOT_EVERY_MS, owner, keepSnapshot);
  }
  keepSnapshot();

  function become(next: SharedStore['state']): void {
    state = next;
    changes++;
    onChange();
  }

  function goOn(): void {
    const steps = waiting;
    waiting = [];
    become('up');
    for (const step of steps) step();
  }

  function forget(): void {
    forgotAtMs = time.nowMs();
    older = nextOlder = cluster.snapshot();
  }

  function comeBack(back: ComesBack): void {
    switch (back) {
      case 'as it was':
        cluster.restart();
        break;
      case 'empty':
        cluster.restart();
        cluster.empty();
        forget();
        break;
      case 'older':
        cluster.restart(older);
        forget();
        break;
    }
    become('up');
  }

  return {
    cluster,
    owner,
    get state() {
      return state;
    },
    arrive(step) {
      if (state === 'up') step();
      else if (state === 'hung') waiting.push(step);
    },
    onLost: (listener) => void lost.push(listener),
    hang(forMs) {
      if (state !== 'up') return;
      become('hung');
      const change = changes;
      time.plan(forMs, owner, () => {
        if (changes === change) goOn();
      });
    },
    stop(forMs, back) {
      if (state !== 'up') return;
      become('down');
      for (const listener of lost) listener();
      const change = changes;
      time.plan(forMs, owner, () => {
        if (changes === change) comeBack(back);
      });
    },
    flush() {
      if (state !== 'up') return;
      cluster.empty();
      forget();
      onChange();
    },
    loseMessages(part, forMs) {
      losing = { part, untilMs: time.nowMs() + forMs };
    },
    losesNext: () => time.nowMs() < losing.untilMs && random.chance(losing.part),
    calm() {
      losing = { part: 0, untilMs: 0 };
      if (state === 'hung') goOn();
      if (state === 'down') comeBack('as it was');
    },
    get forgotAtMs() {
      return forgotAtMs;
    },
  };
}
