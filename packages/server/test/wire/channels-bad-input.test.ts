import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BareClient, Wire } from './scene/bare-client.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { CHANNEL_CONFIG } from './scene/channel-config.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
let bystanders: Bystanders;
beforeAll(async () => {
  scene = await openScene(
    { CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000', CARILLON_LIMITS_MESSAGE_BURST: '1000000' },
    { configModule: CHANNEL_CONFIG },
  );
  bystanders = await openBystanders(scene);
});
afterEach(() => bystanders.untouched());
afterAll(() => scene.close());

/** What answers the frame, whose request id is 7. */
async function reply(client: BareClient, frame: string): Promise<Wire> {
  client.take();
  client.send(frame);
  const answer = await client.waitFor(`an answer to ${frame.slice(0, 100)}`, ({ i }) => i === 7);
  client.take();
  return answer;
}

const LONG = 'x'.repeat(10_000);

type Row = [title: string, frame: string, code: string, more?: object];

const REFUSED: Row[] = [
  ['a channel that no pattern fits', '{"t":"sub","i":7,"c":"news"}', 'channel_unknown'],
  ['an empty parameter', '{"t":"sub","i":7,"c":"chat:"}', 'channel_invalid'],
  ['a control character in a name', '{"t":"sub","i":7,"c":"chat:a\\u0007b"}', 'channel_invalid'],
  ['a NUL in a name', '{"t":"pub","i":7,"c":"chat:\\u0000","d":{"text":"x"}}', 'channel_invalid'],
  ['a control character, encoded', '{"t":"sub","i":7,"c":"chat:a%07b"}', 'channel_invalid'],
  ['a lone surrogate in a name', '{"t":"sub","i":7,"c":"chat:\\ud800"}', 'channel_invalid'],
  ['a space that is not encoded', '{"t":"sub","i":7,"c":"chat:a b"}', 'channel_invalid'],
  ['lower-case digits in an encoding', '{"t":"sub","i":7,"c":"chat:a%2fb"}', 'channel_invalid'],
  ['an encoding of what needs none', '{"t":"sub","i":7,"c":"chat:%61"}', 'channel_invalid'],
  ['an encoding that is no UTF-8', '{"t":"sub","i":7,"c":"chat:%FF"}', 'channel_invalid'],
  ['a torn encoding', '{"t":"sub","i":7,"c":"chat:%2"}', 'channel_invalid'],
  ['a name of 10,000 characters', `{"t":"sub","i":7,"c":"chat:${LONG}"}`, 'bad_message'],
  ['a name of 256 characters', `{"t":"sub","i":7,"c":"chat:${LONG.slice(0, 251)}"}`, 'bad_message'],
  ['an empty name', '{"t":"sub","i":7,"c":""}', 'bad_message'],
  ['a name that is a number', '{"t":"sub","i":7,"c":5}', 'bad_message'],
  ['no name', '{"t":"hist","i":7}', 'bad_message'],
  ['somebody else’s channel', '{"t":"sub","i":7,"c":"tasks:alice"}', 'forbidden'],
  ['a channel that no rule opens', '{"t":"sub","i":7,"c":"closed:x"}', 'forbidden'],
  ['a rule that throws', '{"t":"sub","i":7,"c":"throws:x"}', 'unavailable'],
  ['a rule that answers nonsense', '{"t":"sub","i":7,"c":"odd:x"}', 'forbidden'],
  ['a grant that is none', '{"t":"sub","i":7,"c":"closed:x","g":"give-me"}', 'grant_invalid'],
  ['a grant of 10,000 characters', `{"t":"sub","i":7,"c":"chat:x","g":"${LONG}"}`, 'bad_message'],
  ['half a position', '{"t":"sub","i":7,"c":"chat:x","o":1}', 'bad_message'],
  ['half a position to expect', '{"t":"pub","i":7,"c":"chat:x","o":1,"d":{"text":"x"}}', 'bad_message'],
  ['an offset that is negative', '{"t":"sub","i":7,"c":"chat:x","e":"e","o":-1}', 'bad_message'],
  ['an offset beyond any double', '{"t":"sub","i":7,"c":"chat:x","e":"e","o":1e300}', 'bad_message'],
  ['a page of a million', '{"t":"hist","i":7,"c":"chat:x","n":1000000}', 'bad_message'],
  ['a page of none', '{"t":"hist","i":7,"c":"chat:x","n":0}', 'bad_message'],
  ['a page of a million entries', '{"t":"page","i":7,"c":"board:x","n":1000000}', 'bad_message'],
  ['a page of a million members', '{"t":"members","i":7,"c":"chat:x","n":1000000}', 'bad_message'],
  ['a rewind of a million', '{"t":"sub","i":7,"c":"chat:x","last":1000000}', 'bad_message'],
  ['history of an epoch that never was', '{"t":"hist","i":7,"c":"chat:x","e":"never","o":1}', 'conflict'],
  ['history of a signal', '{"t":"hist","i":7,"c":"cursor:x"}', 'kind_mismatch'],
  ['entries of a stream', '{"t":"page","i":7,"c":"chat:x"}', 'kind_mismatch'],
  ['a position on a signal', '{"t":"sub","i":7,"c":"cursor:x","e":"e","o":1}', 'kind_mismatch'],
  ['a key on a stream', '{"t":"pub","i":7,"c":"chat:x","k":"a","d":{"text":"x"}}', 'kind_mismatch'],
  ['a deletion on a stream', '{"t":"pub","i":7,"c":"chat:x","del":true}', 'kind_mismatch'],
  ['a map without a key', '{"t":"pub","i":7,"c":"board:x","d":{"text":"x"}}', 'bad_message'],
  ['an id on a signal', '{"t":"pub","i":7,"c":"cursor:x","id":"a","d":1}', 'kind_mismatch'],
  [
    'an id of 65 characters',
    `{"t":"pub","i":7,"c":"chat:x","id":"${LONG.slice(0, 65)}","d":{"text":"x"}}`,
    'bad_message',
  ],
  ['no payload', '{"t":"pub","i":7,"c":"chat:x"}', 'bad_message'],
  ['a payload of the wrong type', '{"t":"pub","i":7,"c":"chat:x","d":5}', 'payload_invalid', { path: '' }],
  [
    'a payload without a field',
    '{"t":"pub","i":7,"c":"chat:x","d":{}}',
    'payload_invalid',
    { path: '/text' },
  ],
  [
    'a payload that is wrong deep inside',
    '{"t":"pub","i":7,"c":"chat:x","d":{"text":"x","tags":["a",5]}}',
    'payload_invalid',
    { path: '/tags/1/a~1b' },
  ],
  [
    'a payload nested 20,000 deep',
    `{"t":"pub","i":7,"c":"cursor:x","d":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    'payload_invalid',
  ],
  [
    'a payload that is too large',
    `{"t":"pub","i":7,"c":"quick:x","d":{"text":"x","tags":["${LONG}"]}}`,
    'too_large',
  ],
  ['a call that nobody serves', '{"t":"call","i":7,"n":"nothing"}', 'call_unknown'],
  ['a call that every object has', '{"t":"call","i":7,"n":"constructor"}', 'call_unknown'],
  ['a call for 10,000 characters', `{"t":"call","i":7,"n":"${LONG}"}`, 'bad_message'],
  ['a call that may take a year', '{"t":"call","i":7,"n":"never","ms":31536000000}', 'bad_message'],
];

describe('[ERR1] what is wrong with a channel is answered with its code, and costs nobody else anything', () => {
  it.each(REFUSED)('%s', async (_title, frame, code, more = {}) => {
    const client = await scene.logIn('mallory');
    expect(await reply(client, frame)).toMatchObject({ t: 'err', i: 7, code, ...more });
    client.send('{"t":"logout"}');
    await client.closed;
  });

  it(
    '[CHN3] a rule that hangs denies, and holds up nothing but its own channel',
    { timeout: 60_000 },
    async () => {
      const client = await scene.logIn('hanger');
      client.send('{"t":"sub","i":1,"c":"hangs:x"}');
      expect(await reply(client, '{"t":"sub","i":7,"c":"chat:x"}')).toMatchObject({ t: 'ok' });
      const answer = await client.waitFor('the end of the rule', ({ i }) => i === 1);
      expect(answer).toMatchObject({ t: 'err', code: 'unavailable' });
    },
  );

  it('[CHN6] one subscription too many is refused, and one that ended makes room', async () => {
    const client = await scene.logIn('collector');
    for (let n = 1; n <= 256; n++)
      expect(await reply(client, `{"t":"sub","i":7,"c":"chat:many${n}"}`)).toMatchObject({ t: 'ok' });
    const oneMore = '{"t":"sub","i":7,"c":"chat:many257"}';
    expect(await reply(client, oneMore)).toMatchObject({ t: 'err', code: 'limit_reached' });
    client.send('{"t":"unsub","c":"chat:many1"}');
    expect(await reply(client, oneMore)).toMatchObject({ t: 'ok' });
  });
});

describe('positions, ids and answers that do not fit', () => {
  it('[REC1] a position from another epoch, or from the future, is told not to be recovered, and goes on from the top', async () => {
    const client = await scene.logIn('traveller');
    const first = await reply(client, '{"t":"pub","i":7,"c":"chat:time","d":{"text":"one"}}');
    const { e } = first as { e?: string };
    expect(await reply(client, '{"t":"sub","i":7,"c":"chat:time","e":"elsewhere","o":1}')).toMatchObject({
      rec: false,
      why: 'epoch',
      e,
      o: 1,
    });
    expect(await reply(client, `{"t":"sub","i":7,"c":"chat:time","e":"${e}","o":99}`)).toMatchObject({
      rec: false,
      why: 'ahead',
      e,
      o: 1,
    });
    for (let n = 2; n <= 9; n++)
      await reply(client, `{"t":"pub","i":7,"c":"chat:time","echo":false,"d":{"text":"${n}"}}`);
    expect(await reply(client, `{"t":"sub","i":7,"c":"chat:time","e":"${e}","o":1}`)).toMatchObject({
      rec: false,
      why: 'trimmed',
      o: 9,
    });
    await client.settle();
    expect(client.take().filter(({ t }) => t === 'ps')).toEqual([]);
  });

  it('[PUB2] an id that is used again publishes nothing, and with another payload is refused', async () => {
    const client = await scene.logIn('repeater');
    const once = '{"t":"pub","i":7,"c":"chat:once","id":"a","d":{"text":"one"}}';
    const { e } = (await reply(client, once)) as { e?: string };
    expect(await reply(client, once)).toEqual({ t: 'ok', i: 7, e, o: 1, dup: true });
    expect(await reply(client, once.replace('one', 'two'))).toMatchObject({ t: 'err', code: 'id_reused' });
    const other = await scene.logIn('another');
    expect(await reply(other, once)).toMatchObject({ t: 'ok', o: 2 });
  });

  it('[CALL3] an answer that comes twice, or that nobody asked for, is refused', async () => {
    const client = await scene.logIn('answerer');
    const asked = scene.server.api('POST', '/v1/users/answerer/calls/confirm', { input: 'Sure?' });
    const { i, ...call } = await client.waitFor('the call', ({ t }) => t === 'call');
    expect(call).toMatchObject({ t: 'call', n: 'confirm', d: 'Sure?' });
    client.take();
    client.send(`{"t":"re","r":${String(i)},"d":"yes"}`);
    client.send(`{"t":"re","r":${String(i)},"d":"no"}`);
    client.send('{"t":"re","r":424242,"d":"yes"}');
    expect(await asked).toMatchObject({ status: 200, body: { answers: [{ ok: true, output: 'yes' }] } });
    await client.settle();
    expect(client.take()).toMatchObject([
      { t: 'err', code: 'reply_unknown' },
      { t: 'err', code: 'reply_unknown' },
    ]);
  });

  it('[CALL2] a cancel of what is over, or never was, is nothing', async () => {
    const client = await scene.logIn('canceller');
    expect(await reply(client, '{"t":"call","i":7,"n":"double","d":4}')).toMatchObject({ t: 'ok', d: 8 });
    client.send('{"t":"cancel","r":7}');
    client.send('{"t":"cancel","r":8}');
    await client.settle();
    expect(client.take()).toEqual([]);
  });
});
