import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Append, Log } from '../ports/log.ts';
import { type LogSubject, type OpenLog, PLENTY, T0, appendOf, taken, takenMany } from './log-subject.ts';

const inLane = (number: number, patch: { scope?: string; queue?: string } = {}): Partial<Append> => ({
  lane: { scope: 'alice', queue: 'q', number, ...patch },
});

const LANE_MS = 10_000;

/**
 * What every `Log` must do about lanes.
 *
 * @param shared whether many nodes append to it: then nobody counts the lanes of all channels
 */
export function logLaneContract(name: string, open: OpenLog, { shared }: { readonly shared: boolean }): void {
  describe(`lanes of a log: ${name}`, () => {
    let subject: LogSubject;
    let log: Log;
    beforeEach(async () => {
      subject = await open({ laneMs: LANE_MS, lanesPerUser: 3, lanes: 6, channels: 8 });
      log = subject.log;
    });
    afterEach(() => subject.close());

    const again = async (number: number, patch: Partial<Append> = {}) =>
      log.append(appendOf({ ...inLane(number), ...patch }));

    it('[PUB7] a number publishes once; then it is answered with its position, and those below it without one', async () => {
      await takenMany(log, 2);
      for (const number of [1, 2, 7]) await taken(log, inLane(number));
      await takenMany(log, 2);
      const { epoch } = await log.top('chat:1');
      expect(await again(7)).toEqual({ ok: true, duplicate: { epoch, offset: 5 } });
      for (const number of [1, 2, 5, 6]) expect(await again(number)).toEqual({ ok: true, duplicate: null });
      expect((await log.top('chat:1')).offset).toBe(7);
      expect((await taken(log, inLane(8))).publication.offset).toBe(8);
    });

    it('[PUB7] also where numbers come many times in one turn', async () => {
      const numbers = [1, 1, 2, 1, 2, 4, 3, 4, 5, 5];
      const results = await Promise.all(numbers.map(async (number) => again(number)));
      const { epoch } = await log.top('chat:1');
      const offsetOf = (offset: number) => ({ ok: true, duplicate: { epoch, offset } });
      const gone = { ok: true, duplicate: null };
      expect(results.map((result) => ('publication' in result ? result.publication.offset : result))).toEqual(
        [1, offsetOf(1), 2, gone, offsetOf(2), 3, gone, offsetOf(3), 4, offsetOf(4)],
      );
    });

    it('[PUB7] lanes are told apart by channel, user and queue, however they run into each other', async () => {
      const lanes = [
        ['a', 'b'],
        ['ab', ''],
        ['', 'ab'],
        ['a', '\ud800'],
        ['a', '\ufffd'],
      ] as const;
      for (const [scope, queue] of lanes)
        expect((await taken(log, inLane(1, { scope, queue }))).publication.offset).toBeGreaterThan(0);
      expect((await taken(log, { channel: 'chat:2', ...inLane(1) })).publication.offset).toBe(1);
      for (const [i, [scope, queue]] of lanes.entries())
        expect(await log.append(appendOf(inLane(1, { scope, queue })))).toMatchObject({
          duplicate: { offset: i + 1 },
        });
    });

    it('[PUB7] is looked at before `expect`: a repetition of what worked works', async () => {
      const start = await log.top('chat:1');
      await taken(log, { expect: start, ...inLane(1) });
      await takenMany(log, 3);
      expect(await again(1, { expect: start })).toMatchObject({ duplicate: { offset: 1 } });
    });

    it('[PUB7] what was refused did not use up its number', async () => {
      await takenMany(log, 3);
      const elsewhere = { ...(await log.top('chat:1')), offset: 2 };
      expect(await again(1, { expect: elsewhere })).toMatchObject({ code: 'conflict' });
      expect((await taken(log, inLane(1))).publication.offset).toBe(4);
      const full = { ...PLENTY, keys: 1 };
      await taken(log, { channel: 'map', key: 'a', retention: full });
      const second = { channel: 'map', kind: 'map', key: 'b', retention: full } as const;
      expect(await again(1, second)).toMatchObject({ code: 'limit_reached' });
      expect((await taken(log, { channel: 'map', key: 'a', ...inLane(1) })).publication.offset).toBe(2);
    });

    it('[PUB7] what was outdated was decided: its number is taken, and is nowhere', async () => {
      const map = { channel: 'map', key: 'k', version: 5 };
      await taken(log, map);
      expect(await log.append(appendOf({ ...map, version: 4, ...inLane(3) }))).toMatchObject({
        outdated: { offset: 1 },
      });
      // Also where by now the version would do.
      expect(await log.append(appendOf({ ...map, version: 9, ...inLane(3) }))).toEqual({
        ok: true,
        duplicate: null,
      });
      expect((await taken(log, { ...map, version: 9, ...inLane(4) })).publication.offset).toBe(2);
    });

    it('[PUB7] the mark is held for its time behind the last number taken, to the millisecond', async () => {
      await taken(log, inLane(1));
      await taken(log, { ...inLane(2), nowMs: T0 + 4_000 });
      const lastMs = T0 + 4_000 + LANE_MS;
      // A repetition takes no number, and holds nothing longer.
      expect(await again(2, { nowMs: T0 + 9_000 })).toMatchObject({ duplicate: { offset: 2 } });
      expect(await again(1, { nowMs: lastMs })).toEqual({ ok: true, duplicate: null });
      expect(await again(2, { nowMs: lastMs })).toMatchObject({ duplicate: { offset: 2 } });
      expect((await taken(log, { ...inLane(1), nowMs: lastMs + 1 })).publication.offset).toBe(3);
      expect(await again(1, { nowMs: lastMs + 1 })).toMatchObject({ duplicate: { offset: 3 } });
    });

    it('[PUB7] outlives the publication, and the time of idempotency ids', async () => {
      const retention = { ...PLENTY, count: 1, ageMs: 1_000 };
      await taken(log, { retention, ...inLane(1) });
      await takenMany(log, 3, { retention, nowMs: T0 + 500 });
      expect(await again(1, { retention, nowMs: T0 + 9_000 })).toMatchObject({ duplicate: { offset: 1 } });
    });

    it('lanes of a user on a channel are limited: one more is refused, and those there are go on', async () => {
      for (const queue of ['a', 'b', 'c']) await taken(log, inLane(1, { queue }));
      expect(await log.append(appendOf(inLane(1, { queue: 'd' })))).toEqual({
        ok: false,
        code: 'limit_reached',
        detail: expect.stringContaining('3 lanes') as string,
      });
      expect((await log.top('chat:1')).offset).toBe(3);
      expect(await log.append(appendOf(inLane(1, { queue: 'a' })))).toMatchObject({
        duplicate: { offset: 1 },
      });
      for (const patch of [
        inLane(2, { queue: 'a' }),
        {},
        inLane(1, { scope: 'bob', queue: 'd' }),
        { channel: 'chat:2', ...inLane(1, { queue: 'd' }) },
      ])
        await taken(log, patch);
    });

    it('one more begins where the time of another is over, be it the same one', async () => {
      for (const [i, queue] of ['a', 'b', 'c'].entries())
        await taken(log, { ...inLane(1, { queue }), nowMs: T0 + i });
      const nowMs = T0 + LANE_MS + 1;
      await taken(log, { ...inLane(1, { queue: 'd' }), nowMs });
      expect(await log.append(appendOf({ ...inLane(1, { queue: 'e' }), nowMs }))).toMatchObject({
        code: 'limit_reached',
      });
      await taken(log, { ...inLane(1, { queue: 'b' }), nowMs: nowMs + 1 });
      expect(await log.append(appendOf({ ...inLane(1, { queue: 'e' }), nowMs: nowMs + 1 }))).toMatchObject({
        code: 'limit_reached',
      });
    });

    it('many that are over give way together', async () => {
      for (let round = 0; round < 5; round++)
        for (const queue of ['a', 'b', 'c'])
          await taken(log, {
            ...inLane(1, { queue: `${queue}${round}` }),
            nowMs: T0 + round * (LANE_MS + 1),
          });
      expect((await log.top('chat:1')).offset).toBe(15);
    });

    if (!shared)
      it('lanes of all channels are limited too, and those there are go on', async () => {
        for (let i = 0; i < 6; i++) await taken(log, { channel: `chat:${i}`, ...inLane(1), nowMs: T0 + i });
        expect(await again(1, { channel: 'chat:6' })).toMatchObject({
          code: 'limit_reached',
          detail: expect.stringContaining('6 lanes') as string,
        });
        await taken(log, { channel: 'chat:6' });
        await taken(log, { channel: 'chat:5', ...inLane(2), nowMs: T0 + 6 });
        const nowMs = T0 + LANE_MS + 1;
        await taken(log, { channel: 'chat:6', ...inLane(1), nowMs });
        expect(await again(1, { channel: 'chat:7', nowMs })).toMatchObject({ code: 'limit_reached' });
      });

    it('[PUB7] outlives its channel where that gave way or began anew: told without the position that is gone', async () => {
      const short = { ...PLENTY, ageMs: 1_000 };
      await taken(log, { channel: 'old', retention: short, ...inLane(5) });
      const { epoch } = await log.top('old');
      const nowMs = T0 + 5_000;
      for (let i = 0; i < 8; i++) await log.append(appendOf({ channel: `new:${i}`, nowMs }));
      const before = await log.top('old');
      const result = await again(5, { channel: 'old', nowMs });
      const known = before.epoch === epoch ? { epoch, offset: 1 } : null;
      expect(result).toEqual({ ok: true, duplicate: known });
      expect(await log.top('old')).toEqual(before);
      if (!shared) expect(known, 'the channel gave way').toBeNull();
    });

    it('forgetting a channel forgets its lanes, and no others', async () => {
      for (const channel of ['chat:1', 'chat:2'])
        for (const queue of ['a', 'b', 'c']) await taken(log, { channel, ...inLane(1, { queue }) });
      await log.forget('chat:1');
      for (const queue of ['a', 'b', 'd'])
        expect((await taken(log, inLane(1, { queue }))).publication.offset).toBeGreaterThan(0);
      expect(await again(1, { channel: 'chat:2', ...inLane(1, { queue: 'a' }) })).toMatchObject({
        duplicate: { offset: 1 },
      });
    });

    it('[PUB7] outlives the log where anything does', async () => {
      await taken(log, inLane(1));
      await taken(log, inLane(2));
      if (subject.reopen === null) return;
      log = await subject.reopen();
      expect(await again(1)).toEqual({ ok: true, duplicate: null });
      expect(await again(2)).toMatchObject({ duplicate: { offset: 2 } });
      expect((await taken(log, inLane(3))).publication.offset).toBe(3);
    });
  });
}
