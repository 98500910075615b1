import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SqliteLog } from '../../src/adapters/sql/log.ts';
import type { Append } from '../../src/ports/log.ts';
import { isStoreUnavailable } from '../../src/ports/unavailable.ts';
import { PLENTY, T0, appendOf, behind, taken, takenMany } from '../../src/testing/log-subject.ts';
import { temporaryLog } from './subjects.ts';

describe('the log in SQLite, when something is in its way', () => {
  let file: Awaited<ReturnType<typeof temporaryLog>>;
  let log: SqliteLog;
  let other: BetterSqlite3.Database;
  const refused: string[] = [];
  beforeEach(async () => {
    refused.length = 0;
    file = await temporaryLog();
    log = await file.open({
      limits: { waiting: 5, waitingUnits: 1_000 },
      onRefused: (detail) => refused.push(detail),
    });
    other = new BetterSqlite3(file.path);
  });
  afterEach(async () => {
    other.close();
    await log.close();
    await file.remove();
  });

  const append = (patch: Partial<Append> = {}) => Promise.resolve(log.append(appendOf(patch)));

  /** What each came to: the offset it was given, or that it was refused as unavailable. */
  async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
    return (await Promise.allSettled(promises)).map((settled) => {
      if (settled.status === 'rejected')
        return isStoreUnavailable(settled.reason) ? 'unavailable' : settled.reason;
      return (settled.value as { publication?: { offset: number } }).publication?.offset ?? settled.value;
    });
  }

  it('reads do not wait while another process holds the file; appends do, and are then taken in order', async () => {
    await takenMany(log, 2);
    other.exec('BEGIN IMMEDIATE');
    const waiting = [append(), append(), append()];
    expect(log.waiting()).toBe(3);
    expect(await behind(log, 0)).toEqual([1, 2]);
    other.exec('COMMIT');
    expect(await outcomes(waiting)).toEqual([3, 4, 5]);
    expect(log.waiting()).toBe(0);
  });

  it('those that wait are limited in number: one more is refused as unavailable', async () => {
    other.exec('BEGIN IMMEDIATE');
    const waiting = Array.from({ length: 7 }, () => append());
    expect(await outcomes(waiting.slice(5))).toEqual(['unavailable', 'unavailable']);
    other.exec('COMMIT');
    expect(await outcomes(waiting.slice(0, 5))).toEqual([1, 2, 3, 4, 5]);
    expect(await outcomes([append()])).toEqual([6]);
  });

  it('and in size, but a single one is taken whatever it has', async () => {
    other.exec('BEGIN IMMEDIATE');
    const data = (units: number) => '1'.repeat(units);
    const waiting = [append({ data: data(5_000) }), append({ data: data(1) })];
    expect(await outcomes(waiting.slice(1))).toEqual(['unavailable']);
    other.exec('COMMIT');
    expect(await outcomes(waiting.slice(0, 1))).toEqual([1]);
    const fitting = [append({ data: data(600) }), append({ data: data(400) }), append({ data: data(1) })];
    expect(await outcomes(fitting)).toEqual([2, 3, 'unavailable']);
  });

  it('a commit that is refused has appended nothing, and the positions go on as if it had not been', async () => {
    await takenMany(log, 2);
    await taken(log, { channel: 'map', key: 'a' });
    const before = [await log.top('chat:1'), await log.top('new'), log.counts()];
    // What a disk does that takes no more; nothing about it is of a single write.
    other.exec(`CREATE TRIGGER full BEFORE UPDATE ON log_state BEGIN SELECT raise(ABORT, 'no room'); END`);
    const once = { scope: 'a', id: 'x', print: 'p' };
    expect(
      await outcomes([
        append({ once }),
        append({ channel: 'new' }),
        append({ channel: 'map', key: 'b' }),
        Promise.resolve(log.forget('chat:1')),
        Promise.resolve(log.expire(T0, 10)),
      ]),
    ).toEqual(Array.from({ length: 5 }, () => 'unavailable'));
    expect(refused).toContain('no room');
    expect([await log.top('chat:1'), await log.top('new'), log.counts()]).toEqual(before);
    expect(await behind(log, 0)).toEqual([1, 2]);
    expect(await outcomes([log.probe()])).toEqual(['unavailable']);

    other.exec('DROP TRIGGER full');
    await log.probe();
    expect(await outcomes([append({ once }), append({ once })])).toEqual([
      3,
      { ok: true, duplicate: { epoch: (await log.top('chat:1')).epoch, offset: 3 } },
    ]);
    expect(await outcomes([append({ channel: 'new' })])).toEqual([1]);
    expect(log.counts()).toEqual({ channels: 3, publications: 5, keys: 1 });
  });

  it('an append that the database refuses by itself fails alone, not with those of its turn', async () => {
    other.exec(
      `CREATE TRIGGER poison BEFORE INSERT ON publications WHEN new.data = '"poison"' BEGIN SELECT raise(ABORT, 'no'); END`,
    );
    const all = [
      append(),
      append({ data: '"poison"' }),
      append(),
      append({ channel: 'new', data: '"poison"' }),
      append({ channel: 'new' }),
    ];
    expect(await outcomes(all)).toEqual([1, 'unavailable', 2, 'unavailable', 1]);
    expect(refused).toEqual(['no', 'no']);
    expect(await behind(log, 0)).toEqual([1, 2]);
    expect(log.counts()).toEqual({ channels: 2, publications: 3, keys: 0 });
  });

  it('what would be no number is refused, and takes nobody along', async () => {
    expect(await outcomes([append(), append({ nowMs: Number.NaN }), append()])).toEqual([
      1,
      'unavailable',
      2,
    ]);
  });

  it('closing commits what was appended before, awaited or not', async () => {
    const appended = [append(), append(), append()];
    await log.close();
    expect(await outcomes(appended)).toEqual([1, 2, 3]);
    log = await file.open();
    expect(await behind(log, 0)).toEqual([1, 2, 3]);
  });

  it('after closing everything is refused as unavailable', async () => {
    await taken(log, { key: 'a', ttlMs: 5 });
    const { epoch } = await log.top('chat:1');
    expect(log.counts()).toEqual({ channels: 1, publications: 1, keys: 1 });
    await log.close();
    const all = [
      append(),
      log.probe(),
      log.expire(T0, 1),
      log.forget('chat:1'),
      log.top('chat:1'),
      log.read('chat:1', { epoch, offset: 0 }, PLENTY, T0),
      log.history('chat:1', { offset: null, reverse: false, limit: 1, sinceMs: null }, PLENTY, T0),
      log.entries('chat:1', null, 1),
      log.entry('chat:1', 'a'),
    ];
    expect(await outcomes(all.map(async (one) => one))).toEqual(all.map(() => 'unavailable'));
    expect(log.nextExpiryMs()).toBeNull();
    expect(log.counts()).toEqual({ channels: 1, publications: 1, keys: 1 });
  });

  it('a thread that ends unasked is told, and everything is refused from then on', async () => {
    const threads: Worker[] = [];
    const note = (message: unknown) => threads.push((message as { worker: Worker }).worker);
    subscribe('worker_threads', note);
    const reasons: string[] = [];
    const own = await temporaryLog();
    const doomed = await own.open({ onEnded: (reason) => reasons.push(reason) });
    unsubscribe('worker_threads', note);
    expect(threads).toHaveLength(1);
    await doomed.append(appendOf());
    const waiting = Promise.resolve(doomed.append(appendOf()));
    const ended = threads[0]?.terminate();
    expect(await outcomes([waiting])).toEqual(['unavailable']);
    await ended;
    expect(await outcomes([Promise.resolve(doomed.append(appendOf())), doomed.probe()])).toEqual([
      'unavailable',
      'unavailable',
    ]);
    expect(reasons).toEqual([`the log's thread ended`]);
    // What was committed can still be read.
    expect(await behind(doomed, 0)).toEqual([1]);
    await doomed.close();
    await own.remove();
  });
});
