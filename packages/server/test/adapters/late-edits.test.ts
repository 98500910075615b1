import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { expect, it } from 'vitest';
import { createSqliteDirectory } from '../../src/adapters/sql/directory.ts';
import { createLateEdits } from '../../src/adapters/sql/late-edits.ts';
import { openSqlite } from '../../src/adapters/sql/sqlite.ts';

const T = 1_700_000_000_000_000;
const SECOND = 1_000_000;

it('while an edit waits for the disk, whoever asks for what is above its stamp is told that it may be missing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-late-'));
  const path = join(folder, 'test.sqlite');
  const database = await openSqlite({ path });
  const directory = createSqliteDirectory(database);
  await directory.ensureUser('fan');
  await directory.ensureUser('star');
  await directory.follow('fan', 'star', T);
  const other = new BetterSqlite3(path);
  other.exec('BEGIN IMMEDIATE');
  const unfollowed = directory.unfollow('fan', 'star', T + SECOND);
  expect(await directory.changesSince('fan', T + 2 * SECOND)).toEqual({ complete: false });
  // Below its stamp nothing is missing: it is told as any other, now or by the line.
  expect(await directory.changesSince('fan', T)).toMatchObject({ complete: true });
  other.exec('ROLLBACK');
  other.close();
  expect(await unfollowed).toBe(true);
  expect(await directory.changesSince('fan', T)).toEqual({ complete: true, changed: [], gone: ['star'] });
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

function lateEdits() {
  let ms = 0;
  const late = createLateEdits(() => ms);
  return {
    late,
    async edit(at: number, tookMs: number) {
      const commit = Promise.withResolvers<void>();
      const done = late.follow(at, commit.promise);
      ms += tookMs;
      commit.resolve();
      await done;
    },
  };
}

it('stamps given between an edit and its late commit stay unsafe to resume from, those after it are safe', async () => {
  const { late, edit } = lateEdits();
  await edit(T, 5_000);
  expect(late.mayLack(T - 1)).toBe(false);
  expect(late.mayLack(T)).toBe(true);
  expect(late.mayLack(T + 4 * SECOND)).toBe(true);
  expect(late.mayLack(T + 7 * SECOND)).toBe(false);
});

it('an edit that is committed soon makes nobody read everything', async () => {
  const { late, edit } = lateEdits();
  await edit(T, 900);
  expect(late.mayLack(T)).toBe(false);
});

it('an edit that is refused late leaves no edit under way', async () => {
  const { late } = lateEdits();
  const commit = Promise.withResolvers<void>();
  const done = late.follow(T, commit.promise);
  expect(late.mayLack(T + 60 * SECOND)).toBe(true);
  commit.reject(new Error('refused'));
  await expect(done).rejects.toThrow('refused');
  expect(late.mayLack(T + 60 * SECOND)).toBe(false);
});

it('however many edits are late, what is kept of them is bounded, and none is forgotten', async () => {
  const { late, edit } = lateEdits();
  for (let i = 0; i < 100; i++) await edit(T + i * 60 * SECOND, 5_000);
  for (let i = 0; i < 100; i++) expect(late.mayLack(T + (i * 60 + 3) * SECOND)).toBe(true);
  expect(late.mayLack(T + 10_000 * SECOND)).toBe(false);
});
