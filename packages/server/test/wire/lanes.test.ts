import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BareClient, Wire } from './scene/bare-client.ts';
import { CHANNEL_CONFIG } from './scene/channel-config.ts';
import { openScene, type Scene } from './scene/scene.ts';

// What a client that knows only the table of messages has of lanes.

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(
    {
      CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
      CARILLON_LIMITS_MESSAGE_BURST: '1000000',
      CARILLON_LIMITS_LANES_PER_USER: '3',
    },
    { configModule: CHANNEL_CONFIG },
  );
});
afterAll(() => scene.close());

/** What answers the frame, whose request id is 7. */
async function reply(client: BareClient, frame: string): Promise<Wire> {
  const from = client.received.length;
  client.send(frame);
  return client.waitFor(
    `an answer to ${frame}`,
    (message) => message['i'] === 7 && client.received.indexOf(message) >= from,
  );
}

async function texts(client: BareClient, channel: string): Promise<unknown[]> {
  const { ps } = await reply(client, `{"t":"hist","i":7,"c":"${channel}"}`);
  return (ps as { d: { text: string } }[]).map(({ d }) => d.text);
}

describe('lanes', () => {
  it('[PUB7] a number is published once, told with its position; what is below it is not published, and told without one', async () => {
    const client = await scene.logIn('queuer');
    const one = '{"t":"pub","i":7,"c":"chat:l1","q":"tab-1","n":1,"d":{"text":"one"}}';
    const four = '{"t":"pub","i":7,"c":"chat:l1","q":"tab-1","n":4,"d":{"text":"four"}}';
    const { e } = (await reply(client, one)) as { e?: string };
    expect(await reply(client, one)).toEqual({ t: 'ok', i: 7, e, o: 1, dup: true });
    expect(await reply(client, four)).toEqual({ t: 'ok', i: 7, e, o: 2 });
    for (const n of [1, 2, 3])
      expect(
        await reply(client, `{"t":"pub","i":7,"c":"chat:l1","q":"tab-1","n":${n},"d":{"text":"late"}}`),
      ).toEqual({ t: 'ok', i: 7, dup: true });
    expect(await reply(client, four)).toEqual({ t: 'ok', i: 7, e, o: 2, dup: true });
    expect(await texts(client, 'chat:l1')).toEqual(['one', 'four']);
  });

  it('[PUB7] another queue, user or channel is another lane', async () => {
    const client = await scene.logIn('first');
    const other = await scene.logIn('second');
    const frame = '{"t":"pub","i":7,"c":"chat:l2","q":"q","n":1,"d":{"text":"x"}}';
    expect(await reply(client, frame)).toMatchObject({ o: 1 });
    expect(await reply(other, frame)).not.toHaveProperty('dup');
    expect(await reply(client, frame.replace('"q":"q"', '"q":"r"'))).toMatchObject({ o: 3 });
    expect(await reply(client, frame.replace('l2', 'l3'))).toMatchObject({ o: 1 });
    expect(await reply(client, frame)).toMatchObject({ o: 1, dup: true });
  });

  it('[PUB7] [PUB3] what was refused did not use up its number, and a repetition of what worked works', async () => {
    const client = await scene.logIn('careful');
    const frame = '{"t":"pub","i":7,"c":"chat:l4","q":"q","n":1,"e":"x","o":0,"d":{"text":"x"}}';
    const early = frame.replace('"o":0', '"o":5');
    expect(await reply(client, early)).toMatchObject({ t: 'err', code: 'conflict' });
    const long = frame.replace('"text":"x"', '"text":"longer than ten"');
    expect(await reply(client, long)).toMatchObject({ code: 'payload_invalid' });
    expect(await reply(client, frame)).toMatchObject({ t: 'ok', o: 1 });
    expect(await reply(client, frame)).toMatchObject({ t: 'ok', o: 1, dup: true });
  });

  it('[PUB7] [MAP3] what was dropped as outdated is not taken later', async () => {
    const client = await scene.logIn('mapper');
    const set = (n: number, ver: number) =>
      `{"t":"pub","i":7,"c":"board:l","k":"a","ver":${ver},"q":"q","n":${n},"d":{"text":"v${ver}"}}`;
    expect(await reply(client, set(1, 5))).toMatchObject({ o: 1 });
    expect(await reply(client, set(2, 4))).toMatchObject({ o: 1, old: true });
    expect(await reply(client, '{"t":"pub","i":7,"c":"board:l","k":"a","del":true}')).toMatchObject({ o: 2 });
    expect(await reply(client, set(2, 4))).toEqual({ t: 'ok', i: 7, dup: true });
    expect(await reply(client, '{"t":"page","i":7,"c":"board:l"}')).toMatchObject({ es: [] });
  });

  it('[PUB7] one lane more than a user may have on a channel is refused, and nothing else', async () => {
    const client = await scene.logIn('spender');
    const lane = (q: string) => `{"t":"pub","i":7,"c":"chat:l5","q":"${q}","n":1,"d":{"text":"x"}}`;
    for (const q of ['a', 'b', 'c']) expect(await reply(client, lane(q))).toMatchObject({ t: 'ok' });
    expect(await reply(client, lane('d'))).toMatchObject({ t: 'err', code: 'limit_reached' });
    expect(await reply(client, lane('c'))).toMatchObject({ t: 'ok', o: 3, dup: true });
    expect(await reply(client, lane('d').replace('l5', 'l6'))).toMatchObject({ t: 'ok', o: 1 });
    expect(await reply(client, '{"t":"pub","i":7,"c":"chat:l5","d":{"text":"x"}}')).toMatchObject({ o: 4 });
  });

  it.each([
    ['a queue without a number', '"q":"q"', 'bad_message'],
    ['a number without a queue', '"n":1', 'bad_message'],
    ['number 0', '"q":"q","n":0', 'bad_message'],
    ['a negative number', '"q":"q","n":-1', 'bad_message'],
    ['half a number', '"q":"q","n":1.5', 'bad_message'],
    ['a number too large to count with', '"q":"q","n":1e300', 'bad_message'],
    ['a number that is a text', '"q":"q","n":"1"', 'bad_message'],
    ['an empty queue', '"q":"","n":1', 'bad_message'],
    ['a queue that is too long', `"q":"${'q'.repeat(65)}","n":1`, 'bad_message'],
    ['an id beside it', '"q":"q","n":1,"id":"a"', 'bad_message'],
  ])('[PUB7] %s is refused', async (_what, fields, code) => {
    const client = await scene.logIn('confused');
    const answer = await reply(client, `{"t":"pub","i":7,"c":"chat:l7",${fields},"d":{"text":"x"}}`);
    expect(answer).toMatchObject({ t: 'err', code });
    expect(await texts(client, 'chat:l7')).toEqual([]);
  });

  it('[PUB7] a signal has none', async () => {
    const client = await scene.logIn('waver');
    expect(await reply(client, '{"t":"pub","i":7,"c":"cursor:x","q":"q","n":1,"d":1}')).toMatchObject({
      code: 'kind_mismatch',
    });
  });

  it('[PUB7] kill -9 before the answer came: sent again to the process that follows, each is there once', async () => {
    const client = await scene.logIn('survivor');
    const frame = (n: number) => `{"t":"pub","i":7,"c":"kept:l","q":"disk","n":${n},"d":{"text":"${n}"}}`;
    const { e } = await reply(client, frame(1));
    for (let n = 2; n <= 60; n++) client.send(frame(n));
    // Some are answered, and the rest is somewhere between the socket and the disk.
    await client.waitFor('some answers', ({ o }) => o === 5);
    await scene.stop('SIGKILL');
    await client.closed;
    await scene.restart();
    const again = await scene.logIn('survivor');
    const answers: Wire[] = [];
    for (let n = 1; n <= 60; n++) answers.push(await reply(again, frame(n)));
    expect(answers.map(({ t }) => t)).toEqual(answers.map(() => 'ok'));
    expect(answers[59]).toMatchObject({ e, o: 60 });
    expect(await texts(again, 'kept:l')).toEqual(Array.from({ length: 60 }, (_, i) => String(i + 1)));
  });
});

it('[CALL6] a call’s id is handed to the function as its key, and a call that is sent again is served again', async () => {
  const client = await scene.logIn('keyholder');
  const frame = '{"t":"call","i":7,"n":"keyed","id":"order-1"}';
  expect(await reply(client, frame)).toMatchObject({ t: 'ok', d: { key: 'order-1', served: 1 } });
  expect(await reply(client, frame)).toMatchObject({ t: 'ok', d: { key: 'order-1', served: 2 } });
  expect(await reply(client, '{"t":"call","i":7,"n":"keyed"}')).toMatchObject({
    t: 'ok',
    d: { key: null, served: 3 },
  });
});
