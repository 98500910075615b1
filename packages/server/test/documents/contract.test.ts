import { createMemoryDocuments } from '../../src/adapters/memory/documents.ts';
import { documentsContract } from '../../src/testing/index.ts';

documentsContract('memory', () => {
  const store = createMemoryDocuments();
  return Promise.resolve({ store, other: null, reopen: null, close: () => Promise.resolve() });
});
