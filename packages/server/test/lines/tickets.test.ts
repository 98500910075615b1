import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { defineContract, map, signal, stream } from '@carillon/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createTickets } from '../../src/auth/tickets.ts';
import { type Client, type ServerUnderTest, startServer } from '../http-api/server-under-test.ts';

const GRANT_SECRET = 'what grants are signed with, of 32 bytes or more';
/** Rooms that the rule lets nobody into. */
const closed = new Set(['closed']);
const memory = { data: z.string(), durability: 'memory' } as const;

let underTest: ServerUnderTest;
const open: ClientRequest[] = [];
beforeAll(async () => {
  underTest = await startServer({
    config: {
      contract: defineContract({
        channels: {
          'chat:{room}': stream({ ...memory, history: { count: 3 } }),
          'board:{id}': map(memory),
          'mine:{user}': stream(memory),
          'here:{id}': signal({ data: z.string() }),
        },
      }),
      authorize: { 'chat:{room}': ({ params }) => !closed.has(params.room ?? ''), 'board:{id}': () => true },
      grants: { secret: GRANT_SECRET },
      limits: { ticketStreams: 2 },
    },
  });
});
afterAll(async () => {
  for (const request of open) request.destroy();
  await underTest.close();
});

type Following = {
  readonly status: number;
  readonly response: IncomingMessage;
  /** Everything up to here, once this has come. */
  until(text: string): Promise<string>;
  /** Everything, once the server has ended it. */
  readonly ended: Promise<string>;
  drop(): void;
};

/** What an EventSource does, by hand. */
async function follow(ticket: string, headers: Record<string, string> = {}, more = ''): Promise<Following> {
  const request = httpRequest(`${underTest.url}/sse?ticket=${encodeURIComponent(ticket)}${more}`, {
    headers,
  });
  open.push(request);
  request.on('error', () => undefined);
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  let arrived = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  for (const event of ['end', 'error', 'close']) response.on(event, () => ended.resolve(text));
  return {
    status: response.statusCode ?? 0,
    response,
    ended: ended.promise,
    async until(part) {
      while (!text.includes(part)) await arrived.promise;
      return text;
    },
    drop: () => void request.destroy(),
  };
}

let request = 0;
async function ask(client: Client, message: object): Promise<Readonly<Record<string, unknown>>> {
  const i = ++request;
  const { promise, resolve } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  client.socket.on('message', (data: Buffer) => {
    const answer = JSON.parse(data.toString()) as Readonly<Record<string, unknown>>;
    if (answer['i'] === i) resolve(answer);
  });
  client.socket.send(JSON.stringify({ ...message, i }));
  return promise;
}

async function ticketFor(user: string, channel: string): Promise<string> {
  const { body } = await underTest.api('POST', '/v1/tickets', { user, channel });
  return (body as { readonly ticket: string }).ticket;
}

async function publish(channel: string, data: string, more: object = {}): Promise<void> {
  const { status } = await underTest.api('POST', `/v1/channels/${encodeURIComponent(channel)}/publications`, {
    data,
    ...more,
  });
  expect(status).toBe(200);
}

/** The id that an EventSource would send when it comes back. */
function lastId(text: string): string {
  return [...text.matchAll(/^id: (.*)$/gm)].at(-1)![1]!;
}

