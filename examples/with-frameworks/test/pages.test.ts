import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type Page, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type App, startApp } from '../src/app.ts';
import { buildPages } from '../src/build-pages.ts';
import { type CuttableLine, openLine } from './cuttable-line.ts';

/** For a test with a browser in it, ms: several times what it takes on two cores that are busy otherwise. */
const TEST_LIMIT_MS = 120_000;

let browser: Browser;
let pages: string;
let folder: string;
let app: App;
let line: CuttableLine;
let errors: string[];

beforeAll(async () => {
  pages = await buildPages();
  browser = await chromium.launch({
    executablePath: process.env['CARILLON_CHROMIUM'] || '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
    ],
  });
}, TEST_LIMIT_MS);

afterAll(() => browser?.close());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-frameworks-'));
  line = await openLine(() => app.url);
  const databaseUrl = `sqlite:${join(folder, 'app.sqlite')}`;
  app = await startApp({ port: 0, databaseUrl, pages, allowedOrigins: [line.url] });
  errors = [];
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await line.close();
  await app.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

async function open(url: string, framework: string, user: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`${url}/${framework}.html?as=${user}`);
  await page.getByRole('status').getByText('connected', { exact: true }).waitFor();
  return page;
}

function messages(page: Page): Promise<string[]> {
  return page.getByRole('list', { name: 'Messages' }).getByRole('listitem').allInnerTexts();
}

async function says(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

async function sees(page: Page, list: string, text: string): Promise<void> {
  await page.getByRole('list', { name: list }).getByText(text, { exact: true }).waitFor();
}

describe.each(['react', 'svelte', 'vue', 'solid'])(
  'the page in %s',
  { timeout: TEST_LIMIT_MS },
  (framework) => {
    it('shows a friend and a message as they come, and what was said before it came', async () => {
      const alice = await open(app.url, framework, 'alice');
      await sees(alice, 'Friends', 'bob Offline');
      await says(alice, 'anybody here?');
      await sees(alice, 'Messages', 'alice: anybody here?');
      const bob = await open(app.url, framework, 'bob');
      await sees(alice, 'Friends', 'bob Online');
      await sees(bob, 'Messages', 'alice: anybody here?');
      await says(bob, 'here I am');
      await sees(alice, 'Messages', 'bob: here I am');
      expect(await messages(bob)).toEqual(await messages(alice));
    });

    it('has what was said while its line was cut, once and in order, when the line is back', async () => {
      const alice = await open(line.url, framework, 'alice');
      const bob = await open(app.url, framework, 'bob');
      await says(bob, 'before');
      await sees(alice, 'Messages', 'bob: before');
      line.cut();
      await alice.getByRole('status').getByText('disconnected').waitFor();
      await says(bob, 'meanwhile');
      await says(alice, 'from the dark');
      await sees(bob, 'Messages', 'bob: meanwhile');
      expect(await messages(alice)).toEqual(['bob: before']);
      line.mend();
      // A browser says so when the network is back; the next attempt need not be waited for.
      await alice.evaluate(() => dispatchEvent(new Event('online')));
      await sees(alice, 'Messages', 'alice: from the dark');
      expect(await messages(alice)).toEqual(['bob: before', 'bob: meanwhile', 'alice: from the dark']);
      await sees(alice, 'Friends', 'bob Online');
    });

    it('leaves no subscription behind when the component is gone, and has the room again when it is back', async () => {
      const alice = await open(app.url, framework, 'alice');
      const section = alice.getByRole('region', { name: 'Room' });
      await section.getByText('live').waitFor();
      expect(app.subscriptions()).toBe(1);
      await alice.getByRole('button', { name: 'Leave the room' }).click();
      await section.waitFor({ state: 'detached' });
      await expect.poll(() => app.subscriptions(), { timeout: 30_000 }).toBe(0);
      const bob = await open(app.url, framework, 'bob');
      await says(bob, 'unheard');
      await sees(bob, 'Messages', 'bob: unheard');
      await alice.getByRole('button', { name: 'Enter the room' }).click();
      await sees(alice, 'Messages', 'bob: unheard');
      expect(app.subscriptions()).toBe(2);
    });
  },
);
