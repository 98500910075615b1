import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log, LogCounts } from '../ports/log.ts';
import { logHistoryContract } from './log-history-contract.ts';
import { logLaneContract } from './log-lane-contract.ts';
import { logMapContract } from './log-map-contract.ts';
import { logOnceContract } from './log-once-contract.ts';
import { logRefContract } from './log-ref-contract.ts';
import { logTrimContract } from './log-trim-contract.ts';
import {
  type LogSubject,
  type LogTraits,
  type OpenLog,
  T0,
  appendOf,
  behind,
  once,
  taken,
  takenMany,
} from './log-subject.ts';

/** What every `Log` must do. `open` gives a new, empty log for each test. */
export function logContract(
  name: string,
  open: OpenLog,
  { shared = false, limitsChannels = !shared }: LogTraits = {},
): void {
  logHistoryContract(name, open);
  logMapContract(name, open, { shared });
  logLaneContract(name, open, { shared });
  logOnceContract(name, open);
  logRefContract(name, open);
  logTrimContract(name, open, { shared });
  describe(`Log: ${name}`, () => {
    let subject: LogSubject;
    let log: Log;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    afterEach(() => subject.close());

    function countsAre(counts: LogCounts): void {
      expect(log.counts()).toEqual(shared ? null : counts);
    }

    /** Opens a log with limits of its own in place of the test's. */
    async function openWith(limits: Parameters<OpenLog>[0]): Promise<Log> {
      await subject.close();
      subject = await open(limits);
      log = subject.log;
      return log;
    }

    describe('positions', () => {
      it('[CHN4] offsets count from 1 without a gap, each channel for itself', async () => {
        expect((await takenMany(log, 3)).map(({ offset }) => offset)).toEqual([1, 2, 3]);
        expect((await taken(log, { channel: 'chat:2' })).publication.offset).toBe(1);
        expect((await taken(log)).publication.offset).toBe(4);
      });

      it('appends of one turn are taken, and answered, in the order of the calls', async () => {
        const answered: number[][] = shared ? [[], [], []] : [[]];
        const all = Array.from({ length: 200 }, async (_, i) => {
          const result = await log.append(appendOf({ channel: `chat:${i % 3}`, data: String(i) }));
          answered[i % answered.length]?.push(i);
          return result;
        });
        const results = await Promise.all(all);
        expect(answered.map(({ length }) => length)).toEqual(shared ? [67, 67, 66] : [200]);
        for (const ofOne of answered) expect(ofOne).toEqual(ofOne.toSorted((one, other) => one - other));
        expect(results.map((result) => 'publication' in result && result.publication.offset)).toEqual(
          Array.from({ length: 200 }, (_, i) => Math.floor(i / 3) + 1),
        );
      });

      it('[REC2] a channel without a publication stands at offset 0 of the epoch in which it will begin', async () => {
        const before = await log.top('chat:1');
        expect(before.offset).toBe(0);
        for (let i = 0; i < 5; i++) await taken(log, { channel: `other:${i}` });
        await log.forget('other:3');
        expect(await log.top('chat:1')).toEqual(before);
        expect(await taken(log)).toMatchObject({ epoch: before.epoch, publication: { offset: 1 } });
        expect(await log.top('chat:1')).toEqual({ epoch: before.epoch, offset: 1 });
      });

      it('asking about a channel does not make one', async () => {
        for (let i = 0; i < 50; i++) await log.top(`chat:${i}`);
        countsAre({ channels: 0, publications: 0, keys: 0 });
      });

      it('a publication is kept as it was given, whatever it holds', async () => {
        const patch = {
          channel: 'a%3Ab:{x}/💚 __proto__',
          by: 'auth0|{a}:b/💚"\\',
          data: '{"__proto__":"x\u2028\\u0000💚"}',
        };
        const { publication } = await taken(log, patch);
        expect(publication).toEqual({
          offset: 1,
          atMs: T0,
          by: patch.by,
          data: patch.data,
          key: null,
          version: null,
          ref: null,
        });
        const { epoch } = await log.top(patch.channel);
        const read = await log.read(patch.channel, { epoch, offset: 0 }, appendOf().retention, T0);
        expect(read).toEqual({ ok: true, top: { epoch, offset: 1 }, publications: [publication] });
      });

      it('channels that look like objects are channels', async () => {
        for (const channel of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
          expect((await log.top(channel)).offset).toBe(0);
          expect((await taken(log, { channel })).publication.offset).toBe(1);
        }
      });
    });

    describe('forget', () => {
      it('drops the channel: the next publication is the first of an epoch that was never there', async () => {
        const epochs = new Set<string>();
        for (let life = 0; life < 4; life++) {
          const { epoch, publication } = await taken(log, once('same'));
          expect(publication.offset).toBe(1);
          expect(epochs.has(epoch), epoch).toBe(false);
          epochs.add(epoch);
          await takenMany(log, 5);
          await log.forget('chat:1');
          const top = await log.top('chat:1');
          expect(top.offset).toBe(0);
          expect(epochs.has(top.epoch)).toBe(false);
          expect(await log.read('chat:1', { epoch, offset: 3 }, appendOf().retention, T0)).toEqual({
            ok: false,
            why: 'epoch',
            top,
          });
        }
        countsAre({ channels: 0, publications: 0, keys: 0 });
      });

      it('leaves other channels as they are, and one without a publication', async () => {
        await takenMany(log, 2, { channel: 'chat:2' });
        const [first, second] = [await log.top('chat:1'), await log.top('chat:2')];
        await log.forget('chat:1');
        await log.forget('never');
        expect([await log.top('chat:1'), await log.top('chat:2')]).toEqual([first, second]);
        expect(await behind(log, 0, 'chat:2')).toEqual([1, 2]);
      });

      it('takes its place in the order of the calls', async () => {
        await takenMany(log, 3);
        const [before, , after] = await Promise.all([
          log.append(appendOf()),
          log.forget('chat:1'),
          log.append(appendOf()),
        ]);
        expect(before).toMatchObject({ publication: { offset: 4 } });
        expect(after).toMatchObject({ publication: { offset: 1 } });
      });
    });

    describe('expect', () => {
      it('[PUB3] appends at the top and nowhere else, and names the top', async () => {
        const { epoch } = await taken(log);
        for (const expected of [
          { epoch, offset: 0 },
          { epoch, offset: 2 },
          { epoch: 'another', offset: 1 },
        ])
          expect(await log.append(appendOf({ expect: expected }))).toEqual({
            ok: false,
            code: 'conflict',
            top: { epoch, offset: 1 },
          });
        expect((await taken(log, { expect: { epoch, offset: 1 } })).publication.offset).toBe(2);
      });

      it('[PUB3] of those in one turn that expect the same, one is taken', async () => {
        const top = { epoch: (await taken(log)).epoch, offset: 1 };
        const results = await Promise.all(
          Array.from({ length: 10 }, async (_, i) => log.append(appendOf({ expect: top, data: String(i) }))),
        );
        expect(results.map(({ ok }) => ok)).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
        expect(results[9]).toMatchObject({ top: { offset: 2 } });
      });

      it('[PUB3] offset 0 of any epoch means that nothing was ever published', async () => {
        expect((await taken(log, { expect: { epoch: 'any', offset: 0 } })).publication.offset).toBe(1);
        await log.forget('chat:1');
        expect((await taken(log, { expect: { epoch: '', offset: 0 } })).publication.offset).toBe(1);
        expect(await log.append(appendOf({ expect: { epoch: '', offset: 0 } }))).toMatchObject({
          code: 'conflict',
        });
      });

      it('a conflict on a channel without a publication names its top, and makes no channel', async () => {
        const top = await log.top('chat:1');
        expect(await log.append(appendOf({ expect: { epoch: top.epoch, offset: 5 } }))).toEqual({
          ok: false,
          code: 'conflict',
          top,
        });
        countsAre({ channels: 0, publications: 0, keys: 0 });
      });
    });

    if (limitsChannels)
      describe('channels', () => {
        it('are limited: one more is refused, and those there are go on', async () => {
          await openWith({ channels: 3 });
          for (const channel of ['a', 'b', 'c']) await taken(log, { channel });
          expect(await log.append(appendOf({ channel: 'd' }))).toEqual({
            ok: false,
            code: 'limit_reached',
            detail: expect.stringContaining('3 channels') as string,
          });
          expect((await taken(log, { channel: 'b' })).publication.offset).toBe(2);
          countsAre({ channels: 3, publications: 4, keys: 0 });
        });

        it('one in which nothing is left gives way, and begins a new epoch when it comes back', async () => {
          await openWith({ channels: 3 });
          const short = { ...appendOf().retention, ageMs: 1_000 };
          const first = await taken(log, { channel: 'old', retention: short });
          await taken(log, { channel: 'map', key: 'k', retention: short });
          await taken(log, { channel: 'kept' });
          const nowMs = T0 + 10_000;
          expect((await taken(log, { channel: 'new', nowMs })).publication.offset).toBe(1);
          expect(log.counts()?.channels ?? 3).toBe(3);
          expect((await log.top('kept')).offset).toBe(1);
          expect(await log.entry('map', 'k')).toMatchObject({ data: '"hello"' });
          const top = await log.top('old');
          expect(top.offset).toBe(0);
          expect(top.epoch).not.toBe(first.epoch);
          // Neither a map with a key nor a channel with history gives way.
          expect(await log.append(appendOf({ channel: 'newer', nowMs }))).toMatchObject({
            code: 'limit_reached',
          });
        });

        it('one that still holds ids does not give way', async () => {
          await openWith({ channels: 1 });
          const retention = { ...appendOf().retention, ageMs: 1_000, onceMs: 60_000 };
          await taken(log, { channel: 'a', retention, ...once('x') });
          const nowMs = T0 + 30_000;
          expect(await log.append(appendOf({ channel: 'b', nowMs }))).toMatchObject({
            code: 'limit_reached',
          });
          expect(await log.append(appendOf({ channel: 'a', retention, ...once('x'), nowMs }))).toMatchObject({
            duplicate: { offset: 1 },
          });
          for (let i = 0; i < 5; i++)
            await log.append(appendOf({ channel: 'b', nowMs: T0 + 200_000 + i * 60_000 }));
          expect((await log.top('a')).offset).toBe(0);
        });
      });

    it('what is kept is counted, through appends, trimming, keys and forgetting', async () => {
      const retention = { ...appendOf().retention, count: 3 };
      await takenMany(log, 5, { retention });
      for (const key of ['a', 'b', 'c', 'a']) await taken(log, { channel: 'map', key });
      await taken(log, { channel: 'map', key: 'b', data: null });
      countsAre({ channels: 2, publications: 8, keys: 2 });
      await log.forget('chat:1');
      countsAre({ channels: 1, publications: 5, keys: 2 });
      await log.forget('map');
      countsAre({ channels: 0, publications: 0, keys: 0 });
    });
  });
}
