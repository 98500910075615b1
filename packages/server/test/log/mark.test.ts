import { mkdir, mkdtemp, readFile, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenMark, doubtAbout, openMark } from '../../src/adapters/sql/log-mark.ts';

describe("the log's mark", () => {
  let folder: string;
  let path: string;
  let markPath: string;
  let nowMs: number;
  beforeEach(async () => {
    nowMs = 0;
    folder = await mkdtemp(join(tmpdir(), 'carillon-mark-'));
    path = join(folder, 'log.sqlite');
    markPath = `${path}-mark`;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = (commits: number): OpenMark => openMark(path, 'era', commits, () => nowMs);
  const doubt = (commits: number) => doubtAbout(path, 'era', commits);

  it('shows that a log is the one it was made for, and lacks nothing that was noted', () => {
    const mark = open(5);
    expect(doubt(5)).toBeNull();
    mark.note(9);
    expect(doubt(8)).toBe('it lacks the last 1 transactions');
    expect(doubt(9)).toBeNull();
    // A commit that was not noted any more before the end.
    expect(doubt(10)).toBeNull();
    expect(doubtAbout(path, 'other', 9)).toBe('its mark is that of another log');
    mark.close(12);
    expect(doubt(11)).toBe('it lacks the last 1 transactions');
    expect(doubt(12)).toBeNull();
  });

  it('is another one after a second: a copy from before is told from it, though it was put into the same file', async () => {
    const mark = open(1);
    mark.note(2);
    const copy = await readFile(markPath);
    nowMs = 999;
    mark.note(3);
    await writeFile(markPath, copy);
    expect(doubt(2), 'made anew too soon').toBeNull();
    nowMs = 1_000;
    mark.note(4);
    expect(doubt(4)).toBeNull();
    await writeFile(markPath, copy);
    expect(doubt(4)).toBe('its mark is a copy');
    mark.close(4);
    expect(doubt(4)).toBeNull();
  });

  it('is another one in each life', async () => {
    open(1).close(1);
    const copy = await readFile(markPath);
    open(1).close(1);
    await writeFile(markPath, copy);
    expect(doubt(1)).toBe('its mark is a copy');
  });

  it('goes on in its file where there is no room for a new one', async () => {
    const mark = open(1);
    // A folder stands where the next one would be made.
    await mkdir(`${markPath}-new`);
    nowMs = 1_000;
    mark.note(2);
    expect(doubt(1)).toBe('it lacks the last 1 transactions');
    mark.note(3);
    expect(doubt(2)).toBe('it lacks the last 1 transactions');
    expect(doubt(3)).toBeNull();
    await rmdir(`${markPath}-new`);
    nowMs = 2_000;
    mark.note(4);
    mark.close(5);
    expect(doubt(4)).toBe('it lacks the last 1 transactions');
    expect(await readdir(folder)).toEqual(['log.sqlite-mark']);
  });

  it('is not there where it cannot be made: one that lags behind would show too much', async () => {
    open(1).close(1);
    await mkdir(`${markPath}-new`);
    const mark = open(1);
    expect(doubt(1)).toMatch(/^its mark .* cannot be read: ENOENT/);
    mark.note(2);
    await rmdir(`${markPath}-new`);
    nowMs = 1_000;
    mark.note(3);
    expect(doubt(2)).toBe('it lacks the last 1 transactions');
    mark.close(3);
  });

  it('that was removed while the log is open comes back within a second', async () => {
    const mark = open(1);
    await rm(markPath);
    mark.note(2);
    expect(doubt(2)).toMatch(/cannot be read/);
    nowMs = 1_000;
    mark.note(3);
    expect(doubt(3)).toBeNull();
    mark.close(3);
  });
});
