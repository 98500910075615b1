import { call, defineContract, map, stream } from '@carillon/contract';
import { createTestServer, type TestServer } from '@carillon/server/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { BareClient } from '../../src/testing/kit/bare-client.ts';

const text = z.string().max(200);
const contract = defineContract({
  presence: { mood: 16 },
  channels: {
    'chat:{room}': stream({ data: text }),
    'talk:{room}': stream({ data: text, durability: 'memory' }),
    'held:{room}': stream({ data: text, slow: 'close', heldUnits: 1_024 }),
    'tasks:{user}': map({ data: z.boolean() }),
  },
  calls: { hang: call({ input: z.number(), output: z.number(), timeoutMs: 7_000 }) },
});

let server: TestServer<typeof contract>;
beforeEach(async () => {
  server = await createTestServer(contract, {
    authorize: { 'talk:{room}': () => true, 'held:{room}': () => true },
    calls: { hang: () => new Promise<number>(() => undefined) },
    follows: [['alice', 'bob']],
    limits: { messageBytes: 2_048 },
  });
});
afterEach(() => server.close());

async function logIn(username: string, more: object = {}): Promise<BareClient> {
  const client = server.connect();
  client.send({ t: 'login', username, token: username, ...more });
  await server.clock.settle();
  return client;
}

async function sub(client: BareClient, c: string, more: object = {}): Promise<unknown> {
  client.send({ t: 'sub', i: 1, c, ...more });
  await server.clock.settle();
  return client.last('ok') ?? client.last('err');
}

