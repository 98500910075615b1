import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { createMemoryPresence } from '../../src/adapters/memory/presence.ts';
import { createMemorySessions } from '../../src/adapters/memory/sessions.ts';
import { type Sqlite, openSqlite } from '../../src/adapters/sql/sqlite.ts';
import { type StampSource, createStampSource } from '../../src/core/presence/stamp.ts';
import type { Directory } from '../../src/ports/directory.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { SessionRecord } from '../../src/ports/sessions.ts';
import type {
  PresenceStoreSubject,
  RestartablePresenceStore,
  RestartableSessionStore,
} from '../../src/testing/index.ts';

export const GRACE_MS = 60_000;
export const T0 = 1_700_000_000_000;

/** What is kept when the process ends: the disk, or what stands for it. */
export type Kept = {
  journal: Journal;
  directory: Directory;
  reopen(): Promise<Kept>;
  close(): Promise<void>;
};

/** A database in a folder of its own, removed with it. */
export async function temporarySqlite(): Promise<{
  path: string;
  open(): Promise<Sqlite>;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-sqlite-'));
  const path = join(folder, 'test.sqlite');
  return {
    path,
    open: () => openSqlite({ path }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function sessionSubject(kept: Kept): Promise<RestartableSessionStore> {
  let current = kept;
  return {
    store: createMemorySessions({ journal: current.journal, graceMs: GRACE_MS }),
    graceMs: GRACE_MS,
    async restart(aliveAtMs, nowMs) {
      current.journal.alive(aliveAtMs, 0);
      current = await current.reopen();
      const contents = await current.journal.load();
      return createMemorySessions({
        journal: current.journal,
        graceMs: GRACE_MS,
        restart: { contents, nowMs },
      });
    },
    close: () => current.close(),
  };
}

type Life = { kept: Kept; stamps: StampSource };

export async function presenceSubject(
  kept: Kept,
  users: readonly string[],
): Promise<PresenceStoreSubject & { readonly restartable: RestartablePresenceStore }> {
  for (const user of users) await kept.directory.ensureUser(user);
  const broker = createMemoryBroker();
  const clock = { nowMs: T0 };
  let life: Life = { kept, stamps: createStampSource(0) };

  const begin = (restart?: Parameters<typeof createMemoryPresence>[0]['restart']) =>
    createMemoryPresence({
      broker,
      journal: life.kept.journal,
      lastSeen: life.kept.directory,
      stamps: life.stamps,
      nowMs: () => clock.nowMs,
      restart,
    });

  let store = begin();
  const settle = () => life.kept.directory.recordLastSeen([]);
  const close = () => life.kept.close();
  return {
    store,
    broker,
    clock,
    settle,
    close,
    restartable: {
      store: () => store,
      clock,
      close,
      lastStamp: () => life.stamps.last(),
      keepSession: (id, user, device) => life.kept.journal.putSession(session(id, user, device)),
      dropSession: (id) => life.kept.journal.dropSession(id),
      async restart(aliveAtMs, aliveWallMs) {
        life.kept.journal.alive(aliveAtMs, life.stamps.last(), aliveWallMs);
        const reopened = await life.kept.reopen();
        const contents = await reopened.journal.load();
        life = { kept: reopened, stamps: createStampSource(contents.stamp) };
        store = begin({ contents, nowMs: clock.nowMs });
      },
    },
  };
}

export function session(id: string, user: string, device: string): SessionRecord {
  return {
    id,
    user,
    device,
    node: '',
    generation: 1,
    tokenHash: `hash-${id}`,
    previousTokenHash: null,
    detachedAtMs: null,
  };
}
