import { call, defineContract, document, map, signal, stream } from '@carillon/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { apiRoutes } from '../../src/gateways/http-api/routes.ts';
import { seenAnswers } from './described-answers.ts';
import { type Client, type ServerUnderTest, startServer } from './server-under-test.ts';

const contract = defineContract({
  channels: {
    'chat:{room}': stream({
      data: z.object({ text: z.string().max(2_000) }),
      durability: 'memory',
      members: true,
      payloadUnits: 1_000,
      history: { count: 20 },
      rate: { perSecond: 1, burst: 50 },
    }),
    'deep:{room}': stream({ data: z.unknown(), durability: 'memory' }),
    'tasks:{user}': map({ data: z.number(), durability: 'memory' }),
    'cursor:{doc}': signal({ data: z.number(), flushMs: 10 }),
    'inbox:{user}': stream({ data: z.string(), durability: 'stored' }),
    'doc:{id}': document({ durability: 'memory' }),
    'notes:{id}': stream({ data: z.string(), durability: 'memory', beside: 'doc:{id}' }),
  },
  clientCalls: {
    confirm: call({
      input: z.string(),
      output: z.boolean(),
      errors: { away: z.object({ until: z.number() }) },
    }),
  },
  broadcasts: { news: z.object({ head: z.string() }) },
});

let s: ServerUnderTest;
beforeAll(async () => {
  s = await startServer({
    config: {
      contract,
      authorize: { 'chat:{room}': () => true, 'cursor:{doc}': () => true, 'deep:{room}': () => true },
    },
  });
});
afterAll(() => s.close());

const error = (code: string, more: object = {}): object => ({
  error: { code, message: expect.any(String), ...more },
});
let lastRequest = 0;

/** A client's request, and what answers it. */
async function ask(client: Client, message: object): Promise<Readonly<Record<string, unknown>>> {
  const i = ++lastRequest;
  client.socket.send(JSON.stringify({ ...message, i }));
  return client.next('ok');
}

const publications = (name: string): string => `/v1/channels/${encodeURIComponent(name)}/publications`;

describe('publishing over HTTP', () => {
  it('reaches subscribers, under names of every kind', async () => {
    const reader = await s.logIn('reader');
    for (const room of ['1', 'auth0%7C1', 'a%3Ab', 'a%20b', '%7Bx%7D', '%25', '%E6%97%A5']) {
      await ask(reader, { t: 'sub', c: `chat:${room}` });
      const text = `in ${room}`;
      const { status, body } = await s.api('POST', publications(`chat:${room}`), { data: { text } });
      expect({ status, body }).toEqual({
        status: 200,
        body: { epoch: expect.any(String), offset: 1, duplicate: false, outdated: false },
      });
      expect(await reader.next('p')).toMatchObject({ c: `chat:${room}`, o: 1, d: { text } });
    }
    // Not in the form that a name has: a bar, or an encoding too much.
    for (const name of ['chat:auth0|1', 'chat:a b', 'chat:%7c'])
      expect(await s.api('POST', publications(name), { data: { text: 'x' } })).toMatchObject({
        status: 400,
        body: error('channel_invalid'),
      });
    expect(await s.api('POST', publications('nothing:1'), { data: 1 })).toMatchObject({
      status: 404,
      body: error('channel_unknown'),
    });
  });

  it('publishes an id once, whichever way it is named', async () => {
    const path = publications('chat:ids');
    const body = { data: { text: 'once' }, id: 'one' };
    expect(await s.api('POST', path, body)).toMatchObject({ body: { offset: 1, duplicate: false } });
    expect(await s.api('POST', path, body)).toMatchObject({ body: { offset: 1, duplicate: true } });
    expect(await s.api('POST', path, { ...body, data: { text: 'other' } })).toMatchObject({
      status: 409,
      body: error('id_reused'),
    });
  });

  it('at an expected position, or not at all', async () => {
    const path = publications('chat:expect');
    const first = (await s.api('POST', path, { data: { text: '1' }, expect: { epoch: 'any', offset: 0 } }))
      .body as {
      epoch: string;
    };
    expect(first).toMatchObject({ offset: 1 });
    const top = { epoch: first.epoch, offset: 1 };
    expect(await s.api('POST', path, { data: { text: '2' }, expect: top })).toMatchObject({
      body: { offset: 2 },
    });
    expect(await s.api('POST', path, { data: { text: '3' }, expect: top })).toMatchObject({
      status: 409,
      body: error('conflict', { position: { epoch: first.epoch, offset: 2 } }),
    });
  });

  it('what the schema, the kind, the size or the rate refuses says so', async () => {
    const path = publications('chat:refused');
    expect(await s.api('POST', path, { data: { text: 1 } })).toMatchObject({
      status: 422,
      body: error('payload_invalid', { path: '/text' }),
    });
    expect(await s.api('POST', path, { data: { text: 'x' }, key: 'k' })).toMatchObject({
      body: error('kind_mismatch'),
    });
    expect(await s.api('POST', path, { data: { text: 'x'.repeat(1_000) } })).toMatchObject({
      status: 413,
      body: error('too_large'),
    });
    const many = publications('chat:many');
    for (let sent = 0; sent < 50; sent++) await s.api('POST', many, { data: { text: 'x' } });
    expect(await s.api('POST', many, { data: { text: 'x' } })).toMatchObject({
      status: 429,
      body: error('rate_limited', { retryAfterMs: expect.any(Number) }),
    });
  });

  it('a payload that is nested without end is refused, and harms nothing', async () => {
    for (const depth of [1_000, 20_000, 120_000]) {
      const data = '['.repeat(depth) + ']'.repeat(depth);
      const { status } = await s.api('POST', publications('deep:1'), `{"data":${data}}`);
      expect([200, 400, 413, 422]).toContain(status);
    }
    expect((await s.api('GET', '/health')).status).toBe(200);
  });

  it('of a stored channel is answered with its position, and of a signal without one', async () => {
    expect(await s.api('POST', publications('inbox:auth0%7C1'), { data: 'kept' })).toMatchObject({
      status: 200,
      body: { offset: 1 },
    });
    expect((await s.api('POST', publications('cursor:1'), { data: 1 })).body).toEqual({
      duplicate: false,
      outdated: false,
    });
    expect(await s.api('POST', publications('cursor:1'), { data: 1, id: 'x' })).toMatchObject({
      body: error('kind_mismatch'),
    });
  });
});