describe('a server in process', () => {
  it('speaks the protocol, and forgets who left when their time is over', async () => {
    const alice = await logIn('alice');
    const bob = await logIn('bob');
    await server.clock.advance(100);
    expect(alice.last('o')).toMatchObject({ t: 'o', id: 'bob' });
    expect(server.counts()).toMatchObject({ connections: 2, attached: 2 });
    bob.line.cut();
    await server.clock.advance(59_999);
    expect(alice.last('x')).toBeUndefined();
    await server.clock.advance(2);
    expect(alice.last('x')).toMatchObject({ t: 'x', id: 'bob' });
    expect(server.counts()).toMatchObject({ connections: 1, attached: 1, detached: 0 });
  });

  it('believes no token of somebody else, and takes an authenticate hook of the app', async () => {
    const eve = server.connect();
    eve.send({ t: 'login', username: 'alice', token: 'eve' });
    await server.clock.settle();
    expect(eve.last('err')).toMatchObject({ code: 'token_invalid' });
    const strict = await createTestServer(defineContract({}), {
      authenticate: ({ token }) => (token === 'key' ? { user: 'alice' } : null),
    });
    const alice = strict.connect();
    alice.send({ t: 'login', username: 'alice', token: 'key' });
    await strict.clock.settle();
    expect(alice.last('token')).toMatchObject({ t: 'token' });
  });

  it('opens nothing without a rule, but their own channels to owners and what a grant opens', async () => {
    const bob = await logIn('bob');
    expect(await sub(bob, 'chat:x')).toMatchObject({ code: 'forbidden' });
    expect(await sub(bob, 'tasks:alice')).toMatchObject({ code: 'forbidden' });
    expect(await sub(bob, 'tasks:bob')).toMatchObject({ t: 'ok' });
    const granted = await server.grant('bob', 'chat:{room}', { room: 'x' }, 5_000);
    const g = granted.ok ? granted.value.grant : '';
    expect(await sub(bob, 'chat:x', { g })).toMatchObject({ t: 'ok' });
    await server.clock.advance(5_000);
    const late = await logIn('bob');
    expect(await sub(late, 'chat:x', { g })).toMatchObject({ t: 'err' });
  });

  it('a restart keeps what is stored, sessions and revocations, and loses the histories of `memory`', async () => {
    const bob = await logIn('bob');
    await server.publish('chat:{room}', { room: 'x' }, 'kept');
    await server.publish('talk:{room}', { room: 'x' }, 'lost');
    await server.revoke({ user: 'alice' });
    const before = await server.history('talk:{room}', { room: 'x' });
    await server.restart({ downMs: 3_600_000 });
    expect(bob.closeCode).toBe(1006);
    expect(await server.history('chat:{room}', { room: 'x' })).toMatchObject({
      value: { publications: [{ data: 'kept' }] },
    });
    const after = await server.history('talk:{room}', { room: 'x' });
    expect(after).toMatchObject({ value: { top: { offset: 0 }, publications: [] } });
    expect(after.ok && after.value.top.epoch).not.toBe(before.ok && before.value.top.epoch);
    // An hour in which nobody answered consumes nobody's grace.
    const resume = bob.last('token')?.['token'];
    const again = await logIn('bob', { resume });
    expect(again.last('token')).toMatchObject({ resumed: true });
    expect((await logIn('alice')).last('err')).toMatchObject({ code: 'token_invalid' });
  });

  it.each([
    [9_000, true],
    [11_000, false],
  ])(
    'a grace of which 50 s had passed before a restart is over 10 s after it: %i ms',
    async (ms, resumed) => {
      const bob = await logIn('bob');
      const resume = bob.last('token')?.['token'];
      bob.line.cut();
      await server.clock.advance(50_000);
      await server.restart({ downMs: 3_600_000 });
      await server.clock.advance(ms);
      expect((await logIn('bob', { resume })).last('token')).toMatchObject({ resumed });
    },
  );

  it('nobody answers while it is down', async () => {
    const restarting = server.restart({ downMs: 1_000 });
    const bob = server.connect();
    await restarting;
    expect(bob.closeCode).toBe(1006);
    expect((await logIn('bob')).closeCode).toBeNull();
  });

  it('a message beyond `limits.messageBytes` ends the connection with 1009', async () => {
    const bob = await logIn('bob');
    bob.send(`{"t":"q","x":"${'x'.repeat(2_048 - 16)}"}`);
    await server.clock.settle();
    expect(bob.closeCode).toBeNull();
    bob.send(`{"t":"q","x":"${'x'.repeat(2_048 - 15)}"}`);
    await server.clock.settle();
    expect(bob.closeCode).toBe(1009);
  });

  it('a call that nobody answers ends when its time is over, on the clock of the test', async () => {
    const bob = await logIn('bob');
    bob.send({ t: 'call', i: 7, n: 'hang', d: 1 });
    await server.clock.advance(6_999);
    expect(bob.last('err')).toBeUndefined();
    await server.clock.advance(1);
    expect(bob.last('err')).toMatchObject({ i: 7, code: 'deadline_exceeded' });
  });

  it('keeps what it would have logged', async () => {
    const throwing = await createTestServer(contract, {
      authorize: {
        'chat:{room}': () => {
          throw new Error('no database');
        },
      },
      calls: { hang: () => 1 },
    });
    const bob = throwing.connect();
    bob.send({ t: 'login', username: 'bob', token: 'bob' });
    bob.send({ t: 'sub', i: 1, c: 'chat:x' });
    await throwing.clock.settle();
    expect(bob.last('err')).toMatchObject({ code: 'unavailable' });
    expect(throwing.warnings).toMatchObject([{ event: 'authorize_rule_failed' }]);
  });

  it('a wrong setting is a StartError of one line', async () => {
    await expect(
      createTestServer(contract, { calls: { hang: () => 1 }, limits: { messageBytes: 1 } }),
    ).rejects.toThrow(/limits\.messageBytes/);
    await expect(createTestServer(contract, { calls: {} as never })).rejects.toThrow(/no handler for "hang"/);
  });

  it('where everybody has gone it holds nothing', async () => {
    const bob = await logIn('bob');
    await sub(bob, 'talk:x');
    bob.line.cut();
    await server.clock.advance(61_000);
    expect(Object.values(server.counts()).filter((count) => count !== 0)).toEqual([]);
  });
});

