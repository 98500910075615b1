import { once } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { type RealServer, reads, saved, signed, startReal, synced, textIn } from './providers.ts';

let real: RealServer;
beforeEach(async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  real = await startReal({ limits: LIMITS });
});
afterEach(async () => {
  await real.stop();
  vi.restoreAllMocks();
});

/** Room for what is tried here in a moment. */
const LIMITS = { newSessionBurst: 10_000, messagesPerSecond: 5_000, messageBurst: 10_000 };

/** Random numbers from a seed (Numerical Recipes, the linear congruential generator). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const CONNECTIONS = 60;
const FRAMES = 20;

/** What a client sends, with some of it cut off, changed or put in. */
function mutated(frame: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = [...frame];
  for (let n = random(4); n > 0; n--) {
    const at = random(bytes.length + 1);
    if (random(3) === 0) bytes.splice(at, random(4));
    else if (random(2) === 0) bytes.splice(at, 0, random(256), random(256));
    else bytes[at] = random(256);
  }
  return Uint8Array.from(bytes);
}

function framesOf(prefix: readonly number[]): readonly Uint8Array[] {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'abc');
  doc.getText('text').delete(1, 1);
  const update = [...Y.encodeStateAsUpdate(doc)];
  const vector = [...Y.encodeStateVector(doc)];
  const awareness = [1, 5, 1, 2, 0x7b, 0x7d];
  return [
    [0, 0, vector.length, ...vector],
    [0, 1, update.length, ...update],
    [0, 2, update.length, ...update],
    [1, awareness.length, ...awareness],
    [3],
    [7],
  ].map((body) => Uint8Array.from([...prefix, ...body]));
}

it.each(['yjs', 'hocuspocus'] as const)(
  'malformed frames of a client of %s end its own connection at most: nobody else sees a thing of them',
  async (kind) => {
    const seed = Date.now() % 2 ** 32;
    const random = randomFrom(seed);
    const [one, two] = [real.yjs('alice'), real.hocuspocus('bob')];
    await Promise.all([synced(one), synced(two)]);
    const prefix = kind === 'yjs' ? [] : [5, ...Buffer.from('paper')];
    const frames = framesOf(prefix);
    const token = signed('mallory');
    const auth = Buffer.concat([
      Uint8Array.from([...prefix, 2, 0, (token.length % 128) | 128, token.length >> 7]),
      Buffer.from(token),
    ]);
    const path = kind === 'yjs' ? `/yjs/paper?token=${token}` : '/hocuspocus';
    for (let n = 0; n < CONNECTIONS; n++) {
      const socket = new WebSocket(`ws://127.0.0.1:${real.port}${path}`);
      await once(socket, 'open');
      const closed = once(socket, 'close');
      if (kind === 'hocuspocus') socket.send(auth);
      for (let i = 0; i < FRAMES; i++) socket.send(mutated(frames[random(frames.length)]!, random));
      socket.close();
      await closed;
    }
    const before = textIn(one).toJSON();
    textIn(one).insert(0, 'still here ');
    await reads(textIn(one).toJSON(), two);
    await saved(two);
    textIn(two).insert(0, 'both ');
    await reads(textIn(two).toJSON(), one);
    expect(textIn(one).toJSON().replaceAll(/a?c?/g, ''), `seed ${seed}, ${before}`).toContain(
      'both still here ',
    );
  },
);

it('[DOC4] an update that no client could apply is refused, asked for anew, and refused again: the client is closed', async () => {
  const watcher = real.yjs('bob');
  await synced(watcher);
  const socket = new WebSocket(`ws://127.0.0.1:${real.port}/yjs/paper?token=${signed('mallory')}`);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  socket.on('message', (data: Buffer) => {
    // Asked for what the server lacks, it answers with the same.
    if (data[0] === 0 && data[1] === 0) socket.send(Uint8Array.of(0, 1, 3, 9, 9, 9));
  });
  socket.send(Uint8Array.of(0, 0, 1, 0));
  expect((await closed)[0]).toBe(4400);
  textIn(watcher).insert(0, 'fine');
  await reads('fine', real.yjs('alice'));
});

it('[DOC6] an awareness state of a megabyte is refused and reaches nobody; the client goes on', async () => {
  const [large, watcher] = [real.yjs('alice'), real.yjs('bob')];
  await Promise.all([synced(large), synced(watcher)]);
  const warned = new Promise<unknown>((resolve) => {
    vi.spyOn(console, 'warn').mockImplementation(resolve);
  });
  large.awareness.setLocalState({ large: 'x'.repeat(1_000_000) });
  expect(await warned).toContain('too_large');
  textIn(large).insert(0, 'goes on');
  await reads('goes on', watcher);
  expect([...watcher.awareness.getStates().values()].some((state) => 'large' in state)).toBe(false);
});

/** More than the kernel takes for a socket that nobody reads. */
const CHANGES = 300;

it('[REC6] a reader that does not read is held little for, and is brought up to date once it does', async () => {
  const [writer, slow] = [real.hocuspocus('alice'), real.yjs('bob')];
  await Promise.all([synced(writer), synced(slow)]);
  const socket = slow.ws as unknown as WebSocket;
  socket.pause();
  const chunk = 'x'.repeat(50_000);
  for (let n = 1; n <= CHANGES; n++) {
    textIn(writer).delete(0, textIn(writer).length);
    textIn(writer).insert(0, `${n} ${chunk}`);
    await saved(writer);
  }
  expect(real.server.node.counts().heldUnits).toBeLessThan(4 * 1024 * 1024);
  const metrics = await (await fetch(`http://127.0.0.1:${real.port}/metrics`)).text();
  expect(metrics).toMatch(/^carillon_slow_consumers_total [1-9]/m);
  expect(metrics).toMatch(/^carillon_channel_dropped_total\{policy="resync"\} [1-9]/m);
  socket.resume();
  await reads(`${CHANGES} ${chunk}`, slow);
});
