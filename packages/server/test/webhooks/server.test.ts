import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineContract, stream } from '@carillon/contract';
import { type CarillonServer, createServer } from '@carillon/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { logIn, optionsIn } from '../contract/app-under-test.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { type Receiver, SECRET, startReceiver } from './receiver.ts';

let folder: string;
let receiver: Receiver;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-webhooks-'));
  receiver = await startReceiver(join(folder, 'received'));
});
afterEach(async () => {
  await receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What was taken about a subject, each once, in the order in which it came first. */
function taken(subject: string): string[] {
  const ids = new Set<string>();
  const types: string[] = [];
  for (const one of receiver.taken()) {
    if (one.subject !== subject || ids.has(one.id)) continue;
    ids.add(one.id);
    types.push(one.type);
  }
  return types;
}

const until = (subject: string, ...types: string[]): Promise<void> =>
  receiver.until(
    () => taken(subject).length >= types.length && types.every((type, i) => taken(subject)[i] === type),
  );

describe('carillon serve tells a real receiver', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await openScene({
      CARILLON_WEBHOOK_URL: receiver.url.href,
      CARILLON_WEBHOOK_SECRET: SECRET,
      CARILLON_SESSIONS_GRACE_MS: '1500',
    });
  });
  afterEach(() => scene.close());

  it('who comes and goes, and nothing of who is invisible', async () => {
    const alice = await scene.logIn('alice');
    const bob = await scene.logIn('bob', { s: 'Invisible' });
    await until('user alice', 'user.online');
    alice.send({ t: 'statusUpdate', s: 'Busy', i: 1 });
    await alice.waitFor('ok', ({ t }) => t === 'ok');
    alice.drop();
    const again = await scene.logIn('alice', { resume: alice.resumeToken });
    again.send({ t: 'logout' });
    await again.closed;
    await until('user alice', 'user.online', 'user.offline');
    bob.send({ t: 'statusUpdate', s: 'Online' });
    await until('user bob', 'user.online');
    bob.send({ t: 'statusUpdate', s: 'Invisible' });
    await until('user bob', 'user.online', 'user.offline');
    bob.drop();
    const carol = await scene.logIn('carol');
    carol.drop();
    await until('user carol', 'user.online', 'user.offline');
    expect(taken('user alice')).toEqual(['user.online', 'user.offline']);
    expect(taken('user bob')).toEqual(['user.online', 'user.offline']);
  });

  it('what it owed when it was killed, and who did not come back', async () => {
    const alice = await scene.logIn('alice');
    const bob = await scene.logIn('bob');
    await until('user bob', 'user.online');
    await until('user alice', 'user.online');
    await receiver.answerWith(503);
    const refused = receiver.received().length;
    const carol = await scene.logIn('carol');
    bob.send({ t: 'logout' });
    await bob.closed;
    await receiver.until(() => receiver.received().length >= refused + 2);
    await scene.stop('SIGKILL');
    expect(taken('user carol')).toEqual([]);
    expect(taken('user bob')).toEqual(['user.online']);
    await receiver.answerWith(204);
    await scene.restart();
    await scene.logIn('alice', { resume: alice.resumeToken });
    await until('user carol', 'user.online', 'user.offline');
    await until('user bob', 'user.online', 'user.offline');
    // Who resumed was never away; and what was told about the others was told under the ids of before.
    expect(taken('user alice')).toEqual(['user.online']);
    const carols = receiver
      .received()
      .filter(({ subject, type }) => subject === 'user carol' && type === 'user.online');
    expect(new Set(carols.map(({ id }) => id)).size).toBe(1);
    expect(carols.length).toBeGreaterThan(1);
    carol.drop();
    const log = scene.server.log.join('\n');
    expect(log).not.toContain(SECRET);
    expect(log).not.toContain('hush');
  });

  it('what it still could before it stopped, and the rest after its start', async () => {
    await scene.logIn('alice');
    await until('user alice', 'user.online');
    receiver.child.kill('SIGSTOP');
    const bob = await scene.logIn('bob');
    bob.send({ t: 'logout' });
    await bob.closed;
    expect(await scene.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    receiver.child.kill('SIGCONT');
    await scene.restart();
    await until('user bob', 'user.online', 'user.offline');
    await until('user alice', 'user.online', 'user.offline');
  });
});

describe('a server with channels tells', () => {
  const contract = defineContract({
    channels: { 'chat:{room}': stream({ data: z.string(), durability: 'memory' }) },
  });
  let server: CarillonServer<typeof contract>;
  afterEach(() => server.close(0));

  const open = async (): Promise<string> => {
    server = await createServer(contract, {
      ...optionsIn(folder),
      authorize: { 'chat:{room}': () => true },
      sessions: { graceMs: 200 },
      webhooks: { url: receiver.url.href, secret: SECRET },
    });
    return `${(await server.listen()).url.replace('http', 'ws')}/ws`;
  };

  it('when the first comes to a channel, and when the last has gone', async () => {
    const url = await open();
    const [alice, bob] = [await logIn(url, 'alice'), await logIn(url, 'bob')];
    await alice.ask({ t: 'sub', c: 'chat:x' });
    await bob.ask({ t: 'sub', c: 'chat:x' });
    await until('channel chat:x', 'channel.occupied');
    await alice.ask({ t: 'unsub', c: 'chat:x' });
    await alice.ask({ t: 'sub', c: 'chat:y' });
    await bob.ask({ t: 'unsub', c: 'chat:x' });
    await until('channel chat:x', 'channel.occupied', 'channel.vacated');
    await until('channel chat:y', 'channel.occupied');
    // Gone for good when the grace is over.
    alice.socket.terminate();
    await until('channel chat:y', 'channel.occupied', 'channel.vacated');
    expect(taken('channel chat:x')).toEqual(['channel.occupied', 'channel.vacated']);
    bob.socket.terminate();
  });

  it('nothing of a stop: sessions go on with their channels after it', async () => {
    const alice = await logIn(await open(), 'alice');
    await alice.ask({ t: 'sub', c: 'chat:x' });
    await until('channel chat:x', 'channel.occupied');
    await server.close(0);
    const url = await open();
    const bob = await logIn(url, 'bob');
    await bob.ask({ t: 'sub', c: 'chat:z' });
    await until('channel chat:z', 'channel.occupied');
    expect(taken('channel chat:x')).toEqual(['channel.occupied']);
    bob.socket.terminate();
  });
});
