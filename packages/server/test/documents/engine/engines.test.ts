import { createDocumentEngine, createInlineEngine } from '../../../src/adapters/yjs/engine.ts';
import { createNodeClock } from '../../../src/adapters/node/clock.ts';
import { documentEngineContract } from '../../../src/testing/document-engine-contract.ts';

documentEngineContract('in the thread that calls', async () => {
  const engine = createInlineEngine();
  return { engine, close: () => engine.close() };
});

documentEngineContract('threads', async () => {
  const engine = createDocumentEngine(
    { workers: 2, jobMs: 30_000, queued: 1_000, memoryMb: 256 },
    createNodeClock(),
  );
  return { engine, close: () => engine.close() };
});
