import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiUnderTest, LIMITS, refusal, startApi } from './api-under-test.ts';

let answer: unknown;
let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi({ publish: () => Promise.resolve(answer), broadcast: () => Promise.resolve(answer) });
});
afterAll(() => api.close());
beforeEach(() => {
  api.asked.length = 0;
  answer = { ok: true, value: { epoch: 'e1', offset: 7, duplicate: false, outdated: false } };
});

const PATH = '/v1/channels/chat%3A1/publications';
const publish = (body: unknown, headers?: Record<string, string>) => api.ask('POST', PATH, body, headers);

/** What the node was asked to publish. */
const published = (): unknown => {
  expect(api.asked.map(([operation]) => operation)).toEqual(['publish']);
  return api.asked[0]![1];
};

describe('a publication', () => {
  it('goes to the channel with everything that was said of it, and is answered with its position', async () => {
    const body = {
      key: 'k',
      data: { text: 'hi', n: [1, null] },
      version: 3,
      ttlMs: 60_000,
      id: 'once',
      ref: 'm-1',
      expect: { epoch: 'e0', offset: 6 },
    };
    expect(await publish(body)).toMatchObject({
      status: 200,
      body: { epoch: 'e1', offset: 7, duplicate: false, outdated: false },
    });
    expect(published()).toEqual({ channel: 'chat:1', ...body });
  });

  it('may be nothing but data, null included, or the deletion of a key', async () => {
    await publish('{"data":null}');
    expect(published()).toStrictEqual({ channel: 'chat:1', data: null, id: undefined });
    api.asked.length = 0;
    await publish({ key: 'k', del: true });
    expect(published()).toStrictEqual({ channel: 'chat:1', key: 'k', del: true, id: undefined });
  });

  it('on a signal is answered without a position', async () => {
    answer = { ok: true, value: { epoch: '', offset: 0, duplicate: false, outdated: false } };
    expect((await publish({ data: 1 })).body).toEqual({ duplicate: false, outdated: false });
  });

  it('fields that the server does not know are ignored, those that name prototypes among them', async () => {
    await publish('{"data":1,"later":true,"__proto__":{"key":"x"},"constructor":2}');
    expect(published()).toStrictEqual({ channel: 'chat:1', data: 1, id: undefined });
  });

  it.each([
    ['neither data nor del', {}, /^data: /],
    ['both', { data: 1, del: true }, /^data: /],
    ['del that is false and no data', { del: false }, /^data: /],
    ['a key of 256 characters', { data: 1, key: 'k'.repeat(256) }, /^key: at most 255 characters/],
    ['an empty key', { data: 1, key: '' }, /^key: at least 1 characters/],
    ['a key that is no text', { data: 1, key: 1 }, /^key: expected a string/],
    ['a version that is no whole number', { data: 1, version: 1.5 }, /^version: expected a whole number/],
    ['a version below zero', { data: 1, version: -1 }, /^version: at least 0/],
    [
      'a version that JSON cannot carry',
      '{"data":1,"version":9007199254740993}',
      /^version: at most 9007199254740991/,
    ],
    ['a time to live that is no number', { data: 1, ttlMs: '5' }, /^ttlMs: expected a whole number/],
    ['an id of 65 characters', { data: 1, id: 'x'.repeat(65) }, /^id: at most 64 characters/],
    ['an empty id', { data: 1, id: '' }, /^id: at least 1 /],
    ['half a position', { data: 1, expect: { epoch: 'e' } }, /^expect\.offset: expected a whole number/],
    ['a position in one text', { data: 1, expect: 'e:1' }, /^expect: expected an object/],
    [
      'an epoch of 33 characters',
      { data: 1, expect: { epoch: 'e'.repeat(33), offset: 1 } },
      /^expect\.epoch: at most 32/,
    ],
    ['del that is a text', { del: 'true' }, /^del: expected true or false/],
  ])('%s is refused with the field', async (_name, body, message) => {
    expect(await publish(body)).toMatchObject({ status: 400, body: refusal('bad_message', message) });
    expect(api.asked).toEqual([]);
  });

  it.each([
    ['a list', '[]'],
    ['a number', '1'],
    ['half an object', '{"data":'],
    ['null', 'null'],
    ['text', 'data=1'],
  ])('%s is no body', async (_name, body) => {
    expect(await publish(body)).toMatchObject({ status: 400, body: refusal('bad_json') });
    expect(api.asked).toEqual([]);
  });

  it('may be as large as limits.publicationBytes, and not a byte larger', async () => {
    const around = '{"data":""}'.length;
    const largest = `{"data":"${'x'.repeat(LIMITS.publicationBytes - around)}"}`;
    expect((await publish(largest)).status).toBe(200);
    expect(await publish(largest.replace('x', 'xx'))).toMatchObject({
      status: 413,
      body: refusal('too_large', /4096 bytes/),
    });
    expect(api.asked).toHaveLength(1);
  });
});

