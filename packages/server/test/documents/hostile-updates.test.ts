import { defineContract, document } from '@carillon/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as Y from 'yjs';
import { type AppUnderTest, startApp } from '../contract/app-under-test.ts';
import { base64, bytesOf } from './yjs-client.ts';

const contract = defineContract({ channels: { 'doc:{id}': document({ durability: 'memory' }) } });

let app: AppUnderTest<typeof contract>;
beforeAll(async () => {
  app = await startApp(contract, { authorize: { 'doc:{id}': () => 'write' } });
});
afterAll(() => app.close());

it('[DOC4] an update that says otherwise of what is known is taken without that: nobody who reads fails over it', async () => {
  const mallory = await app.logIn('mallory');
  const alice = await app.logIn('alice');
  const c = 'doc:overlap';
  await mallory.ask({ t: 'sub', c, cl: [1] });
  await alice.ask({ t: 'sub', c });
  // Two collected clocks; then "abc" in their place and one behind it, which Yjs could not apply.
  const collected = Uint8Array.of(1, 1, 1, 0, 0, 2, 0);
  const abc = Uint8Array.of(1, 1, 1, 0, 4, 1, 1, 0x74, 3, 0x61, 0x62, 0x63, 0);
  expect(await mallory.ask({ t: 'upd', c, d: base64(collected) })).toMatchObject({ t: 'ok', o: 1 });
  expect(await mallory.ask({ t: 'upd', c, d: base64(abc) })).toMatchObject({ t: 'ok', o: 2 });
  expect(await mallory.ask({ t: 'upd', c, d: base64(abc) })).toMatchObject({ t: 'ok', dup: true });
  const doc = new Y.Doc();
  const updates = (await alice.rest()).filter(({ t }) => t === 'p').map(({ d }) => bytesOf(String(d)));
  expect(updates).toHaveLength(2);
  for (const update of updates) Y.applyUpdate(doc, update);
  expect(Y.getState(doc.store, 1)).toBe(3);
  expect(doc.store.pendingStructs).toBeNull();
});
