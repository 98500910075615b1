import { expect, it } from 'vitest';
import { type Desk, watchStatus } from './browser-pages.ts';
import { comingsAndGoings, lineSwitch, type Studio } from './studio-scene.ts';

async function say(desk: Desk, text: string): Promise<void> {
  await desk.page.getByLabel('Say something').fill(text);
  await desk.page.getByRole('button', { name: 'Say', exact: true }).click();
}

async function hears(desk: Desk, text: string): Promise<void> {
  await desk.page.locator('.room-text').getByText(text, { exact: true }).waitFor();
}

function said(desk: Desk): Promise<string[]> {
  return desk.page.locator('.room-text').allTextContents();
}

async function isCarriedBy(desk: Desk, transport: string): Promise<void> {
  await desk.page.locator(`[data-transport="${transport}"]`).waitFor();
}

/** Ways to the server, and what is said while there is none. */
export function transportTests(studio: Studio): void {
  it('[HTTP4] go on by requests where WebSockets are broken, in the same session, and back; friends see nothing', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    await isCarriedBy(bob, 'websocket');
    const session = await bob.page.locator('[data-session]').getAttribute('data-session');
    const seen = await watchStatus(alice, 'bob');
    const before = (await alice.wire()).length;

    bob.outage = true;
    const webSockets = bob.page.getByRole('switch', { name: 'WebSockets' });
    await webSockets.click();
    await isCarriedBy(bob, 'sse');
    await say(alice, 'over a stream');
    await hears(bob, 'over a stream');
    await say(bob, 'by a request');
    await hears(alice, 'by a request');

    await webSockets.click();
    // As when the network changed: otherwise it looks for a better way within half a minute.
    await bob.page.evaluate(() => dispatchEvent(new Event('online')));
    await isCarriedBy(bob, 'websocket');
    bob.outage = false;
    await say(alice, 'and back');
    await hears(bob, 'and back');
    expect(await said(bob)).toEqual(['over a stream', 'by a request', 'and back']);
    expect(await bob.page.locator('[data-session]').getAttribute('data-session')).toBe(session);
    expect(await seen()).toEqual(['Online']);
    expect(await comingsAndGoings(alice, 'bob', before)).toEqual([]);
  });

  it('[PUB7] find what they said without a line behind a reload, and it is said once; what was taken back is not', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    bob.outage = true;
    await lineSwitch(bob).click();
    await bob.line('disconnected');
    for (const text of ['from a tunnel', 'never mind', 'still in it']) await say(bob, text);
    const waiting = bob.page.locator('.room-waiting');
    await waiting.filter({ hasText: 'waits for the line' }).nth(2).waitFor();
    await waiting.filter({ hasText: 'never mind' }).getByRole('button', { name: 'Take back' }).click();
    await waiting.filter({ hasText: 'never mind' }).waitFor({ state: 'detached' });
    expect(await waiting.locator('.room-waiting-text').allTextContents()).toEqual([
      'from a tunnel',
      'still in it',
    ]);
    const before = await said(alice);

    await bob.page.reload();
    await bob.line('connected');
    bob.outage = false;
    await hears(alice, 'still in it');
    await hears(bob, 'still in it');
    await waiting.first().waitFor({ state: 'detached' });
    expect(await said(alice)).toEqual([...before, 'from a tunnel', 'still in it']);
  });
}
