import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiUnderTest, LIMITS, refusal, startApi } from './api-under-test.ts';

type Publish = { readonly channel: string; readonly data?: unknown };

/** Publications that the node has been given and has not answered. */
let open: { readonly request: Publish; answer(outcome?: unknown): void }[];
let holds: boolean;
let arrived: PromiseWithResolvers<void>;
let offsets: Map<string, number>;
let api: ApiUnderTest;

beforeEach(async () => {
  open = [];
  holds = false;
  offsets = new Map();
  arrived = Promise.withResolvers();
  api = await startApi({
    async publish(request: Publish) {
      if (request.channel === 'refused') return { ok: false, code: 'forbidden', detail: 'not that one' };
      if (holds) {
        const held = Promise.withResolvers<unknown>();
        open.push({ request, answer: held.resolve });
        arrived.resolve();
        arrived = Promise.withResolvers();
        await held.promise;
      }
      const offset = (offsets.get(request.channel) ?? 0) + 1;
      offsets.set(request.channel, offset);
      return { ok: true, value: { epoch: 'e', offset, duplicate: false, outdated: false } };
    },
    broadcast: () => Promise.resolve({ ok: true, value: undefined }),
    subscribeUser: () => Promise.resolve({ ok: true, value: undefined }),
    unsubscribeUser: () => Promise.resolve({ ok: true, value: undefined }),
    grant: () => Promise.resolve({ ok: true, value: { grant: 'g', expiresAtMs: 5 } }),
    disconnect: () => Promise.resolve({ ok: true, value: { disconnected: 2 } }),
    revoke: () => Promise.resolve({ ok: true, value: undefined }),
  });
});
afterEach(() => api.close());

const batch = (requests: unknown) => api.ask('POST', '/v1/batch', { requests });
const publish = (channel: string, data: unknown): object => ({ method: 'publish', channel, data });
const at = (offset: number): object => ({
  ok: true,
  result: { epoch: 'e', offset, duplicate: false, outdated: false },
});

/** Waits until the node has been given so many publications that it has not answered. */
async function given(count: number): Promise<void> {
  while (open.length < count) await arrived.promise;
}

describe('a batch', () => {
  it('answers each request by itself, in their order, whatever becomes of the others', async () => {
    expect(
      await batch([
        publish('a', 1),
        publish('refused', 2),
        { method: 'publish', channel: 'a' },
        { method: 'nothing' },
        null,
        'publish',
        publish('b', 3),
        { method: 'publish', data: 1 },
      ]),
    ).toMatchObject({
      status: 200,
      body: {
        results: [
          at(1),
          { ok: false, ...refusal('forbidden', /^not that one\. /) },
          { ok: false, ...refusal('bad_message', /^data: expected a payload/) },
          { ok: false, ...refusal('bad_message', /^method: expected one of publish, broadcast, /) },
          { ok: false, ...refusal('bad_message', /^method: /) },
          { ok: false, ...refusal('bad_message', /^method: /) },
          at(1),
          { ok: false, ...refusal('bad_message', /^channel: expected a string/) },
        ],
      },
    });
    expect(offsets).toEqual(
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    );
  });

  it('takes every method that can be one of several, with what would stand in path and body', async () => {
    const { body } = await batch([
      { method: 'publish', channel: 'auth0|1', key: 'k', del: true, id: 'i' },
      { method: 'broadcast', name: 'n', data: 1 },
      { method: 'subscribe', user: 'auth0|1', channel: 'chat:a%20b' },
      { method: 'subscribe', user: 'u', channel: 'c', ttlMs: 7 },
      { method: 'unsubscribe', user: 'u', channel: 'c' },
      { method: 'grant', user: 'u', channel: 'c', ttlMs: 5 },
      { method: 'disconnect', user: 'u', session: 's' },
      { method: 'revoke', user: 'u' },
      { method: 'revoke', user: 'u', tokenId: 't' },
    ]);
    expect(body).toEqual({
      results: [
        at(1),
        { ok: true },
        { ok: true },
        { ok: true },
        { ok: true },
        { ok: true, result: { grant: 'g', expiresAtMs: 5 } },
        { ok: true, result: { disconnected: 2 } },
        { ok: true },
        { ok: true },
      ],
    });
    expect(api.asked).toHaveLength(9);
    expect(api.asked).toEqual(
      expect.arrayContaining([
        ['publish', { channel: 'auth0|1', key: 'k', del: true, id: 'i' }],
        ['broadcast', 'n', 1],
        ['subscribeUser', 'auth0|1', 'chat:a%20b', 3_600_000, undefined],
        ['subscribeUser', 'u', 'c', 7, undefined],
        ['unsubscribeUser', 'u', 'c'],
        ['grant', 'u', 'c', 5, undefined],
        ['disconnect', 'u', 's'],
        ['revoke', { user: 'u' }],
        ['revoke', { user: 'u', tokenId: 't' }],
      ]),
    );
  });

  it('carries out requests about one channel one after the other, and waits for no other channel', async () => {
    holds = true;
    const answered = batch([publish('a', 1), publish('a', 2), publish('b', 3), publish('a', 4)]);
    await given(2);
    expect(open.map(({ request }) => request.data)).toEqual([1, 3]);
    open[0]?.answer();
    await given(3);
    expect(open.map(({ request }) => request.data)).toEqual([1, 3, 2]);
    open[2]?.answer();
    await given(4);
    expect(open[3]?.request.data).toBe(4);
    open[3]?.answer();
    open[1]?.answer();
    expect((await answered).body).toEqual({ results: [at(1), at(2), at(1), at(3)] });
  });

  it('has a hundred requests at most, and one at least', async () => {
    const hundred = Array.from({ length: 100 }, (_, index) => publish('a', index));
    const { body } = await batch(hundred);
    expect(body).toEqual({ results: hundred.map((_, index) => at(index + 1)) });
    expect(await batch([...hundred, publish('a', 100)])).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^requests: at most 100 items/),
    });
    expect(await batch([])).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^requests: at least 1 items/),
    });
    expect(offsets.get('a')).toBe(100);
  });

  it.each([
    ['no list', {}, /^requests: expected a list/],
    ['an object', { requests: {} }, /^requests: expected a list/],
  ])('with %s of requests is none', async (_name, body, message) => {
    expect(await api.ask('POST', '/v1/batch', body)).toMatchObject({
      status: 400,
      body: refusal('bad_message', message),
    });
  });

  it('may be as large as limits.batchBytes, and not a byte larger', async () => {
    const around = JSON.stringify({ requests: [publish('a', '')] }).length;
    const largest = JSON.stringify({ requests: [publish('a', 'x'.repeat(LIMITS.batchBytes - around))] });
    expect((await api.ask('POST', '/v1/batch', largest)).status).toBe(200);
    expect(await api.ask('POST', '/v1/batch', largest.replace('x', 'xx'))).toMatchObject({
      status: 413,
      body: refusal('too_large', /8192 bytes/),
    });
  });

  it('a channel called like a prototype is a channel', async () => {
    expect((await batch([publish('__proto__', 1), publish('constructor', 1)])).body).toEqual({
      results: [at(1), at(1)],
    });
  });
});
