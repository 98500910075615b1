import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Publication } from '../../src/ports/log.ts';
import { type ApiUnderTest, refusal, startApi } from './api-under-test.ts';

let answer: unknown;
let api: ApiUnderTest;
beforeAll(async () => {
  const later = (): unknown => Promise.resolve(answer);
  api = await startApi({
    history: later,
    entries: later,
    members: later,
    channelInfo: later,
    channels: () => answer,
  });
});
afterAll(() => api.close());
beforeEach(() => {
  api.asked.length = 0;
});

const top = { epoch: 'e1', offset: 12 };
const publication = (fields: Partial<Publication>): Publication => ({
  ...{ offset: 1, atMs: 1_700_000_000_000, by: null, data: '1', key: null, version: null, ref: null },
  ...fields,
});

describe('history', () => {
  const page = { top, publications: [], more: false, floor: 0 };
  beforeEach(() => {
    answer = { ok: true, value: page };
  });
  const history = (query: string) => api.ask('GET', `/v1/channels/chat%3A1/history${query}`);

  it.each([
    ['', { reverse: false, limit: 100 }],
    ['?limit=7', { reverse: false, limit: 7 }],
    ['?limit=1000', { reverse: false, limit: 1_000 }],
    ['?after=0', { offset: 0, reverse: false, limit: 100 }],
    ['?after=5&since=1700000000000', { offset: 5, reverse: false, limit: 100, sinceMs: 1_700_000_000_000 }],
    ['?before=9&limit=2', { offset: 9, reverse: true, limit: 2 }],
    ['?before=9&reverse=true', { offset: 9, reverse: true, limit: 100 }],
    ['?reverse=true', { reverse: true, limit: 100 }],
    ['?reverse=false', { reverse: false, limit: 100 }],
    ['?epoch=e1&after=3', { offset: 3, reverse: false, limit: 100 }],
  ])('%s is read as asked', async (query, request) => {
    expect(await history(query)).toMatchObject({ status: 200, body: page });
    expect(api.asked).toEqual([['history', { channel: 'chat:1', ...request }]]);
  });

  it('gives each publication with what applies to it, payloads as the bytes that were kept', async () => {
    const publications = [
      publication({ offset: 1, data: '{"b":1,"a":1e2,"é":"\\u00e9"}', by: 'auth0|1' }),
      publication({ offset: 2, key: 'k"1', version: 0, data: 'null' }),
      publication({ offset: 3, key: 'k', data: null, ref: 'm"1' }),
    ];
    answer = { ok: true, value: { top, publications, more: true, floor: 0 } };
    const { text, body } = await history('');
    expect(text).toContain('"data":{"b":1,"a":1e2,"é":"\\u00e9"}}');
    expect(body).toEqual({
      top,
      more: true,
      floor: 0,
      publications: [
        { offset: 1, atMs: 1_700_000_000_000, by: 'auth0|1', data: { b: 1, a: 100, é: 'é' } },
        { offset: 2, atMs: 1_700_000_000_000, key: 'k"1', version: 0, data: null },
        { offset: 3, atMs: 1_700_000_000_000, key: 'k', ref: 'm"1', del: true },
      ],
    });
  });

  it('of an epoch that is over is a conflict, with the present top', async () => {
    expect(await history('?after=3&epoch=e0')).toMatchObject({
      status: 409,
      body: refusal('conflict', /epoch is over/, { position: top }),
    });
  });

  it.each([
    ['?limit=0', /^limit: at least 1/],
    ['?limit=1001', /^limit: at most 1000/],
    ['?limit=1000000', /^limit: at most 1000/],
    ['?limit=99999999999999999999', /^limit: expected a whole number/],
    ['?limit=-1', /^limit: expected a whole number/],
    ['?limit=1e2', /^limit: expected a whole number/],
    ['?limit=0x10', /^limit: expected a whole number/],
    ['?limit=%205', /^limit: expected a whole number/],
    ['?limit=', /^limit: expected a whole number/],
    ['?limit', /^limit: expected a whole number/],
    ['?limit=5&limit=6', /^limit: given more than once/],
    ['?after=9007199254740993', /^after: at most 9007199254740991/],
    ['?after=1&before=2', /^after is read forwards/],
    ['?after=1&reverse=true', /^after is read forwards/],
    ['?reverse=1', /^reverse: expected true or false/],
    ['?epoch=', /^epoch: at least 1/],
    [`?epoch=${'e'.repeat(33)}`, /^epoch: at most 32/],
    ['?limt=5', /^there is no query parameter "limt": there are after, before,/],
    ['?__proto__=1', /^there is no query parameter "__proto__"/],
    ['?%FF=1', /^there is no query parameter/],
  ])('%s is refused', async (query, message) => {
    expect(await history(query)).toMatchObject({ status: 400, body: refusal('bad_message', message) });
    expect(api.asked).toEqual([]);
  });

  it('of a signal, of a channel that there is not: what the node says', async () => {
    for (const [code, status] of [
      ['kind_mismatch', 400],
      ['channel_unknown', 404],
      ['channel_invalid', 400],
      ['unavailable', 503],
    ] as const) {
      answer = { ok: false, code, detail: 'so it is' };
      expect(await history('')).toMatchObject({ status, body: refusal(code, /^so it is\. /) });
    }
  });
});

