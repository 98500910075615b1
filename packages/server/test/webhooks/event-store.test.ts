import { createSqliteEventStore } from '../../src/adapters/sql/event-store.ts';
import { eventStoreContract } from '../../src/testing/index.ts';
import { temporarySqlite } from '../adapters/subjects.ts';
import { createTestEventStore } from './test-event-store.ts';

eventStoreContract('SQLite', async () => {
  const file = await temporarySqlite();
  let database = await file.open();
  return {
    store: createSqliteEventStore(database),
    async reopen() {
      await database.close();
      database = await file.open();
      return createSqliteEventStore(database);
    },
    another: (node) => createSqliteEventStore(database, node),
    async close() {
      await database.close();
      await file.remove();
    },
  };
});

// What the other tests here stand on is held to the same.
eventStoreContract('the tests’ own, in memory', () => {
  const store = createTestEventStore();
  return Promise.resolve({
    store,
    reopen: () => Promise.resolve(store),
    another: (node) => store.another(node),
    close: () => Promise.resolve(),
  });
});
