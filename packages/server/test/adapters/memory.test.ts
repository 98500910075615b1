import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { createMemoryDirectory } from '../../src/adapters/memory/directory.ts';
import { createMemoryJournal, noJournal } from '../../src/adapters/memory/journal.ts';
import {
  brokerContract,
  directoryChangesContract,
  directoryContract,
  journalContract,
  presenceRestartContract,
  presenceStoreContract,
  sessionRestartContract,
  sessionStoreContract,
} from '../../src/testing/index.ts';
import { type Kept, presenceSubject, sessionSubject } from './subjects.ts';

const done = async (): Promise<void> => undefined;

function memory(journal = createMemoryJournal()): Kept {
  const kept: Kept = { journal, directory: createMemoryDirectory(), reopen: async () => kept, close: done };
  return kept;
}

brokerContract('memory', async () => ({ broker: createMemoryBroker(), settle: done, close: done }));
directoryContract('memory', async () => ({ directory: createMemoryDirectory(), close: done }));
directoryChangesContract('memory', async () => ({ directory: createMemoryDirectory(), close: done }));
journalContract('memory', async () => {
  const journal = createMemoryJournal();
  return { journal, reopen: async () => journal, close: done };
});
sessionStoreContract('memory, no journal', () => sessionSubject(memory(noJournal)));
sessionRestartContract('memory', () => sessionSubject(memory()));
presenceStoreContract('memory, no journal', (users) => presenceSubject(memory(noJournal), users));
presenceRestartContract('memory', async (users) => (await presenceSubject(memory(), users)).restartable);
