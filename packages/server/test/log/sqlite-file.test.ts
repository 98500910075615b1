import { copyFile, cp, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SqliteLog } from '../../src/adapters/sql/log.ts';
import type { Position } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf, behind, taken, takenMany } from '../../src/testing/log-subject.ts';
import { temporaryLog } from './subjects.ts';

describe("the log's SQLite file", () => {
  let file: Awaited<ReturnType<typeof temporaryLog>>;
  const opened: SqliteLog[] = [];
  const renewed: string[] = [];
  beforeEach(async () => {
    renewed.length = 0;
    file = await temporaryLog();
  });
  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close();
    await file.remove();
  });

  async function open(path = file.path): Promise<SqliteLog> {
    const log = await file.open({ path, onRenewed: (reason) => renewed.push(reason) });
    opened.push(log);
    return log;
  }

  /** Publishes so many in a life of its own. Returns where that left the channel. */
  async function live(count: number, mark: string): Promise<Position> {
    const log = await open();
    await takenMany(log, count, { data: JSON.stringify(mark) });
    const top = await log.top('chat:1');
    await log.close();
    return top;
  }

  it('is made with its folder where neither exists, and is two files when it is closed', async () => {
    const path = join(file.folder, 'a', 'b', 'x.sqlite');
    await (await open(path)).close();
    expect((await readdir(join(file.folder, 'a', 'b'))).toSorted()).toEqual(['x.sqlite', 'x.sqlite-mark']);
    expect(renewed).toEqual([]);
  });

  it('must be a file', async () => {
    for (const path of ['', ':memory:'])
      await expect(open(path)).rejects.toMatchObject({ code: 'path_invalid' });
  });

  it('of a newer program is refused with one clear line', async () => {
    await live(1, 'a');
    const raw = new BetterSqlite3(file.path);
    raw.exec('INSERT INTO schema_version (version) VALUES (99)');
    raw.close();
    await expect(open()).rejects.toMatchObject({
      code: 'schema_too_new',
      message: 'the database has schema version 99, this program knows 5: run the newer program',
    });
  });

  it('that is no database is refused with its code, and left as it was', async () => {
    const text = 'this is a diary, not a database. '.repeat(100);
    await writeFile(file.path, text);
    await expect(open()).rejects.toMatchObject({ code: 'SQLITE_NOTADB' });
    expect(await readFile(file.path, 'utf8')).toBe(text);
  });

  it('holds nothing of what was forgotten or aged out, neither in a row nor in bytes that were freed', async () => {
    const log = await open();
    const retention = { ...PLENTY, count: 5 };
    for (let i = 0; i < 50; i++)
      await taken(log, { data: JSON.stringify(`secret-trimmed-${i} ${'x'.repeat(i * 100)}`), retention });
    for (let i = 0; i < 50; i++)
      await taken(log, { channel: 'gone', key: `secret-key-${i}`, data: '"secret-forgotten"' });
    for (let i = 0; i < 5; i++) await taken(log, { retention });
    await log.forget('gone');
    await log.close();
    const bytes = await readFile(file.path);
    for (const secret of ['secret-trimmed', 'secret-forgotten'])
      expect(bytes.includes(secret), secret).toBe(false);
    expect(bytes.includes(Buffer.from('secret-key', 'utf16le').swap16())).toBe(false);
  });

  describe('goes on with its epochs', () => {
    it('when it is opened again, and everything is there', async () => {
      const top = await live(5, 'a');
      const log = await open();
      expect(await log.top('chat:1')).toEqual(top);
      expect(await behind(log, 2)).toEqual([3, 4, 5]);
      expect(await taken(log)).toMatchObject({ epoch: top.epoch, publication: { offset: 6 } });
      expect(renewed).toEqual([]);
    });

    it('also those of channels that have no publication, or were dropped', async () => {
      const log = await open();
      await takenMany(log, 2, { channel: 'dropped' });
      await log.forget('dropped');
      const tops = [await log.top('never'), await log.top('dropped')];
      await log.close();
      const again = await open();
      expect([await again.top('never'), await again.top('dropped')]).toEqual(tops);
    });

    it('with ids and with keys that run out', async () => {
      const log = await open();
      const once = { scope: 'a', id: 'x', print: 'p' };
      await taken(log, { once });
      await taken(log, { channel: 'map', key: 'k', ttlMs: 1_000, version: 3 });
      await taken(log, { channel: 'map', key: 'gone', data: null, version: 3 });
      await log.close();
      const again = await open();
      expect(await again.append(appendOf({ once }))).toMatchObject({ duplicate: { offset: 1 } });
      expect(again.nextExpiryMs()).toBe(T0 + 1_000);
      expect(await again.append(appendOf({ channel: 'map', key: 'gone', version: 2 }))).toMatchObject({
        outdated: { offset: 2 },
      });
      expect(await again.expire(T0 + 1_000, 10)).toMatchObject([
        { channel: 'map', publication: { key: 'k' } },
      ]);
      expect(again.counts()).toEqual({ channels: 2, publications: 4, keys: 0 });
    });

    it('when the machine was started anew after it was closed', async () => {
      const top = await live(3, 'a');
      await editMark((mark) => mark.replace(/"boot":"[^"]*"/, '"boot":"before"'));
      expect(await (await open()).top('chat:1')).toEqual(top);
      expect(renewed).toEqual([]);
    });

    it('when its folder was moved', async () => {
      const top = await live(3, 'a');
      const moved = join(file.folder, 'moved');
      await mkdir(moved);
      for (const name of ['log.sqlite', 'log.sqlite-mark'])
        await rename(join(file.folder, name), join(moved, name));
      expect(await (await open(join(moved, 'log.sqlite'))).top('chat:1')).toEqual(top);
      expect(renewed).toEqual([]);
    });
  });

  describe('begins new epochs, and says so', () => {
    /**
     * A subscriber was given `position`, then an older state of the file was put back: whatever is published then, they must
     * be told, and what is left of the history is there under the new epoch.
     */
    async function expectTold(position: Position, left: number, path = file.path): Promise<void> {
      const log = await open(path);
      expect(renewed).toHaveLength(1);
      const top = await log.top('chat:1');
      expect(top.offset).toBe(left);
      expect(top.epoch).not.toBe(position.epoch);
      // As many as were lost, and more: the offset they have is one that was given again.
      await takenMany(log, position.offset - left + 3, { data: '"after"' });
      expect(await log.read('chat:1', position, PLENTY, T0)).toMatchObject({ ok: false, why: 'epoch' });
      expect(await behind(log, 0)).toHaveLength(position.offset + 3);
      await log.close();
      // Once: from then on it is the log.
      const again = await open(path);
      expect((await again.top('chat:1')).epoch).toBe(top.epoch);
      expect(renewed).toHaveLength(1);
    }

    it('where an older copy of it was put in its place', async () => {
      await live(5, 'a');
      const copy = join(file.folder, 'copy');
      await copyFile(file.path, copy);
      const position = await live(5, 'b');
      await copyFile(copy, file.path);
      await expectTold(position, 5);
      expect(renewed).toEqual([expect.stringMatching(/^it lacks the last \d+ transactions$/)]);
    });

    it('where the copy was made while it was open', async () => {
      const log = await open();
      await takenMany(log, 5);
      const copy = join(file.folder, 'copy');
      for (const end of ['', '-wal']) await copyFile(`${file.path}${end}`, `${copy}${end}`);
      await takenMany(log, 5);
      const position = await log.top('chat:1');
      await log.close();
      for (const end of ['', '-wal']) await copyFile(`${copy}${end}`, `${file.path}${end}`);
      await expectTold(position, 5);
    });

    it('where older copies of all its files were put in their places', async () => {
      await live(5, 'a');
      const copy = join(file.folder, 'copy');
      await mkdir(copy);
      for (const name of ['log.sqlite', 'log.sqlite-mark'])
        await copyFile(join(file.folder, name), join(copy, name));
      const position = await live(5, 'b');
      // Over the files that are there: they keep their inodes, and their births are those of the later life.
      for (const name of ['log.sqlite', 'log.sqlite-mark'])
        await copyFile(join(copy, name), join(file.folder, name));
      await expectTold(position, 5);
      expect(renewed).toEqual(['its mark is a copy']);
    });

    it('where its folder was copied', async () => {
      const position = await live(5, 'a');
      const copy = join(file.folder, 'elsewhere');
      await mkdir(copy);
      for (const name of ['log.sqlite', 'log.sqlite-mark'])
        await cp(join(file.folder, name), join(copy, name), { preserveTimestamps: true });
      await expectTold(position, 5, join(copy, 'log.sqlite'));
      // The one that was copied goes on.
      expect(await (await open()).top('chat:1')).toEqual(position);
    });

    it('where it is another log', async () => {
      const position = await live(5, 'a');
      const other = join(file.folder, 'other', 'log.sqlite');
      const log = await open(other);
      await takenMany(log, 9);
      await log.close();
      await copyFile(other, file.path);
      await expectTold({ ...position, offset: 9 }, 9);
      expect(renewed).toEqual(['its mark is that of another log']);
    });

    it.each([
      ['is missing', () => rm(`${file.path}-mark`)],
      ['is empty', () => writeFile(`${file.path}-mark`, '')],
      ['is damaged', () => editMark((mark) => mark.replace('{', '['))],
      ['is no mark', () => editMark((mark) => mark.replace(/"born":"\d+"/, '"born":7'))],
    ])('where its mark %s', async (_, harm) => {
      const position = await live(5, 'a');
      await harm();
      await expectTold(position, 5);
    });

    it('where the machine was started anew while it was open', async () => {
      const position = await live(5, 'a');
      await editMark((mark) =>
        mark.replace(/"boot":"[^"]*"/, '"boot":"before"').replace('"closed":true', '"closed":false'),
      );
      await expectTold(position, 5);
      expect(renewed).toEqual(['the machine was started anew while it was open']);
    });
  });

  /** Changes what the mark says and nothing else of it. */
  async function editMark(edit: (mark: string) => string): Promise<void> {
    const path = `${file.path}-mark`;
    const { ino, birthtimeNs } = await stat(path, { bigint: true });
    const before = await readFile(path, 'utf8');
    expect(edit(before)).not.toBe(before);
    await writeFile(path, edit(before));
    expect(await stat(path, { bigint: true })).toMatchObject({ ino, birthtimeNs });
  }
});
