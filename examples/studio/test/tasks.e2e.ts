import type { Route } from 'playwright-core';
import { expect, it } from 'vitest';
import { type Desk, PATIENCE_MS } from './browser-pages.ts';
import type { Studio } from './studio-scene.ts';

/** Changes that each device makes while it is offline. */
const CHANGES = 50;

const offline = (desk: Desk) => desk.page.getByRole('switch', { name: 'Offline' });
const rows = (desk: Desk) => desk.page.locator('.task');
const row = (desk: Desk, title: string) => rows(desk).filter({ hasText: title });
const refusals = (desk: Desk) => desk.page.locator('.task-refusals .notice');

async function add(desk: Desk, title: string): Promise<void> {
  await desk.page.getByLabel('A new task').fill(title);
  await desk.page.getByRole('button', { name: 'Add', exact: true }).click();
}

async function finish(desk: Desk, title: string): Promise<void> {
  await desk.page.getByRole('checkbox', { name: `${title}: done`, exact: true }).click();
}

async function rename(desk: Desk, title: string, next: string): Promise<void> {
  await desk.page.getByRole('button', { name: `Rename ${title}`, exact: true }).click();
  await desk.page.getByLabel('New title').fill(next);
  await desk.page.getByLabel('New title').press('Enter');
}

async function remove(desk: Desk, title: string): Promise<void> {
  await desk.page.getByRole('button', { name: `Delete ${title}`, exact: true }).click();
}

/** Waits until everything that was changed here, and is seen here, is the backend's and has come back. */
async function isSaved(desk: Desk): Promise<void> {
  await desk.page.locator('#tasks .switch-word[data-waiting="0"]').waitFor();
}

async function isLive(desk: Desk): Promise<void> {
  await desk.page.locator('#tasks .panel-aside').getByText('live').waitFor();
}

/** What the page shows: title and whether it is done. */
function shown(desk: Desk): Promise<string[]> {
  return rows(desk).evaluateAll((all) =>
    all.map((each) => {
      const isDone = each.querySelector<HTMLInputElement>('input[type=checkbox]')?.checked === true;
      return `${isDone ? 'x' : '-'} ${each.querySelector('.task-title')?.textContent}`;
    }),
  );
}

/** What the backend says, asked as the page would ask it. */
async function kept({ server }: Studio, user: string): Promise<string[]> {
  const login = await fetch(`${server.url}/dev/token`, { method: 'POST', body: JSON.stringify({ user }) });
  const { token } = (await login.json()) as { readonly token: string };
  const answer = await fetch(`${server.url}/app/tasks`, { headers: { authorization: `Bearer ${token}` } });
  const { tasks } = (await answer.json()) as { readonly tasks: { title: string; done: boolean }[] };
  return tasks.map(({ title, done }) => `${done ? 'x' : '-'} ${title}`);
}

/** Changes of a user that were carried out, each with how often. */
function carriedOut({ server }: Studio, user: string): readonly number[] {
  return server
    .backendRows(
      `SELECT count(*) AS times FROM audit WHERE user = '${user}' GROUP BY coalesce(mutation, seq)`,
    )
    .map(({ times }) => Number(times));
}

