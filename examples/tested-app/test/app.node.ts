import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestClient } from '@carillon/client/testing';
import { createTestServer } from '@carillon/server/testing';
import { contract } from '../src/contract.ts';
import { rules } from '../src/rules.ts';

void test('a message reaches the others', async () => {
  const server = await createTestServer(contract, rules);
  const [alice, bob] = ['alice', 'bob'].map((username) => createTestClient(server, { username }));
  assert(alice !== undefined && bob !== undefined);
  alice.connect();
  bob.connect();
  const texts: string[] = [];
  const kitchen = bob.stream('chat:{room}', { room: 'kitchen' });
  kitchen.onPublication(({ data }) => texts.push(data.text));
  await kitchen.subscribe();
  await alice.stream('chat:{room}', { room: 'kitchen' }).publish({ text: 'tea?' });
  await server.clock.settle();
  assert.deepEqual(texts, ['tea?']);
});
