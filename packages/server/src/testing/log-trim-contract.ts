import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log, Retention } from '../ports/log.ts';
import {
  type LogSubject,
  type LogTraits,
  type OpenLog,
  PLENTY,
  T0,
  appendOf,
  behind,
  once,
  taken,
  takenMany,
} from './log-subject.ts';

const DOC = 'doc:1';

/** As documents are kept. */
const FOR_EVER: Retention = { ...PLENTY, count: Infinity, ageMs: Infinity, units: Infinity };

const WHOLE = { offset: null, reverse: false, limit: 100, sinceMs: null };

const YEAR_MS = 365 * 24 * 3_600_000;

/** What goes because it was said that it may, and what does not go otherwise. Part of `logContract`. */
export function logTrimContract(name: string, open: OpenLog, { shared = false }: LogTraits): void {
  describe(`Log: ${name}, what is trimmed`, () => {
    let subject: LogSubject;
    let log: Log;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    afterEach(() => subject.close());

    const kept = (offset: number, retention = FOR_EVER, nowMs = T0): Promise<unknown> =>
      behind(log, offset, DOC, retention, nowMs);

    const many = (count: number, retention = FOR_EVER, data = 'x'): Promise<unknown> =>
      takenMany(log, count, { channel: DOC, retention, data: JSON.stringify(data) });

    async function trimTo(offset: number): Promise<void> {
      const { epoch } = await log.top(DOC);
      await log.trim(DOC, { epoch, offset });
    }

    it('drops everything up to the position, it included, and nothing behind it', async () => {
      await many(10);
      await trimTo(4);
      expect(await kept(4)).toEqual([5, 6, 7, 8, 9, 10]);
      expect(await kept(3)).toBe('trimmed');
      expect(await kept(0)).toBe('trimmed');
      expect(await log.history(DOC, WHOLE, FOR_EVER, T0)).toMatchObject({ floor: 4, more: false });
      expect((await log.top(DOC)).offset).toBe(10);
    });

    it('what comes behind goes on from the top', async () => {
      await many(5);
      await trimTo(5);
      expect(await kept(5)).toEqual([]);
      expect(await kept(4)).toBe('trimmed');
      const { publication } = await taken(log, { channel: DOC, retention: FOR_EVER });
      expect(publication.offset).toBe(6);
      expect(await kept(5)).toEqual([6]);
    });

    it('a position that was trimmed before, or is not reached, takes nothing that is not there', async () => {
      await many(5);
      await trimTo(3);
      await trimTo(2);
      await trimTo(0);
      expect(await kept(3)).toEqual([4, 5]);
      await trimTo(99);
      expect(await kept(5)).toEqual([]);
      await many(2);
      expect(await kept(5)).toEqual([6, 7]);
      await log.trim('doc:never', { epoch: 'e', offset: 7 });
      expect((await log.top('doc:never')).offset).toBe(0);
    });

    it('in another epoch nothing is dropped', async () => {
      await many(5);
      await log.trim(DOC, { epoch: 'another', offset: 3 });
      expect(await kept(0)).toEqual([1, 2, 3, 4, 5]);
      const before = await log.top(DOC);
      await log.forget(DOC);
      await many(3);
      await log.trim(DOC, before);
      expect(await kept(0)).toEqual([1, 2, 3]);
    });

    it('takes its place in the order of the calls', async () => {
      await many(3);
      const { epoch } = await log.top(DOC);
      const [fourth, , fifth] = await Promise.all([
        log.append(appendOf({ channel: DOC, retention: FOR_EVER })),
        log.trim(DOC, { epoch, offset: 3 }),
        log.append(appendOf({ channel: DOC, retention: FOR_EVER })),
      ]);
      expect([fourth, fifth]).toMatchObject([{ publication: { offset: 4 } }, { publication: { offset: 5 } }]);
      expect(await kept(3)).toEqual([4, 5]);
    });

    it('what is left counts for count, units and age as if nothing had been before it', async () => {
      const retention = { ...PLENTY, count: 6, units: 60, ageMs: 10_000 };
      for (let i = 1; i <= 5; i++)
        await taken(log, { channel: DOC, retention, data: '"12345678"', nowMs: T0 + i * 1_000 });
      await trimTo(3);
      // Two of ten units are left: four more find room, and a fifth does not.
      for (let i = 6; i <= 9; i++)
        await taken(log, { channel: DOC, retention, data: '"12345678"', nowMs: T0 + i * 1_000 });
      expect(await kept(3, retention, T0 + 9_000)).toEqual([4, 5, 6, 7, 8, 9]);
      await taken(log, { channel: DOC, retention, data: '"12345678"', nowMs: T0 + 9_500 });
      expect(await kept(4, retention, T0 + 9_500)).toEqual([5, 6, 7, 8, 9, 10]);
      expect(await kept(5, retention, T0 + 15_000)).toEqual([6, 7, 8, 9, 10]);
      expect(await kept(4, retention, T0 + 15_000)).toBe('trimmed');
    });

    it('the oldest that is left goes at its own time, not at that of what was before it', async () => {
      const retention = { ...PLENTY, ageMs: 10_000 };
      for (const atMs of [1_000, 2_000, 8_000])
        await taken(log, { channel: DOC, retention, nowMs: T0 + atMs });
      await trimTo(2);
      await taken(log, { channel: DOC, retention, nowMs: T0 + 12_500 });
      expect(await kept(2, retention, T0 + 12_500)).toEqual([3, 4]);
      await taken(log, { channel: DOC, retention, nowMs: T0 + 18_000 });
      expect(await kept(3, retention, T0 + 18_000)).toEqual([4, 5]);
      expect(await kept(2, retention, T0 + 18_000)).toBe('trimmed');
    });

    it('ids of what was trimmed are held as long as ever', async () => {
      const { epoch } = await taken(log, { channel: DOC, retention: FOR_EVER, ...once('x') });
      await trimTo(1);
      expect(await log.append(appendOf({ channel: DOC, retention: FOR_EVER, ...once('x') }))).toEqual({
        ok: true,
        duplicate: { epoch, offset: 1 },
      });
    });

    it('the keys of a map stay where their publications are trimmed', async () => {
      for (const key of ['a', 'b', 'c']) await taken(log, { channel: DOC, key, retention: FOR_EVER });
      await trimTo(2);
      expect((await log.entries(DOC, null, 10)).entries.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
      expect(await log.entry(DOC, 'a')).toMatchObject({ offset: 1 });
      expect(await kept(2)).toEqual([3]);
    });

    it('many at once, of any size, and what is counted', async () => {
      await Promise.all(
        Array.from({ length: 2_500 }, async (_, i) =>
          log.append(
            appendOf({ channel: DOC, retention: FOR_EVER, data: JSON.stringify('x'.repeat(i % 97)) }),
          ),
        ),
      );
      await trimTo(2_498);
      expect(await kept(2_498)).toEqual([2_499, 2_500]);
      expect(log.counts()).toEqual(shared ? null : { channels: 1, publications: 2, keys: 0 });
    });

    describe('retention without an end', () => {
      it('nothing goes but by trim: not by number, nor by size', async () => {
        await many(300, FOR_EVER, 'x'.repeat(1_000));
        expect(await kept(0)).toHaveLength(300);
        await trimTo(100);
        await many(50);
        expect(await kept(100)).toHaveLength(250);
      });

      it('nor by age, though others age and are looked after', async () => {
        await many(5);
        const short = { ...PLENTY, ageMs: 1_000, onceMs: 1_000 };
        for (let i = 1; i <= 30; i++)
          await taken(log, { channel: `short:${i}`, retention: short, nowMs: T0 + i * YEAR_MS });
        const nowMs = T0 + 40 * YEAR_MS;
        await log.expire(nowMs, 100);
        expect(await kept(0, FOR_EVER, nowMs)).toEqual([1, 2, 3, 4, 5]);
        await taken(log, { channel: DOC, retention: FOR_EVER, nowMs });
        expect(await kept(0, FOR_EVER, nowMs)).toEqual([1, 2, 3, 4, 5, 6]);
      });

      it('also where ids are held of it, which age', async () => {
        await taken(log, { channel: DOC, retention: FOR_EVER, ...once('x') });
        for (let i = 1; i <= 8; i++) await taken(log, { channel: `other:${i}`, nowMs: T0 + i * YEAR_MS });
        expect(await kept(0, FOR_EVER, T0 + 9 * YEAR_MS)).toEqual([1]);
        const nowMs = T0 + 9 * YEAR_MS;
        expect(await log.append(appendOf({ channel: DOC, retention: FOR_EVER, nowMs }))).toMatchObject({
          publication: { offset: 2 },
        });
      });

      it('what was kept so obeys a limit that comes later', async () => {
        await many(10);
        await many(1, { ...FOR_EVER, count: 4 });
        expect(await kept(7)).toEqual([8, 9, 10, 11]);
        expect(await kept(6)).toBe('trimmed');
      });

      it('and outlives the log where its publications do', async () => {
        await many(5);
        await trimTo(2);
        if (subject.reopen === null) return expect(subject.reopen).toBeNull();
        log = await subject.reopen();
        expect(await kept(2, FOR_EVER, T0 + YEAR_MS)).toEqual([3, 4, 5]);
        expect(await kept(1, FOR_EVER, T0 + YEAR_MS)).toBe('trimmed');
        await taken(log, { channel: DOC, retention: FOR_EVER, nowMs: T0 + YEAR_MS });
        expect(await kept(2, FOR_EVER, T0 + YEAR_MS)).toEqual([3, 4, 5, 6]);
      });
    });

    describe('settle', () => {
      it('resolves where everything is kept, and for a channel that is not there', async () => {
        await many(3);
        await log.settle(DOC);
        await log.settle('doc:never');
        expect(await kept(0)).toEqual([1, 2, 3]);
        expect((await log.top('doc:never')).offset).toBe(0);
      });

      it('takes and changes nothing, beside appends that are under way', async () => {
        const all = await Promise.all([
          log.append(appendOf({ channel: DOC, retention: FOR_EVER })),
          log.settle(DOC),
          log.append(appendOf({ channel: DOC, retention: FOR_EVER })),
          log.settle(DOC),
        ]);
        expect(all).toMatchObject([
          { publication: { offset: 1 } },
          undefined,
          { publication: { offset: 2 } },
          undefined,
        ]);
        expect(await kept(0)).toEqual([1, 2]);
      });
    });
  });
}
