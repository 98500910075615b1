import BetterSqlite3 from 'better-sqlite3';
import { expect, it } from 'vitest';
import { createSqliteRevocations } from '../../src/adapters/sql/revocations.ts';
import { keptServerKey } from '../../src/adapters/sql/server-key.ts';
import { createGrants } from '../../src/auth/grants.ts';
import {
  grantsContract,
  type RestartableRevocations,
  revocationsContract,
  revocationsRestartContract,
} from '../../src/testing/index.ts';
import { temporarySqlite } from '../adapters/subjects.ts';

async function subject(): Promise<RestartableRevocations> {
  const file = await temporarySqlite();
  const clock = { nowMs: 0 };
  let database = await file.open();
  return {
    revocations: createSqliteRevocations(database, () => clock.nowMs),
    clock,
    async restart() {
      await database.close();
      database = await file.open();
      return createSqliteRevocations(database, () => clock.nowMs);
    },
    kept() {
      const raw = new BetterSqlite3(file.path, { readonly: true });
      const rows = raw
        .prepare<[], number>(
          'SELECT (SELECT count(*) FROM revoked_users) + (SELECT count(*) FROM revoked_tokens)',
        )
        .pluck()
        .get();
      raw.close();
      return rows ?? 0;
    },
    async close() {
      await database.close();
      await file.remove();
    },
  };
}

revocationsContract('SQLite', subject);
revocationsRestartContract('SQLite', subject);

grantsContract('with a key that the server made and keeps', async () => {
  const file = await temporarySqlite();
  let database = await file.open();
  let made = 0;
  const makeKey = (): string => `${++made}`.padEnd(43, 'k');
  return {
    grants: createGrants(await keptServerKey(database, 'grants', makeKey)),
    async reopen() {
      await database.close();
      database = await file.open();
      return createGrants(await keptServerKey(database, 'grants', makeKey));
    },
    foreign: createGrants(makeKey()),
    async close() {
      await database.close();
      await file.remove();
    },
  };
});

it('two who need the server’s key for the first time at once get the same one', async () => {
  const file = await temporarySqlite();
  const database = await file.open();
  const keys = await Promise.all(
    ['a', 'b', 'c'].map((letter) => keptServerKey(database, 'grants', () => letter.repeat(43))),
  );
  expect(new Set(keys).size).toBe(1);
  expect(await keptServerKey(database, 'other', () => 'z')).toBe('z');
  await database.close();
  await file.remove();
});

it('a revocation that cannot be stored is said to be none', async () => {
  const file = await temporarySqlite();
  const database = await file.open();
  const revocations = createSqliteRevocations(database, () => 0);
  const locker = new BetterSqlite3(file.path);
  locker.exec('BEGIN EXCLUSIVE');
  const revoked = revocations.revoke({ kind: 'token', tokenId: 't1' }, 1_000);
  expect(revocations.isRevoked('x', 't1', null)).toBe(false);
  await expect(revoked).rejects.toMatchObject({ code: 'unavailable' });
  locker.exec('ROLLBACK');
  locker.close();
  await revocations.revoke({ kind: 'token', tokenId: 't1' }, 1_000);
  expect(revocations.isRevoked('x', 't1', null)).toBe(true);
  await database.close();
  await file.remove();
});
