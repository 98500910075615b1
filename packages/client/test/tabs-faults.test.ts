import { type StandardSchema, call, defineContract, stream } from '@carillon/contract';
import { type TestServer, createTestServer } from '@carillon/server/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Browser, type Tab, createBrowser } from './tabs-world.ts';

const number: StandardSchema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'expected a number' }] },
  },
};

const contract = defineContract({
  channels: { 'chat:{room}': stream({ data: number, history: { count: 500 } }) },
  calls: { add: call({ input: number, output: number }) },
});

type C = typeof contract;

let server: TestServer<C>;
let browser: Browser<C>;

beforeEach(async () => {
  server = await createTestServer(contract, {
    follows: [
      ['alice', 'bob'],
      ['alice', 'eve'],
      ['alice', 'dan'],
      ['bob', 'alice'],
    ],
    authorize: { 'chat:{room}': () => true },
    calls: { add: (input) => input + 1 },
  });
  browser = createBrowser(server);
});

afterEach(async () => {
  for (const tab of browser.tabs) if (tab.alive) tab.client.disconnect();
  await server.close();
});

const settle = () => server.clock.advance(50);

/** Opens so many tabs of alice, the first of which leads. */
async function tabs(count: number): Promise<Tab<C>[]> {
  const opened: Tab<C>[] = [];
  for (let n = 0; n < count; n++) {
    opened.push(browser.open());
    await server.clock.advance(500);
  }
  return opened;
}

describe('friends', () => {
  it('[PRE10] that did not change stay in every tab when another leads, and nobody is told that they went', async () => {
    for (const username of ['bob', 'eve', 'dan']) browser.open({ username });
    const [leader, ...others] = await tabs(3);
    await server.clock.advance(300_000);
    const changes: unknown[] = [];
    for (const { id, client } of others)
      client.presence.subscribe((batch) => changes.push(...batch.map((change) => [id, change])));
    leader!.kill();
    await server.clock.advance(2_000);
    expect(changes).toEqual([]);
    for (const { client } of others)
      for (const friend of ['bob', 'eve', 'dan'])
        expect(client.presence.get(friend)?.status, friend).toBe('Online');
  });
});

describe('two clients of one page', () => {
  it('pass the lead to each other, and the tabs that follow notice', async () => {
    const [first] = await tabs(1);
    const second = browser.open({ beside: first });
    const follower = browser.open();
    await settle();
    const channels = [second, follower].map(({ client }) => client.stream('chat:{room}', { room: 'k' }));
    const told: number[][] = [[], []];
    channels.forEach((channel, at) => channel.onPublication(({ data }) => told[at]!.push(data)));
    await Promise.all([...channels.map((channel) => channel.subscribe()), settle()]);
    first!.client.disconnect();
    await server.clock.advance(1_000);
    await server.publish('chat:{room}', { room: 'k' }, 1);
    await settle();
    expect(told).toEqual([[1], [1]]);
    for (const { client } of [second, follower]) expect(client.connection.status).toBe('connected');
  });
});

describe('a tab that comes while all others stand still', () => {
  it('[RES1] goes on with their session, and one that comes later with its', async () => {
    const bob = browser.open({ username: 'bob' });
    const [leader, follower] = await tabs(2);
    follower!.freeze();
    // The session has another token by now, of which only the leader knows.
    leader!.line.cut();
    await server.clock.advance(5_000);
    leader!.freeze();
    const late = browser.open();
    await server.clock.advance(2_000);
    expect(late.client.session).toBe(leader!.client.session);
    late.kill();
    const later = browser.open();
    await server.clock.advance(2_000);
    expect(later.client.session).toBe(leader!.client.session);
    expect(bob.client.presence.get('alice')?.status).toBe('Online');
  });
});

describe('a tab that the browser keeps for a way back', () => {
  it('knows afterwards what changed of its friends meanwhile, though it was told nothing of it', async () => {
    const bob = browser.open({ username: 'bob' });
    const [, follower] = await tabs(2);
    follower!.show(false);
    follower!.putAway();
    void bob.client.setStatus({ status: 'Busy', a: 'Cooking' });
    await server.clock.advance(5_000);
    follower!.show(true);
    follower!.thaw();
    await server.clock.advance(1_000);
    expect(follower!.client.presence.get('bob')).toMatchObject({ status: 'Busy', a: 'Cooking' });
  });
});

describe('the own status', () => {
  it('that a tab sets before it is connected is set', async () => {
    const bob = browser.open({ username: 'bob' });
    await tabs(1);
    const late = browser.open();
    const [, outcome] = [late, late.client.setStatus({ status: 'Busy', a: 'Tea' })];
    await Promise.all([outcome, server.clock.advance(1_000)]);
    expect(bob.client.presence.get('alice')).toMatchObject({ status: 'Busy', a: 'Tea' });
    expect(bob.client.connection.status).toBe('connected');
  });
});
