import { expect, it } from 'vitest';
import { type Desk, PATIENCE_MS } from './browser-pages.ts';
import { lineSwitch, type Studio } from './studio-scene.ts';

function editor(desk: Desk) {
  return desk.page.getByRole('textbox', { name: 'Text of the document' });
}

/** Waits until the page says so of what was changed on it. */
async function says(desk: Desk, saved: string): Promise<void> {
  await desk.page.locator(`.doc-saved[data-saved="${saved}"]`).waitFor();
}

/** The panel is loaded when it comes into sight. */
async function open(desk: Desk): Promise<void> {
  await desk.page.locator('#document').scrollIntoViewIfNeeded();
  await says(desk, 'saved');
}

/** The text, a line for each block, without the names on the cursors of others. */
function textOf(desk: Desk): Promise<string> {
  return editor(desk).evaluate((element) => {
    const copy = element.cloneNode(true) as HTMLElement;
    for (const caret of copy.querySelectorAll('.doc-caret')) caret.remove();
    return [...copy.querySelectorAll('p, h1, h2, h3')].map((block) => block.textContent).join('\n');
  });
}

async function reads(desk: Desk, text: string): Promise<void> {
  await expect.poll(() => textOf(desk), { interval: 5, timeout: PATIENCE_MS }).toBe(text);
}

/**
 * Puts the cursor at the end of a line, as people do: by `focus()` the browser puts it anywhere. Again where the editor drew anew, for a
 * cursor of another, before it had heard of the click: then it is back where it was.
 */
async function goTo(desk: Desk, line: string): Promise<void> {
  const there = async (): Promise<string> => {
    await editor(desk).locator('p', { hasText: line }).click();
    await desk.page.keyboard.press('End');
    return desk.page.evaluate(async () => {
      for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      return getSelection()?.anchorNode?.parentElement?.closest('p')?.textContent ?? '';
    });
  };
  await expect.poll(there, { interval: 5, timeout: PATIENCE_MS }).toContain(line);
}

/** Begins anew with these two lines, each of which has somebody at its end. */
async function begin(first: Desk, second: Desk, lines: readonly [string, string]): Promise<void> {
  await open(first);
  await open(second);
  await editor(first).click();
  await first.page.keyboard.press('Control+A');
  await first.page.keyboard.press('Backspace');
  await first.page.keyboard.type(lines[0]);
  await first.page.keyboard.press('Enter');
  await first.page.keyboard.type(lines[1]);
  await reads(second, lines.join('\n'));
  await goTo(first, lines[0]);
  await goTo(second, lines[1]);
  await Promise.all([says(first, 'saved'), says(second, 'saved')]);
}

/** Changes somebody's role, and waits until the server has it. */
async function giveRole(desk: Desk, user: string, role: string): Promise<void> {
  await desk.page.locator(`.doc-roles [data-user="${user}"] select`).selectOption(role);
  await desk.page.locator(`.doc-roles [data-user="${user}"][data-role="${role}"]`).waitFor();
}

function notice(desk: Desk, kind: string) {
  return desk.page.locator(`.doc-state .notice[data-kind="${kind}"]`);
}