describe('a line', () => {
  it('delays either way, in order', async () => {
    const bob = await logIn('bob');
    await sub(bob, 'talk:x');
    bob.take();
    bob.line.delay(100);
    await server.publish('talk:{room}', { room: 'x' }, 'one');
    await server.clock.settle();
    bob.line.delay(0);
    await server.publish('talk:{room}', { room: 'x' }, 'two');
    await server.clock.advance(99);
    expect(bob.take()).toEqual([]);
    await server.clock.advance(1);
    expect(bob.take()).toMatchObject([{ d: 'one' }, { d: 'two' }]);
    bob.line.delay(100);
    bob.send({ t: 'hb', q: 1 });
    await server.clock.advance(199);
    expect(bob.take()).toEqual([]);
    await server.clock.advance(1);
    expect(bob.take()).toMatchObject([{ t: 'hb', q: 1 }]);
  });

  it('that is cut loses what was on its way, and takes nobody until its time is over', async () => {
    const bob = await logIn('bob');
    await sub(bob, 'talk:x');
    bob.take();
    bob.line.delay(50);
    await server.publish('talk:{room}', { room: 'x' }, 'one');
    await server.clock.settle();
    bob.line.cut({ forMs: 1_000 });
    await server.clock.advance(999);
    expect([bob.take(), bob.closeCode, bob.line.connected]).toEqual([[], 1006, false]);
    bob.line.delay(0);
    const codes: number[] = [];
    const end = {
      opened: () => codes.push(0),
      message: () => undefined,
      closed: (code: number) => codes.push(code),
    };
    bob.line.dial(end);
    await server.clock.settle();
    await server.clock.advance(1);
    bob.line.dial(end);
    await server.clock.settle();
    expect(codes).toEqual([1006, 0]);
  });

  it('that broke silently is told of to nobody: the server ends it after two heartbeats', async () => {
    const bob = await logIn('bob');
    bob.line.breakSilently();
    bob.send({ t: 'hb', q: 1 });
    bob.send({ t: 'statusUpdate', mood: 'unheard' });
    await server.clock.advance(59_000);
    expect(await server.presenceOf('bob')).not.toMatchObject({ value: { fields: { mood: 'unheard' } } });
    expect([bob.line.connected, bob.closeCode, bob.last('hb')]).toEqual([true, null, undefined]);
    await server.clock.advance(31_000);
    expect([bob.line.connected, bob.closeCode]).toEqual([false, null]);
  });

  it('whose reader stalls fills the outbox, and a policy of `close` ends it', async () => {
    const bob = await logIn('bob');
    await sub(bob, 'talk:x');
    await sub(bob, 'held:x');
    bob.take();
    bob.line.stall();
    await server.publish('talk:{room}', { room: 'x' }, 'waits');
    await server.clock.settle();
    expect(server.counts().heldUnits).toBeGreaterThan(0);
    expect(bob.take()).toEqual([]);
    bob.line.read();
    await server.clock.settle();
    expect(server.counts().heldUnits).toBe(0);
    expect(bob.take()).toMatchObject([{ d: 'waits' }]);
    bob.line.stall();
    for (let n = 0; n < 20; n++) await server.publish('held:{room}', { room: 'x' }, 'x'.repeat(100));
    await server.clock.advance(3_000);
    expect([bob.line.connected, bob.closeCode]).toEqual([false, null]);
    bob.line.read();
    await server.clock.settle();
    expect(bob.closeCode).not.toBeNull();
  });

  it('that loses the next reply lets the request through', async () => {
    const bob = await logIn('bob');
    bob.take();
    bob.line.loseNextReply();
    bob.send({ t: 'statusUpdate', i: 1, mood: 'fine' });
    await server.clock.settle();
    expect([bob.take(), bob.closeCode]).toEqual([[], 1006]);
    await server.clock.advance(100);
    expect(await server.presenceOf('bob')).toMatchObject({ value: { fields: { mood: 'fine' } } });
  });
});
