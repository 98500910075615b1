import { createTestClient, type TestClient } from '@carillon/client/testing';
import { createTestServer, type TestServer } from '@carillon/server/testing';
import { beforeEach, expect, it } from 'vitest';
import { contract } from '../src/contract.ts';
import { rules } from '../src/rules.ts';

let server: TestServer<typeof contract>;

beforeEach(async () => {
  server = await createTestServer(contract, rules);
});

function clientOf(username: string): TestClient<typeof contract> {
  const client = createTestClient(server, { username });
  client.connect();
  return client;
}

/** A client in the kitchen, and the texts that it was told. */
async function inTheKitchen(username: string) {
  const client = clientOf(username);
  const kitchen = client.stream('chat:{room}', { room: 'kitchen' });
  const texts: string[] = [];
  kitchen.onPublication(({ data }) => texts.push(data.text));
  await kitchen.subscribe();
  return { client, kitchen, texts };
}

it('a message reaches the others', async () => {
  const alice = await inTheKitchen('alice');
  const bob = await inTheKitchen('bob');
  await alice.kitchen.publish({ text: 'tea?' });
  await server.clock.settle();
  expect(bob.texts).toEqual(['tea?']);
});

it('a line that is cut for 10 s misses nothing', async () => {
  const bob = await inTheKitchen('bob');
  bob.client.line.cut({ forMs: 10_000 });
  for (const text of ['one', 'two', 'three'])
    await server.publish('chat:{room}', { room: 'kitchen' }, { text });
  await server.clock.advance(10_000);
  expect(bob.texts).toEqual([]);
  // The client's pauses between its attempts grow to half a minute.
  await server.clock.advance(30_000);
  expect(bob.texts).toEqual(['one', 'two', 'three']);
});

it('a reader that stalls is told what it lost, and the others notice nothing', async () => {
  const alice = await inTheKitchen('alice');
  const bob = await inTheKitchen('bob');
  const lost: number[] = [];
  bob.kitchen.onLost(({ from, to }) => lost.push(to.offset - (from?.offset ?? 0)));
  bob.client.line.stall();
  for (let n = 1; n <= 100; n++)
    await server.publish('chat:{room}', { room: 'kitchen' }, { text: `${n} ${'x'.repeat(100)}` });
  await server.clock.settle();
  expect(server.counts().heldUnits).toBeLessThanOrEqual(2_000);
  expect(alice.texts).toHaveLength(100);
  bob.client.line.read();
  await server.clock.settle();
  expect(lost).toHaveLength(1);
  expect(bob.texts.length + (lost[0] ?? 0)).toBe(100);
  expect(bob.texts.at(-1)).toMatch(/^100 /);
});

it('the rule keeps mallory out', async () => {
  const kitchen = clientOf('mallory').stream('chat:{room}', { room: 'kitchen' });
  await expect(kitchen.subscribe()).rejects.toMatchObject({ code: 'forbidden' });
});

it('a call is served', async () => {
  expect(await clientOf('alice').call('shout', 'tea')).toBe('TEA');
});
