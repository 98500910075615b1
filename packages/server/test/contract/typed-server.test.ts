import { call, defineContract, map, signal, stream } from '@carillon/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type AppUnderTest, startApp } from './app-under-test.ts';

const text = z.object({ text: z.string().max(10), lang: z.string().default('en') });
const contract = defineContract({
  presence: { mood: 16 },
  channels: {
    'chat:{room}': stream({ data: text, members: true, durability: 'memory' }),
    'tasks:{user}': map({ data: z.object({ done: z.boolean() }), durability: 'memory' }),
    'cursor:{doc}': signal({ data: z.number(), flushMs: 10 }),
  },
  calls: {
    double: call({ input: z.number(), output: z.number(), errors: { odd: z.object({ by: z.number() }) } }),
    nothing: call({ input: z.undefined(), output: z.undefined() }),
    lie: call({ input: z.string(), output: z.number() }),
  },
  clientCalls: { confirm: call({ input: z.string(), output: z.boolean(), errors: { away: z.number() } }) },
  broadcasts: { news: z.object({ head: z.string(), n: z.number().default(1) }) },
});
type C = typeof contract;

/** `a%7Cb`: what has to be encoded in a name, and is decoded again for a rule. */
const ROOM = 'a|b';
const CHAT = 'chat:a%7Cb';

