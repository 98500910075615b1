import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectBare, type Wire } from '../wire/scene/bare-client.ts';
import { type AnyClient, connectLine, type LineOptions } from './line-client.ts';

export const TRANSPORTS = ['websocket', 'sse', 'poll'] as const;

export type TestTransport = (typeof TRANSPORTS)[number];

/** Where the suite's clients find a server, or several behind one address. */
export type Place = {
  readonly port: number;
  readonly options?: LineOptions;
  api(method: string, path: string, body?: object | string): Promise<{ readonly status: number }>;
  close(): Promise<void>;
};

/** What every transport must do alike. The server has the channels of `CHANNEL_CONFIG`, and heartbeats each 400 ms. */
export function transportSuite(transport: TestTransport, open: () => Promise<Place>): void {
  let place: Place;
  const clients: AnyClient[] = [];
  beforeAll(async () => {
    place = await open();
  });
  afterAll(async () => {
    for (const client of clients) client.drop();
    await place.close();
  });

  async function connect(options: LineOptions = {}, by: TestTransport = transport): Promise<AnyClient> {
    const all = { ...place.options, ...options };
    const client = by === 'websocket' ? await connectBare(place.port, all) : connectLine(place.port, by, all);
    clients.push(client);
    return client;
  }

  async function logIn(user: string, extra: object = {}, by: TestTransport = transport): Promise<AnyClient> {
    const client = await connect({}, by);
    await client.logIn(user, extra);
    client.take();
    return client;
  }

  let request = 0;
  async function ask(client: AnyClient, message: object): Promise<Wire> {
    const i = ++request;
    client.send({ ...message, i });
    return client.waitFor(
      `the answer to ${JSON.stringify(message)}`,
      (each) => each['i'] === i && (each.t === 'ok' || each.t === 'err'),
    );
  }

  const named = (name: string): string => `${name}-${transport}`;

  describe(`over ${transport}`, () => {
    it('[LOG4] [PRE1] [PRE2] logs in, and sees a friend come, change and go', async () => {
      const [ann, ben] = [named('ann'), named('ben')];
      expect((await place.api('POST', '/v1/import', `${ann},${ben}`)).status).toBe(200);
      const viewer = await connect();
      const { token, sync } = await viewer.logIn(ann);
      expect(token).toMatchObject({ resumed: false, v: 1 });
      expect(sync['users']).toEqual([{ username: ben, s: 'Offline' }]);
      const friend = await logIn(ben);
      await viewer.waitFor('o', ({ t }) => t === 'o');
      expect((await ask(friend, { t: 'statusUpdate', s: 'Busy', a: 'Café ☕' })).t).toBe('ok');
      expect(await viewer.waitFor('u', ({ t }) => t === 'u')).toEqual({
        t: 'u',
        id: ben,
        s: 'Busy',
        a: 'Café ☕',
      });
      friend.send({ t: 'logout', i: 1 });
      await viewer.waitFor('x', ({ t }) => t === 'x');
      expect((await friend.closed).code).toBe(4205);
      viewer.drop();
    });

    it('[LOG3] [ERR2] is told why its login is refused, and closed with the code', async () => {
      const client = await connect();
      client.send({ t: 'login', username: 'eve', token: 'forged', i: 1 });
      expect(await client.waitFor('err', ({ t }) => t === 'err')).toMatchObject({
        code: 'token_invalid',
        i: 1,
      });
      expect(await client.waitFor('bye', ({ t }) => t === 'bye')).toMatchObject({
        code: 'token_invalid',
        advice: 'stop',
      });
      expect((await client.closed).code).toBe(4200);
    });

    it('[CHN4] [REC3] [PUB1] gets every publication once, in order, and the answers to its own', async () => {
      const c = `chat:${named('order')}`;
      const reader = await logIn(named('reader'));
      const writer = await logIn(named('writer'));
      expect(await ask(reader, { t: 'sub', c })).toMatchObject({ t: 'ok', o: 0 });
      const answers: Promise<Wire>[] = [];
      for (let at = 1; at <= 20; at++) answers.push(ask(writer, { t: 'pub', c, d: { text: `${at}` } }));
      for (const [at, answer] of (await Promise.all(answers)).entries())
        expect(answer).toMatchObject({ t: 'ok', o: at + 1 });
      await reader.waitFor('the last', (message) => message.t === 'p' && message['o'] === 20);
      const got = reader.take().filter(({ t }) => t === 'p');
      expect(got.map((message) => message['d'])).toEqual(
        Array.from({ length: 20 }, (_, at) => ({ text: `${at + 1}` })),
      );
    });

    it('[RES1] [RES5] [REC1] resumes within the grace on a new connection, and gets what it missed, once', async () => {
      const c = `chat:${named('resume')}`;
      const user = named('res');
      const first = await logIn(user, { v: 1 });
      await ask(first, { t: 'sub', c });
      const writer = await logIn(named('pen'));
      await ask(writer, { t: 'pub', c, d: { text: 'one' } });
      const seen = await first.waitFor('p', ({ t }) => t === 'p');
      const { e } = await ask(first, { t: 'hist', c });
      first.drop();
      for (const text of ['two', 'three']) await ask(writer, { t: 'pub', c, d: { text } });
      const second = await connect();
      const { token, sync } = await second.logIn(user, { resume: first.resumeToken, at: first.at, v: 1 });
      expect(token['resumed']).toBe(true);
      expect(sync['delta']).toBe(true);
      expect(await ask(second, { t: 'sub', c, e, o: seen['o'] })).toMatchObject({ t: 'ok', rec: true, o: 3 });
      const replay = await second.waitFor('ps', ({ t }) => t === 'ps');
      expect((replay['ps'] as { d: unknown }[]).map(({ d }) => d)).toEqual([
        { text: 'two' },
        { text: 'three' },
      ]);
    });

    it.each(TRANSPORTS)(
      '[RES3] moves its session to %s, and the older connection is closed with 4204',
      async (to) => {
        const user = named(`mover-${to}`);
        const first = await logIn(user);
        const second = await connect({}, to);
        const { token } = await second.logIn(user, { resume: first.resumeToken, at: first.at, v: 1 });
        expect(token['resumed']).toBe(true);
        expect((await first.closed).code).toBe(4204);
        second.take();
        expect((await ask(second, { t: 'statusUpdate', s: 'Away' })).t).toBe('ok');
      },
    );

    it('[MAP1] [MAP2] gets a map whole, and its changes', async () => {
      const c = `board:${named('b')}`;
      const one = await logIn(named('m1'));
      await ask(one, { t: 'pub', c, k: 'k', d: { text: 'v' } });
      const two = await logIn(named('m2'));
      const { es } = await ask(two, { t: 'sub', c });
      expect(es).toMatchObject([{ k: 'k', o: 1, d: { text: 'v' } }]);
      await ask(one, { t: 'pub', c, k: 'k', del: true });
      expect(await two.waitFor('p', ({ t }) => t === 'p')).toMatchObject({ k: 'k', o: 2, del: true });
    });

    it('[CALL1] [SIG1] is answered its calls, and gets signals', async () => {
      const client = await logIn(named('caller'));
      expect(await ask(client, { t: 'call', n: 'double', d: 21 * 2 })).toMatchObject({ t: 'ok', d: 84 });
      expect(await ask(client, { t: 'call', n: 'double', d: 3 })).toMatchObject({
        t: 'err',
        code: 'call_failed',
        n: 'odd',
      });
      const c = `cursor:${named('doc')}`;
      await ask(client, { t: 'sub', c });
      await ask(client, { t: 'pub', c, d: { x: 1 } });
      expect(await client.waitFor('sig', ({ t }) => t === 'sig')).toMatchObject({ c, ss: [{ d: { x: 1 } }] });
    });

    it('[MSG2] [CHN3] [ERR1] is refused what is wrong, each with its own code and request', async () => {
      const client = await logIn(named('wrong'));
      expect(await ask(client, { t: 'nonsense' })).toMatchObject({ t: 'err', code: 'unknown_type' });
      expect(await ask(client, { t: 'sub' })).toMatchObject({ t: 'err', code: 'bad_message' });
      expect(await ask(client, { t: 'sub', c: 'closed:x' })).toMatchObject({ t: 'err', code: 'forbidden' });
      expect(await ask(client, { t: 'sub', c: 'tasks:somebody' })).toMatchObject({
        t: 'err',
        code: 'forbidden',
      });
      expect(await ask(client, { t: 'pub', c: 'chat:x', d: { text: 7 } })).toMatchObject({
        code: 'payload_invalid',
        path: '/text',
      });
      await client.settle();
      expect(client.closedWith).toBeNull();
    });

    it('[LIM1] is held to its rate, and told when to send again', async () => {
      const client = await logIn(named('fast'));
      for (let at = 0; at < 400; at++) client.send({ t: 'statusUpdate', i: 10_000 + at });
      expect(await client.waitFor('a refusal', ({ code }) => code === 'rate_limited')).toMatchObject({
        t: 'err',
        retryAfterMs: expect.any(Number),
      });
      client.drop();
    });

    it('[HB1] [HB3] stays while it answers heartbeats, and is closed with 4001 where it does not', async () => {
      const answering = await logIn(named('there'));
      const silent = await connect({ alive: false });
      await silent.logIn(named('silent'));
      expect((await silent.closed).code).toBe(4001);
      expect(silent.received.at(-1)).toMatchObject({ t: 'bye', code: 'heartbeat_missed', advice: 'resume' });
      await answering.settle();
      expect(answering.closedWith).toBeNull();
    });
  });
}
