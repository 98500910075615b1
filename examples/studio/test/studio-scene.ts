import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { type Desk, buildPage, launchBrowser, openDesk } from './browser-pages.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** For a test with a browser in it, ms: several times what it takes on two cores that are busy otherwise. */
export const TEST_LIMIT_MS = 120_000;

/** A server with the studio page, and people with browsers. */
export type Studio = {
  readonly browser: Browser;
  readonly server: ServerProcess;
  sitDown(user: string, options?: BrowserContextOptions): Promise<Desk>;
};

/** One browser and one build of the page for all the tests of a file: a second build would take it from under the first. */
export function studioScene(): { openStudio(...settings: Parameters<typeof startServer>): Studio } {
  let browser: Browser;
  const desks: Desk[] = [];

  beforeAll(async () => {
    await buildPage();
    browser = await launchBrowser();
  }, TEST_LIMIT_MS);

  afterAll(() => browser?.close());

  /** Everybody goes home: nobody's grace reaches into the next test, and no page may have complained. */
  afterEach(async () => {
    for (const desk of desks.splice(0)) {
      const logout = desk.page.getByRole('button', { name: 'Log out' });
      if (await logout.isVisible()) {
        await logout.click();
        await desk.page.getByRole('heading', { name: 'Who are you today?' }).waitFor();
      }
      await desk.page.context().close();
      expect(desk.errors).toEqual([]);
    }
  });

  return {
    openStudio(...settings) {
      let server: ServerProcess;
      beforeAll(async () => {
        server = await startServer(...settings);
      }, TEST_LIMIT_MS);
      afterAll(() => server?.remove());
      return {
        get browser() {
          return browser;
        },
        get server() {
          return server;
        },
        async sitDown(user, options) {
          const desk = await openDesk(browser, server.url, user, options);
          desks.push(desk);
          return desk;
        },
      };
    },
  };
}

export async function setActivity(desk: Desk, activity: string): Promise<void> {
  await desk.page.getByLabel('Activity').fill(activity);
  await desk.page.getByLabel('Activity').press('Enter');
}

export function lineSwitch(desk: Desk) {
  return desk.page.getByRole('switch', { name: 'Line to the server' });
}

/**
 * The types of those messages about a user that say they came or went, a `sync` that names them offline included.
 *
 * @param from skips earlier ones
 */
export async function comingsAndGoings(desk: Desk, user: string, from = 0): Promise<string[]> {
  const messages = (await desk.wire())
    .slice(from)
    .map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  return messages.flatMap((message) => {
    if ((message['t'] === 'o' || message['t'] === 'x') && message['id'] === user)
      return [String(message['t'])];
    const users = (message['users'] ?? []) as { username: string; s: string }[];
    return users.some(({ username, s }) => username === user && s === 'Offline') ? ['sync'] : [];
  });
}
