import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineContract, document } from '@carillon/contract';
import { type CarillonServer, createServer } from '@carillon/server';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { AnyContract, Client, createClient } from '../src/index.ts';
import type { indexedDbStore } from '../src/outbox/index.ts';
import type { shareTabs } from '../src/tabs/tabs.ts';
import type { DocumentProvider, openDocument } from '../src/yjs/index.ts';
import { browserScene } from './browser.ts';

/** What stands in the page. */
type Sdk = {
  readonly createClient: typeof createClient;
  readonly indexedDbStore: typeof indexedDbStore;
  readonly shareTabs: typeof shareTabs;
  readonly openDocument: typeof openDocument;
};
declare const sdk: Sdk;
declare let client: Client<AnyContract>;
declare let provider: DocumentProvider;

const contract = defineContract({ channels: { 'doc:{id}': document() } });
const scene = browserScene(['index.ts', 'outbox/index.ts', 'tabs/tabs.ts', 'yjs/index.ts']);
let server: CarillonServer<typeof contract>;
let folder: string;
let tests = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carillon-pages-'));
  server = await createServer(contract, {
    host: '127.0.0.1',
    port: 0,
    databaseUrl: `sqlite:${join(folder, 'carillon.sqlite')}`,
    auth: { authenticate: ({ token }) => ({ user: token }) },
    authorize: { 'doc:{id}': () => 'write' },
    allowedOrigins: scene.sites.map(({ origin }) => origin),
    logging: { level: 'error' },
  });
  await server.listen();
});
afterAll(async () => {
  await server.close(0);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => void tests++);

/** A page with the document of the test, which may be offline. */
async function start(page: Page, connects = true): Promise<void> {
  await page.goto(`${scene.sites[0]!.origin}/`);
  await page.evaluate(
    async ({ url, id, isOnline }) => {
      const made = sdk.createClient({ url, username: 'alice', token: 'alice', tabs: sdk.shareTabs() });
      const opened = sdk.openDocument(made, 'doc:{id}', { id }, { store: sdk.indexedDbStore(), delayMs: 0 });
      Object.assign(globalThis, { client: made, provider: opened });
      await opened.whenLoaded;
      if (!isOnline) return;
      made.connect();
      await opened.whenSynced;
    },
    { url: `ws://127.0.0.1:${server.address!.port}/ws`, id: String(tests), isOnline: connects },
  );
}

const type = (page: Page, text: string): Promise<void> =>
  page.evaluate((word) => {
    const body = provider.doc.getText('t');
    body.insert(body.length, word);
  }, text);

/** Resolves once the page shows the text. */
const shows = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction((word) => provider.doc.getText('t').toJSON() === word, text);

it('what is typed offline outlives a reload of the page, and is saved when there is a line', async () => {
  const page = await scene.context.newPage();
  await start(page);
  await type(page, 'online. ');
  await page.evaluate(() => provider.whenSaved());
  await page.evaluate(() => client.disconnect());
  await type(page, 'offline. ');
  expect(await page.evaluate(() => provider.saved)).toMatchObject({ unsent: 1, saved: false, durable: true });
  // Writing takes the browser a moment.
  await page.waitForFunction(async () => {
    const names = (await indexedDB.databases())
      .map(({ name }) => name!)
      .filter((name) => name.includes('document'));
    const [db] = await Promise.all(
      names.map(
        (name) =>
          new Promise<IDBDatabase>((done) => {
            const opening = indexedDB.open(name);
            opening.onsuccess = () => done(opening.result);
          }),
      ),
    );
    const all = await new Promise<string[]>((done) => {
      const reading = db!.transaction('texts').objectStore('texts').getAll() as IDBRequest<string[]>;
      reading.onsuccess = () => done(reading.result);
    });
    db!.close();
    return all.some((text) => text.startsWith('{"l"'));
  });
  await start(page, false);
  expect(await page.evaluate(() => [provider.doc.getText('t').toJSON(), provider.saved.unsent])).toEqual([
    'online. offline. ',
    1,
  ]);
  await page.evaluate(() => client.connect());
  await page.evaluate(() => provider.whenSaved());
  const kept = await server.document('doc:{id}', { id: String(tests) }).json();
  expect(kept).toMatchObject({ ok: true, value: { json: { t: 'online. offline. ' } } });
});

it('[DOC1] tabs edit one document over one connection, and go on when the one that has it is closed', async () => {
  const pages = [
    await scene.context.newPage(),
    await scene.context.newPage(),
    await scene.context.newPage(),
  ] as const;
  const [leader, second, third] = pages;
  for (const page of pages) await start(page);
  expect(new Set(await Promise.all(pages.map((page) => page.evaluate(() => client.session)))).size).toBe(1);
  await type(leader, 'a');
  await shows(third, 'a');
  await type(second, 'b');
  await shows(leader, 'ab');
  await leader.close();
  await type(third, 'c');
  await shows(second, 'abc');
  await second.evaluate(() => provider.whenSaved());
  await type(second, 'd'.repeat(60_000));
  await shows(third, `abc${'d'.repeat(60_000)}`);
});
