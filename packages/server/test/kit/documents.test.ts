import { defineContract, document } from '@carillon/contract';
import { createTestServer, type TestServer } from '@carillon/server/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import * as Y from 'yjs';

const contract = defineContract({
  channels: {
    'doc:{id}': document({ durability: 'stored' }),
    'pad:{id}': document({ durability: 'memory' }),
  },
});

let server: TestServer<typeof contract>;
beforeEach(async () => {
  server = await createTestServer(contract, {
    authorize: { 'doc:{id}': () => 'write', 'pad:{id}': () => 'write' },
  });
});
afterEach(() => server.close());

it('[DOC3] a document of a test is edited by the app and by clients, and a stored one is there after a restart', async () => {
  const edits = [{ at: 'text', op: 'insert', index: 0, text: 'Hello' }] as const;
  expect(await server.document('doc:{id}', { id: '1' }).edit(edits)).toMatchObject({ ok: true });
  expect(await server.document('pad:{id}', { id: '1' }).edit(edits)).toMatchObject({ ok: true });
  const alice = server.connect();
  alice.send({ t: 'login', username: 'alice', token: 'alice' });
  alice.send({ t: 'sub', i: 1, c: 'doc:1' });
  await server.clock.settle();
  expect(alice.last('ok')).toMatchObject({ role: 'write', o: 1 });
  const doc = new Y.Doc();
  const updates = Object.values((alice.last('ps')?.['ps'] ?? []) as { d: string }[]).map(({ d }) =>
    Buffer.from(d, 'base64'),
  );
  for (const update of updates) Y.applyUpdate(doc, update);
  const behind = Y.encodeStateVector(doc);
  doc.getText('text').insert(5, ' world');
  alice.send({
    t: 'upd',
    i: 2,
    c: 'doc:1',
    d: Buffer.from(Y.encodeStateAsUpdate(doc, behind)).toString('base64'),
  });
  await server.clock.settle();
  expect(alice.last('ok')).toMatchObject({ i: 2, o: 2 });
  await server.restart();
  expect(await server.document('doc:{id}', { id: '1' }).json()).toMatchObject({
    ok: true,
    value: { json: { text: 'Hello world' } },
  });
  expect(await server.document('pad:{id}', { id: '1' }).json()).toMatchObject({
    ok: true,
    value: { json: {} },
  });
});
