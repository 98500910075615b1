import { gzipSync } from 'node:zlib';
import { ERRORS } from '@carillon/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerUnderTest, startServer } from './server-under-test.ts';

let s: ServerUnderTest;
beforeAll(async () => {
  s = await startServer({ config: { limits: { followsPerUser: 3, importBytes: 400_000 } } });
});
afterAll(() => s.close());

const error = (code: string): object => ({ error: { code, message: expect.any(String) } });
const create = (...users: string[]): Promise<unknown> =>
  Promise.all(users.map((user) => s.api('PUT', `/v1/users/${user}`)));
const follows = async (user: string): Promise<unknown> =>
  (await s.api('GET', `/v1/users/${user}/follows`)).body;

describe('edges', () => {
  it('a follow changes something once, and an unfollow takes it back', async () => {
    await create('a', 'b');
    expect(await s.api('PUT', '/v1/users/a/follows/b')).toMatchObject({
      status: 200,
      body: { changed: true },
    });
    expect(await s.api('PUT', '/v1/users/a/follows/b')).toMatchObject({
      status: 200,
      body: { changed: false },
    });
    expect(await follows('a')).toEqual({ follows: ['b'] });
    expect(await s.api('DELETE', '/v1/users/a/follows/b')).toMatchObject({
      status: 200,
      body: { changed: true },
    });
    expect(await follows('a')).toEqual({ follows: [] });
  });

  it('act on open sessions at once: a follow shows a friend, a block takes them away', async () => {
    await create('viewer', 'shown');
    const viewer = await s.logIn('viewer');
    await s.logIn('shown');
    await s.api('PUT', '/v1/users/viewer/follows/shown');
    expect(await viewer.next('o')).toEqual({ t: 'o', id: 'shown', s: 'Online' });
    expect(await s.api('PUT', '/v1/users/shown/blocks/viewer')).toMatchObject({ body: { changed: true } });
    expect(await viewer.next('sync')).toMatchObject({ delta: true, gone: ['shown'] });
    expect(await follows('viewer')).toEqual({ follows: [] });
    await s.api('DELETE', '/v1/users/shown/blocks/viewer');
    expect(await follows('viewer')).toEqual({ follows: ['shown'] });
  });

  it('oneself, the unknown and the one too many are refused', async () => {
    await create('x', 'x1', 'x2', 'x3', 'x4');
    expect(await s.api('PUT', '/v1/users/x/follows/x')).toMatchObject({
      status: 400,
      body: error('self_follow'),
    });
    expect(await s.api('PUT', '/v1/users/x/blocks/x')).toMatchObject({
      status: 400,
      body: error('self_follow'),
    });
    expect(await s.api('PUT', '/v1/users/x/follows/ghost')).toMatchObject({
      status: 404,
      body: error('user_unknown'),
    });
    for (const other of ['x1', 'x2', 'x3']) await s.api('PUT', `/v1/users/x/follows/${other}`);
    expect(await s.api('PUT', '/v1/users/x/follows/x4')).toMatchObject({
      status: 409,
      body: error('limit_reached'),
    });
  });

  it('a close friend is one until that is taken back', async () => {
    await create('c', 'd');
    expect(await s.api('PUT', '/v1/users/c/close/d')).toMatchObject({ body: { changed: true } });
    expect((await s.api('GET', '/v1/users/c/export')).body).toMatchObject({ close: ['d'] });
    expect(await s.api('DELETE', '/v1/users/c/close/d')).toMatchObject({ body: { changed: true } });
    expect((await s.api('GET', '/v1/users/c/export')).body).toMatchObject({ close: [] });
  });
});

describe('a roster that the app keeps', () => {
  it('is read from the hook, refreshed on request, and not edited here', async () => {
    let kept = ['f1'];
    const hooked = await startServer({ config: { presence: { followsOf: () => kept } } });
    try {
      for (const user of ['me', 'f1', 'f2']) await hooked.api('PUT', `/v1/users/${user}`);
      const me = await hooked.logIn('me');
      await hooked.logIn('f2');
      kept = ['f1', 'f2'];
      expect(await hooked.api('POST', '/v1/users/me/roster/refresh')).toMatchObject({ status: 204 });
      expect(await me.next('sync')).toMatchObject({
        users: expect.arrayContaining([{ username: 'f2', s: 'Online' }]),
      });
      expect(await hooked.api('PUT', '/v1/users/me/follows/f1')).toMatchObject({
        status: 409,
        body: error('roster_external'),
      });
      expect(await hooked.api('POST', '/v1/import', 'me,f1\n')).toMatchObject({
        status: 409,
        body: error('roster_external'),
      });
    } finally {
      await hooked.close();
    }
  });
});

