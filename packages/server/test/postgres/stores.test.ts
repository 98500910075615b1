import { expect, it } from 'vitest';
import { createPostgresDirectory } from '../../src/adapters/sql/postgres/directory.ts';
import { createPostgresEventStore } from '../../src/adapters/sql/postgres/event-store.ts';
import { createPostgresJournal } from '../../src/adapters/sql/postgres/journal.ts';
import { createPostgresRevocations } from '../../src/adapters/sql/postgres/revocations.ts';
import { keptPostgresKey } from '../../src/adapters/sql/postgres/server-key.ts';
import { createGrants } from '../../src/auth/grants.ts';
import {
  type RestartableRevocations,
  eventStoreContract,
  grantsContract,
  journalContract,
  presenceRestartContract,
  presenceStoreContract,
  revocationsContract,
  revocationsRestartContract,
  sessionRestartContract,
  sessionStoreContract,
} from '../../src/testing/index.ts';
import { type Kept, presenceSubject, sessionSubject } from '../adapters/subjects.ts';
import { emptyDatabase, nodeForFile, openNode } from './postgres-under-test.ts';

const own = nodeForFile();

function kept(): Kept {
  return {
    journal: createPostgresJournal(own.node.postgres, own.node.queue),
    directory: createPostgresDirectory(own.node.postgres, own.node.queue),
    async reopen() {
      await own.restart();
      return kept();
    },
    close: () => Promise.resolve(),
  };
}

async function emptied(): Promise<Kept> {
  await emptyDatabase(own.node.postgres);
  return kept();
}

journalContract('Postgres', async () => {
  const { journal } = await emptied();
  return {
    journal,
    async reopen() {
      await own.restart();
      return kept().journal;
    },
    close: () => Promise.resolve(),
  };
});
sessionStoreContract('memory over Postgres', async () => sessionSubject(await emptied()));
presenceStoreContract('memory over Postgres', async (users) => presenceSubject(await emptied(), users));
sessionRestartContract('memory over Postgres', async () => sessionSubject(await emptied()));
presenceRestartContract(
  'memory over Postgres',
  async (users) => (await presenceSubject(await emptied(), users)).restartable,
);

eventStoreContract('Postgres', async () => {
  await emptyDatabase(own.node.postgres);
  return {
    store: createPostgresEventStore(own.node.postgres, own.node.queue),
    async reopen() {
      await own.restart();
      return createPostgresEventStore(own.node.postgres, own.node.queue);
    },
    another: (name) => createPostgresEventStore(own.node.postgres, own.node.queue, name),
    close: () => Promise.resolve(),
  };
});

async function revocations(): Promise<RestartableRevocations> {
  await emptyDatabase(own.node.postgres);
  const clock = { nowMs: 0 };
  const open = () => createPostgresRevocations(own.node.postgres, own.node.queue, () => clock.nowMs);
  return {
    revocations: await open(),
    clock,
    async restart() {
      await own.restart();
      return open();
    },
    async kept() {
      const [row] = await own.node.postgres.transaction((within) =>
        within.exec(
          'SELECT (SELECT count(*) FROM revoked_users) + (SELECT count(*) FROM revoked_tokens) AS kept',
        ),
      );
      return Number(row?.['kept']);
    },
    close: () => Promise.resolve(),
  };
}

revocationsContract('Postgres', revocations);
revocationsRestartContract('Postgres', revocations);

grantsContract('with a key that the servers made and keep in Postgres', async () => {
  await emptyDatabase(own.node.postgres);
  let made = 0;
  const makeKey = (): string => `${++made}`.padEnd(43, 'k');
  return {
    grants: createGrants(await keptPostgresKey(own.node.postgres, 'grants', makeKey)),
    async reopen() {
      await own.restart();
      return createGrants(await keptPostgresKey(own.node.postgres, 'grants', makeKey));
    },
    foreign: createGrants(makeKey()),
    close: () => Promise.resolve(),
  };
});

it('of several nodes that need the servers’ key for the first time at once all get the same one', async () => {
  await emptyDatabase(own.node.postgres);
  const others = await Promise.all([openNode(own.url), openNode(own.url), openNode(own.url)]);
  const keys = await Promise.all(
    others.map(({ postgres }, i) => keptPostgresKey(postgres, 'grants', () => String(i).repeat(43))),
  );
  expect(new Set(keys).size).toBe(1);
  for (const other of others) await other.close();
});

it('what one node revoked, another knows once it has read it', async () => {
  await emptyDatabase(own.node.postgres);
  const other = await openNode(own.url);
  const [here, there] = await Promise.all([
    createPostgresRevocations(own.node.postgres, own.node.queue, () => 0),
    createPostgresRevocations(other.postgres, other.queue, () => 0),
  ]);
  await here.revoke({ kind: 'user', user: 'alice', issuedUpToMs: 5 }, 1_000);
  expect(there.isRevoked('alice', null, 5)).toBe(false);
  await there.reload();
  expect(there.isRevoked('alice', null, 5)).toBe(true);
  await other.close();
});
