import BetterSqlite3 from 'better-sqlite3';
import { afterAll } from 'vitest';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteJournal } from '../../src/adapters/sql/journal.ts';
import type { Sqlite } from '../../src/adapters/sql/sqlite.ts';
import {
  directoryChangesContract,
  directoryContract,
  journalContract,
  presenceRestartContract,
  presenceStoreContract,
  sessionRestartContract,
  sessionStoreContract,
} from '../../src/testing/index.ts';
import { type Kept, presenceSubject, sessionSubject, temporarySqlite } from './subjects.ts';

/** The journal and the directory on one database file, as a server has them; reopening closes and opens the file. */
async function sqlite(): Promise<Kept> {
  const file = await temporarySqlite();
  async function open(): Promise<Kept> {
    const database = await file.open();
    return {
      journal: createSqliteJournal(database),
      directory: createSqliteDirectory(database),
      async reopen() {
        await database.close();
        return open();
      },
      async close() {
        await database.close();
        await file.remove();
      },
    };
  }
  return open();
}

/** One database for many tests, emptied for each: opening one takes longer than most tests. */
async function emptiedSqlite(): Promise<Kept> {
  const database = await (opened ??= file.then(({ open }) => open()));
  const raw = new BetterSqlite3((await file).path);
  raw.exec(`
    DELETE FROM users; DELETE FROM follows; DELETE FROM blocks; DELETE FROM close_friends; DELETE FROM roster_changes; DELETE FROM late_edits;
    DELETE FROM sessions; DELETE FROM devices;
    UPDATE directory_state SET complete_from = 0; UPDATE journal_state SET alive_at_ms = NULL, stamp = 0`);
  raw.close();
  return {
    journal: createSqliteJournal(database),
    directory: createSqliteDirectory(database),
    reopen: () => Promise.reject(new Error('this database is shared')),
    close: async () => undefined,
  };
}

const file = temporarySqlite();
let opened: Promise<Sqlite> | undefined;
afterAll(async () => {
  await (await opened)?.close();
  await (await file).remove();
});

directoryContract('SQLite', emptiedSqlite);
directoryChangesContract('SQLite', emptiedSqlite);
sessionStoreContract('memory over SQLite', async () => sessionSubject(await emptiedSqlite()));
presenceStoreContract('memory over SQLite', async (users) => presenceSubject(await emptiedSqlite(), users));
journalContract('SQLite', async () => {
  let kept = await sqlite();
  return {
    journal: kept.journal,
    async reopen() {
      kept = await kept.reopen();
      return kept.journal;
    },
    close: () => kept.close(),
  };
});
sessionRestartContract('memory over SQLite', async () => sessionSubject(await sqlite()));
presenceRestartContract(
  'memory over SQLite',
  async (users) => (await presenceSubject(await sqlite(), users)).restartable,
);