describe('pages of names', () => {
  it('entries come as they are kept, and say where the next page begins', async () => {
    const entries = [publication({ offset: 4, key: 'a', data: '[1, 2]', by: 'u', version: 2 })];
    answer = { ok: true, value: { top, entries, next: 'a"' } };
    const { text, body } = await api.ask('GET', '/v1/channels/m/entries?limit=1&after=%22%20b');
    expect(text).toContain('"data":[1, 2]}');
    expect(body).toEqual({
      top,
      entries: [{ offset: 4, atMs: 1_700_000_000_000, by: 'u', key: 'a', version: 2, data: [1, 2] }],
      next: 'a"',
    });
    answer = { ok: true, value: { top, entries: [], next: null } };
    expect((await api.ask('GET', '/v1/channels/m/entries')).body).toEqual({ top, entries: [] });
    expect(api.asked).toEqual([
      ['entries', 'm', '" b', 1],
      ['entries', 'm', null, 100],
    ]);
  });

  it('members come with their number', async () => {
    answer = { ok: true, value: { users: ['a', 'b'], count: 9, next: 'b' } };
    expect((await api.ask('GET', '/v1/channels/r/members?limit=2')).body).toEqual({
      users: ['a', 'b'],
      count: 9,
      next: 'b',
    });
    answer = { ok: true, value: { users: [], count: 0, next: null } };
    expect((await api.ask('GET', '/v1/channels/r/members?after=b')).body).toEqual({ users: [], count: 0 });
    expect(api.asked).toEqual([
      ['members', 'r', null, 2],
      ['members', 'r', 'b', 100],
    ]);
  });

  it('channels', async () => {
    answer = { ok: true, value: { channels: ['chat:a%20b'], next: 'chat:a%20b' } };
    expect((await api.ask('GET', '/v1/channels?after=chat%3Aa%2520a&limit=1')).body).toEqual({
      channels: ['chat:a%20b'],
      next: 'chat:a%20b',
    });
    answer = { ok: true, value: { channels: [], next: null } };
    expect((await api.ask('GET', '/v1/channels')).body).toEqual({ channels: [] });
    expect(api.asked).toEqual([
      ['channels', 'chat:a%20a', 1],
      ['channels', null, 100],
    ]);
  });

  it.each(['/v1/channels/m/entries', '/v1/channels/m/members', '/v1/channels'])(
    '%s has no page of more than a thousand, and none behind a name that is too long',
    async (path) => {
      for (const [query, message] of [
        ['limit=1001', /^limit: at most 1000/],
        ['limit=0', /^limit: at least 1/],
        ['after=', /^after: at least 1/],
        [`after=${'x'.repeat(256)}`, /^after: at most 255/],
      ] as const)
        expect(await api.ask('GET', `${path}?${query}`)).toMatchObject({
          status: 400,
          body: refusal('bad_message', message),
        });
      expect(api.asked).toEqual([]);
    },
  );
});

describe('what is said of a channel', () => {
  it('leaves out what it has not', async () => {
    const info = { channel: 'chat:1', pattern: 'chat:{room}', kind: 'stream', subscribers: 3 };
    answer = { ok: true, value: { ...info, position: top, members: 2 } };
    expect((await api.ask('GET', '/v1/channels/chat%3A1')).body).toEqual({
      ...info,
      position: top,
      members: 2,
    });
    answer = { ok: true, value: { ...info, kind: 'signal', position: null, members: null } };
    expect((await api.ask('GET', '/v1/channels/chat%3A1')).body).toEqual({ ...info, kind: 'signal' });
    expect(api.asked).toEqual([
      ['channelInfo', 'chat:1'],
      ['channelInfo', 'chat:1'],
    ]);
  });
});