/** Tasks of one person, kept by the app's own backend. */
export function tasksTests(studio: Studio): void {
  it('sees each change on both at once, and how long it took', async () => {
    const phone = await studio.sitDown('alice');
    const laptop = await studio.sitDown('alice');
    const other = await studio.sitDown('bob');
    await Promise.all([isLive(phone), isLive(laptop), isLive(other)]);
    await add(phone, 'Oil the clapper');
    await row(laptop, 'Oil the clapper').waitFor();
    await laptop.page
      .getByText(/^“Oil the clapper”, changed on another device, was here \d+ ms after/)
      .waitFor();
    await phone.page.getByText(/^“Oil the clapper”, changed here, was here \d+ ms after/).waitFor();
    await isSaved(phone);
    await rename(laptop, 'Oil the clapper', 'Oil both clappers');
    await row(phone, 'Oil both clappers').waitFor();
    await finish(phone, 'Oil both clappers');
    await laptop.page.locator('.task[data-done]').waitFor();
    // Whoever comes later is told of nothing that just happened.
    const tablet = await studio.sitDown('alice');
    await row(tablet, 'Oil both clappers').waitFor();
    expect(await tablet.page.locator('#tasks-effect').textContent()).toBe(
      'A change shows on all devices of this person.',
    );
    // Nobody else's.
    expect(await rows(other).count()).toBe(0);
    await remove(laptop, 'Oil both clappers');
    await rows(phone).first().waitFor({ state: 'detached' });
    await Promise.all([isSaved(phone), isSaved(laptop)]);
    expect(carriedOut(studio, 'alice')).toEqual([1, 1, 1, 1]);
  });

  it(`makes ${CHANGES} changes on each while both are offline: both end with the backend's truth, and each was made once, though the backend is killed meanwhile`, async () => {
    const phone = await studio.sitDown('carol');
    const laptop = await studio.sitDown('carol');
    await Promise.all([isLive(phone), isLive(laptop)]);
    const shared = Array.from({ length: 10 }, (_, at) => `Bell ${at}`);
    for (const title of shared) await add(phone, title);
    await row(laptop, 'Bell 9').waitFor();
    await isSaved(phone);

    for (const [desk, name] of [
      [phone, 'phone'],
      [laptop, 'laptop'],
    ] as const) {
      desk.outage = true;
      await offline(desk).click();
      for (let at = 0; at < 24; at++) await add(desk, `From the ${name} ${String(at).padStart(2, '0')}`);
      for (let at = 0; at < 8; at++) await rename(desk, `From the ${name} 0${at}`, `By ${name} ${at}`);
      for (let at = 0; at < 8; at++) await finish(desk, `By ${name} ${at}`);
      // Both change what both have: of a task, the same, and the same one is deleted.
      for (const title of shared.slice(0, 7)) await finish(desk, title);
      for (const title of shared.slice(7)) await remove(desk, title);
      await desk.page.getByText(`${CHANGES} changes wait`).waitFor();
    }
    expect(carriedOut(studio, 'carol')).toHaveLength(shared.length);

    await Promise.all([offline(phone).click(), offline(laptop).click()]);
    await expect
      .poll(() => carriedOut(studio, 'carol').length, { interval: 5, timeout: PATIENCE_MS })
      .toBeGreaterThan(20);
    process.kill(studio.server.backendPid(), 'SIGKILL');
    await Promise.all([isSaved(phone), isSaved(laptop)]);
    for (const desk of [phone, laptop]) desk.outage = false;

    const truth = await kept(studio, 'carol');
    expect(truth).toHaveLength(7 + 2 * 24);
    expect(await shown(phone)).toEqual(truth);
    expect(await shown(laptop)).toEqual(truth);
    const times = carriedOut(studio, 'carol');
    expect(times).toHaveLength(shared.length + 2 * CHANGES);
    expect(new Set(times)).toEqual(new Set([1]));
    expect(await refusals(phone).count()).toBe(0);
    expect(await refusals(laptop).count()).toBe(0);
  });

  it('is told what the backend refuses, and why; the change is taken back', async () => {
    const phone = await studio.sitDown('dave');
    const laptop = await studio.sitDown('dave');
    for (const desk of [phone, laptop]) desk.outage = true;
    await Promise.all([isLive(phone), isLive(laptop)]);
    await add(phone, '   ');
    await refusals(phone)
      .getByText('A task was not added: title: must not be empty (task_invalid)')
      .waitFor();
    expect(await rows(phone).count()).toBe(0);
    await phone.page.getByRole('button', { name: 'Dismiss' }).click();
    await refusals(phone).waitFor({ state: 'detached' });

    await add(phone, 'Tune');
    await row(laptop, 'Tune').waitFor();
    await Promise.all([isSaved(phone), isSaved(laptop)]);
    await offline(laptop).click();
    await rename(laptop, 'Tune', 'Tune the treble');
    await row(laptop, 'Tune the treble').getByText('waits').waitFor();
    await rename(phone, 'Tune', 'Tune the tenor');
    await row(phone, 'Tune the tenor').waitFor();
    await isSaved(phone);
    await offline(laptop).click();
    await refusals(laptop).filter({ hasText: '“Tune the treble” was not renamed' }).waitFor();
    expect(await refusals(laptop).getAttribute('data-code')).toBe('version_conflict');
    await isSaved(laptop);
    // The refusal may be here before the change that was faster.
    await row(laptop, 'Tune the tenor').waitFor();
    expect(await shown(laptop)).toEqual(['- Tune the tenor']);
    expect(await kept(studio, 'dave')).toEqual(['- Tune the tenor']);
  });

  it('keeps what a backend cannot take, whose answer is lost, or never comes, and says so; it is made once when the backend can', async () => {
    const desk = await studio.sitDown('erin');
    desk.outage = true;
    await isLive(desk);
    await desk.page.route('**/app/tasks', (route) =>
      route.request().method() === 'POST' ? route.fulfill({ status: 500, body: 'oh' }) : route.continue(),
    );
    await add(desk, 'While it fails');
    await desk.page.getByText('does not take changes at the moment (http_500)').waitFor();
    await row(desk, 'While it fails').getByText('waits').waitFor();
    await desk.page.unroute('**/app/tasks');
    await isSaved(desk);

    // Carried out, and the answer is lost on its way.
    const lose = async (route: Route): Promise<void> => {
      await route.fetch();
      await route.abort();
    };
    await desk.page.route('**/app/tasks/*', lose, { times: 1 });
    await finish(desk, 'While it fails');
    await desk.page.locator('.task[data-done]').waitFor();
    await isSaved(desk);

    const pid = studio.server.backendPid();
    process.kill(pid, 'SIGSTOP');
    await add(desk, 'While it says nothing');
    await row(desk, 'While it says nothing').getByText('on its way').waitFor();
    await desk.page.getByText('does not take changes at the moment (deadline_exceeded)').waitFor();
    process.kill(pid, 'SIGCONT');
    await isSaved(desk);
    expect(await shown(desk)).toEqual(['x While it fails', '- While it says nothing']);
    expect(await kept(studio, 'erin')).toEqual(['x While it fails', '- While it says nothing']);
    expect(carriedOut(studio, 'erin')).toEqual([1, 1, 1]);
    // Of what was sent twice the second was answered as the first.
    expect(await refusals(desk).count()).toBe(0);
  });

  it('finds what it changed offline behind a reload', async () => {
    const desk = await studio.sitDown('frank');
    desk.outage = true;
    await isLive(desk);
    await offline(desk).click();
    await add(desk, 'From a tunnel');
    await desk.page.getByText('1 change waits').waitFor();
    // The switch is the page's: it is online again behind the reload.
    await desk.page.reload();
    await desk.line('connected');
    await row(desk, 'From a tunnel').waitFor();
    await isSaved(desk);
    expect(await kept(studio, 'frank')).toEqual(['- From a tunnel']);
    expect(carriedOut(studio, 'frank')).toEqual([1]);
  });
}
