import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createSqliteJournal } from '../../src/adapters/sql/journal.ts';
import { type Sqlite, openSqlite } from '../../src/adapters/sql/sqlite.ts';
import { MAX_WAITING_IMPORTS, MAX_WAITING_WRITES } from '../../src/adapters/sql/writer.ts';
import type { Directory, EdgePair } from '../../src/ports/directory.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { session } from './subjects.ts';

const T = 1_700_000_000_000_000;

describe('the writer of a SQLite database', () => {
  let folder: string;
  let database: Sqlite;
  let journal: Journal;
  let directory: Directory;
  let other: BetterSqlite3.Database;
  const refused: string[] = [];
  beforeEach(async () => {
    refused.length = 0;
    folder = await mkdtemp(join(tmpdir(), 'carillon-sqlite-'));
    const path = join(folder, 'test.sqlite');
    database = await openSqlite({ path, onRefused: (detail) => refused.push(detail) });
    journal = createSqliteJournal(database);
    directory = createSqliteDirectory(database);
    other = new BetterSqlite3(path);
  });
  afterEach(async () => {
    other.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  const put = (id: string) => journal.putSession(session(id, 'alice', 'd1'));
  const keptIds = async () => (await journal.load()).sessions.map(({ id }) => id).sort();

  /** Whether the promise was refused as unavailable. */
  async function unavailable(promise: Promise<unknown>): Promise<boolean> {
    try {
      await promise;
      return false;
    } catch (error) {
      return isStoreUnavailable(error);
    }
  }

  it('writes of one turn share one promise and one commit', async () => {
    expect(put('s1')).toBe(put('s2'));
    const first = put('s3');
    await first;
    expect(put('s4')).not.toBe(first);
  });

  it('a commit is one step for readers: of a turn they see all or nothing', async () => {
    const done = Promise.all(Array.from({ length: 2_000 }, (_, i) => put(`s${i}`)));
    const counts = new Set<number>();
    let open = true;
    void done.then(() => (open = false));
    while (open) {
      counts.add((await journal.load()).sessions.length);
      await new Promise(setImmediate);
    }
    counts.add((await journal.load()).sessions.length);
    expect([...counts].filter((count) => count !== 0)).toEqual([2_000]);
  });

  it('reading does not wait for a writer that holds the database', async () => {
    await directory.importEdges([['alice', 'bob']], T);
    other.exec('BEGIN IMMEDIATE');
    const waiting = put('s1');
    expect(await directory.rosterOf('alice')).toEqual([{ user: 'bob', close: false }]);
    expect(await keptIds()).toEqual([]);
    other.exec('ROLLBACK');
    await waiting;
    expect(await keptIds()).toEqual(['s1']);
  });

  it('a write that cannot be made fails alone, not with those that waited beside it', async () => {
    other.exec(
      `CREATE TRIGGER poison BEFORE INSERT ON sessions WHEN new.id = 'poison' BEGIN SELECT raise(ABORT, 'no'); END`,
    );
    other.exec('BEGIN IMMEDIATE');
    const held = put('s0');
    await new Promise(setImmediate);
    const good = put('s1');
    await new Promise(setImmediate);
    const bad = put('poison');
    await new Promise(setImmediate);
    const alsoGood = put('s2');
    await new Promise(setImmediate);
    other.exec('COMMIT');
    expect(await unavailable(bad)).toBe(true);
    await Promise.all([held, good, alsoGood]);
    expect(await keptIds()).toEqual(['s0', 's1', 's2']);
    expect(refused).toEqual(['no']);
  });

  it('a queue that is full refuses what adds to it as unavailable, and takes what makes room', async () => {
    await put('old');
    other.exec('BEGIN IMMEDIATE');
    const taken: Promise<void>[] = [];
    for (let i = 0; i < MAX_WAITING_WRITES; i++) taken.push(journal.dropSession(`never-${i}`));
    expect(await unavailable(put('one-too-many'))).toBe(true);
    expect(await unavailable(directory.ensureUser('alice'))).toBe(true);
    const dropped = journal.dropSession('old');
    other.exec('ROLLBACK');
    await Promise.all([...taken, dropped]);
    expect(database.writer.waiting()).toBe(0);
    expect(await keptIds()).toEqual([]);
    await put('new');
    expect(await keptIds()).toEqual(['new']);
  });

  it('after closing every write is refused as unavailable', async () => {
    await database.close();
    expect(await unavailable(put('s1'))).toBe(true);
    expect(await unavailable(journal.dropSession('s1'))).toBe(true);
    expect(await unavailable(directory.follow('a', 'b', T))).toBe(true);
    expect(await unavailable(directory.importEdges([['a', 'b']], T))).toBe(true);
  });

  it('the sign of life is never an unhandled rejection', async () => {
    await database.close();
    journal.alive(1, 1);
    await new Promise(setImmediate);
  });

  describe('imports', () => {
    const edges = (name: string, count: number): EdgePair[] =>
      Array.from({ length: count }, (_, i) => [name, `${name}-${i}`]);

    it('are all or nothing, the users included', async () => {
      other.exec(
        `CREATE TRIGGER poison BEFORE INSERT ON users WHEN new.name = 'alice-8999' BEGIN SELECT raise(ABORT, 'no'); END`,
      );
      expect(await unavailable(directory.importEdges(edges('alice', 9_000), T))).toBe(true);
      expect(await directory.hasUser('alice')).toBe(false);
      expect(other.prepare('SELECT count(*) FROM follows').pluck().get()).toBe(0);
      expect(await directory.importEdges(edges('alice', 8_999), T)).toMatchObject({
        added: 8_999,
        users: 9_000,
      });
    });

    it('let other writes pass between them', async () => {
      const finished: string[] = [];
      other.exec('BEGIN IMMEDIATE');
      const held = put('s0');
      const imports = ['a', 'b', 'c'].map(async (name) => {
        await directory.importEdges(edges(name, 20_000), T);
        finished.push(name);
      });
      // All pieces wait in the thread's queue; from now on it works through them.
      for (let i = 0; i < 10; i++) await new Promise(setImmediate);
      other.exec('COMMIT');
      await held;
      await put('s1');
      finished.push('login');
      await Promise.all(imports);
      expect(finished.indexOf('login')).toBeLessThan(finished.indexOf('c'));
      expect(finished).toHaveLength(4);
    });

    it('one that is undone leaves nothing behind for those that wait after it', async () => {
      other.exec(
        `CREATE TRIGGER poison BEFORE INSERT ON users WHEN new.name = 'poison' BEGIN SELECT raise(ABORT, 'no'); END`,
      );
      other.exec('BEGIN IMMEDIATE');
      const held = put('s0');
      const bad = unavailable(directory.importEdges([...edges('alice', 10), ['alice', 'poison']], T));
      const good = directory.importEdges(edges('alice', 10), T);
      for (let i = 0; i < 10; i++) await new Promise(setImmediate);
      other.exec('COMMIT');
      await held;
      expect(await bad).toBe(true);
      expect(await good).toEqual({ added: 10, users: 11, refused: 0, changed: ['alice'] });
      expect(await directory.rosterOf('alice')).toHaveLength(10);
    });

    it('that are cut short by closing are refused, and nothing of them is there', async () => {
      const importing = unavailable(directory.importEdges(edges('alice', 50_000), T));
      await new Promise(setImmediate);
      await database.close();
      expect(await importing).toBe(true);
      expect(other.prepare('SELECT count(*) FROM users').pluck().get()).toBe(0);
    });

    it('wait in a bounded number', async () => {
      const imports = Array.from({ length: MAX_WAITING_IMPORTS }, (_, i) =>
        directory.importEdges(edges(`u${i}`, 10), T),
      );
      expect(await unavailable(directory.importEdges(edges('more', 10), T))).toBe(true);
      expect((await Promise.all(imports)).map(({ added }) => added)).toEqual([10, 10, 10, 10]);
      expect(await directory.importEdges(edges('more', 10), T)).toMatchObject({ added: 10, users: 11 });
    });
  });
});
