import { type StandardSchema, defineContract, map, stream } from '@carillon/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestServer, createTestServer } from '@carillon/server/testing';
import { type TestClient, createTestClient } from '@carillon/client/testing';

const anything: StandardSchema<unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};
const contract = defineContract({
  presence: { mood: 200 },
  channels: {
    'chat:{room}': stream({ data: anything }),
    'talk:{room}': stream({ data: anything, durability: 'memory' }),
    'tasks:{user}': map({ data: anything }),
  },
});
type Told = {
  readonly client: TestClient<typeof contract>;
  readonly data: unknown[];
  readonly lost: string[];
};

let server: TestServer<typeof contract>;
let uncaught: unknown[] = [];
beforeEach(async () => {
  uncaught = [];
  server = await createTestServer(contract, {
    authorize: { 'chat:{room}': () => true, 'talk:{room}': () => true },
    follows: [['alice', 'bob']],
  });
});
afterEach(async () => {
  await server.close();
  expect(uncaught).toEqual([]);
});

function clientOf(username: string): TestClient<typeof contract> {
  const client = createTestClient(server, { username, report: (error) => void uncaught.push(error) });
  client.connect();
  return client;
}

async function inRoom(
  username: string,
  pattern: 'chat:{room}' | 'talk:{room}' = 'chat:{room}',
): Promise<Told> {
  const client = clientOf(username);
  const data: unknown[] = [];
  const lost: string[] = [];
  const room = client.stream(pattern, { room: 'x' });
  room.onPublication((publication) => data.push(publication.data));
  room.onLost(({ why }) => lost.push(why));
  await room.subscribe();
  return { client, data, lost };
}

const say = (data: unknown, pattern: 'chat:{room}' | 'talk:{room}' = 'chat:{room}') =>
  server.publish(pattern, { room: 'x' }, data);

describe('the SDK in process', () => {
  it('knows the presence fields of the contract, and friends see them', async () => {
    const alice = clientOf('alice');
    const bob = clientOf('bob');
    await bob.setStatus({ mood: 'x'.repeat(200) });
    await server.clock.advance(100);
    expect(alice.presence.get('bob')).toMatchObject({ mood: 'x'.repeat(200) });
    await expect(bob.setStatus({ mood: 'x'.repeat(201) })).rejects.toMatchObject({ code: 'bad_message' });
  });

  it('is offline to friends a grace after its line was cut, and not before', async () => {
    const alice = clientOf('alice');
    const bob = clientOf('bob');
    await server.clock.advance(100);
    bob.line.cut({ forMs: 3_600_000 });
    await server.clock.advance(59_000);
    expect(alice.presence.get('bob')?.status).toBe('Online');
    await server.clock.advance(2_000);
    expect(alice.presence.get('bob')?.status).toBe('Offline');
  });

  it('notices by itself that its line broke silently, and misses nothing', async () => {
    const { client, data } = await inRoom('bob');
    client.line.breakSilently();
    await say('one');
    await server.clock.settle();
    expect([client.connection.status, data]).toEqual(['connected', []]);
    await server.clock.advance(180_000);
    expect([client.connection.status, data]).toEqual(['connected', ['one']]);
  });

  it('publishes once where the answer was lost', async () => {
    const { client, data } = await inRoom('bob');
    client.line.loseNextReply();
    const publishing = client.stream('chat:{room}', { room: 'x' }).publish('once');
    await server.clock.advance(60_000);
    expect(await publishing).toMatchObject({ position: { offset: 1 }, duplicate: true });
    expect(data).toEqual(['once']);
    expect(await server.history('chat:{room}', { room: 'x' })).toMatchObject({
      value: { publications: [{ data: 'once' }] },
    });
  });

  it('after a restart it goes on with what is stored, and is told what `memory` lost', async () => {
    const stored = await inRoom('alice');
    const kept = await inRoom('bob', 'talk:{room}');
    await say('one');
    await say('one', 'talk:{room}');
    await server.clock.settle();
    await server.restart({ downMs: 5_000 });
    await say('two');
    await say('two', 'talk:{room}');
    await server.clock.advance(60_000);
    expect([stored.data, stored.lost]).toEqual([['one', 'two'], []]);
    expect(kept.lost).toEqual(['epoch']);
  });

  it('a slow line delays, and loses nothing', async () => {
    const { client, data } = await inRoom('bob');
    client.line.delay(700);
    for (let n = 0; n < 5; n++) await say(n);
    await server.clock.advance(699);
    expect(data).toEqual([]);
    await server.clock.advance(1);
    expect(data).toEqual([0, 1, 2, 3, 4]);
  });

  it('what a listener throws is told, and otherwise costs nobody anything', async () => {
    const { client, data } = await inRoom('bob');
    const mistake = new Error('of the app');
    client.stream('chat:{room}', { room: 'x' }).onPublication(() => {
      throw mistake;
    });
    await say('one');
    await server.clock.settle();
    expect(data).toEqual(['one']);
    expect(uncaught.splice(0)).toEqual([mistake]);
  });

  it('clients wait different times, and the same in each run', async () => {
    async function attempts(): Promise<readonly (number | undefined)[]> {
      const fresh = await createTestServer(contract, {});
      const clients = ['alice', 'bob'].map((username) => createTestClient(fresh, { username }));
      for (const client of clients) client.connect();
      await fresh.clock.settle();
      for (const { line } of clients) line.cut({ forMs: 60_000 });
      await fresh.clock.advance(20_000);
      return clients.map(({ connection }) =>
        connection.status === 'disconnected' ? (connection.retryInMs ?? undefined) : undefined,
      );
    }
    const first = await attempts();
    expect(first[0]).not.toBe(first[1]);
    expect(await attempts()).toEqual(first);
  });
});
