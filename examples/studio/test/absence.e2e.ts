import { expect, it } from 'vitest';
import { openDesk } from './browser-pages.ts';
import { comingsAndGoings, lineSwitch, type Studio } from './studio-scene.ts';

/** What is seen of a friend who does not come back. For a server whose grace is short. */
export function absenceTests(studio: Studio): void {
  it('is offline once the grace is over, and online again with a new session', async () => {
    const bob = await studio.sitDown('bob');
    const alice = await studio.sitDown('alice');
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
    const bob = await openDesk(studio.browser, studio.server.url, 'bob');
    const alice = await studio.sitDown('alice');
    await alice.sees('bob', 'Online');
    await bob.page.context().close();
    await alice.sees('bob', 'Offline');
    expect(await comingsAndGoings(alice, 'bob')).toEqual(['x']);
  });
}
