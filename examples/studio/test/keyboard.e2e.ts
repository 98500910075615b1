import { expect, it } from 'vitest';
import type { Studio } from './studio-scene.ts';

/** The page without a mouse. */
export function keyboardTests(studio: Studio): void {
  it('can be used by keyboard alone', async () => {
    const bob = await studio.sitDown('bob');
    const context = await studio.browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(studio.server.url);
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

    await page.getByRole('switch', { name: 'Line to the server' }).focus();
    await page.keyboard.press('Space');
    await page.locator('.line-state[data-state="disconnected"]').waitFor();
    await page.keyboard.press('Space');
    await page.locator('.line-state[data-state="connected"]').waitFor();

    await tabTo('Log out', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await bob.sees('alice', 'Offline');
    await context.close();
  });
}
