import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../ports/log.ts';
import { type LogSubject, type OpenLog, T0, appendOf, once, taken, takenMany } from './log-subject.ts';

/** Idempotency ids. Part of `logContract`. */
export function logOnceContract(name: string, open: OpenLog): void {
  describe(`Log: ${name}, once`, () => {
    let subject: LogSubject;
    let log: Log;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    afterEach(() => subject.close());

    /** Opens a log with limits of its own in place of the test's. */
    async function openWith(limits: Parameters<OpenLog>[0]): Promise<Log> {
      await subject.close();
      subject = await open(limits);
      log = subject.log;
      return log;
    }

    it('[PUB2] an id publishes once; then it is answered with the first position', async () => {
      await takenMany(log, 2);
      const { epoch } = await taken(log, once('a'));
      await takenMany(log, 2);
      expect(await log.append(appendOf(once('a')))).toEqual({ ok: true, duplicate: { epoch, offset: 3 } });
      expect((await log.top('chat:1')).offset).toBe(5);
    });

    it('[PUB2] also where the same id comes many times in one turn', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, async () => log.append(appendOf(once('a')))),
      );
      const { epoch } = await log.top('chat:1');
      expect(results[0]).toMatchObject({ publication: { offset: 1 } });
      for (const result of results.slice(1))
        expect(result).toEqual({ ok: true, duplicate: { epoch, offset: 1 } });
      expect((await log.top('chat:1')).offset).toBe(1);
    });

    it('[PUB2] another payload under the same id is refused', async () => {
      await taken(log, once('a'));
      expect(await log.append(appendOf(once('a', { print: 'other' })))).toEqual({
        ok: false,
        code: 'id_reused',
      });
      expect((await log.top('chat:1')).offset).toBe(1);
    });

    it('ids are told apart by publisher and channel, however they run into each other', async () => {
      for (const [scope, id] of [
        ['', 'ab'],
        ['a', 'b'],
        ['ab', ''],
        ['1:a', 'b'],
        ['', '1:ab'],
        ['a', '\ud800'],
        ['a', '\ud801'],
        ['a', '\ufffd'],
        ['a', 'B'],
      ] as const)
        expect((await taken(log, once(id, { scope }))).publication.offset).toBeGreaterThan(0);
      expect((await taken(log, { channel: 'chat:2', ...once('b', { scope: 'a' }) })).publication.offset).toBe(
        1,
      );
      expect(await log.append(appendOf(once('b', { scope: 'a' })))).toMatchObject({
        duplicate: { offset: 2 },
      });
    });

    it('[PUB3] is looked at before `expect`: a repetition of what worked works', async () => {
      const start = await log.top('chat:1');
      await taken(log, { expect: start, ...once('a') });
      await takenMany(log, 3);
      expect(await log.append(appendOf({ expect: start, ...once('a') }))).toMatchObject({
        duplicate: { offset: 1 },
      });
    });

    it('what was not appended did not use up its id', async () => {
      await takenMany(log, 3);
      const elsewhere = { ...(await log.top('chat:1')), offset: 2 };
      expect(await log.append(appendOf({ expect: elsewhere, ...once('a') }))).toMatchObject({
        code: 'conflict',
      });
      expect((await taken(log, once('a', { print: 'other' }))).publication.offset).toBe(4);
    });

    it('is known for its window, also when the publication itself is trimmed', async () => {
      const retention = { ...appendOf().retention, count: 1, onceMs: 1_000 };
      await taken(log, { retention, ...once('a') });
      await takenMany(log, 5, { retention, nowMs: T0 + 500 });
      expect(await log.append(appendOf({ retention, ...once('a'), nowMs: T0 + 1_000 }))).toMatchObject({
        duplicate: { offset: 1 },
      });
    });

    it('[PUB2] is known for the window of its own channel to the millisecond, whatever others have', async () => {
      const windowed = (onceMs: number) => ({ ...appendOf().retention, ageMs: 1_000, onceMs });
      const short = { channel: 'chat:short', retention: windowed(2_000), ...once('a') };
      const long = { channel: 'chat:long', retention: windowed(86_400_000), ...once('a') };
      const map = { channel: 'map:long', key: 'k', retention: windowed(86_400_000), ...once('a') };
      for (const each of [short, long, map]) await taken(log, each);
      // Time passes on other channels: by their appends all are looked after.
      const passes = async (nowMs: number) => {
        for (let i = 0; i < 10; i++) await taken(log, { channel: `other:${i % 3}`, nowMs });
      };
      await passes(T0 + 2_000);
      expect(await log.append(appendOf({ ...short, nowMs: T0 + 2_000 }))).toMatchObject({
        duplicate: { offset: 1 },
      });
      for (let hour = 1; hour <= 24; hour++) await passes(T0 + hour * 3_600_000);
      expect(await taken(log, { ...short, nowMs: T0 + 86_400_000 })).toBeDefined();
      for (const each of [long, map])
        expect(await log.append(appendOf({ ...each, nowMs: T0 + 86_400_000 }))).toMatchObject({
          duplicate: { offset: 1 },
        });
      for (let day = 2; day <= 6; day++) await passes(T0 + day * 86_400_000);
      for (const each of [long, map])
        expect((await taken(log, { ...each, nowMs: T0 + 6 * 86_400_000 })).publication.data).not.toBeNull();
    });

    it('is forgotten some time after its window', async () => {
      const retention = { ...appendOf().retention, onceMs: 1_000 };
      await taken(log, { retention, ...once('a') });
      // Ids go when their channel is looked after: by appends on any.
      for (let i = 1; i <= 20; i++) await taken(log, { channel: 'other', nowMs: T0 + i * 1_000 });
      expect((await taken(log, { retention, ...once('a'), nowMs: T0 + 20_000 })).publication.offset).toBe(2);
    });

    it('ids of a channel are limited: one more is refused, until the window of others is over', async () => {
      await openWith({ oncePerChannel: 3 });
      const retention = { ...appendOf().retention, onceMs: 1_000 };
      for (const id of ['a', 'b', 'c']) await taken(log, { retention, ...once(id) });
      expect(await log.append(appendOf(once('d')))).toEqual({
        ok: false,
        code: 'limit_reached',
        detail: expect.stringContaining('3 ids') as string,
      });
      expect((await taken(log)).publication.offset).toBe(4);
      expect(await log.append(appendOf(once('a')))).toMatchObject({ duplicate: { offset: 1 } });
      expect((await taken(log, { channel: 'chat:2', ...once('d') })).publication.offset).toBe(1);
      expect((await taken(log, { retention, ...once('d'), nowMs: T0 + 3_000 })).publication.offset).toBe(5);
    });
  });
}