describe('reading over HTTP', () => {
  it('pages through a history both ways, and says what is no more', async () => {
    const path = '/v1/channels/chat%3Apages/history';
    let epoch = '';
    for (let n = 1; n <= 25; n++)
      epoch = (
        (await s.api('POST', publications('chat:pages'), { data: { text: `${n}` } })).body as {
          epoch: string;
        }
      ).epoch;
    const page = async (query: string) =>
      (await s.api('GET', path + query)).body as {
        top: object;
        publications: { offset: number }[];
        more: boolean;
        floor: number;
      };
    const offsets = async (query: string) => (await page(query)).publications.map(({ offset }) => offset);
    expect(await page('?limit=2')).toMatchObject({ top: { epoch, offset: 25 }, more: true, floor: 5 });
    expect(await offsets('?limit=2')).toEqual([6, 7]);
    expect(await offsets('?after=7&limit=2')).toEqual([8, 9]);
    expect(await offsets('?before=8&limit=3')).toEqual([7, 6]);
    expect(await offsets('?reverse=true&limit=2')).toEqual([25, 24]);
    expect(await offsets('')).toHaveLength(20);
    expect((await page('?after=23')).more).toBe(false);
    expect(await offsets(`?since=${Date.now() + 60_000}`)).toEqual([]);
    expect(await offsets(`?after=24&epoch=${epoch}`)).toEqual([25]);
    expect(await s.api('GET', `${path}?after=1&epoch=other`)).toMatchObject({
      status: 409,
      body: error('conflict', { position: { epoch, offset: 25 } }),
    });
    expect(await s.api('GET', '/v1/channels/cursor%3A1/history')).toMatchObject({
      body: error('kind_mismatch'),
    });
  });

  it("pages through a map's entries by their keys", async () => {
    const path = publications('tasks:auth0%7C1');
    for (const key of ['b', 'a', '😀', 'c']) await s.api('POST', path, { key, data: 1, version: 1 });
    expect(await s.api('POST', path, { key: 'c', data: 2, version: 1 })).toMatchObject({
      body: { outdated: true },
    });
    await s.api('POST', path, { key: 'c', del: true });
    const entries = '/v1/channels/tasks%3Aauth0%257C1/entries';
    expect((await s.api('GET', `${entries}?limit=2`)).body).toMatchObject({
      top: { offset: 5 },
      entries: [
        { key: 'a', data: 1, offset: 2, version: 1 },
        { key: 'b', data: 1, offset: 1 },
      ],
      next: 'b',
    });
    const rest = (await s.api('GET', `${entries}?after=b`)).body as { entries: object[]; next?: string };
    expect(rest).toMatchObject({ entries: [{ key: '😀' }] });
    expect(rest.next).toBeUndefined();
    const history = (await s.api('GET', '/v1/channels/tasks%3Aauth0%257C1/history?after=4')).body;
    expect(history).toMatchObject({ publications: [{ offset: 5, key: 'c', del: true }] });
  });

  it('says what a channel is, who is in it, and which there are', async () => {
    const member = await s.logIn('member');
    await ask(member, { t: 'sub', c: 'chat:info' });
    await ask(member, { t: 'sub', c: 'cursor:info' });
    expect((await s.api('GET', '/v1/channels/chat%3Ainfo')).body).toEqual({
      channel: 'chat:info',
      pattern: 'chat:{room}',
      kind: 'stream',
      position: { epoch: expect.any(String), offset: 0 },
      subscribers: 1,
      members: 1,
    });
    expect((await s.api('GET', '/v1/channels/cursor%3Ainfo')).body).toEqual({
      channel: 'cursor:info',
      pattern: 'cursor:{doc}',
      kind: 'signal',
      subscribers: 1,
    });
    expect((await s.api('GET', '/v1/channels/chat%3Ainfo/members')).body).toEqual({
      users: ['member'],
      count: 1,
    });
    expect(await s.api('GET', '/v1/channels/cursor%3Ainfo/members')).toMatchObject({
      body: error('kind_mismatch'),
    });
    const all: string[] = [];
    for (let after: string | undefined; ;) {
      const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
      const page = (await s.api('GET', `/v1/channels?limit=1${query}`)).body as {
        channels: string[];
        next?: string;
      };
      all.push(...page.channels);
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(all).toEqual(expect.arrayContaining(['chat:info', 'cursor:info', 'chat:a%20b']));
    expect(all).toEqual(all.toSorted());
  });
});

describe('users over HTTP', () => {
  it('are subscribed and unsubscribed through their sessions', async () => {
    const invited = await s.logIn('invited');
    expect(
      await s.api('PUT', '/v1/users/invited/subscriptions/chat%3Ainvited', { ttlMs: 60_000 }),
    ).toMatchObject({
      status: 204,
    });
    const { g } = await invited.next('sub');
    await ask(invited, { t: 'sub', c: 'chat:invited', g });
    await s.api('DELETE', '/v1/users/invited/subscriptions/chat%3Ainvited');
    expect(await invited.next('unsub')).toMatchObject({ c: 'chat:invited' });
    expect(await s.api('PUT', '/v1/users/invited/subscriptions/tasks%3Aother')).toMatchObject({
      status: 403,
      body: error('forbidden'),
    });
    const ticket = await s.api('POST', '/v1/tickets', { user: 'invited', channel: 'chat:x' });
    expect(ticket).toMatchObject({ status: 200, body: { ticket: expect.any(String) } });
    const { body } = await s.api('POST', '/v1/users/invited/grants', {
      channel: 'chat:handed',
      ttlMs: 60_000,
    });
    const { grant, expiresAtMs } = body as { grant: string; expiresAtMs: number };
    expect(expiresAtMs).toBeGreaterThan(0);
    await ask(invited, { t: 'sub', c: 'chat:handed', g: grant });
    expect(
      await s.api('POST', '/v1/users/invited/grants', { channel: 'chat:x', ttlMs: 10 ** 12 }),
    ).toMatchObject({
      status: 400,
      body: error('bad_message'),
    });
  });

  it('[DOC5] are asked about again, where their role on a document has changed', async () => {
    expect(await s.api('POST', '/v1/channels/doc%3A1/recheck', { user: 'invited' })).toMatchObject({
      status: 204,
    });
    for (const channel of ['notes:1', 'chat:x'])
      expect(await s.api('POST', `/v1/channels/${encodeURIComponent(channel)}/recheck`, {})).toMatchObject({
        status: 400,
        body: error('kind_mismatch'),
      });
    for (const refused of [
      { channel: 'notes:1' },
      { channel: 'notes:1', role: 'read' },
      { channel: 'chat:x', role: 'read' },
    ])
      expect(await s.api('POST', '/v1/users/invited/grants', refused)).toMatchObject({
        status: 400,
        body: error('kind_mismatch'),
      });
    expect(
      await s.api('POST', '/v1/users/invited/grants', { channel: 'doc:1', role: 'comment' }),
    ).toMatchObject({ status: 200 });
  });

  it('are called, all of their sessions or one, and answer for themselves', async () => {
    const [one, two] = await Promise.all([s.logIn('called'), s.logIn('called')]);
    const { sessions } = (await s.api('GET', '/v1/users/called/sessions')).body as {
      sessions: { session: string; connected: boolean }[];
    };
    expect(sessions).toEqual([
      expect.objectContaining({ user: 'called', connected: true, channels: [] }),
      expect.objectContaining({ user: 'called', connected: true, channels: [] }),
    ]);
    const answered = s.api('POST', '/v1/users/called/calls/confirm', { input: 'sure?', timeoutMs: 30_000 });
    const [first, second] = await Promise.all([one.next('call'), two.next('call')]);
    expect(first).toMatchObject({ n: 'confirm', d: 'sure?' });
    one.socket.send(JSON.stringify({ t: 're', r: first['i'], d: true }));
    two.socket.send(JSON.stringify({ t: 're', r: second['i'], code: 'away', d: { until: 5 } }));
    expect((await answered).body).toEqual({
      answers: expect.arrayContaining([
        { session: expect.any(String), ok: true, output: true },
        { session: expect.any(String), ok: false, code: 'call_failed', error: 'away', data: { until: 5 } },
      ]),
    });
    const id = sessions[0]?.session ?? '';
    expect((await s.api('GET', `/v1/sessions/${id}`)).body).toMatchObject({ session: id, user: 'called' });
    const late = s.api('POST', `/v1/sessions/${id}/calls/confirm`, { input: 'x', timeoutMs: 1 });
    expect((await late).body).toEqual({ answers: [{ session: id, ok: false, code: 'deadline_exceeded' }] });
    for (const [path, body, code] of [
      ['/v1/users/called/calls/nothing', {}, 'call_unknown'],
      ['/v1/users/called/calls/confirm', { input: 5 }, 'payload_invalid'],
      ['/v1/users/nobody/calls/confirm', { input: 'x' }, 'session_unknown'],
      ['/v1/sessions/s_none/calls/confirm', { input: 'x' }, 'session_unknown'],
    ] as const)
      expect(await s.api('POST', path, body)).toMatchObject({ body: error(code) });
  });

  it('hear what is said to everyone', async () => {
    const listener = await s.logIn('listener');
    expect(await s.api('POST', '/v1/broadcast', { name: 'news', data: { head: 'hello' } })).toMatchObject({
      status: 204,
    });
    expect(await listener.next('msg')).toMatchObject({ n: 'news', d: { head: 'hello' } });
    expect(await s.api('POST', '/v1/broadcast', { name: 'news', data: { head: 1 } })).toMatchObject({
      status: 422,
      body: error('payload_invalid', { path: '/head' }),
    });
    expect((await s.api('POST', '/v1/broadcast', { name: 'nothing' })).status).toBe(404);
  });

  it('are disconnected, and their logins revoked', async () => {
    const one = await s.logIn('sent-away');
    expect((await s.api('POST', '/v1/users/sent-away/disconnect', { session: 'another' })).body).toEqual({
      disconnected: 0,
    });
    expect((await s.api('POST', '/v1/users/sent-away/disconnect')).body).toEqual({ disconnected: 1 });
    await one.next('bye');
    const two = await s.logIn('revoked');
    expect((await s.api('POST', '/v1/users/revoked/revoke')).status).toBe(204);
    expect(await two.next('bye')).toMatchObject({ code: 'revoked' });
    expect((await s.api('POST', '/v1/users/revoked/revoke', { tokenId: 'jti' })).status).toBe(204);
  });

  it('are looked up, many at once', async () => {
    await s.api('PUT', '/v1/users/seen');
    expect((await s.api('POST', '/v1/presence', { users: ['seen', 'never'] })).body).toEqual({
      users: [{ user: 'seen', s: 'Offline' }],
      unknown: ['never'],
    });
  });
});

describe('a batch over HTTP', () => {
  it('is carried out in its order on a channel', async () => {
    const requests = Array.from({ length: 40 }, (_, n) => ({
      method: 'publish',
      channel: 'chat:batch',
      data: { text: n === 20 ? 5 : `${n}` },
    }));
    const { results } = (await s.api('POST', '/v1/batch', { requests })).body as {
      results: { ok: boolean; result?: { offset: number }; error?: { code: string; path: string } }[];
    };
    expect(results.map(({ result, error: refused }) => result?.offset ?? refused?.path)).toEqual(
      requests.map((_, n) => (n < 20 ? n + 1 : n === 20 ? '/text' : n)),
    );
    const history = (await s.api('GET', '/v1/channels/chat%3Abatch/history?reverse=true&limit=3')).body as {
      publications: { data: { text: string } }[];
    };
    expect(history.publications.map(({ data }) => data.text)).toEqual(['39', '38', '37']);
  });
});

describe('docs/openapi.json', () => {
  it('comes from the server too, for whoever has the key', async () => {
    const { status, body } = await s.api('GET', '/v1/openapi.json');
    expect(status).toBe(200);
    expect(Object.keys((body as { paths: object }).paths)).toHaveLength(
      new Set(apiRoutes.map(({ path }) => path)).size,
    );
    expect((await fetch(`${s.url}/v1/openapi.json`)).status).toBe(401);
  });

  it('describes what each route for channels, sessions and calls answered here', () => {
    const answered = apiRoutes
      .filter(({ tag }) => ['Channels', 'Subscriptions', 'Sessions', 'Calls'].includes(tag))
      .flatMap(({ id, answers }) => answers.map(({ status }) => `${id} ${status}`));
    expect([...seenAnswers()]).toEqual(expect.arrayContaining(answered));
  });
});
