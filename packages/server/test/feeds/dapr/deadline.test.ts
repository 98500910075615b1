import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createDaprSource, type DaprSource } from '../../../src/adapters/dapr/dapr-source.ts';
import type { Intake, SourceEvent, Verdict } from '../../../src/ports/source.ts';
import { createVirtualClock, type VirtualClock } from '../../runtime/virtual-clock.ts';
import { APP_TOKEN } from '../feed-scene.ts';

// The source alone before an intake that answers when the test says so, over real HTTP and in virtual time.

const DEADLINE_MS = 10_000;
const RETRY = { status: 'RETRY', code: 'unavailable', detail: expect.any(String) };

/** An event that the intake was given. */
type Taken = {
  readonly event: SourceEvent;
  readonly signal: AbortSignal;
  answer(verdict: Verdict): void;
};

type Scene = {
  readonly source: DaprSource;
  readonly clock: VirtualClock;
  readonly intake: Intake;
  /** The next event that the intake is given. */
  next(): Promise<Taken>;
  post(body?: string): Promise<unknown>;
  /** Begins a request, and leaves its body unfinished. */
  begin(body: string): { readonly answer: Promise<unknown>; leave(): void };
  close(): Promise<void>;
};

let scene: Scene;
afterEach(() => scene.close());

async function open(inFlight = 64): Promise<Scene> {
  const clock = createVirtualClock();
  const taken: Taken[] = [];
  let arrived = Promise.withResolvers<void>();
  const intake: Intake = {
    take(event, signal = new AbortController().signal) {
      const { promise, resolve } = Promise.withResolvers<Verdict>();
      taken.push({ event, signal, answer: resolve });
      arrived.resolve();
      arrived = Promise.withResolvers();
      return promise;
    },
  };
  const source = createDaprSource({
    ...{ token: APP_TOKEN, pubsubName: 'pubsub', eventBytes: 4_096, bulkBytes: 4_096, escapedHeaders: false },
    topics: [{ name: 't', rawPayload: false, deadLetterTopic: null, bulk: null }],
    ...{ inFlight, deadlineMs: DEADLINE_MS, clock, id: () => 'x' },
    ...{ poison: () => undefined, refused: () => undefined, warn: () => undefined },
  });
  const server = createServer((incoming, outgoing) => {
    if (!source.serve(incoming, outgoing)) outgoing.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  function begin(body: string, end = false): ReturnType<Scene['begin']> {
    const sent = request({
      ...{ host: '127.0.0.1', port, method: 'POST', path: '/dapr/events/t' },
      headers: { 'dapr-api-token': APP_TOKEN, 'content-type': 'application/cloudevents+json' },
    });
    const answer = (once(sent, 'response') as Promise<[IncomingMessage]>).then(async ([response]) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
      return JSON.parse(text) as unknown;
    });
    sent.write(body);
    if (end) sent.end();
    return { answer, leave: () => void sent.destroy() };
  }

  return {
    source,
    clock,
    intake,
    begin,
    post: (body = '{"id":"1"}') => begin(body, true).answer,
    async next() {
      while (taken.length === 0) await arrived.promise;
      return taken.shift()!;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Until the server has so many requests in hand: each has begun to count its time. */
async function untilTimers(count: number): Promise<void> {
  while (scene.clock.timers < count) await new Promise((resolve) => setImmediate(resolve));
}

it('an intake that hangs is answered RETRY at the deadline, and not before', async () => {
  scene = await open();
  await scene.source.start(scene.intake);
  let answered: unknown = null;
  const answer = scene.post().then((given) => (answered = given));
  const { signal } = await scene.next();
  await scene.clock.advance(DEADLINE_MS - 1);
  expect([signal.aborted, answered]).toEqual([false, null]);
  await scene.clock.advance(1);
  expect(signal.aborted).toBe(true);
  expect(await answer).toEqual(RETRY);
});

it('a verdict within the deadline is answered, and nothing is left of the time', async () => {
  scene = await open();
  await scene.source.start(scene.intake);
  const answer = scene.post();
  (await scene.next()).answer({ result: 'applied', duplicate: true });
  expect(await answer).toEqual({ status: 'SUCCESS' });
  expect(scene.clock.timers).toBe(0);
  const refused = scene.post();
  (await scene.next()).answer({ result: 'unavailable', detail: 'no log', retryAfterMs: 100 });
  expect(await refused).toEqual(RETRY);
  expect(scene.source.positions()).toEqual([{ topic: 't', partition: 'pubsub', position: 1, lag: null }]);
});

it('a body that does not come is answered RETRY at the deadline, and one whose sender left is forgotten', async () => {
  scene = await open(1);
  await scene.source.start(scene.intake);
  const slow = scene.begin('{"id"');
  await untilTimers(1);
  await scene.clock.advance(DEADLINE_MS);
  expect(await slow.answer).toEqual(RETRY);
  const gone = scene.begin('{"id"');
  gone.answer.catch(() => undefined);
  await untilTimers(1);
  gone.leave();
  // Its place is free again.
  const answer = scene.post();
  (await scene.next()).answer({ result: 'ignored' });
  expect(await answer).toEqual({ status: 'SUCCESS' });
});

it('no more requests are worked on than may be; those that wait have their deadline as well', async () => {
  scene = await open(2);
  await scene.source.start(scene.intake);
  const first = [scene.post('{"id":"1"}'), scene.post('{"id":"2"}')];
  const taken = [await scene.next(), await scene.next()];
  const waiting = scene.post('{"id":"3"}');
  await untilTimers(3);
  let third = false;
  const next = scene.next().then((given) => {
    third = true;
    return given;
  });
  await scene.clock.settle();
  expect(third).toBe(false);
  taken[0]!.answer({ result: 'applied', duplicate: false });
  (await next).answer({ result: 'applied', duplicate: false });
  expect(await waiting).toEqual({ status: 'SUCCESS' });

  // The intake never comes back with the second: its place stays taken, beyond its answer.
  await scene.clock.advance(DEADLINE_MS);
  expect(await first[1]).toEqual(RETRY);
  const used = scene.post('{"id":"4"}');
  await scene.next();
  const late = scene.post('{"id":"5"}');
  void scene.next().then(() => (third = false));
  await untilTimers(2);
  await scene.clock.advance(DEADLINE_MS);
  expect(await Promise.all([used, late])).toEqual([RETRY, RETRY]);
  expect(third).toBe(true);
});

it('before its start and behind its stop everything comes again; the stop waits for what was taken', async () => {
  scene = await open();
  expect(await scene.post()).toEqual(RETRY);
  await scene.source.start(scene.intake);
  const answer = scene.post();
  const { answer: reach } = await scene.next();
  let stopped = false;
  const stop = scene.source.stop().then(() => (stopped = true));
  expect(await scene.post()).toEqual(RETRY);
  expect(stopped).toBe(false);
  reach({ result: 'applied', duplicate: false });
  expect(await answer).toEqual({ status: 'SUCCESS' });
  await stop;
});

it('a body that somebody on the same server has read is refused, and not taken for an empty event', async () => {
  scene = await open();
  await scene.source.start(scene.intake);
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on('end', () => scene.source.serve(incoming, outgoing));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/dapr/events/t`, {
    method: 'POST',
    headers: { 'dapr-api-token': APP_TOKEN },
    body: '{"id":"1"}',
  });
  // Any status but 200 and 404 has the sidecar send it again.
  expect([answer.status, await answer.json()]).toEqual([
    400,
    { error: { code: 'bad_json', message: expect.stringContaining('read before') } },
  ]);
  server.closeAllConnections();
  server.close();
});

it('events of a partition share a lane, else those of a key or a subject', async () => {
  scene = await open();
  await scene.source.start(scene.intake);
  async function laneOf(body: string): Promise<string> {
    const answer = scene.post(body);
    const { event, answer: reach } = await scene.next();
    reach({ result: 'ignored' });
    await answer;
    return event.lane;
  }
  const event = (more: string): string => `{"specversion":"1.0","id":"1","source":"a","type":"b"${more}}`;
  const byKey = await laneOf(event(',"partitionkey":"ann","subject":"s1"'));
  expect(await laneOf(event(',"subject":"ann"'))).toBe(byKey);
  expect(await laneOf(event(',"subject":"bob"'))).not.toBe(byKey);
  expect(await laneOf(event(''))).not.toBe(byKey);
  expect(await laneOf('{"id":"1"}')).toBe(await laneOf(event('')));
});
