import { expect, it } from 'vitest';
import { watchStatus } from './browser-pages.ts';
import { comingsAndGoings, lineSwitch, setActivity, type Studio } from './studio-scene.ts';

/** What two friends see of each other. */
export function friendsTests(studio: Studio): void {
  it('see each other come online, and what the other does', async () => {
    const alice = await studio.sitDown('alice');
    await alice.sees('bob', 'Offline');
    const bob = await studio.sitDown('bob');
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
    const bob = await studio.sitDown('bob');
    const alice = await studio.sitDown('alice');
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
    await studio.server.kill9();
    await alice.line('disconnected');
    await studio.server.start();
    await alice.line('connected');
    alice.outage = false;

    // The page counts the grace of 60 s down; ten seconds of it are over.
    await bob.page.getByText(/Friends notice nothing for another (50|[1-4]?\d) s\./).waitFor();
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
    const bob = await studio.sitDown('bob');
    await bob.page.getByRole('radio', { name: 'Away' }).check();
    await setActivity(bob, 'Reloading');
    const alice = await studio.sitDown('alice');
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
    const bob = await studio.sitDown('bob');
    const alice = await studio.sitDown('alice');
    await alice.sees('bob', 'Online');
    await bob.page.getByRole('radio', { name: 'Invisible' }).check();
    await alice.friend('bob').getByText('Offline · just now').waitFor();
    await bob.page.getByText('friends see you offline').waitFor();
    await bob.page.getByRole('radio', { name: 'Online' }).check();
    await alice.sees('bob', 'Online');
    await bob.page.getByRole('button', { name: 'Log out' }).click();
    await alice.friend('bob').getByText('Offline · just now').waitFor();
    await bob.page.getByRole('heading', { name: 'Who are you today?' }).waitFor();
    expect(new URL(bob.page.url()).search).toBe('');
  });

  it('stop seeing whom they unfollow at once, and start where they are when they follow again', async () => {
    const bob = await studio.sitDown('bob');
    const alice = await studio.sitDown('alice');
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
}
