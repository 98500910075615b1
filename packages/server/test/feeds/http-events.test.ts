import { CloudEvent, HTTP } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTakeEvents } from '../../src/gateways/http-api/event-routes.ts';
import { createReplies } from '../../src/gateways/http-api/replies.ts';
import { answerProblem } from '../http-api/described-answers.ts';
import {
  answerOf,
  API_KEY,
  type Client,
  type ServerUnderTest,
  startServer,
} from '../http-api/server-under-test.ts';
import { feedConfig, follow } from './feed-scene.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 /* on a busy machine */ });

const EVENT_BYTES = 4_096;
const EVENTS_BYTES = 200_000;

let s: ServerUnderTest;
let ann: Client;
beforeAll(async () => {
  s = await startServer({
    config: { ...feedConfig({ eventBytes: EVENT_BYTES }), limits: { eventsBytes: EVENTS_BYTES } },
  });
  ann = await s.logIn('ann');
  for (const channel of ['tasks:ann', 'log:ann']) await follow(ann, channel);
});
afterAll(() => s.close());

type Answer = { readonly status: number; readonly body: unknown };

/** With the API key; an answer that docs/openapi.json does not describe fails the test. */
async function send(
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  query = '',
): Promise<Answer> {
  const response = await fetch(`${s.url}/v1/events${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', ...headers },
    body: body as NonNullable<RequestInit['body']>,
  });
  const { status, body: answered } = await answerOf(response);
  const contentType = response.headers.get('content-type');
  expect(answerProblem('POST', '/v1/events', { status, contentType, body: answered })).toBeUndefined();
  return { status, body: answered };
}

const note = (id: string, n: number): string =>
  `{"topic":"notes","id":"${id}","key":"ann","data":{"user":"ann","n":${n}}}`;
const results = (...list: readonly object[]): Answer => ({ status: 200, body: { results: list } });
const APPLIED = { result: 'applied', duplicate: false };
const AGAIN = { result: 'applied', duplicate: true };
const refused = (code: string, detail: unknown = expect.any(String)): object => ({
  ...{ result: 'refused', code, detail },
});
const error = (status: number, code: string): object => ({
  status,
  body: { error: expect.objectContaining({ code }) },
});

describe('POST /v1/events', () => {
  it('applies events in their order and answers each: one that is refused stops no other', async () => {
    const events = [
      note('a1', 1),
      '{"topic":"notes","id":"a2","data":null}',
      note('a1', 1),
      '{"topic":"task-updates","id":"a4","data":{"userId":"ann","id":"t1","title":"milk"},"time":"2026-01-31T09:00:00+01:00"}',
      '{"topic":"strict","id":"a5","data":{}}',
      '{"id":"a6","data":{}}',
      '{"topic":"notes","data":{"user":"ann"}}',
      '{"topic":"notes","id":"a8"}',
      '{"topic":"notes","id":8,"data":1}',
      'null',
      '{"topic":"task-updates","id":"a10","data":{"userId":"ann"}}',
      note('a11', 11),
    ];
    expect(await send(`{"events":[${events.join(',')}]}`)).toEqual(
      results(
        APPLIED,
        refused('mapping_failed'),
        AGAIN,
        APPLIED,
        refused('event_unknown'),
        refused('event_unknown'),
        refused('event_id_missing'),
        refused('event_unreadable', 'data: expected a value'),
        refused('event_unreadable', 'id: expected a string'),
        refused('event_unreadable', 'expected an object'),
        refused('event_invalid'),
        APPLIED,
      ),
    );
    expect(await ann.next('p')).toMatchObject({ c: 'log:ann', o: 1, d: { n: 1, key: 'ann' } });
    expect(await ann.next('p')).toMatchObject({ c: 'tasks:ann', k: 't1', d: { title: 'milk' } });
    expect(await ann.next('p')).toMatchObject({ c: 'log:ann', o: 2, d: { n: 11 } });
  });

  it('keeps the order of a thousand events of one request, and takes not one more', async () => {
    const from = 1_000;
    const list = Array.from({ length: 1_000 }, (_, at) => note(`m${at}`, from + at));
    const { body } = await send(`{"events":[${list.join(',')}]}`);
    expect(body).toEqual({ results: list.map(() => APPLIED) });
    for (let at = 0; at < 1_000; at++) expect(await ann.next('p')).toMatchObject({ d: { n: from + at } });
    expect(await send(`{"events":[${[...list, note('m', 1)].join(',')}]}`)).toEqual(
      error(400, 'bad_message'),
    );
  });

  it('keeps that order also where the schema takes longer for those before', async () => {
    const turns = [20, 10, 5, 0];
    const list = turns.map((n) => `{"topic":"slow","id":"s${n}","data":{"user":"ann","turns":${n}}}`);
    expect(await send(`{"events":[${list.join(',')}]}`)).toEqual(results(...turns.map(() => APPLIED)));
    for (const n of turns) expect(await ann.next('p')).toMatchObject({ d: n });
  });

  it('gives the mapping key, headers and time; the topic may stand in the query', async () => {
    const event = '{"id":"h1","time":1767225600000,"headers":{"Tenant":"north"},"data":{"user":"ann"}}';
    expect(await send(`{"events":[${event}]}`, {}, '?topic=notes')).toEqual(results(APPLIED));
    expect(await ann.next('p')).toMatchObject({ d: { names: ['tenant'], atMs: 1_767_225_600_000 } });
  });

  it('takes CloudEvents alone, in a batch and in binary form, of the topic that the query or they name', async () => {
    const cloudEvent = (id: string, n: number, more: object = {}): CloudEvent<object> =>
      new CloudEvent({ id, source: '/app', type: 'note', data: { user: 'ann', n }, ...more });
    const one = HTTP.structured(cloudEvent('c1', 1));
    const headers = one.headers as Record<string, string>;
    expect(await send(String(one.body), headers, '?topic=notes')).toEqual(results(APPLIED));
    const binary = HTTP.binary(cloudEvent('c2', 2, { topic: 'notes' }));
    expect(await send(String(binary.body), binary.headers as Record<string, string>)).toEqual(
      results(APPLIED),
    );
    const batch = [cloudEvent('c1', 1), cloudEvent('c3', 3, { topic: 'notes' }), cloudEvent('c4', 4)];
    const type = { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' };
    expect(await send(JSON.stringify(batch), type)).toEqual(
      results(refused('event_unknown'), APPLIED, refused('event_unknown')),
    );
    expect(await send(JSON.stringify(batch), type, '?topic=notes')).toEqual(results(AGAIN, AGAIN, APPLIED));
    for (const n of [1, 2, 3, 4]) expect(await ann.next('p')).toMatchObject({ d: { n } });
    expect(
      await send('{"specversion":"1.0"}', { 'content-type': 'application/cloudevents+json' }, '?topic=notes'),
    ).toEqual(results(refused('event_unreadable')));
  });

  it('refuses what is no request with events', async () => {
    for (const body of ['no JSON', '{"events":', new Uint8Array([0x7b, 0xff, 0x7d])])
      expect(await send(body)).toEqual(error(400, 'bad_json'));
    for (const body of ['', '[]', '"text"', 'null', '{"events":{}}', '{"events":[]}', note('x', 1)])
      expect([body, await send(body)]).toEqual([body, error(400, 'bad_message')]);
    expect(await send('[]', { 'content-type': 'application/cloudevents-batch+json' })).toEqual(
      error(400, 'bad_message'),
    );
    expect(await send('{"events":[]}', {}, '?topik=notes')).toEqual(error(400, 'bad_message'));
    expect(await send(`{"events":[]}`, { authorization: 'Bearer wrong-key-of-some-length' })).toEqual(
      error(401, 'unauthorized'),
    );
  });

  it('bounds a request and each event in it, to the byte', async () => {
    const padded = (id: string, bytes: number): string => {
      const base = Buffer.byteLength('{"user":"ann","pad":""}');
      return `{"topic":"notes","id":"${id}","data":{"user":"ann","pad":"${'x'.repeat(bytes - base)}"}}`;
    };
    const two = `{"events":[${padded('p1', EVENT_BYTES + 1)},${padded('p2', EVENT_BYTES)}]}`;
    expect(await send(two)).toEqual(results(refused('event_too_large'), APPLIED));
    expect(await ann.next('p')).toMatchObject({ c: 'log:ann' });
    const fits = `{"events":[${note('q1', 1)}]}`;
    expect(await send(fits + ' '.repeat(EVENTS_BYTES - fits.length + 1))).toEqual(error(413, 'too_large'));
    expect(await send(fits + ' '.repeat(EVENTS_BYTES - fits.length))).toEqual(results(APPLIED));
    expect(await ann.next('p')).toMatchObject({ d: { n: 1 } });
    expect(await send('x'.repeat(10_000_000))).toEqual(error(413, 'too_large'));
  });
});

it('an event that is nested more deeply than can be written is refused, and no other of its request', async () => {
  const deep = `{"topic":"notes","id":"deep","data":${'['.repeat(60_000)}${']'.repeat(60_000)}}`;
  expect(await send(`{"events":[${deep},${note('d1', 1)}]}`)).toEqual(
    results(refused('event_unreadable'), APPLIED),
  );
  expect(await ann.next('p')).toMatchObject({ d: { n: 1 } });
});

describe('where the log takes nothing', () => {
  /** The route before an intake that answers only when its caller gives up, or the test has it answer everything. */
  function stuck(
    eventsInFlight: number,
    eventsWaitMs = 50,
  ): {
    post(body: string, type?: string): Promise<Response>;
    taken: Promise<void>;
    giveUp(): void;
  } {
    const taken = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const takeEvents = createTakeEvents({
      node: {
        intake: {
          take: (_event, signal) =>
            new Promise((resolve) => {
              taken.resolve();
              const answer = (): void =>
                resolve({ result: 'unavailable', detail: 'no log', retryAfterMs: 250 });
              signal?.addEventListener('abort', answer);
              void over.promise.then(answer);
            }),
          close: () => undefined,
        },
      },
      replies: createReplies({ error: () => undefined }),
      id: () => 'r',
      limits: { eventsBytes: 10_000, eventBytes: 10_000, eventsInFlight, eventsWaitMs },
    });
    return {
      taken: taken.promise,
      giveUp: over.resolve,
      post(body, type = 'application/json') {
        const raw = new Request('http://x/v1/events', {
          method: 'POST',
          body,
          headers: { 'content-type': type },
        });
        const req = {
          raw,
          header: (name: string) => raw.headers.get(name) ?? undefined,
          query: () => 'notes',
        };
        return takeEvents({ req } as never);
      },
    };
  }
  const EVENTS = '{"events":[{"id":"1","data":1},{"id":"2","data":1}]}';

  it('events are unavailable at the deadline, each with the time to come again', async () => {
    const answer = await stuck(10).post(EVENTS);
    const late = { result: 'unavailable', detail: 'no log', retryAfterMs: 250 };
    expect([answer.status, await answer.json()]).toEqual([200, { results: [late, late] }]);
  });

  it('senders of CloudEvents, who know statuses alone, are told so by the status', async () => {
    const body = '{"specversion":"1.0","id":"1","source":"a","type":"b"}';
    const answer = await stuck(10).post(body, 'application/cloudevents+json');
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { error: { code: 'unavailable', message: expect.any(String), retryAfterMs: 250 } },
    ]);
  });

  it('no more events wait than may; those of one request alone always may', async () => {
    const scene = stuck(2, 60_000);
    const first = scene.post(EVENTS);
    await scene.taken;
    const crowded = await scene.post('{"events":[{"id":"3","data":1}]}');
    expect([crowded.status, await crowded.json()]).toMatchObject([
      429,
      { error: { code: 'rate_limited', retryAfterMs: 1_000 } },
    ]);
    scene.giveUp();
    expect((await first).status).toBe(200);
    expect((await scene.post(EVENTS)).status).toBe(200);
    expect((await stuck(1).post(EVENTS)).status).toBe(200);
  });
});
