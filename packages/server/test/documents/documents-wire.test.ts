import { defineContract, document, stream } from '@carillon/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import * as z from 'zod';
import { type AppUnderTest, startApp } from '../contract/app-under-test.ts';
import { base64, bytesOf, createReader, textOf, typed, updateOf } from './yjs-client.ts';

const contract = defineContract({
  channels: {
    'doc:{id}': document({
      durability: 'memory',
      compactUpdates: 20,
      updateBytes: 100_000,
      documentBytes: 400_000,
    }),
    'kept:{id}': document({ durability: 'stored' }),
    'chat:{room}': stream({ data: z.string(), durability: 'memory' }),
  },
});
type C = typeof contract;

const ROLES = { alice: 'write', bob: 'write', rita: 'read', carl: 'comment' } as const;

let app: AppUnderTest<C>;
beforeAll(async () => {
  const role = ({ user }: { readonly user: string }) => ROLES[user as keyof typeof ROLES] ?? 'none';
  app = await startApp(contract, {
    authorize: { 'doc:{id}': role, 'kept:{id}': role, 'chat:{room}': () => true },
    limits: { messagesPerSecond: 10_000, messageBurst: 10_000 },
  });
});
afterAll(() => app.close());

describe.each(['doc', 'kept'])('a %s document', (kind) => {
  it('[DOC1] [DOC2] [DOC3] what one types the other has, and whoever comes later', async () => {
    const c = `${kind}:typed`;
    const alice = await app.logIn('alice');
    const bob = await app.logIn('bob');
    const doc = new Y.Doc();
    expect(await alice.ask({ t: 'sub', c, cl: [doc.clientID] })).toMatchObject({
      t: 'ok',
      o: 0,
      role: 'write',
      sv: 'AA==',
    });
    const reader = createReader(await bob.ask({ t: 'sub', c }));
    for (const [index, letter] of ['h', 'e', 'l', 'l', 'o'].entries()) {
      const update = updateOf(doc, () => typed(doc).insert(index, letter));
      expect(await alice.ask({ t: 'upd', c, d: base64(update) })).toMatchObject({ t: 'ok', o: index + 1 });
    }
    expect(reader.read(await bob.rest())).toBe('hello');
    const own = (await alice.rest()).find(({ t, o }) => t === 'p' && o === 5);
    expect(own).toMatchObject({ c, own: true });
    expect(own).not.toHaveProperty('d');

    const carol = await app.logIn('rita');
    const answer = await carol.ask({ t: 'sub', c });
    expect(answer).toMatchObject({ t: 'ok', o: 5, role: 'read', sv: base64(Y.encodeStateVector(doc)) });
    const late = createReader(answer);
    expect(late.read(await carol.rest())).toBe('hello');
  });

  it('[DOC2] beyond the tail a snapshot is made; a joiner gets it, one who has some of it what it lacks, one who was away a moment what came since', async () => {
    const c = `${kind}:snapshot`;
    const alice = await app.logIn('alice');
    const doc = new Y.Doc();
    await alice.ask({ t: 'sub', c, cl: [doc.clientID] });
    const middle = new Y.Doc();
    let at = { e: '', o: 0 };
    for (let n = 0; n < 60; n++) {
      const update = updateOf(doc, () => typed(doc).insert(typed(doc).length, `${n} ${'x'.repeat(2_000)}\n`));
      const ok = await alice.ask({ t: 'upd', c, d: base64(update) });
      expect(ok).toMatchObject({ t: 'ok', o: n + 1 });
      if (n === 29) {
        Y.applyUpdate(middle, Y.encodeStateAsUpdate(doc));
        at = { e: String(ok['e']), o: Number(ok['o']) };
      }
    }
    const rita = await app.logIn('rita');
    let first = await rita.ask({ t: 'sub', c });
    // The snapshot is made beside, in a thread of its own.
    while (kind === 'doc' && first['ds'] === undefined) {
      await rita.ask({ t: 'unsub', c });
      await rita.rest();
      first = await rita.ask({ t: 'sub', c });
    }
    const whole = createReader(first);
    expect(whole.read(await rita.rest())).toBe(textOf(doc));
    await rita.ask({ t: 'unsub', c });

    const second = await rita.ask({ t: 'sub', c, sv: base64(Y.encodeStateVector(middle)) });
    const rest = createReader(second, middle);
    const came = await rita.rest();
    expect(rest.read(came)).toBe(textOf(doc));
    const bytes = came.reduce((sum, { d }) => sum + (typeof d === 'string' ? d.length : 0), 0);
    if (kind === 'doc') expect(bytes).toBeLessThan((base64(Y.encodeStateAsUpdate(doc)).length * 2) / 3);
    await rita.ask({ t: 'unsub', c });

    expect(await rita.ask({ t: 'sub', c, ...at })).toMatchObject({ rec: true, o: 60 });
    const ps = (await rita.rest()).flatMap((message) =>
      message['t'] === 'ps' ? (message['ps'] as { o: number }[]) : [],
    );
    expect(ps.map(({ o }) => o)).toEqual(Array.from({ length: 30 }, (_, index) => 31 + index));
  });
});

