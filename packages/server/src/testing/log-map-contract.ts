import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Append, Log, MapEntry } from '../ports/log.ts';
import { type LogSubject, type LogTraits, type OpenLog, PLENTY, T0, appendOf, taken } from './log-subject.ts';

/** Keys, versions, deletions and expiry. Part of `logContract`. */
export function logMapContract(name: string, open: OpenLog, { shared = false }: LogTraits): void {
  describe(`Log: ${name}, maps`, () => {
    let subject: LogSubject;
    let log: Log;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    afterEach(() => subject.close());

    function nextIs(expectedMs: number | null): void {
      if (!shared) expect(log.nextExpiryMs()).toBe(expectedMs);
      // Asked for earlier than that: nothing is found, and it tells when to ask next.
      else expect(log.nextExpiryMs()).toBeLessThanOrEqual(expectedMs ?? Infinity);
    }

    const map = (key: string, patch: Partial<Append> = {}): Partial<Append> => ({
      channel: 'tasks:a',
      key,
      ...patch,
    });

    /** All pages, put together. */
    async function all(limit: number): Promise<readonly MapEntry[]> {
      const entries: MapEntry[] = [];
      let after: string | null = null;
      do {
        const page = await log.entries('tasks:a', after, limit);
        expect(page.entries.length).toBeLessThanOrEqual(limit);
        entries.push(...page.entries);
        after = page.next;
      } while (after !== null);
      return entries;
    }

    const keysOf = async (limit = 100): Promise<string[]> => (await all(limit)).map(({ key }) => key);

    describe('map', () => {
      it('[CHN2] keeps the latest value of each key, with its offset, and the history of all', async () => {
        await taken(log, map('a', { data: '1' }));
        await taken(log, map('b', { data: '2', by: null }));
        const { epoch, publication } = await taken(log, map('a', { data: '3', version: 7 }));
        expect(await log.entries('tasks:a', null, 10)).toEqual({
          top: { epoch, offset: 3 },
          entries: [
            { offset: 3, atMs: T0, by: 'alice', data: '3', key: 'a', version: 7, ref: null },
            { offset: 2, atMs: T0, by: null, data: '2', key: 'b', version: null, ref: null },
          ],
          next: null,
        });
        expect(await log.entry('tasks:a', 'a')).toEqual(publication);
        expect(await log.entry('tasks:a', 'c')).toBeUndefined();
        const read = await log.read('tasks:a', { epoch, offset: 0 }, PLENTY, T0);
        expect(read.ok && read.publications.map(({ key, data }) => [key, data])).toEqual([
          ['a', '1'],
          ['b', '2'],
          ['a', '3'],
        ]);
      });

      it('of nothing is empty, at its top', async () => {
        const top = await log.top('tasks:a');
        expect(await log.entries('tasks:a', null, 10)).toEqual({ top, entries: [], next: null });
        expect(await log.entries('tasks:a', 'k', 10)).toEqual({ top, entries: [], next: null });
        expect(await log.entry('tasks:a', 'k')).toBeUndefined();
      });

      it('[MAP1] pages go by key in the order of UTF-16 units', async () => {
        // By code points or UTF-8 the heart (U+1F49A, units d83d dc9a) would come behind U+FFFD.
        const keys = ['', '\u0000', 'A', 'B', 'a', 'a\u0000', 'ab', 'é', '\ud800', '💚', '\ue000', '\ufffd'];
        for (const key of keys.toReversed()) await taken(log, map(key));
        for (const limit of [1, 2, 5, 100]) expect(await keysOf(limit), `pages of ${limit}`).toEqual(keys);
        for (const key of keys) expect(await log.entry('tasks:a', key)).toMatchObject({ key });
      });

      it('[MAP1] a page goes on behind a key, also one that is not there', async () => {
        for (const key of ['b', 'd', 'f']) await taken(log, map(key));
        const behind = async (after: string) =>
          (await log.entries('tasks:a', after, 10)).entries.map(({ key }) => key);
        expect(await behind('a')).toEqual(['b', 'd', 'f']);
        expect(await behind('b')).toEqual(['d', 'f']);
        expect(await behind('c')).toEqual(['d', 'f']);
        expect(await behind('f')).toEqual([]);
      });

      it('pages follow keys that come and go', async () => {
        for (const key of ['c', 'a', 'e']) await taken(log, map(key));
        expect(await keysOf()).toEqual(['a', 'c', 'e']);
        await taken(log, map('c', { data: null }));
        await taken(log, map('b'));
        await taken(log, map('a', { data: null }));
        expect(await keysOf()).toEqual(['b', 'e']);
        for (const key of ['c', 'a', 'd']) await taken(log, map(key));
        await taken(log, map('a', { data: null }));
        await taken(log, map('a'));
        expect(await keysOf(2)).toEqual(['a', 'b', 'c', 'd', 'e']);
      });

      it('a deletion is a publication, also of a key that is not there', async () => {
        await taken(log, map('a'));
        expect((await taken(log, map('a', { data: null }))).publication).toEqual({
          offset: 2,
          atMs: T0,
          by: 'alice',
          data: null,
          key: 'a',
          version: null,
          ref: null,
        });
        expect((await taken(log, map('never', { data: null }))).publication.offset).toBe(3);
        expect(await log.entry('tasks:a', 'a')).toBeUndefined();
        expect(await keysOf()).toEqual([]);
      });

      it('keys are limited: one more is refused, those there are can be set and deleted', async () => {
        const retention = { ...PLENTY, keys: 2 };
        await taken(log, map('a', { retention }));
        await taken(log, map('b', { retention }));
        expect(await log.append(appendOf(map('c', { retention })))).toEqual({
          ok: false,
          code: 'limit_reached',
          detail: expect.stringContaining('2 keys') as string,
        });
        await taken(log, map('a', { retention, data: '2' }));
        await taken(log, map('b', { retention, data: null }));
        await taken(log, map('c', { retention }));
        expect(await keysOf()).toEqual(['a', 'c']);
      });

      it('the value of a key outlives its publication in the history', async () => {
        const retention = { ...PLENTY, count: 2 };
        await taken(log, map('a', { retention }));
        for (let i = 0; i < 5; i++) await taken(log, map('b', { retention, nowMs: T0 + 10 * PLENTY.ageMs }));
        expect(await log.entry('tasks:a', 'a')).toMatchObject({ offset: 1, data: '"hello"' });
      });
    });

    describe('versions', () => {
      it('[MAP3] a publication is dropped where the key has its version or a higher one', async () => {
        const { epoch } = await taken(log, map('a', { version: 5, data: '5' }));
        for (const version of [5, 4, 0, -1])
          expect(await log.append(appendOf(map('a', { version })))).toEqual({
            ok: true,
            outdated: { epoch, offset: 1 },
          });
        await taken(log, map('a', { version: 6, data: '6' }));
        await taken(log, map('b', { version: 1 }));
        expect(await log.append(appendOf(map('a', { version: 6, data: null })))).toMatchObject({
          outdated: { offset: 3 },
        });
        expect(await log.entry('tasks:a', 'a')).toMatchObject({ data: '6', version: 6 });
      });

      it('[MAP3] a late one behind a deletion that carried a version is dropped, one without a version is not', async () => {
        await taken(log, map('a', { version: 5 }));
        await taken(log, map('a', { version: 6, data: null }));
        expect(await log.append(appendOf(map('a', { version: 6 })))).toMatchObject({
          outdated: { offset: 2 },
        });
        expect(await log.entry('tasks:a', 'a')).toBeUndefined();
        await taken(log, map('a', { version: 7 }));
        await taken(log, map('a', { version: 8, data: null }));
        await taken(log, map('a', { data: '1' }));
        // The last publication carried none: nothing is compared.
        await taken(log, map('a', { version: 1 }));
        expect(await log.entry('tasks:a', 'a')).toMatchObject({ version: 1 });
      });

      it('[MAP3] for as long as the history is kept', async () => {
        const retention = { ...PLENTY, ageMs: 1_000 };
        await taken(log, map('a', { version: 5, data: null, retention }));
        const late = (nowMs: number) => log.append(appendOf(map('a', { version: 3, retention, nowMs })));
        expect(await late(T0 + 999)).toMatchObject({ outdated: {} });
        expect(await late(T0 + 1_000)).toMatchObject({ publication: { offset: 2 } });
      });

      it('[MAP3] as many deletions are remembered as there may be keys, and all that the history holds', async () => {
        const retention = { ...PLENTY, keys: 2, count: 4 };
        for (let i = 1; i <= 6; i++) await taken(log, map(`k${i}`, { version: 5, data: null, retention }));
        const late = async (key: string) => {
          const result = await log.append(appendOf(map(key, { version: 3, retention })));
          return 'outdated' in result;
        };
        for (const key of ['k3', 'k4', 'k5', 'k6']) expect(await late(key), key).toBe(true);
        expect(await late('k1')).toBe(false);
        // The deletions of k3 and k4 leave the history; as many are left as there may be keys.
        for (let i = 0; i < 10; i++) await taken(log, map('k1', { retention }));
        for (const key of ['k5', 'k6']) expect(await late(key), key).toBe(true);
        await taken(log, map('k7', { version: 5, data: null, retention }));
        for (const key of ['k6', 'k7']) expect(await late(key), key).toBe(true);
        expect(await late('k5')).toBe(false);
      });
    });

    describe('expiry', () => {
      it('[MAP4] a key that ran out is deleted by a publication of the server, once', async () => {
        const { epoch } = await taken(log, map('a', { ttlMs: 1_000, version: 4 }));
        await taken(log, map('b'));
        nextIs(T0 + 1_000);
        expect(await log.expire(T0 + 999, 10)).toEqual([]);
        expect(await log.entry('tasks:a', 'a')).toMatchObject({ offset: 1 });
        const deletion = {
          offset: 3,
          atMs: T0 + 1_000,
          by: null,
          data: null,
          key: 'a',
          version: 4,
          ref: null,
        };
        expect(await log.expire(T0 + 1_000, 10)).toEqual([
          { channel: 'tasks:a', epoch, publication: deletion },
        ]);
        expect(await log.expire(T0 + 1_000, 10)).toEqual([]);
        nextIs(null);
        expect(await keysOf()).toEqual(['b']);
        expect(await log.read('tasks:a', { epoch, offset: 2 }, PLENTY, T0 + 1_000)).toEqual({
          ok: true,
          top: { epoch, offset: 3 },
          publications: [deletion],
        });
        // Late behind the deletion, which carried the key's version.
        expect(await log.append(appendOf(map('a', { version: 3 })))).toMatchObject({ outdated: {} });
      });

      it('asked by two at once, each key is told to one of them', async () => {
        for (let i = 0; i < 20; i++) await taken(log, map(`k${i}`, { ttlMs: 10 + i }));
        const both = await Promise.all([log.expire(T0 + 1_000, 12), log.expire(T0 + 1_000, 100)]);
        expect(both.map(({ length }) => length)).toEqual([12, 8]);
        expect(both.flat().map(({ publication }) => publication.key)).toEqual(
          Array.from({ length: 20 }, (_, i) => `k${i}`),
        );
      });

      it('goes by the latest publication of the key', async () => {
        await taken(log, map('longer', { ttlMs: 10 }));
        await taken(log, map('longer', { ttlMs: 1_000 }));
        await taken(log, map('shorter', { ttlMs: 1_000 }));
        await taken(log, map('shorter', { ttlMs: 20 }));
        await taken(log, map('never', { ttlMs: 10 }));
        await taken(log, map('never'));
        await taken(log, map('deleted', { ttlMs: 10 }));
        await taken(log, map('deleted', { data: null, ttlMs: 10 }));
        const keysOut = async (nowMs: number) =>
          (await log.expire(nowMs, 10)).map(({ publication }) => publication.key);
        expect(await keysOut(T0 + 19)).toEqual([]);
        nextIs(T0 + 20);
        expect(await keysOut(T0 + 999)).toEqual(['shorter']);
        expect(await keysOut(T0 + 1_000)).toEqual(['longer']);
        nextIs(null);
        expect(await keysOf()).toEqual(['never']);
      });

      it('a key that was set again before anybody noticed goes on', async () => {
        await taken(log, map('a', { ttlMs: 10 }));
        await taken(log, map('a', { ttlMs: 10, nowMs: T0 + 100 }));
        expect(await log.expire(T0 + 105, 10)).toEqual([]);
        expect(await log.expire(T0 + 110, 10)).toMatchObject([{ publication: { offset: 3, key: 'a' } }]);
      });

      it('comes in the order of the times, over all channels, no more than asked for', async () => {
        for (let i = 0; i < 30; i++)
          await taken(log, { channel: `tasks:${i % 4}`, key: `k${i}`, ttlMs: 1_000 - i });
        const first = await log.expire(T0 + 1_000, 7);
        expect(first.map(({ publication }) => publication.key)).toEqual(
          Array.from({ length: 7 }, (_, i) => `k${29 - i}`),
        );
        nextIs(T0 + 1_000 - 22);
        expect(await log.expire(T0 + 1_000, 100)).toHaveLength(23);
        expect(log.counts()?.keys ?? 0).toBe(0);
      });

      it('ends with the channel', async () => {
        await taken(log, map('a', { ttlMs: 10 }));
        await log.forget('tasks:a');
        nextIs(null);
        expect(await log.expire(T0 + 1_000, 10)).toEqual([]);
        await taken(log, map('a'));
        expect(await log.expire(T0 + 1_000, 10)).toEqual([]);
      });
    });
  });
}
