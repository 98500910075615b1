import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { type Desk, buildPage, launchBrowser, openDesk, watchStatus } from './browser-pages.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** For a test with a browser in it, ms: several times what it takes on two cores that are busy otherwise. */
const TEST_LIMIT_MS = 120_000;

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

async function sitDown(server: ServerProcess, user: string, options?: BrowserContextOptions): Promise<Desk> {
  const desk = await openDesk(browser, server.url, user, options);
  desks.push(desk);
  return desk;
}

async function setActivity(desk: Desk, activity: string): Promise<void> {
  await desk.page.getByLabel('Activity').fill(activity);
  await desk.page.getByLabel('Activity').press('Enter');
}

function lineSwitch(desk: Desk) {
  return desk.page.getByRole('switch', { name: 'Line to the server' });
}

/** The types of those messages about a user that say they came or went, a `sync` that names them offline included. `from`: skips earlier ones. */
async function comingsAndGoings(desk: Desk, user: string, from = 0): Promise<string[]> {
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

describe('two friends', { timeout: TEST_LIMIT_MS }, () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  }, TEST_LIMIT_MS);
  afterAll(() => server?.remove());

  it('see each other come online, and what the other does', async () => {
    const alice = await sitDown(server, 'alice');
    await alice.sees('bob', 'Offline');
    const bob = await sitDown(server, 'bob');
    await Promise.all([alice.sees('bob', 'Online'), bob.sees('alice', 'Online')]);

    await setActivity(bob, 'Ringing the bells');
    await alice.friend('bob').getByText('Ringing the bells').waitFor();
    await alice.page.getByRole('status').getByText('Bob Okafor: activity Ringing the bells.').waitFor();
    await bob.page.getByRole('radio', { name: 'Busy' }).check();
    await alice.sees('bob', 'Busy');

    const last = (await alice.wire()).at(-1);
    expect(last).toEqual({
      direction: 'down',
      type: 'u',
      bytes: 31,
      text: '{"t":"u","id":"bob","s":"Busy"}',
    });
  });

  it('notice nothing of ten seconds without a line, though the server is killed and started meanwhile', async () => {
    const bob = await sitDown(server, 'bob');
    const alice = await sitDown(server, 'alice');
    await alice.sees('bob', 'Online');
    const statusesOfBob = await watchStatus(alice, 'bob');
    const statusesOfAlice = await watchStatus(bob, 'alice');
    const heardByAlice = (await alice.wire()).length;
    const heardByBob = (await bob.wire()).length;

    await lineSwitch(bob).click();
    await bob.line('disconnected');
    // Changed while nobody can hear it: it arrives when the line is mended.
    await setActivity(bob, 'Mending the line');

    alice.outage = true;
    await server.kill9();
    await alice.line('disconnected');
    await server.start();
    await alice.line('connected');
    alice.outage = false;

    // The page counts the grace of 60 s down; ten seconds of it are over.
    await bob.page.getByText(/Friends notice nothing for another (50|4\d) s\./).waitFor();
    await lineSwitch(bob).click();
    await bob.line('connected');
    await alice.friend('bob').getByText('Mending the line').waitFor();

    for (const desk of [alice, bob]) await desk.page.getByText('resumed', { exact: true }).waitFor();
    expect(await statusesOfBob()).toEqual(['Online']);
    expect(await statusesOfAlice()).toEqual(['Online']);
    expect(await comingsAndGoings(alice, 'bob', heardByAlice)).toEqual([]);
    expect(await comingsAndGoings(bob, 'alice', heardByBob)).toEqual([]);
  });

  it('go on with their sessions when the page is reloaded, status and all', async () => {
    const bob = await sitDown(server, 'bob');
    await bob.page.getByRole('radio', { name: 'Away' }).check();
    await setActivity(bob, 'Reloading');
    const alice = await sitDown(server, 'alice');
    await alice.sees('bob', 'Away');
    const statusesOfBob = await watchStatus(alice, 'bob');

    await bob.page.reload();
    await bob.line('connected');
    await bob.page.getByText('resumed', { exact: true }).waitFor();
    expect(await bob.page.getByLabel('Activity').inputValue()).toBe('Reloading');
    expect(await bob.page.getByRole('radio', { name: 'Away' }).isChecked()).toBe(true);

    await setActivity(bob, 'Reloaded');
    await alice.friend('bob').getByText('Reloaded').waitFor();
    expect(await statusesOfBob()).toEqual(['Away']);
    expect(await comingsAndGoings(alice, 'bob')).toEqual([]);
  });

  it('see who logs out go offline at once, and an invisible one just the same', async () => {
    const bob = await sitDown(server, 'bob');
    const alice = await sitDown(server, 'alice');
    await alice.sees('bob', 'Online');
    await bob.page.getByRole('radio', { name: 'Invisible' }).check();
    await alice.friend('bob').getByText('Offline · just now').waitFor();
    await bob.page.getByText('friends see you offline').waitFor();
    await bob.page.getByRole('radio', { name: 'Online' }).check();
    await alice.sees('bob', 'Online');
    await bob.page.getByRole('button', { name: 'Log out' }).click();
    await alice.friend('bob').getByText('Offline · just now').waitFor();
    expect(new URL(bob.page.url()).search).toBe('');
  });

  it('stop seeing whom they unfollow at once, and start where they are when they follow again', async () => {
    const bob = await sitDown(server, 'bob');
    const alice = await sitDown(server, 'alice');
    await alice.sees('bob', 'Online');
    await alice.page.getByRole('button', { name: 'Unfollow Bob Okafor' }).click();
    await alice.friend('bob').waitFor({ state: 'detached' });

    const before = (await alice.wire()).length;
    await setActivity(bob, 'Nothing that alice should know');
    await bob.page.locator('.wire-message[data-type="ok"]').first().waitFor();
    await bob.page.getByRole('radio', { name: 'Busy' }).check();
    await alice.page.getByRole('button', { name: 'Follow Bob Okafor', exact: true }).click();
    await alice.sees('bob', 'Busy');
    const since = (await alice.wire()).slice(before).filter(({ text }) => text.includes('bob'));
    expect(since).toHaveLength(1);
    expect(since[0]?.type).not.toBe('u');
  });

  it('can be used by keyboard alone', async () => {
    const bob = await sitDown(server, 'bob');
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(server.url);
    await page.getByRole('link', { name: /Alice Moreau/ }).waitFor();

    /** Steps on until something of that name has the focus; fails after a round of the whole page. */
    const tabTo = async (name: string, key = 'Tab'): Promise<void> => {
      for (let step = 0; step < 60; step++) {
        await page.keyboard.press(key);
        if ((await focused()).name === name) return;
      }
      throw new Error(`no step reaches "${name}"`);
    };
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        const label = (element as HTMLInputElement).labels?.[0]?.textContent ?? element.textContent;
        const near = [element, element.nextElementSibling, element.parentElement].filter(
          (one) => one !== null,
        );
        const isMarked = near.some((one) => {
          const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
          return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
        });
        return {
          name: (element.getAttribute('aria-label') ?? label).trim(),
          isBody: element === document.body,
          isMarked,
        };
      });

    await tabTo('AMAlice Moreaualice');
    await page.keyboard.press('Enter');
    await page.locator('.line-state[data-state="connected"]').waitFor();
    await bob.sees('alice', 'Online');

    // Once round the page: every step shows where it is, and the round ends.
    const round: string[] = [];
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press('Tab');
      const { name, isBody, isMarked } = await focused();
      if (isBody) break;
      expect(isMarked, `focus on "${name}" can be seen`).toBe(true);
      round.push(name);
    }
    expect(round.length).toBeLessThan(60);
    for (const name of [
      'Log out',
      'Online',
      'Activity',
      'Project',
      'Language',
      'Pause',
      'Copy',
      'Messages, newest first',
    ])
      expect(round).toContain(name);

    await tabTo('Online');
    await page.keyboard.press('ArrowRight');
    await bob.sees('alice', 'Away');
    await tabTo('Project');
    await page.keyboard.type('atlas');
    await page.keyboard.press('Enter');
    await bob.friend('alice').getByText('atlas').waitFor();
    await page.keyboard.type(' and more');
    await page.keyboard.press('Escape');
    expect(await page.getByLabel('Project').inputValue()).toBe('atlas');

    // The button goes with its row; the focus goes on to the one that undoes it.
    await tabTo('Unfollow Bob Okafor');
    await page.keyboard.press('Enter');
    await page.locator('button:focus', { hasText: /^Follow$/ }).waitFor();
    expect((await focused()).name).toBe('Follow Bob Okafor');
    await page.keyboard.press('Enter');
    await page.locator('button:focus', { hasText: /^Unfollow$/ }).waitFor();
    expect((await focused()).name).toBe('Unfollow Bob Okafor');

    await page.getByRole('switch').focus();
    await page.keyboard.press('Space');
    await page.locator('.line-state[data-state="disconnected"]').waitFor();
    await page.keyboard.press('Space');
    await page.locator('.line-state[data-state="connected"]').waitFor();

    await tabTo('Log out', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await bob.sees('alice', 'Offline');
    await context.close();
  });

  it('are shown what goes over the wire, to the byte', async () => {
    const alice = await sitDown(server, 'alice', { permissions: ['clipboard-read', 'clipboard-write'] });
    await setActivity(alice, 'Zoë läutet 🔔');
    const ok = alice.page.locator('.wire-message[data-type="ok"]');
    await ok.first().waitFor();

    const messages = await alice.wire();
    expect(messages.map(({ direction, type }) => `${direction} ${type}`).slice(0, 3)).toEqual([
      'up login',
      'down token',
      'down sync',
    ]);
    const update = messages.find(({ type }) => type === 'statusUpdate');
    expect(update?.text).toContain('Zoë läutet 🔔');
    expect(update?.bytes).toBe(Buffer.byteLength(update?.text ?? ''));
    // A login token has hundreds of bytes; what is shown of it has not.
    const login = messages[0];
    expect(login?.text).toMatch(/"token":"eyJ[^"]{3}…"/);
    expect(login?.bytes).toBeGreaterThan(Buffer.byteLength(login?.text ?? '') + 50);

    await alice.page.getByRole('button', { name: 'Copy', exact: true }).click();
    await alice.page.getByRole('button', { name: 'Copied' }).waitFor();
    const copied = await alice.page.evaluate(() => navigator.clipboard.readText());
    expect(copied.split('\n')).toHaveLength(messages.length);
    expect(copied).toContain(`→ statusUpdate ${update?.bytes} B ${update?.text}`);

    await alice.page.getByRole('button', { name: 'Pause' }).click();
    await setActivity(alice, 'Unseen');
    const sent = messages.filter(({ direction }) => direction === 'up').length;
    await alice.page.getByTitle(`${sent + 1} messages sent`).waitFor();
    expect(await alice.wire()).toEqual(messages);
    await alice.page.getByRole('button', { name: 'Pause' }).click();
    await ok.nth(1).waitFor();
  });

  it('have a page that fits a phone, and a theme that stays as chosen', async () => {
    const alice = await sitDown(server, 'alice', {
      viewport: { width: 360, height: 740 },
      colorScheme: 'light',
      reducedMotion: 'reduce',
    });
    const { page } = alice;
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await overflow()).toBeLessThanOrEqual(0);
    const light = await ground();
    await page.getByRole('radio', { name: 'Dark' }).check();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    await alice.line('connected');
    expect(await ground()).toBe(dark);
    await page.getByRole('radio', { name: 'As the system' }).check();
    expect(await ground()).toBe(light);

    const bob = await sitDown(server, 'bob');
    await page.locator('.friend[data-user="bob"] [data-lit]').first().waitFor();
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    await bob.page.getByRole('button', { name: 'Log out' }).click();

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Who are you today?' }).waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
  });

  it('see that the line is lost wherever they look, and how old what they see is', async () => {
    const bob = await sitDown(server, 'bob');
    const alice = await sitDown(server, 'alice', { viewport: { width: 360, height: 740 } });
    await alice.sees('bob', 'Online');
    const { page } = alice;
    const banner = page.locator('.line-banner');
    const inSight = (of: ReturnType<typeof page.locator>) =>
      of.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      });
    expect(await banner.textContent()).toBe('');

    await page.getByRole('navigation', { name: 'Panels' }).getByRole('link', { name: 'Wire' }).click();
    await expect.poll(() => inSight(page.getByRole('heading', { name: 'Wire' }))).toBe(true);
    alice.outage = true;
    bob.outage = true;
    await server.kill9();
    await banner.getByText('Not connected.').waitFor();
    expect(await inSight(banner)).toBe(true);
    await page.getByText(/as of \d\d:\d\d/).waitFor();
    await page.locator('.switch-word', { hasText: /down|trying/ }).waitFor();
    expect(await page.locator('#line-effect').textContent()).toBe('Trying to reach the server.');
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );

    await server.start();
    await Promise.all([alice.line('connected'), bob.line('connected')]);
    alice.outage = false;
    bob.outage = false;
    await page.getByText(/as of/).waitFor({ state: 'detached' });
    expect(await banner.textContent()).toBe('');
    const lastDrop = page.locator('dt:text-is("Last drop") + dd');
    expect(await lastDrop.textContent()).toMatch(/^\d\d:\d\d:\d\d line_lost$/);
    await page.locator('.switch-word', { hasText: 'up' }).waitFor();

    await page.getByRole('switch').click();
    await banner.getByText('Line cut.').waitFor();
    await banner.getByRole('button', { name: 'Mend it' }).click();
    await alice.line('connected');
  });

  it('have the wire in sight on a small laptop, and a short page on a phone', async () => {
    const laptop = await sitDown(server, 'alice', { viewport: { width: 1024, height: 700 } });
    const messages = await laptop.page.locator('.wire-messages').boundingBox();
    expect((messages?.y ?? 0) + (messages?.height ?? Infinity)).toBeLessThanOrEqual(700);

    const phone = await sitDown(server, 'bob', { viewport: { width: 360, height: 740 } });
    const strangers = phone.page.locator('.strangers li').first();
    expect(await strangers.isVisible()).toBe(false);
    await phone.page.getByText(/^Not followed \(\d\)$/).click();
    expect(await strangers.isVisible()).toBe(true);
    // Back from a jump is the same person: nothing is loaded anew.
    await phone.page.evaluate(() => Object.assign(globalThis, { isTheSame: true }));
    await phone.page.getByRole('navigation', { name: 'Panels' }).getByRole('link', { name: 'Line' }).click();
    await phone.page.goBack();
    expect(await phone.page.evaluate(() => 'isTheSame' in globalThis)).toBe(true);
  });

  it('are told when a link names nobody', async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/?as=zed`);
    await page.getByRole('alert').getByText('There is no sample person “zed” here.').waitFor();
    await page.close();
  });
});

describe('a friend who does not come back', { timeout: TEST_LIMIT_MS }, () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer({ sessions: { graceMs: 1_500 } });
  }, TEST_LIMIT_MS);
  afterAll(() => server?.remove());

  it('is offline once the grace is over, and online again with a new session', async () => {
    const bob = await sitDown(server, 'bob');
    const alice = await sitDown(server, 'alice');
    await alice.sees('bob', 'Online');
    await lineSwitch(bob).click();
    await alice.friend('bob').getByText('Offline · just now').waitFor();
    await bob.page.getByText('The grace is over: friends see you offline.').waitFor();
    await lineSwitch(bob).click();
    await bob.line('connected');
    await bob.page.getByText('fresh', { exact: true }).waitFor();
    await alice.sees('bob', 'Online');
    expect(await comingsAndGoings(alice, 'bob')).toEqual(['x', 'o']);
  });

  it('is offline once the grace is over when the browser is gone', async () => {
    const bob = await openDesk(browser, server.url, 'bob');
    const alice = await sitDown(server, 'alice');
    await alice.sees('bob', 'Online');
    await bob.page.context().close();
    await alice.sees('bob', 'Offline');
    expect(await comingsAndGoings(alice, 'bob')).toEqual(['x']);
  });
});