describe('[DOC4] what is refused reaches nobody', () => {
  const c = 'doc:guarded';

  it('from whoever may not write, before it is decoded; from whoever never joined; and on what is no document', async () => {
    const rita = await app.logIn('rita');
    const carl = await app.logIn('carl');
    const mallory = await app.logIn('mallory');
    expect(await rita.ask({ t: 'upd', c, d: 'AAA=' })).toMatchObject({ t: 'err', code: 'not_subscribed' });
    expect(await rita.ask({ t: 'sub', c })).toMatchObject({ role: 'read' });
    expect(await carl.ask({ t: 'sub', c })).toMatchObject({ role: 'comment' });
    for (const one of [rita, carl])
      expect(await one.ask({ t: 'upd', c, d: 'no base64!' })).toMatchObject({ t: 'err', code: 'forbidden' });
    const refused = await mallory.ask({ t: 'sub', c });
    expect(refused).toMatchObject({ t: 'err', code: 'forbidden' });
    expect({ ...refused, i: 0 }).toEqual({ ...(await mallory.ask({ t: 'sub', c: 'doc:neverwas' })), i: 0 });
    await mallory.ask({ t: 'sub', c: 'chat:lobby' });
    expect(await mallory.ask({ t: 'upd', c: 'chat:lobby', d: 'AAA=' })).toMatchObject({
      code: 'kind_mismatch',
    });
    expect(await mallory.ask({ t: 'sub', c: 'chat:lobby', sv: 'AA==' })).toMatchObject({
      code: 'kind_mismatch',
    });
    const alice = await app.logIn('alice');
    expect(await alice.ask({ t: 'pub', c, d: 'AAA=' })).toMatchObject({ code: 'kind_mismatch' });
  });

  it('what Yjs could not apply, what leaves something out, what forges another, what is too large', async () => {
    const alice = await app.logIn('alice');
    const bob = await app.logIn('bob');
    const watcher = await app.logIn('rita');
    const doc = new Y.Doc();
    const forger = new Y.Doc();
    await alice.ask({ t: 'sub', c, cl: [doc.clientID] });
    await bob.ask({ t: 'sub', c, cl: [forger.clientID] });
    await watcher.ask({ t: 'sub', c });
    const first = updateOf(doc, () => typed(doc).insert(0, 'a'));
    const second = updateOf(doc, () => typed(doc).insert(1, 'b'));
    const third = updateOf(doc, () => typed(doc).insert(2, 'c'));
    expect(await alice.ask({ t: 'upd', c, d: base64(second) })).toMatchObject({ code: 'update_gap' });
    expect(await alice.ask({ t: 'upd', c, d: base64(first) })).toMatchObject({ t: 'ok', o: 1 });
    expect(await alice.ask({ t: 'upd', c, d: base64(second) })).toMatchObject({ t: 'ok', o: 2 });
    expect(await alice.ask({ t: 'upd', c, d: base64(first) })).toMatchObject({ t: 'ok', dup: true });
    expect(await bob.ask({ t: 'upd', c, d: base64(third) })).toMatchObject({ code: 'client_id_taken' });
    const rubbish = [
      '',
      'AAA',
      'AAAA===',
      'AA A',
      '////////',
      base64(bytesOf('AQEBAQEBAQ==')),
      base64(first.slice(0, -2)),
    ];
    for (const d of rubbish) {
      const answer = await bob.ask({ t: 'upd', c, d });
      expect(answer['t'], d).toBe('err');
      expect(['bad_message', 'update_invalid']).toContain(answer['code']);
    }
    // A count of structs that would take gigabytes to make room for.
    const bomb = new Uint8Array([1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0]);
    expect(await bob.ask({ t: 'upd', c, d: base64(bomb) })).toMatchObject({ code: 'update_invalid' });
    const large = updateOf(forger, () => typed(forger).insert(0, 'x'.repeat(100_001)));
    const parts = [large.slice(0, 40_000), large.slice(40_000, 80_000), large.slice(80_000)];
    for (const [index, part] of parts.slice(0, 2).entries())
      bob.send({ t: 'upd', c, d: base64(part), n: index + 1, of: 3 });
    expect(await bob.ask({ t: 'upd', c, d: base64(parts[2] as Uint8Array), n: 3, of: 3 })).toMatchObject({
      code: 'too_large',
    });
    const seen = await watcher.rest();
    expect(seen.filter(({ t }) => t === 'p').map(({ o }) => o)).toEqual([1, 2]);
  });

  it('[DOC3] parts are put together in their order, and a part out of order ends it', async () => {
    const alice = await app.logIn('alice');
    const doc = new Y.Doc();
    const channel = 'doc:parts';
    await alice.ask({ t: 'sub', c: channel, cl: [doc.clientID] });
    const update = updateOf(doc, () => typed(doc).insert(0, 'x'.repeat(90_000)));
    const parts = [update.slice(0, 40_000), update.slice(40_000, 80_000), update.slice(80_000)].map(base64);
    alice.send({ t: 'upd', c: channel, d: parts[0], n: 1, of: 3 });
    expect(await alice.ask({ t: 'upd', c: channel, d: parts[2], n: 3, of: 3 })).toMatchObject({
      code: 'bad_message',
    });
    expect(await alice.ask({ t: 'upd', c: channel, d: parts[1], n: 2, of: 3 })).toMatchObject({
      code: 'bad_message',
    });
    expect(await alice.ask({ t: 'upd', c: channel, d: parts[1], n: 2 })).toMatchObject({
      code: 'bad_message',
    });
    alice.send({ t: 'upd', c: channel, d: parts[0], n: 1, of: 3 });
    alice.send({ t: 'upd', c: channel, d: parts[1], n: 2, of: 3 });
    expect(await alice.ask({ t: 'upd', c: channel, d: parts[2], n: 3, of: 3 })).toMatchObject({
      t: 'ok',
      o: 1,
    });
  });

  it('a document has a size: an update that would make it larger is refused, and what is there stays readable', async () => {
    const alice = await app.logIn('alice');
    const doc = new Y.Doc();
    const channel = 'doc:full';
    await alice.ask({ t: 'sub', c: channel, cl: [doc.clientID] });
    let taken = 0;
    let answer: { readonly [field: string]: unknown } = {};
    for (let n = 0; n < 20; n++) {
      const update = updateOf(doc, () => typed(doc).insert(typed(doc).length, String(n % 10).repeat(40_000)));
      answer = await alice.ask({ t: 'upd', c: channel, d: base64(update) });
      if (answer['t'] !== 'ok') break;
      taken++;
    }
    expect(answer).toMatchObject({ code: 'too_large' });
    expect(taken).toBe(9);
    const rita = await app.logIn('rita');
    const reader = createReader(await rita.ask({ t: 'sub', c: channel }));
    expect(reader.read(await rita.rest()).length).toBe(9 * 40_000);
  });

  it('[DOC1] a vector that is none, and more client ids than may be', async () => {
    const alice = await app.logIn('alice');
    for (const sv of ['', '!!!!', '//////////8='])
      expect(await alice.ask({ t: 'sub', c, sv }), sv).toMatchObject({ code: 'bad_message' });
    const ids = Array.from({ length: 17 }, (_, index) => index);
    expect(await alice.ask({ t: 'sub', c, cl: ids })).toMatchObject({ code: 'bad_message' });
    expect(await alice.ask({ t: 'sub', c, cl: ids.slice(1) })).toMatchObject({ t: 'ok' });
  });
});

