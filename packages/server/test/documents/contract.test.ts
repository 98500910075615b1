import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { documentsContract } from '../../src/testing/index.ts';
import { temporaryLog } from '../log/subjects.ts';

documentsContract('memory', () => {
  const store = createMemoryDocuments();
  return Promise.resolve({ store, other: null, reopen: null, close: () => Promise.resolve() });
});

documentsContract('SQLite', async () => {
  const file = await temporaryLog();
  let log = await file.open();
  return {
    store: log.documents,
    other: null,
    async reopen() {
      await log.close();
      log = await file.open();
      return log.documents;
    },
    async close() {
      await log.close();
      await file.remove();
    },
  };
});
