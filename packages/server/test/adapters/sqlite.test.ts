import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteJournal } from '../../src/adapters/sql/journal.ts';
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

directoryContract('SQLite', sqlite);
directoryChangesContract('SQLite', sqlite);
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
sessionStoreContract('memory over SQLite', async () => sessionSubject(await sqlite()));
sessionRestartContract('memory over SQLite', async () => sessionSubject(await sqlite()));
presenceStoreContract('memory over SQLite', async (users) => presenceSubject(await sqlite(), users));
presenceRestartContract(
  'memory over SQLite',
  async (users) => (await presenceSubject(await sqlite(), users)).restartable,
);
