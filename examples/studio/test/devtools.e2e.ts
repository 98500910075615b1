import { expect, it } from 'vitest';
import { lineSwitch, setActivity, type Studio } from './studio-scene.ts';

/** The client's devtools, as any app would open them: built, under the page's own policy. */
export function devtoolsTests(studio: Studio): void {
  it('load the devtools when they open them, and not before', async () => {
    const bob = await studio.sitDown('bob');
    const alice = await studio.sitDown('alice');
    const { page } = alice;
    const loaded = () =>
      page.evaluate(
        () => performance.getEntriesByType('resource').filter(({ name }) => name.includes('devtools')).length,
      );
    const panel = page.getByRole('region', { name: 'Carillon devtools' });
    const open = page.getByRole('button', { name: 'Devtools' });
    expect(await loaded()).toBe(0);
    await open.click();
    await panel.waitFor();
    expect(await loaded()).toBe(1);

    await panel.getByRole('tab', { name: /^Wire/ }).click();
    await setActivity(bob, 'Seen from within');
    await panel.locator('[data-type="u"]', { hasText: 'Seen from within' }).waitFor();

    // A login over a new line: its tokens are the server's real ones.
    alice.outage = true;
    await lineSwitch(alice).click();
    await panel.getByRole('tab', { name: /^Connection/ }).click();
    await panel.getByText(/^60 s, \d+ s left$/).waitFor();
    await lineSwitch(alice).click();
    await alice.line('connected');
    await panel.getByRole('tab', { name: /^Wire/ }).click();
    await panel.locator('[data-type="login"]').waitFor();
    await panel.locator('[data-type="token"]').waitFor();
    const shown = await panel.evaluate((element) => element.outerHTML);
    expect(shown).toContain('●●●');
    expect(shown, 'a JWT').not.toMatch(/eyJ/);
    for (const { text } of await alice.wire())
      for (const [, secret] of text.matchAll(/"(?:token|resume)":"([^"…]+)/g))
        expect(shown).not.toContain(secret);

    await panel.getByRole('tab', { name: /^Channels/ }).click();
    await panel.locator('summary', { hasText: 'room:lobby' }).getByText('live').waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
  });

  it('use the devtools by keyboard, and are back where they were once these are closed', async () => {
    const { page } = await studio.sitDown('alice');
    const panel = page.getByRole('region', { name: 'Carillon devtools' });
    const open = page.getByRole('button', { name: 'Devtools' });
    const focused = (name: RegExp) =>
      panel.getByRole('tab', { name, selected: true }).and(panel.locator(':focus'));
    await open.focus();
    await page.keyboard.press('Enter');
    await focused(/^Connection/).waitFor();
    await page.keyboard.press('ArrowLeft');
    await focused(/^Wire/).waitFor();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await focused(/^Channels/).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(await open.evaluate((button) => button === document.activeElement)).toBe(true);
  });

  it('have devtools that fit a phone, in the colours of their theme, with texts that can be read', async () => {
    const { page } = await studio.sitDown('alice', {
      viewport: { width: 360, height: 740 },
      colorScheme: 'dark',
    });
    await page.getByRole('button', { name: 'Devtools' }).click();
    const panel = page.getByRole('region', { name: 'Carillon devtools' });
    await page.getByLabel('Activity').fill('on a phone');
    await page.getByLabel('Activity').press('Enter');
    const widths = (): Promise<boolean> =>
      panel.evaluate((element) => {
        const tabpanel = element.querySelector('[role=tabpanel]')!;
        return (
          tabpanel.scrollWidth <= tabpanel.clientWidth && document.documentElement.scrollWidth <= innerWidth
        );
      });
    for (const name of [/^Connection/, /^Channels/, /^Friends/, /^Wire/]) {
      await panel.getByRole('tab', { name }).click();
      expect(await widths(), String(name)).toBe(true);
    }
    expect(await leastContrast(panel)).toBeGreaterThan(4.5);
    await page.getByRole('radio', { name: 'Light' }).check();
    expect(await leastContrast(panel)).toBeGreaterThan(4.5);
  });
}

/** The least contrast of a text in the panel against what is behind it (WCAG 2.2, 1.4.3). */
function leastContrast(panel: { evaluate<T>(run: (element: Element) => T): Promise<T> }): Promise<number> {
  return panel.evaluate((element) => {
    const channels = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (colour: string): number =>
      channels(colour)
        .slice(0, 3)
        .map((each) => (each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4))
        .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index]!, 0);
    const behind = (of: Element | null): string => {
      for (let one = of; one !== null; one = one.parentElement) {
        const { backgroundColor } = getComputedStyle(one);
        if (channels(backgroundColor)[3] !== 0) return backgroundColor;
      }
      return 'rgb(255, 255, 255)';
    };
    const ratios = [...element.querySelectorAll('*')]
      .filter((one) => [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE))
      .filter((one) => !(one as HTMLButtonElement).disabled && one.getClientRects().length > 0)
      .map((one) => {
        const [a, b] = [luminance(getComputedStyle(one).color), luminance(behind(one))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      });
    return Math.min(...ratios);
  });
}
