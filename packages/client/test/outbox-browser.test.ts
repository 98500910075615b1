import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AnyContract, Client, createClient } from '../src/index.ts';
import type { createOutbox, indexedDbStore } from '../src/outbox/index.ts';
import { outboxStoreContract } from '../src/testing/index.ts';
import { type Site, browserScene } from './browser.ts';

/** What stands in the page. */
type Sdk = {
  readonly createClient: typeof createClient;
  readonly createOutbox: typeof createOutbox;
  readonly indexedDbStore: typeof indexedDbStore;
  readonly outboxStoreContract: typeof outboxStoreContract;
};
declare const sdk: Sdk;
declare let client: Client<AnyContract>;
declare let outcomes: unknown[];

/** What a page has of the SDK with each of the clients that can have an outbox. */
const modulesWith = (entry: string): readonly string[] => [
  entry,
  'outbox/index.ts',
  'testing/outbox-store-contract.ts',
];
const scene = browserScene(modulesWith('index.ts'), modulesWith('lean/lean.ts'));
/** Of the pages of a test. */
let site: Site;

beforeEach(() => {
  [site] = scene.sites as [Site];
});

/** A page of alice's, whose store has been read. Not connected. */
async function openPage(path = '/'): Promise<Page> {
  const page = await scene.context.newPage();
  await page.goto(`${site.origin}${path}`);
  await start(page);
  return page;
}

async function start(page: Page): Promise<void> {
  await page.evaluate(async (url) => {
    const made = sdk.createClient({
      url,
      username: 'alice',
      token: 'alice',
      outbox: sdk.createOutbox({ store: sdk.indexedDbStore() }),
    });
    Object.assign(globalThis, { client: made, outcomes: [] });
    await made.outbox?.ready;
  }, `ws://127.0.0.1:${scene.real.server.address!.port}/ws`);
}

/** Publishes numbers, and resolves once the store has them. */
async function publish(page: Page, room: string, from: number, to: number): Promise<void> {
  await page.evaluate(
    async ({ channel, first, last }) => {
      const chat = client.stream(channel);
      for (let n = first; n <= last; n++)
        void chat.publish(n).then(
          () => outcomes.push(n),
          (error: { readonly code: string }) => outcomes.push(error.code),
        );
      await new Promise<void>((resolve) => {
        const look = (): void => {
          const found = client.outbox?.entries().filter((entry) => (entry.data as number) <= last) ?? [];
          if (found.length >= last - first + 1) resolve();
        };
        client.outbox?.onChange(look);
        look();
      });
    },
    { channel: `chat:${room}`, first: from, last: to },
  );
}

const connect = (page: Page): Promise<void> => page.evaluate(() => client.connect());

/** Resolves once nothing waits any more. */
const drained = (page: Page): Promise<void> =>
  page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const look = (): void => void (client.outbox?.waiting === 0 && resolve());
        client.outbox?.onChange(look);
        look();
      }),
  );

/** What the server has. */
async function logOf(room: string): Promise<unknown[]> {
  const { client: reader } = scene.real.client('reader');
  const { publications } = await reader
    .stream('chat:{room}', { room })
    .history({ after: null, limit: 1_000 });
  reader.disconnect();
  return publications.map(({ data }) => data);
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1);

describe('OutboxStore: IndexedDB, in Chromium', () => {
  for (const [at, { claim }] of outboxStoreContract.entries())
    it(claim, async () => {
      const page = await scene.context.newPage();
      await page.goto(site.origin);
      await page.evaluate(async (index) => {
        const again = (): ReturnType<typeof sdk.indexedDbStore> => sdk.indexedDbStore();
        await sdk.outboxStoreContract[index]?.run({ store: again(), again });
      }, at);
    });
});

const CLIENTS = ['a client', 'a lean client'] as const;