describe('an idempotency key in the header', () => {
  it.each([
    ['bare', 'order-17', 'order-17'],
    ['quoted, as the draft has it', '"order-17"', 'order-17'],
    ['quoted with escapes', '"a\\"b\\\\c"', 'a"b\\c'],
    ['with a quote on one side, bare after all', '"x', '"x'],
  ])('%s is the id', async (_name, header, id) => {
    await publish({ data: 1 }, { 'idempotency-key': header });
    expect(published()).toEqual({ channel: 'chat:1', data: 1, id });
  });

  it('and an id in the body must be the same', async () => {
    expect((await publish({ data: 1, id: 'a' }, { 'idempotency-key': '"a"' })).status).toBe(200);
    expect(await publish({ data: 1, id: 'a' }, { 'idempotency-key': 'b' })).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^id: /),
    });
    expect(api.asked).toHaveLength(1);
  });

  it.each([
    ['empty', '""'],
    ['of 65 characters', 'x'.repeat(65)],
  ])('%s is refused', async (_name, header) => {
    expect(await publish({ data: 1 }, { 'idempotency-key': header })).toMatchObject({
      status: 400,
      body: refusal('bad_message', /^idempotency-key: /),
    });
  });
});

describe("the node's refusals", () => {
  it('a conflict names the present top', async () => {
    const position = { epoch: 'e2', offset: 9 };
    answer = { ok: false, code: 'conflict', detail: 'gone on', particulars: { position } };
    expect(await publish({ data: 1 })).toMatchObject({
      status: 409,
      body: refusal('conflict', /^gone on\. /, { position }),
    });
  });

  it('a payload that does not fit names the path', async () => {
    answer = {
      ok: false,
      code: 'payload_invalid',
      detail: 'expected a string',
      particulars: { path: '/a~1b/0' },
    };
    expect(await publish({ data: 1 })).toMatchObject({
      status: 422,
      body: refusal('payload_invalid', /expected a string/, { path: '/a~1b/0' }),
    });
  });

  it('one that says when to come again says so in the header too, rounded up to seconds', async () => {
    answer = { ok: false, code: 'rate_limited', detail: 'slower', particulars: { retryAfterMs: 1_001 } };
    const { status, body, headers } = await publish({ data: 1 });
    expect({ status, body }).toMatchObject({
      status: 429,
      body: refusal('rate_limited', /slower/, { retryAfterMs: 1_001 }),
    });
    expect(headers['retry-after']).toBe('2');
  });

  it('particulars that are not there leave nothing behind', async () => {
    answer = {
      ok: false,
      code: 'id_reused',
      detail: 'x',
      particulars: { path: undefined, position: undefined, retryAfterMs: undefined },
    };
    expect((await publish({ data: 1 })).body).toEqual(refusal('id_reused', /^x\. /));
  });
});

describe("a channel's name in a path", () => {
  it.each([
    'chat:1',
    'chat:a%20b',
    'chat:auth0%7C1',
    'auth0|1',
    'a:b',
    'a/b',
    '{room}',
    ':channel',
    '*',
    '%',
    '%25',
    '%2F',
    '..',
    'a b',
    'a+b',
    '?q=1',
    '#',
    'zoë',
    '日本',
    '😀',
    '__proto__',
  ])('%s arrives as it is', async (name) => {
    expect(
      (await api.ask('POST', `/v1/channels/${encodeURIComponent(name)}/publications`, { data: 1 })).status,
    ).toBe(200);
    expect(published()).toMatchObject({ channel: name });
  });

  it('is decoded exactly once: what was encoded for the name stays encoded', async () => {
    await api.ask('POST', '/v1/channels/chat%3Aa%2520b/publications', { data: 1 });
    expect(published()).toMatchObject({ channel: 'chat:a%20b' });
    api.asked.length = 0;
    await api.ask('POST', '/v1/channels/chat:a%20b/publications', { data: 1 });
    expect(published()).toMatchObject({ channel: 'chat:a b' });
  });

  it.each(['%', '%2', '%FF', '%C0%AF', 'a%ED%A0%80'])('%s is no percent-encoded UTF-8', async (segment) => {
    expect(await api.ask('POST', `/v1/channels/${segment}/publications`, { data: 1 })).toMatchObject({
      status: 400,
      body: refusal('channel_invalid'),
    });
    expect(api.asked).toEqual([]);
  });

  it('an empty one is no resource', async () => {
    expect((await api.ask('POST', '/v1/channels//publications', { data: 1 })).status).toBe(404);
  });
});

describe('a broadcast', () => {
  it('names what it is, and carries a payload', async () => {
    answer = { ok: true, value: undefined };
    expect(await api.ask('POST', '/v1/broadcast', { name: 'notice', data: { a: 1 } })).toMatchObject({
      status: 204,
      text: '',
    });
    expect(await api.ask('POST', '/v1/broadcast', { name: 'notice' })).toMatchObject({ status: 204 });
    expect(api.asked).toEqual([
      ['broadcast', 'notice', { a: 1 }],
      ['broadcast', 'notice', undefined],
    ]);
  });

  it.each([
    ['no name', {}, /^name: expected a string/],
    ['an empty name', { name: '' }, /^name: at least 1/],
    ['a name of 129 characters', { name: 'x'.repeat(129) }, /^name: at most 128/],
  ])('%s is refused', async (_name, body, message) => {
    expect(await api.ask('POST', '/v1/broadcast', body)).toMatchObject({
      status: 400,
      body: refusal('bad_message', message),
    });
  });
});