describe('a stream by ticket', () => {
  it('[TKT1] [TKT2] follows a channel that the session may subscribe to, from now on', async () => {
    const alice = await underTest.logIn('alice');
    await publish('chat:tea', 'before');
    const ok = await ask(alice, { t: 'ticket', c: 'chat:tea' });
    expect(ok).toEqual({ t: 'ok', i: request, g: expect.any(String), until: expect.any(Number) });
    const following = await follow(ok['g'] as string);
    expect(following.status).toBe(200);
    expect(following.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'x-accel-buffering': 'no',
      'cache-control': 'no-cache, no-transform',
    });
    const head = await following.until('\n\n');
    expect(head).toMatch(/^id: .+:1~[\w-]{22}\n\n$/);
    await publish('chat:tea', 'Grüße\n🥣');
    const text = await following.until('🥣');
    const [, id, data] = /^id: (.*)\ndata: (.*)\n\n$/.exec(text.slice(head.length))!;
    expect(id).toMatch(/:2~[\w-]{22}$/);
    expect(JSON.parse(data!)).toEqual({ o: 2, ts: expect.any(Number), d: 'Grüße\n🥣' });
    following.drop();
    alice.socket.terminate();
  });

  it('[TKT2] a reader that comes back with Last-Event-ID, or `from`, gets what it missed, once', async () => {
    const ticket = await ticketFor('bob', 'chat:back');
    const first = await follow(ticket);
    await first.until('\n\n');
    await publish('chat:back', 'one');
    const id = lastId(await first.until('one'));
    first.drop();
    await publish('chat:back', 'two');
    await publish('chat:back', 'three');
    const byHeader = await follow(ticket, { 'last-event-id': id });
    const text = await byHeader.until('three');
    expect([...text.matchAll(/"d":"(\w+)"/g)].map(([, d]) => d)).toEqual(['two', 'three']);
    byHeader.drop();
    const byQuery = await follow(ticket, {}, `&from=${encodeURIComponent(lastId(text))}`);
    await publish('chat:back', 'four');
    expect([...(await byQuery.until('four')).matchAll(/"d":"(\w+)"/g)].map(([, d]) => d)).toEqual(['four']);
    byQuery.drop();
  });

  it('[TKT2] is told what is lost where the history does not reach back, or the epoch is another', async () => {
    const ticket = await ticketFor('carl', 'chat:old');
    const first = await follow(ticket);
    const id = lastId(await first.until('\n\n'));
    first.drop();
    for (const text of ['a', 'b', 'c', 'd', 'e']) await publish('chat:old', text);
    const late = await follow(ticket, { 'last-event-id': id });
    expect(await late.until('event: lost')).toMatch(
      /event: lost\ndata: \{"why":"trimmed","e":".+","o":5\}\n\n/,
    );
    late.drop();
    const foreign = await follow(ticket, { 'last-event-id': 'another-epoch:3' });
    expect(await foreign.until('event: lost')).toContain('"why":"epoch"');
    await publish('chat:old', 'then');
    await foreign.until('"then"');
    foreign.drop();
  });

  it.each(['nonsense', '5', ':5', 'e:-1', 'e:5~', 'e:99999999999999999', `${'e'.repeat(33)}:1`, 'e:1 ~x'])(
    '[TKT2] a Last-Event-ID that is no position is refused: %s',
    async (id) => {
      const { status, ended } = await follow(await ticketFor('dan', 'chat:x'), { 'last-event-id': id });
      expect(status).toBe(400);
      expect(JSON.parse(await ended)).toMatchObject({ code: 'bad_message' });
    },
  );

  it('[TKT2] a map begins with its entries, page by page, and has an id when all are there', async () => {
    for (let at = 0; at < 130; at++)
      await publish('board:b', `value${at}`, { key: `key${String(at).padStart(3, '0')}` });
    const ticket = await ticketFor('eve', 'board:b');
    const following = await follow(ticket);
    const text = await following.until('\nid: ');
    const entries = [...text.matchAll(/^data: (.*)$/gm)].map(
      ([, json]) => (JSON.parse(json!) as { k: string }).k,
    );
    expect(entries).toEqual(Array.from({ length: 130 }, (_, at) => `key${String(at).padStart(3, '0')}`));
    expect(text.indexOf('id: ')).toBeGreaterThan(text.lastIndexOf('data: '));
    await publish('board:b', 'newer', { key: 'key000' });
    const id = lastId(await following.until('newer'));
    following.drop();
    const again = await follow(ticket, { 'last-event-id': id });
    await publish('board:b', 'newest', { key: 'key001' });
    expect(await again.until('newest')).not.toContain('key000');
    again.drop();
    const elsewhere = await follow(ticket, { 'last-event-id': `gone:1~${id.split('~')[1]!}` });
    const whole = await elsewhere.until('\nid: ');
    expect(whole.startsWith('event: lost\ndata: {"why":"epoch"')).toBe(true);
    expect([...whole.matchAll(/"k":"key/g)]).toHaveLength(130);
    elsewhere.drop();
  });

  it('[TKT3] is refused with one answer, whatever is wrong with the ticket', async () => {
    const nowMs = Date.now();
    const own = createTickets(GRANT_SECRET);
    const ticket = {
      id: 'x',
      user: 'fay',
      channel: 'chat:x',
      session: null,
      isByRule: false,
      issuedAtMs: nowMs,
      useByMs: nowMs + 60_000,
      expiresAtMs: nowMs + 60_000,
    };
    expect((await follow(await own.sign(ticket))).status).toBe(200);
    const good = await ticketFor('fay', 'chat:x');
    const { body } = await underTest.api('POST', '/v1/users/fay/grants', { channel: 'chat:x' });
    const wrong = [
      '',
      'nonsense',
      // In the middle of the signature: of the last character not every bit counts.
      `${good.slice(0, -9)}${good.at(-9) === 'x' ? 'y' : 'x'}${good.slice(-8)}`,
      await createTickets('another secret, of thirty-two bytes too').sign(ticket),
      await own.sign({ ...ticket, expiresAtMs: nowMs - 1 }),
      await own.sign({ ...ticket, useByMs: nowMs - 1 }),
      await own.sign({ ...ticket, session: 'no-such-session' }),
      await own.sign({ ...ticket, channel: 'nothing:x' }),
      await own.sign({ ...ticket, channel: 'here:x' }),
      (body as { readonly grant: string }).grant,
    ];
    for (const [at, text] of wrong.entries()) {
      const { status, ended } = await follow(text);
      expect([at, status]).toEqual([at, 401]);
      expect(JSON.parse(await ended)).toEqual({ code: 'ticket_invalid', m: expect.any(String) });
    }
  });

  it('[TKT3] behind its first minute a ticket is only for the one who was sent a stream for it', async () => {
    const nowMs = Date.now();
    const own = createTickets(GRANT_SECRET);
    const used = {
      id: 'used',
      user: 'gil',
      channel: 'chat:gil',
      session: null,
      isByRule: false,
      issuedAtMs: nowMs - 90_000,
      useByMs: nowMs - 30_000,
      expiresAtMs: nowMs + 600_000,
    };
    const ticket = await own.sign(used);
    expect((await follow(ticket)).status).toBe(401);
    expect((await follow(ticket, { 'last-event-id': 'e:1' })).status).toBe(401);
    expect((await follow(ticket, { 'last-event-id': `e:1~${own.proof('another')}` })).status).toBe(401);
    const back = await follow(ticket, { 'last-event-id': `e:1~${own.proof('used')}` });
    expect(back.status).toBe(200);
    back.drop();
  });

  it('[TKT3] ends the stream before, and takes no more than limits.ticketStreams of a user', async () => {
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => ticketFor('hal', 'chat:hal')));
    const first = await follow(one!);
    await first.until('\n\n');
    const again = await follow(one!);
    await again.until('\n\n');
    await first.ended;
    const second = await follow(two!);
    expect(second.status).toBe(200);
    const third = await follow(three!);
    expect(third.status).toBe(409);
    expect(JSON.parse(await third.ended)).toMatchObject({ code: 'limit_reached' });
    second.drop();
    again.drop();
  });

  it('[TKT3] of a session that has ended is refused, and its streams end', async () => {
    const ivy = await underTest.logIn('ivy');
    const { g } = await ask(ivy, { t: 'ticket', c: 'chat:ivy' });
    const following = await follow(g as string);
    await following.until('\n\n');
    await ask(ivy, { t: 'logout' });
    expect((await follow(g as string)).status).toBe(401);
    expect(await following.ended).toContain('event: end\ndata: {"code":"ticket_invalid"}\n\n');
  });

  it('[TKT3] ends with its code where the app takes the right away', async () => {
    const kay = await underTest.logIn('kay');
    const { g } = await ask(kay, { t: 'ticket', c: 'chat:kay' });
    const following = await follow(g as string);
    await following.until('\n\n');
    expect(
      (await underTest.api('DELETE', `/v1/users/kay/subscriptions/${encodeURIComponent('chat:kay')}`)).status,
    ).toBe(204);
    const text = await following.ended;
    expect(text).toContain('event: end\ndata: {"code":"forbidden"}\n\n');
    // The rule lets kay in as before: one who comes back may go on, as one who subscribes again may.
    const back = await follow(g as string, { 'last-event-id': lastId(text) });
    expect(back.status).toBe(200);
    back.drop();
    closed.add('kay');
    expect((await follow(g as string, { 'last-event-id': lastId(text) })).status).toBe(401);
    kay.socket.terminate();
  });

  it.each([
    ['erased', 'user_erased', async (user: string) => underTest.api('DELETE', `/v1/users/${user}`)],
    ['revoked', 'revoked', async (user: string) => underTest.api('POST', `/v1/users/${user}/revoke`, {})],
  ])('[TKT3] of a user who is %s ends with that code at once', async (what, code, end) => {
    const user = `max-${what}`;
    await underTest.api('PUT', `/v1/users/${user}`);
    const following = await follow(await ticketFor(user, 'chat:max'));
    await following.until('\n\n');
    expect((await end(user)).status).toBe(204);
    expect(await following.ended).toContain(`event: end\ndata: {"code":"${code}"}\n\n`);
  });

  it('[TKT1] is given only for what may be subscribed to', async () => {
    const jan = await underTest.logIn('jan');
    expect(await ask(jan, { t: 'ticket', c: 'chat:closed' })).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(await ask(jan, { t: 'ticket', c: 'mine:kim' })).toMatchObject({ t: 'err', code: 'forbidden' });
    expect(await ask(jan, { t: 'ticket', c: 'here:x' })).toMatchObject({ t: 'err', code: 'kind_mismatch' });
    expect(await ask(jan, { t: 'ticket', c: 'what' })).toMatchObject({ t: 'err', code: 'channel_unknown' });
    const { g } = await ask(jan, { t: 'ticket', c: 'mine:jan' });
    const following = await follow(g as string);
    expect(following.status).toBe(200);
    following.drop();
    for (const [body, status] of [
      [{ user: 'jan', channel: 'mine:kim' }, 403],
      [{ user: 'jan', channel: 'here:x' }, 400],
      [{ user: 'jan', channel: 'what' }, 404],
      [{ user: 'jan', channel: 'chat:x', ttlMs: 0 }, 400],
    ] as const)
      expect((await underTest.api('POST', '/v1/tickets', body)).status).toBe(status);
    jan.socket.terminate();
  });

  it('is nobody: no friend sees it come, no session is begun', async () => {
    const following = await follow(await ticketFor('lee', 'chat:lee'));
    await following.until('\n\n');
    expect((await underTest.api('GET', '/v1/users/lee/sessions')).body).toEqual({ sessions: [] });
    expect(underTest.server.node.counts()).toMatchObject({
      streams: expect.any(Number),
      detached: expect.any(Number),
    });
    const before = underTest.server.node.counts().streams;
    following.drop();
    await expect.poll(() => underTest.server.node.counts().streams).toBe(before - 1);
    expect(underTest.server.node.counts().subscriptions).toBeLessThanOrEqual(before - 1);
  });
});
