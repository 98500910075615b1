import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryQuery, Log, Retention } from '../ports/log.ts';
import {
  type LogSubject,
  type OpenLog,
  PLENTY,
  T0,
  appendOf,
  behind,
  taken,
  takenMany,
} from './log-subject.ts';

/** What is kept, what is read behind a position, and pages of it. Part of `logContract`. */
export function logHistoryContract(name: string, open: OpenLog): void {
  describe(`Log: ${name}, history`, () => {
    let subject: LogSubject;
    let log: Log;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    afterEach(() => subject.close());

    const query = (patch: Partial<HistoryQuery>): HistoryQuery => ({
      offset: null,
      reverse: false,
      limit: 100,
      sinceMs: null,
      ...patch,
    });

    async function page(
      patch: Partial<HistoryQuery>,
      retention: Retention = PLENTY,
      nowMs = T0,
    ): Promise<{ offsets: number[]; more: boolean; floor: number }> {
      const { top, publications, more, floor } = await log.history('chat:1', query(patch), retention, nowMs);
      expect(top).toEqual(await log.top('chat:1'));
      return { offsets: publications.map(({ offset }) => offset), more, floor };
    }

    describe('read', () => {
      it('[REC1] gives everything behind a position, in order', async () => {
        const published = await takenMany(log, 20);
        const { epoch } = await log.top('chat:1');
        for (const offset of [0, 1, 13, 19, 20]) {
          expect(await log.read('chat:1', { epoch, offset }, PLENTY, T0)).toEqual({
            ok: true,
            top: { epoch, offset: 20 },
            publications: published.slice(offset),
          });
        }
      });

      it('[REC1] says `epoch` where that is another, `ahead` where the position has not been yet', async () => {
        await takenMany(log, 5);
        const top = await log.top('chat:1');
        expect(await log.read('chat:1', { epoch: 'other', offset: 3 }, PLENTY, T0)).toEqual({
          ok: false,
          why: 'epoch',
          top,
        });
        expect(await log.read('chat:1', { epoch: top.epoch, offset: 6 }, PLENTY, T0)).toEqual({
          ok: false,
          why: 'ahead',
          top,
        });
      });

      it('of a channel without a publication gives nothing at its top, and says why not elsewhere', async () => {
        const top = await log.top('chat:1');
        expect(await log.read('chat:1', top, PLENTY, T0)).toEqual({ ok: true, top, publications: [] });
        expect(await behind(log, 1)).toBe('ahead');
        expect(await log.read('chat:1', { epoch: 'other', offset: 0 }, PLENTY, T0)).toMatchObject({
          why: 'epoch',
        });
      });

      it('[REC1] says `trimmed` rather than give a part', async () => {
        await takenMany(log, 10, { retention: { ...PLENTY, count: 4 } });
        expect(await behind(log, 5)).toBe('trimmed');
        expect(await behind(log, 6)).toEqual([7, 8, 9, 10]);
        expect(await behind(log, 10)).toEqual([]);
      });

      it('a long one is complete, and one that is overtaken by trimming says so', async () => {
        const count = 3_000;
        await Promise.all(
          Array.from({ length: count }, async (_, i) => log.append(appendOf({ data: String(i) }))),
        );
        const { epoch } = await log.top('chat:1');
        const whole = await log.read('chat:1', { epoch, offset: 0 }, PLENTY, T0);
        expect(whole.ok && whole.publications.map(({ offset }) => offset)).toEqual(
          Array.from({ length: count }, (_, i) => i + 1),
        );
        // Begun before, but the log may have trimmed when it comes to the end of it: then it says so.
        const begun = log.read('chat:1', { epoch, offset: 0 }, PLENTY, T0);
        const trimming = log.append(appendOf({ retention: { ...PLENTY, count: 10 } }));
        const [read] = await Promise.all([begun, trimming]);
        if (read.ok) expect(read.publications).toHaveLength(count);
        else expect(read.why).toBe('trimmed');
      });

      it('sees what was acknowledged, at once', async () => {
        for (let i = 1; i <= 50; i++) {
          const { epoch, publication } = await taken(log, { data: String(i) });
          expect(await log.top('chat:1')).toEqual({ epoch, offset: i });
          expect(await log.read('chat:1', { epoch, offset: i - 1 }, PLENTY, T0)).toMatchObject({
            publications: [publication],
          });
        }
      });
    });

    describe('retention', () => {
      it('by count: as many as it says, none included', async () => {
        await takenMany(log, 9, { retention: { ...PLENTY, count: 3 } });
        expect(await page({})).toEqual({ offsets: [7, 8, 9], more: false, floor: 6 });
        await taken(log, { retention: { ...PLENTY, count: 0 } });
        expect(await page({})).toEqual({ offsets: [], more: false, floor: 10 });
        expect(await behind(log, 10)).toEqual([]);
        expect(await behind(log, 9)).toBe('trimmed');
      });

      it('by age: what is that old is gone, when the next one comes', async () => {
        const retention = { ...PLENTY, ageMs: 1_000 };
        await taken(log, { retention });
        await taken(log, { retention, nowMs: T0 + 1 });
        await taken(log, { retention, nowMs: T0 + 1_000 });
        expect(await behind(log, 0, 'chat:1', PLENTY, T0 + 1_000)).toBe('trimmed');
        expect(await behind(log, 1, 'chat:1', PLENTY, T0 + 1_000)).toEqual([2, 3]);
      });

      it('by age: at the latest when it is read', async () => {
        const retention = { ...PLENTY, ageMs: 1_000 };
        await taken(log, { retention });
        await taken(log, { retention, nowMs: T0 + 10 });
        expect(await behind(log, 0, 'chat:1', retention, T0 + 999)).toEqual([1, 2]);
        expect(await behind(log, 0, 'chat:1', retention, T0 + 1_000)).toBe('trimmed');
        expect(await page({}, retention, T0 + 1_000)).toEqual({ offsets: [2], more: false, floor: 1 });
        expect(await page({}, retention, T0 + 1_010)).toEqual({ offsets: [], more: false, floor: 2 });
        expect((await taken(log, { retention, nowMs: T0 + 5_000 })).publication.offset).toBe(3);
      });

      it('by age: where the clock was set back, what is kept still has no gap', async () => {
        const retention = { ...PLENTY, ageMs: 1_000 };
        await taken(log, { retention, nowMs: T0 + 5_000 });
        await taken(log, { retention, nowMs: T0 });
        await taken(log, { retention, nowMs: T0 + 5_500 });
        expect(await behind(log, 0, 'chat:1', retention, T0 + 5_500)).toEqual([1, 2, 3]);
      });

      it('by units of the payloads: the oldest go, the newest stays whatever its size', async () => {
        const retention = { ...PLENTY, units: 100 };
        for (const units of [40, 40, 20]) await taken(log, { retention, data: '1'.repeat(units) });
        expect((await page({})).offsets).toEqual([1, 2, 3]);
        await taken(log, { retention, data: '2' });
        expect((await page({})).offsets).toEqual([2, 3, 4]);
        await taken(log, { retention, data: '3'.repeat(500) });
        expect((await page({})).offsets).toEqual([5]);
        await taken(log, { retention, data: '4' });
        expect((await page({})).offsets).toEqual([6]);
      });

      it('units are UTF-16 units', async () => {
        const retention = { ...PLENTY, units: 8 };
        // Six units each: three hearts and two quotes would be 8 code units, 5 code points, 14 bytes.
        await taken(log, { retention, data: '"💚💚"' });
        await taken(log, { retention, data: '"é"' });
        expect((await page({})).offsets).toEqual([2]);
        await taken(log, { retention, data: '"abc"' });
        expect((await page({})).offsets).toEqual([2, 3]);
      });

      it('one that became smaller is applied at the next append', async () => {
        await takenMany(log, 50);
        await taken(log, { retention: { ...PLENTY, count: 5 } });
        expect((await page({})).offsets).toEqual([47, 48, 49, 50, 51]);
      });
    });

    describe('history', () => {
      it('[REC7] pages forwards and backwards until there is no more', async () => {
        await takenMany(log, 7);
        expect(await page({ limit: 3 })).toEqual({ offsets: [1, 2, 3], more: true, floor: 0 });
        expect(await page({ limit: 3, offset: 3 })).toEqual({ offsets: [4, 5, 6], more: true, floor: 0 });
        expect(await page({ limit: 3, offset: 6 })).toEqual({ offsets: [7], more: false, floor: 0 });
        expect(await page({ limit: 3, reverse: true })).toEqual({ offsets: [7, 6, 5], more: true, floor: 0 });
        expect(await page({ limit: 4, reverse: true, offset: 5 })).toEqual({
          offsets: [4, 3, 2, 1],
          more: false,
          floor: 0,
        });
      });

      it('[REC7] beyond either end there is nothing', async () => {
        await takenMany(log, 3);
        for (const patch of [
          { offset: 3 },
          { offset: 99 },
          { offset: 1, reverse: true },
          { offset: 0, reverse: true },
        ])
          expect(await page(patch)).toEqual({ offsets: [], more: false, floor: 0 });
        expect((await page({ offset: 99, reverse: true })).offsets).toEqual([3, 2, 1]);
      });

      it('of a channel without a publication is empty', async () => {
        expect(await page({})).toEqual({ offsets: [], more: false, floor: 0 });
        expect(await page({ reverse: true, offset: 5 })).toEqual({ offsets: [], more: false, floor: 0 });
      });

      it('begins at the oldest that is kept, and says where that is', async () => {
        await takenMany(log, 10, { retention: { ...PLENTY, count: 4 } });
        expect(await page({ limit: 2 })).toEqual({ offsets: [7, 8], more: true, floor: 6 });
        expect(await page({ limit: 2, offset: 1 })).toEqual({ offsets: [7, 8], more: true, floor: 6 });
        expect(await page({ reverse: true, offset: 8 })).toEqual({ offsets: [7], more: false, floor: 6 });
      });

      it('[REC5] since a time: what was taken then or later', async () => {
        for (let i = 0; i < 6; i++) await taken(log, { nowMs: T0 + i * 10 });
        const nowMs = T0 + 100;
        expect((await page({ sinceMs: T0 + 30 }, PLENTY, nowMs)).offsets).toEqual([4, 5, 6]);
        expect(await page({ sinceMs: T0 + 31, limit: 1 }, PLENTY, nowMs)).toMatchObject({
          offsets: [5],
          more: true,
        });
        expect(await page({ sinceMs: T0 + 31, limit: 2, reverse: true }, PLENTY, nowMs)).toMatchObject({
          offsets: [6, 5],
          more: false,
        });
        expect((await page({ sinceMs: T0 + 51 }, PLENTY, nowMs)).offsets).toEqual([]);
      });

      it('a long page is as long as was asked for, also of large payloads', async () => {
        const data = JSON.stringify('x'.repeat(2_000));
        await Promise.all(Array.from({ length: 1_200 }, async () => log.append(appendOf({ data }))));
        const forwards = await page({ limit: 1_000 });
        expect(forwards.offsets).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
        expect(forwards.more).toBe(true);
        const backwards = await page({ limit: 1_000, reverse: true });
        expect(backwards.offsets).toEqual(Array.from({ length: 1_000 }, (_, i) => 1_200 - i));
        expect(await page({ limit: 1_200, reverse: true })).toMatchObject({ more: false });
      });
    });
  });
}
