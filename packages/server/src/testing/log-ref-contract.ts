import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../ports/log.ts';
import { type LogSubject, type OpenLog, PLENTY, T0, taken } from './log-subject.ts';

const WHOLE = { offset: null, reverse: false, limit: 100, sinceMs: null };

/** As long as it may be, with what a header of JSON or a line could trip over. */
const ODD = `",\\n\\,"key":"k","version":9 é💚\u2028`.padEnd(128, 'm');

/** What a publication answers. Part of `logContract`. */
export function logRefContract(name: string, open: OpenLog): void {
  describe(`Log: ${name}, what publications answer`, () => {
    let subject: LogSubject;
    let log: Log;
    beforeEach(async () => {
      subject = await open();
      log = subject.log;
    });
    afterEach(() => subject.close());

    it.each(['m-1', ODD])('[PUB8] `ref` is kept with a publication of a stream: %j', async (ref) => {
      const { epoch, publication } = await taken(log, { ref });
      await taken(log);
      expect(publication.ref).toBe(ref);
      const found = [publication, expect.objectContaining({ offset: 2, ref: null })];
      expect(await log.read('chat:1', { epoch, offset: 0 }, PLENTY, T0)).toMatchObject({
        publications: found,
      });
      expect(await log.history('chat:1', WHOLE, PLENTY, T0)).toMatchObject({ publications: found });
    });

    it.each(['m-1', ODD])('[PUB8] with the entry of a map, and with a deletion: %j', async (ref) => {
      const map = { channel: 'tasks:a', version: 3 };
      const { epoch, publication } = await taken(log, { ...map, key: 'a', ref });
      await taken(log, { ...map, key: 'b', by: null, ref });
      expect(await log.entry('tasks:a', 'a')).toEqual(publication);
      expect(publication).toMatchObject({ key: 'a', version: 3, by: 'alice', ref });
      expect(await log.entries('tasks:a', null, 10)).toMatchObject({
        entries: [publication, { key: 'b', by: null, version: 3, ref }],
      });
      expect(await log.entries('tasks:a', 'a', 10)).toMatchObject({ entries: [{ key: 'b', ref }] });
      await taken(log, { ...map, key: 'a', version: 4, data: null, ref: 'gone' });
      const read = await log.read('tasks:a', { epoch, offset: 2 }, PLENTY, T0);
      expect(read).toMatchObject({ publications: [{ key: 'a', version: 4, data: null, ref: 'gone' }] });
    });

    it('[PUB8] what sets a key anew answers for itself: without `ref` the entry has none', async () => {
      await taken(log, { channel: 'tasks:a', key: 'a', ref: 'm-1' });
      await taken(log, { channel: 'tasks:a', key: 'a' });
      expect(await log.entry('tasks:a', 'a')).toMatchObject({ offset: 2, ref: null });
    });

    it.each(['m-1', ODD])('[PUB8] [MAP4] a key that ran out answers nothing: %j', async (ref) => {
      const { epoch } = await taken(log, { channel: 'tasks:a', key: 'a', version: 4, ttlMs: 1_000, ref });
      const deletion = { offset: 2, atMs: T0 + 1_000, by: null, data: null, key: 'a', version: 4, ref: null };
      const expired = await log.expire(T0 + 1_000, 10);
      expect(expired).toEqual([{ channel: 'tasks:a', epoch, publication: deletion }]);
      const read = await log.read('tasks:a', { epoch, offset: 1 }, PLENTY, T0 + 1_000);
      expect(read).toMatchObject({ publications: [deletion] });
    });

    it('[PUB8] `ref` outlives the log where its publication does', async () => {
      const { publication } = await taken(log, { channel: 'tasks:a', key: 'a', ref: ODD });
      if (subject.reopen === null) return expect(subject.reopen).toBeNull();
      log = await subject.reopen();
      expect(await log.entry('tasks:a', 'a')).toEqual(publication);
      const top = await log.top('tasks:a');
      expect(await log.read('tasks:a', { ...top, offset: 0 }, PLENTY, T0)).toMatchObject({
        publications: [publication],
      });
    });
  });
}