describe('[DOC4] a copy that repeats what is there', () => {
  it('full: what is new of it is taken, once, and nothing where nothing is', async () => {
    const c = 'doc:copies';
    const alice = await app.logIn('alice');
    const doc = new Y.Doc();
    await alice.ask({ t: 'sub', c, cl: [doc.clientID] });
    const typedUpdate = updateOf(doc, () => typed(doc).insert(0, 'abcdef'));
    const deleted = updateOf(doc, () => typed(doc).delete(1, 2));
    expect(await alice.ask({ t: 'upd', c, d: base64(typedUpdate) })).toMatchObject({ o: 1 });
    expect(await alice.ask({ t: 'upd', c, d: base64(deleted) })).toMatchObject({ o: 2 });
    const copy = base64(Y.encodeStateAsUpdate(doc));
    expect(await alice.ask({ t: 'upd', c, d: copy, full: true })).toMatchObject({ t: 'ok', dup: true });
    updateOf(doc, () => typed(doc).delete(0, 1));
    expect(await alice.ask({ t: 'upd', c, d: base64(Y.encodeStateAsUpdate(doc)), full: true })).toMatchObject(
      { t: 'ok', o: 3 },
    );
    expect(await alice.ask({ t: 'upd', c, d: base64(Y.encodeStateAsUpdate(doc)), full: true })).toMatchObject(
      { dup: true },
    );
    const rita = await app.logIn('rita');
    const reader = createReader(await rita.ask({ t: 'sub', c }));
    expect(reader.read(await rita.rest())).toBe('def');
  });
});
