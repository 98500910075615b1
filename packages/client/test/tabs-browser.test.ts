import type { CDPSession, Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AnyContract, Client, ConnectionChange, createClient } from '../src/index.ts';
import type { createOutbox, indexedDbStore } from '../src/outbox/index.ts';
import type { shareTabs } from '../src/tabs/tabs.ts';
import { browserScene } from './browser.ts';

/** What stands in the page. */
type Sdk = {
  readonly createClient: typeof createClient;
  readonly shareTabs: typeof shareTabs;
  readonly createOutbox: typeof createOutbox;
  readonly indexedDbStore: typeof indexedDbStore;
};
declare const sdk: Sdk;
declare let client: Client<AnyContract>;
/** What a tab was told of its channel, of its connection since then, and how its publications ended. */
declare let told: number[];
declare let changes: ConnectionChange[];
declare let outcomes: unknown[];

const scene = browserScene(['index.ts', 'tabs/tabs.ts', 'outbox/index.ts']);
let room = 0;

beforeEach(() => {
  room++;
});

/** A client in a page that has joined the room. @param blocked something between does not let WebSockets through */
async function start(page: Page, user: string, blocked = false): Promise<void> {
  await page.evaluate(
    async ({ url, username, channel, isBlocked }) => {
      class Blocked extends WebSocket {
        constructor() {
          // Nobody listens there.
          super('ws://127.0.0.1:1/');
        }
      }
      const made = sdk.createClient({
        url,
        username,
        token: username,
        tabs: sdk.shareTabs(),
        // Only what says so goes by it.
        outbox: sdk.createOutbox({ store: sdk.indexedDbStore(), publications: 'asked' }),
        ...(isBlocked ? { WebSocket: Blocked } : {}),
      });
      Object.assign(globalThis, { client: made, told: [], changes: [], outcomes: [] });
      const chat = made.stream(channel);
      chat.onPublication(({ data }) => told.push(data as number));
      made.connect();
      await chat.subscribe();
      made.onConnection((change) => changes.push(change));
    },
    {
      url: `ws://127.0.0.1:${scene.real.port}/ws`,
      username: user,
      channel: `chat:${room}`,
      isBlocked: blocked,
    },
  );
}

/** @param user a name of the test's own: sessions of earlier tests are in their grace */
async function openTab(user = `alice-${room}`, blocked = false): Promise<Page> {
  const page = await scene.context.newPage();
  await page.goto(`${scene.sites[0]!.origin}/`);
  await start(page, user, blocked);
  return page;
}

/** The first leads. */
async function openTabs(count: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let n = 0; n < count; n++) pages.push(await openTab());
  return pages;
}

/** Resolves when the tab was told so many. */
const hears = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((least) => told.length >= least, count);

const sessionOf = (page: Page): Promise<string | null> => page.evaluate(() => client.session);
const publish = (data: number): Promise<unknown> =>
  scene.real.server.publish('chat:{room}', { room: String(room) }, data);

