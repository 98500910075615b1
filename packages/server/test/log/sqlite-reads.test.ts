import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SqliteLog } from '../../src/adapters/sql/log.ts';
import type { Soon } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';
import { temporaryLog } from './subjects.ts';

/** More than are read in one turn, several times over. */
const COUNT = 3_000;

describe('long reads of the log in SQLite', () => {
  let file: Awaited<ReturnType<typeof temporaryLog>>;
  let log: SqliteLog;
  /** Commits in the middle of a read, as the log's thread does, but when the test says so. */
  let other: BetterSqlite3.Database;
  let epoch: string;
  beforeEach(async () => {
    file = await temporaryLog();
    log = await file.open();
    other = new BetterSqlite3(file.path);
    await Promise.all(
      Array.from({ length: COUNT }, async (_, i) => log.append(appendOf({ data: String(i), nowMs: T0 + i }))),
    );
    epoch = (await log.top('chat:1')).epoch;
  });
  afterEach(async () => {
    other.close();
    await log.close();
    await file.remove();
  });

  /** Turns of the event loop that others had until it was there. */
  async function turnsOf(result: Soon<unknown>): Promise<number> {
    let turns = 0;
    let over = false;
    const count = () => {
      if (over) return;
      turns++;
      setImmediate(count);
    };
    setImmediate(count);
    await result;
    over = true;
    return turns;
  }

  const readAll = () => log.read('chat:1', { epoch, offset: 0 }, PLENTY, T0);
  const trimTo = (floor: number) =>
    other.exec(`
      BEGIN IMMEDIATE;
      DELETE FROM publications WHERE "offset" <= ${floor};
      UPDATE channels SET floor = ${floor};
      COMMIT`);

  it('let others have their turns, in proportion', async () => {
    expect(await turnsOf(readAll())).toBeGreaterThanOrEqual(COUNT / 500 - 2);
    const page = log.history(
      'chat:1',
      { offset: null, reverse: true, limit: COUNT, sinceMs: null },
      PLENTY,
      T0,
    );
    expect(await turnsOf(page)).toBeGreaterThanOrEqual(COUNT / 500 - 2);
    // A short one is there at once.
    expect(log.read('chat:1', { epoch, offset: COUNT - 50 }, PLENTY, T0)).not.toBeInstanceOf(Promise);
  });

  it('large payloads are fewer a turn', async () => {
    const data = JSON.stringify('x'.repeat(60_000));
    await Promise.all(
      Array.from({ length: 60 }, async () => log.append(appendOf({ channel: 'large', data }))),
    );
    const { epoch: large } = await log.top('large');
    expect(await turnsOf(log.read('large', { epoch: large, offset: 0 }, PLENTY, T0))).toBeGreaterThan(4);
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) =>
        log.append(appendOf({ channel: 'map', key: `k${i}`, data })),
      ),
    );
    const page = await log.entries('map', null, 60);
    expect(page.entries.length).toBeLessThan(20);
    expect(page.next).toBe(page.entries.at(-1)?.key);
  });

  it('[REC1] one that trimming overtook says so', async () => {
    const read = readAll();
    trimTo(COUNT - 100);
    expect(await read).toEqual({ ok: false, why: 'trimmed', top: { epoch, offset: COUNT } });
  });

  it('[REC1] one that trimming did not overtake is complete', async () => {
    const read = await Promise.resolve(readAll()).then((result) => result);
    const trimmed = readAll();
    // What has been read already may go.
    trimTo(100);
    expect(await trimmed).toEqual(read);
  });

  it('[REC1] of a channel that is dropped meanwhile says that the epoch is over', async () => {
    const read = readAll();
    other.exec(`BEGIN; DELETE FROM channels; INSERT INTO dropped_channels VALUES ('chat:1', 1); COMMIT`);
    expect(await read).toEqual({ ok: false, why: 'epoch', top: await log.top('chat:1') });
  });

  it('[REC7] a page that trimming overtook has no gap', async () => {
    const page = log.history(
      'chat:1',
      { offset: null, reverse: false, limit: 2_000, sinceMs: null },
      PLENTY,
      T0,
    );
    trimTo(COUNT - 100);
    const { publications, floor } = await page;
    expect(floor).toBe(COUNT - 100);
    expect(publications.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 100 }, (_, i) => COUNT - 99 + i),
    );
  });

  it('[REC7] a page backwards that trimming overtook ends where the history begins', async () => {
    const page = log.history(
      'chat:1',
      { offset: null, reverse: true, limit: 2_000, sinceMs: null },
      PLENTY,
      T0,
    );
    trimTo(COUNT - 700);
    const { publications } = await page;
    expect(publications.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 700 }, (_, i) => COUNT - i),
    );
  });
});