/** One document, edited together. */
export function documentTests(studio: Studio): void {
  it('two people type at once, also while one is cut off, and both end with all of it, saved', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    await begin(alice, bob, ['Top', 'Bottom']);
    await alice.page.locator('.doc-caret[data-user="bob"]').getByText('Bob Okafor').waitFor();
    await bob.page.locator('.doc-here [data-user="alice"]').waitFor();
    await Promise.all([alice.page.keyboard.type(' of the tower'), bob.page.keyboard.type(' of the stairs')]);
    const together = ['Top of the tower', 'Bottom of the stairs'];
    await Promise.all([alice, bob].map((desk) => reads(desk, together.join('\n'))));

    await lineSwitch(bob).click();
    await bob.line('disconnected');
    await goTo(bob, 'Bottom');
    await Promise.all([alice.page.keyboard.type(', in the wind'), bob.page.keyboard.type(', in the dark')]);
    await says(bob, 'unsent');
    await says(alice, 'saved');
    await notice(bob, 'unsent').getByText('There is no line.').waitFor();
    expect(await textOf(alice)).toBe('Top of the tower, in the wind\nBottom of the stairs');
    expect(await textOf(bob)).toBe('Top of the tower\nBottom of the stairs, in the dark');

    await lineSwitch(bob).click();
    await bob.line('connected');
    const all = 'Top of the tower, in the wind\nBottom of the stairs, in the dark';
    await Promise.all([alice, bob].map((desk) => reads(desk, all)));
    await Promise.all([says(alice, 'saved'), says(bob, 'saved')]);
    await notice(bob, 'unsent').waitFor({ state: 'detached' });

    // Undo takes back what one did oneself, and nothing of the other's.
    await alice.page.getByRole('button', { name: 'Undo what I did' }).click();
    await expect
      .poll(() => textOf(bob), { interval: 5, timeout: PATIENCE_MS })
      .not.toContain(', in the wind');
    expect(await textOf(bob)).toContain('Bottom of the stairs, in the dark');
  });

  it('a role that is taken away while its owner types is said, nothing of it reaches the others, and reading goes on', async () => {
    const alice = await studio.sitDown('alice');
    const carol = await studio.sitDown('carol');
    await begin(alice, carol, ['Top', 'Bottom']);
    let isTold = false;
    const told = notice(carol, 'role')
      .waitFor()
      .then(() => {
        isTold = true;
      });
    const typing = (async () => {
      while (!isTold) await carol.page.keyboard.type('.');
    })();
    await editor(alice).getByText('Bottom...').waitFor();
    await giveRole(alice, 'carol', 'read');
    await Promise.all([told, typing]);
    expect(await notice(carol, 'role').textContent()).toContain(
      'You may not write in this document any more.',
    );
    await editor(carol).and(carol.page.locator('[aria-readonly="true"]')).waitFor();
    // What she typed in the moment in which it was taken away may have been refused, and says so.
    const refused = notice(carol, 'refused').getByRole('button', { name: 'Throw it away' });
    await carol.page.locator('.doc-saved:is([data-saved="saved"], [data-saved="refused"])').waitFor();
    if (await refused.isVisible()) await refused.click();
    await says(carol, 'saved');
    const taken = await textOf(alice);
    await reads(carol, taken);
    await goTo(carol, 'Bottom');
    await carol.page.keyboard.type('more');
    await goTo(alice, 'Top');
    await alice.page.keyboard.type('!');
    await editor(carol).getByText('Top!').waitFor();
    expect(await textOf(alice)).toBe(taken.replace('Top', 'Top!'));
    expect(await textOf(carol)).toBe(await textOf(alice));

    // Without a line nobody can say so: what was typed meanwhile is refused, by its reason, and can be thrown away.
    await giveRole(alice, 'carol', 'write');
    await carol.page.locator('.doc-editor[data-role="write"]').waitFor();
    await lineSwitch(carol).click();
    await carol.line('disconnected');
    await goTo(carol, 'Bottom');
    await carol.page.keyboard.type(' in vain');
    await says(carol, 'unsent');
    await giveRole(alice, 'carol', 'read');
    await lineSwitch(carol).click();
    await carol.line('connected');
    await says(carol, 'refused');
    expect(await notice(carol, 'refused').textContent()).toContain(
      'was not taken: you may not write in it any more (forbidden).',
    );
    await refused.click();
    await says(carol, 'saved');
    await reads(carol, taken.replace('Top', 'Top!'));
    expect(await textOf(alice)).not.toContain('in vain');

    await giveRole(alice, 'carol', 'none');
    await notice(carol, 'ended').getByText('You are shut out of this document.').waitFor();
    await alice.page.locator('.doc-here [data-user="carol"]').waitFor({ state: 'detached' });
    await giveRole(alice, 'carol', 'write');
    await notice(carol, 'ended').getByRole('button', { name: 'Ask again' }).click();
    await says(carol, 'saved');
  });

  it('who comments does so beside the text and not in it, about a passage, and who only reads reads it', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    await begin(alice, bob, ['Fifty bells answer', 'Nobody knows why']);
    const said = (desk: Desk) => desk.page.locator('.doc-comment');
    const form = bob.page.getByLabel('A new comment');
    await giveRole(alice, 'bob', 'comment');
    await bob.page.getByText('You may read this document and comment on it, and not change it.').waitFor();
    await editor(bob)
      .getByText('Fifty')
      .dblclick({ position: { x: 10, y: 10 } });
    await bob.page.keyboard.type('Sixty');
    await bob.page.getByPlaceholder('Comment on “Fifty”').fill('Only forty-nine.');
    await bob.page.getByRole('button', { name: 'Comment', exact: true }).click();
    await said(alice).getByText('Only forty-nine.').waitFor();
    expect(await said(alice).locator('q').textContent()).toBe('Fifty');
    await alice.page.locator('.doc-passage', { hasText: 'Fifty' }).waitFor();
    expect(await textOf(alice)).toBe('Fifty bells answer\nNobody knows why');

    await giveRole(alice, 'bob', 'read');
    await form.waitFor({ state: 'detached' });
    await alice.page.getByLabel('A new comment').fill('Count again.');
    await alice.page.getByRole('button', { name: 'Comment', exact: true }).click();
    await said(bob).getByText('Count again.').waitFor();
    await giveRole(alice, 'bob', 'write');
    await form.waitFor();
  });

  it('a version is named, found on the slider with what has changed since, and restored under the cursor of another', async () => {
    const alice = await studio.sitDown('alice');
    const bob = await studio.sitDown('bob');
    await begin(alice, bob, ['The first line', 'The second line']);
    const { page } = alice;
    await page.getByLabel('Name of a version').fill('Before the storm');
    await page.getByRole('button', { name: 'Save version' }).click();
    const slider = (desk: Desk) => desk.page.getByLabel('Version', { exact: true });
    // The other page hears of it too.
    await slider(bob).and(bob.page.locator(':enabled')).waitFor();
    await goTo(alice, 'The first line');
    for (let step = 0; step < 4; step++) await page.keyboard.press('Backspace');
    await page.keyboard.type('storm');
    await reads(bob, 'The first storm\nThe second line');
    await says(alice, 'saved');

    await slider(alice).focus();
    await page.keyboard.press('ArrowLeft');
    await page.locator('.doc-version-name', { hasText: '“Before the storm” by Alice Moreau' }).waitFor();
    const difference = page.getByLabel('Difference to now');
    await difference.locator('del').first().waitFor();
    const gone = await difference.locator('del').allTextContents();
    const added = await difference.locator('ins').allTextContents();
    expect([gone.join('').length, added.join('').length]).toEqual([4, 5]);
    await page.getByRole('button', { name: 'As it was' }).click();
    await page.getByLabel('The version as it was').getByText('The first line').waitFor();
    await page.getByRole('button', { name: 'Restore this' }).click();
    await Promise.all([alice, bob].map((desk) => reads(desk, 'The first line\nThe second line')));

    // He never moved: what he types goes where he was.
    await bob.page.keyboard.type(', unharmed');
    await reads(alice, 'The first line\nThe second line, unharmed');
    // What was there before is kept as well.
    await expect.poll(() => slider(alice).getAttribute('max'), { timeout: PATIENCE_MS }).toBe('2');
  });
}