describe('a server in the words of its contract', () => {
  let app: AppUnderTest<C>;
  const asked: unknown[] = [];
  beforeAll(async () => {
    app = await startApp(contract, {
      authorize: {
        'chat:{room}': ({ user, action, channel, pattern, params }) => {
          asked.push({ user, action, channel, pattern, params });
          return params.room === ROOM && user !== 'mallory';
        },
        'cursor:{doc}': () => ({ allow: true, ttlMs: 60_000 }),
      },
      calls: {
        double: (input, { user, fail }) => {
          if (input % 2 === 1) fail('odd', { by: 1 }, `odd, ${user}`);
          return input * 2;
        },
        nothing: () => undefined,
        lie: (input) => input as unknown as number,
      },
    });
  });
  afterAll(() => app.close());

  it('rules open what they are for, with the parameters decoded, and nothing else', async () => {
    asked.length = 0;
    const alice = await app.logIn('alice');
    const mallory = await app.logIn('mallory');
    expect(await alice.ask({ t: 'sub', c: CHAT })).toMatchObject({ t: 'ok', o: 0 });
    expect(await mallory.ask({ t: 'sub', c: CHAT })).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(await mallory.ask({ t: 'sub', c: 'tasks:alice' })).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(await alice.ask({ t: 'sub', c: 'tasks:alice' })).toMatchObject({ t: 'ok', es: [] });
    expect(await alice.ask({ t: 'sub', c: 'chat:other' })).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(asked[0]).toEqual({
      user: 'alice',
      action: 'subscribe',
      channel: CHAT,
      pattern: 'chat:{room}',
      params: { room: ROOM },
    });
  });

  it('publishes what the schema makes of a payload, and gives it back from the history', async () => {
    const bob = await app.logIn('bob');
    await bob.ask({ t: 'sub', c: CHAT });
    const published = await app.server.publish('chat:{room}', { room: ROOM }, { text: 'hi' }, { id: 'once' });
    expect(published).toMatchObject({ ok: true, value: { offset: 1, duplicate: false } });
    expect(await bob.next('p')).toMatchObject({ c: CHAT, o: 1, d: { text: 'hi', lang: 'en' } });
    const again = await app.server.publish('chat:{room}', { room: ROOM }, { text: 'hi' }, { id: 'once' });
    expect(again).toMatchObject({ ok: true, value: { offset: 1, duplicate: true } });
    expect(await bob.ask({ t: 'pub', c: CHAT, d: { text: 'ho', lang: 'fr' } })).toMatchObject({
      t: 'ok',
      o: 2,
    });
    expect(await app.server.history('chat:{room}', { room: ROOM }, { reverse: true })).toMatchObject({
      ok: true,
      value: {
        top: { offset: 2 },
        publications: [
          { offset: 2, by: 'bob', data: { text: 'ho', lang: 'fr' }, key: null },
          { offset: 1, by: null, data: { text: 'hi', lang: 'en' }, key: null },
        ],
        more: false,
      },
    });
    const info = await app.server.channelInfo('chat:{room}', { room: ROOM });
    expect(info).toMatchObject({
      ok: true,
      value: { channel: CHAT, pattern: 'chat:{room}', position: { offset: 2 } },
    });
    const members = await app.server.members('chat:{room}', { room: ROOM });
    expect(members.ok && members.value.users).toContain('bob');
  });

  it('[PUB8] names what a publication answers, and gives it back', async () => {
    const params = { room: ROOM };
    const text = { text: 'yes' };
    expect(await app.server.publish('chat:{room}', params, text, { ref: 'm-1' })).toMatchObject({ ok: true });
    expect(await app.server.publish('chat:{room}', params, text, { ref: 'm\n' })).toMatchObject({
      ok: false,
      code: 'bad_message',
    });
    expect(await app.server.history('chat:{room}', params, { reverse: true, limit: 1 })).toMatchObject({
      value: { publications: [{ data: { text: 'yes' }, ref: 'm-1' }] },
    });
  });

  it('[CHN5] a payload that does not fit is refused with its path, from either side', async () => {
    const bob = await app.logIn('bob');
    const tooLong = { text: 'longer than ten' };
    expect(await bob.ask({ t: 'pub', c: CHAT, d: tooLong })).toMatchObject({
      t: 'err',
      code: 'payload_invalid',
      path: '/text',
    });
    expect(await app.server.publish('chat:{room}', { room: ROOM }, tooLong)).toMatchObject({
      ok: false,
      code: 'payload_invalid',
      particulars: { path: '/text' },
    });
  });

  it('[CHN1] a parameter that no channel can have is refused, not sent anywhere', async () => {
    for (const room of ['', 'a\nb', 'x'.repeat(300)])
      expect(await app.server.publish('chat:{room}', { room }, { text: 'hi' })).toMatchObject({
        ok: false,
        code: 'channel_invalid',
      });
    expect(await app.server.history('chat:{room}', { room: '' })).toMatchObject({ code: 'channel_invalid' });
  });

  it('sets and deletes the keys of a map', async () => {
    const alice = await app.logIn('alice');
    await alice.ask({ t: 'sub', c: 'tasks:alice' });
    const params = { user: 'alice' };
    await app.server.publish('tasks:{user}', params, { done: false }, { key: 'b', version: 5 });
    await app.server.publish('tasks:{user}', params, { done: true }, { key: 'a' });
    expect(await alice.next('p')).toMatchObject({ k: 'b', d: { done: false }, ver: 5 });
    expect(
      await app.server.publish('tasks:{user}', params, { done: true }, { key: 'b', version: 4 }),
    ).toMatchObject({
      ok: true,
      value: { outdated: true },
    });
    expect(await app.server.entries('tasks:{user}', params, { limit: 1 })).toMatchObject({
      ok: true,
      value: { entries: [{ key: 'a', data: { done: true } }], next: 'a' },
    });
    expect(await app.server.entries('tasks:{user}', params, { after: 'a' })).toMatchObject({
      ok: true,
      value: { entries: [{ key: 'b', data: { done: false }, version: 5 }], next: null },
    });
    expect(await app.server.deleteKey('tasks:{user}', params, 'b', { version: 6 })).toMatchObject({
      ok: true,
    });
    expect(await app.server.entries('tasks:{user}', params)).toMatchObject({
      value: { entries: [{ key: 'a' }] },
    });
    expect(await app.server.history('tasks:{user}', params, { reverse: true, limit: 1 })).toMatchObject({
      value: { publications: [{ key: 'b', data: null, version: 6 }], more: true },
    });
  });

  it('serves calls with their types: output, declared errors, and nothing that is neither', async () => {
    const alice = await app.logIn('alice');
    expect(await alice.ask({ t: 'call', n: 'double', d: 4 })).toMatchObject({ t: 'ok', d: 8 });
    expect(await alice.ask({ t: 'call', n: 'double', d: 3 })).toMatchObject({
      t: 'err',
      code: 'call_failed',
      n: 'odd',
      d: { by: 1 },
      m: 'odd, alice',
    });
    expect(await alice.ask({ t: 'call', n: 'double', d: 'x' })).toMatchObject({
      code: 'payload_invalid',
      path: '',
    });
    expect(await alice.ask({ t: 'call', n: 'nothing' })).toEqual({ t: 'ok', i: expect.any(Number) });
    expect(await alice.ask({ t: 'call', n: 'lie', d: 'x' })).toMatchObject({ code: 'internal' });
    expect(await alice.ask({ t: 'call', n: 'confirm', d: 'x' })).toMatchObject({ code: 'call_unknown' });
  });

  it('calls clients, and takes only answers that the contract knows', async () => {
    const carol = await app.logIn('carol');
    const target = { user: 'carol' };
    const answers: [Record<string, unknown>, Record<string, unknown>][] = [
      [{ d: true }, { ok: true, output: true }],
      [
        { code: 'away', d: 5 },
        { ok: false, code: 'call_failed', error: { code: 'away', data: 5 } },
      ],
      [{ d: 'yes' }, { ok: false, code: 'payload_invalid' }],
      [
        { code: 'elsewhere', d: 5 },
        { ok: false, code: 'payload_invalid' },
      ],
    ];
    for (const [reply, answer] of answers) {
      const asking = app.server.ask(target, 'confirm', 'sure?');
      const { i, n, d } = await carol.next('call');
      expect([n, d]).toEqual(['confirm', 'sure?']);
      carol.send({ t: 're', r: i, ...reply });
      expect(await asking).toEqual({ ok: true, value: [{ session: expect.any(String), ...answer }] });
    }
    expect(await app.server.ask(target, 'confirm', 5 as never)).toMatchObject({ code: 'payload_invalid' });
    expect(await app.server.ask({ user: 'nobody' }, 'confirm', 'sure?')).toMatchObject({
      code: 'session_unknown',
    });
  });

  it('broadcasts, signals, invites and lets go', async () => {
    const dave = await app.logIn('dave');
    await dave.ask({ t: 'sub', c: 'cursor:d' });
    expect(await app.server.broadcast('news', { head: 'up' })).toMatchObject({ ok: true });
    expect(await dave.next('msg')).toEqual({ t: 'msg', n: 'news', d: { head: 'up', n: 1 } });
    expect(await app.server.broadcast('news', {} as never)).toMatchObject({ code: 'payload_invalid' });
    await app.server.publish('cursor:{doc}', { doc: 'd' }, 7);
    expect(await dave.next('sig')).toMatchObject({ c: 'cursor:d', ss: [{ d: 7 }] });
    await app.server.subscribeUser('dave', 'chat:{room}', { room: 'private' }, 60_000);
    const { c, g } = await dave.next('sub');
    expect(await dave.ask({ t: 'sub', c, g })).toMatchObject({ t: 'ok' });
    expect(c).toBe('chat:private');
    const signed = await app.server.grant('dave', 'chat:{room}', { room: 'vault' }, 60_000);
    expect(
      await dave.ask({ t: 'sub', c: 'chat:vault', g: signed.ok ? signed.value.grant : '' }),
    ).toMatchObject({
      t: 'ok',
    });
    await app.server.unsubscribeUser('dave', 'chat:{room}', { room: 'private' });
    expect(await dave.next('unsub')).toMatchObject({ c: 'chat:private' });
    const sessions = await app.server.sessionsOf('dave');
    expect(sessions.ok && sessions.value[0]?.channels).toEqual(
      expect.arrayContaining(['cursor:d', 'chat:vault']),
    );
    expect(await app.server.disconnect('dave')).toMatchObject({ ok: true, value: { disconnected: 1 } });
    expect(await dave.next('bye')).toMatchObject({ code: 'disconnected' });
  });

  it('has the presence fields of the contract', async () => {
    const alice = await app.logIn('alice');
    expect(await alice.ask({ t: 'statusUpdate', mood: 'x'.repeat(16) })).toMatchObject({ t: 'ok' });
    expect(await alice.ask({ t: 'statusUpdate', mood: 'x'.repeat(17) })).toMatchObject({
      code: 'bad_message',
    });
  });
});
