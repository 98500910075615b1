import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BareClient, Wire } from '../wire/scene/bare-client.ts';
import { noteFrame } from '../wire/scene/frame-check.ts';
import { loginToken } from '../wire/scene/login-token.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { scrape } from '../wire/scene/server-metrics.ts';
import { within } from '../wire/scene/within.ts';
import { holdDatabase } from './held-database.ts';

// A line is half-open when one side is gone and the other has not heard of it: here a client that is stopped with its
// socket open. Whether it is noticed is judged by what the server says and in which order, never by a clock; 30 s
// between two heartbeats make the 75 s of the protocol, here they are 400 ms.

const HEARTBEAT_MS = 400;

/** What a client has sent when it is stopped. */
const CHANGES = 3;

type Frozen = {
  readonly received: readonly Wire[];
  readonly ended: Promise<unknown>;
  readonly process: ChildProcess;
  waitFor(type: string): Promise<Wire>;
  send(message: object): void;
};

let scene: Scene;
const children: ChildProcess[] = [];
beforeEach(async () => {
  scene = await openScene({ CARILLON_SESSIONS_HEARTBEAT_MS: `${HEARTBEAT_MS}` });
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await scene.close();
});

async function start(user: string): Promise<Frozen> {
  const login = JSON.stringify({ t: 'login', username: user, token: await loginToken(user) });
  const program = fileURLToPath(new URL('frozen-client.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, `${scene.server.port}`, login],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const received: Wire[] = [];
  const waiting: { readonly type: string; readonly resolve: (message: Wire) => void }[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const message = JSON.parse(line) as Wire;
    if (message.t !== 'closed') noteFrame(line);
    received.push(message);
    for (const { type, resolve } of waiting) if (message.t === type) resolve(message);
  });
  return {
    received,
    ended: once(child, 'exit'),
    process: child,
    waitFor(type) {
      const before = received.find(({ t }) => t === type);
      const { promise, resolve } = Promise.withResolvers<Wire>();
      waiting.push({ type, resolve });
      if (before !== undefined) resolve(before);
      return within(promise, `${user} receives ${type}`);
    },
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
  };
}

/**
 * Stops the client amid changes of its own: the server has them and shows them, and their answers find nobody who reads.
 *
 * @returns how many changes were in flight
 */
async function freezeAmidChanges(sleeper: Frozen, friend: BareClient): Promise<number> {
  const letGo = holdDatabase(scene.databasePath);
  for (let i = 1; i <= CHANGES; i++) sleeper.send({ t: 'statusUpdate', a: `asleep ${i}`, i });
  await friend.waitFor('the last change', ({ a }) => a === `asleep ${CHANGES}`);
  sleeper.process.kill('SIGSTOP');
  const stopped = async (): Promise<void> => {
    // The third word, behind a name in brackets: its state, T for stopped (proc_pid_stat(5)).
    while (!(await readFile(`/proc/${sleeper.process.pid}/stat`, 'utf8')).includes(') T '));
  };
  await within(stopped(), 'the client is stopped');
  const unanswered = CHANGES - sleeper.received.filter(({ t }) => t === 'ok').length;
  letGo();
  return unanswered;
}

it('[HB3] a client that is stopped with its socket open is ended after two heartbeats, and changes nothing when it wakes', async () => {
  await scene.follow(['friend', 'sleeper']);
  const friend = await scene.logIn('friend');
  const sleeper = await start('sleeper');
  await sleeper.waitFor('hb');
  await friend.waitFor('o of sleeper', ({ t }) => t === 'o');
  expect(await freezeAmidChanges(sleeper, friend), 'changes in flight when it was stopped').toBe(CHANGES);
  friend.take();

  // One that never answers anything, and came after the other fell asleep: the server ends both the same way, this one
  // later, and it can tell.
  const mute = await scene.logIn('mute', {}, { alive: false });
  expect(await mute.closed).toEqual({ code: 4001, reason: 'heartbeat_missed' });
  expect(mute.received.map(({ t }) => t)).toEqual(['token', 'sync', 'hb', 'hb', 'bye']);
  const metrics = await scrape(scene.server);
  expect(metrics.value('carillon_connections_closed_total', '{reason="heartbeat_missed"}')).toBe(2);
  expect(metrics.value('carillon_connections')).toBe(1);
  expect(metrics.value('carillon_sessions', '{state="detached"}')).toBe(2);

  // Its session waits, and goes on elsewhere.
  const resume = sleeper.received[0]!['token'];
  const elsewhere = await scene.connect();
  expect((await elsewhere.logIn('sleeper', { resume })).token).toMatchObject({
    resumed: true,
    a: `asleep ${CHANGES}`,
  });
  elsewhere.send({ t: 'statusUpdate', a: 'awake elsewhere' });
  await friend.waitFor('u of sleeper', ({ t }) => t === 'u');
  expect(friend.take()).toEqual([{ t: 'u', id: 'sleeper', a: 'awake elsewhere' }]);

  // What it says when it wakes comes too late.
  sleeper.send({ t: 'statusUpdate', a: 'awake here' });
  sleeper.send({ t: 'logout' });
  sleeper.process.kill('SIGCONT');
  await within(sleeper.ended, 'the sleeper notices that its line is gone');
  const told = sleeper.received.map(({ t }) => t);
  expect(told.slice(0, 3)).toEqual(['token', 'sync', 'hb']);
  expect(told.at(-1)).toBe('closed');
  await elsewhere.settle();
  expect(elsewhere.closedWith).toBeNull();
  await friend.settle();
  expect(friend.take()).toEqual([]);
});

it('[RES3] a session that is resumed while its old line is half-open belongs to the new one from then on', async () => {
  await scene.follow(['friend', 'sleeper']);
  const friend = await scene.logIn('friend');
  const sleeper = await start('sleeper');
  await friend.waitFor('o of sleeper', ({ t }) => t === 'o');
  await sleeper.waitFor('sync');
  expect(await freezeAmidChanges(sleeper, friend), 'changes in flight when it was stopped').toBe(CHANGES);
  friend.take();

  const elsewhere = await scene.connect();
  expect((await elsewhere.logIn('sleeper', { resume: sleeper.received[0]!['token'] })).token['resumed']).toBe(
    true,
  );
  sleeper.send({ t: 'statusUpdate', s: 'Busy', a: 'awake here' });
  sleeper.send({ t: 'logout' });
  sleeper.process.kill('SIGCONT');
  await within(sleeper.ended, 'the sleeper notices that it was replaced');
  expect(sleeper.received.filter(({ t }) => t !== 'hb').slice(-2)).toEqual([
    { t: 'bye', code: 'replaced', advice: 'stop', m: expect.any(String) },
    { t: 'closed', code: 4204 },
  ]);
  elsewhere.take();
  elsewhere.send({ t: 'statusUpdate', a: 'still mine', i: 1 });
  await elsewhere.waitFor('ok', ({ t }) => t === 'ok');
  await friend.settle();
  expect(friend.take()).toEqual([{ t: 'u', id: 'sleeper', a: 'still mine' }]);
});
