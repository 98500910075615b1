import { defineContract, document, signal, stream } from '@carillon/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import * as z from 'zod';
import { type AppUnderTest, startApp } from '../contract/app-under-test.ts';
import { base64, typed, updateOf } from './yjs-client.ts';

const contract = defineContract({
  channels: {
    'doc:{id}': document({
      durability: 'memory',
      awarenessUnits: 100,
      awarenessRate: { perSecond: 5, burst: 20 },
    }),
    'notes:{id}': stream({ data: z.string(), durability: 'memory', beside: 'doc:{id}' }),
    'marks:{id}': signal({ data: z.number(), beside: 'doc:{id}' }),
  },
});
type C = typeof contract;

const roles: Record<string, 'none' | 'read' | 'comment' | 'write'> = {};
const asked: string[] = [];

let app: AppUnderTest<C>;
beforeAll(async () => {
  app = await startApp(contract, {
    authorize: {
      'doc:{id}': ({ user, params }) => {
        asked.push(`${user} ${params.id}`);
        return roles[user] ?? 'none';
      },
    },
  });
});
afterAll(() => app.close());

type Line = Awaited<ReturnType<AppUnderTest<C>['logIn']>>;

/** As they stand in a frame, without the clocks, which are the server's. */
async function people(line: Line): Promise<unknown[]> {
  const { ss, ...rest } = await line.next('aw');
  return [rest, ...(ss as { n: number }[]).map(({ n, ...item }) => (n > 0 ? item : 'no clock'))];
}