describe('bulk import', () => {
  it('takes CSV with or without a header, quotes, CRLF, a BOM and no last line break', async () => {
    const csv = '\ufefffollower,followee\r\ni1,i2\r\n"i,1","say ""hi"""\r\n\r\ni2,i1';
    expect(await s.api('POST', '/v1/import', csv)).toMatchObject({
      status: 200,
      body: { edges: 3, added: 3, users: 4 },
    });
    expect(await follows('i%2C1')).toEqual({ follows: ['say "hi"'] });
    expect(await s.api('POST', '/v1/import', csv)).toMatchObject({ body: { edges: 3, added: 0, users: 0 } });
  });

  it('leaves out what goes beyond the limit of follows, and says how much', async () => {
    expect(await s.api('POST', '/v1/import', 'l,l1\nl,l2\nl,l3\nl,l4\nl,l5\nl,l1\n')).toMatchObject({
      status: 200,
      body: { edges: 6, added: 3, users: 4, refused: 2 },
    });
    expect(await follows('l')).toEqual({ follows: ['l1', 'l2', 'l3'] });
  });

  it('takes gzip, both directions of a line, and NDJSON', async () => {
    expect(await s.api('POST', '/v1/import?mutual=true', gzipSync('g1,g2\n'))).toMatchObject({
      body: { edges: 2, added: 2 },
    });
    const response = await fetch(`${s.url}/v1/import`, {
      method: 'POST',
      headers: { authorization: 'Bearer an-api-key-of-some-length', 'content-type': 'application/x-ndjson' },
      body: '["n1","n2"]\n{"follower":"n2","followee":"n1"}\n',
    });
    expect(await response.json()).toEqual({ edges: 2, added: 2, users: 2, refused: 0 });
  });

  it('reaches open sessions', async () => {
    await create('late', 'star');
    const late = await s.logIn('late');
    await s.logIn('star');
    await s.api('POST', '/v1/import', 'late,star\n');
    expect(await late.next('sync')).toMatchObject({ users: [{ username: 'star', s: 'Online' }] });
  });

  it.each([
    ['one field', 'a,b\nc\n', 'bad_message', 'line 2'],
    ['three fields', 'a,b,c\n', 'bad_message', 'line 1'],
    ['an empty id', 'a,\n', 'user_id_invalid', 'line 1'],
    ['oneself', 'a,b\n\na,a\n', 'self_follow', 'line 3'],
    ['a quote in the wrong place', 'a"b,c\n', 'bad_message', 'line 1'],
    ['a control character', 'a,b\u0007\n', 'user_id_invalid', 'line 1'],
    ['an id of 300 characters', `a,${'x'.repeat(300)}\n`, 'user_id_invalid', 'line 1'],
    ['bytes that are no UTF-8', new Uint8Array([0x61, 0x2c, 0xff, 0x0a]), 'bad_message', 'line 1'],
    ['gzip that ends early', gzipSync('a,b\n'.repeat(999)).subarray(0, 20), 'bad_message', 'line'],
    ['a line without an end', `a,${'x'.repeat(9_000)}`, 'too_large', 'line 1'],
  ] as const)('%s is refused with its line', async (_name, body, code, where) => {
    const answer = await s.api('POST', '/v1/import', body);
    expect(answer).toMatchObject({ status: ERRORS[code].http, body: error(code) });
    expect(JSON.stringify(answer.body)).toContain(where);
  });

  it('what unpacks to more than the limit is refused, however small it was sent', async () => {
    const bomb = gzipSync('a,b\n'.repeat(1_000_000));
    expect(bomb.length).toBeLessThan(50_000);
    expect(await s.api('POST', '/v1/import', bomb)).toMatchObject({ status: 413, body: error('too_large') });
  });

  it('says how many edges before a wrong line are stored, and they are', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `k${i},hub`).join('\n');
    const answer = await s.api('POST', '/v1/import', `${many}\nk1,k2\nbroken\n`);
    expect(answer).toMatchObject({ status: 400, body: error('bad_message') });
    expect(JSON.stringify(answer.body)).toContain('line 20002');
    expect(JSON.stringify(answer.body)).toContain('20000 edges before it are stored');
    expect(await follows('k19999')).toEqual({ follows: ['hub'] });
  });

  it('one at a time: a second is told to come again', async () => {
    const body = new TransformStream<Uint8Array, Uint8Array>();
    const writer = body.writable.getWriter();
    const first = fetch(`${s.url}/v1/import`, {
      method: 'POST',
      headers: { authorization: 'Bearer an-api-key-of-some-length' },
      body: body.readable,
      duplex: 'half',
    });
    await writer.write(Buffer.from('s1,s2\n'));
    await expect
      .poll(() => s.api('POST', '/v1/import', 's3,s4\n'))
      .toMatchObject({
        status: 503,
        body: { error: { code: 'unavailable', retryAfterMs: expect.any(Number) } },
      });
    await writer.close();
    expect((await first).status).toBe(200);
    expect(await s.api('POST', '/v1/import', 's3,s4\n')).toMatchObject({ status: 200 });
  });

  it('an upload that breaks off leaves the way free for the next', async () => {
    const body = new TransformStream<Uint8Array, Uint8Array>();
    const writer = body.writable.getWriter();
    const aborted = new AbortController();
    const first = fetch(`${s.url}/v1/import`, {
      method: 'POST',
      headers: { authorization: 'Bearer an-api-key-of-some-length' },
      body: body.readable,
      duplex: 'half',
      signal: aborted.signal,
    });
    await writer.write(Buffer.from('t1,t2\n'));
    aborted.abort();
    await expect(first).rejects.toThrow();
    await expect.poll(() => s.api('POST', '/v1/import', 't3,t4\n')).toMatchObject({ status: 200 });
  });
});
