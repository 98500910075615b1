import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteEventStore } from '../../src/adapters/sql/event-store.ts';
import { createSqliteRevocations } from '../../src/adapters/sql/revocations.ts';
import { EVENTS, IMPORTED, LIMIT, ROUNDS } from './shared-sqlite.ts';
import { temporarySqlite } from './subjects.ts';

const PROCESSES = 4;
const PROGRAM = fileURLToPath(new URL('shared-sqlite-process.ts', import.meta.url));

type Answers = {
  readonly key: string;
  readonly followed: number;
  readonly added: number;
  readonly users: number;
};

async function runProcess(path: string, me: number): Promise<Answers> {
  const child = spawn(process.execPath, ['--conditions=carillon-source', PROGRAM, path, String(me)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Answers;
}

it(`${PROCESSES} processes on one new file at once: nothing is lost, no limit is passed, one key is made`, async () => {
  const file = await temporarySqlite();
  const answers = await Promise.all(
    Array.from({ length: PROCESSES }, (_, i) => runProcess(file.path, i + 1)),
  );
  expect(new Set(answers.map(({ key }) => key)).size).toBe(1);
  expect(answers.reduce((sum, { followed }) => sum + followed, 0)).toBe(LIMIT);
  expect(answers.reduce((sum, { added }) => sum + added, 0)).toBe(ROUNDS * IMPORTED);
  expect(answers.reduce((sum, { users }) => sum + users, 0)).toBe(ROUNDS + IMPORTED);

  const database = await file.open();
  const directory = createSqliteDirectory(database);
  expect(await directory.rosterOf('star')).toHaveLength(LIMIT);
  expect(await directory.rosterOf('fan7')).toHaveLength(ROUNDS);
  expect(await directory.lastSeen(['star', 'fan0'])).toEqual(
    new Map([
      ['star', 1_000 + PROCESSES],
      ['fan0', 4_999],
    ]),
  );
  const revocations = createSqliteRevocations(database, () => 0);
  for (let me = 1; me <= PROCESSES; me++) {
    expect(revocations.isRevoked(`revoked${me}`, null, 1)).toBe(true);
    const { events } = await createSqliteEventStore(database, `n${me}`).load();
    expect(events.map(({ id }) => id)).toEqual(Array.from({ length: EVENTS }, (_, i) => `evt_${me}_${i}`));
  }
  await database.close();
  await file.remove();
}, 60_000);

it('what another process writes is seen at once: nothing is kept in memory but revocations, which are read again', async () => {
  const file = await temporarySqlite();
  const [here, there] = [await file.open(), await file.open()];
  const [mine, theirs] = [createSqliteDirectory(here), createSqliteDirectory(there)];
  await mine.importEdges([['alice', 'bob']], 1);
  expect(await theirs.rosterOf('alice')).toEqual([{ user: 'bob', close: false }]);
  await theirs.erase('bob', 2);
  // The importer remembers people from one call to the next, but not those of another process.
  expect(await mine.importEdges([['alice', 'bob']], 3)).toMatchObject({ added: 1, users: 1 });
  expect(await theirs.rosterOf('alice')).toEqual([{ user: 'bob', close: false }]);
  await theirs.block('bob', 'alice', 4);
  expect(await mine.edge('alice', 'bob')).toBeNull();
  expect(await mine.changesSince('alice', 3)).toEqual({ complete: true, changed: [], gone: ['bob'] });

  const [list, otherList] = [createSqliteRevocations(here, () => 0), createSqliteRevocations(there, () => 0)];
  await list.revoke({ kind: 'token', tokenId: '' }, 1_000);
  await list.revoke({ kind: 'user', user: 'alice', issuedUpToMs: 1 }, 1_000);
  await otherList.reload();
  expect([otherList.isRevoked('x', '', null), otherList.isRevoked('alice', null, 1)]).toEqual([true, true]);
  await here.close();
  await there.close();
  await file.remove();
});

it('an edit that was committed long after its stamp is known to other processes too: they send everything', async () => {
  const file = await temporarySqlite();
  const [here, there] = [await file.open(), await file.open()];
  const theirs = createSqliteDirectory(there);
  await theirs.importEdges([['alice', 'bob']], 1);
  const stamp = 1_700_000_000_000_000;
  await here.writer.put('noteLate', stamp, stamp + 5_000_000);
  expect(await theirs.changesSince('alice', stamp + 1)).toEqual({ complete: false });
  expect(await theirs.changesSince('alice', stamp + 5_000_000)).toMatchObject({ complete: true });
  expect(await theirs.changesSince('alice', stamp - 1)).toMatchObject({ complete: true });
  // It is forgotten once nobody can ask any more.
  await here.writer.put('noteLate', stamp + 3_600_000_000, stamp + 3_600_000_001);
  expect(await theirs.changesSince('alice', stamp + 1)).toMatchObject({ complete: true });
  await here.close();
  await there.close();
  await file.remove();
});