describe('people in a document, on the wire', () => {
  it('[DOC6] everybody is told of everybody, and of who goes', async () => {
    Object.assign(roles, { ann: 'read', bob: 'write' });
    const [ann, bob] = [await app.logIn('ann'), await app.logIn('bob')];
    await ann.ask({ t: 'sub', c: 'doc:1', cl: [11] });
    expect(await people(ann)).toEqual([{ t: 'aw', c: 'doc:1', all: true }]);
    expect(await ann.ask({ t: 'aw', c: 'doc:1', cl: 11, n: 1, d: { cursor: 3 } })).toMatchObject({ t: 'ok' });
    expect(await people(ann)).toEqual([
      { t: 'aw', c: 'doc:1' },
      { cl: 11, by: 'ann', d: { cursor: 3 } },
    ]);
    await bob.ask({ t: 'sub', c: 'doc:1', cl: [12] });
    expect(await people(bob)).toEqual([
      { t: 'aw', c: 'doc:1', all: true },
      { cl: 11, by: 'ann', d: { cursor: 3 } },
    ]);
    ann.send({ t: 'unsub', c: 'doc:1' });
    expect(await people(bob)).toEqual([{ t: 'aw', c: 'doc:1' }, { cl: 11 }]);
    const answer = await bob.ask({ t: 'aw', c: 'doc:1', cl: 12, n: 1 });
    expect(answer).toMatchObject({ t: 'ok' });
    expect((await bob.rest()).filter(({ t }) => t === 'aw')).toEqual([]);
  });

  it.each([
    ['a state that is too large', { cl: 21, n: 1, d: { x: 'x'.repeat(1_000_000 / 20) } }, 'too_large'],
    ['a state beyond its size by one', { cl: 21, n: 1, d: { x: 'x'.repeat(93) } }, 'too_large'],
    ['a state that is no object', { cl: 21, n: 1, d: 'here' }, 'bad_message'],
    ["another's client id", { cl: 22, n: 1, d: {} }, 'client_id_taken'],
    ['a client id that is none', { cl: -1, n: 1, d: {} }, 'bad_message'],
    ['no clock', { cl: 21, d: {} }, 'bad_message'],
    ['a clock that is none', { cl: 21, n: 1.5, d: {} }, 'bad_message'],
    ['another document', { c: 'doc:other', cl: 21, n: 1, d: {} }, 'not_subscribed'],
    ['no document', { c: 'notes:1', cl: 21, n: 1, d: {} }, 'not_subscribed'],
  ])('[DOC6] %s is refused, and shown to nobody', async (_name, message, code) => {
    Object.assign(roles, { ann: 'read', bob: 'write' });
    const [ann, bob] = [await app.logIn('ann'), await app.logIn('bob')];
    await ann.ask({ t: 'sub', c: 'doc:2', cl: [21] });
    await bob.ask({ t: 'sub', c: 'doc:2', cl: [22] });
    await bob.rest();
    expect(await ann.ask({ t: 'aw', c: 'doc:2', ...message })).toMatchObject({ t: 'err', code });
    expect((await bob.rest()).filter(({ t }) => t === 'aw')).toEqual([]);
    for (const line of [ann, bob]) await line.ask({ t: 'unsub', c: 'doc:2' });
  });

  it('[DOC5] whoever has no role is answered as if there were no document, and nothing beside it', async () => {
    const eve = await app.logIn('eve');
    const [there, nowhere] = [
      await eve.ask({ t: 'sub', c: 'doc:1' }),
      await eve.ask({ t: 'sub', c: 'doc:nowhere' }),
    ];
    expect(there).toMatchObject({ t: 'err', code: 'forbidden' });
    expect({ ...there, i: 0 }).toEqual({ ...nowhere, i: 0 });
    for (const c of ['notes:1', 'marks:1']) {
      expect(await eve.ask({ t: 'sub', c })).toMatchObject({ t: 'err', code: 'forbidden' });
      expect(await eve.ask({ t: 'pub', c, d: c === 'notes:1' ? 'x' : 1 })).toMatchObject({
        code: 'forbidden',
      });
    }
    expect(await eve.ask({ t: 'aw', c: 'doc:1', cl: 1, n: 1, d: {} })).toMatchObject({
      code: 'not_subscribed',
    });
  });

  it('[DOC5] a role is told as it changes, and counts for updates and for what lies beside', async () => {
    roles['carl'] = 'write';
    const carl = await app.logIn('carl');
    const doc = new Y.Doc();
    asked.length = 0;
    expect(await carl.ask({ t: 'sub', c: 'doc:3', cl: [doc.clientID] })).toMatchObject({
      t: 'ok',
      role: 'write',
    });
    for (const c of ['notes:3', 'marks:3'])
      expect(await carl.ask({ t: 'sub', c })).toMatchObject({ t: 'ok' });
    expect(asked).toEqual(['carl 3']);
    const update = (): Promise<Readonly<Record<string, unknown>>> =>
      carl.ask({ t: 'upd', c: 'doc:3', d: base64(updateOf(doc, () => typed(doc).insert(0, 'x'))) });
    expect(await update()).toMatchObject({ t: 'ok' });

    roles['carl'] = 'comment';
    expect(await app.server.recheckRole('carl', 'doc:{id}', { id: '3' })).toEqual({
      ok: true,
      value: undefined,
    });
    expect(await carl.next('role')).toMatchObject({ t: 'role', c: 'doc:3', role: 'comment' });
    expect(await update()).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(await carl.ask({ t: 'pub', c: 'notes:3', d: 'a note' })).toMatchObject({ t: 'ok' });

    roles['carl'] = 'none';
    expect(await app.server.recheckRole(null, 'doc:{id}', { id: '3' })).toMatchObject({ ok: true });
    const ended = [await carl.next('unsub'), await carl.next('unsub'), await carl.next('unsub')];
    expect(new Set(ended.map(({ c }) => c))).toEqual(new Set(['doc:3', 'notes:3', 'marks:3']));
    for (const { code } of ended) expect(code).toBe('forbidden');
    expect(await update()).toMatchObject({ t: 'err', code: 'not_subscribed' });
    expect(await carl.ask({ t: 'hist', c: 'notes:3' })).toMatchObject({ t: 'err', code: 'forbidden' });
  });
});
