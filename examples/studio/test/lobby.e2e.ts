import { expect, it } from 'vitest';
import type { Desk } from './browser-pages.ts';
import { lineSwitch, type Studio } from './studio-scene.ts';

async function say(desk: Desk, text: string): Promise<void> {
  await desk.page.getByLabel('Say something').fill(text);
  await desk.page.getByRole('button', { name: 'Say', exact: true }).click();
}

function said(desk: Desk): Promise<string[]> {
  return desk.page.locator('.room-text').allTextContents();
}

async function isLive(desk: Desk): Promise<void> {
  await desk.page.locator('#room .panel-aside').getByText('live').waitFor();
  await desk.page.locator('#board .panel-aside').getByText('live').waitFor();
}

/** The room, the board and the cursors: a stream, a map and signals. */
export function lobbyTests(studio: Studio): void {
  it('what is said reaches everybody, and who was away gets all of it, once and in order', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    await Promise.all([isLive(alice), isLive(bob)]);
    await alice.page.locator('#room .panel-aside').getByText('2 here').waitFor();
    await say(alice, 'Who rings today?');
    await bob.page.locator('.room-text').getByText('Who rings today?').waitFor();

    await lineSwitch(bob).click();
    await bob.line('disconnected');
    for (const text of ['one', 'two', 'three']) await say(alice, text);
    await alice.page.locator('.room-text').getByText('three').waitFor();
    // Said without a line: it goes out when the line is mended.
    await say(bob, 'four');
    alice.outage = true;
    await studio.server.kill9();
    await alice.line('disconnected');
    await studio.server.start();
    await alice.line('connected');
    alice.outage = false;
    await lineSwitch(bob).click();
    await bob.line('connected');
    await Promise.all(
      [alice, bob].map((desk) => desk.page.locator('.room-text').getByText('four').waitFor()),
    );
    const expected = ['Who rings today?', 'one', 'two', 'three', 'four'];
    expect(await said(alice)).toEqual(expected);
    expect(await said(bob)).toEqual(expected);

    // Whoever comes later finds what was said.
    const carol = await studio.sitDown('carol');
    await carol.page.locator('.room-text').getByText('four').waitFor();
    expect(await said(carol)).toEqual(expected);
  });

  it('a note that one moves, by the keyboard too, moves for everybody, and is gone for everybody', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    await Promise.all([isLive(alice), isLive(bob)]);
    await alice.page.getByLabel('A new note').fill('Oil the clapper');
    await alice.page.getByRole('button', { name: 'Pin' }).click();
    const note = (desk: Desk) => desk.page.locator('.board-note').filter({ hasText: 'Oil the clapper' });
    await note(bob).waitFor();
    const before = await note(bob).evaluate((element) => (element as HTMLElement).style.left);
    await note(alice).focus();
    await alice.page.keyboard.press('ArrowRight');
    const moved = `${parseFloat(before) + 5}%`;
    await bob.page.locator(`.board-note[style*="left: ${moved}"]`).waitFor();
    await note(bob).focus();
    await bob.page.keyboard.press('Delete');
    await note(alice).waitFor({ state: 'detached' });
  });

  it('where one points on the board, the others see', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    await Promise.all([isLive(alice), isLive(bob)]);
    await alice.page.locator('.board').hover({ position: { x: 60, y: 60 } });
    await bob.page.locator('.board-cursor[data-user="alice"]').waitFor();
    expect(await alice.page.locator('.board-cursor').count()).toBe(0);
  });
}
