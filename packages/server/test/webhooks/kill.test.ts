import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Receiver, startReceiver } from './receiver.ts';

const EMITTER = fileURLToPath(new URL('emitter-process.ts', import.meta.url));

type Stored = { readonly id: string; readonly type: string; readonly user: string };

/**
 * Runs a life of the emitter.
 *
 * @param killAfter it is killed once so many of its events were stored; null: until nothing waits any more
 * @returns the events that it said were stored, in their order
 */
async function live(path: string, receiver: Receiver, killAfter: number | null): Promise<Stored[]> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=carillon-source',
      EMITTER,
      path,
      receiver.url.href,
      killAfter === null ? 'deliver' : 'emit',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const stored: Stored[] = [];
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const [mark, id = '', type = '', user = ''] = line.split(' ');
    if (mark === '=' && user !== '') stored.push({ id, type, user: `user ${user}` });
    if ((killAfter !== null && stored.length >= killAfter) || line === 'idle') child.kill('SIGKILL');
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return stored;
}

it('server and receiver are killed again and again: what was stored arrives, signed, in the order of its subject', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-webhooks-'));
  const path = join(folder, 'test.sqlite');
  const receiver = await startReceiver(join(folder, 'received'));
  try {
    const stored: Stored[] = [];
    stored.push(...(await live(path, receiver, 500)));
    expect(receiver.taken().length, 'delivered before the first kill').toBeGreaterThan(0);
    await receiver.answerWith(503);
    stored.push(...(await live(path, receiver, 200)));
    await receiver.kill();
    stored.push(...(await live(path, receiver, 200)));
    // Alive, and answering nothing: what is in flight when the server is killed was written down over there.
    await receiver.restart(0);
    stored.push(...(await live(path, receiver, 200)));
    const taken = new Set(receiver.taken().map(({ id }) => id));
    const owed = stored.filter(({ id }) => !taken.has(id));
    expect(owed.length, 'owed when the last life begins').toBeGreaterThan(500);
    await receiver.restart(1);
    expect(await live(path, receiver, null)).toEqual([]);

    const arrived = receiver.taken();
    const arrivedIds = new Set(arrived.map(({ id }) => id));
    expect(stored.filter(({ id }) => !arrivedIds.has(id))).toEqual([]);
    for (const user of new Set(stored.map((one) => one.user))) {
      const first = arrived.filter(
        ({ id, subject }, i) => subject === user && arrived.findIndex((one) => one.id === id) === i,
      );
      // Each comes after the one before it, and what was in flight when a life ended comes first in the next.
      const order = stored.filter((one) => one.user === user).map(({ id }) => id);
      const ids = first.map(({ id }) => id).filter((id) => order.includes(id));
      expect(ids, user).toEqual(order);
      // Never twice the same: who is told "online" was offline before, whatever was killed in between.
      expect(first.map(({ type }) => type).filter((type, i, types) => type === types[i - 1])).toEqual([]);
    }
  } finally {
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