async function connections(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${scene.real.port}/metrics`)).text();
  const values = [...text.matchAll(/^carillon_connections(?:\{[^}]*\})? (\d+)$/gm)].map(([, value]) =>
    Number(value),
  );
  if (values.length === 0) throw new Error('no such metric');
  return values.reduce((sum, value) => sum + value, 0);
}

/** Stops the page where it is: whatever it would do next waits until it is let go. */
async function freeze(page: Page): Promise<{ thaw(): Promise<void> }> {
  const session: CDPSession = await scene.context.newCDPSession(page);
  await session.send('Debugger.enable');
  const paused = new Promise((resolve) => session.once('Debugger.paused', resolve));
  await session.send('Debugger.pause');
  // The next thing that it does: it is asked whether it is there, or told something.
  await Promise.all([publish(1), paused]);
  return {
    async thaw() {
      await session.send('Debugger.resume');
      await session.send('Debugger.disable');
      await session.detach();
    },
  };
}

describe('tabs of one Chromium', () => {
  it('share one connection, and each is told everything', async () => {
    const pages = await openTabs(4);
    expect(await connections()).toBe(1);
    await publish(1);
    for (const page of pages) await hears(page, 1);
    expect(new Set(await Promise.all(pages.map(sessionOf))).size).toBe(1);
  });

  it('[PUB2] [RES1] lose nothing when the leader is closed in mid-send, and the apps see nothing of it', async () => {
    const [leader, second, third] = await openTabs(3);
    const before = await sessionOf(second!);
    await second!.evaluate((channel) => {
      for (let n = 1; n <= 60; n++)
        void client
          .stream(channel)
          .publish(n)
          .then(
            () => outcomes.push(n),
            (error: unknown) => outcomes.push(String(error)),
          );
    }, `chat:${room}`);
    // Some are through, others under way, others not sent yet.
    await hears(third!, 5);
    await leader!.close();
    const all = Array.from({ length: 60 }, (_, at) => at + 1);
    for (const page of [second!, third!]) {
      await hears(page, 60);
      expect(await page.evaluate(() => told)).toEqual(all);
      expect(await page.evaluate(() => changes.filter(({ status }) => status !== 'connected'))).toEqual([]);
    }
    await second!.waitForFunction(() => outcomes.length === 60);
    expect(await second!.evaluate(() => outcomes)).toEqual(all);
    expect(await sessionOf(second!)).toBe(before);
    expect(await connections()).toBe(1);
  });

  it('[PUB7] send what a tab has queued, though that tab and the leader are closed before it is sent', async () => {
    const [leader, second, third] = await openTabs(3);
    await second!.evaluate(
      (channel) =>
        new Promise<void>((resolve) => {
          client.outbox?.onChange(() => client.outbox!.entries().length >= 40 && resolve());
          for (let n = 1; n <= 40; n++) void client.stream(channel).publish(n, { durable: true });
        }),
      `chat:${room}`,
    );
    await Promise.all([second!.close(), leader!.close()]);
    await hears(third!, 40);
    expect(await third!.evaluate(() => told)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
    await third!.waitForFunction(() => client.outbox?.waiting === 0);
    await publish(41);
    await hears(third!, 41);
    expect(await third!.evaluate(() => told.length), 'each once').toBe(41);
  });

  it('[RES3] go on without a leader that froze, which thaws as one of them', async () => {
    const [leader, second, third] = await openTabs(3);
    const session = await sessionOf(second!);
    const frozen = await freeze(leader!);
    for (const page of [second!, third!]) await hears(page, 1);
    expect(await sessionOf(second!)).toBe(session);
    expect(await second!.evaluate(() => changes.filter(({ status }) => status !== 'connected'))).toEqual([]);
    await frozen.thaw();
    await publish(2);
    await hears(leader!, 2);
    expect(await leader!.evaluate(() => told)).toEqual([1, 2]);
    await publish(3);
    for (const page of [leader!, second!, third!]) {
      await hears(page, 3);
      expect(await page.evaluate(() => told)).toEqual([1, 2, 3]);
      expect(await sessionOf(page)).toBe(session);
    }
    expect(await connections()).toBe(1);
  });

  it('[RES1] go on with the session that a new tab finds, though all that know of it are frozen', async () => {
    const [only] = await openTabs(1);
    const session = await sessionOf(only!);
    const frozen = await freeze(only!);
    const late = await openTab();
    expect(await sessionOf(late)).toBe(session);
    await frozen.thaw();
    await publish(2);
    for (const page of [only!, late]) await page.waitForFunction(() => told.includes(2));
    expect(await sessionOf(only!)).toBe(session);
    expect(await connections()).toBe(1);
  });

  it('do not fight with a duplicate, to which the browser copied the session storage', async () => {
    const [original] = await openTabs(1);
    const session = await sessionOf(original!);
    const [duplicate] = await Promise.all([
      scene.context.waitForEvent('page'),
      original!.evaluate(() => {
        // As it is put aside, for which its token goes to the storage.
        dispatchEvent(new Event('pagehide'));
        if (sessionStorage.length === 0) throw new Error('nothing to copy');
        open('/');
      }),
    ]);
    await duplicate.waitForLoadState();
    expect(await duplicate.evaluate(() => sessionStorage.length)).toBe(1);
    await start(duplicate, `alice-${room}`);
    await publish(1);
    for (const page of [original!, duplicate]) {
      await hears(page, 1);
      expect(await sessionOf(page)).toBe(session);
    }
    expect(await original!.evaluate(() => changes)).toEqual([]);
    expect(await connections()).toBe(1);
  });

  it('[HTTP4] share a line of another transport where WebSocket does not get through, and the next leader finds one too', async () => {
    const [leader, second] = [await openTab(undefined, true), await openTab(undefined, true)];
    const session = await sessionOf(second);
    expect(await leader.evaluate(() => client.connection.transport)).toBe('sse');
    await publish(1);
    await hears(second, 1);
    expect(await connections()).toBe(1);
    await leader.close();
    await publish(2);
    await hears(second, 2);
    await second.waitForFunction(() => client.connection.transport === 'sse');
    expect(await second.evaluate(() => told)).toEqual([1, 2]);
    expect(await sessionOf(second)).toBe(session);
  });

  it('[LOG7] of two users are apart, and a logout logs out the tabs of one', async () => {
    const [leader, second] = await openTabs(2);
    const other = await openTab(`bob-${room}`);
    expect(await connections()).toBe(2);
    await second!.evaluate(() => client.logout());
    await leader!.waitForFunction(() => client.connection.reason === 'logged_out');
    expect(await other.evaluate(() => client.connection.status)).toBe('connected');
    expect(await other.evaluate(() => changes)).toEqual([]);
    expect(await scene.real.server.sessionsOf(`alice-${room}`)).toMatchObject({ value: [] });
  });
});
