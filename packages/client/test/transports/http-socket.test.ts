import { expect, it } from 'vitest';
import type { FetchLike, ResponseLike } from '../../src/platform.ts';
import { createPollSocket } from '../../src/transports/poll-socket.ts';
import { createSseSocket } from '../../src/transports/sse-socket.ts';
import { createVirtualClock } from './virtual-clock.ts';

type Asked = { readonly body: Record<string, unknown>; answer(status: number, json: object): void };

/** A line to a server that answers what the test says, when it says it. */
function line(way: 'sse' | 'longpoll') {
  const clock = createVirtualClock();
  const asked: Asked[] = [];
  const told: unknown[] = [];
  let push: (text: string) => void = () => undefined;
  const stream = (): ResponseLike => {
    const pieces: string[] = ['event: line\ndata: {"line":"a.1"}\n\n'];
    let wake = (): void => undefined;
    push = (text) => {
      pieces.push(text);
      wake();
    };
    return {
      ok: true,
      status: 200,
      json: () => Promise.reject(new Error('a stream')),
      body: {
        getReader: () => ({
          async read() {
            if (pieces.length === 0) await new Promise<void>((resolve) => (wake = resolve));
            const text = pieces.shift();
            return text === '' || text === undefined
              ? { done: true, value: undefined }
              : { done: false, value: new TextEncoder().encode(text) };
          },
        }),
      },
    };
  };
  const fetch: FetchLike = (_url, { body, signal }) =>
    new Promise((resolve, reject) => {
      const parsed = JSON.parse(body) as Record<string, unknown>;
      signal.addEventListener('abort', () => reject(new Error('aborted')));
      if (way === 'sse' && parsed['line'] === undefined) return resolve(stream());
      asked.push({
        body: parsed,
        answer: (status, json) => resolve({ ok: status === 200, status, json: () => Promise.resolve(json) }),
      });
    });
  const platform = { ...clock.parts, random: () => 0.5 } as never;
  const parts = { platform, fetch, url: 'http://test.invalid/line' };
  const socket =
    way === 'sse'
      ? createSseSocket(parts)
      : createPollSocket({ ...parts, idleMs: () => null, onIdleCut: () => undefined });
  socket.addEventListener('message', ({ data }) => told.push(JSON.parse(data as string)));
  socket.addEventListener('close', ({ code }) => told.push({ closed: code }));
  return {
    clock,
    told,
    socket,
    push: (text: string) => push(text),
    /** The next request, once it is there. */
    async next(): Promise<Asked> {
      for (let ms = 0; asked.length === 0; ms += 50) {
        if (ms > 10_000) throw new Error('nothing was asked');
        await clock.advance(50);
      }
      return asked.shift()!;
    },
    asked,
  };
}

const UNKNOWN = { code: 'line_unknown', m: '' };
const AWAY = { code: 'unavailable', m: '', retryAfterMs: 1_000 };

/** A line of polls that stands: a poll waits, and a message is on its way. */
async function talking() {
  const scene = line('longpoll');
  scene.socket.send('{"t":"login"}');
  (await scene.next()).answer(200, { line: 'a.1', k: 1, ms: [{ t: 'token' }] });
  const poll = await scene.next();
  scene.socket.send('{"t":"pub"}');
  const send = await scene.next();
  expect([poll.body['ack'], send.body['n']]).toEqual([1, 2]);
  scene.told.length = 0;
  return { ...scene, poll, send };
}

it('[HTTP6] numbers its polls, also one that takes the place of one it gave up', async () => {
  const { next, poll } = await talking();
  expect(poll.body).toEqual({ line: 'a.1', ack: 1, wait: 25_000, p: 1 });
  poll.answer(503, {});
  expect((await next()).body).toEqual({ line: 'a.1', ack: 1, wait: 25_000, p: 2 });
});

it('[HTTP2] [HTTP5] where a message learns that the line has ended, the poll that waits still says why', async () => {
  const { clock, poll, send, told } = await talking();
  send.answer(404, UNKNOWN);
  await clock.advance(500);
  expect(told).toEqual([]);
  poll.answer(200, { line: 'a.1', k: 2, ms: [{ t: 'bye', code: 'replaced' }], close: 4204 });
  await clock.advance(5_000);
  expect(told).toEqual([{ t: 'bye', code: 'replaced' }, { closed: 4204 }]);
});

it('[HTTP2] [HTTP4] the same of a stream', async () => {
  const { clock, next, push, socket, told } = line('sse');
  socket.send('{"t":"login"}');
  await clock.advance(0);
  socket.send('{"t":"pub"}');
  (await next()).answer(404, UNKNOWN);
  await clock.advance(500);
  push('event: close\ndata: {"close":4204}\n\n');
  push('');
  await clock.advance(5_000);
  expect(told).toEqual([{ closed: 4204 }]);
});

it('[HTTP2] where nothing more is said the line is over a second later', async () => {
  const { clock, send, told } = await talking();
  send.answer(404, UNKNOWN);
  await clock.advance(1_000);
  expect(told).toEqual([{ closed: 1006 }]);
});

it('[HTTP2] a poll that learns it ends the line at once', async () => {
  const { clock, poll, told } = await talking();
  poll.answer(404, UNKNOWN);
  await clock.advance(0);
  expect(told).toEqual([{ closed: 1006 }]);
});

it.each(['send', 'poll'] as const)(
  '[HTTP7] a line whose node is out of reach is given up at the third answer that says so, seconds later: %s',
  async (which) => {
    const scene = await talking();
    const { clock, told, next } = scene;
    const beganMs = clock.parts.nowMs();
    scene[which].answer(503, AWAY);
    const repeated: unknown[] = [];
    for (let time = 0; time < 2; time++) {
      expect(told).toEqual([]);
      const again = await next();
      repeated.push(again.body);
      again.answer(503, AWAY);
    }
    await clock.advance(1_000);
    expect(told).toEqual([{ closed: 1006 }]);
    const { body } = scene[which];
    expect(repeated).toEqual(which === 'send' ? [body, body] : [2, 3].map((p) => ({ ...body, p })));
    expect(clock.parts.nowMs() - beganMs).toBeLessThan(8_000);
  },
);

it('[HTTP7] and not where it is reached in between, or something between says 503', async () => {
  const { clock, told, next, send } = await talking();
  send.answer(503, AWAY);
  (await next()).answer(503, AWAY);
  (await next()).answer(503, { error: 'a page of a proxy' });
  (await next()).answer(503, AWAY);
  (await next()).answer(503, AWAY);
  (await next()).answer(200, { n: 3 });
  await clock.advance(5_000);
  expect(told).toEqual([]);
});
