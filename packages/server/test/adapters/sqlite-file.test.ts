import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteJournal } from '../../src/adapters/sql/journal.ts';
import { SCHEMA_VERSION } from '../../src/adapters/sql/migrations.ts';
import { openSqlite } from '../../src/adapters/sql/sqlite.ts';
import { session } from './subjects.ts';

const T = 1_700_000_000_000_000;

describe('the SQLite file', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carillon-sqlite-'));
    path = join(folder, 'test.sqlite');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function withRaw<T>(work: (database: BetterSqlite3.Database) => T): Promise<T> {
    const database = new BetterSqlite3(path);
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  it('is made with its folder where neither exists', async () => {
    const nested = join(folder, 'a', 'b', 'x.sqlite');
    const database = await openSqlite({ path: nested });
    await database.close();
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['x.sqlite']);
  });

  it('is migrated once, however often it is opened', async () => {
    for (let i = 0; i < 2; i++) await (await openSqlite({ path })).close();
    expect(await withRaw((raw) => raw.prepare('SELECT version FROM schema_version').all())).toEqual([
      { version: SCHEMA_VERSION },
    ]);
  });

  it('of a newer program is refused with one clear line, and left as it was', async () => {
    await (await openSqlite({ path })).close();
    await withRaw((raw) =>
      raw.prepare('INSERT INTO schema_version (version) VALUES (?)').run(SCHEMA_VERSION + 1),
    );
    await expect(openSqlite({ path })).rejects.toMatchObject({
      code: 'schema_too_new',
      message: `the database has schema version ${SCHEMA_VERSION + 1}, this program knows ${SCHEMA_VERSION}: run the newer program`,
    });
    expect(await withRaw((raw) => raw.prepare('SELECT count(*) AS n FROM schema_version').get())).toEqual({
      n: 2,
    });
  });

  it('that is no database is refused with its code, and left as it was', async () => {
    const text = 'this is a diary, not a database. '.repeat(100);
    await writeFile(path, text);
    await expect(openSqlite({ path })).rejects.toMatchObject({ code: 'SQLITE_NOTADB' });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('must be a file', async () => {
    for (const none of ['', ':memory:']) {
      await expect(openSqlite({ path: none })).rejects.toMatchObject({ code: 'path_invalid' });
    }
  });

  it('is one file again once it is closed', async () => {
    const database = await openSqlite({ path });
    await createSqliteJournal(database).putSession(session('s1', 'alice', 'd1'));
    await database.close();
    expect(await readdir(folder)).toEqual(['test.sqlite']);
  });

  it('closing commits what was written before, awaited or not', async () => {
    const database = await openSqlite({ path });
    const journal = createSqliteJournal(database);
    const written = [1, 2, 3].map((n) => journal.putSession(session(`s${n}`, 'alice', 'd1')));
    await database.close();
    await Promise.all(written);
    const again = await openSqlite({ path });
    expect((await createSqliteJournal(again).load()).sessions).toHaveLength(3);
    await again.close();
  });

  it('holds nothing of an erased user, neither in a row nor in bytes that were freed', async () => {
    const erased = 'somebody-who-wants-to-be-forgotten';
    const database = await openSqlite({ path });
    const directory = createSqliteDirectory(database);
    const others = Array.from({ length: 300 }, (_, i) => `other-${i}`);
    await directory.importEdges(
      others.flatMap(
        (other) =>
          [
            [erased, other],
            [other, erased],
          ] as const,
      ),
      T,
    );
    for (const [i, other] of others.slice(0, 20).entries()) {
      await directory.block(i % 2 === 0 ? erased : other, i % 2 === 0 ? other : erased, T + i);
      await directory.setClose(i % 2 === 0 ? other : erased, i % 2 === 0 ? erased : other, true, T + i);
      await directory.unfollow(i % 2 === 0 ? other : erased, i % 2 === 0 ? erased : other, T + i);
    }
    await directory.recordLastSeen([{ user: erased, ms: 1 }]);
    const id = database.reader
      .prepare<[string], { id: number }>('SELECT id FROM users WHERE name = ?')
      .get(erased)?.id;
    expect(id).toBeTypeOf('number');
    await directory.erase(erased, T + 100);
    await database.close();
    const rows = await withRaw((raw) => ({
      follows: raw
        .prepare('SELECT count(*) FROM follows WHERE follower = ? OR followee = ?')
        .pluck()
        .get(id, id),
      blocks: raw.prepare('SELECT count(*) FROM blocks WHERE blocker = ? OR blocked = ?').pluck().get(id, id),
      close: raw
        .prepare('SELECT count(*) FROM close_friends WHERE owner = ? OR friend = ?')
        .pluck()
        .get(id, id),
      changes: raw
        .prepare('SELECT count(*) FROM roster_changes WHERE viewer = ? OR subject = ?')
        .pluck()
        .get(id, id),
      users: raw.prepare('SELECT count(*) FROM users WHERE id = ?').pluck().get(id),
    }));
    expect(rows).toEqual({ follows: 0, blocks: 0, close: 0, changes: 0, users: 0 });
    expect((await readFile(path)).includes(erased)).toBe(false);
    expect((await readFile(path)).includes('other-299')).toBe(true);
  });

  it('forgets old changes a few at a time, as new ones come', async () => {
    const database = await openSqlite({ path });
    const directory = createSqliteDirectory(database);
    await directory.importEdges(
      Array.from({ length: 100 }, (_, i) => ['alice', `user-${i}`]),
      T,
    );
    await Promise.all(Array.from({ length: 100 }, (_, i) => directory.unfollow('alice', `user-${i}`, T + i)));
    await directory.importEdges(
      Array.from({ length: 20 }, (_, i) => ['bob', `user-${i}`]),
      T,
    );
    const count = () =>
      database.reader.prepare('SELECT count(*) FROM roster_changes').pluck().get() as number;
    expect(count()).toBe(100);
    const later = T + 11 * 60 * 1_000_000;
    await directory.unfollow('bob', 'user-0', later);
    expect(count()).toBeLessThan(101);
    expect(count()).toBeGreaterThan(50);
    expect(await directory.changesSince('alice', T + 99)).toEqual({ complete: true, changed: [], gone: [] });
    expect(await directory.changesSince('alice', T)).toEqual({ complete: false });
    await Promise.all(
      Array.from({ length: 19 }, (_, i) => directory.unfollow('bob', `user-${i + 1}`, later)),
    );
    expect(count()).toBe(20);
    await database.close();
  });
});