describe.each(CLIENTS)('the outbox of %s in Chromium', (which) => {
  // One log for both; the rooms are apart.
  const at = which === 'a client' ? '' : 'lean-';
  beforeEach(() => {
    site = scene.sites[which === 'a client' ? 0 : 1]!;
  });

  it('[PUB7] what was done before there was a connection is applied once behind a reload, in order', async () => {
    const page = await openPage();
    await publish(page, `${at}reload`, 1, 30);
    await page.reload();
    await start(page);
    expect(await page.evaluate(() => client.outbox?.waiting)).toBe(30);
    expect(await page.evaluate(() => client.outbox?.durable)).toBe(true);
    await connect(page);
    await drained(page);
    expect(await logOf(`${at}reload`)).toEqual(upTo(30));
  });

  it('[PUB7] a page that crashes in mid-send, and a server that restarts: the next page sends the rest, each once', async () => {
    const page = await openPage();
    await publish(page, `${at}crash`, 1, 120);
    const some = page.evaluate(
      () => new Promise<void>((resolve) => client.outbox?.onChange(() => outcomes.length >= 20 && resolve())),
    );
    await connect(page);
    await some;
    const crashed = page.waitForEvent('crash');
    void page.goto('chrome://crash').catch(() => {});
    await crashed;
    await page.close();
    const next = await openPage();
    const left = await next.evaluate(() => client.outbox?.waiting ?? 0);
    expect(left, 'in the middle of it').toBeGreaterThan(0);
    expect(left).toBeLessThan(120);
    const more = next.evaluate(
      (before) =>
        new Promise<void>((resolve) =>
          client.outbox?.onChange(() => client.outbox!.waiting < before - 10 && resolve()),
        ),
      left,
    );
    await connect(next);
    await more;
    await scene.real.restart();
    await drained(next);
    expect(await logOf(`${at}crash`)).toEqual(upTo(120));
  });

  it('what one tab adds another sends, and the promises of the first know; a tab that closes leaves its part to the others', async () => {
    const [one, other] = [await openPage(), await openPage()];
    await connect(other);
    await publish(other, `${at}tabs`, 1, 5);
    await drained(other);
    await publish(one, `${at}tabs`, 6, 10);
    await drained(one);
    expect(await one.evaluate(() => outcomes)).toEqual([6, 7, 8, 9, 10]);
    await publish(other, `${at}tabs`, 11, 40);
    await other.close();
    await connect(one);
    // That nothing waits in this tab may also mean that it has not heard of what the other left.
    await expect.poll(() => logOf(`${at}tabs`), { timeout: 15_000 }).toEqual(upTo(40));
    await drained(one);
  });

  it('one tab takes back what another added, and a logout in one empties all', async () => {
    const [one, other] = [await openPage(), await openPage()];
    await publish(one, `${at}cancel`, 1, 3);
    const taken = await other.evaluate(async () => {
      const { outbox } = client;
      await new Promise<void>((resolve) => {
        const look = (): void => void (outbox?.entries().length === 3 && resolve());
        outbox?.onChange(look);
        look();
      });
      return outbox?.cancel(outbox.entries()[1]!);
    });
    expect(taken).toBe(true);
    await one.waitForFunction(() => outcomes.length === 1);
    expect(await one.evaluate(() => outcomes)).toEqual(['cancelled']);
    await other.evaluate(() => client.logout());
    await drained(one);
    expect(await one.evaluate(() => outcomes)).toEqual(['cancelled', 'logged_out', 'logged_out']);
    const next = await openPage();
    expect(await next.evaluate(() => client.outbox?.entries())).toEqual([]);
    expect(await logOf(`${at}cancel`)).toEqual([]);
  });

  it('a quota that is used up refuses what does not fit, and loses nothing that was there', async () => {
    const { origin } = site;
    const page = await scene.context.newPage();
    const session = await scene.context.newCDPSession(page);
    await page.goto(origin);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 100_000 });
    await start(page);
    await publish(page, `${at}quota`, 1, 3);
    // Chromium goes on with what it once found free until that is used up.
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000 });
    const code = await page.evaluate(
      () =>
        new Promise((resolve) => {
          for (let n = 0; n < 20; n++)
            client
              .stream('chat:quota')
              .publish('x'.repeat(30_000))
              .catch((error: { readonly code: string }) => resolve(error.code));
        }),
    );
    expect(code).toBe('storage_failed');
    // Nor can it be written now that an entry is being sent: it is sent all the same.
    await connect(page);
    await drained(page);
    expect(await logOf(`${at}quota`)).toEqual(upTo(3));
    expect(await page.evaluate(() => outcomes)).toEqual(upTo(3));
  });

  it('a page that is refused its locks sends all the same', async () => {
    const page = await scene.context.newPage();
    await page.addInitScript(() => {
      const refused = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) };
      Object.defineProperty(navigator, 'locks', { value: refused });
    });
    await page.goto(site.origin);
    await start(page);
    await publish(page, `${at}lockless`, 1, 2);
    await connect(page);
    await drained(page);
    expect(await logOf(`${at}lockless`)).toEqual(upTo(2));
  });

  it('a page whose database does not open, for another waits to delete it, has a queue in memory, and is told so', async () => {
    const page = await scene.context.newPage();
    await page.goto(site.origin);
    const url = `ws://127.0.0.1:${scene.real.server.address!.port}/ws`;
    await page.evaluate(async (address) => {
      const database = `carillon-outbox:${JSON.stringify([address, 'alice'])}`;
      const opened = (name: string): Promise<IDBDatabase> =>
        new Promise((resolve) => {
          const request = indexedDB.open(name, 1);
          request.onsuccess = () => resolve(request.result);
        });
      // It is not closed for the deletion, which is not called off: whoever opens it waits for both.
      const held = await opened(database);
      indexedDB.deleteDatabase(database);
      const outbox = sdk.createOutbox({ store: sdk.indexedDbStore({ openTimeoutMs: 50 }) });
      const made = sdk.createClient({ url: address, username: 'alice', token: 'alice', outbox });
      Object.assign(globalThis, { client: made, outcomes: [], held });
      await made.outbox?.ready;
    }, url);
    expect(await page.evaluate(() => client.outbox?.durable)).toBe(false);
    await publish(page, `${at}hangs`, 1, 3);
    await connect(page);
    await drained(page);
    expect(await logOf(`${at}hangs`)).toEqual(upTo(3));
    // Nor does it stand in the way of the next: what came late was closed.
    const later = await page.evaluate(async () => {
      (globalThis as unknown as { held: IDBDatabase }).held.close();
      const { name } = (globalThis as unknown as { held: IDBDatabase }).held;
      return new Promise<string>((resolve) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = () => resolve('deleted');
        request.onblocked = () => resolve('blocked');
      });
    });
    expect(later).toBe('deleted');
  });

  it('a page that may store nothing has a queue in memory, and is told so', async () => {
    const page = await openPage('/sandbox');
    await publish(page, `${at}sandbox`, 1, 3);
    expect(await page.evaluate(() => client.outbox?.durable)).toBe(false);
    expect(await page.evaluate(() => client.outbox?.waiting)).toBe(3);
  });
});
