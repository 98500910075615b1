import { expect, it } from 'vitest';
import { setActivity, type Studio } from './studio-scene.ts';

/** What the page shows, and on which screens. */
export function pageTests(studio: Studio): void {
  it('are shown what goes over the wire, to the byte', async () => {
    const alice = await studio.sitDown('alice', { permissions: ['clipboard-read', 'clipboard-write'] });
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
    const alice = await studio.sitDown('alice', {
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

    const bob = await studio.sitDown('bob');
    await page.locator('.friend[data-user="bob"] [data-lit]').first().waitFor();
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    await bob.page.getByRole('button', { name: 'Log out' }).click();

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Who are you today?' }).waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
  });

  it('see that the line is lost wherever they look, and how old what they see is', async () => {
    const bob = await studio.sitDown('bob');
    const alice = await studio.sitDown('alice', { viewport: { width: 360, height: 740 } });
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
    await studio.server.kill9();
    await banner.getByText('Not connected.').waitFor();
    expect(await inSight(banner)).toBe(true);
    await page.getByText(/as of \d\d:\d\d/).waitFor();
    await page.locator('.switch-word', { hasText: /down|trying/ }).waitFor();
    expect(await page.locator('#line-effect').textContent()).toBe('Trying to reach the server.');
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );

    await studio.server.start();
    await Promise.all([alice.line('connected'), bob.line('connected')]);
    alice.outage = false;
    bob.outage = false;
    await page.getByText(/as of/).waitFor({ state: 'detached' });
    expect(await banner.textContent()).toBe('');
    const lastDrop = page.locator('dt:text-is("Last drop") + dd');
    expect(await lastDrop.textContent()).toMatch(/^\d\d:\d\d:\d\d line_lost$/);
    await page.locator('.switch-word', { hasText: 'up' }).waitFor();

    await page.getByRole('switch', { name: 'Line to the server' }).click();
    await banner.getByText('Line cut.').waitFor();
    await banner.getByRole('button', { name: 'Mend it' }).click();
    await alice.line('connected');
  });

  it('have the wire in sight on a small laptop, and a short page on a phone', async () => {
    const laptop = await studio.sitDown('alice', { viewport: { width: 1024, height: 700 } });
    const messages = await laptop.page.locator('.wire-messages').boundingBox();
    expect((messages?.y ?? 0) + (messages?.height ?? Infinity)).toBeLessThanOrEqual(700);

    const phone = await studio.sitDown('bob', { viewport: { width: 360, height: 740 } });
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
    const page = await studio.browser.newPage();
    await page.goto(`${studio.server.url}/?as=zed`);
    await page.getByRole('alert').getByText('There is no sample person “zed” here.').waitFor();
    await page.close();
  });
}
