import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { runTail, type TailHost } from '../../src/cli/tail/run-tail.ts';
import { SETTINGS, TOKEN } from './tail-driver.ts';

/** A server of literal frames, and a terminal of the test's. */
async function open(print: TailHost['print']) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const sockets: WebSocket[] = [];
  const subscribed = Promise.withResolvers<WebSocket>();
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('message', (data: Buffer) => {
      const { t, i } = JSON.parse(data.toString()) as { t: string; i?: number };
      if (t === 'login')
        for (const frame of [TOKEN, { t: 'sync', users: [] }]) socket.send(JSON.stringify(frame));
      if (t !== 'sub') return;
      socket.send(JSON.stringify({ t: 'ok', i, e: 'e', o: 0 }));
      subscribed.resolve(socket);
    });
  });
  const url = new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  let drained: (() => void) | undefined;
  let interrupt: (() => void) | undefined;
  const told: string[] = [];
  const ended = (settings: Partial<typeof SETTINGS>): Promise<number> =>
    runTail(
      { ...SETTINGS, ...settings },
      {
        url,
        getToken: () => Promise.resolve('jwt'),
        print,
        tell: (line) => void told.push(line),
        drained: (then) => {
          drained = then;
        },
        interrupted: (then) => {
          interrupt = then;
        },
      },
    );
  return {
    ended,
    url,
    told,
    sockets,
    subscribed: subscribed.promise,
    drain: () => drained?.(),
    interrupt: () => interrupt?.(),
    async close() {
      for (const socket of sockets) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a tail whose output nobody takes', () => {
  it('reads no further until it is taken, and then everything', async () => {
    const frames = 2_000;
    const filler = 'x'.repeat(32_000);
    let printed = 0;
    const s = await open(() => {
      printed++;
      return printed !== 1;
    });
    const ended = s.ended({ count: frames });
    const socket = await s.subscribed;
    for (let o = 1; o <= frames; o++) socket.send(`{"t":"p","c":"chat:1","o":${o},"d":"${filler}"}`);
    // Each turn of this loop is one in which the client could read on: without the pause it has all of it by far.
    for (let turn = 0; turn < 5_000; turn++) await nextTurn();
    expect(printed).toBeLessThan(100);
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    s.drain();
    expect(await ended).toBe(0);
    expect(printed).toBe(frames);
    await s.close();
  });
});

describe('a tail whose line is silent', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('gives it up, but not while nobody takes its output', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const printed = Promise.withResolvers<void>();
    const s = await open(() => {
      printed.resolve();
      return false;
    });
    const ended = s.ended({});
    const socket = await s.subscribed;
    socket.send('{"t":"p","c":"chat:1","o":1,"d":1}');
    await printed.promise;
    vi.advanceTimersByTime(1_000_000);
    expect(s.told).toEqual([]);
    s.drain();
    vi.advanceTimersByTime(74_999);
    expect(s.told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(s.told).toEqual(['the line is silent; trying again']);
    s.interrupt();
    expect(await ended).toBe(0);
    vi.useRealTimers();
    await s.close();
  });
});

describe('a tail that is interrupted', () => {
  it('closes its connection in order, and opens none', async () => {
    const printed = Promise.withResolvers<void>();
    const s = await open(() => {
      printed.resolve();
      return true;
    });
    const ended = s.ended({});
    const socket = await s.subscribed;
    socket.send('{"t":"p","c":"chat:1","o":1,"d":1}');
    await printed.promise;
    const closed = once(socket, 'close');
    s.interrupt();
    expect(await ended).toBe(0);
    expect((await closed)[0]).toBe(1005);
    expect(s.told).toEqual(['position e:1']);
    const early = s.ended({});
    s.interrupt();
    expect(await early).toBe(0);
    await nextTurn();
    // Whatever it had opened would have come before this one.
    await once(new WebSocket(s.url), 'open');
    expect(s.sockets).toHaveLength(2);
    await s.close();
  });
});
